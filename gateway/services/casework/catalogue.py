"""The catalogue as it is shown to a house: kinds with schemas, defaults and examples."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from gateway.cases.deadlines import Deadlines
from gateway.cases.examples import example_of
from gateway.cases.fields.places import Place
from gateway.cases.handling import Handling
from gateway.cases.kind import Kind
from gateway.cases.kinds import near
from gateway.cases.powers import speakers
from gateway.cases.threads.thread import Move, moves_of
from gateway.errors import RejectedError


class MoveView(msgspec.Struct, frozen=True, kw_only=True):
    """What a message of a kind does to a thread in one of its states."""

    by: str
    """Who says it: ``asker`` or ``asked``."""
    state: str | None
    """Which allows it; None before anything was asked."""
    to: str
    """The state after it, or ``back`` to the one before."""
    part: bool
    """Only if it is about a part."""


class KindSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A kind in a list, with what a form needs."""

    name: str
    version: int
    family: str
    label: str
    is_message: bool
    """Whether a message can be of this kind; nodes carry the others by bytes of their own."""
    opens_case: bool
    senders: list[str]
    """Roles of members that may say it."""
    priority: int
    handling: Handling | None
    """What a content has that says nothing of it."""
    deadlines: Deadlines | None
    moves: list[MoveView]
    """What it does to a thread: who may say it in which state, and what the state is then."""
    personal: list[str]
    """Places of what tells of a person; ``*`` stands for each of a list."""
    free_text: list[str]
    """Places of what a person writes, in the language that the content names."""
    schema: dict[str, Any]
    """JSON Schema 2020-12, with titles in the caller's language."""


class KindDetail(KindSummary, frozen=True, kw_only=True):
    """One kind."""

    example: dict[str, Any]
    """A content of it, as if it were written today."""


def kinds_shown(kinds: Mapping[str, Kind], language: str) -> Sequence[KindSummary]:
    """Return every kind, in the order of the catalogue."""
    return [KindSummary(**_facts(kind, language)) for kind in kinds.values()]


def kind_shown(kinds: Mapping[str, Kind], name: str, language: str, today: date) -> KindDetail:
    """Return one kind with an example. Raises RejectedError ``kind_not_found``."""
    kind = kinds.get(name)
    if kind is None:
        raise RejectedError("kind_not_found", f"there is no kind {name!r}{near(name, kinds)}")
    return KindDetail(**_facts(kind, language), example=example_of(kind, today))


def _facts(kind: Kind, language: str) -> dict[str, Any]:
    return {
        "name": kind.name,
        "version": kind.version,
        "family": kind.family.value,
        "label": kind.label.text(language),
        "is_message": kind.is_message,
        "opens_case": kind.opens_case,
        "senders": [role.value for role in speakers(kind)],
        "priority": kind.priority,
        "handling": kind.handling,
        "deadlines": kind.deadlines,
        "moves": [_move(move) for move in moves_of(kind.name)],
        "personal": [_pointer(place) for place in kind.personal],
        "free_text": [_pointer(place) for place in kind.free_text],
        "schema": kind.schema(language),
    }


def _move(move: Move) -> MoveView:
    return MoveView(by=move.by, state=move.state, to=str(move.to), part=move.part)


def _pointer(place: Place) -> str:
    return "".join(f"/{part}" for part in place)
