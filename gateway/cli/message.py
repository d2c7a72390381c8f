"""``liaison message``: send, list, show."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from gateway.cli.casework.handing_in import hand_in, show_accepted
from gateway.cli.casework.message_lines import (
    attachment_line,
    mark_line,
    marked,
    show_messages,
    speaker,
)
from gateway.cli.casework.message_words import state as state_named
from gateway.cli.casework.message_words import word
from gateway.cli.casework.release import decline, release, release_facts, withdraw
from gateway.cli.casework.taking_back import recall, rectify
from gateway.cli.forms.opened import opened_lines
from gateway.cli.terminal.console import language, say, show_fields, show_json, when
from gateway.cli.terminal.naming import case_named, message_named, messages_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, WhyOpened, daemon_of
from gateway.errors import RejectedError

app = typer.Typer(help="Messages, sent and received.", no_args_is_help=True)


@app.command()
def send(
    to: Annotated[list[str], typer.Option(help="A recipient; may be repeated.")],
    kind: Annotated[str, typer.Option(help="The kind, such as request.verify_value.")],
    content: Annotated[str, typer.Option(help="A JSON file with the content; - for stdin.")],
    folder: Folder = DEFAULT_FOLDER,
    attach: Annotated[
        list[Path] | None, typer.Option(help="A file to attach; may be repeated.", exists=True)
    ] = None,
    case: Annotated[str | None, typer.Option(help="The case it belongs to.")] = None,
    reply_to: Annotated[str | None, typer.Option(help="The message it answers.")] = None,
    forwarding: Annotated[
        list[str] | None,
        typer.Option(help="A message whose content it passes on; may be repeated."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="For what it is passed on, such as assessment.")
    ] = None,
    on_behalf_of: Annotated[
        str | None, typer.Option(help="For a union: the state for which it speaks.")
    ] = None,
    wait: Annotated[
        int, typer.Option(help="Wait so many seconds for the receipts; 0 for not.", min=0)
    ] = 0,
    as_json: AsJson = False,
) -> int:
    """Send a message: it is accepted when this returns, and ends visibly whatever happens."""
    daemon = daemon_of(folder)
    text = sys.stdin.buffer.read() if content == "-" else Path(content).read_bytes()
    try:
        document = msgspec.json.decode(text)
    except msgspec.DecodeError as fault:
        raise RejectedError("json_malformed", f"{content} is no JSON: {fault}") from fault
    body: dict[str, Any] = {"to": to, "kind": kind, "content": document}
    if case is not None:
        body["case"] = case_named(daemon, case)
    if reply_to is not None:
        body["in_reply_to"] = message_named(daemon, reply_to)
    if forwarding:
        body["forwards"] = messages_named(daemon, forwarding)
    if purpose is not None:
        body["purpose"] = purpose
    if on_behalf_of is not None:
        body["on_behalf_of"] = on_behalf_of
    return hand_in(daemon, body, attach or (), wait_s=wait, as_json=as_json)


@app.command("list")
def list_messages(
    folder: Folder = DEFAULT_FOLDER,
    direction: Annotated[str | None, typer.Option(help="in, out or draft.")] = None,
    case: Annotated[str | None, typer.Option(help="Of this case alone.")] = None,
    state: Annotated[str | None, typer.Option(help="In this state alone.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=500)] = 50,
    as_json: AsJson = False,
) -> None:
    """List messages, the oldest first."""
    daemon = daemon_of(folder)
    of = None if case is None else case_named(daemon, case)
    show_messages(daemon, as_json, direction=direction, case=of, state=state, limit=limit)


@app.command()
def show(
    message: Annotated[str, typer.Argument(help="The message's id.")],
    reason: WhyOpened = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Open a message. Reading is recorded."""
    daemon = daemon_of(folder)
    asked = "" if reason is None else f"?reason={quote(reason)}"
    shown = daemon.call("GET", f"/v1/messages/{message_named(daemon, message)}{asked}")
    if as_json:
        show_json(shown)
        return
    show_fields(_facts(shown))
    for item in shown["marked"]:
        say(mark_line(item))
    for item in shown["attachments"]:
        say(f"{word('attachment', language()):<12} {attachment_line(item)}")
    for item in shown["recipients"]:
        why = f" ({item['code']})" if item["code"] else ""
        far = f"{state_named(item['state'], language())}{why}"
        say(f"{item['member']:<12} {far}, {_receipt(item['receipt'])}")
    say("")
    for line in opened_lines(folder, shown, language()):
        say(line)


app.command()(recall)
app.command()(rectify)
app.command()(release)
app.command()(decline)
app.command()(withdraw)


@app.command("liaison-copy")
def liaison_copy(
    message: Annotated[str, typer.Argument(help="The message's id.")],
    to: Annotated[list[str], typer.Option(help="A liaison office; may be repeated.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Send a liaison office a copy that the node makes, without what tells of persons."""
    daemon = daemon_of(folder)
    path = f"/v1/messages/{message_named(daemon, message)}/liaison-copy"
    accepted = daemon.call("POST", path, {"to": to})
    if as_json:
        show_json(accepted)
        return
    show_accepted(accepted)


def _facts(shown: dict[str, Any]) -> dict[str, object]:
    facts = {
        "message": shown["id"],
        "kind": f"{shown['label']} ({shown['kind']})",
        "from": speaker(shown, shown["unit"]),
        "to": ", ".join(shown["to"]),
        "case": shown["case"],
        "in_reply_to": shown["in_reply_to"] or "-",
        "written": when(shown["created_at"]),
        "state": marked(shown, ", "),
        "signature": _signature(shown),
    }
    told = {word(name, language()): value for name, value in facts.items()}
    return told | release_facts(shown["release"]) if shown["release"] else told


def _signature(shown: dict[str, Any]) -> str:
    if not shown["signed_by"]:
        waits = shown["state"] == "awaiting_release"
        return word("unsigned" if waits else "never_signed", language())
    told = word("valid", language()) if shown["signature"] == "valid" else shown["signature"]
    return word("key", language(), state=told, key=shown["signed_by"][:16])


def _receipt(receipt: dict[str, Any] | None) -> str:
    if not receipt:
        return word("no_receipt", language())
    held = word(receipt["kind"], language(), at=when(receipt["at"]))
    return f"{held}, {word('verified' if receipt['verified'] else 'unverified', language())}"
