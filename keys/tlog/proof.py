"""Proofs that stand alone: an entry's place in a log, and the signed head over it, in one text.

Source: c2sp.org/tlog-proof. The cosignatures on the head are judged by whoever knows the witnesses:
``keys.registry.witnessed``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from keys.errors import RejectedError
from keys.tlog.checkpoint import VerifiedCheckpoint, parse_checkpoint
from keys.tlog.merkle import HASH_BYTES, verify_inclusion
from keys.tlog.note import VerifierKey, decode_base64, encode_base64
from keys.tlog.split_view import verify_head

MAX_PROOF_BYTES = 256 * 1024
"""A head with as many signatures as a note may have, its path, and something extra."""
MAX_HASHES = 63

_TITLE = "c2sp.org/tlog-proof@v1"
_EXTRA = "extra "
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That some leaf stands at ``index`` below a signed head. Says nothing of what the leaf is."""

    index: int
    hashes: tuple[bytes, ...]
    """The path (32 bytes each), from the leaf's sibling up."""
    checkpoint: bytes
    """The head as a signed note, with whatever cosignatures it had."""
    extra: bytes = b""
    """What an application adds. Nobody signed it."""


def encode_proof(proof: InclusionProof) -> bytes:
    """Return the proof as a text that other tools read."""
    extra = [_EXTRA + encode_base64(proof.extra)] if proof.extra else []
    hashes = [encode_base64(item) for item in proof.hashes]
    lines = [_TITLE, *extra, f"index {proof.index}", *hashes, "", ""]
    return "\n".join(lines).encode() + proof.checkpoint


def parse_proof(encoded: bytes) -> InclusionProof:
    """Read what ``encode_proof`` wrote, and nothing that it would write otherwise.

    Raises RejectedError ``proof_malformed``, and of its head ``checkpoint_malformed`` or
    ``note_malformed``.
    """
    head, _, checkpoint = encoded.partition(b"\n\n")
    if len(encoded) > MAX_PROOF_BYTES or not checkpoint:
        raise _malformed()
    try:
        proof = _parse_lines(head.decode("ascii").split("\n"), checkpoint)
    except (ValueError, RejectedError) as fault:
        raise _malformed() from fault
    if encode_proof(proof) != encoded:
        raise _malformed()
    parse_checkpoint(checkpoint)
    return proof


def verify_proof(
    proof: InclusionProof, leaf: bytes, origin: str, keys: Iterable[VerifierKey]
) -> VerifiedCheckpoint:
    """Return the head under which leaf hash ``leaf`` stands, signed by a key of the log ``origin``.

    Raises RejectedError ``inclusion_invalid``, or as ``verify_head``.
    """
    head = verify_head(proof.checkpoint, origin, keys)
    verify_inclusion(leaf, proof.index, head.size, proof.hashes, head.root)
    return head


def _parse_lines(lines: list[str], checkpoint: bytes) -> InclusionProof:
    title, *rest = lines
    extra = rest.pop(0).removeprefix(_EXTRA) if rest and rest[0].startswith(_EXTRA) else ""
    index = _INDEX.match(rest.pop(0)) if rest else None
    hashes = tuple(decode_base64(line) for line in rest)
    sized = all(len(item) == HASH_BYTES for item in hashes) and len(hashes) <= MAX_HASHES
    if title != _TITLE or index is None or not sized:
        raise _malformed()
    return InclusionProof(int(index[1]), hashes, checkpoint, decode_base64(extra))


def _malformed() -> RejectedError:
    return RejectedError("proof_malformed", "this is no proof of an entry in a log")
