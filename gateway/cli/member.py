"""``liaison member``: admit, list, show."""

import base64
import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.client import ToldError
from gateway.cli.console import language, say, show_fields, show_json, show_table, when
from gateway.cli.founding import OFFLINE, describe
from gateway.cli.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    PassphraseFile,
    daemon_of,
    passphrase,
    settings_of,
)
from gateway.errors import RejectedError
from keys import rootfile
from keys.registry.draft import root_signers
from keys.registry.grammar import parse_statement
from keys.registry.statement import Kind
from keys.tlog.note import add_signatures

app = typer.Typer(help="Members of the federation.", no_args_is_help=True)


@app.command()
def admit(
    join: Annotated[Path, typer.Argument(help="The member's join file.", exists=True)],
    folder: Folder = DEFAULT_FOLDER,
    root_key: Annotated[
        list[Path] | None, typer.Option(help="A registrar's root key file; may be repeated.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sign a join file with the registrar's root keys, and publish it when enough have signed."""
    settings = settings_of(folder)
    signed = parse_statement(join.read_bytes())
    if signed.statement.kind is not Kind.ADMIT:
        raise RejectedError("statement_misfit", f"{join} does not ask for admission")
    words = describe(signed)
    if not as_json:
        say("This admits a member:")
        show_fields({f"  {name}": value for name, value in words.items()})
    if not yes:
        typer.confirm("Sign and publish?", abort=True)
    files = root_key or sorted((settings.data_dir / OFFLINE).glob("*.root-1-*.key"))[:1]
    if not files:
        raise RejectedError("root_key_missing", "name the registrar's root key with --root-key")
    configured = settings.keys.passphrase_file
    secret = passphrase(passphrase_file or (settings.path(configured) if configured else None))
    note = join.read_bytes()
    for file in files:
        root = rootfile.read(file, secret, entropy=os.urandom)
        note = add_signatures(note, root_signers(root))
    join.write_bytes(note)
    body = {"note": base64.b64encode(note).decode()}
    try:
        published = daemon_of(folder).call("POST", "/v1/registry/statements", body)
    except ToldError as fault:
        if fault.code != "threshold_not_met":
            raise
        raise RejectedError(
            "threshold_not_met", f"signed, but not enough yet: pass {join} on. {fault.detail}"
        ) from fault
    if as_json:
        show_json({**words, "index": published["index"]})
    else:
        say(f"{words['member']} is admitted: statement {published['index']} of the registry")


@app.command("list")
def list_members(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List the members."""
    daemon = daemon_of(folder)
    shown = daemon.call("GET", "/v1/members")
    if as_json:
        show_json(shown)
        return
    size = daemon.call("GET", "/v1/registry")["size"]
    show_table(
        ["member", "name", "role", "endpoint", "state", "registry"],
        [
            (
                item["member"],
                item["names"].get(language(), item["names"]["en"]),
                item["role"],
                item["endpoint"] or "-",
                "suspended" if item["suspended"] else "in good standing",
                _seen(item["registry_size"], size),
            )
            for item in shown["members"]
        ],
    )


@app.command()
def show(
    member: Annotated[str, typer.Argument(help="The member.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show a member and its keys."""
    shown = daemon_of(folder).call("GET", f"/v1/members/{member}")
    if as_json:
        show_json(shown)
        return
    card = shown["card"]
    show_fields(
        {
            "member": shown["member"],
            "name": " / ".join(shown["names"].values()),
            "role": shown["role"],
            "endpoint": shown["endpoint"] or "-",
            "admitted": when(shown["admitted_at"]),
            "key card": f"serial {card['serial']}, until {when(card['until'])}" if card else "-",
        }
    )
    show_table(
        ["use", "key", "start", "end"],
        [
            (key["use"], key["id"][:16], when(key["start"]), when(key["end"]))
            for key in shown["keys"]
        ],
    )


def _seen(named: int | None, size: int) -> str:
    """Say how much of the registry a member had seen when it last wrote."""
    if named is None:
        return "-"
    behind = size - named
    return f"{behind} statements behind" if behind > 0 else "up to date"
