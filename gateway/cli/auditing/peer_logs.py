"""``liaison audit peers`` and ``liaison audit verify --peer``: what is held of others' logs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.cli.terminal.console import REFUSED, say, show_json, show_table, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of


def peers(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show what this node holds of other members' audit logs, and what is wrong with them."""
    shown = daemon_of(folder).call("GET", "/v1/audit/peers")
    if as_json:
        show_json(shown)
        return
    show_table(
        ["member", "log", "shown", "at", "cosigned", "at"],
        [(item["member"], *_row(log)) for item in shown["peers"] for log in item["logs"]],
    )
    for item in shown["peers"]:
        _say_alarms(item["alarms"])


def verify_peer(folder: Path, member: str, as_json: bool) -> int:
    """Check what is held of a member's log, and ask it to continue that; return the exit code."""
    report = daemon_of(folder).call("GET", f"/v1/audit/peers/{member}")
    code = 0 if report["verified"] else REFUSED
    if as_json:
        show_json(report)
        return code
    for log in report["logs"]:
        say(f"{log['log']}:")
        if log["heads"]:
            say(
                f"  {log['heads']} heads were shown to this node, the newest of {log['size']} "
                f"entries, {when(log['seen_at'])}"
            )
        if log["cosigned_at"]:
            say(
                f"  as a witness it cosigned up to {log['cosigned_size']} entries, "
                f"{when(log['cosigned_at'])}"
            )
    for finding in report["findings"]:
        say(f"ALTERED  {finding}")
    _say_alarms(report["alarms"])
    say(report["present"])
    say(f"{member}: {_conclusion(report)}")
    return code


def _conclusion(report: Mapping[str, Any]) -> str:
    if not report["verified"]:
        return "NOT VERIFIED"
    if not report["logs"]:
        return "nothing is held of its log yet"
    return "verified" if report["answered"] else "what is held here is verified"


def _row(log: Mapping[str, Any]) -> Sequence[object]:
    return (
        log["log"],
        log["size"] or "-",
        when(log["seen_at"]),
        log["cosigned_size"] or "-",
        when(log["cosigned_at"]),
    )


def _say_alarms(alarms: Sequence[Mapping[str, Any]]) -> None:
    for alarm in alarms:
        say(f"ALARM  {when(alarm['at'])}  {alarm['verdict']}: {alarm['detail']}")
