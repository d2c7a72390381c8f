"""What a relay holds for others: copies of envelopes, unopened, until the next hop signs for them.

A copy is one recipient's stanza with the envelope that all copies of it share. After it is handed
on its row stays until the message expires, to bring back what became of it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from gateway.protocol.envelope import MAX_PRIORITY
from gateway.store import news
from gateway.store.claims import choose
from gateway.store.database import Transaction
from gateway.store.engine import CUSTODY, InsertNew, lock
from gateway.store.news import Topic
from gateway.store.schema import custody, mailboxes, relayed, relayed_blobs

LATE_S = 86_400
"""How long after its expiry a copy's way back is remembered."""


class CustodyState(StrEnum):
    """Where a copy stands with this relay; each says who moves it on."""

    HELD = "held"
    """It waits to be pushed on or collected. A lane, or the recipient, claims it."""
    LEASED = "leased"
    """Pushed, or collected and not yet confirmed. A crash leaves the lease; then it is held."""
    HANDED_ON = "handed_on"
    """The next hop signed for it; the envelope is dropped. The row waits for the return."""
    ENDED = "ended"
    """Refused, or expired, or given up: the envelope is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCopy:
    """A copy to take over."""

    envelope_id: bytes
    message_id: bytes
    recipient: str
    previous_hop: str
    hops: tuple[str, ...]
    stanza_digest: bytes
    seal_kid: bytes
    wrapped: bytes
    sealed_bytes: int
    priority: int
    expires_at: int
    receipt: bytes
    """The custody receipt that the previous hop gets, and gets again."""
    header: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCopy:
    """A copy without its envelope."""

    row_id: int
    relayed_row: int | None
    envelope_id: bytes
    message_id: bytes
    recipient: str
    previous_hop: str
    hops: tuple[str, ...]
    stanza_digest: bytes
    seal_kid: bytes
    wrapped: bytes
    sealed_bytes: int
    state: CustodyState
    attempts: int
    expires_at: int
    custodian: str
    receipt: bytes
    outcome: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedCopy(HeldCopy):
    """A copy under lease, with its envelope."""

    header: bytes
    body: bytes


_ENVELOPE = InsertNew(relayed, ["envelope_id"])
_COPY = InsertNew(
    custody,
    ["envelope_id", "recipient", "stanza_digest", "previous_hop"],
    returning=[custody.c.row_id, custody.c.envelope_id, custody.c.recipient],
)
_LINK = InsertNew(relayed_blobs, ["relayed_row", "blob_row"])
_LEASED: ColumnElement[str] = literal_column(
    f"'{CustodyState.LEASED}'"
)  # spelt out, or a partial index is not seen
COLUMNS = [custody.c[name] for name in HeldCopy.__dataclass_fields__]
_DUE = (
    select(custody.c.row_id, custody.c.sealed_bytes)
    .where(
        custody.c.recipient == bindparam("recipient"),
        custody.c.state == CustodyState.HELD,
        custody.c.due_at <= bindparam("now"),
        custody.c.expires_at > bindparam("now"),
    )
    .order_by(custody.c.rank, custody.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def take(tx: Transaction, copies: Sequence[NewCopy], now: int) -> set[tuple[bytes, str]]:
    """Take copies over; return (envelope id, recipient) of those that are new."""
    if not copies:
        return set()
    lock(tx, CUSTODY)
    envelopes = {item.envelope_id: item for item in copies}
    rows = [
        {"envelope_id": item.envelope_id, "header": item.header, "body": item.body}
        for item in envelopes.values()
    ]
    tx.execute(_ENVELOPE.on(tx), rows)
    numbers = _numbers(tx, list(envelopes))
    values = [
        {
            "relayed_row": numbers[item.envelope_id],
            "envelope_id": item.envelope_id,
            "message_id": item.message_id,
            "recipient": item.recipient,
            "previous_hop": item.previous_hop,
            "hops": " ".join(item.hops),
            "stanza_digest": item.stanza_digest,
            "seal_kid": item.seal_kid,
            "wrapped": item.wrapped,
            "sealed_bytes": item.sealed_bytes,
            "state": CustodyState.HELD,
            "rank": MAX_PRIORITY - item.priority,
            "due_at": now,
            "expires_at": item.expires_at,
            "attempts": 0,
            "code": "",
            "custodian": "",
            "receipt": item.receipt,
        }
        for item in copies
    ]
    went_in = {(row.envelope_id, row.recipient) for row in tx.execute(_COPY.on(tx), values)}
    for item in copies:
        if (item.envelope_id, item.recipient) in went_in:
            _account(tx, item.recipient, 1, item.sealed_bytes)
    if went_in:
        news.tell(tx, Topic.CUSTODY, [recipient for _, recipient in went_in])
    return went_in


def link_blobs(tx: Transaction, envelope_id: bytes, blob_rows: Collection[int]) -> None:
    """Keep these attachments for as long as the envelope is held."""
    number = _numbers(tx, [envelope_id]).get(envelope_id)
    if number is not None and blob_rows:
        rows = [{"relayed_row": number, "blob_row": row} for row in blob_rows]
        tx.execute(_LINK.on(tx), rows)


def linked_blobs(tx: Transaction, envelope_id: bytes) -> list[int]:
    """Return the rows of the attachments held for an envelope."""
    number = _numbers(tx, [envelope_id]).get(envelope_id)
    statement = select(relayed_blobs.c.blob_row).where(relayed_blobs.c.relayed_row == number)
    return list(tx.execute(statement).scalars())


def usage(tx: Transaction, recipient: str) -> tuple[int, int]:
    """Return how many copies a mailbox holds, and how many bytes."""
    row = tx.execute(select(mailboxes).where(mailboxes.c.recipient == recipient)).first()
    return (0, 0) if row is None else (row.copies, row.sealed_bytes)


def find(
    tx: Transaction,
    envelope_id: bytes,
    recipient: str,
    *,
    stanza_digest: bytes | None = None,
    previous_hop: str | None = None,
) -> list[HeldCopy]:
    """Return the copies of an envelope for a recipient: one for each hop and stanza."""
    wanted: list[ColumnElement[bool]] = [
        custody.c.envelope_id == envelope_id,
        custody.c.recipient == recipient,
    ]
    if stanza_digest is not None:
        wanted.append(custody.c.stanza_digest == stanza_digest)
    if previous_hop is not None:
        wanted.append(custody.c.previous_hop == previous_hop)
    statement = select(*COLUMNS).where(*wanted).order_by(custody.c.row_id)
    return [copy_of(row) for row in tx.execute(statement).mappings()]


def claim(
    tx: Transaction,
    recipients: Iterable[str],
    *,
    now: int,
    lease_until: int,
    most: int = 64,
    most_bytes: int = 4 * 1024**2,
) -> list[ClaimedCopy]:
    """Lease copies that are due for these recipients, the most urgent first, then the oldest."""
    chosen = choose(tx, _DUE, recipients, now=now, most=most, most_bytes=most_bytes)
    if not chosen:
        return []
    leased = {"state": CustodyState.LEASED, "due_at": lease_until}
    tx.execute(update(custody).where(custody.c.row_id.in_(chosen)).values(**leased))
    statement = (
        select(*COLUMNS, relayed.c.header, relayed.c.body)
        .join_from(custody, relayed, relayed.c.row_id == custody.c.relayed_row)
        .where(custody.c.row_id.in_(chosen))
        .order_by(custody.c.rank, custody.c.row_id)
    )
    return [ClaimedCopy(**_fields(row)) for row in tx.execute(statement).mappings()]


def extend_leases(tx: Transaction, row_ids: Collection[int], lease_until: int) -> None:
    """Keep copies leased whose attempt takes long."""
    leased = custody.c.row_id.in_(row_ids), custody.c.state == CustodyState.LEASED
    tx.execute(update(custody).where(*leased).values(due_at=lease_until))


def hand_on(
    tx: Transaction, row_ids: Collection[int], *, custodian: str, due_at: int
) -> list[HeldCopy]:
    """Let copies go that the next hop signed for; return those that moved.

    ``due_at`` is when nothing more is expected of them.
    """
    return _end(tx, row_ids, CustodyState.HANDED_ON, custodian=custodian, code="", due_at=due_at)


def end(tx: Transaction, row_ids: Collection[int], code: str) -> list[HeldCopy]:
    """Let copies go for good; return those that moved."""
    return _end(tx, row_ids, CustodyState.ENDED, custodian="", code=code, due_at=0)


def hold_again(
    tx: Transaction, row_ids: Collection[int], *, due_at: int, code: str, failed: bool = True
) -> None:
    """Give leased copies back, due later."""
    leased = custody.c.row_id.in_(row_ids), custody.c.state == CustodyState.LEASED
    changes = {"state": CustodyState.HELD, "due_at": due_at, "code": code}
    more = custody.c.attempts + int(failed)
    tx.execute(update(custody).where(*leased).values(**changes, attempts=more))


def due_now(tx: Transaction, code: str, now: int) -> None:
    """Try again at once what was put off for this reason."""
    held = custody.c.relayed_row.is_not(None), custody.c.state == CustodyState.HELD
    waiting = *held, custody.c.code == code
    tx.execute(update(custody).where(*waiting).values(due_at=now, code=""))


def revive(tx: Transaction, copy: HeldCopy, header: bytes, body: bytes, now: int) -> None:
    """Hold a copy again that was handed on: it was posted again, so nothing came back of it."""
    lock(tx, CUSTODY)
    tx.execute(_ENVELOPE.on(tx), {"envelope_id": copy.envelope_id, "header": header, "body": body})
    number = _numbers(tx, [copy.envelope_id])[copy.envelope_id]
    gone = (CustodyState.HANDED_ON, CustodyState.ENDED)
    changes = {
        "state": CustodyState.HELD, "due_at": now, "relayed_row": number, "code": "",
        "custodian": "", "outcome": None, "return_due_at": None,
    }  # fmt: skip
    statement = update(custody).where(custody.c.row_id == copy.row_id, custody.c.state.in_(gone))
    if tx.execute(statement.values(**changes)).rowcount == 1:
        _account(tx, copy.recipient, 1, copy.sealed_bytes)


def renew_receipt(tx: Transaction, row_id: int, receipt: bytes) -> None:
    """Keep the custody receipt under a key that is not revoked."""
    tx.execute(update(custody).where(custody.c.row_id == row_id).values(receipt=receipt))


def waiting_recipients(tx: Transaction, names: Iterable[str] | None = None) -> dict[str, int]:
    """Return for whom (of these) copies are held, and when the first of each is due."""
    found = {}
    for name in names or [row[0] for row in contents(tx)]:
        first = select(func.min(custody.c.due_at)).where(
            custody.c.recipient == name,
            custody.c.state == CustodyState.HELD,
            custody.c.rank == bindparam("rank"),
        )
        times = [tx.execute(first, {"rank": rank}).scalar() for rank in range(MAX_PRIORITY + 1)]
        due = [at for at in times if at is not None]
        if due:
            found[name] = min(due)
    return found


def hold_overdue(tx: Transaction, now: int) -> int:
    """Hold copies again whose lease ran out; return how many."""
    late = custody.c.state == _LEASED, custody.c.due_at <= now
    statement = update(custody).where(*late)
    return tx.execute(statement.values(state=CustodyState.HELD, due_at=now)).rowcount


def release_leases(tx: Transaction, now: int) -> int:
    """At the start of the only daemon: hold again what one that died had leased.

    What it was telling previous hops is told again at once.
    """
    telling = update(custody).where(custody.c.return_due_at > now)
    tx.execute(telling.values(return_due_at=now))
    statement = update(custody).where(custody.c.state == _LEASED)
    return tx.execute(statement.values(state=CustodyState.HELD, due_at=now)).rowcount


def expire(tx: Transaction, now: int) -> list[HeldCopy]:
    """End the copies whose message expired, 1,000 at most; forget what expired a day ago."""
    tx.execute(delete(custody).where(custody.c.expires_at <= now - LATE_S))
    late = (
        select(custody.c.row_id)
        .where(custody.c.expires_at <= now, custody.c.relayed_row.is_not(None))
        .limit(1000)
    )
    return end(tx, list(tx.execute(late).scalars()), "expired")


def contents(tx: Transaction) -> list[tuple[str, int, int]]:
    """Return each mailbox that holds something: (recipient, copies, bytes)."""
    statement = select(mailboxes).where(mailboxes.c.copies > 0).order_by(mailboxes.c.recipient)
    return [(row.recipient, row.copies, row.sealed_bytes) for row in tx.execute(statement)]


def _end(
    tx: Transaction,
    row_ids: Collection[int],
    state: CustodyState,
    *,
    custodian: str,
    code: str,
    due_at: int,
) -> list[HeldCopy]:
    lock(tx, CUSTODY)
    held = (CustodyState.HELD, CustodyState.LEASED)
    statement = (
        select(*COLUMNS)
        .where(custody.c.row_id.in_(row_ids), custody.c.state.in_(held))
        .with_for_update()
    )
    moving = [copy_of(row) for row in tx.execute(statement).mappings()]
    if not moving:
        return []
    changes = {"state": state, "custodian": custodian, "code": code, "due_at": due_at}
    chosen = custody.c.row_id.in_([item.row_id for item in moving])
    tx.execute(update(custody).where(chosen).values(**changes, relayed_row=None))
    for item in moving:
        _account(tx, item.recipient, -1, -item.sealed_bytes)
    _drop_unheld(tx, {item.relayed_row for item in moving if item.relayed_row is not None})
    return moving


def _drop_unheld(tx: Transaction, numbers: Collection[int]) -> None:
    """Delete the envelopes of which no copy is held any more; their attachments are let go."""
    still = select(custody.c.relayed_row).where(custody.c.relayed_row.in_(numbers))
    unheld = list(set(numbers) - set(tx.execute(still).scalars()))
    tx.execute(delete(relayed_blobs).where(relayed_blobs.c.relayed_row.in_(unheld)))
    tx.execute(delete(relayed).where(relayed.c.row_id.in_(unheld)))


def _account(tx: Transaction, recipient: str, copies: int, sealed_bytes: int) -> None:
    changes = {
        "copies": mailboxes.c.copies + copies,
        "sealed_bytes": mailboxes.c.sealed_bytes + sealed_bytes,
    }
    statement = update(mailboxes).where(mailboxes.c.recipient == recipient).values(**changes)
    if tx.execute(statement).rowcount == 0:
        first = {"recipient": recipient, "copies": copies, "sealed_bytes": sealed_bytes}
        tx.execute(insert(mailboxes).values(**first))


def _numbers(tx: Transaction, envelope_ids: Collection[bytes]) -> dict[bytes, int]:
    statement = select(relayed.c.envelope_id, relayed.c.row_id).where(
        relayed.c.envelope_id.in_(envelope_ids)
    )
    return {row.envelope_id: row.row_id for row in tx.execute(statement)}


def copy_of(row: RowMapping) -> HeldCopy:
    """Return a copy of a row of ``COLUMNS``."""
    return HeldCopy(**_fields(row))


def _fields(row: RowMapping) -> dict[str, Any]:
    return {
        **row,
        "hops": tuple(row["hops"].split()),
        "state": CustodyState(row["state"]),
    }
