"""``liaison doctor``: the first thing that is wrong with a node, and what to do about it."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.ping import reach
from gateway.cli.status import cases_line, webhook_line, witnessed_line
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import REFUSED, show_json, show_table, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of, settings_of
from gateway.errors import LiaisonError
from gateway.settings import RegistrySettings
from keys.keyfile import read_slots

CLOCK_TOLERANCE_S = 120
LOW_DISK_BYTES = 512 * 1024**2
PING_S = 20
KEY_DAYS = 14
RELEASE_LATE_S = 86_400
FAILING_WEBHOOK = 5
"""Failures in a row: some minutes of them."""


def doctor(
    peer: Annotated[
        str | None, typer.Argument(help="Also look at the line to this member.")
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Look for what is wrong, and say what to do about the first thing found."""
    checks: list[tuple[str, bool, str]] = []
    try:
        for name, detail in _examine(folder, peer):
            checks.append((name, True, detail))
    except WrongError as wrong:
        checks.append((wrong.name, False, wrong.detail))
    if as_json:
        show_json([{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks])
    else:
        show_table(
            ["check", "", "detail"],
            [(name, "ok" if ok else "WRONG", detail) for name, ok, detail in checks],
        )
    return 0 if all(ok for _, ok, _ in checks) else REFUSED


class WrongError(Exception):
    """The first thing that is wrong."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name
        self.detail = detail


def _examine(folder: Path, peer: str | None):  # type: ignore[no-untyped-def]  # noqa: ANN202 - yields (check, detail); one step after the other
    try:
        settings = settings_of(folder)
    except LiaisonError as fault:
        raise WrongError("settings", fault.detail) from fault
    yield "settings", str(folder / "gateway.toml")
    keystore = settings.path(settings.keys.file)
    try:
        slots = read_slots(keystore)
    except LiaisonError as fault:
        raise WrongError("keystore", fault.detail) from fault
    by = "one slot" if len(slots) == 1 else f"any of {len(slots)} slots"
    yield "keystore", f"there, and private; opened by {by}"
    daemon = daemon_of(folder)
    try:
        shown = daemon.call("GET", "/v1/status")
    except LiaisonError as fault:
        raise WrongError("daemon", fault.detail) from fault
    yield "daemon", f"running since {when(shown['started_at'])}"
    with socket.socket() as probe:
        host = settings.peer_api.host or "127.0.0.1"
        if probe.connect_ex((host, settings.peer_api.port)):
            raise WrongError("port", f"nothing listens on {host}:{settings.peer_api.port}")
    yield "port", f"{host}:{settings.peer_api.port} answers"
    yield from examine_registry(shown, settings.registry)
    if not shown["admitted"]:
        raise WrongError(
            "admission",
            "the registry lists no key of this node: give the join file to the registrar; a "
            "recovery is complete after 30 witnessed days",
        )
    yield "admission", f"{shown['member']} is a member"
    yield "standing", _standing(daemon, shown["member"])
    yield "keys", _examine_keys(shown)
    if shown["disk_free_bytes"] < LOW_DISK_BYTES:
        raise WrongError("disk", f"{shown['disk_free_bytes'] // 1024**2} MiB free: make room")
    yield "disk", f"{shown['disk_free_bytes'] // 1024**2} MiB free"
    yield "audit log", examine_log(shown)
    yield "cases", cases_line(shown) + _overdue_hint(shown)
    yield "release", _examine_release(shown)
    yield "webhooks", examine_webhooks(shown)
    yield from examine_views(shown)
    for name in [peer] if peer else ([] if shown["member"] == "REGISTRY" else ["REGISTRY"]):
        yield from _examine_line(daemon, name)


def examine_registry(
    shown: Mapping[str, Any], settings: RegistrySettings
) -> Iterator[tuple[str, str]]:
    """Look at how fresh the registry is, and who vouches for that."""
    if not shown["registry_size"]:
        raise WrongError("registry", f"never reached: check {settings.url}")
    age_s = shown["now"] - shown["registry_checked_at"]
    if age_s > settings.warn_after_s:
        raise WrongError(
            "registry",
            f"not confirmed for {age_s} s: are its witnesses and the registrar reachable?",
        )
    yield "registry", f"{shown['registry_size']} statements, confirmed {age_s} s ago"
    from gateway.services.witness.asking import QUORUM_LATE_S  # noqa: PLC0415 - most of a daemon

    late_s = shown["quorum_missing_s"]
    if late_s >= QUORUM_LATE_S:
        raise WrongError(
            "witnesses",
            f"no quorum has cosigned the registry for {late_s} s: the registrar's log says who is "
            "missing (cosignature.missing)",
        )
    at = shown["registry_witnessed_at"]
    if not shown["witnesses"]:
        yield "witnesses", "the registry names none yet"
    else:
        yield "witnesses", f"a quorum cosigned it {when(at)}" if at else "no quorum has cosigned it"


def _standing(daemon: Daemon, name: str) -> str:
    """Say how the registry holds this member. Raises WrongError when it is to act on that."""
    member = daemon.call("GET", f"/v1/members/{name}")
    if member["recovery"] and not member["recovery"]["vetoed"]:
        raise WrongError(
            "standing",
            f"somebody is recovering {name}, to give it other keys in 30 days: if that is not you, "
            "stop it with liaison member veto",
        )
    if member["suspended"]:
        by = "the registrars" if "registrars" in member["suspended_by"] else "a root of its own"
        raise WrongError(
            "standing", f"{name} is suspended by {by}: nothing is taken from it or given to it"
        )
    return "in good standing"


def _examine_keys(shown: dict[str, Any]) -> str:
    """Return when the first key ends. Raises WrongError if soon, or if none can replace it."""
    use, until = min(shown["keys_until"].items(), key=lambda item: item[1])
    left = max(0, until - shown["now"]) // 86_400
    if shown["rotation_late_since"]:
        raise WrongError(
            "keys",
            f"the {use} key ends in {left} days, and since {when(shown['rotation_late_since'])} it "
            f"could not be replaced: {shown['rotation_late']}",
        )
    if left < KEY_DAYS:
        raise WrongError("keys", f"the {use} key ends in {left} days: liaison key rotate all")
    return f"the first to end is the {use} key, in {left} days"


def examine_log(shown: Mapping[str, Any]) -> str:
    """Say how far the audit log is witnessed. Raises WrongError when something is to be done."""
    from gateway.services.witness.asking import QUORUM_LATE_S  # noqa: PLC0415 - most of a daemon

    log = shown["audit_log"]
    if log["trouble"]:
        raise WrongError("audit log", f"entries wait for their place: {log['trouble']}")
    if log["refused_by"]:
        raise WrongError(
            "audit log",
            f"{'; '.join(log['refused_by'])}: this node went back, or its log was rewritten",
        )
    if log["unwitnessed_s"] >= QUORUM_LATE_S:
        raise WrongError(
            "audit log",
            f"no quorum has cosigned its newest entries for {log['unwitnessed_s']} s: the log says "
            "who is missing (audit_cosignature.missing)",
        )
    return witnessed_line(shown)


def _overdue_hint(shown: Mapping[str, Any]) -> str:
    """Say what to do about cases that are late; they are no fault of the node."""
    return ": liaison case list --overdue" if shown["cases"]["overdue"] else ""


def _examine_release(shown: Mapping[str, Any]) -> str:
    """Say what waits for a second person. Raises WrongError when something has waited long."""
    count = shown["outbox"]["awaiting_release"]
    if not count:
        return "nothing waits for a second person"
    first = f"{shown['release_waits_longest']}, drafted {when(shown['release_waits_since'])}"
    if shown["now"] - shown["release_waits_since"] >= RELEASE_LATE_S:
        raise WrongError(
            "release",
            f"{count} waiting for a second person, the first of them {first}: let somebody decide, "
            "by liaison outbox list --awaiting-release",
        )
    return f"{count} waiting for a second person, the first of them {first}"


def examine_webhooks(shown: Mapping[str, Any]) -> str:
    """Say how far the systems are that events are posted to. Raises WrongError if one is down."""
    lines = [webhook_line(hook) for hook in shown["webhooks"]]
    for hook, line in zip(shown["webhooks"], lines, strict=True):
        if hook["failures"] >= FAILING_WEBHOOK:
            raise WrongError("webhooks", f"{line}: is that system up, and its address right?")
    return "; ".join(lines) or "none are named"


def examine_views(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Look at whether anybody contradicts our registry."""
    if shown["registry_alarms"]:
        raise WrongError(
            "one registry",
            f"{shown['registry_alarms']} alarms: liaison registry status says which",
        )
    yield "one registry", "nobody named or showed another than ours"
    if shown["log_alarms"]:
        raise WrongError(
            "audit logs of others",
            f"{shown['log_alarms']} alarms: liaison audit peers says which",
        )
    yield "audit logs of others", "none is known to have changed what it had shown"


def _examine_line(daemon: Daemon, name: str) -> Iterator[tuple[str, str]]:
    """Reach a member, compare clocks, and send a ping the whole way; yield (check, detail)."""
    try:
        pong = daemon.call("POST", f"/v1/peers/{name}/ping")
    except LiaisonError as fault:
        raise WrongError(f"line to {name}", fault.detail) from fault
    yield f"line to {name}", f"{pong['round_trip_ms']} ms"
    off_s = pong["clock_difference_s"]
    if abs(off_s) > CLOCK_TOLERANCE_S:
        raise WrongError("clock", f"this clock and {name}'s differ by {off_s} s: check NTP on both")
    yield "clock", f"{off_s} s from {name}'s"
    if name == "REGISTRY":  # it takes no messages
        return
    try:
        reached, code = reach(daemon, name, PING_S)
    except LiaisonError as fault:
        raise WrongError(f"exchange with {name}", fault.detail) from fault
    if code:
        why = reached["code"] or "no receipt yet"
        raise WrongError(f"exchange with {name}", f"{reached['state']}: {why}")
    yield f"exchange with {name}", f"opened and receipted after {reached['after_s']} s"
