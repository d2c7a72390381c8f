"""Events: what a thread takes of signed messages, and the one order that they have.

A thread is what one administration asked another in a case. Whoever holds the same messages puts
them in the same order, whichever came first. Source: SPEC "Cases".
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Side(StrEnum):
    """Who says something in a thread."""

    ASKER = "asker"
    ASKED = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A signed message, as far as a thread depends on it."""

    kind: str
    member: str
    """The sender."""
    message_id: bytes
    seq: int
    """Counts the sender's messages in the case."""
    to: tuple[str, ...]
    created_at: int
    in_reply_to: str = ""
    """The name of a message; empty for none."""
    on_behalf_of: str = ""
    """The state for which a union speaks."""
    part: bool = False
    """A refusal of a part only."""
    due_on: date | None = None
    """The date that it names: to reply by, the new one, or the one of the review."""
    urgent: bool = False
    made_orally: bool = False
    legal_basis: str = ""

    @property
    def name(self) -> str:
        """The message's name: its sender, a hyphen and its id in hexadecimal."""
        return f"{self.member}-{self.message_id.hex()}"

    @property
    def rank(self) -> tuple[int, str, bytes]:
        """What decides between events that do not depend on each other."""
        return self.seq, self.member, self.message_id


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Who asks and who is asked: with the case, the name of a thread."""

    asker: str
    asked: str

    def member(self, side: Side) -> str:
        """Return who is on a side."""
        return self.asker if side is Side.ASKER else self.asked

    def side_of(self, event: Event) -> Side | None:
        """Return whose word an event is: a member's own, or a union's on its behalf."""
        for speaker in (event.member, event.on_behalf_of):
            if speaker == self.asker:
                return Side.ASKER
            if speaker == self.asked:
                return Side.ASKED
        return None


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return events in their one order, each once.

    A member's own come in the order of their numbers, an answer after what it answers if that is
    here, and between what is free the lowest rank is first. Where members answer each other in a
    circle, which takes a forger, the lowest rank is first too: nothing is left out.
    """
    known = {event.name: event for event in events}
    waiting = set(known)
    queues = _by_member(known.values())
    ordered: list[Event] = []
    while queues:
        free = [queue for queue in queues if queue[0].in_reply_to not in waiting]
        first = min(free or queues, key=lambda queue: queue[0].rank)
        event = first.popleft()
        waiting.discard(event.name)
        ordered.append(event)
        queues = [queue for queue in queues if queue]
    return ordered


def _by_member(events: Iterable[Event]) -> list[deque[Event]]:
    queues: dict[str, deque[Event]] = {}
    for event in sorted(events, key=lambda event: event.rank):
        queues.setdefault(event.member, deque()).append(event)
    return list(queues.values())


def newest_heard(events: Sequence[Event], me: str) -> str:
    """Return the name of what ``me`` heard last; empty for nothing.

    Who answers it comes after all that was said before, its own words included.
    """
    heard = [event.name for event in in_order(events) if event.member != me]
    return heard[-1] if heard else ""
