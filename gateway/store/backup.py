"""Copy an embedded database and attachments beside the running daemon, each as of one moment.

The database first: every attachment and key that it names is older than the copy, and still there.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.errors import RejectedError, UnavailableError
from gateway.store.blobs import PART

TIMEOUT_S = 60.0


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is now, whatever is being committed; durable on return.

    Raises UnavailableError ``backup_failed`` when it cannot be read or written.
    """
    with _copying(source), closing(_read_only(source)) as live:
        target.touch(mode=0o600)
        with closing(sqlite3.connect(target, timeout=TIMEOUT_S)) as copy:
            live.backup(copy)
        _sync(target)


def check_database(path: Path) -> None:
    """Let a copy pass that is whole. Raises RejectedError ``backup_malformed``."""
    try:
        with closing(_read_only(path)) as copy:
            found = copy.execute("PRAGMA quick_check").fetchall()
    except sqlite3.Error as fault:
        found = [(str(fault),)]
    if found != [("ok",)]:
        raise RejectedError("backup_malformed", f"the database in it is damaged: {found[0][0]}")


def forget_card(path: Path, member: str) -> None:
    """Forget the key card in use: the one that peers hold may be newer, so that another is issued.

    Raises UnavailableError ``backup_failed``.
    """
    with _copying(path), closing(sqlite3.connect(path)) as copy, copy:
        copy.execute("DELETE FROM cards WHERE member = ?", (member,))


def copy_attachments(source: Path, target: Path) -> int:
    """Copy the segments of attachments that are whole; return how many.

    One that is purged meanwhile is left out. Raises UnavailableError ``backup_failed``.
    """
    count = 0
    with _copying(source):
        target.mkdir(mode=0o700)
        folders = source.iterdir() if source.exists() else ()  # made with the first attachment
        for folder in sorted(item for item in folders if item.is_dir()):
            (target / folder.name).mkdir(mode=0o700)
            for segment in sorted(item for item in folder.iterdir() if item.suffix != PART):
                try:
                    shutil.copyfile(segment, target / folder.name / segment.name)
                except FileNotFoundError:
                    continue
                _sync(target / folder.name / segment.name)
                count += 1
    return count


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=TIMEOUT_S)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _copying(source: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as fault:
        raise UnavailableError("backup_failed", f"{source} cannot be copied: {fault}") from fault
