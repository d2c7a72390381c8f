"""``liaison inbox``: what was received."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import medium
from gateway.cli.case import due_line
from gateway.cli.casework.message_lines import incomplete, show_messages, since, speaker
from gateway.cli.casework.message_words import state as state_named
from gateway.cli.casework.message_words import word
from gateway.cli.forms.reading import handling_codes
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import REFUSED, language, say, show_json, show_table
from gateway.cli.terminal.naming import message_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

app = typer.Typer(help="What was received.", invoke_without_command=True)

_MOST_CASES = 500


@app.callback()
def show_new(
    context: typer.Context, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False
) -> None:
    """Show what nobody took yet: who says what in which case, how it may be used, what is due.

    Opens none of it.
    """
    if context.invoked_subcommand is not None:
        return
    daemon = daemon_of(folder)
    page = daemon.call("GET", "/v1/messages?direction=in&state=received&include=handling&limit=500")
    if as_json:
        show_json(page)
        return
    if not page["messages"]:
        say(word("nothing_new", language()))
        return
    due = _due_by_case(daemon)
    show_table(
        [word(name, language()) for name in ("from", "kind", "case", "handling", "due", "message")],
        [
            (
                speaker(item),
                item["label"] + since(item) + incomplete(item),
                item["case"],
                handling_codes(item["handling"]),
                due.get(item["case"], "-"),
                item["id"],
            )
            for item in page["messages"]
        ],
    )
    say(word("open_with", language()))


def _due_by_case(daemon: Daemon) -> dict[str, str]:
    """Return what is due next in each case, of all that are not finished."""
    listed = daemon.call("GET", f"/v1/cases?limit={_MOST_CASES}")["threads"]
    first: dict[str, str] = {}
    for thread in listed:  # what is due first comes first
        if thread["due"] is not None:
            first.setdefault(thread["case"], due_line(thread["due"]))
    return first


@app.command("list")
def list_inbox(
    folder: Folder = DEFAULT_FOLDER,
    new: Annotated[bool, typer.Option("--new", help="What nobody took yet.")] = False,
    wait: Annotated[
        int, typer.Option(help="Wait so many seconds for the first.", min=0, max=60)
    ] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=500)] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was received, the oldest first."""
    state = "received" if new else None
    show_messages(daemon_of(folder), as_json, direction="in", state=state, limit=limit, wait_s=wait)


@app.command()
def acknowledge(
    message: Annotated[str, typer.Argument(help="The message's id.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Take a message: an official has it."""
    daemon = daemon_of(folder)
    named = message_named(daemon, message)
    shown = daemon.call("POST", f"/v1/messages/{named}/acknowledge")
    if as_json:
        show_json(shown)
    else:
        say(f"{shown['id']} {state_named(shown['state'], language())}")


@app.command("import")
def import_medium(
    file: Annotated[
        Path, typer.Argument(help="The file that another member exported.", exists=True)
    ],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Take what a file brings as if it had come over the line; doing so twice changes nothing."""
    imported = medium.read(daemon_of(folder), file)
    if as_json:
        show_json(imported)
    else:
        medium.show_imported(imported, file)
    return 0 if medium.is_done(imported) else REFUSED
