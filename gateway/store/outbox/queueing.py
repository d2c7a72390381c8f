"""How a row comes to wait, the first time and again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select, update

from gateway.protocol.envelope import MAX_PRIORITY
from gateway.store import news
from gateway.store.database import Transaction
from gateway.store.news import Topic
from gateway.store.outbox.states import FIRST_TIME, LEASED, OutboxState, ended, legal
from gateway.store.rows import InsertRows
from gateway.store.schema import outbox

_ENQUEUE = InsertRows(
    outbox,
    (
        "message_row", "recipient", "state", "rank", "due_at", "expires_at", "attempts", "code",
        "custodian", "seal_kid", "wrapped",
    ),
    returning=[outbox.c.row_id, outbox.c.message_row, outbox.c.recipient],
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """A recipient to deliver to; the stanza is there where the recipient's card is known."""

    recipient: str
    seal_kid: bytes | None
    wrapped: bytes | None
    lease_until: int = 0
    """Until when it is leased to the lane that is handed it at once; 0 for queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """What the rows of one message share."""

    message_row: int
    priority: int
    now: int
    expires_at: int


def enqueue(tx: Transaction, rows: Sequence[tuple[Queueing, NewRow]]) -> dict[tuple[int, str], int]:
    """Add rows, due at once or leased to a lane; return each one's id by message and recipient."""
    found = _ENQUEUE.run(
        tx,
        [
            (
                message.message_row,
                row.recipient,
                OutboxState.SENDING.value if row.lease_until else OutboxState.QUEUED.value,
                MAX_PRIORITY - message.priority,
                row.lease_until or message.now,
                message.expires_at,
                0,
                "",
                "",
                row.seal_kid,
                row.wrapped,
            )
            for message, row in rows
        ],
    )
    if queued := [row.recipient for _, row in rows if not row.lease_until]:
        news.tell(tx, Topic.OUTBOX, queued)
    return {(message_row, recipient): row_id for row_id, message_row, recipient in found}


def offer_again(
    tx: Transaction, recipient: str, *, since: int, heard_at: int, after: int, now: int, most: int
) -> tuple[int, int | None]:
    """Queue again what a recipient receipted after ``since`` and has lost: the same copies.

    What expired meanwhile stays as it is: nobody would take it. Looks at ``most`` rows after the
    row ``after``; returns how many moved, and the last one looked at, None where no more follow.
    """
    found = (
        select(outbox.c.row_id)
        .where(
            outbox.c.recipient == recipient,
            outbox.c.state == OutboxState.DELIVERED,
            outbox.c.settled_at >= since,
            outbox.c.expires_at > now,
            or_(FIRST_TIME, outbox.c.offered_again_at < heard_at),
            outbox.c.row_id > after,
        )
        .order_by(outbox.c.row_id)
        .limit(most)
        .with_for_update()
    )
    rows = list(tx.execute(found).scalars())
    queued = {
        "state": OutboxState.QUEUED, "due_at": now, "settled_at": None, "code": "", "custodian": "",
        "attempts": 0, "offered_again_at": now,
    }  # fmt: skip
    tx.execute(update(outbox).where(outbox.c.row_id.in_(rows)).values(**queued))
    if rows:
        news.tell(tx, Topic.OUTBOX, [recipient])
    return len(rows), rows[-1] if len(rows) == most else None


def requeue_held_by(tx: Transaction, custodians: Collection[str], now: int) -> None:
    """Queue again what these relays have in custody: it goes another way, or waits here."""
    statement = update(outbox).where(
        LEASED, outbox.c.state == OutboxState.IN_CUSTODY, outbox.c.custodian.in_(custodians)
    )
    if custodians:
        tx.execute(statement.values(state=OutboxState.QUEUED, due_at=now, custodian=""))


def due_now(tx: Transaction, code: str, now: int) -> None:
    """Try again at once what was put off for this reason."""
    waiting = (
        outbox.c.settled_at.is_(None),
        outbox.c.state == OutboxState.QUEUED,
        outbox.c.code == code,
    )
    tx.execute(update(outbox).where(*waiting).values(due_at=now, code=""))


def requeue_overdue(tx: Transaction, now: int) -> int:
    """Queue leases that ran out, and what has been in custody too long; return how many rows."""
    overdue = (
        select(outbox.c.row_id)
        .where(LEASED, outbox.c.due_at <= now)
        .limit(1000)
        .with_for_update(skip_locked=True)
    )
    rows = list(tx.execute(overdue).scalars())
    if rows:
        statement = update(outbox).where(outbox.c.row_id.in_(rows))
        tx.execute(statement.values(state=OutboxState.QUEUED, due_at=now))
    return len(rows)


def release_leases(tx: Transaction, now: int) -> int:
    """At the start of the only daemon: give back what one that died held; return how many rows."""
    statement = update(outbox).where(outbox.c.state == OutboxState.SENDING)
    return tx.execute(statement.values(state=OutboxState.QUEUED, due_at=now)).rowcount


def move(tx: Transaction, row_ids: Collection[int], state: OutboxState, now: int) -> set[int]:
    """Withdraw or requeue rows by hand; return those that moved."""
    moving = legal(tx, dict.fromkeys(row_ids, state))
    if state is OutboxState.WITHDRAWN:
        changes = {"settled_at": now, "code": "", "state": ended(state)}
    else:
        changes = {"settled_at": None, "code": "", "state": state, "due_at": now, "attempts": 0}
    tx.execute(update(outbox).where(outbox.c.row_id.in_(moving)).values(**changes))
    return moving
