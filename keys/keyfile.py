"""Private keys at rest: one sealed file, unlocked by any of its slots.

A random file key seals the body; each slot holds that file key under a secret of its own
(``keys.slot``). Text, one item a line, so that an operator sees what he has:

    liaison keyfile 1
    slot …
    body <sealed body>

Base64 without line breaks; a lost byte anywhere is found. Source: keys/README.md, "The keystore".
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from keys.errors import ConflictError, RejectedError, UnavailableError
from keys.private import read_private, write_private
from keys.slot import MOST_SLOTS, Cost, Slot, close_slot, decode_text, encode_text, parse_slot
from keys.stream import SALT_BYTES, open_sealed, seal
from keys.suite import CONTENT_KEY_BYTES, Entropy, label

_MAGIC = "liaison keyfile 1"
_LONGEST_BYTES = 16 * 1024 * 1024


class Unlocked:
    """An open keyfile: its body and slots, and the means to write it without the secret.

    Several processes may hold one file open. Each change is made, one process at a time, to what
    the file holds then, so that none loses what another added or brings a removed slot back.
    """

    __slots__ = ("_entropy", "_file_key", "_read", "body", "opened", "path", "slots")

    def __init__(
        self, path: Path, file_key: bytes, slots: tuple[Slot, ...], opened: Slot, entropy: Entropy
    ) -> None:
        self.path = path
        self.body = b""
        self.slots = slots
        self.opened = opened
        """The slot whose secret is known to be at hand."""
        self._read: tuple[int, int] | None = None
        self._file_key = file_key
        self._entropy = entropy

    def __repr__(self) -> str:
        return f"Unlocked({self.path})"

    @property
    def is_newest(self) -> bool:
        """Tell whether the file is still the one that was read or written here last."""
        return self._read == _identity(self.path)

    def reread(self) -> bytes:
        """Return the body as another process may have left it, and take over its slots.

        Raises as ``unlock``, and RejectedError ``keyfile_rekeyed``; what was held stays as it was.
        """
        read = _identity(self.path)
        slots, sealed_body = _parse(self.path)
        try:
            body = open_sealed(self._file_key, label("keyfile"), sealed_body)
        except RejectedError as fault:
            if set(slots) & set(self.slots):  # closed over the file key that is held
                raise _malformed(self.path) from fault
            raise RejectedError(
                "keyfile_rekeyed",
                f"the keystore {self.path} has another file key than when it was opened here "
                "(liaison keystore rekey, or it is another file): start this anew",
            ) from fault
        self._read, self.slots, self.body = read, slots, body
        return body

    def change(self, change: Callable[[bytes], bytes]) -> bytes:
        """Replace the body by what ``change`` makes of the newest; return it, durable.

        A crash leaves the old file or the new one. Raises as ``reread``, and UnavailableError
        ``keyfile_unwritable``: a full disk, and nothing is changed.
        """
        with self._alone():
            self._write(self._file_key, self.slots, change(self.body))
        return self.body

    def add_slot(self, secret: bytes, *, cost: Cost | None, label: str = "") -> Slot:
        """Let one more secret open the file; without a ``cost`` it is one that was drawn.

        Raises as ``change`` and ``close_slot``, and ConflictError ``slots_full`` or
        ``slot_label_taken``.
        """
        with self._alone():
            if len(self.slots) == MOST_SLOTS:
                raise ConflictError("slots_full", f"{self.path} has {MOST_SLOTS} slots: remove one")
            if label and label in {slot.label for slot in self.slots}:
                raise ConflictError("slot_label_taken", f"{self.path} has a slot {label} already")
            added = close_slot(
                self._file_key, secret, cost=cost, label=label, entropy=self._entropy
            )
            self._write(self._file_key, (*self.slots, added), self.body)
        return added

    def remove_slot(self, slot: Slot) -> None:
        """Let a secret open this file no more. Copies that were made before it still opens.

        Raises as ``change``, and ConflictError ``slot_gone``, or ``slot_in_use`` for the one slot
        whose secret is known to be at hand: without it nobody might be able to open the file.
        """
        with self._alone():
            self._check_there(slot)
            if slot == self.opened or self.opened not in self.slots:
                raise ConflictError(
                    "slot_in_use",
                    f"{self.path} was opened with this very slot: to remove it, open it with the "
                    "secret of another, which is then known to be at hand",
                )
            left = tuple(other for other in self.slots if other != slot)
            self._write(self._file_key, left, self.body)

    def replace_slot(self, slot: Slot, secret: bytes, *, cost: Cost | None) -> Slot:
        """Put a new secret in the place of an old one, in one write; return the new slot.

        Raises as ``change`` and ``close_slot``, and ConflictError ``slot_gone``.
        """
        with self._alone():
            self._check_there(slot)
            new = close_slot(
                self._file_key, secret, cost=cost, label=slot.label, entropy=self._entropy
            )
            slots = tuple(new if other == slot else other for other in self.slots)
            self._write(self._file_key, slots, self.body)
        if slot == self.opened:
            self.opened = new
        return new

    def rekey(self, secrets: Sequence[bytes]) -> tuple[Slot, ...]:
        """Draw a new file key; drop every slot that none of ``secrets`` opens, and return those.

        Whoever kept the old file key, from an old copy and its passphrase, cannot open what is
        written from now on; nor can a process that opened the file before. Raises as ``change``,
        and RejectedError ``passphrase_wrong`` where nothing would be left.
        """
        with self._alone():
            file_key = self._entropy(CONTENT_KEY_BYTES)
            kept = {
                slot: close_slot(
                    file_key, secret, cost=slot.cost, label=slot.label, entropy=self._entropy
                )
                for slot in self.slots
                if (secret := _secret_of(slot, secrets)) is not None
            }
            if not kept:
                raise _wrong(self.path)
            dropped = tuple(slot for slot in self.slots if slot not in kept)
            self._write(file_key, tuple(kept.values()), self.body)
        self._file_key = file_key
        self.opened = next(iter(kept.values()))
        return dropped

    def _check_there(self, slot: Slot) -> None:
        if slot not in self.slots:
            raise ConflictError("slot_gone", f"{self.path} does not have that slot any more")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the file against other processes, read anew."""
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self.reread()
            yield
        finally:
            os.close(folder)

    def _write(self, file_key: bytes, slots: tuple[Slot, ...], body: bytes) -> None:
        sealed = seal(file_key, label("keyfile"), self._entropy(SALT_BYTES), body)
        lines = [_MAGIC, *(slot.line for slot in slots), f"body {encode_text(sealed)}", ""]
        try:
            write_private(self.path, "\n".join(lines).encode("ascii"))
        except OSError as fault:
            raise UnavailableError(
                "keyfile_unwritable",
                f"the keystore {self.path} cannot be written, and nothing in it was changed: "
                f"{fault.strerror}",
            ) from fault
        self.slots, self.body = slots, body
        self._read = _identity(self.path)


