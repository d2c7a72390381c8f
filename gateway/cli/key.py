"""``liaison key``: this node's keys."""

from typing import Annotated, Any

import typer

from gateway.cli import root
from gateway.cli.console import say, show_json, show_table, when
from gateway.cli.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of
from keys.suite import KeyUse

app = typer.Typer(help="This node's keys.", no_args_is_help=True)
app.add_typer(root.app, name="root")


@app.command("list")
def list_keys(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List the keys that this node holds; never a secret."""
    shown = daemon_of(folder).call("GET", "/v1/keys")
    if as_json:
        show_json(shown)
        return
    show_table(
        ["use", "key", "state", "start", "end", "token"],
        [
            (
                key["use"],
                key["id"][:16],
                key["state"],
                when(key["start"]),
                when(key["end"]),
                key["token"] or "-",
            )
            for key in shown["keys"]
            if not _coming_epoch(key)
        ],
    )
    coming = [key for key in shown["keys"] if _coming_epoch(key)]
    if coming:
        last = max(key["end"] for key in coming)
        say(f"and {len(coming)} seal keys of the epochs to come, until {when(last)}")


def _coming_epoch(key: dict[str, Any]) -> bool:
    return bool(key["use"] == KeyUse.SEAL and key["state"] == "next")


@app.command()
def rotate(
    use: Annotated[KeyUse, typer.Argument(help="sign, seal or tls.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Replace a key of the running node; the old one stays good for its overlap."""
    shown = daemon_of(folder).call("POST", "/v1/keys/rotate", {"use": use.value})
    if as_json:
        show_json(shown)
    else:
        say(f"{shown['use']} key {shown['id'][:16]} is in use from {when(shown['start'])}")
