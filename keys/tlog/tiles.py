"""Entry bundles: the leaves of a log as C2SP publishes them, up to 256 in a file.

Source: c2sp.org/tlog-tiles, "Log Entries" and "Merkle Tree" (paths).
"""

import re
from collections.abc import Sequence

from keys.errors import RejectedError

BUNDLE_ENTRIES = 256
MAX_ENTRY_BYTES = 0xFFFF

_PATH = re.compile(r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?\Z")


def bundle_path(index: int, width: int) -> str:
    """Return the path of bundle ``index`` that holds ``width`` (1 to 256) entries, below entries/.

    A partial bundle is named with its width: ``x001/234.p/5``.
    """
    digits = f"{index % 1000:03d}"
    while index := index // 1000:
        digits = f"x{index % 1000:03d}/{digits}"
    return digits if width == BUNDLE_ENTRIES else f"{digits}.p/{width}"


def parse_bundle_path(path: str) -> tuple[int, int]:
    """Return (index, width). Raises RejectedError ``tile_path_malformed``."""
    match = _PATH.match(path)
    if match is not None:
        index = int(match[1].replace("x", "").replace("/", ""))
        width = int(match[2] or BUNDLE_ENTRIES)
        if bundle_path(index, width) == path and width <= BUNDLE_ENTRIES:
            return index, width
    raise RejectedError("tile_path_malformed", "this is no path of an entry bundle")


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
