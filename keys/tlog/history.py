"""The roots of a log at all its sizes: whether what somebody saw of it earlier was the same log."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from keys.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Frontier


@dataclass(frozen=True, slots=True)
class TreeHistory:
    """A log's frontier, and the root hash of each size that it had on the way."""

    frontier: Frontier = field(default_factory=Frontier)
    roots: bytes = EMPTY_ROOT
    """32 bytes for each size, from 0 on."""

    def extend(self, leaves: Sequence[bytes]) -> "TreeHistory":
        """Return the history after appending leaf hashes."""
        frontier = self.frontier
        roots = [self.roots]
        for leaf in leaves:
            frontier = frontier.extend([leaf])
            roots.append(frontier.root())
        return TreeHistory(frontier, b"".join(roots))

    def root_at(self, size: int) -> bytes:
        """Return the root hash (32 bytes) that the log had at ``size``, which it has reached."""
        if not 0 <= size <= self.frontier.size:
            raise ValueError("the log has not had that size")
        return self.roots[size * HASH_BYTES : (size + 1) * HASH_BYTES]
