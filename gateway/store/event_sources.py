"""What events are made of: messages, deliveries that ended, marks, alarms, threads and their dates.

Each look is by an index, from where the last one stood.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select, tuple_

from gateway.store.database import Transaction
from gateway.store.drafts import UNSENT, DraftFacts, DraftState
from gateway.store.messages import SERVICE
from gateway.store.schema import drafts, log_alarms, marks, messages, outbox, split_views, threads
from gateway.store.threads import StoredThread

_THREAD: Final = [threads.c[name] for name in StoredThread.__dataclass_fields__]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWord:
    """A message, as far as an event tells of it."""

    row_id: int
    direction: str
    sender: str
    message_id: bytes
    case_id: bytes
    kind: str
    stored_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A delivery that ended."""

    row_id: int
    state: str
    settled_at: int
    recipient: str
    code: str
    sender: str
    message_id: bytes
    case_id: bytes
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A mark on a message, with the case of the message where it is here."""

    row_id: int
    sender: str
    message_id: bytes
    kind: str
    heard_at: int
    case_id: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseName:
    """What a case is told of by: its first message, and who is in its threads."""

    case_id: bytes
    sender: str
    message_id: bytes
    kind: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What is wrong with a log."""

    row_id: int
    seen_at: int
    about: str
    """Its member, or its origin."""
    verdict: str


def words(tx: Transaction, after: int, limit: int) -> list[StoredWord]:
    """Return the messages stored after a row, in order."""
    columns = [messages.c[name] for name in StoredWord.__dataclass_fields__]
    statement = select(*columns).where(messages.c.row_id > after).order_by(messages.c.row_id)
    return [StoredWord(**row) for row in tx.execute(statement.limit(limit)).mappings()]


def ended(tx: Transaction, after: tuple[int, int], limit: int) -> list[Ended]:
    """Return deliveries that ended after (time, row), in that order."""
    place = tuple_(outbox.c.settled_at, outbox.c.row_id)
    statement = (
        select(
            outbox.c.row_id, outbox.c.state, outbox.c.settled_at, outbox.c.recipient,
            outbox.c.code, messages.c.sender, messages.c.message_id, messages.c.case_id,
            messages.c.kind,
        )
        .join_from(outbox, messages, messages.c.row_id == outbox.c.message_row)
        .where(outbox.c.settled_at >= after[0], place > after)
        .order_by(outbox.c.settled_at, outbox.c.row_id)
        .limit(limit)
    )  # fmt: skip
    return [Ended(**row) for row in tx.execute(statement).mappings()]


def unsent(tx: Transaction, floor: int) -> list[DraftFacts]:
    """Return the drafts that wait for a second person, and those that ended unsent since a time."""
    columns = [drafts.c[name] for name in DraftFacts.__dataclass_fields__]
    waits = drafts.c.state == DraftState.AWAITING_RELEASE
    ended = drafts.c.state.in_(UNSENT) & (drafts.c.decided_at > floor)
    found = [
        row
        for where in (waits, ended)
        for row in tx.execute(select(*columns).where(where).order_by(drafts.c.row_id)).mappings()
    ]
    return [DraftFacts(**{**row, "state": DraftState(row["state"])}) for row in found]


def released(tx: Transaction, message_ids: Collection[bytes]) -> set[bytes]:
    """Return which of these messages of ours a second person released."""
    wanted = drafts.c.message_id.in_(message_ids), drafts.c.state == DraftState.RELEASED
    return {bytes(item) for item in tx.scalars(select(drafts.c.message_id).where(*wanted))}


def marked(tx: Transaction, after: int, limit: int) -> list[Marked]:
    """Return marks after a row, in order."""
    same = (messages.c.sender == marks.c.sender) & (messages.c.message_id == marks.c.message_id)
    columns = marks.c.row_id, marks.c.sender, marks.c.message_id, marks.c.kind, marks.c.heard_at
    statement = select(*columns, messages.c.case_id).outerjoin(messages, same)
    statement = statement.where(marks.c.row_id > after).order_by(marks.c.row_id).limit(limit)
    return [Marked(**row) for row in tx.execute(statement).mappings()]