def create(path: Path, body: bytes, passphrase: bytes, *, cost: Cost, entropy: Entropy) -> Unlocked:
    """Write a new keyfile with one passphrase slot. Raises FileExistsError: it never overwrites."""
    if path.exists():
        raise FileExistsError(path)
    file_key = entropy(CONTENT_KEY_BYTES)
    slot = close_slot(file_key, passphrase, cost=cost, entropy=entropy)
    unlocked = Unlocked(path, file_key, (slot,), slot, entropy)
    unlocked._write(file_key, (slot,), body)  # noqa: SLF001 - as its constructor would
    return unlocked


def unlock(path: Path, secret: bytes, *, entropy: Entropy) -> Unlocked:
    """Open a keyfile with a passphrase, or a secret that was drawn, that fits any slot.

    Raises UnavailableError ``keyfile_missing``; RejectedError ``keyfile_permissions``,
    ``keyfile_malformed`` or ``passphrase_wrong``.
    """
    slots, _ = _parse(path)
    for slot in sorted(slots, key=lambda slot: slot.cost is not None):  # the cheap ones first
        file_key = _file_key(slot, secret)
        if file_key is not None:
            unlocked = Unlocked(path, file_key, slots, slot, entropy)
            unlocked.reread()
            return unlocked
    raise _wrong(path)


def read_slots(path: Path) -> tuple[Slot, ...]:
    """Return the slots of a keyfile, for which no secret is needed. Raises as ``unlock``."""
    slots, _ = _parse(path)
    return slots


def _secret_of(slot: Slot, secrets: Sequence[bytes]) -> bytes | None:
    return next((secret for secret in secrets if _file_key(slot, secret) is not None), None)


def _file_key(slot: Slot, secret: bytes) -> bytes | None:
    try:
        return slot.open(secret)
    except RejectedError:
        return None


def _identity(path: Path) -> tuple[int, int]:
    """Return what differs once a file was replaced; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _parse(path: Path) -> tuple[tuple[Slot, ...], bytes]:
    try:
        content = read_private(
            path, called="the keystore", code="keyfile_permissions", longest=_LONGEST_BYTES
        )
    except FileNotFoundError as fault:
        raise UnavailableError(
            "keyfile_missing", f"there is no keystore at {path}; liaison init makes one"
        ) from fault
    except OSError as fault:
        raise UnavailableError(
            "keyfile_missing", f"the keystore {path} cannot be read: {fault.strerror}"
        ) from fault
    try:
        match content.decode("ascii").split("\n"):
            case [magic, *slots, body, ""] if magic == _MAGIC and body.startswith("body "):
                if 1 <= len(slots) <= MOST_SLOTS:
                    return tuple(map(parse_slot, slots)), decode_text(body.removeprefix("body "))
    except ValueError as fault:
        raise _malformed(path) from fault
    raise _malformed(path)


def _malformed(path: Path) -> RejectedError:
    return RejectedError(
        "keyfile_malformed",
        f"the keystore {path} is cut short or damaged; restore it from a backup",
    )


def _wrong(path: Path) -> RejectedError:
    return RejectedError(
        "passphrase_wrong", f"the passphrase opens no slot of {path}; check the passphrase file"
    )
