"""What events are made of what is stored: pure, and each with what it is once."""

from dataclasses import asdict, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.threads.clocks import Task
from gateway.cases.threads.retention import FOREVER, Standing
from gateway.services.events import making
from gateway.settings import EventType
from gateway.store.drafts import DraftState
from gateway.store.event_sources import CaseName, Ended
from gateway.store.outbox.states import OutboxState
from gateway.store.retentions import Retention
from gateway.store.threads import NEVER, StoredThread

NOW = 1_790_000_000
times = st.integers(min_value=NOW - 10**6, max_value=NOW + 10**6)
THREAD = dict.fromkeys(StoredThread.__dataclass_fields__, "") | {
    "row_id": 1, "case_id": bytes(16), "asker": "XA", "asked": "XB", "request_row": 7,
    "kind": "request.information", "state": "submitted", "due_task": Task.ACKNOWLEDGE.value,
    "due_by": "XB", "entered_at": NOW, "due_at": NEVER, "lapses_at": NEVER, "remind_at": NEVER,
}  # fmt: skip


@st.composite
def threads(draw: st.DrawFn) -> StoredThread:
    """Draw a thread with dates."""
    changes: dict[str, Any] = {
        "case_id": draw(st.binary(min_size=16, max_size=16)),
        "asked": draw(st.sampled_from(["XB", "XC"])),
        "due_at": draw(times), "remind_at": draw(times), "lapses_at": draw(times),
    }  # fmt: skip
    return replace(StoredThread(**THREAD), **changes)  # type: ignore[arg-type]


@given(found=st.lists(threads(), max_size=8), now=times)
def test_dates_are_once_for_each_thread_and_date(found: list[StoredThread], now: int) -> None:
    """Whatever else changes of a thread; what is late already is not due soon."""
    for kind, column in making.DATES.items():
        made = [*making.of_dates(kind, found, {7: ("XA", bytes(16))}, now)]
        moved = [replace(item, row_id=99, out_of_order=5, state="partial") for item in found]
        again = [*making.of_dates(kind, moved, {}, now)]
        assert [item.once for item in made] == [item.once for item in again]
        keys = {
            (item.case_id, item.asked, getattr(item, column))
            for item in found
            if kind is not EventType.CASE_DUE_SOON or item.due_at > now
        }
        assert len({item.once for item in made}) == len(keys)
        assert all(len(item.once or b"") == 32 and item.message_id for item in made)
        later = [replace(item, **{column: getattr(item, column) + 1}) for item in found]
        other = {item.once for item in making.of_dates(kind, later, {}, now)}
        if len(found) == 1:
            assert not other & {item.once for item in made}


def decision(number: int, **changes: Any) -> Retention:
    """Return what was decided about a case."""
    return Retention(case_id=bytes([number]) * 16, unit="value", **changes)


def named(number: int, *members: str) -> CaseName:
    """Return what a case is told of by."""
    case_id = bytes([number]) * 16
    return CaseName(
        case_id=case_id, sender="XA", message_id=bytes(16), kind="request.information",
        members=frozenset(members),
    )  # fmt: skip


@given(at=times, until=times, standing=st.sampled_from(Standing), held=st.booleans())
def test_decisions_are_once_for_each_case_and_time(
    at: int, until: int, standing: Standing, held: bool
) -> None:
    """By ids, times and a reason: no file number, no unit, nobody's name."""
    secret = {"reference": "T-9/27", "kept_reference": "T-9/28", "stands_by": "uid:1"}
    item = decision(
        1, standing=standing, stands_since=at, reason="expired", kept_at=at, kept_by="uid:2",
        keep_until=FOREVER if held else until, kept_reason="needed", **secret,
    )  # fmt: skip
    names = {item.case_id: named(1, "XA", "XB")}
    for make, word in ((making.of_standings, "stands_since"), (making.of_keepings, "kept_at")):
        ((one,), (again,), (later,), (other,)) = (
            [*make([changed], names, "XA")]
            for changed in (
                item, replace(item, reason="needed"), replace(item, **{word: at + 1}),
                replace(item, case_id=bytes(16)),
            )
        )  # fmt: skip
        assert one.once == again.once
        assert len({one.once, later.once, other.once}) == 3
        assert (one.at, one.member, one.kind) == (at, "XB", "request.information")
        assert (other.message_id, other.member, other.kind) == (None, "", "")
        told = {str(value) for value in asdict(one).values()}
        assert not told & {"T-9/27", "T-9/28", "uid:1", "uid:2", "value"}
    (kept,) = making.of_keepings([item], names, "XA")
    assert (kept.type, kept.due_at) == (
        (EventType.CASE_HELD, None) if held else (EventType.CASE_KEPT, until)
    )


def test_a_case_of_several_members_is_told_as_of_none() -> None:
    """Whom it concerns is named where it is one alone."""
    due = [(bytes([number]) * 16, NOW) for number in (1, 2)]
    names = {bytes([1]) * 16: named(1, "XA", "XB", "XC"), bytes([2]) * 16: named(2)}
    made = [*making.of_reviews(due, names, "XA")]
    assert [item.member for item in made] == ["", ""]
    assert len({item.once for item in made}) == 2
    assert [item.once for item in making.of_reviews(due, {}, "XB")] == [item.once for item in made]


@given(rows=st.lists(st.tuples(st.integers(1, 2**62), times, st.sampled_from(OutboxState))))
def test_endings_are_once_for_each_end(rows: list[tuple[int, int, OutboxState]]) -> None:
    """Of a row that ends twice, each end; of one that is open again, none."""
    ended = [
        Ended(row_id=row, state=state, settled_at=at, recipient="XB", code="", sender="XA",
              message_id=bytes(16), case_id=bytes(16), kind="ping")
        for row, at, state in rows
    ]  # fmt: skip
    made = [*making.of_endings(ended)]
    final = {OutboxState.DELIVERED, OutboxState.FAILED, OutboxState.EXPIRED, OutboxState.WITHDRAWN}
    distinct = {(row, at, state) for row, at, state in rows if state in final}
    assert len({item.once for item in made}) == len(distinct)
    assert all(item.once is not None and len(item.once) <= 32 for item in made)


@given(
    ends=st.dictionaries(st.sampled_from(["sign", "tls", "log"]), st.integers(0, 2**40)), now=times
)
def test_keys_are_told_of_before_their_end_alone(ends: dict[str, int], now: int) -> None:
    """None that is not there, none that is good for longer, each end once."""
    made = {item.code: item for item in making.of_keys(ends, now, 1000)}
    assert set(made) == {use for use, end in ends.items() if end and end - 1000 <= now}
    assert all(item.due_at == ends[use] for use, item in made.items())


def test_every_state_of_a_draft_that_is_no_message_is_told() -> None:
    """What was released is told with its message."""
    assert set(making._DRAFTS) == set(DraftState) - {DraftState.RELEASED}
