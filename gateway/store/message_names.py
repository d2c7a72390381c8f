"""Messages by their names: whole, in part, and by when they were stored."""

from typing import Literal, NamedTuple

from sqlalchemy import func, select

from gateway.store.database import Transaction
from gateway.store.messages import SERVICE, SUMMARY, MessageSummary
from gateway.store.schema import messages, outbox, sealings


class Named(NamedTuple):
    """A message's name, and an envelope that it is or was in."""

    sender: str
    message_id: bytes
    envelope_id: bytes
    stored_at: int


_NAMED = [messages.c[name] for name in Named._fields]


def named(
    tx: Transaction, *, sender: str = "", message_id: bytes = b"", case_id: bytes = b""
) -> list[Named]:
    """Return every envelope that a message, or any message of a case, is or was in."""
    asked = messages.c.case_id == case_id if case_id else messages.c.message_id == message_id
    if not case_id:
        asked &= messages.c.sender == sender
    now = select(*_NAMED).where(asked, messages.c.direction != SERVICE)
    before = now.with_only_columns(
        messages.c.sender, messages.c.message_id, sealings.c.envelope_id, messages.c.stored_at
    ).where(outbox.c.message_row == messages.c.row_id, sealings.c.outbox_row == outbox.c.row_id)
    return [Named(*row) for statement in (now, before) for row in tx.execute(statement)]


def between(tx: Transaction, since: int, until: int, limit: int) -> list[Named]:
    """Return the messages stored from ``since`` to ``until``, so many at most."""
    first, last = row_stored(tx, since), row_stored(tx, until + 1)
    statement = select(*_NAMED).where(messages.c.row_id >= first, messages.c.row_id < last)
    found = tx.execute(statement.order_by(messages.c.row_id).limit(limit))
    return [Named(*row) for row in found]


def in_part(
    tx: Transaction, column: Literal["case_id", "message_id"], digits: str, *, limit: int
) -> list[MessageSummary]:
    """Return the newest messages whose id, or case's id, begins or ends with hexadecimal digits."""
    held = messages.c[column]
    least, most = (bytes.fromhex(digits.ljust(32, fill)) for fill in "0f")
    whole = digits[len(digits) % 2 :]  # a half byte at the front is compared below
    ends = func.substr(held, 17 - len(whole) // 2) == bytes.fromhex(whole)
    statement = select(*SUMMARY).where(
        messages.c.direction != SERVICE, held.between(least, most) | ends
    )
    found = tx.execute(statement.order_by(messages.c.row_id.desc()).limit(limit)).mappings()
    named = [(bytes(row[column]).hex(), MessageSummary(**row)) for row in found]
    return [item for name, item in named if name.startswith(digits) or name.endswith(digits)]


def row_stored(tx: Transaction, at: int) -> int:
    """Return the first row that was stored at a time or later: rows stand in that order."""
    newest = tx.execute(select(func.max(messages.c.row_id))).scalar() or 0
    low, high = 0, newest + 1
    while low < high:
        middle = (low + high) // 2
        statement = select(messages.c.row_id, messages.c.stored_at)
        statement = statement.where(messages.c.row_id >= middle, messages.c.row_id < high)
        row = tx.execute(statement.order_by(messages.c.row_id).limit(1)).first()
        if row is None or row.stored_at >= at:
            high = middle
        else:
            low = row.row_id + 1
    return low
