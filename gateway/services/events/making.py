"""What events become of what is stored: pure, one function for each thing that is looked at."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from gateway.cases.threads.retention import FOREVER, Standing
from gateway.settings import EventType
from gateway.store.drafts import DraftFacts, DraftState
from gateway.store.event_sources import Alarm, CaseName, Ended, Marked, StoredWord
from gateway.store.events import NewEvent
from gateway.store.marks import MarkKind
from gateway.store.messages import IN, OUT, SERVICE
from gateway.store.outbox.states import OutboxState
from gateway.store.retentions import Retention
from gateway.store.threads import StoredThread
from keys.registry.statement import Kind, Statement
from keys.suite import digest

REMIND: Final = "case.remind"
Names = Mapping[int, tuple[str, bytes]]
"""Sender and id of messages, by row."""
CaseNames = Mapping[bytes, CaseName]

_ENDS: Final[Mapping[str, EventType]] = {
    OutboxState.DELIVERED: EventType.MESSAGE_DELIVERED,
    OutboxState.FAILED: EventType.MESSAGE_FAILED,
    OutboxState.EXPIRED: EventType.MESSAGE_EXPIRED,
    OutboxState.WITHDRAWN: EventType.MESSAGE_WITHDRAWN,
}
_DRAFTS: Final[Mapping[DraftState, EventType]] = {
    DraftState.AWAITING_RELEASE: EventType.MESSAGE_AWAITING_RELEASE,
    DraftState.DECLINED: EventType.MESSAGE_DECLINED,
    DraftState.WITHDRAWN: EventType.MESSAGE_WITHDRAWN,
    DraftState.EXPIRED: EventType.MESSAGE_EXPIRED,
}
_MARKS: Final[Mapping[str, EventType]] = {
    MarkKind.RECALLED: EventType.MESSAGE_RECALLED,
    MarkKind.RECTIFIED: EventType.MESSAGE_RECTIFIED,
}
_STANDINGS: Final[Mapping[Kind, EventType]] = {
    Kind.ADMIT: EventType.MEMBER_ADMITTED,
    Kind.SUSPEND: EventType.MEMBER_SUSPENDED,
    Kind.RESUME: EventType.MEMBER_RESUMED,
}
_STANDS: Final[Mapping[Standing, EventType]] = {
    Standing.OPEN: EventType.CASE_LIFTED,
    Standing.RESTRICTED: EventType.CASE_RESTRICTED,
    Standing.PURGED: EventType.CASE_PURGED,
}
DATES: Final[Mapping[EventType, str]] = {
    EventType.CASE_DUE_SOON: "remind_at",
    EventType.CASE_OVERDUE: "due_at",
    EventType.CASE_LAPSED: "lapses_at",
}
"""Which date of a thread lets which event be."""


def of_words(stored: Iterable[StoredWord], released: Collection[bytes]) -> Iterator[NewEvent]:
    """Yield what messages are told of by themselves; ``released`` are the ids of some of ours."""
    for item in stored:
        types = [EventType.MESSAGE_RECEIVED] if item.direction == IN else []
        if item.direction == OUT and item.message_id in released:
            types.append(EventType.MESSAGE_RELEASED)
        if item.kind == REMIND and item.direction != SERVICE:
            types.append(EventType.CASE_REMINDED)
        for kind in types:
            yield NewEvent(
                type=kind,
                at=item.stored_at,
                sender=item.sender,
                message_id=item.message_id,
                case_id=item.case_id,
                member=item.sender,
                kind=item.kind,
            )


def of_drafts(stored: Iterable[DraftFacts], me: str) -> Iterator[NewEvent]:
    """Yield what waits for a second person, and what ended without becoming a message; once."""
    for item in stored:
        kind = _DRAFTS[item.state]
        yield NewEvent(
            type=kind,
            at=item.drafted_at if item.decided_at is None else item.decided_at,
            once=digest(b"draft", item.message_id, kind.encode()),
            sender=me,
            message_id=item.message_id,
            case_id=item.case_id,
            kind=item.kind,
            code=item.rule,
            due_at=item.release_until if item.decided_at is None else None,
        )


def of_endings(stored: Iterable[Ended]) -> Iterator[NewEvent]:
    """Yield how deliveries ended, each time once."""
    for item in stored:
        if item.state not in _ENDS:
            continue
        place = item.row_id.to_bytes(8, "big") + item.settled_at.to_bytes(8, "big")
        yield NewEvent(
            type=_ENDS[item.state],
            at=item.settled_at,
            once=b"end" + place + item.state[:1].encode(),
            sender=item.sender,
            message_id=item.message_id,
            case_id=item.case_id,
            member=item.recipient,
            kind=item.kind,
            code=item.code,
        )


def of_marks(stored: Iterable[Marked]) -> Iterator[NewEvent]:
    """Yield what senders took back or corrected; what others report of it came as a message."""
    for item in stored:
        if item.kind not in _MARKS:
            continue
        yield NewEvent(
            type=_MARKS[item.kind],
            at=item.heard_at,
            sender=item.sender,
            message_id=item.message_id,
            case_id=item.case_id,
            member=item.sender,
        )


def of_threads(stored: Iterable[StoredThread], names: Names, me: str) -> Iterator[NewEvent]:
    """Yield where threads stand, once for each time that they came there.

    What came in a purged case moves nothing.
    """
    for item in stored:
        if item.state == Standing.PURGED:
            continue
        yield _thread_event(
            EventType.CASE_CHANGED,
            item,
            names,
            at=item.entered_at,
            code=item.state,
            member=item.asked if item.asker == me else item.asker,
        )


def of_dates(
    kind: EventType, stored: Iterable[StoredThread], names: Names, now: int
) -> Iterator[NewEvent]:
    """Yield the dates that came in threads, once for each date; what is late is not due soon."""
    for item in stored:
        if kind is EventType.CASE_DUE_SOON and item.due_at <= now:
            continue
        lapsed = kind is EventType.CASE_LAPSED
        yield _thread_event(
            kind,
            item,
            names,
            at=getattr(item, DATES[kind]),
            code="answer" if lapsed else item.due_task,
            member=item.asked if lapsed else item.due_by,
            due_at=item.lapses_at if lapsed else item.due_at,
        )


def of_standings(decided: Iterable[Retention], names: CaseNames, me: str) -> Iterator[NewEvent]:
    """Yield how far cases are open since somebody decided it, once for each decision."""
    for item in decided:
        kind, at = _STANDS[item.standing], item.stands_since
        yield _case_event(kind, item.case_id, names, me, at=at, code=item.reason)


def of_keepings(decided: Iterable[Retention], names: CaseNames, me: str) -> Iterator[NewEvent]:
    """Yield which cases are kept, and until when, once for each decision."""
    for item in decided:
        held = item.keep_until == FOREVER
        yield _case_event(
            EventType.CASE_HELD if held else EventType.CASE_KEPT,
            item.case_id,
            names,
            me,
            at=item.kept_at,
            code=item.kept_reason,
            due_at=None if held else item.keep_until,
        )


def of_reviews(due: Iterable[tuple[bytes, int]], names: CaseNames, me: str) -> Iterator[NewEvent]:
    """Yield which cases are to be reviewed since when, once for each such time."""
    for case_id, at in due:
        yield _case_event(EventType.CASE_REVIEW_DUE, case_id, names, me, at=at)


def of_alarms(stored: Iterable[Alarm]) -> Iterator[NewEvent]:
    """Yield what is wrong with logs, once each."""
    for item in stored:
        yield NewEvent(
            type=EventType.AUDIT_ALARM,
            at=item.seen_at,
            once=digest(b"alarm", f"{item.verdict}\n{item.row_id}".encode()),
            member=item.about[:32],
            code=item.verdict,
        )


def of_statements(statements: Iterable[Statement]) -> Iterator[NewEvent]:
    """Yield who was admitted, suspended, resumed."""
    for item in statements:
        if item.kind in _STANDINGS:
            yield NewEvent(type=_STANDINGS[item.kind], at=item.at, member=item.member)


def of_keys(ends: Mapping[str, int], now: int, lead_s: int) -> Iterator[NewEvent]:
    """Yield the keys that end soon, once for each end."""
    for use, end in sorted(ends.items()):
        if end and end - lead_s <= now:
            yield NewEvent(
                type=EventType.KEY_EXPIRING,
                at=max(end - lead_s, 0),
                once=digest(b"key", f"{use}\n{end}".encode()),
                code=use,
                due_at=end,
            )


def _thread_event(
    kind: EventType,
    item: StoredThread,
    names: Names,
    *,
    at: int,
    code: str,
    member: str,
    due_at: int | None = None,
) -> NewEvent:
    sender, message_id = names.get(item.request_row, ("", None))
    parts: Sequence[str] = (kind, item.asker, item.asked, code, str(at))
    return NewEvent(
        type=kind,
        at=at,
        once=digest(item.case_id, "\n".join(parts).encode()),
        sender=sender,
        message_id=message_id,
        case_id=item.case_id,
        member=member,
        kind=item.kind,
        code=code,
        due_at=due_at,
    )


def _case_event(
    kind: EventType,
    case_id: bytes,
    names: CaseNames,
    me: str,
    *,
    at: int,
    code: str = "",
    due_at: int | None = None,
) -> NewEvent:
    """Return what is told of a whole case, by its first message."""
    name = names.get(case_id)
    others = [] if name is None else [one for one in name.members if one != me]
    return NewEvent(
        type=kind,
        at=at,
        once=digest(case_id, f"{kind}\n{at}".encode()),
        sender="" if name is None else name.sender,
        message_id=None if name is None else name.message_id,
        case_id=case_id,
        member=others[0] if len(others) == 1 else "",
        kind="" if name is None else name.kind,
        code=code,
        due_at=due_at,
    )
