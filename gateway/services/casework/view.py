"""A case as the house sees it: in the list of what is due, and with all that was said in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gateway.cases.kind import Kind
from gateway.cases.threads.clocks import Task
from gateway.cases.threads.retention import (
    FOREVER,
    RETENTION_REASONS,
    STANDINGS,
    CaseState,
    RetentionReason,
    Standing,
)
from gateway.cases.threads.thread import Said, State
from gateway.cases.threads.wording import STATES, TASKS
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import message_ref
from gateway.protocol.receipt import ReceiptKind, parse_receipt
from gateway.store.messages import MessageSummary
from gateway.store.retentions import Retention
from gateway.store.threads import NEVER, ThreadRow, buried
from keys.suite import digest


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
    state: CaseState
    """Of the thread, or how far its case is open: ``restricted``, ``purged``."""
    state_label: str
    flags: list[str]
    opened_at: int
    entered_at: int
    due: DueView | None
    out_of_order: int
    """How many messages moved nothing, because the state did not allow them."""
    review_at: int | None
    """From when on its retention is to be reviewed; none while it runs, or without a rule."""


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


class RetentionView(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a case that is over, by whom and why; times are UTC seconds."""

    standing: Standing
    standing_label: str
    stands_by: str
    """Who let it stand so; empty for the node, by a rule of its settings."""
    stands_since: int
    reason: str
    reason_label: str
    reference: str
    keep_until: int | None
    held: bool
    """Whether it is kept without end, on a legal hold."""
    kept_by: str
    kept_at: int
    kept_reason: str
    kept_reason_label: str
    kept_reference: str


class ReceiptLeft(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt of a message that is purged."""

    member: str
    at: int
    sha256: str


class TombstoneView(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a message."""

    id: str
    purged_at: int
    envelope_id: str
    tbs_digest: str
    """What it was, whatever envelope brought it."""
    receipts: list[ReceiptLeft]


class CaseDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A case: its threads, and its messages that belong to none."""

    case: str
    threads: list[ThreadDetail]
    others: list[SaidView]
    retention: RetentionView | None
    """None where nothing was decided."""
    tombstones: list[TombstoneView]
    """Of its messages that are purged."""
    drafts: list[DraftedView] = []
    """What waits for a second person."""


def summary_of(
    row: ThreadRow,
    kinds: Mapping[str, Kind],
    language: str,
    *,
    delivered: bool,
    decided: Retention | None,
    now: int,
) -> ThreadSummary:
    """Return a thread as a list shows it."""
    if decided is not None and decided.standing is Standing.PURGED:
        row = buried(row)  # whatever was folded while it was purged
    state, label = CaseState(row.state), STANDINGS[Standing.PURGED]
    if state is not CaseState.PURGED:
        label = STATES[State(row.state)]
    if decided is not None and decided.standing is Standing.RESTRICTED:
        state, label = CaseState.RESTRICTED, STANDINGS[decided.standing]
    return ThreadSummary(
        case=row.case_id.hex(),
        asker=row.asker,
        asked=row.asked,
        kind=row.kind,
        label=_label(row.kind, kinds, language),
        state=state,
        state_label=label.text(language),
        flags=list(_flags(row, decided, now, delivered=delivered)),
        opened_at=row.opened_at,
        entered_at=row.entered_at,
        due=_due(row, language),
        out_of_order=row.out_of_order,
        review_at=_review_at(row, decided),
    )


def retention_view(decided: Retention | None, language: str) -> RetentionView | None:
    """Return what was decided about a case."""
    if decided is None:
        return None
    held = decided.keep_until == FOREVER
    return RetentionView(
        standing=decided.standing,
        standing_label=STANDINGS[decided.standing].text(language),
        stands_by=decided.stands_by,
        stands_since=decided.stands_since,
        reason=decided.reason,
        reason_label=_reason(decided.reason, language),
        reference=decided.reference,
        keep_until=None if held or not decided.keep_until else decided.keep_until,
        held=held,
        kept_by=decided.kept_by,
        kept_at=decided.kept_at,
        kept_reason=decided.kept_reason,
        kept_reason_label=_reason(decided.kept_reason, language),
        kept_reference=decided.kept_reference,
    )


def tombstone_view(item: MessageSummary, receipts: Iterable[bytes]) -> TombstoneView:
    """Return what is left of a message."""
    return TombstoneView(
        id=message_ref(item.sender, item.message_id),
        purged_at=item.purged_at or 0,
        envelope_id=item.envelope_id.hex(),
        tbs_digest=item.tbs_digest.hex(),
        receipts=[
            ReceiptLeft(member=read.recipient, at=read.at, sha256=digest(encoded).hex())
            for encoded in receipts
            if (read := parse_receipt(encoded)).kind is ReceiptKind.DELIVERY
        ],
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


def _reason(reason: str, language: str) -> str:
    """Return why something was decided, in words."""
    return RETENTION_REASONS[RetentionReason(reason)].text(language) if reason else ""


def _review_at(row: ThreadRow, decided: Retention | None) -> int | None:
    """Return when a review is due: when what was decided says so, if that is later."""
    if row.review_at == NEVER or (decided and decided.standing is not Standing.OPEN):
        return None
    at = max(row.review_at, 0 if decided is None else decided.keep_until)
    return None if at == FOREVER else at


def _flags(
    row: ThreadRow, decided: Retention | None, now: int, *, delivered: bool
) -> Iterable[str]:
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
    review_at = _review_at(row, decided)
    if review_at is not None and review_at <= now:
        yield "review_due"
    if decided is not None and decided.keep_until == FOREVER:
        yield "held"


def _label(kind: str, kinds: Mapping[str, Kind], language: str) -> str:
    known = kinds.get(kind)
    return kind if known is None else known.label.text(language)
