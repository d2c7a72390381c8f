"""Growing: threads that are kept while they grow, so that one more message costs no new fold.

What comes last in the one order moves a thread as it stands; what comes before something else lets
all of it be folded again. Either way it is what ``fold`` finds of all its events. Pure: what grows
is a new value. Source: SPEC "Cases".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.cases.threads.event import Event, Pair
from gateway.cases.threads.placing import pairs_of, place
from gateway.cases.threads.thread import (
    REQUEST,
    Folded,
    Said,
    Thread,
    advance,
    check_admits,
    fold,
    row_of,
)
from gateway.errors import ConflictError


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """A thread as far as it is known, and what tells whether something comes last in it."""

    thread: Thread
    said: tuple[Said, ...] = ()
    newest: Mapping[str, int] = field(default_factory=dict)
    """The place of each sender's newest."""
    awaited: frozenset[str] = frozenset()
    """The names that were answered, but right before: what came by one now would not come last."""
    circular: bool = False
    """Whether members answer each other in a circle: then a place depends on everything."""

    @property
    def folded(self) -> Folded:
        """The thread with all that was said in it, in order."""
        return Folded(thread=self.thread, said=self.said)

    def newest_heard(self, me: str) -> str:
        """Return as ``event.newest_heard``."""
        heard = [at for member, at in self.newest.items() if member != me]
        return self.said[max(heard)].event.name if heard else ""

    def comes_last(self, event: Event) -> bool:
        """Tell whether an event that is not here yet has its place behind all that is.

        It waits for its sender's own and for what it answers; of what comes after both, all that
        has a lower rank is before it.
        """
        own = self.newest.get(event.member, -1)
        if self.circular or event.name in self.awaited:
            return False
        if own >= 0 and self.said[own].event.rank >= event.rank:
            return False
        for other in (item.event for item in reversed(self.said[own + 1 :])):
            if other.name == event.in_reply_to:
                return True
            if other.rank > event.rank:
                return False
        return True

    def with_last(self, event: Event) -> "Growing":
        """Return the thread with one more event, which comes last."""
        thread, out_of_order = self.thread, False
        try:
            thread = advance(thread, event)
        except ConflictError:
            out_of_order = True
        before = self.said[-1].event.name if self.said else ""
        answered = event.in_reply_to
        return replace(
            self,
            thread=thread,
            said=(*self.said, Said(event=event, state=thread.state, out_of_order=out_of_order)),
            newest={**self.newest, event.member: len(self.said)},
            awaited=self.awaited if answered in ("", before) else self.awaited | {answered},
        )

    def check_admits(self, said: Event) -> None:
        """Let pass what ``thread.check_admits`` lets pass. Raises ConflictError as that does."""
        advance(self.thread, said)
        if not self.comes_last(said):
            check_admits(self.thread.pair, [item.event for item in self.said], said)


def grown(pair: Pair, events: Iterable[Event]) -> Growing:
    """Return the thread of ``pair`` after ``events``, in whatever order they come."""
    folded = fold(pair, events)
    newest: dict[str, int] = {}
    seen: set[str] = {""}
    awaited: set[str] = set()
    for at, event in enumerate(item.event for item in folded.said):
        newest[event.member] = at
        if event.in_reply_to not in seen:
            awaited.add(event.in_reply_to)
        seen.add(event.name)
    return Growing(
        thread=folded.thread,
        said=folded.said,
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
        """Return the case with more events, that are not here yet; folded anew once at most."""
        events, known = tuple(events), self
        if not self.events:
            return case_of(events)
        for event in events:
            if not known._is_last(event):
                return case_of((*self.events, *events))
            known = known._with_last(event)
        return known

    def _is_last(self, event: Event) -> bool:
        """Tell whether an event comes last in its threads, and makes no new one.

        What was of no thread, or of another, may be of a new one.
        """
        if row_of(event) == REQUEST and any(
            Pair(event.member, to) not in self.threads for to in event.to
        ):
            return False
        return all(self.threads[pair].comes_last(event) for pair in pairs_of(event, self.threads))

    def _with_last(self, event: Event) -> "GrowingCase":
        moved = {
            pair: self.threads[pair].with_last(event) for pair in pairs_of(event, self.threads)
        }
        return GrowingCase(events=(*self.events, event), threads={**self.threads, **moved})


def case_of(events: Sequence[Event]) -> GrowingCase:
    """Return a case after ``events``, in whatever order they come."""
    threads = place(events).threads
    return GrowingCase(
        events=tuple(events), threads={pair: grown(pair, threads[pair]) for pair in threads}
    )
