"""Looks: what became since of what is stored, as events; they read, and note nothing.

Each goes on from its cursor, whose name is that of the look.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

from gateway.cases.threads.thread import is_event
from gateway.services.events import making
from gateway.settings import EventType
from gateway.store import event_sources as sources
from gateway.store import events, registry, retentions, threads
from gateway.store.database import Transaction
from gateway.store.events import NewEvent
from gateway.store.messages import OUT
from keys.registry.grammar import parse_statement

AT_ONCE: Final = 500
"""Rows that are looked at between two commits."""
WORDS, ENDINGS, MARKS = "words", "endings", "marks"
DATES, STANDING = "dates", "standing"
DECIDED, KEPT = "decided", "kept"

Found = tuple[int, int, list[NewEvent]]
"""From where, until where, and what is told of it."""
Key = TypeVar("Key", int, bytes)
Place = tuple[int, Key]
"""A time, and which row or case was last in it."""
Page = tuple[list[Place[Key]], list[NewEvent]]
"""The places of what was looked at, and what of it is new."""


def words(tx: Transaction, me: str) -> Found:
    """Look at messages, as far as their threads are folded."""
    before = position(tx, WORDS)
    until = threads.folding(tx).row
    found = [row for row in sources.words(tx, before, AT_ONCE) if row.row_id <= until]
    cases = {row.case_id for row in found if is_event(row.kind)}
    moved = sources.touched_threads(tx, cases)
    names = sources.names(tx, {row.request_row for row in moved})
    ours = [row.message_id for row in found if row.direction == OUT]
    made = [*making.of_words(found, sources.released(tx, ours))]
    made += unknown(tx, making.of_threads(moved, names, me))
    return before, found[-1].row_id if found else before, made


def marks(tx: Transaction) -> Found:
    """Look at what senders took back or corrected."""
    before = position(tx, MARKS)
    found = sources.marked(tx, before, AT_ONCE)
    return before, found[-1].row_id if found else before, [*making.of_marks(found)]


def standing(tx: Transaction) -> Found:
    """Look at what the registry says of members."""
    before = position(tx, STANDING)
    notes = registry.statements(tx, before, before + AT_ONCE)
    found = making.of_statements(parse_statement(note).statement for note in notes)
    return before, before + len(notes), [*found]


def endings(tx: Transaction, after: Place[int]) -> Page[int]:
    """Look at deliveries that ended after a place."""
    page = sources.ended(tx, after, AT_ONCE)
    return [(row.settled_at, row.row_id) for row in page], unknown(tx, making.of_endings(page))


def dates(
    tx: Transaction, kind: EventType, between: tuple[int, int], after: Place[int]
) -> Page[int]:
    """Look at dates of threads after a place, of those that came in a span of time."""
    column = making.DATES[kind]
    page = sources.reached(tx, column, between, after, AT_ONCE)
    names = sources.names(tx, {row.request_row for row in page})
    made = making.of_dates(kind, page, names, between[1])
    return [(getattr(row, column), row.row_id) for row in page], unknown(tx, made)


def decided(tx: Transaction, after: Place[bytes], me: str) -> Page[bytes]:
    """Look at cases that were restricted, lifted or purged after a place."""
    page = retentions.decided(tx, "stands_since", after, AT_ONCE)
    names = sources.case_names(tx, {row.case_id for row in page})
    made = unknown(tx, making.of_standings(page, names, me))
    return [(row.stands_since, row.case_id) for row in page], made


def kept(tx: Transaction, after: Place[bytes], me: str) -> Page[bytes]:
    """Look at cases that somebody decided to keep after a place."""
    page = retentions.decided(tx, "kept_at", after, AT_ONCE)
    names = sources.case_names(tx, {row.case_id for row in page})
    made = unknown(tx, making.of_keepings(page, names, me))
    return [(row.kept_at, row.case_id) for row in page], made


def reviews(tx: Transaction, between: tuple[int, int], after: Place[bytes], me: str) -> Page[bytes]:
    """Look at the next cases after one that are to be reviewed since a span of time."""
    page = threads.fell_due_for_review(tx, between, after[1], AT_ONCE)
    names = sources.case_names(tx, {case_id for case_id, _ in page})
    made = unknown(tx, making.of_reviews(page, names, me))
    return [(at, case_id) for case_id, at in page], made


def alarms(tx: Transaction, floor: int) -> list[NewEvent]:
    """Look at what was found wrong with logs since a time."""
    wrong = [*sources.log_doubts(tx, floor), *sources.proven_splits(tx, floor)]
    return unknown(tx, making.of_alarms(wrong))


def drafts(tx: Transaction, floor: int, me: str) -> list[NewEvent]:
    """Look at drafts that wait, or ended since a time without becoming a message."""
    return unknown(tx, making.of_drafts(sources.unsent(tx, floor), me))


def position(tx: Transaction, name: str) -> int:
    """Return how far a look is."""
    found = events.cursor(tx, name)
    return 0 if found is None else found.position


def unknown(tx: Transaction, made: Iterable[NewEvent]) -> list[NewEvent]:
    """Return those that were not noted before."""
    found = [*made]
    known = events.known(tx, [item.once for item in found if item.once is not None])
    return [item for item in found if item.once not in known]
