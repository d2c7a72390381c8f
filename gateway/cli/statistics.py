"""``liaison statistics``: what was exchanged with whom, month by month, and how fast."""

from collections import Counter
from typing import Annotated, Any

import typer

from gateway.cases.fields.labels import Label
from gateway.cli.casework.message_words import STATES
from gateway.cli.terminal.console import language, say, show_json, show_table
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

DIRECTIONS = {"in": Label("from", "de"), "out": Label("to", "à")}
COLUMNS = {
    "month": Label("month", "mois"),
    "way": Label("way", "sens"),
    "member": Label("member", "membre"),
    "kind": Label("kind", "type"),
    "state": Label("state", "état"),
    "count": Label("how many", "nombre"),
    "size": Label("KiB", "Kio"),
    "days": Label("days (median)", "jours (médiane)"),
}
MESSAGES = Label("Messages", "Messages")
FILES = Label("Attachments", "Pièces jointes")
TIMES = {
    "acknowledged": Label("Days to the first word", "Jours jusqu'à la première réponse"),
    "answered": Label("Days to the answer", "Jours jusqu'à la réponse au fond"),
}
PERIOD = Label("{since} to {until}: {count} messages.", "De {since} à {until} : {count} messages.")
_KIB = 1024


def statistics(
    folder: Folder = DEFAULT_FOLDER,
    since: Annotated[str | None, typer.Option(help="The first month, as 2026-01.")] = None,
    until: Annotated[str | None, typer.Option(help="The last month.")] = None,
    by_kind: Annotated[bool, typer.Option("--kinds", help="Each kind on a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what was exchanged with whom by months, how large, and how fast answers came."""
    asked = {"since": since, "until": until, "form": "csv" if as_csv else "json"}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    daemon, path = daemon_of(folder), f"/v1/statistics?{query}"
    if as_csv:
        say(daemon.text(path).rstrip("\r\n"))
        return
    shown = daemon.call("GET", path)
    if as_json:
        show_json(shown)
        return
    if shown["messages"]:
        _show_messages(shown["messages"], by_kind=by_kind)
    if shown["attachments"]:
        rows = [
            (item["month"], _way(item), item["count"], item["bytes"] // _KIB)
            for item in shown["attachments"]
        ]
        _show(FILES, ("month", "way", "count", "size"), rows)
    for table, label in TIMES.items():
        if times := [item for item in shown["times"] if item["table"] == table]:
            rows = [
                (item["month"], item["member"], item["count"], item["median_days"])
                for item in times
            ]
            _show(label, ("month", "member", "count", "days"), rows)
    count = sum(item["count"] for item in shown["messages"])
    say(PERIOD.text(language()).format(**shown, count=count))


def _show_messages(items: list[dict[str, Any]], *, by_kind: bool) -> None:
    """Show messages by member and state; by kind too, if that is asked for."""
    counts: Counter[tuple[str, ...]] = Counter()
    sizes: Counter[tuple[str, ...]] = Counter()
    for item in items:
        kind = (item["kind"],) if by_kind else ()
        key = (item["month"], _way(item), item["member"], *kind, _state(item["state"]))
        counts[key] += item["count"]
        sizes[key] += item["bytes"]
    names = ("month", "way", "member", *(("kind",) if by_kind else ()), "state", "count", "size")
    _show(MESSAGES, names, [(*key, count, sizes[key] // _KIB) for key, count in counts.items()])


def _show(title: Label, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    say(title.text(language()))
    show_table([COLUMNS[name].text(language()) for name in names], rows)
    say("")


def _way(item: dict[str, Any]) -> str:
    return DIRECTIONS[item["direction"]].text(language())


def _state(state: str) -> str:
    label = STATES.get(state)
    return state if label is None else label.text(language())
