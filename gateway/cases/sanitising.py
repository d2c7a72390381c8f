"""Sanitising: what of a content a liaison office may see. Pure.

By the schema alone: codes, numbers and dates stay, a line stays where its field says that it tells
of goods or places, and what is marked personal goes with all that is in it. Longer texts always go.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import inspect

from gateway.cases.families.intelligence import Copied, LiaisonCopy
from gateway.cases.fields.hs_chapters import HS_CHAPTERS
from gateway.cases.fields.places import Way
from gateway.cases.fields.schema import (
    ADDRESS,
    PERSONAL,
    SAFE,
    Content,
    Edition,
    MemberName,
    Telephone,
)
from gateway.cases.identifying import Form, Identifying, words_of
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
_HS_CODE = "hs_code"
_WITHIN = "within"
"""What a part that is personal leaves unmarked where it marks others: as a whole alone."""
_GOING = (PERSONAL, ADDRESS, _WITHIN)
_FORMS_OF_CHECKS = {"date": Form.DATE, "lines": Form.WHOLE}
_TELEPHONE = Telephone.__metadata__[0].pattern  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class _Told:
    """A text, and where it stands."""

    way: Way
    text: str
    mark: str = ""
    """Its field's; of a code its check."""
    form: Form = Form.NAME

    @property
    def is_personal(self) -> bool:
        """Whether it goes."""
        return self.mark in _GOING


def sanitised(kind: Kind, content: Content) -> tuple[Copied, ...]:
    """Return the fields of a content that tell of no person, in its order.

    A line that stays by its field goes after all if it says what names somebody in a personal one;
    words that the copy says in a code, or that chapters of the HS are called by, name nobody.
    """
    raw = msgspec.to_builtins(content)
    told = list(_walk(inspect.type_info(kind.content), raw, (), ""))
    staying = [item for item in told if not item.is_personal and item.way[0] != _APART]
    named = Identifying.of(
        ((item.text, item.form) for item in told if item.is_personal),
        common=_said_in_codes(item for item in staying if item.mark != SAFE),
    )
    return tuple(
        Copied(field=pointer_to(*item.way), value=item.text)
        for item in staying
        if item.mark != SAFE or not named.stand_in(item.text)
    )


def _said_in_codes(codes: Iterable[_Told]) -> Iterator[str]:
    """Yield the words that a copy says anyway."""
    for code in codes:
        yield from words_of(code.text)
        if code.mark == _HS_CODE and (chapter := HS_CHAPTERS.get(code.text[:2])):
            yield from words_of(f"{chapter.en} {chapter.fr}")


def liaison_copy(kind: Kind, content: Content, message: str) -> dict[str, object]:
    """Return the content (JSON-like) of a copy of ``message``, but for its handling."""
    fields = msgspec.to_builtins(sanitised(kind, content))
    copied = {"message": message, "kind": kind.name, "version": kind.version, "fields": fields}
    assert set(copied) | {_APART} == set(LiaisonCopy.__struct_fields__)  # noqa: S101 - ours
    return copied


def tells_of_persons(kind: Kind, content: Content) -> bool:
    """Tell whether a content says anything that is marked as personal."""
    told = _walk(inspect.type_info(kind.content), msgspec.to_builtins(content), (), "")
    return any(item.is_personal for item in told)


def _walk(info: inspect.Type, raw: object, way: Way, mark: str, check: str = "") -> Iterator[_Told]:
    """Yield what may be seen and, marked, what is personal."""
    match info, raw:
        case _, None:
            return
        case inspect.Metadata(), _:
            marks = info.extra_json_schema or {}
            own = next((name for name in (ADDRESS, PERSONAL) if name in marks), "")
            mark = own or mark or (SAFE if SAFE in marks else "")
            yield from _walk(info.type, raw, way, mark, (info.extra or {}).get("check", check))
        case inspect.StructType(), dict():
            mark = _inherited(info, mark)
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


def _inherited(info: inspect.StructType, mark: str) -> str:
    """Return the mark of the fields of a part that have none themselves."""
    if mark != PERSONAL:
        return mark if mark in _GOING else ""
    marks_own = any(
        isinstance(item.type, inspect.Metadata) and PERSONAL in (item.type.extra_json_schema or {})
        for item in info.fields
    )
    return _WITHIN if marks_own else PERSONAL


def _value(info: inspect.Type, raw: object, way: Way, mark: str, check: str) -> Iterator[_Told]:
    code = check in CODES or (isinstance(info, inspect.StrType) and info.pattern in _FORMS)
    personal = mark in _GOING
    if not isinstance(info, inspect.StrType):
        if not personal:
            yield _Told(way, str(raw).lower() if isinstance(raw, bool) else str(raw))
    elif personal:
        if not code or check == "date":
            yield _Told(way, str(raw), mark, _form(info, mark, check))
    elif code:
        yield _Told(way, str(raw), check)
    elif mark == SAFE and check == "line":
        yield _Told(way, str(raw), SAFE)


def _form(info: inspect.StrType, mark: str, check: str) -> Form:
    """Return what a personal value is, by its field."""
    if mark == ADDRESS:
        return Form.ADDRESS
    if info.pattern == _TELEPHONE:
        return Form.TELEPHONE
    return _FORMS_OF_CHECKS.get(check, Form.WHOLE if mark == _WITHIN else Form.NAME)
