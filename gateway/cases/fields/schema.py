"""What the fields of contents are made of: type, bounds, labels and the check they must pass.

A field says all of it in its type, so that validation, JSON Schema and forms come from one place.
Marks stand in the JSON Schema too: ``x-title-fr``, ``x-personal``, ``x-address``, ``x-safe``,
``x-free-text``, ``x-day``.
"""

from typing import Annotated, Any

import msgspec

PERSONAL = "x-personal"
"""What tells of a person: left out of copies for those who may see no names."""
ADDRESS = "x-address"
"""Where somebody is: personal as a whole, and not by the name of a town."""
SAFE = "x-safe"
"""A line that tells of goods and places: kept in such copies, where other lines are not."""
FREE_TEXT = "x-free-text"
"""What a person writes, in the language that the content names."""
DAY = "x-day"
"""``past`` or ``coming``: on which side of the day of writing a date lies, that day included."""

_NO_CONTROLS = r"\x7f-\x9f\u2028-\u202e"
"""Of no use in a text: DEL, C1, separators of lines, and what turns the direction of writing."""
ONE_LINE = rf"\A[^\x00-\x1f{_NO_CONTROLS}]*\Z"
LINES = rf"\A[^\x00-\x08\x0b\x0c\x0e-\x1f{_NO_CONTROLS}]*\Z"
"""With tabs and ends of lines. Checks look at these two: most texts need no pattern to be good."""


class Content(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A document of a kind, or a part of one."""


def labelled(
    en: str,
    fr: str,
    *,
    personal: bool = False,
    address: bool = False,
    safe: bool = False,
    **bounds: Any,
) -> msgspec.Meta:
    """Return a field's labels and msgspec bounds; it must leave ``extra`` to the field's type."""
    marks: dict[str, Any] = {"x-title-fr": fr}
    if personal:
        marks[PERSONAL] = True
    if address:
        marks[ADDRESS] = True
    if safe:
        marks[SAFE] = True
    return msgspec.Meta(title=en, extra_json_schema=marks, **bounds)


def _checked(check: str, pattern: str) -> msgspec.Meta:
    return msgspec.Meta(extra={"check": check}, pattern=pattern)


def _day(side: str = "") -> msgspec.Meta:
    marks = {"format": "date"} | ({DAY: side} if side else {})
    return msgspec.Meta(extra={"check": "date"}, max_length=10, extra_json_schema=marks)


def _lines(least: int, most: int) -> msgspec.Meta:
    return msgspec.Meta(
        min_length=least,
        max_length=most,
        extra={"check": "lines"},
        extra_json_schema={FREE_TEXT: True, "pattern": LINES},
    )


Line = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=200,
        extra={"check": "line"},
        extra_json_schema={"pattern": ONE_LINE},
    ),
]
"""A name, a number or a few words, in one line."""
Words = Annotated[str, _lines(0, 2_000)]
"""What a person may write, briefly."""
Passage = Annotated[str, _lines(1, 20_000)]
"""What a person writes, in lines."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Day = Annotated[str, _day()]
PastDay = Annotated[str, _day("past")]
ComingDay = Annotated[str, _day("coming")]
Amount = Annotated[str, msgspec.Meta(extra={"check": "amount"}, max_length=24)]
Currency = Annotated[str, _checked("currency", r"\A[A-Z]{3}\Z")]
Country = Annotated[str, _checked("country", r"\A[A-Z]{2}\Z")]
Language = Annotated[str, _checked("language", r"\A[a-z]{2}\Z")]
HsCode = Annotated[str, _checked("hs_code", r"\A[0-9]{4,10}\Z")]
Edition = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}\Z")]
"""The year of an edition of the Harmonized System."""
Container = Annotated[str, _checked("container", r"\A[A-Z]{3}[JRUZ][0-9]{7}\Z")]
ImoNumber = Annotated[str, _checked("imo_number", r"\A[0-9]{7}\Z")]
AirWaybill = Annotated[str, _checked("air_waybill", r"\A[0-9]{3}-[0-9]{8}\Z")]
Lei = Annotated[str, _checked("lei", r"\A[0-9A-Z]{18}[0-9]{2}\Z")]
Iban = Annotated[str, _checked("iban", r"\A[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}\Z")]
Vat = Annotated[str, _checked("vat", r"\A[A-Z]{2}[0-9A-Z+*]{2,13}\Z")]
MemberName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")]
MessageName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}-[0-9a-f]{32}\Z")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Email = Annotated[str, msgspec.Meta(pattern=r"\A[^@\s]{1,64}@[^@\s]{1,190}\Z")]
Telephone = Annotated[str, msgspec.Meta(pattern=r"\A\+?[0-9 ()./-]{3,32}\Z")]
