"""The Merkle tree of RFC 6962: hashes, roots, proofs, and the frontier from which a tree grows.

Source: RFC 6962, section 2.1; RFC 9162, sections 2.1.3 and 2.1.4 for the verification.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keys.errors import RejectedError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

RangeHash = Callable[[int, int], bytes]
"""Given start and end (exclusive) of a complete subtree, its hash, from stored hashes."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash (32 bytes) of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash (32 bytes) of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The hashes of the complete subtrees that make up a tree: all that appending needs.

    ``hashes`` stand from the largest subtree to the smallest, one for each set bit of ``size``.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def extend(self, leaves: Sequence[bytes]) -> "Frontier":
        """Return the frontier after appending leaf hashes."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            carry, bits = leaf, size
            while bits & 1:
                carry = node_hash(hashes.pop(), carry)
                bits >>= 1
            hashes.append(carry)
            size += 1
        return Frontier(size, tuple(hashes))

    def root(self) -> bytes:
        """Return the root hash (32 bytes) of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def encode(self) -> bytes:
        """Return size (8 bytes, big-endian) and hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)

    @classmethod
    def parse(cls, encoded: bytes) -> "Frontier":
        """Read what ``encode`` wrote. Raises RejectedError ``frontier_malformed``."""
        size = int.from_bytes(encoded[:8], "big")
        if len(encoded) != 8 + HASH_BYTES * size.bit_count():
            raise RejectedError("frontier_malformed", "a stored tree frontier is damaged")
        hashes = (encoded[at : at + HASH_BYTES] for at in range(8, len(encoded), HASH_BYTES))
        return cls(size, tuple(hashes))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root hash over leaf hashes."""
    return Frontier().extend(leaves).root()


def range_hash(leaves: Sequence[bytes]) -> RangeHash:
    """Return a reader of subtree hashes over leaf hashes in memory."""
    return lambda start, end: root_of(leaves[start:end])


def inclusion_proof(index: int, size: int, hash_of: RangeHash) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves."""
    if not 0 <= index < size:
        raise ValueError("the leaf lies outside the tree")
    return _path(index, 0, size, hash_of)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Verify that leaf hash ``leaf`` stands at ``index`` under ``root``.

    Raises RejectedError ``inclusion_invalid``.
    """
    if not hmac.compare_digest(root_from_proof(leaf, index, size, proof), root):
        raise _not_included()


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root under which ``proof`` puts ``leaf`` at ``index`` of ``size`` leaves.

    Raises RejectedError ``inclusion_invalid`` for a proof that no such tree has.
    """
    if not 0 <= index < size or len(leaf) != HASH_BYTES:
        raise _not_included()
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(proof) != inner + border:
        raise _not_included()
    return _chain_left(_chain_inner(leaf, proof[:inner], index), proof[inner:])


def consistency_proof(old: int, new: int, hash_of: RangeHash) -> list[bytes]:
    """Return the proof that the tree of ``new`` leaves extends that of ``old`` leaves."""
    if not 0 <= old <= new:
        raise ValueError("the old tree is larger than the new")
    if old in (0, new):
        return []
    return _subproof(old, 0, new, hash_of, whole=True)


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Verify that ``new_root`` extends ``old_root``. Every tree extends the empty one: ask not.

    Raises RejectedError ``consistency_invalid``.
    """
    if not 0 < old <= new:
        raise _not_consistent()
    if old == new:
        if proof or not hmac.compare_digest(old_root, new_root):
            raise _not_consistent()
        return
    _verify_growth(old, new, proof, old_root, new_root)


def root_before(old: int, new: int, proof: Sequence[bytes], new_root: bytes) -> bytes:
    """Return the root that a tree had at ``old`` leaves, by a consistency proof to ``new_root``.

    Raises RejectedError ``consistency_invalid`` for a proof that leads to another root, and where
    ``old`` is a power of two: such a tree's root is no part of the proof, and has to be known.
    """
    if not 0 < old < new or old & (old - 1) == 0:
        raise _not_consistent()
    from_old, to_new = _roots(old, new, proof, b"")
    if not hmac.compare_digest(to_new, new_root):
        raise _not_consistent()
    return from_old


def _verify_growth(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    from_old, to_new = _roots(old, new, proof, old_root)
    if not (hmac.compare_digest(from_old, old_root) and hmac.compare_digest(to_new, new_root)):
        raise _not_consistent()


def _roots(old: int, new: int, proof: Sequence[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    """Return the roots of both trees as a proof has them."""
    shift = (old & -old).bit_length() - 1
    inner = ((old - 1) ^ (new - 1)).bit_length() - shift
    border = ((old - 1) >> (inner + shift)).bit_count()
    # The old tree is itself a complete subtree: its root is the seed, and is not in the proof.
    start = 0 if old == 1 << shift else 1
    if len(proof) != start + inner + border:
        raise _not_consistent()
    seed = old_root if start == 0 else proof[0]
    path = proof[start:]
    mask = (old - 1) >> shift
    from_old = _chain_inner_right(seed, path[:inner], mask)
    from_old = _chain_left(from_old, path[inner:])
    to_new = _chain_inner(seed, path[:inner], mask)
    return from_old, _chain_left(to_new, path[inner:])


def _chain_inner(seed: bytes, path: Sequence[bytes], index: int) -> bytes:
    for level, sibling in enumerate(path):
        seed = node_hash(sibling, seed) if index >> level & 1 else node_hash(seed, sibling)
    return seed


def _chain_inner_right(seed: bytes, path: Sequence[bytes], index: int) -> bytes:
    for level, sibling in enumerate(path):
        if index >> level & 1:
            seed = node_hash(sibling, seed)
    return seed


def _chain_left(seed: bytes, path: Sequence[bytes]) -> bytes:
    for sibling in path:
        seed = node_hash(sibling, seed)
    return seed


def _path(index: int, start: int, end: int, hash_of: RangeHash) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(index, start, middle, hash_of), hash_of(middle, end)]
    return [*_path(index, middle, end, hash_of), hash_of(start, middle)]


def _subproof(old: int, start: int, end: int, hash_of: RangeHash, *, whole: bool) -> list[bytes]:
    if old == end:
        return [] if whole else [hash_of(start, end)]
    middle = start + _split(end - start)
    if old <= middle:
        proof = _subproof(old, start, middle, hash_of, whole=whole)
        return [*proof, hash_of(middle, end)]
    proof = _subproof(old, middle, end, hash_of, whole=False)
    return [*proof, hash_of(start, middle)]


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _not_included() -> RejectedError:
    return RejectedError("inclusion_invalid", "the inclusion proof does not verify")


def _not_consistent() -> RejectedError:
    return RejectedError("consistency_invalid", "the consistency proof does not verify")
