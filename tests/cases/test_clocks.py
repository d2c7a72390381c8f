"""Clocks: what is due when, where, and after how many months that have no such day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.deadlines import ASSISTANCE, ORIGIN, Term, Unit
from gateway.cases.kind import Family
from gateway.cases.kinds import CATALOGUE
from gateway.cases.threads.calendars import ANYWHERE, Calendar, months_after
from gateway.cases.threads.clocks import (
    USUAL,
    VERIFY_ORIGIN,
    Due,
    Policy,
    Task,
    correctable_until,
    due,
    lapsed,
    overdue,
    reminders,
)
from gateway.cases.threads.event import Pair, Side
from gateway.cases.threads.instruments import Instrument, policy_of
from gateway.cases.threads.thread import OPEN, WORKING, State, Thread
from tests.cases.told import PAIR, VERIFY, day

FRIDAY = int(datetime(2026, 1, 30, 16, tzinfo=UTC).timestamp())
DAY_S = 86_400


def at(text: str) -> int:
    """Return a time of day (UTC)."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def standing(state: State | None, **changes: object) -> Thread:
    """Return a thread that was opened on a Friday at 16:00 UTC, 30 January 2026."""
    thread = Thread(pair=PAIR, kind=VERIFY, state=state, opened_at=FRIDAY, entered_at=FRIDAY)
    return replace(thread, **changes)  # type: ignore[arg-type]


def when(thread: Thread, calendars: dict[str, Calendar] | None = None) -> tuple[Task, Side, int]:
    """Return what is due, by whom, and when."""
    found = due(thread, USUAL, calendars or {})
    assert found is not None
    return found.task, found.by, found.due_at


def test_an_acknowledgement_is_due_after_three_working_days() -> None:
    """At the end of the third, where the administration asked is; urgent ones in eight hours."""
    asked = standing(State.SUBMITTED)
    assert when(asked) == (Task.ACKNOWLEDGE, Side.ASKED, at("2026-02-05"))
    assert when(replace(asked, urgent=True))[2] == FRIDAY + 8 * 3600
    holidays = Calendar(holidays=frozenset({day("2026-02-02"), day("2026-02-07")}))
    assert when(asked, {"XB": holidays})[2] == at("2026-02-06")
    assert when(asked, {"XA": holidays})[2] == at("2026-02-05")
    gulf = Calendar(rest_days=frozenset({4, 5}), zone=timezone(timedelta(hours=4)))
    assert when(asked, {"XB": gulf})[2] == at("2026-02-03T20:00")


@pytest.mark.parametrize("state", WORKING)
def test_an_answer_is_due_when_the_instrument_says(state: State) -> None:
    """Three months, one if urgent, ten for origin: to the end of that day."""
    thread = standing(state)
    assert when(thread) == (Task.ANSWER, Side.ASKED, at("2026-05-01"))
    assert when(replace(thread, urgent=True))[2] == at("2026-03-01")
    for urgent in (True, False):
        origin = replace(thread, urgent=urgent, kind=VERIFY_ORIGIN)
        assert when(origin)[2] == at("2026-12-01")


def test_a_wish_shortens_and_a_named_date_decides() -> None:
    """A reply-by date after the term does not lengthen it; what was named since stands alone."""
    thread = standing(State.IN_PROGRESS)
    assert when(replace(thread, reply_by=day("2026-03-05")))[2] == at("2026-03-06")
    assert when(replace(thread, reply_by=day("2026-12-05")))[2] == at("2026-05-01")
    named = replace(thread, reply_by=day("2026-03-05"), due_on=day("2026-07-01"))
    assert when(named)[2] == at("2026-07-02")


@pytest.mark.parametrize(
    ("state", "task", "by"),
    [
        (State.INCOMPLETE, Task.SUPPLEMENT, Side.ASKER),
        (State.CONDITIONS, Task.DECIDE, Side.ASKER),
        (State.POSTPONED, Task.REVIEW, Side.ASKED),
    ],
)
def test_an_interruption_ends_at_its_date(state: State, task: Task, by: Side) -> None:
    """Or two months after it began, in the days of who must end it."""
    began = standing(state, entered_at=FRIDAY + 31 * DAY_S)
    assert when(began) == (task, by, at("2026-05-03"))
    dated = replace(began, pause_ends_on=day("2026-03-31"))
    assert when(dated) == (task, by, at("2026-04-01"))
    tokyo = Calendar(zone=timezone(timedelta(hours=9)))
    members = {Side.ASKER: "XA", Side.ASKED: "XB"}
    assert when(dated, {members[by]: tokyo})[2] == at("2026-03-31T15:00")
    del members[by]
    assert when(dated, dict.fromkeys(members.values(), tokyo))[2] == at("2026-04-01")


