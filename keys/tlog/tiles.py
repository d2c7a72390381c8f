"""A log as static files: tiles of its hashes, and bundles of its entries, up to 256 in a file.

A tile of level L holds hashes of complete subtrees of 256^L leaves: level 0 leaf hashes, each level
above one hash for every full tile below.
Source: c2sp.org/tlog-tiles, "Merkle Tree" and "Log entries".
"""

import re
from collections.abc import Iterator, Sequence

from keys.errors import RejectedError
from keys.tlog.merkle import HASH_BYTES

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
BUNDLE_ENTRIES = TILE_WIDTH
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 0xFFFF

_PATH = re.compile(r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?\Z")
_LEVEL = re.compile(r"(0|[1-9][0-9]?)\Z")


def tile_path(level: int, index: int, width: int) -> str:
    """Return the path, below tile/, of the tile that holds ``width`` (1 to 256) hashes."""
    return f"{level}/{bundle_path(index, width)}"


def parse_tile_path(path: str) -> tuple[int, int, int]:
    """Return (level, index, width). Raises RejectedError ``tile_path_malformed``."""
    level, _, rest = path.partition("/")
    if not _LEVEL.match(level) or int(level) > MAX_LEVEL:
        raise _no_path()
    return int(level), *parse_bundle_path(rest)


def bundle_path(index: int, width: int) -> str:
    """Return the path of bundle ``index`` that holds ``width`` (1 to 256) entries, below entries/.

    A partial bundle is named with its width: ``x001/234.p/5``.
    """
    digits = f"{index % 1000:03d}"
    while index := index // 1000:
        digits = f"x{index % 1000:03d}/{digits}"
    return digits if width == TILE_WIDTH else f"{digits}.p/{width}"


def parse_bundle_path(path: str) -> tuple[int, int]:
    """Return (index, width). Raises RejectedError ``tile_path_malformed``."""
    match = _PATH.match(path)
    if match is not None:
        index = int(match[1].replace("x", "").replace("/", ""))
        width = int(match[2] or TILE_WIDTH)
        if bundle_path(index, width) == path and width <= TILE_WIDTH:
            return index, width
    raise _no_path()


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes (0 to 256) a tile holds in the tree of ``size`` leaves."""
    hashes = size >> TILE_HEIGHT * level
    return max(0, min(TILE_WIDTH, hashes - index * TILE_WIDTH))


def tiles_of(size: int, since: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield (level, index, width) of the tiles of a tree that the one of ``since`` leaves lacks."""
    level = 0
    while hashes := size >> TILE_HEIGHT * level:
        first = (since >> TILE_HEIGHT * level) // TILE_WIDTH
        for index in range(first, -(-hashes // TILE_WIDTH)):
            width = tile_width(level, index, size)
            if width > tile_width(level, index, since):
                yield level, index, width
        level += 1


def encode_tile(hashes: Sequence[bytes]) -> bytes:
    """Return hashes (32 bytes each) one after another."""
    return b"".join(hashes)


def parse_tile(encoded: bytes, width: int) -> list[bytes]:
    """Return the ``width`` hashes of a tile. Raises RejectedError ``tile_malformed``."""
    if len(encoded) != width * HASH_BYTES:
        raise RejectedError("tile_malformed", f"a tile should hold {width} hashes")
    return [encoded[at : at + HASH_BYTES] for at in range(0, len(encoded), HASH_BYTES)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return entries, each after its length (2 bytes, big-endian)."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(encoded: bytes, width: int) -> list[bytes]:
    """Return the ``width`` entries of a bundle. Raises RejectedError ``bundle_malformed``."""
    entries = parse_entries(encoded)
    if len(entries) != width:
        raise RejectedError("bundle_malformed", f"an entry bundle should hold {width} entries")
    return entries


def parse_entries(encoded: bytes) -> list[bytes]:
    """Return entries, however many, each after its length. Raises ``bundle_malformed``."""
    entries = []
    at = 0
    while at < len(encoded):
        length = int.from_bytes(encoded[at : at + 2], "big")
        entry = encoded[at + 2 : at + 2 + length]
        if len(encoded) - at < 2 + length:
            raise RejectedError("bundle_malformed", "an entry bundle is cut short")
        entries.append(entry)
        at += 2 + length
    return entries


def _no_path() -> RejectedError:
    return RejectedError("tile_path_malformed", "this is no path of a tile or an entry bundle")
