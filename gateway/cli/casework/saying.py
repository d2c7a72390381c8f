"""Saying: a content filled in by file, options or questions, shown once more, and handed in."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway.cases.fields.labels import Label
from gateway.cases.forms import Field, form_of
from gateway.cases.kind import Kind
from gateway.cli.casework.handing_in import hand_in
from gateway.cli.forms.asking import Interview
from gateway.cli.forms.faults import (
    FormFaultsError,
    LineOf,
    check_filled,
    no_line,
    placed,
    placed_views,
)
from gateway.cli.forms.reading import content_lines
from gateway.cli.forms.template import read_template, write_template
from gateway.cli.forms.words import word
from gateway.cli.terminal.asking import confirm, tell
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import DONE, REFUSED, language, say
from gateway.cli.terminal.told import SpokenError, ToldError
from gateway.faults import FaultsError

_NOT_JSON = Label("{file} is no JSON: {why}", "{file} n'est pas du JSON : {why}")
_EXISTS = Label("{file} exists already", "{file} existe déjà")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How an officer wants to say something, whatever it is."""

    kind: Kind
    to: Sequence[str]
    command: str
    """What to type with ``--file`` once a template is filled in."""
    case: str | None = None
    file: Path | None = None
    template: Path | None = None
    attach: Sequence[Path] = ()
    on_behalf_of: str | None = None
    forwards: Sequence[str] = ()
    """The messages whose content it passes on."""
    purpose: str | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    """What is known before anybody is asked."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What was given by options."""
    wait_s: int = 0
    as_json: bool = False


def say_it(daemon: Daemon, wish: Wish) -> int:
    """Fill in what is to be said and hand it in, or write a template; return the exit code.

    Raises FormFaultsError with every fault, SpokenError, or what the daemon says.
    """
    if wish.template is not None:
        return _write(wish, wish.template)
    fields = form_of(wish.kind)
    raw, line_of, asked = _content(wish)
    check_filled(wish.kind, raw, fields, language(), line_of)
    if asked and not _confirmed(wish, raw, fields):
        say(word("not_sent", language()))
        return REFUSED
    body: dict[str, Any] = {"to": list(wish.to), "kind": wish.kind.name, "content": raw}
    body |= {"case": wish.case} if wish.case else {}
    body |= {"on_behalf_of": wish.on_behalf_of} if wish.on_behalf_of else {}
    body |= {"forwards": list(wish.forwards)} if wish.forwards else {}
    body |= {"purpose": wish.purpose} if wish.purpose else {}
    try:
        return hand_in(daemon, body, wish.attach, wait_s=wish.wait_s, as_json=wish.as_json)
    except ToldError as told:
        if not told.faults:
            raise
        raise FormFaultsError(placed_views(told.faults, fields, language(), line_of)) from told


def at_terminal() -> bool:
    """Tell whether somebody is there who can be asked."""
    return sys.stdin.isatty()


def _content(wish: Wish) -> tuple[Any, LineOf, bool]:
    """Return the content, where its lines are, and whether somebody was asked for it."""
    if wish.file is not None:
        raw, line_of = _read(wish.file, wish.kind)
        return ({**raw, **wish.given} if isinstance(raw, dict) else raw), line_of, False
    raw = {**wish.known, **wish.given}
    if not at_terminal():
        return raw, no_line, False
    interview = Interview(wish.kind, raw, language())
    interview.required()
    if not wish.given:
        interview.optional()
    return interview.raw, no_line, True


def _read(file: Path, kind: Kind) -> tuple[Any, LineOf]:
    """Return what a file holds, JSON by its name or else a template."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        try:
            return msgspec.json.decode(text), no_line
        except msgspec.DecodeError as fault:
            raise SpokenError("json_malformed", _NOT_JSON, file=file, why=fault) from fault
    try:
        filled = read_template(text, kind)
    except FaultsError as fault:
        line = int(fault.faults[0].limit)
        raise FormFaultsError(placed(fault.faults, (), language(), lambda _: line)) from fault
    return filled.raw, filled.line_of


def _write(wish: Wish, file: Path) -> int:
    known = {**wish.known, **wish.given}
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(
                write_template(wish.kind, known, f"{wish.command} --file {file}", language())
            )
    except FileExistsError as fault:
        raise SpokenError("file_exists", _EXISTS, file=file) from fault
    say(word("written", language(), file=file, command=f"{wish.command} --file {file}"))
    return DONE


def _confirmed(wish: Wish, raw: Any, fields: Sequence[Field]) -> bool:
    tell("")
    tell(word("review", language(), to=", ".join(wish.to), kind=wish.kind.label.text(language())))
    for line in content_lines(raw, fields, language()):
        tell(f"  {line}")
    for file in wish.attach:
        tell(f"  + {file.name}")
    return confirm(word("send", language()), language(), default=True)
