"""``liaison statement``: show, sign and hand in what changes the registry, as a file."""

import base64
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.ceremonies import ceremony
from gateway.cli.ceremonies.mirror import Held, held_in, held_somewhere
from gateway.cli.ceremonies.rootkeys import unlock_roots
from gateway.cli.terminal.asking import assent
from gateway.cli.terminal.console import say, show_json
from gateway.cli.terminal.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    PassphraseFiles,
    RegistryFile,
    RootKeys,
    Yes,
    daemon_of,
)
from gateway.errors import RejectedError
from keys.private import write_private
from keys.registry.ceremony import parse_draft
from keys.registry.statement import SignedStatement

app = typer.Typer(help="Statements of the registry, as files.", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(help="The statement.")]
_Beside = Annotated[
    Path | None, typer.Option("--dir", help="A node's folder whose registry is compared with.")
]


@app.command()
def show(
    file: _File,
    folder: _Beside = None,
    registry: RegistryFile = None,
    as_json: AsJson = False,
) -> None:
    """Show in words what a statement changes, who signed it, and whether it would stand now."""
    signed, held = ceremony.read_draft(file), held_somewhere(folder, registry)
    if as_json:
        show_json(ceremony.shown(file, signed, held))
    else:
        ceremony.show(file, signed, held)


@app.command()
def sign(
    file: _File,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    node: Annotated[
        bool, typer.Option("--node", help="Let the running daemon agree, with its sign key.")
    ] = False,
    folder: _Beside = None,
    registry: RegistryFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Add signatures of root keys; needs no network, no node and no registry."""
    if bool(root_key) == node:
        raise RejectedError("root_key_missing", "name a --root-key, or --node")
    signed = ceremony.read_draft(file)
    held = held_somewhere(folder or (DEFAULT_FOLDER if node else None), registry)
    ceremony.judge(signed, held).check(file)
    if not as_json:
        ceremony.show_change(signed, held)
    if not yes:
        assent(ceremony.SIGN)
    if node:
        signed = _signed_by_node(signed, folder or DEFAULT_FOLDER)
    else:
        roots = unlock_roots(root_key or (), passphrase_file or ())
        signed = ceremony.sign(signed, roots, held)
    write_private(file, signed.encoded)
    if as_json:
        show_json(ceremony.shown(file, signed, held))
    else:
        ceremony.show_state(file, signed, held)


@app.command()
def publish(
    file: _File,
    folder: Folder = DEFAULT_FOLDER,
    to: Annotated[
        str,
        typer.Option(
            help="Straight to this gateway, https://host:port: the own node is gone.",
            metavar="URL",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Hand a statement in that enough have signed."""
    signed = ceremony.read_draft(file)
    if to:
        from gateway.cli.ceremonies import stranger  # noqa: PLC0415 - an HTTP client, which few need

        stranger.post_statement(to, signed.encoded)
        if as_json:
            show_json({"file": str(file), "to": to})
        else:
            say(f"{file}: taken by {to}")
        return
    held = held_in(folder)
    index = _number(file, signed, held)
    if index is None:
        index = ceremony.hand_in(daemon_of(folder), signed)
    if as_json:
        show_json({"file": str(file), "index": index})
    else:
        ceremony.say_published(signed, index)


def _number(file: Path, signed: SignedStatement, held: Held) -> int | None:
    """Return a statement's number if it is in the registry; let one pass that would stand."""
    verdict = ceremony.judge(signed, held)
    match verdict.state:
        case ceremony.State.PUBLISHED:
            return verdict.index
        case ceremony.State.INCOMPLETE:
            raise RejectedError(verdict.code, f"{verdict.sentence(file)}. {verdict.detail}")
        case ceremony.State.AHEAD:  # the registrar may know what this node does not yet
            return None
        case _:
            verdict.check(file)
            return None


def _signed_by_node(signed: SignedStatement, folder: Path) -> SignedStatement:
    body = {"note": base64.b64encode(signed.encoded).decode()}
    answer = daemon_of(folder).call("POST", "/v1/registry/statements/sign", body)
    return parse_draft(base64.b64decode(answer["note"]))
