"""Threads as they were folded last: a copy for lists, which can be made again from the messages.

How far the copy is, and by which terms its dates were computed, is one row (``case_folding``).
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union,
    update,
)

from gateway.cases.threads.retention import Standing
from gateway.store.database import Transaction
from gateway.store.engine import CASES, lock, put
from gateway.store.messages import SERVICE
from gateway.store.rows import ROWS_MAX
from gateway.store.schema import case_folding, messages, retentions, threads

NEVER: Final = 2**53 - 1
"""The time at which something is due that is not."""
_ONLY: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadRow:
    """A thread, as far as lists show it."""

    case_id: bytes
    asker: str
    asked: str
    request_row: int
    kind: str
    state: str
    urgent: bool
    oral_to_be_confirmed: bool
    recalled: int
    out_of_order: int
    opened_at: int
    entered_at: int
    due_task: str
    due_by: str
    due_at: int
    lapses_at: int
    """When the time for the answer runs out; ``NEVER`` where none is owed."""
    remind_at: int = NEVER
    """When to say that something will be due."""
    review_at: int = NEVER
    """When its retention is to be reviewed; ``NEVER`` for not, or not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredThread(ThreadRow):
    """A thread with its place in the list."""

    row_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadFilter:
    """Which threads a list shows; None for any."""

    states: Collection[str] | None = None
    asker: str | None = None
    asked: str | None = None
    due_until: int | None = None
    due_since: int | None = None
    standing: Standing | None = None
    """How far its case is open: ``states`` are asked of what is neither restricted nor purged."""
    review_until: int | None = None
    """Of cases whose retention is to be reviewed by then."""


@dataclass(frozen=True, slots=True)
class Folding:
    """How far messages are folded, and by which terms."""

    row: int
    terms: bytes


_BURIED: Final[dict[str, Any]] = {
    "state": Standing.PURGED.value, "urgent": False, "oral_to_be_confirmed": False, "recalled": 0,
    "out_of_order": 0, "due_task": "", "due_by": "", "due_at": NEVER, "lapses_at": NEVER,
    "remind_at": NEVER, "review_at": NEVER,
}  # fmt: skip
_WHOLE = [threads.c[name] for name in StoredThread.__dataclass_fields__]


def folding(tx: Transaction) -> Folding:
    """Return how far the copy is."""
    row = tx.execute(select(case_folding.c.folded_row, case_folding.c.terms)).first()
    return Folding(0, b"") if row is None else Folding(row.folded_row, bytes(row.terms))


def touched(tx: Transaction, after: int, limit: int) -> tuple[list[tuple[int, bytes, str]], int]:
    """Return (row, case, kind) of the next messages stored after a row, and the last row."""
    columns = messages.c.row_id, messages.c.case_id, messages.c.kind, messages.c.direction
    statement = select(*columns).where(messages.c.row_id > after).order_by(messages.c.row_id)
    rows = tx.execute(statement.limit(limit)).all()
    found = [(row.row_id, bytes(row.case_id), row.kind) for row in rows if row.direction != SERVICE]
    return found, rows[-1].row_id if rows else after


def record(
    tx: Transaction,
    cases: Collection[bytes],
    rows: Sequence[ThreadRow],
    before: Folding,
    after: Folding,
) -> bool:
    """Put the threads of some cases in place of what they were, if nobody did so meanwhile.

    Of other terms than those of the copy, everything is folded again from the beginning.
    """
    lock(tx, CASES)
    if folding(tx) != before:
        return False
    if before.terms != after.terms:
        tx.execute(delete(threads))
    tx.execute(delete(threads).where(threads.c.case_id.in_(cases)))
    for start in range(0, len(rows), ROWS_MAX):
        tx.execute(insert(threads), [asdict(row) for row in rows[start : start + ROWS_MAX]])
    row = {"only": _ONLY, "folded_row": after.row, "terms": after.terms}
    put(tx, case_folding, row, "only")
    return True


