"""Files for this user alone: written whole or not at all, refused where others have a hand in them.

Source: keys/README.md, "The keystore".
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from keys.errors import RejectedError, UnavailableError

_LONGEST_SECRET_BYTES = 64 * 1024


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all, durable on return.

    A kill leaves the old file or the new one, and at most a part of the new one beside it, of mode
    0600, which the next write clears away. Raises OSError, with the file as it was.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)  # or the name could be durable before what it names
    finally:
        os.close(descriptor)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_private(path: Path, *, called: str, code: str, longest: int) -> bytes:
    """Return a file that nobody but this user and root can read, write or replace.

    ``called`` is what a refusal calls it. Raises OSError; RejectedError with ``code``: it is a
    link, or somebody else may read it, owns it, or may write its folder.
    """
    if path.is_symlink():
        raise RejectedError(
            code, f"{called} {path} is a symbolic link: name the file that it leads to"
        )
    # O_NOFOLLOW: it may have become a link since; O_NONBLOCK: or a pipe that nobody writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        _check_closed(os.fstat(descriptor), path, called=called, code=code)
        content = file.read(longest)
    folder = path.parent.stat()
    if folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RejectedError(
            code,
            f"others may write the folder of {called} {path}, and so put another in its place: "
            f"chmod go-w {path.parent}",
        )
    _check_owner(folder, path.parent, called="the folder", code=code)
    return content


def read_secret(
    *,
    file: Path | None = None,
    credential: str | None = None,
    environ: Mapping[str, str],
    called: str = "passphrase",
) -> bytes | None:
    """Return a secret from a file or a systemd credential; None where neither is named.

    One final newline is not part of it. ``called`` is what it is and begins its codes. Raises
    UnavailableError ``passphrase_missing``, RejectedError ``passphrase_permissions`` or
    ``passphrase_empty``.
    """
    if credential is not None:
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise UnavailableError(
                f"{called}_missing",
                f"the credential {credential} was not handed over: start through systemd with "
                f"LoadCredential, or name a file with the {called}",
            )
        file = Path(folder) / credential
    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            if credential is None:  # systemd guards its own
                _check_closed(
                    os.fstat(opened.fileno()),
                    file,
                    called=f"the {called} file",
                    code=f"{called}_permissions",
                )
            secret = opened.read(_LONGEST_SECRET_BYTES).removesuffix(b"\n")
    except OSError as fault:
        raise UnavailableError(
            f"{called}_missing", f"the {called} file {file} cannot be read: {fault.strerror}"
        ) from fault
    if not secret:
        raise RejectedError(f"{called}_empty", f"the {called} file {file} is empty")
    return secret


def _check_closed(found: os.stat_result, path: Path, *, called: str, code: str) -> None:
    """Let an open file pass that nobody but its owner may read or write."""
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RejectedError(
            code, f"others may read {called} {path}: chmod 600 {path}, and change what was in it"
        )
    _check_owner(found, path, called=called, code=code)


def _check_owner(found: os.stat_result, path: Path, *, called: str, code: str) -> None:
    if found.st_uid not in (os.geteuid(), 0):
        raise RejectedError(
            code,
            f"{called} {path} belongs to the user {found.st_uid}: run this as that user, or chown "
            "it",
        )
