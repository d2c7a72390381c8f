"""Terms: the agreements and calendars of the settings, as the clocks of cases need them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from gateway.cases.calendars import Calendar
from gateway.cases.clocks import Policy
from gateway.cases.instruments import Instrument, policy_of
from gateway.cases.thread import Thread
from gateway.settings import CalendarSettings, CasesSettings, InstrumentSettings, Weekday
from keys.suite import digest

FOLD = b"fold 2"
"""Changes with the table or the clocks: what was folded before is then folded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By what dates are computed, and a digest of it (32 bytes)."""

    instruments: tuple[Instrument, ...]
    calendars: Mapping[str, Calendar]
    digest: bytes

    def policy(self, thread: Thread) -> Policy:
        """Return the terms of the instrument that a thread is under."""
        return policy_of(self.instruments, thread.pair, thread.legal_basis)


def terms_of(settings: CasesSettings) -> Terms:
    """Return the terms that the settings name."""
    return Terms(
        instruments=tuple(map(_instrument, settings.instruments)),
        calendars={item.member: _calendar(item) for item in settings.calendars},
        digest=digest(FOLD, msgspec.json.encode((settings.instruments, settings.calendars))),
    )


def _instrument(item: InstrumentSettings) -> Instrument:
    policy = Policy(**{name: getattr(item, name) for name in Policy.__dataclass_fields__})
    return Instrument(name=item.name, members=frozenset(item.members), policy=policy)


def _calendar(item: CalendarSettings) -> Calendar:
    week = list(Weekday)
    return Calendar(
        rest_days=frozenset(week.index(day) for day in item.rest_days),
        holidays=frozenset(map(date.fromisoformat, item.holidays)),
        zone=ZoneInfo(item.time_zone),
    )
