"""Reading: a content as people read it, by labels, and codes with what they mean."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.cases.fields.labels import Label
from gateway.cases.forms import Field, Shape
from gateway.cases.handling import HandlingCode

_YES, _NO = Label("yes", "oui"), Label("no", "non")
_COPIED_FLAGS = ("true", "false")
_HANDLING = "handling"
_WITHIN = " · "
_COUNT = re.compile("[0-9]{1,4}")
_OF = Label("{label}: {value}", "{label} : {value}")


def content_lines(
    content: object, fields: Sequence[Field], language: str, *, without: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the lines of a content, in the order of the form; what is not set is left out."""
    if not isinstance(content, Mapping):
        yield str(content)
        return
    for field in fields:
        value = content.get(field.name)
        if field.name not in without and value not in (None, "", (), [], {}):
            yield from _field_lines(field, value, language)


def copied_lines(
    copied: Iterable[Mapping[str, Any]], fields: Sequence[Field], language: str
) -> Iterator[str]:
    """Yield the lines of what a liaison office got of a content, by the labels of its kind.

    What its kind does not have, or is not known here, stands by its pointer.
    """
    for item in copied:
        label, field = _labelled(item["field"], fields, language)
        value = item["value"] if field is None else _one(field, item["value"], language)
        yield _named(label, value, language)


def handling_line(handling: Mapping[str, Any] | None, language: str) -> str:
    """Return a handling in one line: TLP, its codes with what they mean, and conditions."""
    if not handling:
        return "-"
    codes = [f"{code} {_meaning(code, language)}".strip() for code in handling.get("codes") or ()]
    said = [f"TLP:{handling.get('tlp', 'AMBER+STRICT')}", *codes]
    return ", ".join([*said, handling["conditions"]] if handling.get("conditions") else said)


def handling_codes(handling: Mapping[str, Any] | None) -> str:
    """Return a handling by its codes alone, for lists."""
    if not handling:
        return "-"
    return " ".join([f"TLP:{handling.get('tlp', 'AMBER+STRICT')}", *handling.get("codes", ())])


def _labelled(pointer: str, fields: Sequence[Field], language: str) -> tuple[str, Field | None]:
    """Return the labels along a pointer, and the field that it leads to; None for no field."""
    labels: list[str] = []
    field: Field | None = None
    for part in pointer.split("/")[1:]:
        if field is not None and field.many and _COUNT.fullmatch(part):
            labels[-1] = f"{labels[-1]} {int(part) + 1}"
            continue
        found = next((one for one in fields if one.name == part), None)
        if found is None:
            return pointer, None
        labels.append(found.label.text(language))
        field, fields = found, found.parts
    return (_WITHIN.join(labels), field) if field is not None else (pointer, None)


def _field_lines(field: Field, value: Any, language: str) -> Iterator[str]:
    label = field.label.text(language)
    if field.name == _HANDLING and isinstance(value, Mapping):
        yield _named(label, handling_line(value, language), language)
    elif field.shape is Shape.PART:
        many = field.many and isinstance(value, list | tuple)
        for number, item in enumerate(value if many else [value], start=1):
            numbered = f"{label} {number}" if many and len(value) > 1 else label
            yield _named(numbered, "", language).rstrip()
            yield from (f"  {line}" for line in content_lines(item, field.parts, language))
    elif field.many and isinstance(value, list | tuple):
        items = ", ".join(_one(field, item, language) for item in value)
        yield _named(label, items, language)
    else:
        first, *rest = _one(field, value, language).splitlines() or [""]
        yield _named(label, first, language)
        yield from (f"  {line}" for line in rest)


def _named(label: str, value: str, language: str) -> str:
    return _OF.text(language).format(label=label, value=value)


def _one(field: Field, value: object, language: str) -> str:
    if isinstance(value, bool) or (field.shape is Shape.FLAG and value in _COPIED_FLAGS):
        return (_YES if value in {True, "true"} else _NO).text(language)
    known = field.choices.get(str(value))
    return str(value) if known is None else f"{known.text(language)} ({value})"


def _meaning(code: str, language: str) -> str:
    """Return what a handling code means; nothing for one that this node has not heard of."""
    return next((item.label.text(language) for item in HandlingCode if item == code), "")
