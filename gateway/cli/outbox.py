"""``liaison outbox``: what is not delivered yet, and why."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli import medium
from gateway.cli.casework.message_words import state as state_named
from gateway.cli.casework.release import show_waiting
from gateway.cli.medium_words import word
from gateway.cli.terminal.console import REFUSED, language, say, show_json, show_table, when
from gateway.cli.terminal.naming import message_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of, settings_of

app = typer.Typer(help="Deliveries that are not done.", no_args_is_help=True)


@app.callback()
def outbox() -> None:
    """Deliveries that are not done."""


@app.command("list")
def list_outbox(
    folder: Folder = DEFAULT_FOLDER,
    awaiting_release: Annotated[
        bool, typer.Option("--awaiting-release", help="What waits for a second person.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List deliveries that are not done, the oldest first, and drafts that were not sent."""
    if awaiting_release:
        show_waiting(daemon_of(folder), as_json=as_json)
        return
    shown = daemon_of(folder).call("GET", "/v1/outbox")
    if as_json:
        show_json(shown)
        return
    show_table(
        ["message", "recipient", "state", "attempts", "due", "exported", "why", "drafted"],
        [
            (
                row["message"],
                row["recipient"],
                state_named(row["state"], language()),
                row["attempts"],
                when(row["due_at"]),
                when(row["exported_at"]),
                row["code"] or "-",
                _drafted(row["release"]),
            )
            for row in shown["rows"]
        ],
    )


def _drafted(release: dict[str, Any] | None) -> str:
    """Say who drafted what waits for a second person, and who decided on it."""
    if release is None:
        return "-"
    who, by = str(release["drafted_by"]), release["decided_by"]
    if not by:
        return who
    return word("decided", who=who, state=state_named(release["state"], language()), by=by)


Message = Annotated[str, typer.Argument(help="The message's id.")]
Recipient = Annotated[str, typer.Option("--to", help="Only its delivery to this member.")]


@app.command()
def withdraw(
    message: Message,
    to: Recipient = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Take back what still waits of a message."""
    _move(message, "withdraw", to, folder, as_json)


@app.command()
def requeue(
    message: Message,
    to: Recipient = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Queue again what failed or was withdrawn."""
    _move(message, "requeue", to, folder, as_json)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write, on the medium.")],
    to: Annotated[str, typer.Option("--to", help="The member that it is carried to.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Write what is open for a member, and the receipts owed to it, to a file."""
    member = settings_of(folder).node.member
    written = medium.write(daemon_of(folder), member, to, file, force=force)
    if as_json:
        show_json(written)
    else:
        medium.show_exported(written, to)
    return REFUSED if written.left_out else 0


def _move(message: str, action: str, to: str, folder: Path, as_json: bool) -> None:
    narrowed = f"?recipient={quote(to)}" if to else ""
    daemon = daemon_of(folder)
    named = message_named(daemon, message)
    moved = daemon.call("POST", f"/v1/messages/{named}/{action}{narrowed}")
    if as_json:
        show_json(moved)
    else:
        state, recipients = state_named(moved["state"], language()), ", ".join(moved["recipients"])
        say(word("moved", message=message, state=state, recipients=recipients))
