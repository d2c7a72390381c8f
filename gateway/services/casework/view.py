"""A case as the house sees it: in the list of what is due, and with all that was said in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gateway.cases.clocks import Task
from gateway.cases.kind import Kind
from gateway.cases.thread import Said, State
from gateway.cases.wording import STATES, TASKS
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import message_ref
from gateway.store.messages import MessageSummary
from gateway.store.threads import NEVER, ThreadRow


class DueView(msgspec.Struct, frozen=True, kw_only=True):
    """What is due next."""

    task: Task
    label: str
    by: str
    """The member that has to act."""
    at: int
    """The first second at which it is late."""


class ReminderView(msgspec.Struct, frozen=True, kw_only=True):
    """When to tell a member that something will be due, or is late."""

    at: int
    to: str
    task: Task
    is_late: bool


class ThreadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What one administration asked another, and where that stands."""

    case: str
    asker: str
    asked: str
    kind: str
    label: str
    state: State
    state_label: str
    flags: list[str]
    opened_at: int
    entered_at: int
    due: DueView | None
    out_of_order: int
    """How many messages moved nothing, because the state did not allow them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOutline:
    """What a case shows of a draft that waits, of what is sealed."""

    to: Sequence[str]
    unit: str
    opens: bool
    """Whether the case begins with it."""


class DraftedView(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a second person in a case: nothing that either side goes by yet."""

    id: str
    case: str
    to: list[str]
    """Empty where it cannot be opened any more."""
    kind: str
    label: str
    opens: bool
    """Whether the case begins with it, once it is released."""
    rule: str
    drafted_by: str
    drafted_at: int
    until: int


class CasePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of threads, what is due first before the rest."""

    threads: list[ThreadSummary]
    cursor: str | None
    drafts: list[DraftedView] = []
    """On the first page of what is not finished: the requests that wait to open a case."""


class SaidView(msgspec.Struct, frozen=True, kw_only=True):
    """A message in its place in a thread."""

    id: str
    direction: str
    sender: str = msgspec.field(name="from")
    on_behalf_of: str
    to: list[str]
    kind: str
    label: str
    created_at: int
    in_reply_to: str
    state: State | None
    """The state of the thread after it; none for what is beside the threads."""
    state_label: str
    out_of_order: bool
    marks: list[str]
    """``recalled``, ``rectified``: what its sender did with it since; ``reported`` of a recall."""


class ThreadDetail(ThreadSummary, frozen=True, kw_only=True):
    """A thread with what was said in it, in order."""

    correctable_until: int | None
    """Until when a correction may be asked for."""
    reopenable_until: int | None
    """Until when what is closed may be opened again."""
    reminders: list[ReminderView]
    recalled: list[str]
    messages: list[SaidView]


class CaseDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A case: its threads, and its messages that belong to none."""

    case: str
    threads: list[ThreadDetail]
    others: list[SaidView]
    drafts: list[DraftedView] = []
    """What waits for a second person."""


def summary_of(
    row: ThreadRow, kinds: Mapping[str, Kind], language: str, *, delivered: bool, now: int
) -> ThreadSummary:
    """Return a thread as a list shows it."""
    state = State(row.state)
    return ThreadSummary(
        case=row.case_id.hex(),
        asker=row.asker,
        asked=row.asked,
        kind=row.kind,
        label=_label(row.kind, kinds, language),
        state=state,
        state_label=STATES[state].text(language),
        flags=list(_flags(row, now, delivered=delivered)),
        opened_at=row.opened_at,
        entered_at=row.entered_at,
        due=_due(row, language),
        out_of_order=row.out_of_order,
    )


def said_view(
    item: MessageSummary,
    kinds: Mapping[str, Kind],
    language: str,
    said: Said | None = None,
    marks: Sequence[str] = (),
) -> SaidView:
    """Return a message of a case; ``said`` is its place in a thread."""
    state = None if said is None else said.state
    return SaidView(
        id=message_ref(item.sender, item.message_id),
        direction=item.direction,
        sender=item.sender,
        on_behalf_of=item.on_behalf_of,
        to=list(parse_header(item.header).to),
        kind=item.kind,
        label=_label(item.kind, kinds, language),
        created_at=item.created_at,
        in_reply_to=item.in_reply_to,
        state=state,
        state_label="" if state is None else STATES[state].text(language),
        out_of_order=said is not None and said.out_of_order,
        marks=list(marks),
    )


def _due(row: ThreadRow, language: str) -> DueView | None:
    if row.due_at == NEVER:
        return None
    task = Task(row.due_task)
    return DueView(task=task, label=TASKS[task].text(language), by=row.due_by, at=row.due_at)


def _flags(row: ThreadRow, now: int, *, delivered: bool) -> Iterable[str]:
    if row.urgent:
        yield "urgent"
    if row.oral_to_be_confirmed:
        yield "oral_to_be_confirmed"
    if row.recalled:
        yield "recalled"
    if row.due_at <= now:
        yield "overdue"
    if row.lapses_at <= now:
        yield "lapsed"
    if delivered and row.state == State.SUBMITTED:
        yield "delivered"


def _label(kind: str, kinds: Mapping[str, Kind], language: str) -> str:
    known = kinds.get(kind)
    return kind if known is None else known.label.text(language)
