"""``liaison events``: what happens, as it happens."""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import typer

from gateway.cases.fields.labels import Label
from gateway.cli.event_words import CODES, EVENTS
from gateway.cli.terminal.console import language, say, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, Folder, daemon_of
from gateway.settings import EventType

LINE = Label("{at}  {what}", "{at}  {what}")
STANDS = Label("{what}: {code}", "{what} : {code}")
CASE = Label("case {case}", "dossier {case}")
UNTIL = Label("until {at}", "jusqu'au {at}")


def events(
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="Of these types alone, such as case.overdue; may be repeated."),
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="After this event; without it, from now on.")
    ] = None,
    for_s: Annotated[
        int | None,
        typer.Option(
            "--for",
            help="End after so many seconds; 0 for what there is by now.",
            min=0,
            max=86_400,
        ),
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document a line.")
    ] = False,
) -> None:
    """Follow what happens, one event a line, until interrupted."""
    asked = {"types": ",".join(types or ()), "after": after, "for_s": for_s}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    for event in daemon_of(folder).events(f"/v1/events?{query}"):
        if as_json:
            say(msgspec.json.encode(event).decode())
        else:
            say(LINE.text(language()).format(at=when(event["at"]), what=_told(event)))


def _told(event: dict[str, Any]) -> str:
    return "  ".join(part for part in _parts(event) if part)


def _parts(event: dict[str, Any]) -> Iterator[str]:
    label = EVENTS[EventType(event["type"])].text(language())
    if event.get("code"):
        label = STANDS.text(language()).format(what=label, code=_code(event))
    yield label
    yield event.get("member", "")
    yield event.get("kind", "")
    yield event.get("message", "")
    if event.get("case"):
        yield CASE.text(language()).format(case=event["case"])
    if event.get("due_at"):
        yield UNTIL.text(language()).format(at=when(event["due_at"]))


def _code(event: dict[str, Any]) -> str:
    """Return a state, task or reason in words; what is for programs, as it is."""
    code: str = event["code"]
    label = CODES.get(EventType(event["type"]), {}).get(code)
    return code if label is None else label.text(language())
