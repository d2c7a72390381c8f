"""How a message is told in lists and in lines: who speaks, how far it is, what was done to it."""

from typing import Any

from gateway.cli.casework.message_words import state as state_named
from gateway.cli.casework.message_words import word
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import language, show_json, show_table, when


def speaker(item: dict[str, Any], unit: str = "") -> str:
    """Say who speaks, from which unit, and for whom."""
    named = f"{item['from']}/{unit}" if unit else str(item["from"])
    if not item["on_behalf_of"]:
        return named
    return word("speaks_for", language(), member=named, state=item["on_behalf_of"])


def mark_line(item: dict[str, Any]) -> str:
    """Say what was said of a message since, and by which message."""
    mark = state_named(item["mark"], language())
    told = word("marked", language(), mark=mark, by=item["by"], at=when(item["at"]))
    return f"{told} ({state_named(item['verdict'], language())})" if item["verdict"] else told


def attachment_line(item: dict[str, Any]) -> str:
    """Say what an attachment is, and what of it is here unless all of it is."""
    size = word("bytes", language(), count=item["size"])
    return f"{item['id']}  {item['name']}  {size}{_how_far(item)}"


def _how_far(item: dict[str, Any]) -> str:
    why = f", {item['code']}" if item["code"] else ""
    far = state_named(item["state"], language())
    match item["state"]:
        case "whole":
            return ""
        case "lost":
            return f"  {far}{why}"
        case _:
            held = item["held_bytes"]
            return f"  {word('not_here', language(), state=far, held=held)}{why}"


def show_messages(daemon: Daemon, as_json: bool, **query: object) -> None:
    """Print a page of messages."""
    asked = "&".join(f"{name}={value}" for name, value in query.items() if value is not None)
    shown = daemon.call("GET", f"/v1/messages?{asked}")
    if as_json:
        show_json(shown)
        return
    show_table(
        [word(name, language()) for name in ("message", "kind", "from", "to", "state", "stored")],
        [
            (
                item["id"],
                item["label"],
                speaker(item),
                ",".join(item["to"]),
                marked(item) + incomplete(item),
                when(item["stored_at"]),
            )
            for item in shown["messages"]
        ],
    )


def marked(item: dict[str, Any], between: str = " ") -> str:
    """Say how far a message is, and what was done to it since."""
    return between.join(state_named(name, language()) for name in (item["state"], *item["marks"]))


def since(item: dict[str, Any]) -> str:
    """Say of a message in a list what was done to it since."""
    said = ", ".join(state_named(name, language()) for name in item["marks"])
    return f" ({said})" if said else ""


def incomplete(item: dict[str, Any]) -> str:
    """Say of a message in a list that not all of its attachments are here."""
    return f" {word('incomplete', language())}" if item["attachments_missing"] else ""
