"""``liaison init``, ``status`` and ``doctor``: one node."""

import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.client import Daemon
from gateway.cli.competences import competences_of
from gateway.cli.console import REFUSED, say, show_fields, show_json, show_table, when
from gateway.cli.founding import (
    Founding,
    check_free,
    found_again,
    found_member,
    given_roots,
    with_anchor,
)
from gateway.cli.message import await_receipts
from gateway.cli.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    PassphraseFile,
    Store,
    daemon_of,
    passphrase,
    settings_of,
    store_settings,
)
from gateway.cli.rootkeys import MOST_ROOTS, OFFLINE, RootPlan
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.settings import (
    KeysSettings,
    NodeSettings,
    PeerApiSettings,
    RegistrySettings,
    Settings,
    StoreSettings,
)
from gateway.store.lock import FolderLock
from keys.keyfile import read_slots
from keys.registry.draft import parse_fingerprint
from keys.registry.statement import MemberRole
from keys.slot import DEMO, STANDARD
from keys.suite import parse_member_id

CLOCK_TOLERANCE_S = 120
LOW_DISK_BYTES = 512 * 1024**2
PING_S = 20
KEY_DAYS = 14
RELEASE_LATE_S = 86_400
FAILING_WEBHOOK = 5
"""Failures in a row: some minutes of them."""


