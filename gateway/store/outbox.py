"""The outbox: one row for each recipient of a message, until it ends visibly.

A row is claimed under a lease for the length of an attempt. A crash leaves the lease, and the row
is due again when it runs out (or at the next start, which releases what the dead daemon held).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import and_, bindparam, func, insert, or_, select, update

from gateway.store.database import Transaction
from gateway.store.schema import messages, outbox

ROWS_PER_CLAIM = 256


class OutboxState(StrEnum):
    """Where a message stands with one recipient; each says who moves it on."""

    QUEUED = "queued"
    """Accepted and due some time. The deliverer claims it. A crash leaves it as it is."""
    SENDING = "sending"
    """Claimed under a lease. The deliverer settles or defers it. A crash leaves the lease, and the
    row is claimed again when that runs out; the recipient answers a repeat with its receipt."""
    IN_CUSTODY = "in_custody"
    """A relay holds it. A delivery receipt, or its own due time, moves it."""
    DELIVERED = "delivered"
    """The recipient's receipt is held. Final."""
    FAILED = "failed"
    """Refused for ever, with the peer's code. Final, but for requeue by an operator."""
    EXPIRED = "expired"
    """Its lifetime passed. Final, but a receipt that comes late still makes it delivered."""
    WITHDRAWN = "withdrawn"
    """Taken back by its sender before it left. Final."""


OPEN = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.IN_CUSTODY)
"""The states in which something will still happen by itself."""

LEGAL: Mapping[OutboxState, frozenset[OutboxState]] = {
    OutboxState.QUEUED: frozenset(
        {OutboxState.SENDING, OutboxState.EXPIRED, OutboxState.WITHDRAWN, OutboxState.DELIVERED}
    ),
    OutboxState.SENDING: frozenset(
        {
            OutboxState.QUEUED,
            OutboxState.IN_CUSTODY,
            OutboxState.DELIVERED,
            OutboxState.FAILED,
            OutboxState.EXPIRED,
        }
    ),
    OutboxState.IN_CUSTODY: frozenset(
        {OutboxState.SENDING, OutboxState.DELIVERED, OutboxState.FAILED, OutboxState.EXPIRED}
    ),
    OutboxState.EXPIRED: frozenset({OutboxState.DELIVERED}),
    OutboxState.DELIVERED: frozenset(),
    OutboxState.FAILED: frozenset(),
    OutboxState.WITHDRAWN: frozenset(),
}
"""Every transition there is."""


