"""Growing: threads that are kept while they grow, so that one more message costs no new fold.

What comes last in the one order moves a thread as it stands; what comes before something else lets
all of it be folded again. Either way it is what ``fold`` finds of all its events. Pure: what grows
is a new value. Source: SPEC "Cases".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from gateway.cases.threads.event import Event, Pair
from gateway.cases.threads.placing import pairs_of, place
from gateway.cases.threads.thread import REQUEST, Thread, advance, check_admits, fold, row_of
from gateway.errors import ConflictError


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """A thread as far as it is known, and what tells whether something comes last in it."""

    thread: Thread
    ordered: tuple[Event, ...] = ()
    newest: Mapping[str, int] = field(default_factory=dict)
    """The place of each sender's newest."""
    awaited: frozenset[str] = frozenset()
    """The names that were answered, but right before: what came by one now would not come last."""
    circular: bool = False
    """Whether members answer each other in a circle: then a place depends on everything."""

    def newest_heard(self, me: str) -> str:
        """Return as ``event.newest_heard``."""
        heard = [at for member, at in self.newest.items() if member != me]
        return self.ordered[max(heard)].name if heard else ""

    def comes_last(self, event: Event) -> bool:
        """Tell whether an event that is not here yet has its place behind all that is.

        It waits for its sender's own and for what it answers; of what comes after both, all that
        has a lower rank is before it.
        """
        own = self.newest.get(event.member, -1)
        if self.circular or event.name in self.awaited:
            return False
        if own >= 0 and self.ordered[own].rank >= event.rank:
            return False
        for other in reversed(self.ordered[own + 1 :]):
            if other.name == event.in_reply_to:
                return True
            if other.rank > event.rank:
                return False
        return True

    def with_event(self, event: Event) -> "Growing":
        """Return the thread with one more event, that is not here yet."""
        if not self.comes_last(event):
            return grown(self.thread.pair, [*self.ordered, event])
        try:
            thread = advance(self.thread, event)
        except ConflictError:
            thread = self.thread
        before, answered = self.ordered[-1].name if self.ordered else "", event.in_reply_to
        return replace(
            self,
            thread=thread,
            ordered=(*self.ordered, event),
            newest={**self.newest, event.member: len(self.ordered)},
            awaited=self.awaited if answered in ("", before) else self.awaited | {answered},
        )

    def check_admits(self, said: Event) -> None:
        """Let pass what ``thread.check_admits`` lets pass. Raises ConflictError as that does."""
        advance(self.thread, said)
        if not self.comes_last(said):
            check_admits(self.thread.pair, self.ordered, said)


def grown(pair: Pair, events: Iterable[Event]) -> Growing:
    """Return the thread of ``pair`` after ``events``, in whatever order they come."""
    folded = fold(pair, events)
    ordered = tuple(item.event for item in folded.said)
    newest: dict[str, int] = {}
    seen: set[str] = {""}
    awaited: set[str] = set()
    for at, event in enumerate(ordered):
        newest[event.member] = at
        if event.in_reply_to not in seen:
            awaited.add(event.in_reply_to)
        seen.add(event.name)
    return Growing(
        thread=folded.thread,
        ordered=ordered,
        newest=newest,
        awaited=frozenset(awaited),
        circular=not awaited.isdisjoint(seen),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowingCase:
    """A case as far as it is known: its threads, and its messages as they came."""

    events: tuple[Event, ...] = ()
    threads: Mapping[Pair, Growing] = field(default_factory=dict)

    def with_events(self, events: Iterable[Event]) -> "GrowingCase":
        """Return the case with more events, that are not here yet."""
        return reduce(GrowingCase._with_event, events, self)

    def _with_event(self, event: Event) -> "GrowingCase":
        events = (*self.events, event)
        if row_of(event) == REQUEST and any(
            Pair(event.member, to) not in self.threads for to in event.to
        ):
            return case_of(events)  # what was of no thread, or of another, may be of the new one
        moved = {
            pair: self.threads[pair].with_event(event) for pair in pairs_of(event, self.threads)
        }
        return GrowingCase(events=events, threads={**self.threads, **moved})


def case_of(events: Sequence[Event]) -> GrowingCase:
    """Return a case after ``events``, in whatever order they come."""
    threads = place(events).threads
    return GrowingCase(
        events=tuple(events), threads={pair: grown(pair, threads[pair]) for pair in threads}
    )
