"""Freight: bring sealed attachments to other nodes, segment by segment, as many as are missing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from gateway.errors import LiaisonError
from gateway.peer import Peer
from gateway.protocol.blob import SegmentList, parse_segment_list
from gateway.services.blobs.segments import StoredSegment
from gateway.store.blobs import BlobStore

SEGMENTS_MOST = 32
"""Of all hops together, under way at a time: about 1 MiB of memory each."""


class Freight:
    """Brings blobs of this node to the next hops."""

    def __init__(self, blobs: BlobStore, segments_in_flight: int) -> None:
        self._blobs = blobs
        self._width = segments_in_flight
        self._segments = asyncio.Semaphore(SEGMENTS_MOST)

    async def bring(self, peer: Peer, blob_id: bytes, location: str, encoded: bytes) -> None:
        """Bring what the peer lacks of a blob that lies at ``location``.

        Raises as ``peer`` does, and UnavailableError ``blob_missing``.
        """
        segments = parse_segment_list(encoded, blob_id)
        missing = await peer.offer_blob(blob_id, encoded)

        async def carry(number: int) -> None:
            async with self._segments:
                segment = self._segment(location, segments, number)
                await peer.put_segment(blob_id, number, segment)

        await side_by_side(missing, self._width, carry)

    def _segment(self, location: str, segments: SegmentList, number: int) -> StoredSegment:
        length = segments.segment_bytes(number)
        return StoredSegment(blobs=self._blobs, location=location, number=number, length=length)


async def side_by_side(
    numbers: Iterable[int], width: int, carry: Callable[[int], Awaitable[None]]
) -> None:
    """Carry segments, ``width`` at a time; after a fault none is begun, those under way go on.

    Raises the first fault.
    """
    left = iter(numbers)
    faults: list[LiaisonError] = []

    async def work() -> None:
        for number in left:
            try:
                await carry(number)
            except LiaisonError as fault:
                faults.append(fault)
            if faults:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(work())
    if faults:
        raise faults[0]
