"""The catalogue as a node shows it to its house: kinds with schemas and defaults, code lists."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from gateway.cases.deadlines import Deadlines
from gateway.cases.examples import example_of
from gateway.cases.handling import Handling
from gateway.cases.kind import Kind
from gateway.cases.kinds import near
from gateway.cases.listing import code_list, list_names
from gateway.cases.places import Place
from gateway.cases.powers import speakers
from gateway.cases.thread import Move, moves_of
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


class CodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A code and what it means."""

    code: str
    label: str


class CodeList(msgspec.Struct, frozen=True, kw_only=True):
    """A code list."""

    name: str
    codes: list[CodeView]


class Catalogue:
    """Shows kinds and code lists."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds

    @property
    def known(self) -> Mapping[str, Kind]:
        """The kinds that this node knows."""
        return self._kinds

    def kinds(self, language: str) -> Sequence[KindSummary]:
        """Return every kind, in the order of the catalogue."""
        return [KindSummary(**_facts(kind, language)) for kind in self._kinds.values()]

    def kind(self, name: str, language: str, today: date) -> KindDetail:
        """Return one kind with an example. Raises RejectedError ``kind_not_found``."""
        kind = self._kinds.get(name)
        if kind is None:
            raise RejectedError(
                "kind_not_found", f"there is no kind {name!r}{near(name, self._kinds)}"
            )
        return KindDetail(**_facts(kind, language), example=example_of(kind, today))

    def lists(self) -> Sequence[str]:
        """Return the names of the code lists."""
        return list_names()

    def codes(self, name: str, language: str) -> CodeList:
        """Return a code list. Raises RejectedError ``list_not_found``."""
        listed = code_list(name).items()
        shown = [CodeView(code=code, label=label.text(language)) for code, label in listed]
        return CodeList(name=name, codes=shown)


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
