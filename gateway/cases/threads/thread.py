"""Threads: where what one administration asked another stands, by one table.

The state is a fold over signed messages, so that both sides find the same one. What the state does
not allow is kept, marked, and moves nothing. Pure. Source: SPEC "Cases".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final, Literal

from gateway.cases.threads.event import Event, Pair, Side, in_order
from gateway.errors import ConflictError

REOPEN_WITHIN_S: Final = 90 * 86_400
"""How long after its closing a thread can be opened again: no setting, for both sides must agree.

What an instrument says is held against this member's own drafts."""


class State(StrEnum):
    """Where a thread stands. ``draft`` and ``delivered`` are a node's own remarks, not states."""

    SUBMITTED = "submitted"
    IN_PROGRESS = "in_progress"
    INCOMPLETE = "incomplete"
    CONDITIONS = "conditions"
    POSTPONED = "postponed"
    PARTIAL = "partial"
    ANSWERED = "answered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


OPEN: Final = (
    State.SUBMITTED, State.IN_PROGRESS, State.INCOMPLETE,
    State.CONDITIONS, State.POSTPONED, State.PARTIAL,
)  # fmt: skip
"""In which the administration asked still owes an answer."""
WORKING: Final = (State.IN_PROGRESS, State.PARTIAL)
"""In which it is at work; with a part answered, on the rest."""

BACK: Final = "back"
"""To where the thread stood before it was interrupted."""
REQUEST: Final = "request"
REFUSE: Final = "case.refuse"
REFUSE_PART: Final = "case.refuse (part)"
"""Rows of the table that are not one kind: every request, and a refusal of a part."""
RECALL: Final = "information.recall"
REOPEN: Final = "case.reopen"
_TRANSFER: Final = "case.transfer"

Step = State | Literal["back"]
Moves = Mapping[State | None, Step]
"""From each state that allows it, to the next; None is a thread in which nothing was asked."""


def _all(states: Iterable[State], to: Step) -> Moves:
    return dict.fromkeys(states, to)


def _same(*states: State) -> Moves:
    return {state: state for state in states}


TABLE: Final[Mapping[tuple[str, Side], Moves]] = {
    (REQUEST, Side.ASKER): {None: State.SUBMITTED},
    ("case.acknowledge", Side.ASKED): {State.SUBMITTED: State.IN_PROGRESS},
    ("case.clarify", Side.ASKED): _all((State.SUBMITTED, *WORKING), State.INCOMPLETE),
    ("case.supplement", Side.ASKER): {State.INCOMPLETE: BACK},
    ("case.transfer", Side.ASKED): _same(*WORKING),
    ("case.conditions", Side.ASKED): _all(WORKING, State.CONDITIONS),
    ("case.accept_conditions", Side.ASKER): {State.CONDITIONS: BACK},
    ("case.decline_conditions", Side.ASKER): {State.CONDITIONS: State.WITHDRAWN},
    ("case.interim", Side.ASKED): _same(*WORKING),
    ("case.extend", Side.ASKED): _same(*WORKING),
    ("case.remind", Side.ASKER): _same(State.SUBMITTED, *WORKING),
    ("case.postpone", Side.ASKED): _all(WORKING, State.POSTPONED),
    ("case.resume", Side.ASKED): {State.POSTPONED: BACK},
    ("case.partial_reply", Side.ASKED): _all((State.SUBMITTED, *WORKING), State.PARTIAL),
    ("case.reply", Side.ASKED): _all((State.SUBMITTED, *WORKING), State.ANSWERED),
    (REFUSE_PART, Side.ASKED): {
        State.SUBMITTED: State.PARTIAL,
        State.IN_PROGRESS: State.PARTIAL,
        State.PARTIAL: State.ANSWERED,
    },
    ("case.refuse", Side.ASKED): _all(OPEN, State.REFUSED),
    ("case.withdraw", Side.ASKER): _all(OPEN, State.WITHDRAWN),
    ("case.feedback", Side.ASKER): _all((State.ANSWERED, State.REFUSED), State.CLOSED),
    ("case.close", Side.ASKER): _all((State.ANSWERED, State.REFUSED), State.CLOSED),
    ("case.reopen", Side.ASKER): {State.CLOSED: State.IN_PROGRESS},
    (RECALL, Side.ASKER): _same(*State),
    (RECALL, Side.ASKED): _same(*State),
}
"""Every move there is: which kind, from which side, in which states, and what comes next."""

_INTERRUPTED = (State.INCOMPLETE, State.CONDITIONS, State.POSTPONED)
_NAMED = {kind for kind, _ in TABLE} - {REQUEST, REFUSE_PART}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Where a thread stands. Times are UTC seconds by the clocks of who signed."""

    pair: Pair
    state: State | None = None
    """None until something is asked."""
    before: State | None = None
    """Where it stood before it was interrupted, while it is."""
    kind: str = ""
    """What is asked."""
    legal_basis: str = ""
    opened_at: int = 0
    """When it was asked, or asked again: from here the clocks run."""
    entered_at: int = 0
    """Since when it is in this state."""
    reply_by: date | None = None
    """The date that the asker wished for."""
    due_on: date | None = None
    """The newest date for the answer that was named since."""
    pause_ends_on: date | None = None
    """By when an interruption should be over, where a date was named."""
    urgent: bool = False
    oral_to_be_confirmed: bool = False
    """Asked orally first, and the administration asked has not taken up the writing yet."""

    @property
    def is_open(self) -> bool:
        """Whether an answer is owed."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An event in its place, and the state after it."""

    event: Event
    state: State | None
    out_of_order: bool
    """The state did not allow it: it is kept, and moved nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A thread with all that was said in it, in order."""

    thread: Thread
    said: tuple[Said, ...]

    @property
    def out_of_order(self) -> tuple[str, ...]:
        """The names of what moved nothing."""
        return tuple(item.event.name for item in self.said if item.out_of_order)

    @property
    def recalled(self) -> frozenset[str]:
        """The names of the messages whose sender took them back."""
        moved = (item.event for item in self.said if not item.out_of_order)
        return frozenset(event.in_reply_to for event in moved if event.kind == RECALL)

    @property
    def is_transferred(self) -> bool:
        """Whether the administration asked gave it to the authority that is competent."""
        turns = [
            item.event.kind
            for item in self.said
            if item.event.kind in (_TRANSFER, REOPEN) and not item.out_of_order
        ]
        return self.thread.is_open and turns[-1:] == [_TRANSFER]


