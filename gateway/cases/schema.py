"""What the fields of contents are made of: type, bounds, labels and the check they must pass.

A field says all of it in its type, so that validation, JSON Schema and forms come from one place.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import inspect

from gateway.cases.codes import CHECKS
from gateway.faults import Fault, pointer_to


class Content(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A document of a kind, or a part of one."""


def labelled(en: str, fr: str, *, check: str = "", **bounds: Any) -> msgspec.Meta:
    """Return a field's labels, the check its values must pass, and msgspec bounds."""
    return msgspec.Meta(
        title=en, extra_json_schema={"x-title-fr": fr}, extra={"check": check}, **bounds
    )


Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Passage = Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
Day = Annotated[str, msgspec.Meta(extra={"check": "date"}, max_length=10)]
Amount = Annotated[str, msgspec.Meta(extra={"check": "amount"}, max_length=24)]
Currency = Annotated[str, msgspec.Meta(extra={"check": "currency"}, pattern=r"\A[A-Z]{3}\Z")]
Country = Annotated[str, msgspec.Meta(extra={"check": "country"}, pattern=r"\A[A-Z]{2}\Z")]
Language = Annotated[str, msgspec.Meta(extra={"check": "language"}, pattern=r"\A[a-z]{2}\Z")]
HsCode = Annotated[str, msgspec.Meta(extra={"check": "hs_code"}, pattern=r"\A[0-9]{4,10}\Z")]
Container = Annotated[
    str, msgspec.Meta(extra={"check": "container"}, pattern=r"\A[A-Z]{4}[0-9]{7}\Z")
]
ImoNumber = Annotated[str, msgspec.Meta(extra={"check": "imo_number"}, pattern=r"\A[0-9]{7}\Z")]


def check_codes(value: object, target: type, pointer: str = "") -> Iterator[Fault]:
    """Yield what the code lists and check digits say against a value of type ``target``."""
    yield from _walk(value, inspect.type_info(target), pointer)


def json_schema(target: type, language: str) -> dict[str, object]:
    """Return the JSON Schema of a content type, with titles in ``language`` (en, fr)."""
    schema = msgspec.json.schema(target)
    if language == "fr":
        _translate(schema)
    return schema


def _walk(value: object, info: inspect.Type, at: str) -> Iterator[Fault]:
    match info:
        case inspect.Metadata():
            check = (info.extra or {}).get("check")
            if check and isinstance(value, str):
                fault = CHECKS[check](value, at)
                if fault is not None:
                    yield fault
            yield from _walk(value, info.type, at)
        case inspect.StructType():
            for item in info.fields:
                here = at + pointer_to(item.encode_name)
                yield from _walk(getattr(value, item.name), item.type, here)
        case inspect.UnionType() if value is not None:
            for kind in info.types:
                yield from _walk(value, kind, at)
        case inspect.VarTupleType() if isinstance(value, tuple):
            for index, item in enumerate(value):
                yield from _walk(item, info.item_type, at + pointer_to(index))
        case _:
            return


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
