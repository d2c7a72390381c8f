"""JSON Schema 2020-12 of content types, with titles in one language and nothing in another.

Codes come with what they mean, and patterns in the dialect of ECMA 262.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import Content

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(target: type[Content], title: Label, language: str) -> dict[str, object]:
    """Return the JSON Schema of a content type, with titles in ``language`` (en, fr)."""
    schema = msgspec.json.schema(target)
    parts: dict[str, Any] = schema["$defs"]
    codes = {cls.__name__: cls for cls in codes_in(inspect.type_info(target))}
    for name, part in parts.items():
        # The names and docstrings of our classes are for who works on them.
        part.pop("title", None)
        part.pop("description", None)
        if name in codes:
            parts[name] = _choices(codes[name], language)
    _settle(schema, language)
    return {"$schema": DIALECT, "title": title.text(language), **schema}


def codes_in(info: inspect.Type) -> Iterator[type[Code]]:
    """Yield the code lists that a type uses."""
    match info:
        case inspect.EnumType() if issubclass(info.cls, Code):
            yield info.cls
        case inspect.Metadata():
            yield from codes_in(info.type)
        case inspect.StructType():
            for item in info.fields:
                yield from codes_in(item.type)
        case inspect.UnionType():
            for one in info.types:
                yield from codes_in(one)
        case inspect.VarTupleType():
            yield from codes_in(info.item_type)
        case _:
            return


def _choices(codes: type[Code], language: str) -> dict[str, Any]:
    return {
        "x-list": codes.list_name(),
        "oneOf": [{"const": code.value, "title": code.label.text(language)} for code in codes],
    }


def _settle(schema: object, language: str) -> None:
    """Put titles into the language, and patterns into the dialect."""
    match schema:
        case dict():
            if language == "fr" and "x-title-fr" in schema:
                schema["title"] = schema["x-title-fr"]
            if isinstance(pattern := schema.get("pattern"), str):
                schema["pattern"] = pattern.replace(r"\A", "^").replace(r"\Z", "$")
            for part in schema.values():
                _settle(part, language)
        case list():
            for part in schema:
                _settle(part, language)
        case _:
            return
