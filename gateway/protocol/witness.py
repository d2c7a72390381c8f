"""What is asked of a witness and what it answers: ``add-checkpoint``, and when a head may pass.

The bodies are line text, as every witness and log that follows C2SP reads and writes them.
Source: c2sp.org/tlog-witness; SPEC "Witnesses".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import ConflictError, RejectedError
from keys.tlog.checkpoint import Checkpoint
from keys.tlog.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from keys.tlog.note import decode_base64, encode_base64

MAX_PROOF_LINES = 63
MAX_CHECKPOINT_BYTES = 256 * 1024
"""A head with the cosignatures of 30 witnesses has 105 KB."""
MAX_REQUEST_BYTES = MAX_CHECKPOINT_BYTES + 8 * 1024
SIZE_MEDIA_TYPE = "text/x.tlog.size"

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})\Z")
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A request: cosign ``checkpoint``, which extends the head of ``old_size`` by ``proof``."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


class SizeDiffersError(ConflictError):
    """The witness knows a head of another size than the request starts from: ``size``."""

    def __init__(self, size: int) -> None:
        super().__init__(
            "witnessed_size_differs", f"the newest head known here has the size {size}"
        )
        self.size = size


def encode_add_checkpoint(asked: AddCheckpoint) -> bytes:
    """Return the body of a request."""
    lines = [f"old {asked.old_size}", *(encode_base64(item) for item in asked.proof), ""]
    return "".join(line + "\n" for line in lines).encode() + asked.checkpoint


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read the body of a request; its checkpoint is not read yet.

    Raises RejectedError ``add_checkpoint_malformed``.
    """
    head, separator, checkpoint = body.partition(b"\n\n")
    try:
        first, *proof = head.decode("ascii").split("\n")
        hashes = tuple(decode_base64(line) for line in proof)
    except (UnicodeDecodeError, RejectedError) as fault:
        raise _malformed() from fault
    old = _OLD.match(first)
    sized = all(len(item) == HASH_BYTES for item in hashes)
    if old is None or not separator or not sized or len(hashes) > MAX_PROOF_LINES:
        raise _malformed()
    return AddCheckpoint(old_size=int(old[1]), proof=hashes, checkpoint=checkpoint)


def encode_size(size: int) -> bytes:
    """Return the body of an answer that says which size is known."""
    return f"{size}\n".encode()


def parse_size(body: bytes) -> int:
    """Read what ``encode_size`` wrote. Raises RejectedError ``size_malformed``."""
    found = _SIZE.match(body)
    if found is None:
        raise RejectedError(
            "size_malformed", "a witness says which size it knows, and nothing else"
        )
    return int(found[1])


def check_growth(
    old_size: int, proof: Sequence[bytes], shown: Checkpoint, known: Checkpoint | None
) -> None:
    """Let a signed head pass that extends the newest one known of its log, None for none.

    Raises RejectedError ``old_size_too_large``, SizeDiffersError, and RejectedError
    ``consistency_invalid`` where the proof does not show it.
    """
    if old_size > shown.size:
        raise RejectedError("old_size_too_large", "the old size is larger than the checkpoint's")
    known_size, known_root = (0, EMPTY_ROOT) if known is None else (known.size, known.root)
    if old_size != known_size:
        raise SizeDiffersError(known_size)
    if 0 < old_size < shown.size:
        verify_consistency(old_size, shown.size, proof, known_root, shown.root)
    elif proof or (old_size == shown.size and shown.root != known_root):
        raise RejectedError("consistency_invalid", "the checkpoint does not extend the known one")


def _malformed() -> RejectedError:
    return RejectedError(
        "add_checkpoint_malformed",
        "the body is an old size, at most 63 hashes, an empty line and a checkpoint",
    )