def page(
    tx: Transaction, wanted: ThreadFilter, *, after: tuple[int, int], limit: int
) -> list[StoredThread]:
    """Return threads, what is due first before the rest, those after (due_at, row) ``after``."""
    due_at, row_id = after
    statement = select(*_WHOLE).where(
        or_(threads.c.due_at > due_at, and_(threads.c.due_at == due_at, threads.c.row_id > row_id))
    )
    if wanted.states is not None:
        open_ = ~_stands(Standing.RESTRICTED, Standing.PURGED)
        statement = statement.where(threads.c.state.in_(wanted.states), open_)
    if wanted.standing is not None:
        statement = statement.where(_stands(wanted.standing))
    if wanted.review_until is not None:
        statement = statement.where(*_to_review(wanted.review_until))
    if wanted.asker is not None:
        statement = statement.where(threads.c.asker == wanted.asker)
    if wanted.asked is not None:
        statement = statement.where(threads.c.asked == wanted.asked)
    if wanted.due_until is not None:
        statement = statement.where(threads.c.due_at <= wanted.due_until)
    if wanted.due_since is not None:
        statement = statement.where(threads.c.due_at >= wanted.due_since)
    statement = statement.order_by(threads.c.due_at, threads.c.row_id).limit(limit)
    return [StoredThread(**row) for row in tx.execute(statement).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCounts:
    """How many threads there are of which something is due, as they were folded last."""

    due: int
    """In time yet."""
    due_soon: int
    """Of those, where it is time to say so."""
    overdue: int
    overdue_here: int
    """Of those, where this member is to act."""
    lapsed: int
    """In which the time for the answer ran out."""


def due_counts(tx: Transaction, me: str, now: int) -> DueCounts:
    """Count what is due."""
    late = threads.c.due_at <= now
    columns = {
        "due": ~late,
        "due_soon": and_(~late, threads.c.remind_at <= now),
        "overdue": late,
        "overdue_here": and_(late, threads.c.due_by == me),
    }
    counted = [func.count(case((where, 1))).label(name) for name, where in columns.items()]
    row = tx.execute(select(*counted).where(threads.c.due_at < NEVER)).mappings().one()
    lapsed = select(func.count()).select_from(threads).where(threads.c.lapses_at <= now)
    return DueCounts(**row, lapsed=tx.execute(lapsed).scalar_one())


def to_review(tx: Transaction, until: int, after: bytes, limit: int) -> list[bytes]:
    """Return the next cases after one whose retention is to be reviewed by a time."""
    statement = select(threads.c.case_id).where(*_to_review(until), threads.c.case_id > after)
    found = tx.execute(statement.distinct().order_by(threads.c.case_id).limit(limit))
    return [bytes(case_id) for case_id in found.scalars()]


def fell_due_for_review(
    tx: Transaction, between: tuple[int, int], after: bytes, limit: int
) -> list[tuple[bytes, int]]:
    """Return the next cases after one to be reviewed since a time in a span, each with that time.

    That is the day of the review, or until when the case was kept, or when its restriction was
    lifted, whichever is the last.
    """
    floor, until = between
    since = [threads.c.review_at, retentions.c.keep_until, retentions.c.stands_since]
    came = union(
        *(select(date.table.c.case_id).where(date > floor, date <= until) for date in since)
    )
    decided = (func.coalesce(func.max(date), 0) for date in since)
    statement = (
        select(threads.c.case_id, *decided)
        .outerjoin(retentions, retentions.c.case_id == threads.c.case_id)
        .where(*_to_review(until), threads.c.case_id.in_(came), threads.c.case_id > after)
        .group_by(threads.c.case_id)
    )
    found = tx.execute(statement.order_by(threads.c.case_id).limit(limit))
    return [(bytes(case_id), max(dates)) for case_id, *dates in found]


def buried(row: ThreadRow) -> ThreadRow:
    """Return a thread of a purged case: who asked whom for which kind, and when."""
    return replace(row, **_BURIED)


def bury(tx: Transaction, case_id: bytes) -> None:
    """Let nothing stay of a case's threads but who asked whom for which kind, and when."""
    tx.execute(update(threads).where(threads.c.case_id == case_id).values(**_BURIED))


def forget(tx: Transaction, request_rows: Collection[int]) -> None:
    """Let go of threads whose request is forgotten."""
    tx.execute(delete(threads).where(threads.c.request_row.in_(request_rows)))


def _stands(*standings: Standing) -> ColumnElement[bool]:
    return exists().where(
        retentions.c.case_id == threads.c.case_id, retentions.c.standing.in_(standings)
    )


def _to_review(until: int) -> Sequence[ColumnElement[bool]]:
    """Say which threads are of cases that are to be reviewed: all of each, and none is kept."""
    of_case = threads.alias("of_case")
    last = (
        select(func.max(of_case.c.review_at))
        .where(of_case.c.case_id == threads.c.case_id)
        .scalar_subquery()
    )
    decided = retentions.alias("decided")
    kept = exists().where(
        decided.c.case_id == threads.c.case_id,
        or_(decided.c.keep_until > until, decided.c.standing != Standing.OPEN),
    )
    return threads.c.review_at <= until, last <= until, ~kept
