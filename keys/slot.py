"""A slot of a keyfile: the file key, sealed under one secret that opens the file.

Two kinds: a passphrase is stretched by Argon2id, so that each guess costs its memory; a secret that
a machine drew (``draw_secret``) cannot be guessed and is not. One line each:

    slot argon2id <memory KiB> <passes> <salt> <sealed file key> [<label>]
    slot secret <salt> <sealed file key> [<label>]

Source: keys/README.md, "The keystore".
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl.pwhash import argon2id

from keys.errors import RejectedError
from keys.stream import SALT_BYTES, open_sealed, seal
from keys.suite import CONTENT_KEY_BYTES, Entropy, label

MOST_SLOTS = 16
"""A wrong passphrase is tried on each."""

_SLOT_SALT_BYTES = 16
_MIN_MEMORY_KIB = 8
_MAX_MEMORY_KIB = 4 * 1024 * 1024
_MAX_PASSES = 64
_LABEL = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}\Z")
_SECRET = re.compile(rb"liaison-secret-[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one guess of a passphrase costs: memory in KiB, and passes over it."""

    memory_kib: int
    passes: int


STANDARD = Cost(memory_kib=256 * 1024, passes=3)
DEMO = Cost(memory_kib=19 * 1024, passes=2)
"""So that many nodes of a demonstration start together; never for a real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The file key under one secret; ``cost`` is None for a secret that was drawn."""

    cost: Cost | None
    salt: bytes = field(repr=False)
    sealed_key: bytes = field(repr=False)
    label: str = ""

    @property
    def kind(self) -> str:
        """What the secret is: ``passphrase`` or ``secret``."""
        return "secret" if self.cost is None else "passphrase"

    @property
    def line(self) -> str:
        """The slot as it stands in the file."""
        kind = (
            "secret" if self.cost is None else f"argon2id {self.cost.memory_kib} {self.cost.passes}"
        )
        line = f"slot {kind} {encode_text(self.salt)} {encode_text(self.sealed_key)}"
        return f"{line} {self.label}" if self.label else line

    def open(self, secret: bytes) -> bytes:
        """Return the file key. Raises RejectedError: this is not the slot's secret."""
        if self.cost is None and not _SECRET.match(secret):
            raise RejectedError("passphrase_wrong", "no secret that was drawn")
        key = _stretch(secret, self.salt, self.cost)
        return open_sealed(key, _context(self.label), self.sealed_key)


def close_slot(
    file_key: bytes, secret: bytes, *, cost: Cost | None, label: str = "", entropy: Entropy
) -> Slot:
    """Return a new slot that ``secret`` opens. Nobody can alter its label unseen.

    Raises RejectedError ``slot_label_malformed``, ``secret_guessable`` for a slot without a cost
    whose secret was not drawn by ``draw_secret``.
    """
    if label and not _LABEL.match(label):
        raise RejectedError(
            "slot_label_malformed",
            "a slot's label is 1 to 32 small letters, digits, hyphens or dots",
        )
    if cost is None and not _SECRET.match(secret):
        raise RejectedError(
            "secret_guessable", "only a secret that was drawn goes unstretched; this is none"
        )
    salt = entropy(_SLOT_SALT_BYTES)
    key = _stretch(secret, salt, cost)
    sealed_key = seal(key, _context(label), entropy(SALT_BYTES), file_key)
    return Slot(cost=cost, salt=salt, sealed_key=sealed_key, label=label)


def draw_secret(entropy: Entropy) -> bytes:
    """Return a secret of 256 bits as text: what a file or a credential holds instead of a word."""
    return b"liaison-secret-" + base64.urlsafe_b64encode(entropy(CONTENT_KEY_BYTES)).rstrip(b"=")


def parse_slot(line: str) -> Slot:
    """Read a slot's line. Raises ValueError, before a slot costs the machine its memory."""
    match line.split(" "):
        case ["slot", "argon2id", memory, passes, salt, sealed_key, *rest]:
            cost = Cost(memory_kib=int(memory), passes=int(passes))
            if (
                not _MIN_MEMORY_KIB <= cost.memory_kib <= _MAX_MEMORY_KIB
                or not 1 <= cost.passes <= _MAX_PASSES
            ):
                raise ValueError("cost")
            slot = _slot(cost, salt, sealed_key, rest)
        case ["slot", "secret", salt, sealed_key, *rest]:
            slot = _slot(None, salt, sealed_key, rest)
        case _:
            raise ValueError("slot")
    if slot.line != line:
        raise ValueError("slot")
    return slot


def encode_text(raw: bytes) -> str:
    """Return canonical base64 without line breaks."""
    return base64.b64encode(raw).decode("ascii")


def decode_text(text: str) -> bytes:
    """Read canonical base64. Raises ValueError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise ValueError("base64") from fault
    if encode_text(raw) != text:
        raise ValueError("base64")
    return raw


def _slot(cost: Cost | None, salt: str, sealed_key: str, rest: list[str]) -> Slot:
    slot_label = rest[0] if rest else ""
    if len(rest) > 1 or (rest and not _LABEL.match(slot_label)):
        raise ValueError("label")
    if len(decode_text(salt)) != _SLOT_SALT_BYTES:
        raise ValueError("salt")
    return Slot(
        cost=cost, salt=decode_text(salt), sealed_key=decode_text(sealed_key), label=slot_label
    )


def _context(slot_label: str) -> bytes:
    return label("keyfile-slot") + slot_label.encode("ascii")


def _stretch(secret: bytes, salt: bytes, cost: Cost | None) -> bytes:
    if cost is None:
        derived = HKDF(SHA256(), CONTENT_KEY_BYTES, salt, label("keyfile-secret"))
        return derived.derive(secret)
    return argon2id.kdf(
        CONTENT_KEY_BYTES,
        secret,
        salt,
        opslimit=cost.passes,
        memlimit=cost.memory_kib * 1024,
    )
