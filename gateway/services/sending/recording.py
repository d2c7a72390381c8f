"""Record: a batch of sealed messages with their rows, in the transaction that accepts them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.cases.kind import Family
from gateway.cases.kinds import CATALOGUE
from gateway.cases.threads.retention import may_say
from gateway.errors import ConflictError
from gateway.services.sending.cargo import Load
from gateway.services.sending.delivery import load_of
from gateway.services.sending.sealing import Ready
from gateway.store import attachments as blobs
from gateway.store import marks, messages, retentions
from gateway.store.database import Transaction
from gateway.store.outbox import claiming, queueing
from keys.suite import MemberId


def check_not_overtaken(tx: Transaction, ready: Sequence[Ready]) -> None:
    """Hold messages against what was stored since they were drafted, by whichever daemon.

    Two that speak in one case at once must not both be right, nothing is said in a case that was
    restricted or purged meanwhile, and what was recalled is not passed on. Raises ConflictError
    ``overtaken``.
    """
    lowest: dict[bytes, int] = {}
    for message in (item.message for item in ready):
        if message.seq > 1 or message.in_reply_to:
            lowest[message.case_id] = min(message.seq, lowest.get(message.case_id, message.seq))
    passed = {(made.sender, made.message_id) for item in ready for made in item.disclosed}
    if not lowest and not passed:
        return
    sender = ready[0].message.sender
    newest = messages.newest_seqs(tx, sender, lowest)
    moved = any(newest.get(case, 0) >= lowest[case] for case in lowest)
    known = retentions.of_cases(tx, lowest)
    for message in (item.message for item in ready if item.message.case_id in known):
        kind = CATALOGUE.get(message.kind)
        family = Family.OWN if kind is None else kind.family
        moved |= not may_say(known[message.case_id].standing, message.kind, family)
    if moved or marks.recalls_of(tx, passed):
        raise ConflictError("overtaken", "the case moved while this was written: look, and repeat")


def record(
    tx: Transaction, good: Sequence[Ready], leases: Mapping[bytes, Sequence[int]], now: int
) -> tuple[list[Load], set[MemberId]]:
    """Store messages with their rows; return what is leased to lanes, and for whom rows wait."""
    if not good:
        return [], set()
    numbers = messages.record_outgoing(tx, [item.message for item in good])
    queued: list[tuple[queueing.Queueing, queueing.NewRow]] = []
    messages_of: list[messages.NewMessage] = []
    lengths: list[int] = []
    for item, number in zip(good, numbers, strict=True):
        message = item.message
        shared = queueing.Queueing(
            message_row=number, priority=message.priority, now=now, expires_at=message.expires_at
        )
        queued += [
            (shared, replace(row, lease_until=until))
            for row, until in zip(item.rows, leases[message.message_id], strict=True)
        ]
        messages_of += [message] * len(item.rows)
        lengths += [item.reserved] * len(item.rows)
        if item.blob_ids:
            named = message.sender, message.message_id
            blobs.name(tx, blobs.OWN, named, item.blob_ids, now)
    row_ids = queueing.enqueue(tx, queued)
    loads: list[Load] = []
    for (shared, row), message, reserved in zip(queued, messages_of, lengths, strict=True):
        if row.lease_until:
            row_id = row_ids[shared.message_row, row.recipient]
            load = load_of(claiming.claimed(row_id, shared, row, message))
            load.reserved = reserved
            loads.append(load)
    return loads, {MemberId(row.recipient) for _, row in queued if not row.lease_until}