# Statements of the fast path are built once: building costs more than running them.
_ENQUEUE = insert(outbox)
_SETTLE = {
    target: update(outbox)
    .where(
        outbox.c.row_id == bindparam("row"),
        outbox.c.state.in_([state for state, after in LEGAL.items() if target in after]),
    )
    .values(
        state=target,
        settled_at=bindparam("at"),
        code=bindparam("why"),
        receipt=bindparam("signed"),
        lease_until=0,
    )
    for target in OutboxState
}
_DEFER = (
    update(outbox)
    .where(outbox.c.row_id == bindparam("row"), outbox.c.state == OutboxState.SENDING)
    .values(
        state=OutboxState.QUEUED,
        due_at=bindparam("due"),
        code=bindparam("why"),
        lease_until=0,
        attempts=outbox.c.attempts + bindparam("more"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """A recipient to deliver to; the stanza is there where the recipient's card is known."""

    recipient: str
    seal_kid: bytes | None
    wrapped: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row under lease, with all that an attempt needs."""

    row_id: int
    message_row: int
    recipient: str
    attempts: int
    expires_at: int
    seal_kid: bytes | None
    wrapped: bytes | None
    sender: str
    message_id: bytes
    created_at: int
    attachments: int
    envelope_id: bytes
    tbs_digest: bytes
    header: bytes
    body: bytes
    storage_key_id: bytes
    wrapped_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How an attempt ended for one row."""

    row_id: int
    state: OutboxState
    at: int
    code: str = ""
    receipt: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """A row that is to be tried again."""

    row_id: int
    due_at: int
    code: str
    failed: bool = True
    """Whether the attempt counts as one that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientState:
    """How far a message is with one recipient."""

    message_row: int
    recipient: str
    state: OutboxState
    attempts: int
    due_at: int
    code: str
    settled_at: int | None
    receipt: bytes | None


def enqueue(
    tx: Transaction,
    message_row: int,
    rows: Sequence[NewRow],
    *,
    priority: int,
    now: int,
    expires_at: int,
) -> None:
    """Queue a message for its recipients, due at once."""
    fresh = {
        "message_row": message_row,
        "state": OutboxState.QUEUED,
        "priority": priority,
        "due_at": now,
        "lease_until": 0,
        "expires_at": expires_at,
        "attempts": 0,
        "code": "",
    }
    values = [
        {**fresh, "recipient": row.recipient, "seal_kid": row.seal_kid, "wrapped": row.wrapped}
        for row in rows
    ]
    tx.execute(_ENQUEUE, values)


def claim(
    tx: Transaction,
    *,
    now: int,
    lease_until: int,
    skip: Collection[str] = (),
    share: int = ROWS_PER_CLAIM,
) -> list[Claimed]:
    """Take rows that are due, at most ``share`` for each peer, and lease them.

    Rows of the peers in ``skip`` are left: they have enough in flight.
    """
    due = or_(
        and_(outbox.c.state == OutboxState.QUEUED, outbox.c.due_at <= now),
        and_(outbox.c.state == OutboxState.SENDING, outbox.c.lease_until <= now),
    )
    order = [outbox.c.priority.desc(), outbox.c.due_at, outbox.c.row_id]
    place = func.row_number().over(partition_by=outbox.c.recipient, order_by=order)
    ranked = (
        select(outbox.c.row_id, place.label("place"))
        .where(due, outbox.c.expires_at > now, outbox.c.recipient.not_in(skip))
        .subquery()
    )
    chosen = select(ranked.c.row_id).where(ranked.c.place <= share).limit(ROWS_PER_CLAIM)
    row_ids = list(tx.execute(chosen).scalars())
    if not row_ids:
        return []
    leased = {"state": OutboxState.SENDING, "lease_until": lease_until}
    tx.execute(update(outbox).where(outbox.c.row_id.in_(row_ids)).values(**leased))
    return _claimed(tx, row_ids)


def settle(tx: Transaction, settlements: Sequence[Settlement]) -> set[int]:
    """End rows; return those that moved. A transition that is not legal moves nothing."""
    moved = set()
    for item in settlements:
        changes = {
            "row": item.row_id, "at": item.at, "why": item.code, "signed": item.receipt,
        }  # fmt: skip
        if tx.execute(_SETTLE[item.state], changes).rowcount == 1:
            moved.add(item.row_id)
    return moved


def defer(tx: Transaction, deferrals: Sequence[Deferral]) -> None:
    """Give leased rows back, due later."""
    changes = [
        {"row": item.row_id, "due": item.due_at, "why": item.code, "more": int(item.failed)}
        for item in deferrals
    ]
    if changes:
        tx.execute(_DEFER, changes)


def restanza(tx: Transaction, row_id: int, seal_kid: bytes, wrapped: bytes) -> None:
    """Keep the stanza that a row is posted with, before it is posted."""
    statement = update(outbox).where(outbox.c.row_id == row_id)
    tx.execute(statement.values(seal_kid=seal_kid, wrapped=wrapped))


def expire(tx: Transaction, now: int) -> list[tuple[int, bytes]]:
    """End the rows whose lifetime passed; return (row, envelope id) of each."""
    late = and_(outbox.c.expires_at <= now, outbox.c.state.in_(OPEN))
    joined = outbox.join(messages, messages.c.row_id == outbox.c.message_row)
    found = select(outbox.c.row_id, messages.c.envelope_id).select_from(joined).where(late)
    rows = [(row.row_id, row.envelope_id) for row in tx.execute(found.limit(1000))]
    if rows:
        ended = {"state": OutboxState.EXPIRED, "settled_at": now, "lease_until": 0}
        chosen = outbox.c.row_id.in_([row_id for row_id, _ in rows])
        tx.execute(update(outbox).where(chosen).values(**ended))
    return rows


def extend_leases(tx: Transaction, row_ids: Collection[int], lease_until: int) -> None:
    """Keep rows leased whose attempt takes long."""
    statement = update(outbox).where(
        outbox.c.row_id.in_(row_ids), outbox.c.state == OutboxState.SENDING
    )
    tx.execute(statement.values(lease_until=lease_until))


def release_leases(tx: Transaction, now: int) -> int:
    """At the start: give back what a daemon that died held; return how many rows."""
    statement = (
        update(outbox)
        .where(outbox.c.state == OutboxState.SENDING)
        .values(state=OutboxState.QUEUED, lease_until=0, due_at=now)
    )
    return tx.execute(statement).rowcount


def wake(tx: Transaction, recipient: str, now: int) -> int:
    """Make a peer's waiting rows due at once: it is back. Return how many."""
    statement = (
        update(outbox)
        .where(outbox.c.recipient == recipient, outbox.c.state == OutboxState.QUEUED)
        .where(outbox.c.due_at > now)
        .values(due_at=now)
    )
    return tx.execute(statement).rowcount


def next_due(tx: Transaction) -> int | None:
    """Return when the next row is due; None when nothing waits."""
    queued = select(func.min(outbox.c.due_at)).where(outbox.c.state == OutboxState.QUEUED)
    leased = select(func.min(outbox.c.lease_until)).where(outbox.c.state == OutboxState.SENDING)
    times = [tx.execute(queued).scalar(), tx.execute(leased).scalar()]
    return min((at for at in times if at is not None), default=None)


def states(tx: Transaction, message_rows: Collection[int]) -> dict[int, list[RecipientState]]:
    """Return how far messages are, recipient by recipient."""
    names = RecipientState.__dataclass_fields__
    statement = (
        select(*(outbox.c[name] for name in names))
        .where(outbox.c.message_row.in_(message_rows))
        .order_by(outbox.c.recipient)
    )
    found: dict[int, list[RecipientState]] = {}
    for row in tx.execute(statement).mappings():
        state = RecipientState(**{**row, "state": OutboxState(row["state"])})
        found.setdefault(state.message_row, []).append(state)
    return found


def waiting(tx: Transaction, limit: int) -> list[tuple[str, bytes, RecipientState]]:
    """Return the rows that are not delivered: (sender, message id, state), the oldest first."""
    names = RecipientState.__dataclass_fields__
    joined = outbox.join(messages, messages.c.row_id == outbox.c.message_row)
    statement = (
        select(messages.c.sender, messages.c.message_id, *(outbox.c[name] for name in names))
        .select_from(joined)
        .where(outbox.c.state != OutboxState.DELIVERED)
        .order_by(outbox.c.row_id)
        .limit(limit)
    )
    rows = []
    for row in tx.execute(statement).mappings():
        state = {name: row[name] for name in names}
        state["state"] = OutboxState(row["state"])
        rows.append((row["sender"], row["message_id"], RecipientState(**state)))
    return rows


def counts(tx: Transaction) -> dict[str, int]:
    """Return how many rows there are, by state."""
    statement = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    found = {row[0]: row[1] for row in tx.execute(statement)}
    return {state.value: found.get(state, 0) for state in OutboxState}


def _claimed(tx: Transaction, row_ids: Sequence[int]) -> list[Claimed]:
    own = ("row_id", "message_row", "recipient", "attempts", "expires_at", "seal_kid", "wrapped")
    theirs = [name for name in Claimed.__dataclass_fields__ if name not in own]
    joined = outbox.join(messages, messages.c.row_id == outbox.c.message_row)
    columns = [*(outbox.c[name] for name in own), *(messages.c[name] for name in theirs)]
    statement = (
        select(*columns)
        .select_from(joined)
        .where(outbox.c.row_id.in_(row_ids))
        .order_by(outbox.c.priority.desc(), outbox.c.row_id)
    )
    return [Claimed(**row) for row in tx.execute(statement).mappings()]
