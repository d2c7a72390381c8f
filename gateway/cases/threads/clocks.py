"""Clocks: what is due in a thread, by whom and when; what is overdue; when to remind whom. Pure.

Each side computes this for itself, by the instrument and the calendars that it is configured with:
nothing of it is state. Source: SPEC "Cases".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from gateway.cases.threads.calendars import ANYWHERE, Calendar, Calendars, months_after
from gateway.cases.threads.event import Side
from gateway.cases.threads.thread import REOPEN_WITHIN_S, WORKING, State, Thread

_HOUR_S = 3600
_DAY_S = 86_400
VERIFY_ORIGIN: Final = "request.verify_origin"


class Task(StrEnum):
    """What somebody has to do next."""

    ACKNOWLEDGE = "acknowledge"
    ANSWER = "answer"
    SUPPLEMENT = "supplement"
    DECIDE = "decide"
    """On the conditions that were named."""
    REVIEW = "review"
    """What was postponed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The terms of an instrument; the defaults are what most of them say."""

    acknowledge_working_days: int = 3
    acknowledge_urgent_hours: int = 8
    correct_months: int = 2
    """To ask for a correction; and to answer where a clarification or conditions name no date."""
    execute_months: int = 3
    execute_urgent_months: int = 1
    origin_months: int = 10
    """To execute a verification of origin, urgent or not."""
    remind_days: int = 7
    """How long before a date who must keep it is reminded, at half of the time at the latest."""
    reopen_days: int = 90
    """How long after its closing this member opens a thread again, 90 at most: beyond, the other
    side would not follow."""


USUAL: Final = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is due, by whom, and the first second at which it is late."""

    task: Task
    by: Side
    since: int
    due_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """When to tell a side that something will be due, or is late."""

    at: int
    to: Side
    task: Task
    is_late: bool


def due(thread: Thread, policy: Policy, calendars: Calendars) -> Due | None:
    """Return what is due next; None where nobody waits for anything.

    Days end where the member is that must keep them.
    """
    match thread.state:
        case State.SUBMITTED:
            return _acknowledgement(thread, policy, calendars)
        case State.IN_PROGRESS | State.PARTIAL:
            return _answer(thread, policy, calendars)
        case State.INCOMPLETE:
            return _pause(thread, Task.SUPPLEMENT, Side.ASKER, policy, calendars)
        case State.CONDITIONS:
            return _pause(thread, Task.DECIDE, Side.ASKER, policy, calendars)
        case State.POSTPONED:
            return _pause(thread, Task.REVIEW, Side.ASKED, policy, calendars)
        case _:
            return None


def reopenable_until(thread: Thread, policy: Policy) -> int | None:
    """Return until when a thread may be opened again; None for one that is not closed."""
    if thread.state is not State.CLOSED:
        return None
    return thread.entered_at + min(policy.reopen_days * _DAY_S, REOPEN_WITHIN_S)


def overdue(thread: Thread, policy: Policy, calendars: Calendars, now: int) -> Due | None:
    """Return what is due and late at ``now``; None for nothing."""
    found = due(thread, policy, calendars)
    return found if found is not None and now >= found.due_at else None


def lapses_at(thread: Thread, policy: Policy, calendars: Calendars) -> int | None:
    """Return when the time for an answer runs out, however the thread stands; None if none is owed.

    It is the asker's to draw the consequence; nothing ends by itself.
    """
    return _answer(thread, policy, calendars).due_at if thread.is_open else None


def lapsed(thread: Thread, policy: Policy, calendars: Calendars, now: int) -> bool:
    """Tell whether the time for an answer ran out."""
    end = lapses_at(thread, policy, calendars)
    return end is not None and now >= end


def correctable_until(thread: Thread, policy: Policy, calendars: Calendars) -> int | None:
    """Return until when a correction may be asked for; None where that is not possible."""
    if thread.state not in (State.SUBMITTED, *WORKING):
        return None
    here = calendars.get(thread.pair.asked, ANYWHERE)
    return here.end_of(months_after(here.day_of(thread.opened_at), policy.correct_months))


def reminders(thread: Thread, policy: Policy, calendars: Calendars) -> Sequence[Reminder]:
    """Return when to remind of what is due: who must act beforehand, both once it is late."""
    found = due(thread, policy, calendars)
    if found is None:
        return ()
    lead_s = min(policy.remind_days * _DAY_S, (found.due_at - found.since) // 2)
    late = [
        Reminder(at=found.due_at, to=side, task=found.task, is_late=True)
        for side in (found.by, Side.ASKER if found.by is Side.ASKED else Side.ASKED)
    ]
    if lead_s <= 0:
        return late
    at = found.due_at - lead_s
    return [Reminder(at=at, to=found.by, task=found.task, is_late=False), *late]


def _acknowledgement(thread: Thread, policy: Policy, calendars: Calendars) -> Due:
    since = thread.opened_at
    if thread.urgent:
        due_at = since + policy.acknowledge_urgent_hours * _HOUR_S
    else:
        here = calendars.get(thread.pair.asked, ANYWHERE)
        days = policy.acknowledge_working_days
        due_at = here.end_of(here.working_days_after(here.day_of(since), days))
    return Due(task=Task.ACKNOWLEDGE, by=Side.ASKED, since=since, due_at=due_at)


def _answer(thread: Thread, policy: Policy, calendars: Calendars) -> Due:
    """Take the date last named; else what the instrument says, or a sooner wish of the asker."""
    here = calendars.get(thread.pair.asked, ANYWHERE)
    last = thread.due_on
    if last is None:
        last = months_after(here.day_of(thread.opened_at), _months(thread, policy))
        last = min(last, thread.reply_by or last)
    return _by_day(Task.ANSWER, Side.ASKED, thread.opened_at, last, here)


def _months(thread: Thread, policy: Policy) -> int:
    if thread.kind == VERIFY_ORIGIN:
        return policy.origin_months
    return policy.execute_urgent_months if thread.urgent else policy.execute_months


def _pause(thread: Thread, task: Task, by: Side, policy: Policy, calendars: Calendars) -> Due:
    here = calendars.get(thread.pair.member(by), ANYWHERE)
    since = thread.entered_at
    last = thread.pause_ends_on or months_after(here.day_of(since), policy.correct_months)
    return _by_day(task, by, since, last, here)


def _by_day(task: Task, by: Side, since: int, last: date, here: Calendar) -> Due:
    return Due(task=task, by=by, since=since, due_at=here.end_of(last))
