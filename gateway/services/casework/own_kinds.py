"""Kinds of a member's own: TOML files of one folder, read when the node starts."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from gateway.cases.kind import Kind
from gateway.cases.kinds import ALL_KINDS
from gateway.cases.own import own_kind
from gateway.errors import UnavailableError
from gateway.faults import Fault, FaultsError

_MAX_FILE_BYTES = 256 * 1024


def kinds_with(folder: Path) -> Mapping[str, Kind]:
    """Return the kinds that all members know, and those of the files ``*.toml`` of a folder.

    A folder that is not there holds none. Raises FaultsError with every fault of every file,
    UnavailableError ``kinds_unreadable``.
    """
    kinds, faults = dict(ALL_KINDS), list[Fault]()
    for file in sorted(folder.glob("*.toml")):
        try:
            kind = own_kind(_document(file))
        except FaultsError as fault:
            faults += (replace(one, pointer=file.name + one.pointer) for one in fault.faults)
            continue
        if kind.name in kinds:
            faults.append(Fault(pointer=f"{file.name}/name", code="name_taken"))
        kinds[kind.name] = kind
    if faults:
        raise FaultsError(faults, where=f"{folder}: ")
    return MappingProxyType(kinds)


def _document(file: Path) -> object:
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise FaultsError([Fault(pointer="", code="too_long", limit=str(_MAX_FILE_BYTES))])
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise FaultsError([Fault(pointer="", code="not_toml")]) from fault
    except OSError as fault:
        raise UnavailableError("kinds_unreadable", f"{file}: {fault.strerror}") from fault
