"""Telling: what happens, step by step, to whoever looks on; and the same for programs.

A line that is checked carries its mark; the first that does not hold ends the play.
"""

import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.console import language, say
from gateway.cli.terminal.told import SpokenError

WHO = 8
WIDE = 100
"""The widest line, where the terminal has room for it."""
NARROW = 60
_BEFORE: Final = re.compile(r" ([:;?!»])(?=\s|$)")
"""Where French has a space that no line ends at."""
_FAILED: Final = Label(
    "the demo stopped at step {number}: this does not hold: {said} ({value})",
    "la démonstration s'est arrêtée à l'étape {number} : ceci n'est pas vérifié : {said} ({value})",
)
_LATE: Final = Label(
    "the demo stopped at step {number}: waited {seconds} s in vain for {what}",
    "la démonstration s'est arrêtée à l'étape {number} : {seconds} s d'attente en vain : {what}",
)
_BROKE: Final = Label(
    "the demo stopped at step {number}: {command} ended with {exit_code}: {why}",
    "la démonstration s'est arrêtée à l'étape {number} : {command} a fini avec {exit_code} : {why}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that was told and looked up."""

    what: str
    ok: bool
    value: Any


@dataclass(slots=True, kw_only=True)
class Step:
    """A step of the play."""

    number: int
    title: str
    started: float
    checks: list[Check] = field(default_factory=list)
    seconds: float = 0.0


class Story:
    """Tells the play, and keeps what was checked."""

    def __init__(self, *, quiet: bool) -> None:
        """Begin; who is quiet prints nothing but the facts at the end."""
        self._quiet = quiet
        self._started = time.monotonic()
        self._wide = max(NARROW, min(WIDE, shutil.get_terminal_size((WIDE, 24)).columns))
        self._paint = _Paint(coloured=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
        self.language = language()
        self.steps: list[Step] = []

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._started

    @property
    def _room(self) -> int:
        return self._wide - WHO - 6

    @property
    def number(self) -> int:
        """The number of the step that is played."""
        return self.steps[-1].number if self.steps else 0

    def begin(self, number: int, title: Label) -> None:
        """Begin a step."""
        self.end()
        now = time.monotonic()
        self.steps.append(Step(number=number, title=title.en, started=now))
        at = f"{self.seconds:.1f} s"
        head = f"{number:>2}  {_spaced(title.text(self.language))}"
        self._say("")
        beside = max(len(at) + 2, self._wide - len(head))
        self._say(self._paint.bold(head) + self._paint.dim(f"{at:>{beside}}"))

    def end(self) -> None:
        """End the step."""
        if self.steps and not self.steps[-1].seconds:
            step = self.steps[-1]
            step.seconds = round(time.monotonic() - step.started, 2)

    def tell(self, who: str, said: Label, /, **values: object) -> None:
        """Tell what somebody does; empty for the teller himself."""
        self._line(who, " ", said.text(self.language).format(**self._values(values)))

    def quote(self, *lines: str) -> None:
        """Show what somebody reads or writes, as it is."""
        for line in lines:
            for part in _wrapped(line, self._room):
                self._say(f"{'':{WHO + 4}}{self._paint.dim('│')} {part}")

    def typed(self, arguments: str) -> None:
        """Show a command as somebody types it."""
        *parts, last = _parted(f"$ liaison {arguments}", self._room - 2)
        for part in [*(f"{part} \\" for part in parts), last]:
            self._say(f"{'':{WHO + 4}}{self._paint.dim(part)}")

    def check(
        self, who: str, said: Label, /, ok: object, value: Any = None, **values: object
    ) -> None:
        """Tell what holds, if it does. Raises SpokenError ``demo_failed`` if it does not."""
        shown = {name: str(item) for name, item in self._values(values, "en").items()}
        told = bool(ok) if value is None else value
        item = Check(what=said.en.format(**shown), ok=bool(ok), value=told)
        self.steps[-1].checks.append(item)
        if not ok:
            phrase = Label(said.en.format(**shown), said.fr.format(**self._values(values, "fr")))
            raise SpokenError(
                "demo_failed", _FAILED, number=self.number, said=phrase, value=repr(told)[:300]
            )
        text = said.text(self.language).format(**self._values(values))
        self._line(who, self._paint.good("✓"), text)

    def late(self, what: Label, seconds: float) -> SpokenError:
        """Return what to raise where somebody waited in vain."""
        return SpokenError(
            "demo_failed", _LATE, number=self.number, what=what, seconds=f"{seconds:.0f}"
        )

    def broke(self, command: str, code: int, why: str) -> SpokenError:
        """Return what to raise where a command did not end as it should."""
        return SpokenError(
            "demo_failed",
            _BROKE,
            number=self.number,
            command=command,
            exit_code=code,
            why=why[-600:],
        )

    def sum_up(
        self,
        title: Label,
        figures: Mapping[Label, object],
        following: Sequence[Label],
        **values: object,
    ) -> None:
        """Close with figures in a column, and where to look next, which ``values`` fill."""
        self.end()
        self._say("")
        self._say(self._paint.bold(title.text(self.language)))
        named = {name.text(self.language): self._shown(item) for name, item in figures.items()}
        wide = max(len(name) for name in named)
        tall = max(len(item) for item in named.values())
        for name, item in named.items():
            self._say(f"    {name:<{wide}}  {item:>{tall}}")
        self._say("")
        for line in following:
            self._say(f"    {_spaced(line.text(self.language).format(**self._values(values)))}")

    def document(self) -> list[dict[str, Any]]:
        """Return the steps for programs, in English."""
        return [
            {
                "n": step.number,
                "title": step.title,
                "checks": [
                    {"what": item.what, "ok": item.ok, "value": item.value} for item in step.checks
                ],
                "seconds": step.seconds,
            }
            for step in self.steps
        ]

    def figure(self, number: float | str, places: int = 0) -> str:
        """Return a number as it is written in the language of who looks on."""
        return figure(number, self.language, places)

    def _line(self, who: str, mark: str, text: str) -> None:
        first, *rest = _wrapped(text, self._room)
        self._say(f"    {who:<{WHO}}{mark} {first}")
        for line in rest:
            self._say(f"{'':{WHO + 6}}{line}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            say(text)
            sys.stdout.flush()

    def _values(self, values: Mapping[str, object], spoken: str = "") -> dict[str, str]:
        return {name: self._shown(item, spoken) for name, item in values.items()}

    def _shown(self, item: object, spoken: str = "") -> str:
        spoken = spoken or self.language
        match item:
            case Label():
                return item.text(spoken)
            case bool():
                return str(item)
            case int():
                return figure(item, spoken)
            case _:
                return str(item)


def figure(number: float | str, spoken: str, places: int = 0) -> str:
    """Return a number with its thousands apart: 62,160.00, or 62 160,00 in French."""
    text = f"{float(number):,.{places}f}"
    if spoken != "fr":
        return text
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ",")


def _spaced(text: str) -> str:
    """Return a text whose lines do not end within a French sign."""
    return _BEFORE.sub("\N{NO-BREAK SPACE}\\1", text).replace("« ", "«\N{NO-BREAK SPACE}")


def _parted(command: str, wide: int) -> list[str]:
    """Return a command as lines that end before an option: what is quoted stays whole."""
    first, *options = re.split(r" (?=--)", command)
    lines = [first]
    for option in options:
        if len(f"{lines[-1]} {option}") <= wide:
            lines[-1] += f" {option}"
        else:
            lines.append(f"    {option}")
    return lines


def _wrapped(text: str, wide: int) -> list[str]:
    """Return lines no wider than that, the second and others as far in as the first."""
    return textwrap.wrap(
        _spaced(text),
        wide,
        subsequent_indent=text[: len(text) - len(text.lstrip())],
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paint:
    """Colours, where a person looks on."""

    coloured: bool

    def bold(self, text: str) -> str:
        return self._in("1", text)

    def dim(self, text: str) -> str:
        return self._in("2", text)

    def good(self, text: str) -> str:
        return self._in("32", text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured else text
