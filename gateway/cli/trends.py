"""``liaison trends``: seizures by chapter, route and concealment, and how fast members answer."""

from typing import Annotated, Any

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.console import language, say, show_json, show_table
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

TABLES = {
    "seizures": Label("Seizures", "Saisies"),
    "hs_chapters": Label("Seizures by HS chapter", "Saisies par chapitre du SH"),
    "routes": Label("Seizures by route", "Saisies par itinéraire"),
    "concealment": Label("Seizures by concealment", "Saisies par mode de dissimulation"),
    "acknowledged": Label("Days to the first word", "Jours jusqu'à la première réponse"),
    "answered": Label("Days to the answer", "Jours jusqu'à la réponse au fond"),
}
COLUMNS = {
    "month": Label("month", "mois"),
    "key": Label("of what", "objet"),
    "count": Label("how many", "nombre"),
    "days": Label("days (median)", "jours (médiane)"),
}
MONTHS = Label("{since} to {until}. {note}", "De {since} à {until}. {note}")


def trends(
    folder: Folder = DEFAULT_FOLDER,
    since: Annotated[str | None, typer.Option(help="The first month, as 2026-01.")] = None,
    until: Annotated[str | None, typer.Option(help="The last month.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show trends of what this node holds, by months; nothing of any person."""
    asked = {"since": since, "until": until, "form": "csv" if as_csv else "json"}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    daemon, path = daemon_of(folder), f"/v1/trends?{query}"
    if as_csv:
        say(daemon.text(path).rstrip("\r\n"))
        return
    shown = daemon.call("GET", path)
    if as_json:
        show_json(shown)
        return
    for name, label in TABLES.items():
        if cells := [cell for cell in shown["cells"] if cell["table"] == name]:
            say(label.text(language()))
            show_table([column.text(language()) for column in COLUMNS.values()], map(_row, cells))
            say("")
    say(MONTHS.text(language()).format(**shown))


def _row(cell: dict[str, Any]) -> tuple[object, ...]:
    named = f"{cell['key']} {cell['label']}".strip()
    return cell["period"], named, cell["count"], cell["median_days"]
