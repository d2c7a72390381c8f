"""``liaison doctor``: the first thing that is wrong with a node, and what to do about it."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.casework.message_words import STATES
from gateway.cli.doctor_words import RESULTS, check, word
from gateway.cli.member_words import BY, GOOD
from gateway.cli.ping import reach
from gateway.cli.status_words import MIB, SEMICOLON, cases_line, webhook_line, witnessed_line
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import REFUSED, language, refusal, show_json, show_table, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of, settings_of
from gateway.cli.terminal.told import joined
from gateway.errors import LiaisonError
from gateway.settings import RegistrySettings
from keys.keyfile import read_slots

CLOCK_TOLERANCE_S = 120
LOW_DISK_BYTES = 512 * MIB
PING_S = 20
KEY_DAYS = 14
RELEASE_LATE_S = 86_400
FAILING_WEBHOOK = 5
"""Failures in a row: some minutes of them."""
Found = Iterator[tuple[Label, Label]]
"""What was looked at, and what was found there."""


def doctor(
    peer: Annotated[
        str | None, typer.Argument(help="Also look at the line to this member.")
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Look for what is wrong, and say what to do about the first thing found."""
    checks: list[tuple[Label, bool, Label]] = []
    try:
        for name, detail in _examine(folder, peer):
            checks.append((name, True, detail))
    except WrongError as wrong:
        checks.append((wrong.check, False, wrong.told))
    spoken = language()
    if as_json:
        show_json([{"check": name.en, "ok": ok, "detail": said.en} for name, ok, said in checks])
    else:
        show_table(
            ["check", "", "detail"],
            [
                (name.text(spoken), RESULTS[ok].text(spoken), said.text(spoken))
                for name, ok, said in checks
            ],
        )
    return 0 if all(ok for _, ok, _ in checks) else REFUSED


class WrongError(Exception):
    """The first thing that is wrong."""

    def __init__(self, checked: Label, told: Label) -> None:
        super().__init__(told.en)
        self.check = checked
        self.told = told


def _examine(folder: Path, peer: str | None) -> Found:
    try:
        settings = settings_of(folder)
    except LiaisonError as fault:
        raise WrongError(check("settings"), refusal(fault)) from fault
    file = str(folder / "gateway.toml")
    yield check("settings"), Label(file, file)
    keystore = settings.path(settings.keys.file)
    try:
        slots = read_slots(keystore)
    except LiaisonError as fault:
        raise WrongError(check("keystore"), refusal(fault)) from fault
    by = word("one_slot" if len(slots) == 1 else "slots", count=len(slots))
    yield check("keystore"), word("keystore", by=by)
    daemon = daemon_of(folder)
    try:
        shown = daemon.call("GET", "/v1/status")
    except LiaisonError as fault:
        raise WrongError(check("daemon"), refusal(fault)) from fault
    yield check("daemon"), word("running", at=when(shown["started_at"]))
    host, port = settings.peer_api.host or "127.0.0.1", settings.peer_api.port
    with socket.socket() as probe:
        if probe.connect_ex((host, port)):
            raise WrongError(check("port"), word("port_dead", host=host, port=port))
    yield check("port"), word("port", host=host, port=port)
    yield from examine_registry(shown, settings.registry)
    yield from _examine_member(daemon, shown)
    yield check("audit_log"), examine_log(shown)
    yield check("cases"), _examine_cases(shown)
    yield check("release"), _examine_release(shown)
    yield check("webhooks"), examine_webhooks(shown)
    yield from examine_views(shown)
    for name in [peer] if peer else ([] if shown["member"] == "REGISTRY" else ["REGISTRY"]):
        yield from _examine_line(daemon, name)


def _examine_member(daemon: Daemon, shown: Mapping[str, Any]) -> Found:
    """Look at how the registry holds this member, at its keys, and at the room on its disk."""
    if not shown["admitted"]:
        raise WrongError(check("admission"), word("not_admitted"))
    yield check("admission"), word("admitted", member=shown["member"])
    yield check("standing"), _standing(daemon, shown["member"])
    yield check("keys"), _examine_keys(shown)
    mib = shown["disk_free_bytes"] // MIB
    if shown["disk_free_bytes"] < LOW_DISK_BYTES:
        raise WrongError(check("disk"), word("disk_full", mib=mib))
    yield check("disk"), word("disk", mib=mib)


def examine_registry(shown: Mapping[str, Any], settings: RegistrySettings) -> Found:
    """Look at how fresh the registry is, and who vouches for that."""
    if not shown["registry_size"]:
        raise WrongError(check("registry"), word("never_reached", url=settings.url))
    age_s = shown["now"] - shown["registry_checked_at"]
    if age_s > settings.warn_after_s:
        raise WrongError(check("registry"), word("unconfirmed", age_s=age_s))
    yield check("registry"), word("registry", size=shown["registry_size"], age_s=age_s)
    from gateway.services.witness.asking import QUORUM_LATE_S  # noqa: PLC0415 - most of a daemon

    late_s, at = shown["quorum_missing_s"], shown["registry_witnessed_at"]
    if late_s >= QUORUM_LATE_S:
        raise WrongError(check("witnesses"), word("no_quorum_for", late_s=late_s))
    if not shown["witnesses"]:
        yield check("witnesses"), word("no_witnesses")
    else:
        yield check("witnesses"), word("cosigned", at=when(at)) if at else word("no_quorum")


