"""Events: what happened, by ids alone, in the order in which it was noted.

They are made of what other tables hold, by whoever looks first; where the look stands is a cursor,
moved in the transaction that notes them. An event that could be met twice carries what it is
``once``. Names, ids and codes, no content.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from gateway.settings import EventType
from gateway.store import news
from gateway.store.database import Transaction
from gateway.store.engine import EVENTS, InsertNew, lock
from gateway.store.news import Topic
from gateway.store.schema import event_cursors, events

GONE: Final = "gone"
"""The cursor of the newest event that was let go."""
KEPT_MOST: Final = 1_000_000
"""Events of messages that are kept at most."""
_PRUNED_AT_ONCE: Final = 10_000
_DELETED_AT_ONCE: Final = 500
_ADD: Final = InsertNew(events, ("once",))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What happened."""

    type: EventType
    at: int
    once: bytes | None = None
    """What it is noted once for, at most 32 bytes; None where its cursor sees to that."""
    sender: str = ""
    message_id: bytes | None = None
    """The message that it is about, or the request of its thread."""
    case_id: bytes | None = None
    member: str = ""
    """The other member that it concerns; who is to act, where something is due."""
    kind: str = ""
    """Of the message, or of what is asked."""
    code: str = ""
    """The state, the task, or why."""
    due_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent(NewEvent):
    """An event with its number."""

    row_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far something is."""

    position: int
    due_at: int = 0
    """When to go on, or until when somebody is at it."""
    attempts: int = 0
    code: str = ""


_CURSOR = select(*(event_cursors.c[name] for name in Cursor.__dataclass_fields__)).where(
    event_cursors.c.name == bindparam("name")
)
_WHOLE = [events.c[name] for name in StoredEvent.__dataclass_fields__]


def cursor(tx: Transaction, name: str) -> Cursor | None:
    """Return how far something is; None where it never began."""
    row = tx.execute(_CURSOR, {"name": name}).mappings().first()
    return None if row is None else Cursor(**row)


def begin(tx: Transaction, name: str, position: int) -> None:
    """Begin a cursor that is not there yet."""
    lock(tx, EVENTS)
    if cursor(tx, name) is None:
        tx.execute(insert(event_cursors), {"name": name, **asdict(Cursor(position=position))})


def note(
    tx: Transaction, name: str, move: tuple[int, int], found: Sequence[NewEvent], now: int
) -> bool:
    """Note events and move their cursor, unless somebody moved it meanwhile; tell whether."""
    before, after = move
    lock(tx, EVENTS)
    wanted = event_cursors.c.name == name, event_cursors.c.position == before
    if not tx.execute(update(event_cursors).where(*wanted).values(position=after)).rowcount:
        return False
    if found:
        tx.execute(_ADD.on(tx), [{**asdict(item), "noted_at": now} for item in found])
        news.tell(tx, Topic.EVENTS)
    return True


def move(tx: Transaction, name: str, before: Cursor, after: Cursor) -> bool:
    """Move a cursor that is where ``before`` says; tell whether it was."""
    wanted = [event_cursors.c[item] == value for item, value in asdict(before).items()]
    statement = update(event_cursors).where(event_cursors.c.name == name, *wanted)
    return bool(tx.execute(statement.values(**asdict(after))).rowcount)


def known(tx: Transaction, once: Collection[bytes]) -> set[bytes]:
    """Return which of these events were noted."""
    if not once:
        return set()
    return {
        bytes(item) for item in tx.scalars(select(events.c.once).where(events.c.once.in_(once)))
    }


def newest(tx: Transaction) -> int:
    """Return the number of the newest event."""
    return max(tx.execute(select(func.max(events.c.row_id))).scalar() or 0, gone(tx))


def gone(tx: Transaction) -> int:
    """Return the number up to which events may have been let go."""
    found = cursor(tx, GONE)
    return 0 if found is None else found.position


def page(
    tx: Transaction, after: int, types: Collection[EventType], limit: int
) -> list[StoredEvent]:
    """Return events of some types after a number, in order."""
    statement = select(*_WHOLE).where(events.c.row_id > after, events.c.type.in_(types))
    found = tx.execute(statement.order_by(events.c.row_id).limit(limit)).mappings()
    return [StoredEvent(**{**row, "type": EventType(row["type"])}) for row in found]


def prune(tx: Transaction, noted_until: int) -> int:
    """Let go of what was noted until a time, and of too many of messages; return how many went.

    What is once stays for its time, however many there are: it would be noted again.
    """
    lock(tx, EVENTS)
    last = tx.execute(select(func.max(events.c.row_id))).scalar() or 0
    one = select(events.c.row_id).where(events.c.row_id < last).order_by(events.c.row_id)
    too_many = events.c.row_id <= last - KEPT_MOST, events.c.type.like("message.%")
    rows = [
        row
        for old in ((events.c.noted_at <= noted_until,), too_many)
        for row in tx.scalars(one.where(*old).limit(_PRUNED_AT_ONCE))
    ]
    if not rows:
        return 0
    for start in range(0, len(rows), _DELETED_AT_ONCE):
        some = rows[start : start + _DELETED_AT_ONCE]
        tx.execute(delete(events).where(events.c.row_id.in_(some)))
    begin(tx, GONE, 0)
    behind = event_cursors.c.name == GONE, event_cursors.c.position < max(rows)
    tx.execute(update(event_cursors).where(*behind).values(position=max(rows)))
    return len(set(rows))