@pytest.mark.parametrize("state", [None, *(state for state in State if state not in OPEN)])
def test_nothing_is_due_where_nobody_waits(state: State | None) -> None:
    """Nor late, nor to be reminded of."""
    thread = standing(state)
    assert due(thread, USUAL, {}) is None
    assert overdue(thread, USUAL, {}, 2**52) is None
    assert not lapsed(thread, USUAL, {}, 2**52)
    assert reminders(thread, USUAL, {}) == ()
    assert correctable_until(thread, USUAL, {}) is None


def test_late_begins_with_the_second_after() -> None:
    """And a thread whose time ran out has lapsed, whatever it waits for; it does not end."""
    thread = standing(State.POSTPONED, pause_ends_on=day("2026-02-27"))
    assert overdue(thread, USUAL, {}, at("2026-02-28") - 1) is None
    late = overdue(thread, USUAL, {}, at("2026-02-28"))
    assert late is not None
    assert late.task is Task.REVIEW
    assert not lapsed(thread, USUAL, {}, at("2026-05-01") - 1)
    assert lapsed(thread, USUAL, {}, at("2026-05-01"))
    assert thread.state is State.POSTPONED


def test_corrections_are_asked_for_within_two_months() -> None:
    """While there is something to correct."""
    assert correctable_until(standing(State.SUBMITTED), USUAL, {}) == at("2026-03-31")
    assert correctable_until(standing(State.PARTIAL), USUAL, {}) == at("2026-03-31")
    assert correctable_until(standing(State.INCOMPLETE), USUAL, {}) is None


def test_reminders_come_before_and_at_the_date() -> None:
    """To who must act a week before, or at half the time; to both when it is late."""
    thread = standing(State.IN_PROGRESS)
    ahead, own, others = reminders(thread, USUAL, {})
    end = at("2026-05-01")
    assert (ahead.at, ahead.to, ahead.is_late) == (end - 7 * DAY_S, Side.ASKED, False)
    assert [(item.at, item.to) for item in (own, others)] == [
        (end, Side.ASKED), (end, Side.ASKER),
    ]  # fmt: skip
    short = reminders(standing(State.SUBMITTED, urgent=True), USUAL, {})
    assert short[0].at == FRIDAY + 4 * 3600
    past = standing(State.IN_PROGRESS, due_on=day("2026-01-01"))
    assert [item.is_late for item in reminders(past, USUAL, {})] == [True, True]


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-01-31", 3, "2026-04-30"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-01-31", 12, "2027-01-31"),
        ("2026-03-15", 10, "2027-01-15"),
        ("9999-12-28", 1, "9999-12-28"),
    ],
)
def test_months_end_where_they_end(start: str, months: int, end: str) -> None:
    """Never in the next one."""
    assert months_after(day(start), months) == day(end)


DAYS = st.dates(date(1, 1, 3), date(9999, 12, 28))
ZONES = st.sampled_from(
    [
        UTC,
        timezone(timedelta(hours=14)),
        timezone(timedelta(hours=-12)),
        ZoneInfo("America/Santiago"),
    ]
)
CALENDARS = st.builds(
    Calendar,
    rest_days=st.frozensets(st.integers(0, 6)),
    holidays=st.frozensets(st.dates(date(2025, 12, 1), date(2026, 3, 1)), max_size=60),
    zone=ZONES,
)


@given(DAYS, st.integers(0, 240))
def test_months_after_never_fail(start: date, months: int) -> None:
    """The month is right, the day the same or the last; a later start is never earlier."""
    end = months_after(start, months)
    if end < date(9999, 12, 28):
        assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
        assert end.day == start.day or (end + timedelta(days=1)).day == 1
    assert months_after(min(start + timedelta(days=1), date(9999, 12, 28)), months) >= end


@given(CALENDARS, st.integers(0, 2**53 - 1))
def test_every_second_is_in_its_day(calendar: Calendar, second: int) -> None:
    """In any zone, to the end of time."""
    today = calendar.day_of(second)
    if today < date(9999, 12, 28):
        assert calendar.end_of(today - timedelta(days=1)) <= second < calendar.end_of(today)


