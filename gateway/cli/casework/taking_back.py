"""``liaison message recall`` and ``rectify``: to all who got the message, in its case."""

from typing import Annotated, Any

import typer

from gateway.cases.families.control import RecallReason
from gateway.cases.fields.labels import Label
from gateway.cases.threads.recall import RECTIFY
from gateway.cases.threads.thread import RECALL
from gateway.cli.casework.handing_in import hand_in
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import language
from gateway.cli.terminal.naming import message_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of
from gateway.cli.terminal.told import SpokenError

Message = Annotated[str, typer.Argument(help="The message's id.")]
Explanation = Annotated[str | None, typer.Option(help="Why, in words.")]
Wait = Annotated[int, typer.Option(help="Wait so many seconds for the receipts; 0 for not.", min=0)]
UNPAIRED = Label(
    "each --field needs its --value: {fields} and {values} were given",
    "chaque --field demande sa --value : il y en a {fields} et {values}",
)
NO_FILE = Label("{message} has no attachment {name}", "{message} n'a pas de pièce jointe {name}")


def recall(
    message: Message,
    reason: Annotated[RecallReason, typer.Option(help="Why it is taken back.")],
    folder: Folder = DEFAULT_FOLDER,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this attachment, by its number or name; may be repeated."),
    ] = None,
    explanation: Explanation = None,
    wait: Wait = 0,
    as_json: AsJson = False,
) -> int:
    """Take back a message that was sent, or some of its attachments, wherever they went."""
    daemon = daemon_of(folder)
    sent = _sent(daemon, message)
    said: dict[str, Any] = {"reason": reason.value}
    if only:
        said |= {"attachments": [_file(sent, name) for name in only]}
    return _say(daemon, sent, RECALL, said, explanation, wait_s=wait, as_json=as_json)


def rectify(
    message: Message,
    field: Annotated[
        list[str], typer.Option(help="A field that is wrong, as a JSON pointer; may be repeated.")
    ],
    value: Annotated[list[str], typer.Option(help="What is right; one for each field.")],
    folder: Folder = DEFAULT_FOLDER,
    explanation: Explanation = None,
    wait: Wait = 0,
    as_json: AsJson = False,
) -> int:
    """Correct a message that was sent, wherever it went."""
    if len(field) != len(value):
        raise SpokenError("validation_failed", UNPAIRED, fields=len(field), values=len(value))
    daemon = daemon_of(folder)
    pairs = zip(field, value, strict=True)
    said = {"corrections": [{"field": name, "value": right} for name, right in pairs]}
    return _say(
        daemon, _sent(daemon, message), RECTIFY, said, explanation, wait_s=wait, as_json=as_json
    )


def _sent(daemon: Daemon, message: str) -> dict[str, Any]:
    """Return a message as it is shown: to whom it went, in which case, with which files."""
    shown: dict[str, Any] = daemon.call("GET", f"/v1/messages/{message_named(daemon, message)}")
    return shown


def _file(sent: dict[str, Any], name: str) -> str:
    """Return the SHA-256 of an attachment. Raises SpokenError ``attachment_unknown``."""
    for item in sent["attachments"]:
        if name in (item["id"], item["id"].rpartition(".")[2], item["name"]):
            return str(item["sha256"])
    raise SpokenError("attachment_unknown", NO_FILE, message=sent["id"], name=name)


def _say(
    daemon: Daemon,
    sent: dict[str, Any],
    kind: str,
    said: dict[str, Any],
    explanation: str | None,
    *,
    wait_s: int,
    as_json: bool,
) -> int:
    content = {"message": sent["id"], "language": language()} | said
    if explanation is not None:
        content |= {"explanation": explanation}
    body = {"to": sent["to"], "kind": kind, "case": sent["case"], "content": content}
    return hand_in(daemon, body, (), wait_s=wait_s, as_json=as_json)
