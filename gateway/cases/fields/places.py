"""Where in a type of content the marked fields are, and what stands there in a document."""

from collections.abc import Iterator
from functools import cache

from msgspec import inspect

from gateway.cases.fields.schema import Content

EACH = "*"
"""Stands in a place for every item of a list."""
Place = tuple[str, ...]
"""Names of fields, from the outermost in."""
Way = tuple[str | int, ...]
"""Names and indexes that lead to one value."""


@cache
def marked(target: type[Content], mark: str, value: str | None = None) -> tuple[Place, ...]:
    """Return the places where ``mark`` stands (in the JSON Schema); none inside another.

    Where a value is given, the mark has it.
    """
    return tuple(_marked(inspect.type_info(target), mark, value, ()))


@cache
def checked(target: type[Content], check: str) -> tuple[Place, ...]:
    """Return the places that a check of this name looks at."""
    return tuple(_checked(inspect.type_info(target), check, ()))


def values_at(raw: object, place: Place, *way: str | int) -> Iterator[tuple[Way, object]]:
    """Yield what a document (JSON-like, of any form) has at a place, with the way there."""
    if not place:
        yield way, raw
        return
    name, rest = place[0], place[1:]
    if name == EACH:
        for at, item in enumerate(raw) if isinstance(raw, list | tuple) else ():
            yield from values_at(item, rest, *way, at)
    elif isinstance(raw, dict) and name in raw:
        yield from values_at(raw[name], rest, *way, name)


def _marked(info: inspect.Type, mark: str, value: str | None, at: Place) -> Iterator[Place]:
    if isinstance(info, inspect.Metadata):
        found = (info.extra_json_schema or {}).get(mark)
        if found is not None and value in (None, found):
            yield at
            return
    for inner, place in _parts(info, at):
        yield from _marked(inner, mark, value, place)


def _checked(info: inspect.Type, check: str, at: Place) -> Iterator[Place]:
    if isinstance(info, inspect.Metadata) and (info.extra or {}).get("check") == check:
        yield at
        return
    for inner, place in _parts(info, at):
        yield from _checked(inner, check, place)


def _parts(info: inspect.Type, at: Place) -> Iterator[tuple[inspect.Type, Place]]:
    match info:
        case inspect.Metadata():
            yield info.type, at
        case inspect.StructType():
            for item in info.fields:
                yield item.type, (*at, item.encode_name)
        case inspect.UnionType():
            for one in info.types:
                yield one, at
        case inspect.VarTupleType():
            yield info.item_type, (*at, EACH)
        case _:
            return
