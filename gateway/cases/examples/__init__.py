"""A filled-in example of every kind: what a form looks like when somebody has written it.

Members, firms and cases are invented; the members have codes that ISO 3166 leaves to users.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from gateway.cases.examples import cases, informing, joint
from gateway.cases.fields.places import EACH, Place, marked
from gateway.cases.fields.schema import DAY
from gateway.cases.kind import Kind

WRITTEN_ON = date(2026, 12, 1)
"""The day on which the examples were written; past and coming days are counted from it."""

EXAMPLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {**cases.EXAMPLES, **informing.EXAMPLES, **joint.EXAMPLES}
)
"""By the name of the kind: contents as they are posted, written on that day."""


def example_of(kind: Kind, today: date) -> Any:
    """Return the example of a kind as if it were written today."""
    written: Any = dict(EXAMPLES[kind.name] if kind.example is None else kind.example)
    for place in marked(kind.content, DAY):
        written = _moved(written, place, today - WRITTEN_ON)
    return written


def _moved(raw: Any, place: Place, by: timedelta) -> Any:
    """Return a copy in which the day at a place is another, where there is one."""
    if not place:
        return (date.fromisoformat(raw) + by).isoformat()
    name, rest = place[0], place[1:]
    if name == EACH:
        return [_moved(item, rest, by) for item in raw]
    return {**raw, name: _moved(raw[name], rest, by)} if name in raw else raw
