"""Sanitising: what of a content a liaison office may see. Pure.

By the schema alone: codes, numbers and dates stay, a line stays where its field says that it tells
of goods or places, and what is marked personal goes with all that is in it. Longer texts always go.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import inspect

from gateway.cases.families.intelligence import Copied, LiaisonCopy
from gateway.cases.fields.places import Way
from gateway.cases.fields.schema import PERSONAL, SAFE, Content, Edition, MemberName
from gateway.cases.kind import Kind
from gateway.faults import pointer_to

COPY: Final = "intelligence.liaison_copy"
CODES = frozenset(
    {
        "air_waybill", "amount", "container", "country", "currency", "date", "hs_code",
        "imo_number", "language",
    }
)  # fmt: skip
"""The checks of texts that name no person: all other texts stay only where their field says so."""
_FORMS = frozenset(form.__metadata__[0].pattern for form in (Edition, MemberName))  # type: ignore[attr-defined]
_APART = "handling"
"""Says how the message is to be used, and nothing of what it is about."""
_LEAST = 3
"""Characters of a personal value that is looked for in the lines that stay."""


def sanitised(kind: Kind, content: Content) -> tuple[Copied, ...]:
    """Return the fields of a content that tell of no person, in its order.

    A line that stays by its field goes after all if it repeats what a personal field says.
    """
    raw = msgspec.to_builtins(content)
    told = list(_walk(inspect.type_info(kind.content), raw, (), ""))
    names = {
        text.casefold() for way, text, mark in told if mark == PERSONAL and len(text) >= _LEAST
    }
    return tuple(
        Copied(field=pointer_to(*way), value=text)
        for way, text, mark in told
        if mark != PERSONAL
        and way[0] != _APART
        and not (mark == SAFE and any(name in text.casefold() for name in names))
    )


def liaison_copy(kind: Kind, content: Content, message: str) -> dict[str, object]:
    """Return the content (JSON-like) of a copy of ``message``, but for its handling."""
    fields = msgspec.to_builtins(sanitised(kind, content))
    copied = {"message": message, "kind": kind.name, "version": kind.version, "fields": fields}
    assert set(copied) | {_APART} == set(LiaisonCopy.__struct_fields__)  # noqa: S101 - ours
    return copied


def tells_of_persons(kind: Kind, content: Content) -> bool:
    """Tell whether a content says anything that is marked as personal."""
    told = _walk(inspect.type_info(kind.content), msgspec.to_builtins(content), (), "")
    return any(mark == PERSONAL for _, _, mark in told)


def _walk(
    info: inspect.Type, raw: object, way: Way, mark: str, check: str = ""
) -> Iterator[tuple[Way, str, str]]:
    """Yield (where, text, mark) of what may be seen and, marked, of what is personal."""
    match info, raw:
        case _, None:
            return
        case inspect.Metadata(), _:
            marks = info.extra_json_schema or {}
            mark = PERSONAL if PERSONAL in marks else mark or (SAFE if SAFE in marks else "")
            yield from _walk(info.type, raw, way, mark, (info.extra or {}).get("check", check))
        case inspect.StructType(), dict():
            mark = mark if mark == PERSONAL else ""
            for item in info.fields:
                value = raw.get(item.encode_name)
                yield from _walk(item.type, value, (*way, item.encode_name), mark)
        case inspect.UnionType(), _:
            (one,) = (one for one in info.types if not isinstance(one, inspect.NoneType))
            yield from _walk(one, raw, way, mark, check)
        case inspect.VarTupleType(), list() | tuple():
            for at, item in enumerate(raw):
                yield from _walk(info.item_type, item, (*way, at), mark)
        case _:
            yield from _value(info, raw, way, mark, check)


def _value(
    info: inspect.Type, raw: object, way: Way, mark: str, check: str
) -> Iterator[tuple[Way, str, str]]:
    code = check in CODES or (isinstance(info, inspect.StrType) and info.pattern in _FORMS)
    if not isinstance(info, inspect.StrType):
        if mark != PERSONAL:
            yield way, str(raw).lower() if isinstance(raw, bool) else str(raw), ""
    elif mark == PERSONAL:
        if not code or check == "date":
            yield way, str(raw), PERSONAL
    elif code:
        yield way, str(raw), ""
    elif mark == SAFE and check == "line":
        yield way, str(raw), SAFE
