"""``liaison case``: what was asked of whom, what is due first, and what was said."""

from typing import Annotated, Any

import typer

from gateway.cases.event import Side
from gateway.cases.labels import Label
from gateway.cases.thread import State
from gateway.cases.wording import FLAGS
from gateway.cli.console import language, say, show_json, show_table, when
from gateway.cli.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

app = typer.Typer(help="Cases: what is asked and due.", no_args_is_help=True)

_COLUMNS = {
    "case": Label("case", "dossier"),
    "asked": Label("asked", "demande"),
    "state": Label("state", "état"),
    "due": Label("due", "échéance"),
    "remarks": Label("remarks", "remarques"),
    "message": Label("message", "message"),
    "kind": Label("kind", "type"),
    "written": Label("written", "écrit"),
}
_OUT_OF_ORDER = Label(
    "{count} out of order: kept, without effect", "{count} hors séquence : conservé, sans effet"
)
_UNMOVED = Label("out of order", "hors séquence")
_BESIDE = Label("Beside the threads", "En dehors des demandes")
_CORRECTABLE = Label("corrections may be asked for until", "rectifications possibles jusqu'au")
_NOTHING = Label("nothing", "rien")


@app.command("list")
def list_cases(
    folder: Folder = DEFAULT_FOLDER,
    overdue: Annotated[bool, typer.Option("--overdue", help="What is late.")] = False,
    every: Annotated[bool, typer.Option("--all", help="What is finished, too.")] = False,
    state: Annotated[State | None, typer.Option(help="In this state alone.")] = None,
    role: Annotated[Side | None, typer.Option(help="Where we ask, or are asked.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=500)] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was asked of whom, what is due first."""
    show = "overdue" if overdue else "all" if every else "open"
    asked = {"show": show, "state": state, "role": role, "limit": limit}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    shown = daemon_of(folder).call("GET", f"/v1/cases?{query}")
    if as_json:
        show_json(shown)
        return
    show_table(
        _named("case", "asked", "state", "due", "remarks"),
        [
            (item["case"], _asked(item), item["state_label"], _due(item), _remarks(item))
            for item in shown["threads"]
        ],
    )


@app.command()
def show(
    case: Annotated[str, typer.Argument(help="The case.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show where a case stands, and every message in its place. Opens none of them."""
    shown = daemon_of(folder).call("GET", f"/v1/cases/{case}")
    if as_json:
        show_json(shown)
        return
    for thread in shown["threads"]:
        say(f"{_asked(thread)}: {thread['label']} ({thread['kind']})")
        remarks = _remarks(thread)
        say(f"  {thread['state_label']}" + (f"; {remarks}" if remarks else ""))
        say(f"  {_due(thread)}")
        if thread["correctable_until"] is not None:
            say(f"  {_CORRECTABLE.text(language())} {when(thread['correctable_until'])}")
        _show_messages(thread["messages"])
        say("")
    if shown["others"]:
        say(_BESIDE.text(language()))
        _show_messages(shown["others"])


def _show_messages(messages: list[dict[str, Any]]) -> None:
    """Print messages in their order, with what each made of the thread."""
    show_table(
        _named("message", "kind", "written", "state"),
        [
            (
                item["id"],
                item["label"],
                when(item["created_at"]),
                _UNMOVED.text(language()) if item["out_of_order"] else item["state_label"],
            )
            for item in messages
        ],
    )


def _named(*columns: str) -> list[str]:
    return [_COLUMNS[name].text(language()) for name in columns]


def _asked(thread: dict[str, Any]) -> str:
    return f"{thread['asker']} → {thread['asked']}"


def _due(thread: dict[str, Any]) -> str:
    due = thread["due"]
    if due is None:
        return _NOTHING.text(language())
    return f"{when(due['at'])}  {due['by']}: {due['label']}"


def _remarks(thread: dict[str, Any]) -> str:
    told = [FLAGS[flag].text(language()) for flag in thread["flags"]]
    if thread["out_of_order"]:
        told.append(_OUT_OF_ORDER.text(language()).format(count=thread["out_of_order"]))
    return ", ".join(told)
