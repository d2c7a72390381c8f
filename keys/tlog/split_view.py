"""A split view, proven: two heads that one log's key signed and that no single log can have.

The proof stands alone. Whoever trusts the log's key checks it with nothing else: both heads are
signed, and the tree of the larger one had, at the size of the smaller one, another root than that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from keys.errors import RejectedError
from keys.tlog.checkpoint import VerifiedCheckpoint, parse_checkpoint, verify_checkpoint
from keys.tlog.merkle import HASH_BYTES, RangeHash, consistency_proof, verify_consistency
from keys.tlog.note import VerifierKey, decode_base64, encode_base64

MAX_SPLIT_VIEW_BYTES = 64 * 1024
_TITLE = "liaison split-view 1"
_BREAK = "-----"


@dataclass(frozen=True, slots=True)
class SplitView:
    """Two signed heads of one log that exclude each other, and how to see it."""

    smaller: bytes
    """The signed head with fewer leaves, or as many."""
    larger: bytes
    root: bytes
    """The root (32 bytes) that the larger one's tree has at the size of the smaller one."""
    proof: tuple[bytes, ...]
    """The consistency proof from ``root`` to the larger head; empty for equal sizes."""


def split_view_of(smaller: bytes, larger: bytes, root: bytes, hash_of: RangeHash) -> SplitView:
    """Return the proof, made from the leaves of the larger head's tree.

    ``root`` is that tree's at the size of the smaller head.
    """
    sizes = parse_checkpoint(smaller).size, parse_checkpoint(larger).size
    return SplitView(smaller, larger, root, tuple(consistency_proof(*sizes, hash_of)))


def verify_split_view(
    shown: SplitView, origin: str, keys: Sequence[VerifierKey]
) -> tuple[VerifiedCheckpoint, VerifiedCheckpoint]:
    """Return both heads, smaller first, once it is certain that they exclude each other.

    Raises RejectedError ``split_view_unproven``, or as ``verify_head``.
    """
    smaller = verify_head(shown.smaller, origin, keys)
    larger = verify_head(shown.larger, origin, keys)
    try:
        verify_consistency(smaller.size, larger.size, shown.proof, shown.root, larger.root)
    except RejectedError as fault:
        raise _unproven("nothing shows what the larger head's log was at the smaller size") from (
            fault
        )
    if shown.root == smaller.root:
        raise _unproven("both heads are of one log: the larger continues the smaller")
    return smaller, larger


def verify_head(encoded: bytes, origin: str, keys: Iterable[VerifierKey]) -> VerifiedCheckpoint:
    """Verify a checkpoint that any of a log's keys may have signed.

    Raises RejectedError as ``verify_checkpoint``; ``signature_missing`` where there is no key.
    """
    last = RejectedError("signature_missing", "no key of this log is known")
    for key in keys:
        try:
            return verify_checkpoint(encoded, origin, key)
        except RejectedError as fault:
            last = fault
    raise last


def encode_split_view(shown: SplitView) -> bytes:
    """Return the proof as a text that people can read: a title, both notes, root and proof."""
    hashes = "".join(encode_base64(item) + "\n" for item in (shown.root, *shown.proof))
    parts = (f"{_TITLE}\n", shown.smaller.decode(), shown.larger.decode(), hashes)
    return f"{_BREAK}\n".join(parts).encode()


def parse_split_view(encoded: bytes) -> SplitView:
    """Read what ``encode_split_view`` wrote. Raises RejectedError ``split_view_malformed``."""
    if len(encoded) > MAX_SPLIT_VIEW_BYTES:
        raise _malformed()
    try:
        title, smaller, larger, tail = encoded.decode().split(f"{_BREAK}\n")
        hashes = [decode_base64(line) for line in tail.removesuffix("\n").split("\n")]
    except (ValueError, RejectedError) as fault:
        raise _malformed() from fault
    shown = SplitView(smaller.encode(), larger.encode(), hashes[0], tuple(hashes[1:]))
    lengths = {len(item) for item in hashes}
    if title != f"{_TITLE}\n" or lengths != {HASH_BYTES} or encode_split_view(shown) != encoded:
        raise _malformed()
    return shown


def _unproven(detail: str) -> RejectedError:
    return RejectedError("split_view_unproven", detail)


def _malformed() -> RejectedError:
    return RejectedError("split_view_malformed", "this is no file with a proven split view")
