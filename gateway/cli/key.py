"""``liaison key``: this node's keys."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.cli.ceremonies import root
from gateway.cli.terminal.console import language, say, show_json, show_table, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of
from gateway.errors import RejectedError
from gateway.services.keykeeping.reasons import Reason
from keys.suite import KeyUse

app = typer.Typer(help="This node's keys.", no_args_is_help=True)
app.add_typer(root.app, name="root")

ALL = [use for use in KeyUse if use is not KeyUse.ROOT]
DAY_S, HOUR_S, MINUTE_S = 86_400, 3600, 60
_FRENCH_STATES = {
    "next": "à venir", "current": "en usage", "retiring": "remplacée", "retired": "terminée",
    "revoked": "révoquée",
}  # fmt: skip


class Rotatable(StrEnum):
    """What can be asked to be rotated."""

    SIGN = "sign"
    SEAL = "seal"
    LOG = "log"
    WITNESS = "witness"
    TLS = "tls"
    STORAGE = "storage"
    ROOT = "root"
    ALL = "all"


@app.command("list")
def list_keys(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List the keys of this node, what ends when, and who still uses an old one; never a secret."""
    daemon = daemon_of(folder)
    shown = daemon.call("GET", "/v1/keys")
    if as_json:
        show_json(shown)
        return
    french = language() == "fr"
    now = daemon.call("GET", "/v1/status")["now"]
    epochs = [key for key in shown["keys"] if key["use"] == KeyUse.SEAL]
    keys = [key for key in shown["keys"] if key["use"] != KeyUse.SEAL or key["state"] == "current"]
    show_table(
        ["use", "key", "state", "start", "end", "", "token"],
        [
            (
                key["use"],
                key["id"][:16],
                _FRENCH_STATES[key["state"]] if french else key["state"],
                when(key["start"]),
                when(key["end"]),
                _distance(key["end"] - now, french=french),
                key["token"] or "-",
            )
            for key in sorted(keys, key=_soonest_first)
        ],
    )
    for line in [_epochs(epochs, french=french), *_still_used(keys, french=french)]:
        say(line)


@app.command()
def rotate(
    uses: Annotated[
        list[Rotatable], typer.Argument(help="sign, seal, log, witness, tls, storage, or all.")
    ],
    folder: Folder = DEFAULT_FOLDER,
    rewrap: Annotated[
        bool,
        typer.Option(
            help="With storage: wrap all that is stored under the new key, then destroy the others."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replace keys of the running node, all in one statement; the old ones stay for their overlap.

    Root keys are not on this machine: those who hold them rotate them by a file that goes round.
    """
    if Rotatable.ROOT in uses:
        raise RejectedError(
            "use_not_rotatable",
            "root keys are not on this machine: see liaison key root --help, on the machine that "
            "has them and no network",
        )
    wanted = ALL if Rotatable.ALL in uses else uses
    body = {"uses": [use.value for use in wanted], "rewrap": rewrap}
    shown = daemon_of(folder).call("POST", "/v1/keys/rotate", body)
    if as_json:
        show_json(shown)
        return
    for key in shown["keys"]:
        say(_brought(key))
    if rewrap:
        say(f"{shown['rewrapping']} storage keys before it go once nothing is under them any more")


@app.command()
def revoke(
    key: Annotated[
        str, typer.Argument(help="A use, for the key in use, or the first digits of an id.")
    ],
    reason: Annotated[
        Reason, typer.Option(help="For the audit log of this node.")
    ] = Reason.REPLACED,
    since: Annotated[
        str, typer.Option(help="From when on, such as 2027-03-01T12:00:00Z; now by default.")
    ] = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Revoke a key from now on; one that is in use is replaced in the same statement.

    From any time before, only the member's root keys can revoke.
    """
    body: dict[str, Any] = {"key": key, "reason": reason.value}
    if since:
        body["since"] = _second(since)
    shown = daemon_of(folder).call("POST", "/v1/keys/revoke", body)
    if as_json:
        show_json(shown)
        return
    say(f"{shown['use']} key {shown['id'][:16]} is revoked from {when(shown['since'])} on")
    if shown["replaced_by"]:
        say(_brought(shown["replaced_by"]))


def _brought(key: Mapping[str, Any]) -> str:
    return f"{key['use']} key {key['id'][:16]} is in use from {when(key['start'])}"


def _second(text: str) -> int:
    """Read a time. Raises RejectedError ``time_malformed``."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as fault:
        raise RejectedError("time_malformed", f"{text!r} is no time in ISO 8601") from fault
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())


def _soonest_first(key: Mapping[str, Any]) -> tuple[bool, int]:
    """Order what will end by its end, and what has ended after it."""
    return key["state"] in ("retired", "revoked"), key["end"]


def _distance(left_s: int, *, french: bool) -> str:
    """Say in words how far a moment is."""
    length_s = abs(left_s)
    count, unit, unit_fr = max(1, length_s // MINUTE_S), "minute", "minute"
    if length_s >= 2 * DAY_S:
        count, unit, unit_fr = length_s // DAY_S, "day", "jour"
    elif length_s >= 2 * HOUR_S:
        count, unit, unit_fr = length_s // HOUR_S, "hour", "heure"
    many = "" if count == 1 else "s"
    if french:
        return f"{'dans' if left_s > 0 else 'il y a'} {count} {unit_fr}{many}"
    return f"in {count} {unit}{many}" if left_s > 0 else f"{count} {unit}{many} ago"


def _epochs(epochs: Sequence[Mapping[str, Any]], *, french: bool) -> str:
    coming = sum(key["state"] == "next" for key in epochs)
    over = sum(key["state"] == "retired" for key in epochs)
    last = when(max((key["end"] for key in epochs), default=0))
    kept = when(max((key["kept_until"] for key in epochs), default=0))
    if french:
        return (
            f"seal : {coming} clés de jours à venir, jusqu'au {last} ; {over} de jours passés "
            f"gardées pour ce qui peut encore arriver, la dernière jusqu'au {kept}"
        )
    return (
        f"seal: {coming} keys of epochs to come, until {last}; {over} of past epochs held for what "
        f"may still arrive; the last is destroyed after {kept}"
    )


def _still_used(keys: Sequence[Mapping[str, Any]], *, french: bool) -> list[str]:
    lines = []
    for key in keys:
        used = key.get("still_used")
        if used is None:
            continue
        named = f"{key['use']} {key['id'][:16]}"
        behind = ", ".join(used["members"]) or ("aucun membre" if french else "no member")
        if french:
            lines.append(
                f"{named} sert encore : {behind} en retard, {used['unheard']} sans nouvelles, "
                f"{used['connections']} connexions, {used['queued']} envois en attente, "
                f"{used['in_custody']} chez un relais"
            )
        else:
            lines.append(
                f"{named} is still used: {behind} behind, {used['unheard']} not heard, "
                f"{used['connections']} connections, {used['queued']} deliveries waiting, "
                f"{used['in_custody']} at a relay"
            )
    return lines
