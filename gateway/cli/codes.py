"""``liaison codes``: code lists with what each code means, and the nomenclature."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.console import language, say, show_json, show_table
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of
from gateway.errors import RejectedError

_HS = Label("HS", "SH")

app = typer.Typer(help="Code lists.", no_args_is_help=True)


@app.command("list")
def list_codes(
    name: Annotated[str | None, typer.Argument(help="Show this list.", metavar="LIST")] = None,
    under: Annotated[str, typer.Option(help="Only codes that begin so.")] = "",
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
            years = ", ".join(item["edition"] for item in lists["hs_editions"]) or "-"
            for one in lists["lists"]:
                say(f"{one}  {years}" if one == "hs" else one)
        return
    shown = daemon.call("GET", f"/v1/codes/{quote(name, safe='')}?under={quote(under)}")
    if as_json:
        show_json(shown)
    else:
        show_table(["code", "name"], [(item["code"], item["label"]) for item in shown["codes"]])


@app.command("import")
def import_codes(
    name: Annotated[
        str,
        typer.Argument(help="hs, the nomenclature of the Harmonized System.", metavar="LIST"),
    ],
    file: Annotated[
        Path, typer.Argument(help="A CSV file with the columns hscode, description.", exists=True)
    ],
    edition: Annotated[str, typer.Option(help="The year of the edition, such as 2022.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Load a nomenclature: from here on HS codes are held against it when a message is sent."""
    if name != "hs":
        raise RejectedError("list_not_found", "hs is the one list that is imported")
    daemon = daemon_of(folder)
    taken = daemon.bring(f"/v1/codes/hs?edition={quote(edition)}", file, lambda _: None)
    if as_json:
        show_json(taken)
    else:
        say(f"{_HS.text(language())} {taken['edition']}  {taken['codes']}")
