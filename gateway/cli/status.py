"""``liaison status``: a node in numbers, for people."""

from collections.abc import Mapping
from typing import Any

from gateway.cli.terminal.console import show_fields, show_json, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of


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
            "witnessed": witnessed_line(shown),
            "sign key": f"good until {when(shown['sign_key_until'])}",
            "keys": _keys_line(shown),
            "disk": f"{shown['disk_free_bytes'] // 1024**2} MiB free",
            "cases": cases_line(shown),
            "webhooks": "; ".join(map(webhook_line, shown["webhooks"])) or "none",
            "past retention": f"{shown['unacknowledged']} never acknowledged",
            "limited": ", ".join(
                f"{name} {count} times" for name, count in shown["limited"].items()
            )
            or "nobody",
        }
    )


def witnessed_line(shown: Mapping[str, Any]) -> str:
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


def cases_line(shown: Mapping[str, Any]) -> str:
    """Say what is due, and what is late."""
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


def webhook_line(hook: Mapping[str, Any]) -> str:
    """Say how far one endpoint is."""
    if not hook["failures"]:
        left = f"has {hook['waiting']} events to take" if hook["waiting"] else "took every event"
        return f"{hook['origin']} {left}"
    return (
        f"{hook['origin']} failed {hook['failures']} times in a row ({hook['code']}), "
        f"{hook['waiting']} events wait; again {when(hook['retry_at'])}"
    )
