"""The inner hashes of a log that are worth keeping, and proofs made from them.

A tree of tiles is a tree over its full tiles: the root of each is a leaf of the tree of the next
level. So one hash is kept for every 256 leaves, one for every 65,536, and so on, besides the leaf
hashes; all others are hashed anew when a proof needs them.
Source: c2sp.org/tlog-tiles, "Merkle Tree".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from keys.errors import RejectedError
from keys.tlog.merkle import Frontier, root_of
from keys.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, tile_width

TileReader = Callable[[int, int, int], Sequence[bytes]]
"""Given level, tile index and width (1 to 256), the tile's first hashes (32 bytes), so many."""


@dataclass(frozen=True, slots=True)
class Node:
    """The hash of a full tile: of the leaves from ``number`` times 256^``level`` on, so many."""

    level: int
    """From 1 on; the leaves are level 0."""
    number: int
    hash: bytes


def completed_nodes(
    frontier: Frontier, leaves: Sequence[bytes], level: int = 1
) -> tuple[Frontier, list[Node]]:
    """Return the frontier after appending leaf hashes, and the nodes that they completed.

    ``level`` is that of the nodes right above the leaves. Nodes come level by level, each in order.
    """
    tiles, rest = _parted(frontier)
    roots: list[bytes] = []
    at = 0
    while rest.size + len(leaves) - at >= TILE_WIDTH:
        end = at + TILE_WIDTH - rest.size
        roots.append(rest.extend(leaves[at:end]).root())
        rest, at = Frontier(), end
    rest = rest.extend(leaves[at:])
    if not roots:
        return _joined(tiles, rest), []
    grown, above = completed_nodes(tiles, roots, level + 1)
    nodes = [Node(level, tiles.size + place, root) for place, root in enumerate(roots)]
    return _joined(grown, rest), nodes + above


@dataclass(frozen=True, slots=True)
class TiledHashes:
    """The hash of any range that a proof of a tree asks for: a ``RangeHash`` made from its tiles.

    A tile is read once, so that a proof at ten million leaves reads five at most.
    """

    size: int
    """How many leaves the tree has."""
    read: TileReader
    _tiles: dict[tuple[int, int], Sequence[bytes]] = field(default_factory=dict)

    def __call__(self, start: int, end: int) -> bytes:
        """Return the hash of the leaves from ``start`` to ``end`` (exclusive).

        ``start`` is a multiple of the largest complete subtree in it. Raises RejectedError
        ``tile_malformed`` where the reader returned another number of hashes.
        """
        if end > self.size:
            raise ValueError("the range lies outside the tree")
        hashes = []
        at = start
        for height in reversed(range((end - start).bit_length())):
            if end - start >> height & 1:
                hashes.append(self._subtree(at, height))
                at += 1 << height
        return Frontier(end - start, tuple(hashes)).root()

    def _subtree(self, start: int, height: int) -> bytes:
        level, inner = divmod(height, TILE_HEIGHT)
        index, place = divmod(start >> TILE_HEIGHT * level, TILE_WIDTH)
        return root_of(self._tile(level, index)[place : place + (1 << inner)])

    def _tile(self, level: int, index: int) -> Sequence[bytes]:
        tile = self._tiles.get((level, index))
        if tile is None:
            width = tile_width(level, index, self.size)
            tile = self.read(level, index, width)
            if len(tile) != width:
                raise RejectedError("tile_malformed", f"a tile should hold {width} hashes")
            self._tiles[level, index] = tile
        return tile


def _parted(frontier: Frontier) -> tuple[Frontier, Frontier]:
    """Return the frontier of the tree over the full tiles, and that of the leaves after them."""
    tiles, rest = divmod(frontier.size, TILE_WIDTH)
    whole = tiles.bit_count()
    return Frontier(tiles, frontier.hashes[:whole]), Frontier(rest, frontier.hashes[whole:])


def _joined(tiles: Frontier, rest: Frontier) -> Frontier:
    return Frontier(tiles.size * TILE_WIDTH + rest.size, tiles.hashes + rest.hashes)
