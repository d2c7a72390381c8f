"""``liaison attachment``: files that belong to messages."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.casework.handing_in import progress, upload
from gateway.cli.casework.message_words import state, word
from gateway.cli.terminal.console import REFUSED, UNREACHABLE, language, say, show_fields, show_json
from gateway.cli.terminal.naming import attachment_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, WhyOpened, daemon_of

app = typer.Typer(help="Attachments.", no_args_is_help=True)


@app.command()
def put(
    file: Annotated[Path, typer.Argument(help="The file.", exists=True, dir_okay=False)],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Upload a file, to be named by a message within a day."""
    shown = upload(daemon_of(folder), file)
    if as_json:
        show_json(shown)
    else:
        show_fields(shown)


@app.command()
def get(
    attachment: Annotated[str, typer.Argument(help="Its id, as message show prints it.")],
    target: Annotated[
        Path, typer.Argument(help="The file to write; it must not exist.", metavar="FILE")
    ],
    reason: WhyOpened = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Open an attachment into a file. Reading is recorded."""
    daemon = daemon_of(folder)
    named = attachment_named(daemon, attachment)
    with progress(target.name, 0) as advance:
        size = daemon.download(f"{quote(named)}{_because(reason)}", target, advance)
    if as_json:
        show_json({"file": str(target), "size": size})
    else:
        say(f"{target}: {word('bytes', language(), count=size)}")


@app.command()
def fetch(
    attachment: Annotated[str, typer.Argument(help="Its id, as message show prints it.")],
    reason: WhyOpened = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Let an attachment come now that is not here yet; say how far it is."""
    daemon = daemon_of(folder)
    named = quote(attachment_named(daemon, attachment))
    shown = daemon.call("POST", f"/v1/attachments/{named}/fetch{_because(reason)}")
    if as_json:
        show_json(shown)
    else:
        why = f" ({shown['code']})" if shown["code"] else ""
        held = word("held", language(), held=shown["held_bytes"], count=shown["size"])
        say(f"{shown['name']}: {state(shown['state'], language())}{why}, {held}")
    return {"whole": 0, "lost": REFUSED}.get(shown["state"], UNREACHABLE)


def _because(reason: str | None) -> str:
    return "" if reason is None else f"?reason={quote(reason)}"
