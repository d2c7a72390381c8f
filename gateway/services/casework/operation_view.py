"""An operation as the house sees it: in a list, and with all that was said in it."""

from collections.abc import Mapping

import msgspec

from gateway.cases.families import operations as content_types
from gateway.cases.fields.labels import Label
from gateway.cases.kind import Kind
from gateway.cases.threads.operation_fold import Counted, Folded, Operation
from gateway.protocol.message import message_ref
from gateway.services.casework.view import SaidView, said_view
from gateway.store.messages import MessageSummary

STATES: Mapping[str, Label] = {
    "open": Label("open", "ouverte"),
    "over": Label("over, to be closed", "terminée, à clore"),
    "closed": Label("closed", "close"),
}


class OperationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A closed group that works together until a day."""

    id: str
    """The message that opened it."""
    case: str
    name: str
    opened_by: str
    starts_on: str
    ends_on: str
    state: str
    """``open``, ``over`` once its last day (UTC) has passed, or ``closed``."""
    state_label: str
    group: list[str]
    joined: list[str]
    reports: int
    controls: int
    seizures: int


class OperationPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of operations; ``cursor`` asks for those that come after."""

    operations: list[OperationSummary]
    cursor: str | None


class CountedView(msgspec.Struct, frozen=True, kw_only=True):
    """What a member's reports count together."""

    member: str
    reports: int
    controls: int
    seizures: int


class DoneView(SaidView, frozen=True, kw_only=True):
    """A message in its place in an operation."""

    code: str
    """Why it moved nothing; empty where it did."""


class OperationDetail(OperationSummary, frozen=True, kw_only=True):
    """An operation with what was reported and said."""

    template: list[str]
    """What every report states."""
    closed_at: int | None
    counted: list[CountedView]
    messages: list[DoneView]


def summary_of(
    item: MessageSummary, folded: Folded, opened: content_types.Open, now: int, language: str
) -> OperationSummary:
    """Return an operation as a list shows it."""
    operation = folded.operation
    counted = folded.counted.values()
    state = _state(operation, now)
    return OperationSummary(
        id=message_ref(item.sender, item.message_id),
        case=item.case_id.hex(),
        name=opened.operation,
        opened_by=item.sender,
        starts_on=opened.starts_on,
        ends_on=opened.ends_on,
        state=state,
        state_label=STATES[state].text(language),
        group=sorted(operation.opening.group),
        joined=sorted(operation.joined),
        reports=sum(each.reports for each in counted),
        controls=sum(each.controls for each in counted),
        seizures=sum(each.seizures for each in counted),
    )


def detail_of(
    item: MessageSummary,
    folded: Folded,
    opened: content_types.Open,
    by_name: Mapping[str, MessageSummary],
    *,
    now: int,
    kinds: Mapping[str, Kind],
    language: str,
) -> OperationDetail:
    """Return an operation with what was said in it, in order."""
    summary = summary_of(item, folded, opened, now, language)
    return OperationDetail(
        **msgspec.structs.asdict(summary),
        template=list(opened.template),
        closed_at=folded.operation.closed_at,
        counted=[_counted(name, each) for name, each in sorted(folded.counted.items())],
        messages=[
            _done(by_name[name], code, kinds, language)
            for name, code in (
                (folded.operation.opening.name, ""),
                *((done.act.name, done.code) for done in folded.done),
            )
        ],
    )


def _state(operation: Operation, now: int) -> str:
    if operation.closed_at is not None:
        return "closed"
    return "over" if operation.is_over(now) else "open"


def _counted(member: str, counted: Counted) -> CountedView:
    return CountedView(
        member=member,
        reports=counted.reports,
        controls=counted.controls,
        seizures=counted.seizures,
    )


def _done(item: MessageSummary, code: str, kinds: Mapping[str, Kind], language: str) -> DoneView:
    shown = msgspec.structs.asdict(said_view(item, kinds, language))
    return DoneView(**{**shown, "out_of_order": bool(code), "code": code})
