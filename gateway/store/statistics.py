"""How many messages there were, and how large, counted by the database over a range of rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, literal, select

from gateway.store.database import Transaction
from gateway.store.messages import IN, OUT
from gateway.store.schema import blobs, message_blobs, messages, outbox

Rows = tuple[int, int]
"""The first row of messages, and the one after the last: rows stand in the order of storing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Messages of one kind, exchanged with one member, that stand in one state."""

    direction: str
    member: str
    kind: str
    state: str
    count: int
    sealed_bytes: int
    """Without attachments; what goes to several members counts for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """Attachments of messages in one direction."""

    direction: str
    count: int
    sealed_bytes: int


def received(tx: Transaction, rows: Rows) -> Sequence[Counted]:
    """Count what came, by sender; ``acknowledged`` is what an official took."""
    state = case((messages.c.acknowledged_at.is_(None), "received"), else_="acknowledged")
    columns = (
        literal(IN).label("direction"),
        messages.c.sender.label("member"),
        messages.c.kind,
        state.label("state"),
    )
    statement = select(*columns, func.count().label("count"), _size()).where(
        *_within(rows), messages.c.direction == IN
    )
    grouped = statement.group_by(messages.c.sender, messages.c.kind, state)
    return [Counted(**row) for row in tx.execute(grouped).mappings()]


def sent(tx: Transaction, rows: Rows) -> Sequence[Counted]:
    """Count what went, by recipient and how its delivery stands."""
    columns = (
        literal(OUT).label("direction"),
        outbox.c.recipient.label("member"),
        messages.c.kind,
        outbox.c.state,
    )
    statement = (
        select(*columns, func.count().label("count"), _size())
        .join_from(messages, outbox, outbox.c.message_row == messages.c.row_id)
        .where(*_within(rows), messages.c.direction == OUT)
        .group_by(outbox.c.recipient, messages.c.kind, outbox.c.state)
    )
    return [Counted(**row) for row in tx.execute(statement).mappings()]


def carried(tx: Transaction, rows: Rows) -> Sequence[Carried]:
    """Count the attachments of what came and went."""
    statement = (
        select(
            messages.c.direction,
            func.count().label("count"),
            func.sum(blobs.c.sealed_bytes).label("sealed_bytes"),
        )
        .join_from(messages, message_blobs, message_blobs.c.message_row == messages.c.row_id)
        .join(blobs, blobs.c.row_id == message_blobs.c.blob_row)
        .where(*_within(rows), messages.c.direction.in_((IN, OUT)))
        .group_by(messages.c.direction)
    )
    return [
        Carried(**{**row, "sealed_bytes": int(row["sealed_bytes"])})
        for row in tx.execute(statement).mappings()
    ]


def _within(rows: Rows) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    first, end = rows
    return messages.c.row_id >= first, messages.c.row_id < end


def _size() -> ColumnElement[int]:
    return func.sum(func.length(messages.c.header) + func.length(messages.c.body)).label(
        "sealed_bytes"
    )
