"""Placing: which threads there are in a case, and which message belongs to which.

Whoever is asked in a request has a thread of its own with who asks, so that one refusal closes
nobody else's. Pure. Source: SPEC "Cases".
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.cases.threads.event import Event, Pair, Side
from gateway.cases.threads.thread import RECALL, REQUEST, TABLE, row_of

_SAID_BY: Mapping[str, Side] = {row: side for row, side in TABLE if row != RECALL}
"""Every row of the table but one is one side's: so a kind says which of two threads it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A case's messages, by thread."""

    threads: Mapping[Pair, Sequence[Event]]
    unplaced: Sequence[Event]
    """What belongs to no request that is here: kept, and of no effect until that comes."""


def place(events: Iterable[Event]) -> Placed:
    """Return the threads of a case, each with its messages."""
    events = list(events)
    threads: dict[Pair, list[Event]] = {
        Pair(event.member, asked): []
        for event in events
        if row_of(event) == REQUEST
        for asked in event.to
    }
    unplaced = []
    for event in events:
        pairs = pairs_of(event, threads)
        for pair in pairs:
            threads[pair].append(event)
        if not pairs:
            unplaced.append(event)
    return Placed(threads=threads, unplaced=unplaced)


def pairs_of(event: Event, known: Container[Pair]) -> tuple[Pair, ...]:
    """Return the threads among ``known`` that a message is part of.

    What is said from the wrong side belongs to the thread there is, where it will be out of order.
    """
    found = {pair for to in event.to if (pair := _pair(event, to, known)) is not None}
    return tuple(sorted(found))


def _pair(event: Event, to: str, known: Container[Pair]) -> Pair | None:
    for speaker in filter(None, (event.member, event.on_behalf_of)):
        asking, asked = Pair(speaker, to), Pair(to, speaker)
        wanted = [asking, asked]
        if _SAID_BY.get(row_of(event)) is Side.ASKED:
            wanted.reverse()
        for pair in wanted:
            if pair in known:
                return pair
    return None
