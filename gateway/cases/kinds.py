"""The catalogue of kinds: every kind that all members know, by name."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from gateway.cases import (
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
from gateway.cases.kind import Kind
from gateway.cases.schema import Content
from gateway.errors import RejectedError

_FAMILIES = (
    requests, verifications, conduct, information, control, intelligence, operations, cargo,
    traders, capacity, service,
)  # fmt: skip

ALL_KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for family in _FAMILIES for kind in family.KINDS}
)
"""Those too that are carried by bytes of their own."""
CATALOGUE: Mapping[str, Kind] = MappingProxyType(
    {name: kind for name, kind in ALL_KINDS.items() if kind.is_message}
)
"""Of which a message can be."""


def kind_named(name: str, catalogue: Mapping[str, Kind] = CATALOGUE) -> Kind:
    """Return a kind of a catalogue. Raises RejectedError ``kind_unknown``."""
    try:
        return catalogue[name]
    except KeyError:
        known = ", ".join(catalogue)
        raise RejectedError("kind_unknown", f"there is no kind {name!r}; known: {known}") from None


def content_as_json(content: Content) -> object:
    """Return a content as JSON-like values."""
    return msgspec.to_builtins(content)