def is_event(kind: str) -> bool:
    """Tell whether messages of a kind are part of threads."""
    return kind in _NAMED or kind.startswith("request.")


def row_of(event: Event) -> str:
    """Return the row of the table that an event is looked up in."""
    if event.kind.startswith("request."):
        return REQUEST
    return REFUSE_PART if event.kind == "case.refuse" and event.part else event.kind


@dataclass(frozen=True, slots=True)
class Move:
    """A cell of the table for a kind, as it is published."""

    by: Side
    state: State | None
    """Which allows it; None before anything was asked."""
    to: Step
    part: bool
    """Only if it is about a part."""


def moves_of(kind: str) -> list[Move]:
    """Return what a kind does to threads; nothing for kinds that are no part of them."""
    rows = {REQUEST} if kind.startswith("request.") else {kind, f"{kind} (part)"}
    return [
        Move(side, state, step, part=row == REFUSE_PART)
        for (row, side), moves in TABLE.items()
        if row in rows
        for state, step in moves.items()
    ]


def possible(state: State, side: Side) -> list[str]:
    """Return the kinds of the conduct that a state lets one side say."""
    return [
        row
        for (row, by), moves in TABLE.items()
        if by is side and state in moves and row in _NAMED - {RECALL}
    ]


def fold(pair: Pair, events: Iterable[Event]) -> Folded:
    """Return where the thread of ``pair`` stands after ``events``, in whatever order they come."""
    thread = Thread(pair=pair)
    said: list[Said] = []
    for event in in_order(events):
        try:
            thread = advance(thread, event)
            out_of_order = False
        except ConflictError:
            out_of_order = True
        said.append(Said(event=event, state=thread.state, out_of_order=out_of_order))
    return Folded(thread=thread, said=tuple(said))


def advance(thread: Thread, event: Event) -> Thread:
    """Return the thread after ``event``. Raises ConflictError ``not_in_this_state``."""
    side = thread.pair.side_of(event)
    moves = {} if side is None else TABLE.get((row_of(event), side), {})
    step = moves.get(thread.state)
    if step is None or not _is_in_time(thread, event) or not takes_back_own(event):
        raise ConflictError(
            "not_in_this_state",
            f"{event.kind} by {event.member}: what {thread.pair.asker} asked {thread.pair.asked} "
            f"is {thread.state or 'not asked'}, which does not allow it",
        )
    after = thread.before if step == BACK else State(step)
    return _with_effects(thread, event, side, after)


def check_admits(pair: Pair, events: Iterable[Event], said: Event) -> None:
    """Let pass what can be said now, after all that is known, without a word losing its effect.

    Raises ConflictError ``not_in_this_state``, or ``not_the_newest`` for what would come before a
    message that its sender has seen.
    """
    events = list(events)
    before = fold(pair, events)
    wanted = advance(before.thread, said)
    after = fold(pair, [*events, said])
    if after.thread != wanted or after.out_of_order != before.out_of_order:
        raise ConflictError(
            "not_the_newest",
            f"{said.kind} would be read before {before.said[-1].event.name}: answer the newest "
            "message of the thread, or name the case alone",
        )


def _is_in_time(thread: Thread, event: Event) -> bool:
    return event.kind != REOPEN or event.created_at - thread.entered_at <= REOPEN_WITHIN_S


def takes_back_own(event: Event) -> bool:
    """Tell whether an event recalls nothing that somebody else sent."""
    return event.kind != RECALL or event.in_reply_to.rpartition("-")[0] == event.member


def _with_effects(thread: Thread, event: Event, side: Side | None, after: State | None) -> Thread:
    if event.kind == RECALL:
        return thread
    moved = after != thread.state
    changed: dict[str, Any] = {"state": after, "before": None, "pause_ends_on": None}
    if moved:
        changed["entered_at"] = event.created_at
    if row_of(event) == REQUEST:
        return replace(thread, **changed, **_asked(event))
    if side is Side.ASKED:
        changed["oral_to_be_confirmed"] = False
    if event.kind == REOPEN:
        changed |= {"opened_at": event.created_at, "reply_by": None, "due_on": event.due_on}
    elif after in _INTERRUPTED:
        changed |= {"before": thread.state, "pause_ends_on": event.due_on}
    elif event.due_on is not None:
        changed["due_on"] = event.due_on
    return replace(thread, **changed)


def _asked(event: Event) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "legal_basis": event.legal_basis,
        "opened_at": event.created_at,
        "reply_by": event.due_on,
        "urgent": event.urgent,
        "oral_to_be_confirmed": event.made_orally,
    }
