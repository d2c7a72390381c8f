"""``liaison inbox``: what was received."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import medium
from gateway.cli.console import REFUSED, say, show_json
from gateway.cli.message import show_messages
from gateway.cli.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

app = typer.Typer(help="What was received.", no_args_is_help=True)


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
    shown = daemon_of(folder).call("POST", f"/v1/messages/{message}/acknowledge")
    if as_json:
        show_json(shown)
    else:
        say(f"{shown['id']} {shown['state']}")


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
