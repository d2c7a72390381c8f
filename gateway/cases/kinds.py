"""The catalogue of kinds: every kind that all members know, by name."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

import msgspec

from gateway.cases.families import (
    attendance,
    capacity,
    cargo,
    conduct,
    control,
    information,
    intelligence,
    operations,
    requests,
    service,
    traders,
    verifications,
)
from gateway.cases.fields.schema import Content
from gateway.cases.kind import Kind
from gateway.errors import RejectedError

_FAMILIES = (
    requests, attendance, verifications, conduct, information, control, intelligence, operations,
    cargo, traders, capacity, service,
)  # fmt: skip

ALL_KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for family in _FAMILIES for kind in family.KINDS}
)
"""Those too that are carried by bytes of their own."""
CATALOGUE: Mapping[str, Kind] = MappingProxyType(
    {name: kind for name, kind in ALL_KINDS.items() if kind.is_message}
)
"""Of which a message can be."""


def kind_named(name: str, kinds: Mapping[str, Kind] = ALL_KINDS) -> Kind:
    """Return the kind of a message. Raises RejectedError ``kind_unknown``."""
    kind = kinds.get(name)
    if kind is not None and kind.is_message:
        return kind
    raise RejectedError("kind_unknown", f"there is no kind {name!r}{near(name, kinds)}")


def near(name: str, kinds: Mapping[str, Kind]) -> str:
    """Return a question for who mistyped a kind's name; empty where no name is like it."""
    found = get_close_matches(name, kinds, n=3)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def content_as_json(content: Content) -> object:
    """Return a content as JSON-like values."""
    return msgspec.to_builtins(content)
