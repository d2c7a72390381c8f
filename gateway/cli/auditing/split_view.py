"""``liaison registry split-view`` and ``liaison audit split-view``: two histories of one log.

The registry's and every audit log's proofs are kept and checked alike; both names lead here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.terminal.console import say, show_json, show_table, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, settings_of
from gateway.errors import RejectedError
from gateway.settings import Settings
from keys.registry.draft import parse_fingerprint
from keys.registry.origins import registered_log_keys
from keys.registry.view import View, advance, found
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.note import VerifierKey
from keys.tlog.split_view import encode_split_view, parse_split_view, verify_split_view

if TYPE_CHECKING:
    from gateway.store.database import Database
    from gateway.store.split_views import SplitView
    from keys.tlog.split_view import SplitView as ProvenSplitView

app = typer.Typer(help="Proofs that a log was shown in two ways.", no_args_is_help=True)


@app.command("list")
def list_proofs(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List the proofs kept, of all logs; works beside a running daemon or without one."""
    kept = list(enumerate(_kept(settings_of(folder)), 1))
    if as_json:
        show_json({"split_views": [_shown(number, item) for number, item in kept]})
        return
    show_table(
        ["number", "log", "sizes", "seen", "shown by", "stands alone"],
        [
            (
                number,
                item.origin,
                " and ".join(str(size) for size in _sizes(item)),
                when(item.seen_at),
                item.found_by or "somebody",
                "yes" if _portable(item) else "no",
            )
            for number, item in kept
        ],
    )


@app.command()
def export(
    number: Annotated[int, typer.Argument(help="Its number in the list.", min=1)],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Write a proof as a text file that others can check without this node."""
    kept = _kept(settings_of(folder))
    if number > len(kept):
        raise RejectedError("split_view_unknown", f"{len(kept)} proofs are kept here")
    item = kept[number - 1]
    shown = _portable(item)
    if shown is None:
        raise RejectedError(
            "split_view_unproven", "two heads of different sizes, kept without what lies between"
        )
    file.write_bytes(encode_split_view(shown))
    say(f"{file}: two heads of {item.origin}, of {parse_checkpoint(shown.smaller).size} and")
    say(f"{item.size} entries; to be checked: liaison audit split-view verify {file}")


@app.command("verify")
def verify_proof(
    file: Annotated[Path, typer.Argument(help="The proof.", exists=True)],
    folder: Folder = DEFAULT_FOLDER,
    log_key: Annotated[
        list[str] | None,
        typer.Option(help="A key of the log as a vkey, instead of a node's folder."),
    ] = None,
) -> None:
    """Check a proof with the log's keys: those of a node's registry, or those named."""
    shown = parse_split_view(file.read_bytes())
    origin = parse_checkpoint(shown.larger).origin
    keys: Sequence[VerifierKey] = [VerifierKey.parse(text) for text in log_key or ()]
    if not keys:
        keys = list(registered_log_keys(_view(settings_of(folder)), origin))  # revoked ones too
    smaller, larger = verify_split_view(shown, origin, keys)
    say(f"proven: a key of {origin} signed two histories")
    say(f"  of {smaller.size} entries  {smaller.root.hex()}")
    say(f"  of {larger.size} entries  {larger.root.hex()}")
    if smaller.size != larger.size:
        say(f"  which had been    {shown.root.hex()} at {smaller.size}")


def _shown(number: int, item: "SplitView") -> dict[str, object]:
    return {
        "number": number,
        "log": item.origin,
        "sizes": _sizes(item),
        "seen_at": item.seen_at,
        "found_by": item.found_by,
        "portable": _portable(item) is not None,
    }


def _sizes(item: "SplitView") -> list[int]:
    return [parse_checkpoint(head).size for head in (item.head_a, item.head_b)]


def _portable(item: "SplitView") -> "ProvenSplitView | None":
    from gateway.services.federation.check import portable  # noqa: PLC0415 - most of a daemon

    return portable(item.head_a, item.head_b, item.proof)


def _view(settings: Settings) -> View:
    from gateway.store import registry  # noqa: PLC0415 - loaded when a folder is read

    database = _database(settings)
    try:
        notes = database.read_now(registry.all_statements)
    finally:
        database.close()
    if not notes:
        raise RejectedError("registry_unknown", "nothing of the registry is mirrored")
    return advance(found(notes[0], parse_fingerprint(settings.registry.anchor)), notes[1:])


def _kept(settings: Settings) -> "Sequence[SplitView]":
    from gateway.store import split_views  # noqa: PLC0415 - loaded when a folder is read

    database = _database(settings)
    try:
        return database.read_now(split_views.listing)
    finally:
        database.close()


def _database(settings: Settings) -> "Database":
    from gateway.daemon import open_database  # noqa: PLC0415 - loaded when a folder is read

    return open_database(settings)
