"""The registry as a node's folder or a file holds it: verified from the anchor, without network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.terminal.options import settings_of
from gateway.errors import RejectedError, UnavailableError
from keys.registry.draft import parse_fingerprint
from keys.registry.view import View, advance, found
from keys.suite import digest
from keys.tlog.tiles import parse_entries

MAX_FILE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A registry that verifies, and its statements."""

    view: View
    notes: Sequence[bytes]

    def number(self, note: bytes) -> int | None:
        """Return which statement of the registry this is, byte for byte."""
        return next((at for at, held in enumerate(self.notes) if held == note), None)

    def before(self, note: bytes) -> "Held | None":
        """Return the registry that a statement changes: the whole, if it is not in it yet."""
        number = self.number(note)
        if number is None:
            return self
        return _held(self.notes[:number], self.view.anchor) if number else None


def held_in(folder: Path) -> Held:
    """Return the registry that a node's folder holds; its daemon may run beside.

    Raises UnavailableError ``registry_unknown``, or as the fold.
    """
    from gateway.store import registry  # noqa: PLC0415 - loaded when a folder is read
    from gateway.store.database import Database  # noqa: PLC0415 - the same

    settings = settings_of(folder)
    path = settings.database_path
    if path is not None and not path.exists():
        raise UnavailableError("database_missing", f"there is no database at {path}")
    database = Database.open(settings.database_url)
    try:
        notes = database.read_now(registry.all_statements)
    finally:
        database.close()
    return _held(notes, parse_fingerprint(settings.registry.anchor))


def held_in_file(file: Path) -> Held:
    """Return the registry of a file, as ``liaison registry export`` writes it.

    Its anchor is that of its first statement: who does not trust the file compares it.
    Raises RejectedError ``bundle_malformed``, ``registry_too_large`` or as the fold.
    """
    with file.open("rb") as opened:
        encoded = opened.read(MAX_FILE_BYTES + 1)
    if len(encoded) > MAX_FILE_BYTES:
        raise RejectedError("registry_too_large", f"{file} is no registry: it is too large")
    notes = parse_entries(encoded)
    return _held(notes, digest(notes[0]) if notes else b"")


def held_somewhere(folder: Path | None, file: Path | None) -> Held | None:
    """Return the registry that a command was given, if it was given one."""
    if file is not None:
        return held_in_file(file)
    return None if folder is None else held_in(folder)


def held_for(folder: Path, file: Path | None) -> tuple[Held, Path | None]:
    """Return the registry to write against, and the folder of the node that hands in.

    With a copy of the registry there is no node: it may be gone.
    """
    return (held_in(folder), folder) if file is None else (held_in_file(file), None)


def _held(notes: Sequence[bytes], anchor: bytes) -> Held:
    if not notes:
        raise UnavailableError(
            "registry_unknown", "nothing of the registry is held here yet: start the node first"
        )
    return Held(view=advance(found(notes[0], anchor), notes[1:]), notes=notes)
