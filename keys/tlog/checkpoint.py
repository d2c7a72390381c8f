"""Checkpoints: a log's origin, size and root hash as a signed note.

Source: c2sp.org/tlog-checkpoint. Extension lines are refused: nobody here writes them.
"""

import re
from dataclasses import dataclass

from keys.errors import RejectedError
from keys.tlog.merkle import HASH_BYTES
from keys.tlog.note import (
    Note,
    NoteSigner,
    VerifierKey,
    decode_base64,
    encode_base64,
    parse_note,
    sign_note,
    verify_note,
)

_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, how many leaves it has, and their root hash (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Return the note's text."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint(Checkpoint):
    """A checkpoint whose log's own signature was verified."""


def parse_checkpoint(encoded: bytes) -> Checkpoint:
    """Read a checkpoint without verifying it: what it *claims*.

    Raises RejectedError ``checkpoint_malformed`` or ``note_malformed``.
    """
    return checkpoint_of(parse_note(encoded))


def checkpoint_of(note: Note) -> Checkpoint:
    """Read the text of a note as a checkpoint's. Raises RejectedError ``checkpoint_malformed``."""
    match note.text.decode().split("\n"):
        case [origin, size, root, ""] if origin and _SIZE.match(size):
            try:
                hashed = decode_base64(root)
            except RejectedError as fault:
                raise _malformed() from fault
            if len(hashed) == HASH_BYTES:
                return Checkpoint(origin, int(size), hashed)
    raise _malformed()


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> bytes:
    """Return the checkpoint as a note signed by its log's key."""
    return sign_note(checkpoint.text(), [signer])


def verify_checkpoint(encoded: bytes, origin: str, key: VerifierKey) -> VerifiedCheckpoint:
    """Verify that ``key`` signed this checkpoint of the log ``origin``.

    Raises RejectedError ``checkpoint_malformed``, ``checkpoint_of_another_log``,
    ``signature_invalid`` or ``signature_missing``.
    """
    note = parse_note(encoded)
    claimed = checkpoint_of(note)
    if claimed.origin != origin:
        raise RejectedError(
            "checkpoint_of_another_log", f"this is a checkpoint of {claimed.origin}, not {origin}"
        )
    verify_note(note, [key])
    return VerifiedCheckpoint(claimed.origin, claimed.size, claimed.root)


def _malformed() -> RejectedError:
    return RejectedError("checkpoint_malformed", "a checkpoint is an origin, a size and a root")
