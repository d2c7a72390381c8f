"""Tiles: their paths and bytes, the nodes that a log keeps, and proofs made from both."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.tlog.history import TreeHistory
from keys.tlog.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    range_hash,
    root_from_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from keys.tlog.nodes import Node, TiledHashes, TileReader, completed_nodes
from keys.tlog.tiles import (
    encode_tile,
    parse_tile,
    parse_tile_path,
    tile_path,
    tile_width,
    tiles_of,
)
from tests.keys.test_tlog import code

TALL = 65_536 + 700
"""Leaves enough for a node of level 2 and partial tiles on all three levels."""
LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(TALL)]
HISTORY = TreeHistory().extend(LEAVES)

sizes = st.integers(1, 1500) | st.integers(TALL - 1500, TALL)


def grown(frontier: Frontier, steps: Sequence[int]) -> tuple[Frontier, list[Node]]:
    """Append the leaves that follow, in steps of the given lengths."""
    nodes: list[Node] = []
    for step in steps:
        at = frontier.size
        frontier, more = completed_nodes(frontier, LEAVES[at : at + step])
        nodes += more
    return frontier, nodes


def reader(nodes: Sequence[Node]) -> tuple[TileReader, Counter[str]]:
    """Return a reader of stored leaf hashes and nodes, and a count of the tiles that it read."""
    stored = dict(enumerate(LEAVES))
    kept = {(node.level, node.number): node.hash for node in nodes}
    reads: Counter[str] = Counter()

    def read(level: int, index: int, width: int) -> list[bytes]:
        reads[tile_path(level, index, width)] += 1
        numbers = range(index * 256, index * 256 + width)
        return [kept[level, at] if level else stored[at] for at in numbers]

    return read, reads


BELOW, FIRST_NODES = grown(Frontier(), [TALL - 1500])
_, LAST_NODES = grown(BELOW, [1500])
NODES = [*FIRST_NODES, *LAST_NODES]
READ, _ = reader(NODES)
NODE_ROOTS = {
    (level, start): root_of(LEAVES[start : start + 256**level])
    for level in (1, 2)
    for start in range(0, TALL - 256**level + 1, 256**level)
}


@given(st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_tile_paths_come_back(level: int, index: int, width: int) -> None:
    """Every tile has one path."""
    assert parse_tile_path(tile_path(level, index, width)) == (level, index, width)


def test_tile_paths_are_those_of_c2sp() -> None:
    """As the specification writes them; no other spelling of a level or an index."""
    assert tile_path(0, 1_234_067, 256) == "0/x001/x234/067"
    assert tile_path(2, 0, 1) == "2/000.p/1"
    for wrong in ("", "0", "0/", "00/000", "64/000", "-1/000", "٣/000", "0/000.p/256", "0/x000/000",
                  "0/000/", "/000", "entries/000", "0/../000"):  # fmt: skip
        assert code(parse_tile_path, wrong) == "tile_path_malformed"


def test_tiles_of_a_tree_are_those_that_c2sp_counts() -> None:
    """The two trees that the specification works out."""
    widths = Counter((level, width) for level, _, width in tiles_of(70_000))
    assert widths == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles_of(0)) == []
    assert tile_width(0, 274, 70_000) == 0


@given(sizes, sizes)
def test_growth_adds_the_tiles_that_were_not_there(first: int, second: int) -> None:
    """What is published already is not published again, and nothing is left out."""
    old, new = sorted((first, second))
    added = set(tiles_of(new, since=old))
    assert added == set(tiles_of(new)) - set(tiles_of(old))


def test_tile_is_so_many_hashes_and_no_other_bytes() -> None:
    """32 bytes each; cut or miscounted ones are refused."""
    encoded = encode_tile(LEAVES[:5])
    assert parse_tile(encoded, 5) == LEAVES[:5]
    for wrong in (encoded[:-1], encoded + b"\x00", encoded[:-32], b""):
        assert code(parse_tile, wrong, 5) == "tile_malformed"


@pytest.mark.parametrize("start", [Frontier(), BELOW])
@given(st.lists(st.integers(0, 700), max_size=6))
def test_same_nodes_are_completed_however_a_tree_grew(start: Frontier, steps: list[int]) -> None:
    """In batches of any length: the frontier of all leaves, each node once and none missing."""
    frontier, nodes = grown(start, steps)
    size = min(TALL, start.size + sum(steps))
    assert frontier == start.extend(LEAVES[start.size : size])
    whole = {(level, at) for level in (1, 2) for at in range(size >> 8 * level)}
    before = {(level, at) for level in (1, 2) for at in range(start.size >> 8 * level)}
    assert Counter((node.level, node.number) for node in nodes) == Counter(whole - before)
    for node in nodes:
        span = 256**node.level
        assert node.hash == NODE_ROOTS[node.level, node.number * span]


def test_batch_completes_its_nodes_level_by_level() -> None:
    """One that crosses the end of a tile of two levels names both nodes, the lower first."""
    before = BELOW.extend(LEAVES[BELOW.size : 65_535])
    frontier, nodes = completed_nodes(before, LEAVES[65_535:65_538])
    assert [(node.level, node.number) for node in nodes] == [(1, 255), (2, 0)]
    assert nodes[1].hash == root_of(LEAVES[:65_536])
    assert frontier.size == 65_538
    assert completed_nodes(frontier, []) == (frontier, [])


@given(sizes, st.data())
def test_proofs_from_tiles_are_those_from_the_leaves(size: int, data: st.DataObject) -> None:
    """The same hashes as from all leaves in memory, and they verify."""
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    root = HISTORY.root_at(size)
    path = inclusion_proof(index, size, TiledHashes(size, READ))
    verify_inclusion(LEAVES[index], index, size, path, root)
    growth = consistency_proof(old, size, TiledHashes(size, READ))
    verify_consistency(old, size, growth, HISTORY.root_at(old), root)
    if size <= 600:
        in_memory = range_hash(LEAVES)
        assert path == inclusion_proof(index, size, in_memory)
        assert growth == consistency_proof(old, size, in_memory)


@given(sizes, st.data())
def test_proofs_of_an_earlier_size_come_from_the_tiles_of_now(
    size: int, data: st.DataObject
) -> None:
    """A head of last month is proven from what is stored today."""
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, TiledHashes(TALL, READ))
    assert root_from_proof(LEAVES[index], index, size, path) == HISTORY.root_at(size)


@pytest.mark.parametrize("prove", [inclusion_proof, consistency_proof])
def test_a_proof_reads_each_tile_once_and_few_of_them(
    prove: Callable[[int, int, TiledHashes], list[bytes]],
) -> None:
    """Of three levels: two of each below the top, one at the top."""
    read, reads = reader(NODES)
    hash_of = TiledHashes(TALL, read)
    prove(777, TALL, hash_of)
    assert len(reads) <= 5
    assert set(reads.values()) == {1}
    inclusion_proof(778, TALL, hash_of)
    assert set(reads.values()) == {1}


def test_stored_tree_that_lacks_hashes_proves_nothing() -> None:
    """A row deleted beneath a proof is no shorter tree."""

    def short(level: int, index: int, width: int) -> Sequence[bytes]:
        return READ(level, index, width)[:-1]

    assert code(inclusion_proof, 5, TALL, TiledHashes(TALL, short)) == "tile_malformed"
    with pytest.raises(ValueError, match="outside the tree"):
        inclusion_proof(5, TALL, TiledHashes(TALL - 1, READ))