def log_doubts(tx: Transaction, since: int) -> list[Alarm]:
    """Return the alarms about audit logs that were seen since a time."""
    columns = log_alarms.c.row_id, log_alarms.c.seen_at, log_alarms.c.member.label("about")
    statement = select(*columns, log_alarms.c.verdict).where(log_alarms.c.seen_at >= since)
    return [Alarm(**row) for row in tx.execute(statement.order_by(log_alarms.c.row_id)).mappings()]


def proven_splits(tx: Transaction, since: int) -> list[Alarm]:
    """Return the proofs of split views that were seen since a time."""
    columns = split_views.c.row_id, split_views.c.seen_at, split_views.c.origin.label("about")
    statement = select(*columns).where(split_views.c.seen_at >= since)
    found = tx.execute(statement.order_by(split_views.c.row_id)).mappings()
    return [Alarm(**row, verdict="split_view") for row in found]


def touched_threads(tx: Transaction, cases: set[bytes]) -> list[StoredThread]:
    """Return the threads of cases, as they were folded last."""
    statement = select(*_THREAD).where(threads.c.case_id.in_(cases)).order_by(threads.c.row_id)
    return [StoredThread(**row) for row in tx.execute(statement).mappings()]


def reached(
    tx: Transaction, name: str, between: tuple[int, int], after: tuple[int, int], limit: int
) -> list[StoredThread]:
    """Return threads with a date, by its column, after one time and until another; in order."""
    floor, now = between
    date: ColumnElement[int] = threads.c[name]
    statement = (
        select(*_THREAD)
        .where(date > floor, date <= now, tuple_(date, threads.c.row_id) > after)
        .order_by(date, threads.c.row_id)
        .limit(limit)
    )
    return [StoredThread(**row) for row in tx.execute(statement).mappings()]


def names(tx: Transaction, rows: set[int]) -> dict[int, tuple[str, bytes]]:
    """Return the sender and the id of messages, by row."""
    if not rows:
        return {}
    statement = select(messages.c.row_id, messages.c.sender, messages.c.message_id)
    found = tx.execute(statement.where(messages.c.row_id.in_(rows)))
    return {row.row_id: (row.sender, row.message_id) for row in found}


def case_names(tx: Transaction, cases: Collection[bytes]) -> dict[bytes, CaseName]:
    """Return what cases are told of by; of one that is forgotten, nothing."""
    if not cases:
        return {}
    pairs = select(threads.c.case_id, threads.c.asker, threads.c.asked)
    members: dict[bytes, set[str]] = {}
    for row in tx.execute(pairs.where(threads.c.case_id.in_(cases))):
        members.setdefault(bytes(row.case_id), set()).update((row.asker, row.asked))
    said = messages.c.case_id.in_(cases), messages.c.direction != SERVICE
    first = select(func.min(messages.c.row_id)).where(*said).group_by(messages.c.case_id)
    columns = messages.c.case_id, messages.c.sender, messages.c.message_id, messages.c.kind
    found = tx.execute(select(*columns).where(messages.c.row_id.in_(first))).mappings()
    return {
        bytes(row["case_id"]): CaseName(**row, members=frozenset(members.get(row["case_id"], ())))
        for row in found
    }


def newest_ending(tx: Transaction) -> int:
    """Return when the last delivery ended; 0 for none."""
    return _newest(tx, outbox.c.settled_at)


def newest_mark(tx: Transaction) -> int:
    """Return the newest mark's row."""
    return _newest(tx, marks.c.row_id)


def _newest(tx: Transaction, column: ColumnElement[Any]) -> int:
    return tx.execute(select(func.max(column))).scalar() or 0
