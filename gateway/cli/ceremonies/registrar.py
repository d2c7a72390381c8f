"""What registrars do to the registry beside their node: begin it, name witnesses, copy it.

Commands of ``liaison registry``.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.ceremonies import ceremony
from gateway.cli.ceremonies.founding import open_federation, prepared_settings
from gateway.cli.ceremonies.mirror import held_in
from gateway.cli.terminal.console import say, show_json
from gateway.cli.terminal.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    Out,
    PassphraseFile,
    PassphraseFiles,
    RootKeys,
    Yes,
    passphrase,
)
from gateway.clock import SystemClock
from keys.keyfile import unlock
from keys.keyring import Keyring
from keys.private import write_private
from keys.registry.draft import fingerprint, follow
from keys.registry.statement import REGISTRY, Chain, Kind, WitnessSet
from keys.suite import parse_member_id
from keys.tlog.tiles import encode_bundle


def found_now(
    genesis: Annotated[Path, typer.Argument(help="The first statement, signed by every root.")],
    folder: Folder = DEFAULT_FOLDER,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Let the registry begin with a statement that every first registrar's root signed."""
    signed = ceremony.read_draft(genesis)
    settings = prepared_settings(folder, signed.encoded)
    configured = settings.keys.passphrase_file
    secret = passphrase(passphrase_file or (settings.path(configured) if configured else None))
    opened = unlock(settings.path(settings.keys.file), secret, entropy=os.urandom)
    keyring = Keyring.parse(opened.body)
    open_federation(folder, settings, signed.encoded, keyring, SystemClock().now())
    anchor, federation = settings.registry.anchor, signed.statement.federation
    if as_json:
        show_json({"federation": federation, "anchor": anchor, "dir": str(folder)})
        return
    say(f"{federation} is founded")
    say(f"  anchor, to give to members by another way:  {anchor}")
    say(f"  then start it:                              liaison serve --dir {folder}")


def witnesses(
    members: Annotated[list[str], typer.Argument(help="The members that are to be witnesses.")],
    quorum: Annotated[int, typer.Option(help="How many make a head witnessed.", min=0)],
    out: Out = None,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Name the federation's witnesses; enough of the present ones must agree.

    Each of them does so with: liaison statement sign FILE --node
    """
    held = held_in(folder)
    named = WitnessSet(quorum, tuple(parse_member_id(item) for item in members))
    placed = follow(held.view, Kind.WITNESSES, REGISTRY, Chain.ISSUER, at=SystemClock().now())
    signing = ceremony.Signing.given(root_key, passphrase_file, yes=yes)
    statement = replace(placed, witnesses=named)
    ceremony.propose(statement, folder, held, signing, out=out, as_json=as_json)


def export(
    file: Annotated[Path, typer.Argument(help="The file to write; a new one.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Copy the registry into a file, for a machine that never sees the network."""
    if file.exists():
        raise FileExistsError(17, "File exists", str(file))
    held = held_in(folder)
    write_private(file, encode_bundle(held.notes))
    anchor = fingerprint(held.notes[0])
    if as_json:
        show_json({"file": str(file), "statements": len(held.notes), "anchor": anchor})
    else:
        say(f"{file}: {len(held.notes)} statements, anchor {anchor}")
