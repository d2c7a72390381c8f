"""Faults of a content as a person finds them: by the label of the field, and the line of a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.cases.fields.labels import Label
from gateway.cases.forms import Field, Shape, label_at
from gateway.cases.kind import Kind
from gateway.cli.forms.words import word
from gateway.clock import SystemClock
from gateway.errors import RejectedError
from gateway.faults import Fault, FaultsError

if TYPE_CHECKING:
    from gateway.network.problems import FaultView

_BESIDE = (
    Field(name="to", label=Label("Recipient", "Destinataire"), shape=Shape.LINE, many=True),
    Field(name="case", label=Label("Case", "Dossier"), shape=Shape.LINE),
    Field(name="on_behalf_of", label=Label("On behalf of", "Au nom de"), shape=Shape.LINE),
    Field(name="forwards", label=Label("Passes on", "Communique"), shape=Shape.LINE),
    Field(name="purpose", label=Label("Purpose", "Finalité"), shape=Shape.LINE),
    Field(name="attachments", label=Label("Attachments", "Pièces jointes"), shape=Shape.LINE),
)
"""What goes with a content."""
LineOf = Callable[[str], int | None]
"""Says on which line a place is; None for no line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFault:
    """What is wrong, and where a person looks for it."""

    pointer: str
    place: str
    code: str
    detail: str


class FormFaultsError(RejectedError):
    """What was filled in has faults: all of them, in the order of the lines."""

    def __init__(self, faults: Sequence[PlacedFault]) -> None:
        super().__init__("validation_failed", "; ".join(f"{f.place}: {f.detail}" for f in faults))
        self.faults = tuple(faults)


def today() -> date:
    """Return the day of now, UTC."""
    return datetime.fromtimestamp(SystemClock().now(), UTC).date()


def faults_of(kind: Kind, raw: object) -> tuple[Fault, ...]:
    """Return all faults of a content that is being written today."""
    if isinstance(raw, Mapping) and kind.handling is not None:
        raw = {"handling": msgspec.to_builtins(kind.handling, str_keys=True), **raw}
    try:
        kind.validate(raw, today=today())
    except FaultsError as fault:
        return fault.faults
    return ()


def check_filled(
    kind: Kind, raw: Any, fields: Sequence[Field], language: str, line_of: LineOf
) -> None:
    """Let a content without faults pass. Raises FormFaultsError."""
    if faults := faults_of(kind, raw):
        raise FormFaultsError(placed(faults, fields, language, line_of))


def placed(
    faults: Iterable[Fault], fields: Sequence[Field], language: str, line_of: LineOf
) -> list[PlacedFault]:
    """Return faults with their places, those of the first lines first."""
    told = [(fault.pointer, fault.code, fault.sentence(language)) for fault in faults]
    return _sorted(told, fields, language, line_of)


def placed_views(
    faults: Iterable["FaultView"], fields: Sequence[Field], language: str, line_of: LineOf
) -> list[PlacedFault]:
    """Return the faults of a submission that the daemon named, with their places."""
    told = [(fault.pointer.removeprefix("/content"), fault.code, fault.detail) for fault in faults]
    return _sorted(told, [*fields, *_BESIDE], language, line_of)


def no_line(_: str) -> int | None:
    """Return None: what is not in a file of ours has no line."""
    return None


def _sorted(
    told: Iterable[tuple[str, str, str]], fields: Sequence[Field], language: str, line_of: LineOf
) -> list[PlacedFault]:
    found = [(line_of(pointer), pointer, code, detail) for pointer, code, detail in told]
    found.sort(key=lambda item: item[0] or 0)
    return [
        PlacedFault(
            pointer=pointer, place=_place(pointer, line, fields, language), code=code, detail=detail
        )
        for line, pointer, code, detail in found
    ]


def _place(pointer: str, line: int | None, fields: Sequence[Field], language: str) -> str:
    label = label_at(fields, pointer, language)
    if line is None:
        return label or word("whole", language)
    if not label:
        return word("line_alone", language, line=line)
    return word("line", language, line=line, label=label)
