"""``liaison region``: the regions of liaison offices, and what is circulated to one."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.cases.fields.labels import Label
from gateway.cli.casework.handing_in import show_accepted
from gateway.cli.casework.moves import Forwarding, Purpose
from gateway.cli.terminal.console import language, say, show_json, show_table
from gateway.cli.terminal.naming import messages_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of
from gateway.errors import RejectedError

app = typer.Typer(help="Regions of liaison offices.", no_args_is_help=True)

COLUMNS = {
    "region": Label("region", "région"),
    "office": Label("liaison office", "bureau de liaison"),
    "members": Label("members", "membres"),
    "left out": Label("left out", "écartés"),
}
WHY = {
    "member_suspended": Label("suspended", "suspendu"),
    "member_unknown": Label("not in the registry", "absent du registre"),
}
LEFT_OUT = Label("left out: {member}, {why}", "écarté : {member}, {why}")


@app.command("list")
def list_regions(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List the regions that the settings name."""
    shown = daemon_of(folder).call("GET", "/v1/regions")
    if as_json:
        show_json(shown)
        return
    show_table(
        [label.text(language()) for label in COLUMNS.values()],
        [
            (
                item["name"],
                item["office"],
                ", ".join(item["members"]),
                ", ".join(f"{one['member']} ({_why(one)})" for one in item["left_out"]),
            )
            for item in shown["regions"]
        ],
    )


@app.command()
def alert(
    region: Annotated[str, typer.Argument(help="The region.")],
    content: Annotated[str, typer.Option(help="A JSON file with the alert; - for stdin.")],
    folder: Folder = DEFAULT_FOLDER,
    forwarding: Forwarding = None,
    purpose: Purpose = None,
    as_json: AsJson = False,
) -> None:
    """Circulate an alert to a region, as its liaison office: one message to all members of it."""
    text = sys.stdin.buffer.read() if content == "-" else Path(content).read_bytes()
    try:
        document = msgspec.json.decode(text)
    except msgspec.DecodeError as fault:
        raise RejectedError("json_malformed", f"{content} is no JSON: {fault}") from fault
    daemon = daemon_of(folder)
    body: dict[str, Any] = {"content": document}
    if forwarding:
        body |= {"forwards": messages_named(daemon, forwarding)}
    if purpose is not None:
        body |= {"purpose": purpose}
    accepted = daemon.call("POST", f"/v1/regions/{region}/alerts", body)
    if as_json:
        show_json(accepted)
        return
    show_accepted(accepted)
    for item in accepted["left_out"]:
        say(LEFT_OUT.text(language()).format(member=item["member"], why=_why(item)))


def _why(item: dict[str, Any]) -> str:
    return WHY[item["code"]].text(language())
