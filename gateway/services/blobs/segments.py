"""Segments in motion: read from the disk and gathered for it, in pieces, whatever their size."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from gateway.protocol.blob import SEGMENT_BYTES
from gateway.store.blobs import PIECE_BYTES, BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSegment:
    """A segment on this node's disk. Implements ``gateway.peer.Segment``."""

    blobs: BlobStore
    location: str
    number: int
    length: int

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        """Read piece by piece. Raises UnavailableError ``blob_missing``."""
        for start in range(0, self.length, PIECE_BYTES):
            end = min(start + PIECE_BYTES, self.length)
            yield await asyncio.to_thread(self.blobs.read, self.location, self.number, start, end)


@dataclass(frozen=True, slots=True)
class HeldSegment:
    """A segment that is in memory already. Implements ``gateway.peer.Segment``."""

    content: bytes

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return len(self.content)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Come in one piece."""
        yield self.content


async def gathered(
    pieces: AsyncIterable[bytes | memoryview],
) -> AsyncIterator[list[bytes | memoryview]]:
    """Yield pieces together that make 512 KiB: a hop to a thread costs more than a small one."""
    batch: list[bytes | memoryview] = []
    length = 0
    async for piece in pieces:
        batch.append(piece)
        length += len(piece)
        if length >= PIECE_BYTES:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def read_sealed(blobs: BlobStore, location: str, start: int, end: int) -> bytes | memoryview:
    """Return ciphertext from ``start`` to ``end`` (exclusive), across segments.

    Raises UnavailableError ``blob_missing``.
    """
    pieces: list[memoryview] = []
    while start < end:
        number, offset = divmod(start, SEGMENT_BYTES)
        length = min(SEGMENT_BYTES - offset, end - start)
        pieces.append(blobs.read(location, number, offset, offset + length))
        start += length
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
