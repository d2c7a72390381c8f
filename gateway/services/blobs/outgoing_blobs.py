"""Let recipients fetch attachments here: of copies that wait for them, and of our own messages."""

from gateway.errors import RejectedError
from gateway.protocol.blob import parse_segment_list
from gateway.services.blobs.segments import StoredSegment
from gateway.store import attached, attachments, custody
from gateway.store.attachments import OWN, Blob
from gateway.store.blobs import BlobStore
from gateway.store.custody import CustodyState
from gateway.store.database import Database, Transaction
from keys.suite import MemberId


class OutgoingBlobs:
    """The giving side of attachments: to the recipients of the messages that name them alone."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def segment_list(self, member: MemberId, envelope_id: bytes, blob_id: bytes) -> bytes:
        """Return the segment list of an attachment of a message to ``member``.

        Raises RejectedError ``blob_unknown``.
        """
        return (await self._find(member, envelope_id, blob_id))[1]

    async def segment(
        self, member: MemberId, envelope_id: bytes, blob_id: bytes, number: int
    ) -> StoredSegment:
        """Return one segment of it. Raises RejectedError ``blob_unknown``, ``segment_unknown``."""
        location, encoded = await self._find(member, envelope_id, blob_id)
        segments = parse_segment_list(encoded, blob_id)
        if number >= len(segments.digests):
            raise RejectedError("segment_unknown", "the blob has no such segment")
        length = segments.segment_bytes(number)
        return StoredSegment(blobs=self._blobs, location=location, number=number, length=length)

    async def _find(
        self, member: MemberId, envelope_id: bytes, blob_id: bytes
    ) -> tuple[str, bytes]:
        def look(tx: Transaction) -> list[Blob]:
            if attached.is_sent_to(tx, member, envelope_id, blob_id):
                return list(attachments.incoming(tx, OWN, [blob_id]).values())
            states = (CustodyState.HELD, CustodyState.LEASED)
            held = [c for c in custody.find(tx, envelope_id, member) if c.state in states]
            rows = custody.linked_blobs(tx, envelope_id) if held else []
            return [blob for blob in attachments.by_rows(tx, rows) if blob.blob_id == blob_id]

        for blob in await self._database.read(look):
            if blob.segment_list is not None and blob.complete_at is not None:
                return blob.location, blob.segment_list
        raise RejectedError("blob_unknown", "no such attachment waits here for this member")
