"""Cases: further kinds of message, agreements and calendars, regions."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from gateway.settings.section import Count, MemberName, Section, Text, explained


class Weekday(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class InstrumentSettings(Section, frozen=True, kw_only=True):
    """An agreement between two members, with its terms."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    members: Annotated[list[MemberName], msgspec.Meta(min_length=2, max_length=2)]
    acknowledge_working_days: Count = 3
    acknowledge_urgent_hours: Count = 8
    correct_months: Count = 2
    execute_months: Count = 3
    execute_urgent_months: Count = 1
    origin_months: Count = 10
    remind_days: Count = 7
    reopen_days: Annotated[int, msgspec.Meta(ge=0, le=90)] = 90


class CalendarSettings(Section, frozen=True, kw_only=True):
    """When a member works; days of the week are mon to sun."""

    member: MemberName
    rest_days: Annotated[list[Weekday], msgspec.Meta(max_length=6)] = msgspec.field(
        default_factory=lambda: [Weekday.SAT, Weekday.SUN]
    )
    holidays: Annotated[
        list[Annotated[str, msgspec.Meta(extra={"check": "date"})]], msgspec.Meta(max_length=2000)
    ] = []
    time_zone: Annotated[str, msgspec.Meta(max_length=64, extra={"check": "time_zone"})] = "UTC"


class LiaisonOfficeSettings(Section, frozen=True, kw_only=True):
    """A liaison office that gets copies of what this node sends, without being asked."""

    office: MemberName
    kinds: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]],
        msgspec.Meta(min_length=1, max_length=200),
    ] = msgspec.field(default_factory=lambda: ["seizure.report"])


class RegionSettings(Section, frozen=True, kw_only=True):
    """A region: the members that a liaison office circulates to."""

    name: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,31}\Z")]
    office: MemberName
    members: Annotated[list[MemberName], msgspec.Meta(min_length=1, max_length=256)]


class RetentionSettings(Section, frozen=True, kw_only=True):
    """For how long cases are kept that are over, by what is asked in them, of or by whom."""

    kinds: Annotated[
        list[Annotated[str, msgspec.Meta(pattern=r"\Arequest(\.[a-z][a-z_]*)?\Z")]],
        msgspec.Meta(max_length=100),
    ] = []
    members: Annotated[list[MemberName], msgspec.Meta(max_length=1000)] = []
    instrument: Annotated[str, msgspec.Meta(max_length=200)] = ""
    review_months: Count = 36
    unclosed_months: Count = 12
    restricts: bool = False
    purge_months: Count = 0
    reviewer: Literal["officer", "releaser"] = "officer"


class CasesSettings(Section, frozen=True, kw_only=True):
    """Cases: further kinds of message, and the agreements and calendars that dates follow."""

    kinds: Annotated[
        Text,
        explained(
            "The folder of TOML files with further kinds, one a file, which other members must "
            "have too; it need not be there."
        ),
    ] = "kinds.d"
    instruments: Annotated[
        list[InstrumentSettings],
        explained(
            "The agreements in force, each between two members: name (as a legal basis begins, and "
            "has to where the pair has one), "
            "members, and where they differ from what is shown acknowledge_working_days (3), "
            "acknowledge_urgent_hours (8), correct_months (2), execute_months (3), "
            "execute_urgent_months (1), origin_months (10), remind_days (7, how long before a date "
            "to remind), reopen_days (90, the most: how long after its closing this node opens a "
            "case again)."
        ),
    ] = []
    calendars: Annotated[
        list[CalendarSettings],
        explained(
            'The calendars of members, ours too: member, rest_days (["sat", "sun"]), holidays '
            '(dates, as "2027-01-01"), time_zone ("UTC", or a name such as "Africa/Dakar").'
        ),
    ] = []
    liaison_offices: Annotated[
        list[LiaisonOfficeSettings],
        explained(
            "The liaison offices that get a copy without names of what this node sends: office, "
            'kinds (["seizure.report"]; the first part of a name stands for all that begin so).'
        ),
    ] = []
    regions: Annotated[
        list[RegionSettings],
        explained(
            "The regions of liaison offices: name, office, members. An office circulates its "
            "alerts to them."
        ),
    ] = []
    remind_after_days: Annotated[
        int,
        explained(
            "After how many days of delay this node reminds who was asked by itself, once for each "
            "date (case.remind); 0 for never.",
            ge=0,
            le=366,
        ),
    ] = 0
    retention: Annotated[
        list[RetentionSettings],
        explained(
            "For how long cases are kept that are over, rule by rule; the first that fits counts, "
            "and where none does nothing is reviewed, restricted or purged by itself: kinds (of "
            'requests; ["request"] or none for all), members (on the other side; none for all), '
            "instrument (as the legal basis begins; empty for any), review_months (36, from the "
            "end of the case to its review), unclosed_months (12, after which what was answered or "
            "refused counts as ended though nobody closed it; 0 for never), restricts (false; "
            "whether the case is restricted by itself when its review is due and nobody kept it), "
            "purge_months (0, from its restriction until it is purged by itself; 0 for never), "
            'reviewer ("officer" or "releaser", who decides that it is kept).'
        ),
    ] = []
    trends_least: Annotated[
        int,
        explained("The fewest seizures or requests of a month that trends show.", ge=1, le=1000),
    ] = 3
    trends_least_members: Annotated[
        int,
        explained(
            "The fewest members whose seizures trends show together; of two, each can tell what "
            "the other seized, and 1 shows what one member did.",
            ge=1,
            le=100,
        ),
    ] = 3
