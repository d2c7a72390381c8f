"""``liaison message``: send, list, show."""

import mimetypes
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from gateway.cli.client import Daemon
from gateway.cli.console import (
    DONE,
    REFUSED,
    UNREACHABLE,
    language,
    note,
    say,
    show_fields,
    show_json,
    show_table,
    when,
)
from gateway.cli.message_words import state as state_named
from gateway.cli.message_words import word
from gateway.cli.naming import case_named, message_named, messages_named
from gateway.cli.opened import opened_lines
from gateway.cli.options import DEFAULT_FOLDER, AsJson, Folder, WhyOpened, daemon_of
from gateway.cli.release import decline, release, release_facts, show_waits, withdraw
from gateway.errors import RejectedError

app = typer.Typer(help="Messages, sent and received.", no_args_is_help=True)

OPEN_STATES = ("queued", "sending", "in_custody")
POLL_FIRST_S, POLL_S = 0.02, 0.25
"""How long to wait before the second look, and between later ones."""


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


def show_accepted(accepted: dict[str, Any]) -> None:
    """Print what became of a message that was handed in."""
    say(f"{word('accepted', language()):<9} {accepted['id']}")
    say(f"{word('case', language()):<9} {accepted['case']}")
    for recipient in accepted["recipients"]:
        say(f"{recipient['member']:<9} {state_named(recipient['state'], language())}")
    if accepted["release"]:
        show_waits(accepted)


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


def speaker(item: dict[str, Any], unit: str = "") -> str:
    """Say who speaks, from which unit, and for whom."""
    named = f"{item['from']}/{unit}" if unit else str(item["from"])
    if not item["on_behalf_of"]:
        return named
    return word("speaks_for", language(), member=named, state=item["on_behalf_of"])


def mark_line(item: dict[str, Any]) -> str:
    """Say what was said of a message since, and by which message."""
    mark = state_named(item["mark"], language())
    told = word("marked", language(), mark=mark, by=item["by"], at=when(item["at"]))
    return f"{told} ({state_named(item['verdict'], language())})" if item["verdict"] else told


def attachment_line(item: dict[str, Any]) -> str:
    """Say what an attachment is, and what of it is here unless all of it is."""
    size = word("bytes", language(), count=item["size"])
    return f"{item['id']}  {item['name']}  {size}{_how_far(item)}"


def _how_far(item: dict[str, Any]) -> str:
    why = f", {item['code']}" if item["code"] else ""
    far = state_named(item["state"], language())
    match item["state"]:
        case "whole":
            return ""
        case "lost":
            return f"  {far}{why}"
        case _:
            held = item["held_bytes"]
            return f"  {word('not_here', language(), state=far, held=held)}{why}"


def show_messages(daemon: Daemon, as_json: bool, **query: object) -> None:
    """Print a page of messages."""
    asked = "&".join(f"{name}={value}" for name, value in query.items() if value is not None)
    shown = daemon.call("GET", f"/v1/messages?{asked}")
    if as_json:
        show_json(shown)
        return
    show_table(
        [word(name, language()) for name in ("message", "kind", "from", "to", "state", "stored")],
        [
            (
                item["id"],
                item["label"],
                speaker(item),
                ",".join(item["to"]),
                marked(item) + incomplete(item),
                when(item["stored_at"]),
            )
            for item in shown["messages"]
        ],
    )


def marked(item: dict[str, Any], between: str = " ") -> str:
    """Say how far a message is, and what was done to it since."""
    return between.join(state_named(name, language()) for name in (item["state"], *item["marks"]))


def since(item: dict[str, Any]) -> str:
    """Say of a message in a list what was done to it since."""
    said = ", ".join(state_named(name, language()) for name in item["marks"])
    return f" ({said})" if said else ""


def incomplete(item: dict[str, Any]) -> str:
    """Say of a message in a list that not all of its attachments are here."""
    return f" {word('incomplete', language())}" if item["attachments_missing"] else ""


def hand_in(
    daemon: Daemon, body: dict[str, Any], files: Sequence[Path], *, wait_s: int, as_json: bool
) -> int:
    """Upload what is attached, submit a message, say what became of it; return the exit code."""
    body["attachments"] = [upload(daemon, file)["id"] for file in files]
    key = os.urandom(16).hex()
    accepted = daemon.call("POST", "/v1/messages", body, **{"Idempotency-Key": key})
    code = DONE
    if wait_s and not accepted["release"]:
        accepted["recipients"], code = await_receipts(
            daemon, accepted["id"], accepted["case"], wait_s
        )
    if as_json:
        show_json(accepted)
        return code
    show_accepted(accepted)
    return code


def upload(daemon: Daemon, file: Path) -> Any:
    """Upload a file, with a progress bar on a terminal."""
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    with progress(file.name, file.stat().st_size) as advance:
        return daemon.upload(file, media_type, advance)


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error, where a person looks on."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import Progress  # noqa: PLC0415 - the same

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.advance(task, done)


def await_receipts(daemon: Daemon, message: str, case: str, wait_s: int) -> tuple[Any, int]:
    """Wait until no recipient is open any more; return how far each is, and the exit code."""
    deadline = time.monotonic() + wait_s
    told, pause_s = "", POLL_FIRST_S
    while True:
        shown = daemon.call("GET", f"/v1/messages?direction=out&limit=500&case={case}")
        item = next(item for item in shown["messages"] if item["id"] == message)
        states = [recipient["state"] for recipient in item["recipients"]]
        line = ", ".join(
            f"{each['member']} {state_named(each['state'], language())}"
            for each in item["recipients"]
        )
        if line != told:
            note(line)
            told = line
        if not any(state in OPEN_STATES for state in states):
            return item["recipients"], 0 if set(states) == {"delivered"} else REFUSED
        if time.monotonic() > deadline:
            return item["recipients"], UNREACHABLE
        time.sleep(pause_s)
        pause_s = min(POLL_S, 2 * pause_s)
