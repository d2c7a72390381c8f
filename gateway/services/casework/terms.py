"""Terms: the agreements and calendars of the settings, as the clocks of cases need them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from gateway.cases.threads.calendars import Calendar
from gateway.cases.threads.clocks import Policy
from gateway.cases.threads.instruments import Instrument, policy_of
from gateway.cases.threads.retention import Rule, rule_of
from gateway.cases.threads.thread import Thread
from gateway.settings import (
    CalendarSettings,
    CasesSettings,
    InstrumentSettings,
    RetentionSettings,
    Weekday,
)
from keys.suite import digest

FOLD = b"fold 2"
"""Changes with the table or the clocks: what was folded before is then folded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By what dates are computed, and a digest of it (32 bytes)."""

    instruments: tuple[Instrument, ...]
    calendars: Mapping[str, Calendar]
    rules: tuple[Rule, ...]
    digest: bytes

    def policy(self, thread: Thread) -> Policy:
        """Return the terms of the instrument that a thread is under."""
        return policy_of(self.instruments, thread.pair, thread.legal_basis)

    def rule(self, thread: Thread, me: str) -> Rule | None:
        """Return by which rule a case is kept that is over, as far as one of its threads says."""
        return rule_of(self.rules, thread, me)


def terms_of(settings: CasesSettings) -> Terms:
    """Return the terms that the settings name."""
    return Terms(
        instruments=tuple(map(_instrument, settings.instruments)),
        calendars={item.member: _calendar(item) for item in settings.calendars},
        rules=tuple(map(_rule, settings.retention)),
        digest=digest(
            FOLD,
            msgspec.json.encode((settings.instruments, settings.calendars, settings.retention)),
        ),
    )


def _instrument(item: InstrumentSettings) -> Instrument:
    policy = Policy(**{name: getattr(item, name) for name in Policy.__dataclass_fields__})
    return Instrument(name=item.name, members=frozenset(item.members), policy=policy)


def _rule(item: RetentionSettings) -> Rule:
    return Rule(
        kinds=frozenset(item.kinds),
        members=frozenset(item.members),
        instrument=item.instrument,
        review_months=item.review_months,
        unclosed_months=item.unclosed_months,
        restricts=item.restricts,
        purge_months=item.purge_months,
        reviewer=item.reviewer,
    )


def _calendar(item: CalendarSettings) -> Calendar:
    week = list(Weekday)
    return Calendar(
        rest_days=frozenset(week.index(day) for day in item.rest_days),
        holidays=frozenset(map(date.fromisoformat, item.holidays)),
        zone=ZoneInfo(item.time_zone),
    )
