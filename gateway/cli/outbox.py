"""``liaison outbox``: what is not delivered yet, and why."""

import typer

from gateway.cli.console import show_json, show_table, when
from gateway.cli.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of

app = typer.Typer(help="Deliveries that are not done.", no_args_is_help=True)


@app.callback()
def outbox() -> None:
    """Deliveries that are not done."""


@app.command("list")
def list_outbox(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List deliveries that are not done, the oldest first."""
    shown = daemon_of(folder).call("GET", "/v1/outbox")
    if as_json:
        show_json(shown)
        return
    show_table(
        ["message", "recipient", "state", "attempts", "due", "why"],
        [
            (
                row["message"],
                row["recipient"],
                row["state"],
                row["attempts"],
                when(row["due_at"]),
                row["code"] or "-",
            )
            for row in shown["rows"]
        ],
    )
