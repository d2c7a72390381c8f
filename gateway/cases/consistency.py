"""Fields that must agree with each other, of a content that is being written.

Only the sender looks: what it let pass is read as it stands.
"""

from collections.abc import Iterator, Sequence
from functools import cache

from msgspec import inspect

from gateway.cases.fields.codes import day as day_fault
from gateway.cases.fields.places import EACH, Place, values_at
from gateway.cases.fields.schema import Content
from gateway.cases.handling import Handling, HandlingCode
from gateway.faults import Fault, pointer_to

_SPANS = (
    ("starts_on", "ends_on"),
    ("period_from", "period_until"),
    ("valid_from", "valid_until"),
)
"""Pairs of fields that are a first and a last day wherever they stand beside each other."""


def inconsistent(raw: object, target: type[Content], pointer: str = "") -> Iterator[Fault]:
    """Yield a fault for each field of ``raw`` (JSON-like) that another one contradicts."""
    for place, first, last in _spans(target):
        for way, part in values_at(raw, place):
            if isinstance(part, dict) and _ends_early(part.get(first), part.get(last)):
                at = pointer + pointer_to(*way, last)
                yield Fault(pointer=at, code="ends_early", limit=pointer + pointer_to(*way, first))
    for place in _handled(target):
        for way, part in values_at(raw, place):
            if isinstance(part, dict) and _says_nothing(part):
                at = pointer + pointer_to(*way, "conditions")
                yield Fault(pointer=at, code="conditions_missing")


def _ends_early(first: object, last: object) -> bool:
    days = [day for day in (first, last) if isinstance(day, str) and day_fault(day, "") is None]
    return len(days) == len((first, last)) and days[1] < days[0]


def _says_nothing(handling: dict[str, object]) -> bool:
    codes = handling.get("codes", ())
    asks = isinstance(codes, list | tuple) and HandlingCode.OTHER in codes
    return asks and handling.get("conditions", "") == ""


@cache
def _spans(target: type[Content]) -> Sequence[tuple[Place, str, str]]:
    return tuple(
        (place, first, last)
        for place, fields in _structs(inspect.type_info(target), ())
        for first, last in _SPANS
        if {first, last} <= fields
    )


@cache
def _handled(target: type[Content]) -> Sequence[Place]:
    whole = {item.name for item in inspect.type_info(Handling).fields}  # type: ignore[attr-defined]
    found = _structs(inspect.type_info(target), ())
    return tuple(place for place, fields in found if fields == whole)


def _structs(info: inspect.Type, at: Place) -> Iterator[tuple[Place, set[str]]]:
    """Yield where there are objects in a type, and the fields of each."""
    match info:
        case inspect.Metadata():
            yield from _structs(info.type, at)
        case inspect.StructType():
            yield at, {item.encode_name for item in info.fields}
            for item in info.fields:
                yield from _structs(item.type, (*at, item.encode_name))
        case inspect.UnionType():
            for one in info.types:
                yield from _structs(one, at)
        case inspect.VarTupleType():
            yield from _structs(info.item_type, (*at, EACH))
        case _:
            return
