"""Private keys at rest: one sealed file, unlocked by any of its slots.

A random file key seals the body; each slot holds that file key under a secret of its own (now: a
passphrase through Argon2id). Text, one item a line, so that an operator sees what he has:

    liaison keyfile 1
    slot argon2id <memory KiB> <passes> <salt> <sealed file key>
    body <sealed body>

Base64 without line breaks; a lost byte anywhere is found. Source: keys/README.md, "The keystore".
"""

import base64
import binascii
import fcntl
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nacl.pwhash import argon2id

from keys.errors import RejectedError, UnavailableError
from keys.stream import SALT_BYTES, open_sealed, seal
from keys.suite import CONTENT_KEY_BYTES, Entropy, label

_MAGIC = "liaison keyfile 1"
_ARGON_SALT_BYTES = 16
_LONGEST_BYTES = 16 * 1024 * 1024
_MIN_MEMORY_KIB = 8
_MAX_MEMORY_KIB = 4 * 1024 * 1024
_MAX_PASSES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one guess of a passphrase costs: memory in KiB, and passes over it."""

    memory_kib: int
    passes: int


STANDARD = Cost(memory_kib=256 * 1024, passes=3)
DEMO = Cost(memory_kib=19 * 1024, passes=2)
"""So that many nodes of a demonstration start together; never for a real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    cost: Cost
    salt: bytes
    sealed_key: bytes

    def line(self) -> str:
        cost = f"{self.cost.memory_kib} {self.cost.passes}"
        return f"slot argon2id {cost} {_text(self.salt)} {_text(self.sealed_key)}"


class Unlocked:
    """An open keyfile: its body, and the means to write it again without the passphrase."""

    __slots__ = ("_entropy", "_file_key", "_read", "_slots", "body", "path")

    def __init__(
        self, path: Path, body: bytes, file_key: bytes, slots: tuple[_Slot, ...], entropy: Entropy
    ) -> None:
        self.path = path
        self.body = body
        self._read: tuple[int, int] | None = None
        self._file_key = file_key
        self._slots = slots
        self._entropy = entropy

    def __repr__(self) -> str:
        return f"Unlocked({self.path})"

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What a guess costs, slot by slot."""
        return tuple(slot.cost for slot in self._slots)

    @property
    def is_newest(self) -> bool:
        """Tell whether the file is still the one that was read or written here last."""
        return self._read == _identity(self.path)

    def reread(self) -> bytes:
        """Return the body as another process may have left it. Raises as ``unlock``."""
        read = _identity(self.path)
        _, sealed_body = _parse(self.path, _read_private(self.path))
        try:
            self.body = open_sealed(self._file_key, label("keyfile"), sealed_body)
        except RejectedError as fault:
            raise _malformed(self.path) from fault
        self._read = read
        return self.body

    def change(self, change: Callable[[bytes], bytes]) -> bytes:
        """Replace the body by what ``change`` makes of the newest; return it, durable.

        One process at a time, so that what another one added is not lost. Raises as ``unlock`` and
        ``save``.
        """
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self.save(change(self.reread()))
        finally:
            os.close(folder)
        return self.body

    def save(self, body: bytes) -> None:
        """Replace the body, durable on return; a crash leaves the old file or the new one.

        Raises UnavailableError ``keyfile_unwritable``: a full disk, and nothing is changed.
        """
        sealed = seal(self._file_key, label("keyfile"), self._entropy(SALT_BYTES), body)
        lines = [_MAGIC, *(slot.line() for slot in self._slots), f"body {_text(sealed)}", ""]
        try:
            write_private(self.path, "\n".join(lines).encode("ascii"))
        except OSError as fault:
            raise UnavailableError(
                "keyfile_unwritable",
                f"the keystore {self.path} cannot be written, and no key was changed: "
                f"{fault.strerror}",
            ) from fault
        self.body = body
        self._read = _identity(self.path)


def create(path: Path, body: bytes, passphrase: bytes, *, cost: Cost, entropy: Entropy) -> Unlocked:
    """Write a new keyfile with one passphrase slot. Raises FileExistsError: it never overwrites."""
    if path.exists():
        raise FileExistsError(path)
    file_key = entropy(CONTENT_KEY_BYTES)
    salt = entropy(_ARGON_SALT_BYTES)
    stretched = _stretch(passphrase, salt, cost)
    sealed_key = seal(stretched, label("keyfile-slot"), entropy(SALT_BYTES), file_key)
    slot = _Slot(cost=cost, salt=salt, sealed_key=sealed_key)
    unlocked = Unlocked(path, b"", file_key, (slot,), entropy)
    unlocked.save(body)
    return unlocked


def unlock(path: Path, passphrase: bytes, *, entropy: Entropy) -> Unlocked:
    """Open a keyfile with a passphrase that fits any slot.

    Raises UnavailableError ``keyfile_missing``; RejectedError ``keyfile_permissions``,
    ``keyfile_malformed`` or ``passphrase_wrong``.
    """
    slots, sealed_body = _parse(path, _read_private(path))
    for slot in slots:
        try:
            stretched = _stretch(passphrase, slot.salt, slot.cost)
            file_key = open_sealed(stretched, label("keyfile-slot"), slot.sealed_key)
        except RejectedError:
            continue
        try:
            body = open_sealed(file_key, label("keyfile"), sealed_body)
        except RejectedError as fault:
            raise _malformed(path) from fault
        return Unlocked(path, body, file_key, slots, entropy)
    raise RejectedError(
        "passphrase_wrong", f"the passphrase opens no slot of {path}; check the passphrase file"
    )


def read_passphrase(
    *, file: Path | None = None, credential: str | None = None, environ: Mapping[str, str]
) -> bytes | None:
    """Return the passphrase from a file or a systemd credential; None where neither is named.

    One final newline is not part of it. Raises UnavailableError ``passphrase_missing``,
    RejectedError ``passphrase_permissions`` or ``passphrase_empty``.
    """
    if credential is not None:
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise UnavailableError(
                "passphrase_missing",
                f"the credential {credential} was not handed over: start through systemd with "
                "LoadCredential, or name keys.passphrase_file",
            )
        file = Path(folder) / credential
    if file is None:
        return None
    try:
        passphrase = file.read_bytes().removesuffix(b"\n")
    except OSError as fault:
        raise UnavailableError(
            "passphrase_missing", f"the passphrase file {file} cannot be read: {fault.strerror}"
        ) from fault
    if credential is None and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RejectedError(
            "passphrase_permissions",
            f"others may read the passphrase file {file}: chmod 600 it and change the passphrase",
        )
    if not passphrase:
        raise RejectedError("passphrase_empty", f"the passphrase file {file} is empty")
    return passphrase


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all, durable on return."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _identity(path: Path) -> tuple[int, int]:
    """Return what differs once a file was replaced; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LONGEST_BYTES)
    except FileNotFoundError as fault:
        raise UnavailableError(
            "keyfile_missing", f"there is no keystore at {path}; liaison init makes one"
        ) from fault
    except OSError as fault:
        raise UnavailableError(
            "keyfile_missing", f"the keystore {path} cannot be read: {fault.strerror}"
        ) from fault
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RejectedError(
            "keyfile_permissions", f"others may read the keystore {path}: chmod 600 {path}"
        )
    return content


