"""``liaison backup`` and ``liaison restore``: a node in a folder, and a node from one.

A backup holds the database, the keystore, the settings and, unless told otherwise, the attachments.
It never holds a sealing seed that is expired, nor the passphrase, nor root keys.
"""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gateway.cli.auditing.acts import record_act
from gateway.cli.ceremonies.founding import check_free, new_folder
from gateway.cli.terminal.console import say, show_json, when
from gateway.cli.terminal.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    PassphraseFile,
    passphrase,
    settings_of,
)
from gateway.clock import SystemClock
from gateway.errors import RejectedError
from gateway.settings import BlobsSettings, KeysSettings, Settings, StoreSettings, load, render
from gateway.store.backup import check_database, copy_attachments, copy_database, forget_card
from keys.keyfile import unlock
from keys.keyring import Keyring
from keys.private import write_private

HEADING = "backup.json"
SETTINGS = "gateway.toml"
DATABASE = "liaison.db"
KEYSTORE = "keystore"
ATTACHMENTS = "blobs"


class Heading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup is of; written last, so that a folder with it is whole."""

    format: int = 1
    member: str
    made_at: int
    attachments: int | None
    """How many segments of attachments it holds; None where they were left out."""


def backup(
    target: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    folder: Folder = DEFAULT_FOLDER,
    passphrase_file: PassphraseFile = None,
    attachments: Annotated[bool, typer.Option(help="Copy the attachments too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Copy a node, running or not, into a folder; destroy expired sealing seeds before."""
    settings = settings_of(folder)
    path = settings.database_path
    if path is None:
        raise RejectedError(
            "backup_of_a_server",
            "this node's database is on a server: back it up with pg_dump, and the keystore, "
            f"{SETTINGS} and the attachments after it",
        )
    now = SystemClock().now()
    record_act(settings, "backup")  # before the copy, which tells of itself so
    with new_folder(target) as building:
        copy_database(path, building / DATABASE)
        write_private(building / KEYSTORE, _keystore(settings, passphrase_file, now))
        write_private(building / SETTINGS, (folder / SETTINGS).read_bytes())
        count = (
            copy_attachments(settings.blobs_path, building / ATTACHMENTS) if attachments else None
        )
        heading = Heading(member=settings.node.member, made_at=now, attachments=count)
        write_private(building / HEADING, msgspec.json.encode(heading))
    if as_json:
        show_json(msgspec.to_builtins(heading))
        return
    copied = "attachments left out" if count is None else f"{count} segments of attachments"
    say(f"{target}: {settings.node.member} as of {when(now)}, {copied}")
    say("keep it as you keep the node: who has it and the passphrase reads what the node can read")


def restore(
    source: Annotated[Path, typer.Argument(help="A folder that liaison backup made.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Make a node's folder from a backup; the node that it was taken of must not run any more."""
    check_free(folder)
    heading = _heading(source)
    settings = load(source / SETTINGS)
    if settings.node.member != heading.member:
        raise _malformed("its settings are of another member")
    check_database(source / DATABASE)
    with new_folder(folder) as building:
        copy_database(source / DATABASE, building / DATABASE)
        forget_card(building / DATABASE, heading.member)
        record_act(settings, "restore", database_url=f"sqlite:///{building / DATABASE}")
        write_private(building / KEYSTORE, (source / KEYSTORE).read_bytes())
        if heading.attachments is None:
            (building / ATTACHMENTS).mkdir(mode=0o700)
        else:
            copy_attachments(source / ATTACHMENTS, building / ATTACHMENTS)
        write_private(building / SETTINGS, render(_placed(settings, folder)).encode())
    if as_json:
        show_json(msgspec.to_builtins(heading))
        return
    say(f"{folder}: {heading.member} as of {when(heading.made_at)}")
    say("what it took or sent after that is not here; read gateway/OPERATIONS.md, then start it:")
    say(f"  liaison serve --dir {folder}")


def _keystore(settings: Settings, passphrase_file: Path | None, now: int) -> bytes:
    """Return the keystore's file, once it holds no seed under which nothing can arrive any more.

    Raises as ``unlock``.
    """
    named = settings.keys.passphrase_file
    file = passphrase_file or (settings.path(named) if named else None)
    path = settings.path(settings.keys.file)
    unlocked = unlock(path, passphrase(file), entropy=os.urandom)
    lifetime_s = settings.policy.max_lifetime_s

    def expired(body: bytes) -> bytes:
        return Keyring.parse(body).expire(now, lifetime_s=lifetime_s).encode()

    if expired(unlocked.body) != unlocked.body:
        unlocked.change(expired)
    return path.read_bytes()


def _heading(source: Path) -> Heading:
    try:
        heading = msgspec.json.decode((source / HEADING).read_bytes(), type=Heading)
    except (OSError, msgspec.MsgspecError) as fault:
        raise _malformed(f"there is no {HEADING} that can be read, so it is not whole") from fault
    if heading.format != 1:
        raise _malformed("a newer version of Liaison wrote it")
    return heading


def _placed(settings: Settings, folder: Path) -> Settings:
    """Return the settings for a node that has everything in its own folder."""
    replace = msgspec.structs.replace
    return replace(
        settings,
        node=replace(settings.node, data_dir=str(folder.absolute())),
        keys=replace(settings.keys, file=KeysSettings().file),
        store=StoreSettings(url=f"sqlite:///{DATABASE}"),
        blobs=replace(settings.blobs, url=BlobsSettings().url),
    )


def _malformed(detail: str) -> RejectedError:
    return RejectedError("backup_malformed", f"this is no backup that can be restored: {detail}")
