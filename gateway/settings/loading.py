"""Read the settings of a node, and say everything that is wrong with them at once.

TOML first, then ``LIAISON_<SECTION>__<NAME>`` from the environment, then flags. Unknown names are
errors.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.errors import RejectedError, UnavailableError
from gateway.faults import Check, Fault, FaultsError, convert
from gateway.settings.whole import Settings

_ENVIRON_PREFIX = "LIAISON_"


def load(
    path: Path,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Mapping[str, object]] | None = None,
) -> Settings:
    """Read the settings of the node whose file is ``path``; its folder is the default data folder.

    Raises UnavailableError ``settings_missing``, RejectedError ``settings_malformed`` (no TOML),
    FaultsError with every fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as fault:
        raise UnavailableError(
            "settings_missing",
            f"there is no node at {path.parent}: name its folder with --dir, or make one with "
            "liaison init",
        ) from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise UnavailableError(
            "settings_missing", f"the settings {path} cannot be read: {fault}"
        ) from fault
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise RejectedError("settings_malformed", f"{path} is not TOML: {fault}") from fault
    _overlay(tables, _from_environ(environ or {}))
    _overlay(tables, flags or {})
    node = tables.setdefault("node", {})
    if isinstance(node, dict):
        node.setdefault("data_dir", str(path.parent.absolute()))
    try:
        settings = convert(tables, Settings, checks=_CHECKS)
    except FaultsError as fault:
        raise _faulty(path, fault.faults) from fault
    needed = {
        "/node/member": settings.node.member,
        "/registry/url": settings.registry.url,
        "/registry/anchor": settings.registry.anchor,
    }
    missing = [Fault(pointer=name, code="missing") for name, value in needed.items() if not value]
    if missing:
        raise _faulty(path, missing)
    return settings


def _date(value: str, pointer: str) -> Fault | None:
    try:
        date.fromisoformat(value)
    except ValueError:
        return Fault(pointer=pointer, code="not_a_date")
    return None


def _time_zone(value: str, pointer: str) -> Fault | None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Fault(pointer=pointer, code="code_unknown", limit="IANA time zones")
    return None


_CHECKS: Mapping[str, Check] = {"date": _date, "time_zone": _time_zone}


def _faulty(path: Path, faults: Iterable[Fault]) -> FaultsError:
    """Name the settings as the file does: section, dot, name."""
    named = [replace(fault, pointer=fault.pointer[1:].replace("/", ".")) for fault in faults]
    return FaultsError(named, where=f"{path}: ")


def _from_environ(environ: Mapping[str, str]) -> dict[str, dict[str, object]]:
    tables: dict[str, dict[str, object]] = {}
    for name, text in environ.items():
        section, separator, item = name.removeprefix(_ENVIRON_PREFIX).lower().partition("__")
        if name.startswith(_ENVIRON_PREFIX) and separator:
            tables.setdefault(section, {})[item] = _scalar(text)
    return tables


def _scalar(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _overlay(tables: dict[str, Any], over: Mapping[str, Mapping[str, object]]) -> None:
    for section, items in over.items():
        table = tables.setdefault(section, {})
        if isinstance(table, dict):
            table.update(items)