def _parse(path: Path, content: bytes) -> tuple[tuple[_Slot, ...], bytes]:
    try:
        match content.decode("ascii").split("\n"):
            case [magic, *slots, body, ""] if magic == _MAGIC and body.startswith("body "):
                return tuple(_parse_slot(slot) for slot in slots), _bytes(body[len("body ") :])
    except ValueError as fault:
        raise _malformed(path) from fault
    raise _malformed(path)


def _parse_slot(line: str) -> _Slot:
    name, kind, memory, passes, salt, sealed_key = line.split(" ")
    cost = Cost(memory_kib=int(memory), passes=int(passes))
    if (
        (name, kind) != ("slot", "argon2id")
        or not _MIN_MEMORY_KIB <= cost.memory_kib <= _MAX_MEMORY_KIB
        or not 1 <= cost.passes <= _MAX_PASSES
        or len(_bytes(salt)) != _ARGON_SALT_BYTES
    ):
        raise ValueError("slot")
    return _Slot(cost=cost, salt=_bytes(salt), sealed_key=_bytes(sealed_key))


def _malformed(path: Path) -> RejectedError:
    return RejectedError(
        "keyfile_malformed",
        f"the keystore {path} is cut short or damaged; restore it from a backup",
    )


def _stretch(passphrase: bytes, salt: bytes, cost: Cost) -> bytes:
    return argon2id.kdf(
        CONTENT_KEY_BYTES,
        passphrase,
        salt,
        opslimit=cost.passes,
        memlimit=cost.memory_kib * 1024,
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise ValueError("base64") from fault
    if _text(raw) != text:
        raise ValueError("base64")
    return raw