def _standing(daemon: Daemon, name: str) -> Label:
    """Say how the registry holds this member. Raises WrongError when it is to act on that."""
    member = daemon.call("GET", f"/v1/members/{name}")
    if member["recovery"] and not member["recovery"]["vetoed"]:
        raise WrongError(check("standing"), word("recovering", name=name))
    if member["suspended"]:
        by = BY["registrars" if "registrars" in member["suspended_by"] else "root"]
        raise WrongError(check("standing"), word("suspended", name=name, by=by))
    return GOOD


def _examine_keys(shown: Mapping[str, Any]) -> Label:
    """Return when the first key ends. Raises WrongError if soon, or if none can replace it."""
    use, until = min(shown["keys_until"].items(), key=lambda item: item[1])
    days = max(0, until - shown["now"]) // 86_400
    if since := shown["rotation_late_since"]:
        late = word("key_late", use=use, days=days, at=when(since), why=shown["rotation_late"])
        raise WrongError(check("keys"), late)
    if days < KEY_DAYS:
        raise WrongError(check("keys"), word("key_ends", use=use, days=days))
    return word("keys", use=use, days=days)


def examine_log(shown: Mapping[str, Any]) -> Label:
    """Say how far the audit log is witnessed. Raises WrongError when something is to be done."""
    from gateway.services.witness.asking import QUORUM_LATE_S  # noqa: PLC0415 - most of a daemon

    log = shown["audit_log"]
    if log["trouble"]:
        raise WrongError(check("audit_log"), word("log_stuck", trouble=log["trouble"]))
    if log["refused_by"]:
        by = "; ".join(log["refused_by"])
        raise WrongError(check("audit_log"), word("log_refused", by=by))
    if log["unwitnessed_s"] >= QUORUM_LATE_S:
        late = word("log_unwitnessed", late_s=log["unwitnessed_s"])
        raise WrongError(check("audit_log"), late)
    return witnessed_line(shown)


def _examine_cases(shown: Mapping[str, Any]) -> Label:
    """Say what is due, and what to do about cases that are late; they are no fault of the node."""
    hint = [word("overdue_hint")] if shown["cases"]["overdue"] else []
    return joined([cases_line(shown), *hint])


def _examine_release(shown: Mapping[str, Any]) -> Label:
    """Say what waits for a second person. Raises WrongError when something has waited long."""
    count, since = shown["outbox"]["awaiting_release"], shown["release_waits_since"]
    if not count:
        return word("no_release")
    waits = word("release", count=count, first=shown["release_waits_longest"], at=when(since))
    if shown["now"] - since >= RELEASE_LATE_S:
        raise WrongError(check("release"), word("release_late", told=waits))
    return waits


def examine_webhooks(shown: Mapping[str, Any]) -> Label:
    """Say how far the systems are that events are posted to. Raises WrongError if one is down."""
    lines = [webhook_line(hook) for hook in shown["webhooks"]]
    for hook, line in zip(shown["webhooks"], lines, strict=True):
        if hook["failures"] >= FAILING_WEBHOOK:
            raise WrongError(check("webhooks"), word("hook_down", told=line))
    return joined(lines, SEMICOLON) if lines else word("no_hooks")


def examine_views(shown: Mapping[str, Any]) -> Found:
    """Look at whether anybody contradicts our registry."""
    if count := shown["registry_alarms"]:
        raise WrongError(check("one_registry"), word("registry_alarms", count=count))
    yield check("one_registry"), word("one_registry")
    if count := shown["log_alarms"]:
        raise WrongError(check("logs"), word("log_alarms", count=count))
    yield check("logs"), word("logs")


def _examine_line(daemon: Daemon, name: str) -> Found:
    """Reach a member, compare clocks, and send a ping the whole way; yield (check, detail)."""
    line, exchange = check("line", member=name), check("exchange", member=name)
    try:
        pong = daemon.call("POST", f"/v1/peers/{name}/ping")
    except LiaisonError as fault:
        raise WrongError(line, refusal(fault)) from fault
    yield line, word("line", ms=pong["round_trip_ms"])
    off_s = pong["clock_difference_s"]
    if abs(off_s) > CLOCK_TOLERANCE_S:
        raise WrongError(check("clock"), word("clock_off", name=name, off_s=off_s))
    yield check("clock"), word("clock", name=name, off_s=off_s)
    if name == "REGISTRY":  # it takes no messages
        return
    try:
        reached, code = reach(daemon, name, PING_S)
    except LiaisonError as fault:
        raise WrongError(exchange, refusal(fault)) from fault
    if code:
        why = reached["code"] or word("no_receipt")
        raise WrongError(exchange, word("not_through", state=STATES[reached["state"]], why=why))
    yield exchange, word("exchanged", after_s=reached["after_s"])
