"""``liaison keystore``: what opens the file with the keys.

Beside a running daemon or without one. Passphrases come from files of mode 0600 or from a hidden
prompt; the command line and the environment are there for everybody to read.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.auditing.acts import record_act
from gateway.cli.terminal.console import note, say, show_json, show_table
from gateway.cli.terminal.options import (
    DEFAULT_FOLDER,
    NEW_PASSPHRASE,
    AsJson,
    Folder,
    passphrase,
    settings_of,
)
from gateway.errors import ConflictError, RejectedError
from keys.keyfile import Unlocked, read_slots, unlock
from keys.private import write_private
from keys.slot import DEMO, STANDARD, Cost, Slot, draw_secret

File = Annotated[
    Path | None,
    typer.Option(
        "--file", help="Another file with keys, such as a root key's; none for the node's."
    ),
]
Opens = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="A file (mode 0600) with what opens it now; else the node's own, or a prompt.",
    ),
]
New = Annotated[
    Path | None,
    typer.Option(
        "--new-passphrase-file",
        help="A file (mode 0600) with the new passphrase; else a prompt.",
    ),
]
Weak = Annotated[
    bool,
    typer.Option("--weak-keystore", help="Spare memory at unlocking: for demonstrations alone."),
]

app = typer.Typer(help="What opens the file with the keys.", no_args_is_help=True)


@app.command("list")
def list_slots(folder: Folder = DEFAULT_FOLDER, file: File = None, as_json: AsJson = False) -> None:
    """List the slots; no passphrase is needed."""
    path = _path(folder, file)
    slots = read_slots(path)
    if as_json:
        show_json({"file": str(path), "slots": [_shown(at, slot) for at, slot in _numbered(slots)]})
        return
    show_table(
        ["slot", "opened by", "a guess costs", "label"],
        [
            (at, f"a {slot.kind}", _cost(slot.cost), slot.label or "-")
            for at, slot in _numbered(slots)
        ],
    )


@app.command()
def add(
    label: Annotated[str, typer.Option(help="Whose it is: small letters, digits, hyphens.")] = "",
    folder: Folder = DEFAULT_FOLDER,
    file: File = None,
    passphrase_file: Opens = None,
    new_passphrase_file: New = None,
    draw: Annotated[
        Path | None,
        typer.Option(help="Draw a secret of 256 bits into this new file, instead of a passphrase."),
    ] = None,
    weak_keystore: Weak = False,
    as_json: AsJson = False,
) -> None:
    """Let one more passphrase, or a secret for a systemd credential, open it."""
    if draw is not None and (new_passphrase_file is not None or draw.exists()):
        raise RejectedError(
            "secret_file_taken", "--draw names a file that is not there yet, and no passphrase"
        )
    unlocked = _unlock(folder, file, passphrase_file)
    if draw is not None:
        secret = draw_secret(os.urandom)
        write_private(draw, secret + b"\n")  # before the slot: a slot whose secret is lost is worse
        added = unlocked.add_slot(secret, cost=None, label=label)
    else:
        secret = passphrase(new_passphrase_file, fresh=True, prompt=NEW_PASSPHRASE)
        added = unlocked.add_slot(secret, cost=_new_cost(weak_keystore), label=label)
    _record(folder, file, "keystore add")
    _tell(unlocked, added, "opens it too", as_json)


@app.command()
def change(
    folder: Folder = DEFAULT_FOLDER,
    file: File = None,
    passphrase_file: Opens = None,
    new_passphrase_file: New = None,
    weak_keystore: Weak = False,
    as_json: AsJson = False,
) -> None:
    """Put a new passphrase in the place of the one that opens it now."""
    unlocked = _unlock(folder, file, passphrase_file)
    secret = passphrase(new_passphrase_file, fresh=True, prompt=NEW_PASSPHRASE)
    changed = unlocked.replace_slot(unlocked.opened, secret, cost=_new_cost(weak_keystore))
    _record(folder, file, "keystore change")
    _tell(unlocked, changed, "has the new passphrase", as_json)
    note("Copies from before still open by the old one: see liaison keystore rekey --help.")


@app.command()
def remove(
    number: Annotated[int, typer.Argument(help="The slot, as keystore list numbers it.", min=1)],
    folder: Folder = DEFAULT_FOLDER,
    file: File = None,
    passphrase_file: Opens = None,
    as_json: AsJson = False,
) -> None:
    """Let a slot open it no more; give the passphrase of another one, which stays."""
    slots = read_slots(_path(folder, file))  # as the operator saw them, before a prompt waits
    if number > len(slots):
        raise ConflictError("slot_gone", f"there is no slot {number}: see liaison keystore list")
    unlocked = _unlock(folder, file, passphrase_file)
    unlocked.remove_slot(slots[number - 1])
    _record(folder, file, "keystore remove")
    if as_json:
        show_json({"file": str(unlocked.path), "removed": _shown(number, slots[number - 1])})
    else:
        say(f"slot {number} is gone; {unlocked.path} has {len(unlocked.slots)}")
    note("Copies from before still open by it: see liaison keystore rekey --help.")


@app.command()
def rekey(
    folder: Folder = DEFAULT_FOLDER,
    file: File = None,
    passphrase_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--passphrase-file",
            help="A file (mode 0600) with what opens a slot that is to stay; may be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a new file key: for when a passphrase became known to somebody who has a copy.

    Every slot goes whose passphrase is not given. The daemon must be started anew. What the old
    copy shows is known all the same: rotate the keys after it.
    """
    files: Sequence[Path | None] = passphrase_file or [_own(folder, file)]
    secrets = [passphrase(item) for item in files]
    unlocked = unlock(_path(folder, file), secrets[0], entropy=os.urandom)
    dropped = unlocked.rekey(secrets)
    _record(folder, file, "keystore rekey")
    if as_json:
        kept = [_shown(at, slot) for at, slot in _numbered(unlocked.slots)]
        show_json({"file": str(unlocked.path), "slots": kept, "dropped": len(dropped)})
        return
    say(
        f"{unlocked.path} has a new file key; {len(unlocked.slots)} slots stay, {len(dropped)} went"
    )
    if file is None:
        say("  start the daemon anew, then rotate the keys: liaison key rotate sign, tls, seal")


