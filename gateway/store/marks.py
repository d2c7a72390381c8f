"""Marks on messages: recalled or rectified by their sender, reported on; which were evidence.

Names and codes, no content. A mark may come before its message, and outlives it.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import RowMapping, select, tuple_, update

from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import exhibited, marks


class MarkKind(StrEnum):
    """What was said of a message since."""

    RECALLED = "recalled"
    RECTIFIED = "rectified"
    """Both by its sender; ours by us."""
    REPORTED = "reported"
    """Our recall, by who got it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What was said of a message."""

    sender: str
    message_id: bytes
    kind: MarkKind
    marked_by: bytes
    """The id of the recall or rectification, of the same sender; or of the report."""
    verdict: str
    """What is answered to a recall, or says a report; empty for what is our own."""
    heard_at: int
    due_at: int | None
    """Since when it is to be passed along or back, and answered; None once that is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMark(Mark):
    """A mark with its row."""

    row_id: int


_WHOLE = [marks.c[name] for name in StoredMark.__dataclass_fields__]
_MARKED = InsertNew(marks, ["sender", "marked_by"])
_EXHIBITED = InsertNew(exhibited, ["sender", "message_id"])


def record(tx: Transaction, mark: Mark) -> None:
    """Keep a mark, in the transaction of the message that makes it.

    Who reports chooses the id of the report: one that is taken makes no mark, and breaks nothing.
    """
    tx.execute(_MARKED.on(tx), [asdict(mark)])


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


def recalls_of(
    tx: Transaction, names: Collection[tuple[str, bytes]]
) -> dict[tuple[str, bytes], list[bytes]]:
    """Return the ids of the recalls of messages (sender, message id), for those that have any."""
    name = tuple_(marks.c.sender, marks.c.message_id)
    columns = marks.c.sender, marks.c.message_id, marks.c.marked_by
    found: dict[tuple[str, bytes], list[bytes]] = {}
    if names:
        wanted = name.in_(list(names)), marks.c.kind == MarkKind.RECALLED
        for row in tx.execute(select(*columns).where(*wanted).order_by(marks.c.row_id)):
            found.setdefault((row.sender, bytes(row.message_id)), []).append(bytes(row.marked_by))
    return found


def due(tx: Transaction, limit: int) -> list[StoredMark]:
    """Return what is not passed along and answered yet, the earliest first."""
    statement = select(*_WHOLE).where(marks.c.due_at.is_not(None)).order_by(marks.c.row_id)
    return [_mark(row) for row in tx.execute(statement.limit(limit)).mappings()]


def settle(tx: Transaction, row_id: int) -> None:
    """Note that a mark is passed along and answered."""
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
