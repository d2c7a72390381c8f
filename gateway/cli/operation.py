"""``liaison operation``: closed groups, who takes part, and what they reported."""

from typing import Annotated

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.console import language, say, show_json, show_table, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

app = typer.Typer(help="Operations: closed groups until a day.", no_args_is_help=True)

COLUMNS = {
    "operation": Label("operation", "opération"),
    "name": Label("name", "nom"),
    "until": Label("until", "jusqu'au"),
    "state": Label("state", "état"),
    "joined": Label("joined", "participants"),
    "reports": Label("reports", "rapports"),
    "controls": Label("controls", "contrôles"),
    "seizures": Label("seizures", "saisies"),
    "member": Label("member", "membre"),
    "message": Label("message", "message"),
    "kind": Label("kind", "type"),
    "written": Label("written", "écrit"),
    "remarks": Label("remarks", "remarques"),
}
GROUP = Label("group", "groupe")
TEMPLATE = Label("every report states", "chaque rapport indique")
REFUSED = {
    "not_in_operation": Label("not of the group", "hors du groupe"),
    "operation_closed": Label("after the closing", "après la clôture"),
    "operation_over": Label("after the last day", "après le dernier jour"),
    "joined_already": Label("takes part already", "participe déjà"),
    "not_joined": Label("has not joined", "ne participe pas"),
    "not_the_opener": Label("did not open it", "ne l'a pas ouverte"),
}
"""Why a message moved nothing."""


@app.command("list")
def list_operations(
    folder: Folder = DEFAULT_FOLDER,
    every: Annotated[bool, typer.Option("--all", help="What is over, too.")] = False,
    limit: Annotated[int, typer.Option(help="Look at so many at most.", min=1, max=500)] = 50,
    as_json: AsJson = False,
) -> None:
    """List operations, the oldest first."""
    show = "all" if every else "open"
    shown = daemon_of(folder).call("GET", f"/v1/operations?show={show}&limit={limit}")
    if as_json:
        show_json(shown)
        return
    show_table(
        _named("operation", "name", "until", "state", "joined", "reports", "seizures"),
        [
            (
                item["id"],
                item["name"],
                item["ends_on"],
                item["state_label"],
                ", ".join(item["joined"]),
                item["reports"],
                item["seizures"],
            )
            for item in shown["operations"]
        ],
    )


@app.command()
def show(
    operation: Annotated[str, typer.Argument(help="The message that opened it.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show an operation, and every message in its place."""
    shown = daemon_of(folder).call("GET", f"/v1/operations/{operation}")
    if as_json:
        show_json(shown)
        return
    say(f"{shown['name']}: {shown['state_label']}, {shown['starts_on']} – {shown['ends_on']}")
    say(f"{GROUP.text(language())}: {', '.join(shown['group'])}")
    if shown["template"]:
        say(f"{TEMPLATE.text(language())}: {'; '.join(shown['template'])}")
    show_table(
        _named("member", "reports", "controls", "seizures"),
        [
            (item["member"], item["reports"], item["controls"], item["seizures"])
            for item in shown["counted"]
        ],
    )
    show_table(
        _named("message", "kind", "written", "remarks"),
        [
            (
                item["id"],
                item["label"],
                when(item["created_at"]),
                REFUSED[item["code"]].text(language()) if item["code"] else "",
            )
            for item in shown["messages"]
        ],
    )


def _named(*columns: str) -> list[str]:
    return [COLUMNS[name].text(language()) for name in columns]
