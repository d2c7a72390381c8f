"""Take sealed attachments from peers, segment by segment; what is there survives any crash."""

import asyncio
from collections.abc import AsyncIterable, Callable, Collection, Sequence

from gateway.clock import Clock
from gateway.errors import RejectedError, UnavailableError
from gateway.logs import logger
from gateway.protocol.blob import SegmentCheck, parse_segment_list
from gateway.services.blobs.segments import gathered
from gateway.settings import BlobsSettings
from gateway.store import attachments
from gateway.store.attachments import Blob
from gateway.store.blobs import BlobStore, SegmentFile
from gateway.store.database import Database, Transaction
from keys.suite import Entropy, MemberId

ARRIVING_MOST = 32
"""How many segments are taken at a time, of all peers: about 1 MiB of memory each."""
STALLED_S = 120
"""A segment of which nothing came for so long is given up."""

_log = logger()

Stored = Callable[[Blob, Collection[int]], None]
"""Told of a blob with the numbers of its segments that are there."""


class IncomingBlobs:
    """The receiving side of attachments; it sees ciphertext alone."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        clock: Clock,
        entropy: Entropy,
        settings: BlobsSettings,
        *,
        check_space: Callable[[], None],
        stored: Stored,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._entropy = entropy
        self._settings = settings
        self._check_space = check_space
        self._stored = stored
        self._arriving = asyncio.Semaphore(ARRIVING_MOST)

    async def knows(self, hop: MemberId, blob_id: bytes) -> bool:
        """Tell whether ``hop`` has begun to bring a blob, or brought it."""
        return bool(await self._database.read(lambda tx: attachments.incoming(tx, hop, [blob_id])))

    async def offer(self, hop: MemberId, blob_id: bytes, encoded: bytes) -> list[int]:
        """Take note of a blob that ``hop`` wants to bring; return the segments still missing.

        Raises RejectedError ``blob_mismatch``, ``attachment_too_large``; UnavailableError
        ``disk_full``.
        """
        segments = parse_segment_list(encoded, blob_id)
        if segments.sealed_bytes > self._settings.max_sealed_bytes:
            raise RejectedError("attachment_too_large", "the attachment is larger than allowed")
        self._check_space()
        location = self._entropy(16).hex()

        def commit(tx: Transaction) -> tuple[Blob, set[int]]:
            blob = attachments.offer(
                tx,
                hop,
                blob_id,
                encoded,
                sealed_bytes=segments.sealed_bytes,
                location=location,
                now=self._clock.now(),
            )
            return blob, attachments.held_segments(tx, blob.row_id)

        blob, held = await self._database.write(commit)
        if blob.complete_at is not None:
            return []
        self._stored(blob, held)
        return [number for number in range(len(segments.digests)) if number not in held]

    async def put_segment(
        self,
        hop: MemberId,
        blob_id: bytes,
        number: int,
        segment: AsyncIterable[bytes | memoryview],
    ) -> None:
        """Store one segment of an offered blob as it comes: verified and durable on return.

        Raises RejectedError ``blob_unknown``, ``segment_unknown``, ``segment_mismatch``;
        UnavailableError ``disk_full``, ``peer_stalled``, or what ``segment`` raises.
        """
        found = await self._database.read(lambda tx: attachments.incoming(tx, hop, [blob_id]))
        blob = found.get(blob_id)
        if blob is None or blob.segment_list is None:
            raise RejectedError("blob_unknown", "offer the blob's segment list first")
        segments = parse_segment_list(blob.segment_list, blob_id)
        check = SegmentCheck(segments, number)
        if blob.complete_at is not None:
            return
        async with self._arriving:
            _log.debug("segment.coming", peer=hop, count=number)
            await self._write(blob.location, number, check, segment)
        count = len(segments.digests)

        def commit(tx: Transaction) -> set[int]:
            attachments.hold_segment(tx, blob.row_id, number, self._clock.now())
            held = attachments.held_segments(tx, blob.row_id)
            if len(held) == count:
                attachments.complete(tx, blob.row_id, self._clock.now())
            return held

        held = await self._database.write(commit)
        _log.debug("segment.stored", peer=hop, count=number)
        if len(held) == count:
            await asyncio.to_thread(self._blobs.tidy, blob.location)
        self._stored(blob, held)

    async def _write(
        self,
        location: str,
        number: int,
        check: SegmentCheck,
        segment: AsyncIterable[bytes | memoryview],
    ) -> None:
        """Write what comes while the next of it is on the line; keep it if it is right."""
        file = await asyncio.to_thread(self._blobs.begin, location, number)
        try:
            async with asyncio.timeout(STALLED_S) as limit:
                async for batch in gathered(segment):
                    await asyncio.to_thread(_take, check, file, batch)
                    limit.reschedule(asyncio.get_running_loop().time() + STALLED_S)
            check.finish()
            await asyncio.to_thread(file.keep)
        except TimeoutError as fault:
            raise UnavailableError("peer_stalled", "nothing more came of a segment") from fault
        finally:
            await asyncio.shield(asyncio.to_thread(file.drop))


def _take(check: SegmentCheck, file: SegmentFile, batch: Sequence[bytes | memoryview]) -> None:
    for piece in batch:
        check.update(piece)
        file.write(piece)
