"""The kinds that a node's folder knows: those of all members, and its own. No daemon is asked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.cases.forms import Field, shown_of
from gateway.cases.kind import Kind
from gateway.cli.terminal.options import settings_of
from gateway.errors import UnavailableError


def known_kinds(folder: Path) -> Mapping[str, Kind]:
    """Return the kinds by name, with the common ones alone where there is no node."""
    from gateway.services.casework.own_kinds import kinds_with  # noqa: PLC0415 - not for --help

    try:
        settings = settings_of(folder)
        return kinds_with(settings.path(settings.cases.kinds))
    except UnavailableError:  # no node here: what all members know can be shown all the same
        return kinds_with(folder / "kinds.d")


def fields_of(folder: Path, kind: str) -> Sequence[Field]:
    """Return what a content of a kind may hold; no fields for one that is not known here."""
    known = known_kinds(folder).get(kind)
    return () if known is None else shown_of(known)
