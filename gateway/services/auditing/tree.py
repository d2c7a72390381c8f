"""A shard's tree as its entries make it, and beside it as the stored hashes say, against its heads.

Where the two part, the heads decide: which of them fits what was signed tells whether entries were
altered or only a hash that was kept over them, and in which 256 of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.services.auditing.findings import Finding, FindingCode
from gateway.services.auditing.heads import Head
from keys.tlog.merkle import Frontier
from keys.tlog.nodes import completed_nodes
from keys.tlog.tiles import TILE_HEIGHT, TILE_WIDTH

NodeReader = Callable[[int, int], bytes | None]
"""Given level and number, the stored inner hash."""


@dataclass(slots=True)
class _Since:
    """What has come up since the newest head that fits."""

    good: int = 0
    """The size of that head."""
    blocks: list[int] = field(default_factory=list)
    """Full blocks of 256 entries that are not what the stored hash over them says."""
    heads: list[tuple[Head, int]] = field(default_factory=list)
    """Heads that fit neither tree, each with what was ``good`` then."""


class Tree:
    """Grows by leaf hashes, is held against heads, and says what does not fit."""

    def __init__(self, shard: str, node: NodeReader) -> None:
        self._shard = shard
        self._node = node
        self._entries = Frontier()
        self._stored = Frontier()
        self._rest: Frontier | None = Frontier()
        self._rest_size = 0
        self._lost = False
        self._since = _Since()
        self._witnessed = 0
        self._resigned = False
        self.findings: list[Finding] = []

    @property
    def size(self) -> int:
        """How many leaves were taken."""
        return self._entries.size * TILE_WIDTH + self._rest_size

    def take(self, leaves: Sequence[bytes | None], stored: Mapping[int, bytes]) -> None:
        """Take leaf hashes, at most to the end of a block; None for one that is missing.

        ``stored`` are the hashes kept over blocks, by their number.
        """
        if self._rest is not None:
            whole = [leaf for leaf in leaves if leaf is not None]
            self._rest = self._rest.extend(whole) if len(whole) == len(leaves) else None
        self._rest_size += len(leaves)
        if self._rest_size == TILE_WIDTH:
            self._complete(stored.get(self._entries.size))

    def compare(self, head: Head) -> bool | None:
        """Hold the tree against a signed head of its size; None where entries are missing."""
        if self._lost or self._rest is None:
            return None
        by_entries, by_stored = self._root(self._entries), self._root(self._stored)
        if head.head.root not in (by_entries, by_stored):
            self._since.heads.append((head, self._since.good))
            return False
        if head.head.root != by_entries:
            self._settle(FindingCode.ENTRIES_ALTERED, head)
            self._entries = self._stored
        elif by_stored != by_entries:
            self._settle(FindingCode.HASHES_ALTERED, head)
            self._stored = self._entries
        self._since.good = self.size
        if head.witnessed:
            self._witnessed = self.size
        return True

    def close(self, *, resigned: bool) -> None:
        """Say what no later head has explained; ``resigned`` where our newest head fits."""
        since = self._since
        if not since.heads:
            self.findings += self._ranges(FindingCode.ENTRIES_ALTERED, 0)
            return
        first, good = since.heads[0]
        if resigned:
            self._tell(FindingCode.HISTORY_RESIGNED, self._witnessed, first.head.size - 1, first)
            return
        narrowed = list(self._ranges(FindingCode.ENTRIES_ALTERED, first.at))
        if narrowed and (narrowed[0].first or 0) < first.head.size:
            self.findings += narrowed
        else:
            self._tell(FindingCode.ENTRIES_ALTERED, good, first.head.size - 1, first)

    def _complete(self, stored: bytes | None) -> None:
        """Put a whole block in its place: its own hash, and the one that is kept over it."""
        number = self._entries.size
        own = None if self._rest is None else self._rest.root()
        if own is None and stored is None:
            self._lost = True
        elif own is not None and own != stored:
            self._since.blocks.append(number)
        self._entries = self._above(own or stored or b"")
        self._stored = self._stored.extend([stored or own or b""])
        self._rest, self._rest_size = Frontier(), 0

    def _above(self, block: bytes) -> Frontier:
        """Return the frontier with one more block; compare the hashes above, where it ends some."""
        grown, nodes = completed_nodes(self._entries, [block], 2)
        for node in nodes:
            width = 1 << TILE_HEIGHT * node.level
            first = node.number * width
            known = any(block * TILE_WIDTH >= first for block in self._since.blocks)
            if not (known or self._lost) and self._node(node.level, node.number) != node.hash:
                code = FindingCode.HASHES_ALTERED
                self.findings.append(self._range(code, first, first + width - 1, 0))
        return grown

    def _root(self, blocks: Frontier) -> bytes:
        rest = self._rest or Frontier()
        return Frontier(self.size, blocks.hashes + rest.hashes).root()

    def _settle(self, code: FindingCode, head: Head) -> None:
        self.findings += self._ranges(code, head.at)
        self._since = _Since(heads=[] if code is FindingCode.ENTRIES_ALTERED else self._since.heads)

    def _ranges(self, code: FindingCode, at: int) -> Iterator[Finding]:
        """Yield a finding for each run of blocks; of the first one the heads within narrow it."""
        since = self._since
        for low, high in _runs(since.blocks):
            start = low
            if code is FindingCode.ENTRIES_ALTERED:
                first, last = max(low * TILE_WIDTH, since.good), (low + 1) * TILE_WIDTH - 1
                ends = [head.head.size - 1 for head, _ in since.heads if head.head.size > first]
                yield self._range(code, first, min([last, *ends]), at)
                start += 1
            if start <= high:
                yield self._range(code, start * TILE_WIDTH, (high + 1) * TILE_WIDTH - 1, at)

    def _range(self, code: FindingCode, first: int, last: int, at: int) -> Finding:
        return Finding(code=code, shard=self._shard, first=first, last=last, at=at)

    def _tell(self, code: FindingCode, first: int, last: int, head: Head) -> None:
        self.findings.append(
            Finding(
                code=code, shard=self._shard, first=first, last=last, at=head.at, subject=head.by
            )
        )


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Cut rising numbers into runs without a gap: (first, last) of each."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
