"""Forms: the content of a kind as fields that a person fills in, one after the other. Pure.

The types of contents say it all; here it is only put as labels, bounds and choices.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import inspect

from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import DAY, FREE_TEXT
from gateway.cases.kind import Kind

_BY_NODE = "hs_edition"
"""What the node writes of itself: no person is asked."""
_LISTS = MappingProxyType(
    {"country": "countries", "currency": "currencies", "language": "languages", "hs_code": "hs"}
)
"""Checks that look a code up, and the name of the list."""


class Shape(StrEnum):
    """What a field holds, or each item of a list."""

    LINE = "line"
    LINES = "lines"
    DATE = "date"
    AMOUNT = "amount"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    PART = "part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form."""

    name: str
    label: Label
    shape: Shape
    required: bool = True
    many: bool = False
    least: int = 0
    """Items that a list needs."""
    most: int | None = None
    """Items that a list may have."""
    max_chars: int | None = None
    choices: Mapping[str, Label] = field(default_factory=dict)
    list_name: str = ""
    """The code list that it is looked up in, where that is too long for a form."""
    day: str = ""
    """``past`` or ``coming``, for a date that lies on that side of today."""
    default: object = None
    """What it holds if nobody fills it in, JSON-like; None for nothing."""
    parts: tuple["Field", ...] = ()


def form_of(kind: Kind) -> tuple[Field, ...]:
    """Return the fields of a kind's content that a person fills in: the required ones first."""
    fields = tuple(item for item in shown_of(kind) if item.name != _BY_NODE)
    if kind.handling is None:
        return fields
    handling = msgspec.to_builtins(kind.handling)
    given = [
        replace(item, required=False, default=handling, parts=_with_defaults(item, handling))
        if item.name == "handling"
        else item
        for item in fields
    ]
    return _sorted(given)


def shown_of(kind: Kind) -> tuple[Field, ...]:
    """Return all fields of a kind's content, what the node writes too: the required ones first."""
    return _fields(inspect.type_info(kind.content))


def label_at(fields: Sequence[Field], pointer: str, language: str) -> str:
    """Return what a person calls the place of a pointer into a content.

    As in ``Persons concerned 2 › Name``; a name that the form lacks stands for itself.
    """
    said: list[str] = []
    for part in pointer.split("/")[1:]:
        if part.isdecimal() and said:
            said[-1] += f" {int(part) + 1}"
            continue
        found = next((item for item in fields if item.name == part), None)
        said.append(part if found is None else found.label.text(language))
        fields = () if found is None else found.parts
    return " › ".join(said)


def _sorted(fields: Iterable[Field]) -> tuple[Field, ...]:
    return tuple(sorted(fields, key=lambda item: not item.required))


def _fields(info: inspect.Type) -> tuple[Field, ...]:
    assert isinstance(info, inspect.StructType)  # noqa: S101 - contents and their parts are
    return _sorted(map(_field, info.fields))


def _field(item: inspect.Field) -> Field:
    layers = list(_layers(item.type))
    marks = _marks(layers)
    lists = [one for one in layers if isinstance(one, inspect.VarTupleType)]
    held = layers[-1]
    inner = Field(
        name=item.encode_name,
        label=Label(marks["title"], marks["x-title-fr"]),
        shape=_shape(held, marks),
        required=item.required,
        many=bool(lists),
        max_chars=held.max_length if isinstance(held, inspect.StrType) else None,
        choices=_choices(held),
        list_name=_LISTS.get(marks["check"], ""),
        day=marks.get(DAY, ""),
        default=_default(item),
        parts=_fields(held) if isinstance(held, inspect.StructType) else (),
    )
    for one in lists:
        inner = replace(inner, least=one.min_length or 0, most=one.max_length)
    return inner


def _layers(info: inspect.Type) -> Iterator[inspect.Type]:
    """Yield a type and those that it wraps, to the one that a person fills in."""
    yield info
    match info:
        case inspect.Metadata():
            yield from _layers(info.type)
        case inspect.UnionType():
            yield from _layers(
                next(one for one in info.types if not isinstance(one, inspect.NoneType))
            )
        case inspect.VarTupleType():
            yield from _layers(info.item_type)
        case _:
            return


def _marks(layers: Iterable[inspect.Type]) -> dict[str, Any]:
    """Return labels, marks and check of a field; the outermost word counts."""
    found: dict[str, Any] = {"check": ""}
    for one in reversed(list(layers)):
        if isinstance(one, inspect.Metadata):
            found |= (one.extra_json_schema or {}) | (one.extra or {})
    return found


def _shape(held: inspect.Type, marks: Mapping[str, Any]) -> Shape:
    match held:
        case inspect.StructType():
            return Shape.PART
        case inspect.EnumType():
            return Shape.CHOICE
        case inspect.BoolType():
            return Shape.FLAG
        case inspect.IntType():
            return Shape.NUMBER
    if marks["check"] in ("date", "amount"):
        return Shape(marks["check"])
    return Shape.LINES if FREE_TEXT in marks else Shape.LINE


def _choices(held: inspect.Type) -> Mapping[str, Label]:
    if isinstance(held, inspect.EnumType) and issubclass(held.cls, Code):
        return {code.value: code.label for code in held.cls}
    return {}


def _default(item: inspect.Field) -> object:
    if item.default_factory is not msgspec.NODEFAULT:
        return msgspec.to_builtins(item.default_factory()) or None
    if item.default is msgspec.NODEFAULT:
        return None
    value = msgspec.to_builtins(item.default)
    return value if isinstance(value, bool) else value or None


def _with_defaults(part: Field, values: Mapping[str, object]) -> tuple[Field, ...]:
    return tuple(replace(item, default=values.get(item.name, item.default)) for item in part.parts)