def _path(folder: Path, file: Path | None) -> Path:
    if file is not None:
        return file
    settings = settings_of(folder)
    return settings.path(settings.keys.file)


def _own(folder: Path, file: Path | None) -> Path | None:
    """Return the passphrase file that the node itself opens its keystore by."""
    if file is not None:
        return None
    settings = settings_of(folder)
    named = settings.keys.passphrase_file
    return settings.path(named) if named else None


def _unlock(folder: Path, file: Path | None, passphrase_file: Path | None) -> Unlocked:
    secret = passphrase(passphrase_file or _own(folder, file))
    return unlock(_path(folder, file), secret, entropy=os.urandom)


def _record(folder: Path, file: Path | None, code: str) -> None:
    """Record what was done to the keystore of a node; another file belongs to none."""
    if file is None:
        record_act(settings_of(folder), code)


def _new_cost(weak_keystore: bool) -> Cost:
    return DEMO if weak_keystore else STANDARD


def _numbered(slots: tuple[Slot, ...]) -> list[tuple[int, Slot]]:
    return list(enumerate(slots, start=1))


def _shown(number: int, slot: Slot) -> dict[str, object]:
    cost = slot.cost
    return {
        "slot": number,
        "kind": slot.kind,
        "label": slot.label,
        "memory_kib": None if cost is None else cost.memory_kib,
        "passes": None if cost is None else cost.passes,
    }


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return "nobody guesses it"
    return f"{cost.memory_kib // 1024} MiB, {cost.passes} passes"


def _tell(unlocked: Unlocked, slot: Slot, what: str, as_json: bool) -> None:
    number = unlocked.slots.index(slot) + 1
    if as_json:
        show_json({"file": str(unlocked.path), **_shown(number, slot)})
    else:
        called = f" ({slot.label})" if slot.label else ""
        say(f"slot {number}{called} {what}: {unlocked.path}")
