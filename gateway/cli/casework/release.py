"""What waits for a second person, and what that person does: released, turned down, taken back."""

from typing import Annotated, Any

import typer

from gateway.cli.casework.message_words import state as state_named
from gateway.cli.casework.message_words import word
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import language, say, show_json, show_table, when
from gateway.cli.terminal.naming import message_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

Message = Annotated[str, typer.Argument(help="The message's id.")]
WAITING = "/v1/messages?state=awaiting_release&limit=500"


def release(message: Message, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Let a message go that another person drafted. It is held against everything once more."""
    daemon = daemon_of(folder)
    path = f"/v1/messages/{message_named(daemon, message)}/release"
    _show(daemon.call("POST", path), as_json=as_json)


def decline(
    message: Message,
    reason: Annotated[str, typer.Option(help="Why: who drafted it reads it.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Turn down a message that another person drafted: it is not sent."""
    daemon = daemon_of(folder)
    path = f"/v1/messages/{message_named(daemon, message)}/decline"
    _show(daemon.call("POST", path, {"reason": reason}), as_json=as_json)


def withdraw(message: Message, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Take back a message that waits: for its release, or to be delivered."""
    daemon = daemon_of(folder)
    moved = daemon.call("POST", f"/v1/messages/{message_named(daemon, message)}/withdraw")
    if as_json:
        show_json(moved)
        return
    for member in moved["recipients"]:
        say(f"{member:<9} {state_named(moved['state'], language())}")


def show_waiting(daemon: Daemon, *, as_json: bool) -> None:
    """Print what waits for a second person, the oldest first."""
    page = daemon.call("GET", WAITING)
    if as_json:
        show_json(page)
        return
    if not page["messages"]:
        say(word("nothing_waits", language()))
        return
    show_table(
        [word(name, language()) for name in ("message", "kind", "to", "drafted", "until", "rule")],
        [
            (
                item["id"],
                item["label"],
                ",".join(item["to"]),
                _drafted(item["release"]),
                when(item["release"]["until"]),
                item["release"]["rule"],
            )
            for item in page["messages"]
        ],
    )
    say(word("read_first", language()))


def show_waits(accepted: dict[str, Any]) -> None:
    """Say of a message that was handed in that it waits, and who can let it go."""
    asked = accepted["release"]
    say(word("waits", language(), until=when(asked["until"]), rule=asked["rule"]))
    say(word("release_with", language(), message=accepted["id"]))


def release_facts(release: dict[str, Any]) -> dict[str, object]:
    """Return, by heading, who asked for a second person and who decided."""
    told: dict[str, object] = {"drafted": _drafted(release), "rule": release["rule"]}
    if release["decided_at"] is None:
        told["until"] = when(release["until"])
    else:
        state, at = state_named(release["state"], language()), when(release["decided_at"])
        name = release["decided_by"]
        told["decision"] = (
            word("decided_by", language(), state=state, at=at, name=name)
            if name
            else word("decided", language(), state=state, at=at)
        )
    if release["reason"]:
        told["reason"] = release["reason"]
    return {word(name, language()): value for name, value in told.items()}


def _drafted(release: dict[str, Any]) -> str:
    at = when(release["drafted_at"])
    return word("drafted_by", language(), name=release["drafted_by"], at=at)


def _show(decided: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(decided)
        return
    say(f"{decided['id']} {state_named(decided['state'], language())}")
    for recipient in decided["recipients"]:
        say(f"{recipient['member']:<9} {state_named(recipient['state'], language())}")
