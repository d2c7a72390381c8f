"""Marks on received messages: recalled or rectified by their sender; which were given as evidence.

Names and codes, no content. A mark may come before its message, and outlives it.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import RowMapping, insert, select, tuple_, update

from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import exhibited, marks


class MarkKind(StrEnum):
    """What the sender did with its message."""

    RECALLED = "recalled"
    RECTIFIED = "rectified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a sender did with a message of its own."""

    sender: str
    message_id: bytes
    kind: MarkKind
    marked_by: bytes
    """The id of the recall or rectification, of the same sender."""
    verdict: str
    """What is answered to a recall; empty for a rectification."""
    heard_at: int
    due_at: int | None
    """Since when it is to be passed along and answered; None once that is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMark(Mark):
    """A mark with its row."""

    row_id: int


_WHOLE = [marks.c[name] for name in StoredMark.__dataclass_fields__]
_EXHIBITED = InsertNew(exhibited, ["sender", "message_id"])


def record(tx: Transaction, mark: Mark) -> None:
    """Keep a mark, in the transaction of the message that makes it."""
    tx.execute(insert(marks), [asdict(mark)])


def of_message(tx: Transaction, sender: str, message_id: bytes) -> list[StoredMark]:
    """Return a message's marks, the earliest first."""
    wanted = marks.c.sender == sender, marks.c.message_id == message_id
    statement = select(*_WHOLE).where(*wanted).order_by(marks.c.row_id)
    return [_mark(row) for row in tx.execute(statement).mappings()]


def kinds_of(
    tx: Transaction, names: Collection[tuple[str, bytes]]
) -> dict[tuple[str, bytes], list[str]]:
    """Return what was done with messages (sender, message id), for those that are marked."""
    name = tuple_(marks.c.sender, marks.c.message_id)
    columns = marks.c.sender, marks.c.message_id, marks.c.kind
    found: dict[tuple[str, bytes], list[str]] = {}
    if names:
        for row in tx.execute(select(*columns).where(name.in_(list(names))).distinct()):
            found.setdefault((row.sender, bytes(row.message_id)), []).append(row.kind)
    return {key: sorted(kinds) for key, kinds in found.items()}


def due(tx: Transaction, limit: int) -> list[StoredMark]:
    """Return recalls that are not passed along and answered yet, the earliest first."""
    statement = select(*_WHOLE).where(marks.c.due_at.is_not(None)).order_by(marks.c.row_id)
    return [_mark(row) for row in tx.execute(statement.limit(limit)).mappings()]


def settle(tx: Transaction, row_id: int) -> None:
    """Note that a recall is passed along and answered."""
    tx.execute(update(marks).where(marks.c.row_id == row_id).values(due_at=None))


def exhibit(tx: Transaction, sender: str, message_id: bytes, now: int) -> None:
    """Note that a message was given out as evidence; the first time counts."""
    row = {"sender": sender, "message_id": message_id, "since": now}
    tx.execute(_EXHIBITED.on(tx), [row])


def is_exhibited(tx: Transaction, sender: str, message_id: bytes) -> bool:
    """Tell whether a message was given out as evidence."""
    wanted = exhibited.c.sender == sender, exhibited.c.message_id == message_id
    return tx.execute(select(exhibited.c.since).where(*wanted)).first() is not None


def _mark(row: RowMapping) -> StoredMark:
    return StoredMark(**{**row, "kind": MarkKind(row["kind"])})
