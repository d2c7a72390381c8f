"""``liaison codes``: code lists with what each code means."""

from typing import Annotated

import typer

from gateway.cli.console import say, show_json, show_table
from gateway.cli.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

app = typer.Typer(help="Code lists.", no_args_is_help=True)


@app.command("list")
def list_codes(
    name: Annotated[str | None, typer.Argument(help="Show this list.")] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """List the code lists, or the codes of one."""
    daemon = daemon_of(folder)
    if name is None:
        lists = daemon.call("GET", "/v1/codes")
        if as_json:
            show_json(lists)
        else:
            for one in lists["lists"]:
                say(one)
        return
    shown = daemon.call("GET", f"/v1/codes/{name}")
    if as_json:
        show_json(shown)
    else:
        show_table(["code", "name"], [(item["code"], item["label"]) for item in shown["codes"]])