def init(
    member: Annotated[str, typer.Option(help="The member's short name, such as XB.")],
    anchor: Annotated[str, typer.Option(help="The registry's fingerprint, given out of band.")],
    registry: Annotated[str, typer.Option(help="The registrar's gateway: https://host:port.")],
    name: Annotated[str, typer.Option(help="The member's name in English.")] = "",
    endpoint: Annotated[
        str, typer.Option(help="Where peers reach it: https://host:port; none behind a relay.")
    ] = "",
    via: Annotated[
        list[str] | None, typer.Option(help="A relay that keeps its mailbox; may be repeated.")
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    name_fr: Annotated[str, typer.Option(help="The member's name in French.")] = "",
    role: Annotated[MemberRole, typer.Option(help="What it is.")] = MemberRole.ADMINISTRATION,
    state: Annotated[
        list[str] | None, typer.Option(help="A member that a union acts for; may be repeated.")
    ] = None,
    competence: Annotated[
        list[str] | None,
        typer.Option(help="A kind of message, or its first part: in what; may be repeated."),
    ] = None,
    succeeds: Annotated[
        str, typer.Option(help="The suspended member whose place this one takes.")
    ] = "",
    recover: Annotated[
        bool, typer.Option("--recover", help="A new node of a member that lost every key.")
    ] = False,
    root_keys: Annotated[
        int, typer.Option(help="How many root keys to draw.", min=1, max=MOST_ROOTS)
    ] = 1,
    root_threshold: Annotated[
        int, typer.Option(help="How many of them must sign.", min=1, max=MOST_ROOTS)
    ] = 1,
    root_set: Annotated[
        Path | None, typer.Option(help="The public file of root keys that were drawn elsewhere.")
    ] = None,
    next_set: Annotated[
        Path | None, typer.Option(help="The public file of the set that comes after them.")
    ] = None,
    listen: Annotated[str, typer.Option(help="The address to listen on; empty for all.")] = "",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8470,
    store: Store = StoreSettings().url,
    passphrase_file: PassphraseFile = None,
    weak_keystore: Annotated[
        bool, typer.Option(help="Spare memory at unlocking: for demonstrations alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a node: keys, settings, database, and the join file for the registrar."""
    from gateway.cli.stranger import (  # noqa: PLC0415 - an HTTP client, which --help does without
        read_genesis,
        read_registry,
    )

    if role is MemberRole.REGISTRAR:
        raise RejectedError("role_wrong", "a registrar is made by liaison registry init")
    if not name and not recover:
        raise RejectedError("name_missing", "a member has an English name: --name")
    competences = competences_of(role, state or (), competence or ())
    relays = [parse_member_id(relay) for relay in via or ()]
    if not endpoint and not relays:
        raise RejectedError("route_missing", "name --endpoint, or --via a relay, or both")
    plan = RootPlan(count=root_keys, threshold=root_threshold)
    roots = given_roots(root_set, next_set) or plan
    check_free(folder)
    anchored, url = parse_fingerprint(anchor), registry.rstrip("/")
    view = read_registry(url, anchored) if recover else read_genesis(url, anchored)
    settings = Settings(
        node=NodeSettings(member=parse_member_id(member), data_dir=str(folder.absolute())),
        keys=KeysSettings(
            passphrase_file="" if passphrase_file is None else str(passphrase_file.absolute())
        ),
        peer_api=PeerApiSettings(host=listen, port=port),
        store=store_settings(store),
    )
    founding = Founding(
        folder=folder,
        passphrase=passphrase(passphrase_file, fresh=True),
        cost=DEMO if weak_keystore else STANDARD,
        now=SystemClock().now(),
    )
    settings = with_anchor(settings, anchor, url)
    if recover:
        asks = found_again(
            founding,
            view,
            parse_member_id(member),
            endpoint=endpoint.rstrip("/") or None,
            via=relays,
            settings=settings,
            roots=roots,
        )
    else:
        asks = found_member(
            founding,
            view.federation,
            parse_member_id(member),
            anchor=anchored,
            names=[("en", name)] + ([("fr", name_fr)] if name_fr else []),
            role=role,
            competences=competences,
            succeeds=parse_member_id(succeeds) if succeeds else None,
            endpoint=endpoint.rstrip("/") or None,
            via=relays,
            settings=settings,
            roots=roots,
        )
    drawn = roots is plan
    if as_json:
        offline = str(folder / OFFLINE) if drawn else None
        show_json({"member": member, "dir": str(folder), "file": str(asks), "offline": offline})
        return
    say(f"{member} of {view.federation}: the node is in {folder}")
    if not drawn:
        say(f"  let its roots sign first: liaison statement sign {asks} --root-key KEY")
    say(f"  give to the registrar:    {asks}")
    if drawn:
        say(f"  move to offline media:    {folder / OFFLINE} (root keys: now, and the next set)")
    say(f"  then start it:            liaison serve --dir {folder}")


def migrate(folder: Folder = DEFAULT_FOLDER) -> None:
    """Bring the database of a stopped node to this version's schema."""
    from gateway.store.migrate import upgrade  # noqa: PLC0415 - loaded when it is needed
    from gateway.store.schema import REVISION  # noqa: PLC0415 - the same

    settings = settings_of(folder)
    path = settings.database_path
    if path is not None and not path.exists():
        raise UnavailableError("database_missing", f"there is no database at {path}")
    with FolderLock(settings.data_dir):
        upgrade(settings.database_url)
    say(f"{settings.database_url} has the schema {REVISION}")


def status(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show a running node in numbers."""
    shown = daemon_of(folder).call("GET", "/v1/status")
    if as_json:
        show_json(shown)
        return
    waiting = {state: count for state, count in shown["outbox"].items() if count}
    show_fields(
        {
            "member": shown["member"]
            + (" (suspended)" if shown["suspended"] else "")
            + ("" if shown["admitted"] else " (not admitted yet)"),
            "version": shown["version"],
            "started": when(shown["started_at"]),
            "registry": f"{shown['registry_size']} statements, "
            f"confirmed {when(shown['registry_checked_at'])}",
            "cosigned": when(shown["registry_witnessed_at"])
            if shown["registry_witnessed_at"]
            else "by no quorum of witnesses",
            "split views": f"{shown['split_views']} proven, {shown['registry_alarms']} alarms "
            f"about the registry, {shown['log_alarms']} about audit logs",
            "messages": f"{shown['messages'].get('in', 0)} received, "
            f"{shown['messages'].get('out', 0)} sent",
            "outbox": ", ".join(f"{count} {state}" for state, count in waiting.items()) or "empty",
            "audit log": f"{shown['audit_size']} entries, {shown['audit_waiting']} waiting",
            "witnessed": _witnessed(shown),
            "sign key": f"good until {when(shown['sign_key_until'])}",
            "keys": _keys_line(shown),
            "disk": f"{shown['disk_free_bytes'] // 1024**2} MiB free",
            "cases": _cases_line(shown),
            "webhooks": "; ".join(map(_webhook_line, shown["webhooks"])) or "none",
            "past retention": f"{shown['unacknowledged']} never acknowledged",
            "limited": ", ".join(
                f"{name} {count} times" for name, count in shown["limited"].items()
            )
            or "nobody",
        }
    )


def _witnessed(shown: Mapping[str, Any]) -> str:
    """Say how far the audit log is witnessed, and what is wrong with it."""
    log = shown["audit_log"]
    line = f"{log['witnessed_size']} of {log['size']} entries of {log['shard'] or 'no shard yet'}"
    if log["witnessed_at"]:
        line += f", {shown['now'] - log['witnessed_at']} s ago"
    if log["unwitnessed_s"]:
        line += f"; the others wait for a quorum since {log['unwitnessed_s']} s"
    if log["restarted_at"]:
        line += f"; begun anew {when(log['restarted_at'])}, after entries were lost"
    return "; ".join([line, *log["refused_by"], *([log["trouble"]] if log["trouble"] else [])])


def _cases_line(shown: Mapping[str, Any]) -> str:
    cases = shown["cases"]
    if not cases["due"] + cases["overdue"]:
        return "nothing is due"
    line = f"{cases['due']} due in time, {cases['due_soon']} of them soon"
    if cases["overdue"]:
        line += f"; {cases['overdue']} overdue, {cases['overdue_here']} of them here"
    return line + (f"; {cases['lapsed']} lapsed" if cases["lapsed"] else "")


def _keys_line(shown: dict[str, Any]) -> str:
    use, until = min(shown["keys_until"].items(), key=lambda item: item[1])
    line = f"the first to end is {use}, {when(until)}"
    if shown["rotation_late_since"]:
        line += (
            f"; not replaced since {when(shown['rotation_late_since'])}, {shown['rotation_late']}"
        )
    return line


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
    except _WrongError as wrong:
        checks.append((wrong.name, False, wrong.detail))
    if as_json:
        show_json([{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks])
    else:
        show_table(
            ["check", "", "detail"],
            [(name, "ok" if ok else "WRONG", detail) for name, ok, detail in checks],
        )
    return 0 if all(ok for _, ok, _ in checks) else REFUSED


def ping(
    member: Annotated[str, typer.Argument(help="The member whose node is to answer.")],
    folder: Folder = DEFAULT_FOLDER,
    wait: Annotated[int, typer.Option(help="Wait so many seconds.", min=1, max=3600)] = 30,
    as_json: AsJson = False,
) -> int:
    """Send a sealed message the whole way: signed, opened, verified, receipted, shown to nobody."""
    reached, code = _ping(daemon_of(folder), member, wait)
    if as_json:
        show_json(reached)
    else:
        why = f" ({reached['code']})" if reached["code"] else ""
        say(f"{member} {reached['state']}{why} after {reached['after_s']} s")
    return code


def _ping(daemon: Daemon, member: str, wait_s: int) -> tuple[dict[str, Any], int]:
    """Return how far a ping came and in what time, and the exit code."""
    started = time.monotonic()
    body = {"to": [member], "kind": "ping", "content": {}, "expires_in_s": wait_s}
    sent = daemon.call("POST", "/v1/messages", body)
    (recipient,), code = await_receipts(daemon, sent["id"], sent["case"], wait_s)
    after_s = round(time.monotonic() - started, 2)
    (shown,) = daemon.call("GET", f"/v1/messages/{sent['id']}")["recipients"]
    reached = {"message": sent["id"], "member": member, "state": recipient["state"]}
    return {**reached, "code": shown["code"], "after_s": after_s}, code


class _WrongError(Exception):
    """The first thing that is wrong."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name
        self.detail = detail


def _examine(folder: Path, peer: str | None):  # type: ignore[no-untyped-def]  # noqa: ANN202 - yields (check, detail); one step after the other
    try:
        settings = settings_of(folder)
    except LiaisonError as fault:
        raise _WrongError("settings", fault.detail) from fault
    yield "settings", str(folder / "gateway.toml")
    keystore = settings.path(settings.keys.file)
    try:
        slots = read_slots(keystore)
    except LiaisonError as fault:
        raise _WrongError("keystore", fault.detail) from fault
    yield "keystore", f"there, and private; opened by any of {len(slots)} slots"
    daemon = daemon_of(folder)
    try:
        shown = daemon.call("GET", "/v1/status")
    except LiaisonError as fault:
        raise _WrongError("daemon", fault.detail) from fault
    yield "daemon", f"running since {when(shown['started_at'])}"
    with socket.socket() as probe:
        host = settings.peer_api.host or "127.0.0.1"
        if probe.connect_ex((host, settings.peer_api.port)):
            raise _WrongError("port", f"nothing listens on {host}:{settings.peer_api.port}")
    yield "port", f"{host}:{settings.peer_api.port} answers"
    yield from _examine_registry(shown, settings.registry)
    if not shown["admitted"]:
        raise _WrongError(
            "admission",
            "the registry lists no key of this node: give the join file to the registrar; a "
            "recovery is complete after 30 witnessed days",
        )
    yield "admission", f"{shown['member']} is a member"
    yield "standing", _standing(daemon, shown["member"])
    yield "keys", _examine_keys(shown)
    if shown["disk_free_bytes"] < LOW_DISK_BYTES:
        raise _WrongError("disk", f"{shown['disk_free_bytes'] // 1024**2} MiB free: make room")
    yield "disk", f"{shown['disk_free_bytes'] // 1024**2} MiB free"
    yield "audit log", _examine_log(shown)
    yield "cases", _cases_line(shown) + _overdue_hint(shown)
    yield "release", _examine_release(shown)
    yield "webhooks", _examine_webhooks(shown)
    yield from _examine_views(shown)
    for name in [peer] if peer else ([] if shown["member"] == "REGISTRY" else ["REGISTRY"]):
        yield from _examine_line(daemon, name)


def _webhook_line(hook: Mapping[str, Any]) -> str:
    if not hook["failures"]:
        left = f"has {hook['waiting']} events to take" if hook["waiting"] else "took every event"
        return f"{hook['origin']} {left}"
    return (
        f"{hook['origin']} failed {hook['failures']} times in a row ({hook['code']}), "
        f"{hook['waiting']} events wait; again {when(hook['retry_at'])}"
    )


def _examine_webhooks(shown: Mapping[str, Any]) -> str:
    """Say how far the systems are that events are posted to. Raises _WrongError if one is down."""
    lines = [_webhook_line(hook) for hook in shown["webhooks"]]
    for hook, line in zip(shown["webhooks"], lines, strict=True):
        if hook["failures"] >= FAILING_WEBHOOK:
            raise _WrongError("webhooks", f"{line}: is that system up, and its address right?")
    return "; ".join(lines) or "none are named"


def _overdue_hint(shown: Mapping[str, Any]) -> str:
    """Say what to do about cases that are late; they are no fault of the node."""
    return ": liaison case list --overdue" if shown["cases"]["overdue"] else ""


def _examine_registry(
    shown: Mapping[str, Any], settings: RegistrySettings
) -> Iterator[tuple[str, str]]:
    """Look at how fresh the registry is, and who vouches for that."""
    if not shown["registry_size"]:
        raise _WrongError("registry", f"never reached: check {settings.url}")
    age_s = shown["now"] - shown["registry_checked_at"]
    if age_s > settings.warn_after_s:
        raise _WrongError(
            "registry",
            f"not confirmed for {age_s} s: are its witnesses and the registrar reachable?",
        )
    yield "registry", f"{shown['registry_size']} statements, confirmed {age_s} s ago"
    from gateway.services.witness.asking import QUORUM_LATE_S  # noqa: PLC0415 - most of a daemon

    late_s = shown["quorum_missing_s"]
    if late_s >= QUORUM_LATE_S:
        raise _WrongError(
            "witnesses",
            f"no quorum has cosigned the registry for {late_s} s: the registrar's log says who is "
            "missing (cosignature.missing)",
        )
    at = shown["registry_witnessed_at"]
    if not shown["witnesses"]:
        yield "witnesses", "the registry names none yet"
    else:
        yield "witnesses", f"a quorum cosigned it {when(at)}" if at else "no quorum has cosigned it"


def _examine_views(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Look at whether anybody contradicts our registry."""
    if shown["registry_alarms"]:
        raise _WrongError(
            "one registry",
            f"{shown['registry_alarms']} alarms: liaison registry status says which",
        )
    yield "one registry", "nobody named or showed another than ours"
    if shown["log_alarms"]:
        raise _WrongError(
            "audit logs of others",
            f"{shown['log_alarms']} alarms: liaison audit peers says which",
        )
    yield "audit logs of others", "none is known to have changed what it had shown"


def _examine_log(shown: Mapping[str, Any]) -> str:
    """Say how far the audit log is witnessed. Raises _WrongError when something is to be done."""
    from gateway.services.witness.asking import QUORUM_LATE_S  # noqa: PLC0415 - most of a daemon

    log = shown["audit_log"]
    if log["trouble"]:
        raise _WrongError("audit log", f"entries wait for their place: {log['trouble']}")
    if log["refused_by"]:
        raise _WrongError(
            "audit log",
            f"{'; '.join(log['refused_by'])}: this node went back, or its log was rewritten",
        )
    if log["unwitnessed_s"] >= QUORUM_LATE_S:
        raise _WrongError(
            "audit log",
            f"no quorum has cosigned its newest entries for {log['unwitnessed_s']} s: the log says "
            "who is missing (audit_cosignature.missing)",
        )
    return _witnessed(shown)


def _examine_release(shown: Mapping[str, Any]) -> str:
    """Say what waits for a second person. Raises _WrongError when something has waited long."""
    count = shown["outbox"]["awaiting_release"]
    if not count:
        return "nothing waits for a second person"
    first = f"{shown['release_waits_longest']}, drafted {when(shown['release_waits_since'])}"
    if shown["now"] - shown["release_waits_since"] >= RELEASE_LATE_S:
        raise _WrongError(
            "release",
            f"{count} waiting for a second person, the first of them {first}: let somebody decide, "
            "by liaison outbox list --awaiting-release",
        )
    return f"{count} waiting for a second person, the first of them {first}"


def _standing(daemon: Daemon, name: str) -> str:
    """Say how the registry holds this member. Raises _WrongError when it is to act on that."""
    member = daemon.call("GET", f"/v1/members/{name}")
    if member["recovery"] and not member["recovery"]["vetoed"]:
        raise _WrongError(
            "standing",
            f"somebody is recovering {name}, to give it other keys in 30 days: if that is not you, "
            "stop it with liaison member veto",
        )
    if member["suspended"]:
        by = "the registrars" if "registrars" in member["suspended_by"] else "a root of its own"
        raise _WrongError(
            "standing", f"{name} is suspended by {by}: nothing is taken from it or given to it"
        )
    return "in good standing"


def _examine_keys(shown: dict[str, Any]) -> str:
    """Return when the first key ends. Raises _WrongError if soon, or if none can replace it."""
    use, until = min(shown["keys_until"].items(), key=lambda item: item[1])
    left = max(0, until - shown["now"]) // 86_400
    if shown["rotation_late_since"]:
        raise _WrongError(
            "keys",
            f"the {use} key ends in {left} days, and since {when(shown['rotation_late_since'])} it "
            f"could not be replaced: {shown['rotation_late']}",
        )
    if left < KEY_DAYS:
        raise _WrongError("keys", f"the {use} key ends in {left} days: liaison key rotate all")
    return f"the first to end is the {use} key, in {left} days"


def _examine_line(daemon: Daemon, name: str) -> Iterator[tuple[str, str]]:
    """Reach a member, compare clocks, and send a ping the whole way; yield (check, detail)."""
    try:
        pong = daemon.call("POST", f"/v1/peers/{name}/ping")
    except LiaisonError as fault:
        raise _WrongError(f"line to {name}", fault.detail) from fault
    yield f"line to {name}", f"{pong['round_trip_ms']} ms"
    off_s = pong["clock_difference_s"]
    if abs(off_s) > CLOCK_TOLERANCE_S:
        raise _WrongError(
            "clock", f"this clock and {name}'s differ by {off_s} s: check NTP on both"
        )
    yield "clock", f"{off_s} s from {name}'s"
    if name == "REGISTRY":  # it takes no messages
        return
    try:
        reached, code = _ping(daemon, name, PING_S)
    except LiaisonError as fault:
        raise _WrongError(f"exchange with {name}", fault.detail) from fault
    if code:
        why = reached["code"] or "no receipt yet"
        raise _WrongError(f"exchange with {name}", f"{reached['state']}: {why}")
    yield f"exchange with {name}", f"opened and receipted after {reached['after_s']} s"