@given(CALENDARS, st.dates(date(2025, 11, 1), date(2026, 4, 1)), st.integers(0, 20))
def test_working_days_are_counted(calendar: Calendar, start: date, count: int) -> None:
    """Between the two lie so many, and the last is one."""
    end = calendar.working_days_after(start, count)
    between = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    if len(calendar.rest_days) == 7:
        assert len(between) == count
    else:
        assert sum(map(calendar.works, between)) == count
        assert count == 0 or calendar.works(end)


@given(
    st.sampled_from(OPEN),
    st.integers(0, 2**53 - 1),
    st.integers(0, 2**53 - 1),
    st.lists(st.none() | DAYS, min_size=3, max_size=3),
    st.booleans(),
    st.fixed_dictionaries({}, optional={"XA": CALENDARS, "XB": CALENDARS}),
    st.builds(
        Policy,
        acknowledge_working_days=st.integers(0, 30),
        acknowledge_urgent_hours=st.integers(0, 99),
        correct_months=st.integers(0, 24),
        execute_months=st.integers(0, 24),
        execute_urgent_months=st.integers(0, 24),
        remind_days=st.integers(0, 99),
    ),
)
def test_whatever_is_open_is_due(  # noqa: PLR0917 - drawn
    state: State,
    opened_at: int,
    entered_at: int,
    dates: list[date | None],
    urgent: bool,
    calendars: dict[str, Calendar],
    policy: Policy,
) -> None:
    """At one time, late from there on; reminders are not before what they remind of began."""
    reply_by, due_on, pause_ends_on = dates
    thread = Thread(
        pair=PAIR, kind=VERIFY, state=state, opened_at=opened_at, entered_at=entered_at,
        reply_by=reply_by, due_on=due_on, pause_ends_on=pause_ends_on, urgent=urgent,
    )  # fmt: skip
    found = due(thread, policy, calendars)
    assert isinstance(found, Due)
    assert overdue(thread, policy, calendars, found.due_at) == found
    assert overdue(thread, policy, calendars, found.due_at - 1) is None
    told = reminders(thread, policy, calendars)
    assert {item.to for item in told if item.is_late} == set(Side)
    assert all(
        found.since <= item.at < found.due_at and item.to is found.by
        for item in told
        if not item.is_late
    )
    assert lapsed(thread, policy, calendars, 2**56)


def test_nobody_named_is_anywhere() -> None:
    """Saturday and Sunday, no holidays, UTC."""
    saturday = day("2026-01-31")
    assert [ANYWHERE.works(saturday + timedelta(days=n)) for n in range(3)] == [
        False, False, True,
    ]  # fmt: skip
    assert ANYWHERE.day_of(FRIDAY) == day("2026-01-30")


def test_the_legal_basis_names_the_instrument() -> None:
    """By its longest name; else the first between the pair, in whichever order; else the usual."""
    terms = [Policy(execute_months=number) for number in range(3)]
    between = [
        Instrument(name=name, members=frozenset(members), policy=policy)
        for name, members, policy in (
            ("XA–XB agreement", ("XB", "XA"), terms[0]),
            ("XA–XB Agreement, Art. 4", ("XA", "XB"), terms[1]),
            ("XA–XC", ("XA", "XC"), terms[2]),
        )
    ]
    assert policy_of(between, PAIR, "XA–XB agreement, Art. 7") is terms[0]
    assert policy_of(between, PAIR, "xa–xb agreement, Art. 4 (2)") is terms[1]
    assert policy_of(between, PAIR, "Nairobi") is terms[0]
    assert policy_of(between, Pair("XC", "XA"), "Nairobi") is terms[2]
    assert policy_of(between, Pair("XC", "XB"), "XA–XB agreement") is USUAL


def test_the_catalogue_names_the_usual_terms() -> None:
    """What is shown of a request is what is computed where no instrument says otherwise."""
    for kind in CATALOGUE.values():
        if kind.family is not Family.REQUESTS:
            continue
        terms = kind.deadlines
        assert terms is not None
        thread = standing(State.IN_PROGRESS, kind=kind.name)
        for urgent, execute in ((False, terms.execute), (True, terms.execute_urgent)):
            assert execute.unit is Unit.MONTHS
            last = months_after(day("2026-01-30"), execute.count)
            assert when(replace(thread, urgent=urgent))[2] == ANYWHERE.end_of(last)
    assert ASSISTANCE.acknowledge == Term(USUAL.acknowledge_working_days, Unit.WORKING_DAYS)
    assert ASSISTANCE.acknowledge_urgent == Term(USUAL.acknowledge_urgent_hours, Unit.HOURS)
    assert ASSISTANCE.correct == ORIGIN.correct == Term(USUAL.correct_months, Unit.MONTHS)
