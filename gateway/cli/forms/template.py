"""Templates: a content as a TOML file to fill in, and read back with the line of every fault."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from gateway.cases.forms import Field, Shape, form_of
from gateway.cases.kind import Kind
from gateway.cli.forms.words import hint, word
from gateway.faults import Fault, FaultsError, pointer_to

_TABLE = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")
_QUOTES = re.compile(r'"""|\'\'\'')
_AT_LINE = re.compile(r"\(at line ([0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a file holds, and on which line each place of it begins."""

    raw: Any
    lines: Mapping[str, int]

    def line_of(self, pointer: str) -> int | None:
        """Return the line of a place, or of what it is part of."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer)


def write_template(kind: Kind, known: Mapping[str, object], command: str, language: str) -> str:
    """Return a commented file for a content of ``kind``; ``known`` is filled in already."""
    head = [
        f"{kind.label.text(language)} ({kind.name})",
        word("fill", language),
        word("then", language, command=command),
    ]
    lines = [*(f"# {line}" for line in head), ""]
    lines += _table(form_of(kind), known, (), language)
    return "\n".join(lines) + "\n"


def read_template(text: str, kind: Kind) -> Filled:
    """Return what is filled in of a TOML file; what stayed empty is left out.

    Raises FaultsError ``not_toml``, whose limit is the line.
    """
    try:
        raw = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as fault:
        found = _AT_LINE.search(str(fault))
        at = found[1] if found else str(text.count("\n") + 1)
        raise FaultsError([Fault(pointer="", code="not_toml", limit=at)]) from fault
    return Filled(raw=_filled(raw, form_of(kind)), lines=dict(_lines(text)))


def _table(
    fields: Sequence[Field], known: Mapping[str, object], at: tuple[str, ...], language: str
) -> Iterator[str]:
    # TOML has the plain fields of a table before the tables in it.
    for field in fields:
        if field.shape is not Shape.PART:
            yield from _comment(field, language)
            yield f"{field.name} = {_value(field, known.get(field.name, field.default))}"
            yield ""
    for field in fields:
        if field.shape is Shape.PART:
            yield from _comment(field, language)
            name = ".".join((*at, field.name))
            for held in _parts(known.get(field.name, field.default)):
                yield f"[[{name}]]" if field.many else f"[{name}]"
                yield from _table(field.parts, held, (*at, field.name), language)


def _parts(known: object) -> Sequence[Mapping[str, object]]:
    """Return what is known of a part, each of a list; one that is empty where nothing is."""
    items = known if isinstance(known, list | tuple) else (known,)
    return [item for item in items if isinstance(item, Mapping)] or [{}]


def _comment(field: Field, language: str) -> Iterator[str]:
    needed = word("required" if field.required else "optional", language)
    told = f"{field.label.text(language)} ({needed})"
    if field.shape is not Shape.PART:
        yield f"# {told}: {hint(field, language)}" + (', ["…", "…"]' if field.many else "")
    else:
        yield f"# {told}" + (f": {word('again', language)}" if field.many else "")
    wide = max(map(len, field.choices), default=0)
    for code, label in field.choices.items():
        yield f"#   {code:<{wide}}  {label.text(language)}"


def _value(field: Field, value: object) -> str:
    if field.many:
        items = value if isinstance(value, list | tuple) else ()
        return f"[{', '.join(_text(item) for item in items)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if field.shape is Shape.LINES and not value:
        return '"""\n"""'
    return _text(value or "")


def _text(value: object) -> str:
    """Return a text as TOML writes it: in a basic string, JSON's escapes are TOML's."""
    return msgspec.json.encode(str(value)).decode()


def _filled(raw: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    by_name = {field.name: field for field in fields}
    filled = {}
    for name, value in raw.items():
        field = by_name.get(name)
        read = value if field is None else _read(value, field)
        if read is not None:
            filled[name] = read
    return filled


def _read(value: Any, field: Field) -> Any:
    """Return what a field holds; None for what nobody filled in."""
    if not field.many:
        read = _one(value, field)
        return {} if read is None and field.required and field.parts else read
    if not isinstance(value, list):
        return _one(value, field)
    items = [item for item in (_one(one, field) for one in value) if item is not None]
    if not items and field.required and field.parts:
        return [{}]  # so that what is missing is named, field by field
    return items or None


def _one(value: Any, field: Field) -> Any:
    if field.parts and isinstance(value, dict):
        inner = _filled(value, field.parts)
        defaults = {part.name: part.default for part in field.parts}
        told = {name: item for name, item in inner.items() if item != defaults.get(name)}
        return inner if told or field.default is not None else None
    if isinstance(value, str):
        text = value.strip()
        is_number = field.shape is Shape.NUMBER and text.isascii() and text.isdecimal()
        return int(text) if is_number else text or None
    if field.shape not in (Shape.NUMBER, Shape.FLAG) and _is_plain(value):
        return value.isoformat() if isinstance(value, date) else str(value)
    return value


def _is_plain(value: object) -> bool:
    """Tell whether a value without quotes says what the same with quotes would."""
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, date) and not isinstance(value, datetime)


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield the place of each table and field with its line, from 1."""
    here, counts, quoted = "", dict[str, int](), False
    for number, line in enumerate(text.splitlines(), start=1):
        if not quoted:
            if (table := _TABLE.match(line)) is not None:
                here = _place(table[2].split("."), counts, many=table[1] == "[[")
                yield here, number
            elif (key := _KEY.match(line)) is not None:
                yield here + pointer_to(key[1]), number
        quoted ^= len(_QUOTES.findall(line)) % 2 == 1


def _place(names: Sequence[str], counts: dict[str, int], *, many: bool) -> str:
    """Return the pointer of a table: of a list, the newest item."""
    at = ""
    for depth, name in enumerate(names, start=1):
        at += pointer_to(name)
        if many and depth == len(names):
            counts[at] = counts.get(at, -1) + 1
        if at in counts:
            at += pointer_to(counts[at])
    return at
