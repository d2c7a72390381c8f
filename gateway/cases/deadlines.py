"""Within what time a kind of message is to be dealt with, unless an instrument says otherwise.

Data only: which day that is, is for who knows calendars and instruments.
"""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a term is counted in."""

    HOURS = "hours"
    WORKING_DAYS = "working_days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Term:
    """A length of time as an instrument states it."""

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """The terms of one kind, counted from the day on which it came."""

    acknowledge: Term
    acknowledge_urgent: Term
    correct: Term
    """Within which whoever is asked may ask for a correction."""
    execute: Term
    execute_urgent: Term


_THREE_DAYS = Term(3, Unit.WORKING_DAYS)
_EIGHT_HOURS = Term(8, Unit.HOURS)
_TWO_MONTHS = Term(2, Unit.MONTHS)

ASSISTANCE = Deadlines(
    acknowledge=_THREE_DAYS,
    acknowledge_urgent=_EIGHT_HOURS,
    correct=_TWO_MONTHS,
    execute=Term(3, Unit.MONTHS),
    execute_urgent=Term(1, Unit.MONTHS),
)
"""Of mutual assistance, as most agreements have it."""
ORIGIN = Deadlines(
    acknowledge=_THREE_DAYS,
    acknowledge_urgent=_EIGHT_HOURS,
    correct=_TWO_MONTHS,
    execute=Term(10, Unit.MONTHS),
    execute_urgent=Term(10, Unit.MONTHS),
)
"""Of the verification of proofs of origin, urgent or not."""
