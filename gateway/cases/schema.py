"""What the fields of contents are made of: type, bounds, labels and the check they must pass.

A field says all of it in its type, so that validation, JSON Schema and forms come from one place.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec


class Content(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A document of a kind, or a part of one."""


def labelled(en: str, fr: str, **bounds: Any) -> msgspec.Meta:
    """Return a field's labels and msgspec bounds; it must leave ``extra`` to the field's type."""
    return msgspec.Meta(title=en, extra_json_schema={"x-title-fr": fr}, **bounds)


Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Passage = Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
Day = Annotated[str, msgspec.Meta(extra={"check": "date"}, max_length=10)]
Amount = Annotated[str, msgspec.Meta(extra={"check": "amount"}, max_length=24)]
Currency = Annotated[str, msgspec.Meta(extra={"check": "currency"}, pattern=r"\A[A-Z]{3}\Z")]
Country = Annotated[str, msgspec.Meta(extra={"check": "country"}, pattern=r"\A[A-Z]{2}\Z")]
Language = Annotated[str, msgspec.Meta(extra={"check": "language"}, pattern=r"\A[a-z]{2}\Z")]
HsCode = Annotated[str, msgspec.Meta(extra={"check": "hs_code"}, pattern=r"\A[0-9]{4,10}\Z")]
Container = Annotated[
    str, msgspec.Meta(extra={"check": "container"}, pattern=r"\A[A-Z]{3}[JRUZ][0-9]{7}\Z")
]
ImoNumber = Annotated[str, msgspec.Meta(extra={"check": "imo_number"}, pattern=r"\A[0-9]{7}\Z")]


def json_schema(target: type, language: str) -> dict[str, object]:
    """Return the JSON Schema of a content type, with titles in ``language`` (en, fr)."""
    schema = msgspec.json.schema(target)
    if language == "fr":
        _translate(schema)
    return schema


def _translate(schema: object) -> None:
    match schema:
        case Mapping():
            if isinstance(schema, dict) and "x-title-fr" in schema:
                schema["title"] = schema["x-title-fr"]
            for part in schema.values():
                _translate(part)
        case list():
            for part in schema:
                _translate(part)
        case _:
            return
