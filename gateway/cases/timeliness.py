"""Dates of a content that is being written: a reply is not asked for by yesterday.

Only the sender looks: what was timely when it was written may come late.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.cases.fields.codes import day as good_day
from gateway.cases.fields.places import marked, values_at
from gateway.cases.fields.schema import DAY, Content
from gateway.faults import Fault, pointer_to

_SPREAD = timedelta(days=1)
"""By how much the day differs around the world: it is today somewhere."""


def untimely(raw: object, target: type[Content], today: date, pointer: str = "") -> Iterator[Fault]:
    """Yield a fault for each date of ``raw`` on the wrong side of ``today``.

    What is no date has that for its fault.
    """
    first, last = (today - _SPREAD).isoformat(), (today + _SPREAD).isoformat()
    for place in marked(target, DAY, "coming"):
        for way, day in values_at(raw, place):
            if isinstance(day, str) and day < first and good_day(day, "") is None:
                yield Fault(pointer=pointer + pointer_to(*way), code="day_past")
    for place in marked(target, DAY, "past"):
        for way, day in values_at(raw, place):
            if isinstance(day, str) and day > last and good_day(day, "") is None:
                yield Fault(pointer=pointer + pointer_to(*way), code="day_to_come")
