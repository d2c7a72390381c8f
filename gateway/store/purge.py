"""Purge: forget what is done and old enough, a whole conversation at a time.

Done is an own message whose every delivery ended, and a received one that was acknowledged: the
house has it. A case in which something was asked is kept whatever its age: what stays of it would
fold to another state ("Retention" in SPEC says what ends it). The audit log keeps its entries.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Exists, delete, exists, func, or_, select, tuple_

from gateway.cases.threads.retention import Standing, is_conduct
from gateway.store import attachments, retentions, sealings, threads
from gateway.store.database import Transaction
from gateway.store.messages import IN, OUT, SERVICE
from gateway.store.schema import (
    attached,
    disclosures,
    exhibited,
    marks,
    messages,
    outbox,
)

REPEATS_S = 14 * 86_400
"""How long after its expiry a message is kept in any case: a repeat still meets its receipt."""
_AT_ONCE = 500
"""Rows that one statement names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """All messages of a case in which nothing was asked: they go together, or stay."""

    case_id: bytes
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What some of the stored messages, in the order of storing, are to a purge."""

    service: tuple[int, ...]
    """The rows that may go of what the node received for itself."""
    conversations: tuple[Conversation, ...]
    """What is done and old enough, as far as its messages say."""
    unacknowledged: int
    """How many of those that are old enough stay, because nobody has acknowledged them."""
    after: int | None
    """After which row to look on; None where the others are not old enough."""


def look(tx: Transaction, *, after: int, now: int, retention_s: int, limit: int) -> Look:
    """Look at messages after row ``after``, ``limit`` at most, and at the cases they are in."""
    names = ("row_id", "case_id", "direction", "stored_at", "expires_at", "acknowledged_at")
    statement = select(*(messages.c[name] for name in names)).where(messages.c.row_id > after)
    rows = tx.execute(statement.order_by(messages.c.row_id).limit(limit)).all()
    old = [row for row in rows if row.stored_at <= now - retention_s]
    whole = len(rows) == limit and len(old) == limit
    cases = {bytes(row.case_id) for row in old if row.direction != SERVICE}
    return Look(
        service=tuple(
            row.row_id
            for row in old
            if row.direction == SERVICE and row.expires_at <= now - REPEATS_S
        ),
        conversations=tuple(_conversations(tx, cases, now, retention_s)),
        unacknowledged=sum(row.direction == IN and row.acknowledged_at is None for row in old),
        after=rows[-1].row_id if whole else None,
    )


def _conversations(
    tx: Transaction, cases: Collection[bytes], now: int, retention_s: int
) -> Iterable[Conversation]:
    """Yield those of some cases that are done and old enough, each of their messages."""
    names = ("row_id", "case_id", "direction", "kind", "expires_at", "acknowledged_at")
    statement = select(*(messages.c[name] for name in names)).where(
        messages.c.case_id.in_(cases), messages.c.direction != SERVICE
    )
    rows = tx.execute(statement.order_by(messages.c.row_id)).all()
    kept = {bytes(row.case_id) for row in rows if is_conduct(row.kind)}
    kept |= {
        case_id
        for case_id, decided in retentions.of_cases(tx, cases).items()
        if decided.standing is not Standing.OPEN or decided.keep_until > now
    }
    ended = _ended(tx, [row.row_id for row in rows if row.direction == OUT])
    found: dict[bytes, list[int]] = {}
    for row in rows:
        done_at = row.acknowledged_at if row.direction == IN else ended.get(row.row_id)
        late = row.expires_at <= now - REPEATS_S
        if done_at is None or done_at > now - retention_s or not late:
            kept.add(bytes(row.case_id))
        found.setdefault(bytes(row.case_id), []).append(row.row_id)
    for case_id, of_case in found.items():
        if case_id not in kept:
            yield Conversation(case_id=case_id, rows=tuple(of_case))


def forget(tx: Transaction, rows: Sequence[int]) -> None:
    """Delete messages with their deliveries; attachments that only they name are named no more.

    What is not named is swept as an upload is that no message ever named.
    """
    for start in range(0, len(rows), _AT_ONCE):
        _forget(tx, rows[start : start + _AT_ONCE])


def _forget(tx: Transaction, rows: Sequence[int]) -> None:
    columns = messages.c.sender, messages.c.message_id
    named_so = tx.execute(select(*columns).where(messages.c.row_id.in_(rows))).all()
    names = [(row.sender, bytes(row.message_id)) for row in named_so]
    attachments.let_go(tx, rows)
    tx.execute(delete(attached).where(attached.c.message_row.in_(rows)))
    delivered = select(outbox.c.row_id).where(outbox.c.message_row.in_(rows))
    sealings.forget(tx, list(tx.execute(delivered).scalars()))
    tx.execute(delete(outbox).where(outbox.c.message_row.in_(rows)))
    threads.forget(tx, rows)
    tx.execute(delete(messages).where(messages.c.row_id.in_(rows)))
    _forget_remarks(tx, names)


def _forget_remarks(tx: Transaction, names: Collection[tuple[str, bytes]]) -> None:
    """Delete what was noted of messages that are gone.

    A disclosure stays as long as either side of it is here: by it a message that passes something
    on is still known as others', and a recall finds its way. So does a recall that came before its
    message, as long as it is here itself.
    """
    ids = [message_id for _, message_id in names]
    about = tuple_(exhibited.c.sender, exhibited.c.message_id)
    tx.execute(delete(exhibited).where(about.in_(names)))
    about = tuple_(marks.c.sender, marks.c.message_id)
    tx.execute(
        delete(marks).where(
            or_(about.in_(names), tuple_(marks.c.sender, marks.c.marked_by).in_(names)),
            ~_is_here(marks.c.sender, marks.c.message_id),
            ~(_is_here(marks.c.sender, marks.c.marked_by) & marks.c.due_at.is_not(None)),
        )
    )
    about = tuple_(disclosures.c.sender, disclosures.c.message_id)
    carried = exists().where(
        messages.c.message_id == disclosures.c.carrier_id, messages.c.direction == OUT
    )
    tx.execute(
        delete(disclosures).where(
            or_(about.in_(names), disclosures.c.carrier_id.in_(ids)),
            ~_is_here(disclosures.c.sender, disclosures.c.message_id),
            ~carried,
        )
    )


def _is_here(sender: Column[str], message_id: Column[bytes]) -> Exists:
    return exists().where(messages.c.message_id == message_id, messages.c.sender == sender)


def _ended(tx: Transaction, rows: Collection[int]) -> dict[int, int]:
    """Return when the last delivery of each of these messages ended, for those that all did."""
    statement = (
        select(outbox.c.message_row, func.max(outbox.c.settled_at))
        .where(outbox.c.message_row.in_(rows))
        .group_by(outbox.c.message_row)
        .having(func.count() == func.count(outbox.c.settled_at))
    )
    return {row[0]: row[1] for row in tx.execute(statement)}
