"""How far rows are: for people, for media, and for who brings an answer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update

from gateway.store import sealings
from gateway.store.database import Transaction
from gateway.store.outbox.claiming import Claimed, by_rows
from gateway.store.outbox.states import DEAD, OPEN, OutboxState
from gateway.store.schema import messages, outbox

# The message first, by its name alone: a join is left to the planner, which may read every row of
# the recipient instead, and with the direction it would read every message of ours.
_OF_COPY = select(outbox.c.row_id, outbox.c.state).where(
    outbox.c.message_row
    == select(messages.c.row_id)
    .where(
        messages.c.message_id == bindparam("message_id"),
        messages.c.envelope_id == bindparam("envelope_id"),
    )
    .limit(1)
    .scalar_subquery(),
    outbox.c.recipient == bindparam("recipient"),
)
_EXPORTED = (
    update(outbox).where(outbox.c.row_id == bindparam("row")).values(exported_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientState:
    """How far a message is with one recipient."""

    row_id: int
    message_row: int
    recipient: str
    state: OutboxState
    attempts: int
    due_at: int
    code: str
    custodian: str
    settled_at: int | None
    receipt: bytes | None
    exported_at: int | None
    """When it was last written to a medium, UTC seconds; that moves no state."""
    offered_again_at: int | None
    """When its recipient, restored from a backup, was last offered it again."""
    receipt_again: bytes | None
    """The newest receipt that the recipient gave after that, if it is not the first one."""


def by_copy(
    tx: Transaction, message_id: bytes, envelope_id: bytes, recipient: str
) -> Claimed | None:
    """Return the row of our own message for a recipient, whatever its state.

    By any envelope that it went out in; the row's own is the newest.
    """
    found = _copy(tx, message_id, envelope_id, recipient)
    return None if found is None else by_rows(tx, [found[0]])[0]


def state_of_copy(
    tx: Transaction, message_id: bytes, envelope_id: bytes, recipient: str
) -> OutboxState | None:
    """Return how far our own message is with a recipient; None for what was never sent."""
    found = _copy(tx, message_id, envelope_id, recipient)
    return None if found is None else found[1]


def _copy(
    tx: Transaction, message_id: bytes, envelope_id: bytes, recipient: str
) -> tuple[int, OutboxState] | None:
    named = {"message_id": message_id, "envelope_id": envelope_id, "recipient": recipient}
    row = tx.execute(_OF_COPY, named).first()
    if row is None:
        earlier = sealings.row_of(tx, envelope_id, recipient)
        state = select(outbox.c.row_id, outbox.c.state).where(outbox.c.row_id == earlier)
        row = None if earlier is None else tx.execute(state).first()
    return None if row is None else (row.row_id, OutboxState(row.state))


def still_open(tx: Transaction, recipient: str, now: int) -> list[int]:
    """Return the rows that are not done for a recipient, the most urgent first."""
    statement = (
        select(outbox.c.row_id)
        .where(
            outbox.c.recipient == recipient,
            outbox.c.state.in_(OPEN),
            outbox.c.expires_at > now,
        )
        .order_by(outbox.c.rank, outbox.c.row_id)
    )
    return list(tx.execute(statement).scalars())


def note_export(tx: Transaction, row_ids: Sequence[int], now: int) -> None:
    """Note that rows were written to a medium; nothing is confirmed by that."""
    if row_ids:
        tx.execute(_EXPORTED, [{"row": row_id, "at": now} for row_id in row_ids])


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
    columns = [messages.c.sender, messages.c.message_id, *(outbox.c[name] for name in names)]
    rows = []
    for wanted in (outbox.c.settled_at.is_(None), DEAD):
        statement = select(*columns).select_from(joined).where(wanted).limit(limit)
        for row in tx.execute(statement.order_by(outbox.c.row_id)).mappings():
            state = {name: row[name] for name in names}
            state["state"] = OutboxState(row["state"])
            rows.append((row["sender"], row["message_id"], RecipientState(**state)))
    return rows[:limit]


def counts(tx: Transaction) -> dict[str, int]:
    """Return how many rows there are, by state."""
    statement = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    found = {row[0]: row[1] for row in tx.execute(statement)}
    return {state.value: found.get(state, 0) for state in OutboxState}


def written_before(tx: Transaction, created_at: int) -> dict[str, int]:
    """Return how many deliveries that are not done are of messages written before then.

    ``queued`` counts those that wait here or are on their way, ``in_custody`` those at a relay.
    """
    statement = (
        select(outbox.c.state, func.count())
        .join_from(outbox, messages, messages.c.row_id == outbox.c.message_row)
        .where(outbox.c.settled_at.is_(None), outbox.c.state.in_(OPEN))
        .where(messages.c.created_at < created_at)
        .group_by(outbox.c.state)
    )
    found = {row[0]: row[1] for row in tx.execute(statement)}
    in_custody = found.pop(OutboxState.IN_CUSTODY, 0)
    return {"queued": sum(found.values()), "in_custody": in_custody}
