"""Take sealed attachments from peers, segment by segment; what is there survives any crash."""

from collections.abc import Callable

from gateway.clock import Clock
from gateway.errors import RejectedError
from gateway.protocol.blob import SegmentList, parse_segment_list, verify_segment
from gateway.settings import BlobsSettings
from gateway.store import attachments
from gateway.store.blobs import BlobStore
from gateway.store.database import Database, Transaction
from keys.suite import Entropy, MemberId


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
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._entropy = entropy
        self._settings = settings
        self._check_space = check_space

    async def knows(self, hop: MemberId, blob_id: bytes) -> bool:
        """Tell whether ``hop`` has begun to bring a blob, or brought it."""
        return bool(await self._database.read(lambda tx: attachments.incoming(tx, hop, [blob_id])))

    async def offer(self, hop: MemberId, blob_id: bytes, encoded: bytes) -> list[int]:
        """Take note of a blob that ``hop`` wants to bring; return the segments still missing.

        Raises RejectedError ``blob_mismatch``, ``attachment_too_large``; UnavailableError
        ``disk_full``.
        """
        segments = parse_segment_list(encoded, blob_id)
        # Padding and tags add at most an eighth.
        if segments.sealed_bytes > self._settings.max_attachment_bytes * 9 // 8 + 4096:
            raise RejectedError("attachment_too_large", "the attachment is larger than allowed")
        self._check_space()
        location = self._entropy(16).hex()

        def commit(tx: Transaction) -> tuple[attachments.Blob, set[int]]:
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
        return [number for number in range(len(segments.digests)) if number not in held]

    async def segment(self, location: str, segments: SegmentList, number: int) -> bytes:
        """Return one segment of a whole blob. Raises RejectedError ``segment_unknown``."""
        if not 0 <= number < len(segments.digests):
            raise RejectedError("segment_unknown", "the blob has no such segment")
        return await self._blobs.read(location, number, 0, segments.segment_bytes(number))

    async def put_segment(self, hop: MemberId, blob_id: bytes, number: int, segment: bytes) -> None:
        """Store one segment of an offered blob, verified, durable on return.

        Raises RejectedError ``blob_unknown``, ``segment_unknown``, ``segment_mismatch``;
        UnavailableError ``disk_full``.
        """
        found = await self._database.read(lambda tx: attachments.incoming(tx, hop, [blob_id]))
        blob = found.get(blob_id)
        if blob is None or blob.segment_list is None:
            raise RejectedError("blob_unknown", "offer the blob's segment list first")
        segments = parse_segment_list(blob.segment_list, blob_id)
        verify_segment(segments, number, segment)
        if blob.complete_at is not None:
            return
        await self._blobs.write_segment(blob.location, number, segment)
        count = len(segments.digests)

        def commit(tx: Transaction) -> None:
            attachments.hold_segment(tx, blob.row_id, number)
            if len(attachments.held_segments(tx, blob.row_id)) == count:
                attachments.complete(tx, blob.row_id, self._clock.now())

        await self._database.write(commit)
