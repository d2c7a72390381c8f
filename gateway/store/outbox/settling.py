"""How an attempt ends for a row: settled, in custody, put off, or expired."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import LargeBinary, String, bindparam, case, exists, func, or_, select, update

from gateway.store import news
from gateway.store.database import Transaction
from gateway.store.news import Topic
from gateway.store.outbox.states import FIRST_TIME, OutboxState, ended, legal
from gateway.store.schema import messages, outbox

_SETTLE = (
    update(outbox)
    .where(outbox.c.row_id == bindparam("row"))
    .values(
        state=case((FIRST_TIME, bindparam("to_state", type_=String)), else_=OutboxState.DELIVERED),
        settled_at=bindparam("at"),
        code=bindparam("why"),
        receipt=case((FIRST_TIME, bindparam("signed", type_=LargeBinary)), else_=outbox.c.receipt),
        receipt_again=case(
            (FIRST_TIME, outbox.c.receipt_again),
            (bindparam("again", type_=LargeBinary) == outbox.c.receipt, outbox.c.receipt_again),
            else_=func.coalesce(bindparam("again", type_=LargeBinary), outbox.c.receipt_again),
        ),
    )
)
_KEEP = (
    update(outbox)
    .where(
        outbox.c.row_id == bindparam("row"),
        exists().where(
            messages.c.row_id == outbox.c.message_row,
            messages.c.envelope_id == bindparam("envelope"),
        ),
    )
    .values(
        state=OutboxState.IN_CUSTODY,
        due_at=bindparam("due"),
        code="",
        custodian=bindparam("holder"),
        attempts=outbox.c.attempts + 1,
    )
)
_DEFER = (
    update(outbox)
    .where(outbox.c.row_id == bindparam("row"))
    .where(or_(outbox.c.state == OutboxState.SENDING, outbox.c.state == OutboxState.IN_CUSTODY))
    .values(
        state=OutboxState.QUEUED,
        due_at=bindparam("due"),
        code=bindparam("why"),
        custodian="",
        attempts=outbox.c.attempts + bindparam("more"),
    )
)


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
class Custody:
    """A row whose copy a relay took over."""

    row_id: int
    envelope_id: bytes
    """What it took; a row whose message was signed again meanwhile is not in custody by that."""
    due_at: int
    """When to post it again, if nothing came back by then."""
    custodian: str


def settle(tx: Transaction, settlements: Sequence[Settlement]) -> set[int]:
    """End rows; return those that moved. A transition that is not legal moves nothing."""
    moving = legal(tx, {item.row_id: item.state for item in settlements})
    changes = [
        {
            "row": item.row_id,
            "to_state": item.state,
            "at": item.at,
            "why": item.code,
            "signed": item.receipt,
            "again": item.receipt if item.state is OutboxState.DELIVERED else None,
        }
        for item in settlements
        if item.row_id in moving
    ]
    if changes:
        tx.execute(_SETTLE, changes)
        news.tell(tx, Topic.MESSAGES)
    return moving


def keep(tx: Transaction, kept: Sequence[Custody]) -> set[int]:
    """Note that relays took copies over; return the rows that moved."""
    moving = legal(tx, {item.row_id: OutboxState.IN_CUSTODY for item in kept})
    changes = [
        {
            "row": item.row_id,
            "envelope": item.envelope_id,
            "due": item.due_at,
            "holder": item.custodian,
        }
        for item in kept
        if item.row_id in moving
    ]
    if changes:
        tx.execute(_KEEP, changes)
    return moving


def defer(tx: Transaction, deferrals: Sequence[Deferral]) -> None:
    """Give leased rows, or rows in custody, back: due later."""
    changes = [
        {"row": item.row_id, "due": item.due_at, "why": item.code, "more": int(item.failed)}
        for item in deferrals
    ]
    if changes:
        tx.execute(_DEFER, changes)


def expire(tx: Transaction, now: int) -> list[tuple[int, bytes]]:
    """End the rows whose lifetime passed, 1,000 at most; return (row, envelope id) of each.

    One that was delivered, and was only offered again, is delivered: it is not among them.
    """
    joined = outbox.join(messages, messages.c.row_id == outbox.c.message_row)
    found = (
        select(outbox.c.row_id, messages.c.envelope_id, outbox.c.offered_again_at)
        .select_from(joined)
        .where(outbox.c.settled_at.is_(None), outbox.c.expires_at <= now)
        .limit(1000)
        .with_for_update(of=outbox, skip_locked=True)
    )
    rows = tx.execute(found).all()
    if rows:
        chosen = outbox.c.row_id.in_([row.row_id for row in rows])
        tx.execute(
            update(outbox).where(chosen).values(state=ended(OutboxState.EXPIRED), settled_at=now)
        )
    return [(row.row_id, row.envelope_id) for row in rows if row.offered_again_at is None]
