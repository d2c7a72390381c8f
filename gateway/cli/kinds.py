"""``liaison kinds``: what may be said, and what each kind must contain."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from gateway.cli.forms.known import known_kinds
from gateway.cli.terminal.console import language, say, show_fields, show_json, show_table
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder
from gateway.clock import SystemClock

_YES, _NO = {"en": "yes", "fr": "oui"}, {"en": "no", "fr": "non"}
_ONE_OF = {"en": "one of", "fr": "un de"}
_LIST = {"en": "list", "fr": "liste"}
_FORMS = {
    "string": {"en": "text", "fr": "texte"},
    "integer": {"en": "number", "fr": "nombre"},
    "boolean": {"en": "true or false", "fr": "true ou false"},
    "date": {"en": "date", "fr": "date"},
}


def kinds(
    kind: Annotated[str | None, typer.Argument(help="Show this kind and its fields.")] = None,
    folder: Folder = DEFAULT_FOLDER,
    example: Annotated[
        bool, typer.Option("--example", help="Print a content of the kind, as a file to fill.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the kinds of message, or show what one must contain. Needs no running daemon."""
    from gateway.services.casework.catalogue import (  # noqa: PLC0415 - not for --help
        kind_shown,
        kinds_shown,
    )

    known, spoken = known_kinds(folder), language()
    if kind is None:
        listed = kinds_shown(known, spoken)
        if as_json:
            show_json({"kinds": listed})
            return
        show_table(
            ["kind", "name", "family", "senders"],
            [
                (item.name, item.label, item.family, ", ".join(item.senders))
                for item in listed
                if item.is_message
            ],
        )
        return
    today = datetime.fromtimestamp(SystemClock().now(), UTC).date()
    shown = kind_shown(known, kind, spoken, today)
    if example:
        show_json(shown.example)
    elif as_json:
        show_json(shown)
    else:
        show_fields({kind: shown.label, "version": shown.version})
        say("")
        show_table(["field", "name", "form", "needed"], _rows(shown.schema, spoken))


def _rows(schema: Mapping[str, Any], spoken: str) -> Iterator[tuple[str, str, str, str]]:
    parts = schema["$defs"]
    yield from _fields(parts[_name(schema["$ref"])], parts, spoken, "")


def _fields(
    part: Mapping[str, Any], parts: Mapping[str, Any], spoken: str, at: str
) -> Iterator[tuple[str, str, str, str]]:
    for name, field in part.get("properties", {}).items():
        needed = name in part.get("required", ())
        inner, many = _resolved(field, parts)
        form = f"{_form(inner, spoken)} ({_LIST[spoken]})" if many else _form(inner, spoken)
        yield f"{at}/{name}", field["title"], form, (_YES if needed else _NO)[spoken]
        yield from _fields(inner, parts, spoken, f"{at}/{name}" + ("/0" if many else ""))


def _resolved(field: Mapping[str, Any], parts: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return what a field holds, without null and references, and whether it is a list."""
    many = False
    while True:
        if "anyOf" in field:
            field = next(one for one in field["anyOf"] if one.get("type") != "null")
        elif "$ref" in field:
            field = parts[_name(field["$ref"])]
        elif field.get("type") == "array":
            field, many = field["items"], True
        else:
            return field, many


def _form(field: Mapping[str, Any], spoken: str) -> str:
    if "oneOf" in field:
        return f"{_ONE_OF[spoken]} " + ", ".join(one["const"] for one in field["oneOf"])
    if "properties" in field:
        return ""
    form = _FORMS[str(field.get("format", field["type"]))][spoken]
    return f"{form} ≤ {field['maxLength']}" if "maxLength" in field else form


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]
