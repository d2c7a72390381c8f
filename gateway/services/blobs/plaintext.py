"""Open what arrives once, keep nothing of it, and compare: it is what its sender signed.

The pass follows the segments while they come, so that little is left to do when the last is there.
After a crash, or for a blob that nobody expected, it begins at the first byte.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gateway.errors import LiaisonError, RejectedError
from gateway.protocol.blob import BLOB_CONTEXT, SEGMENT_BYTES
from gateway.protocol.message import Attachment
from gateway.services.blobs.segments import read_sealed
from gateway.store.attachments import Blob
from gateway.store.blobs import BlobStore
from keys.stream import HEADER_BYTES, SEALED_CHUNK_BYTES, Reader

EXPECTED_MOST = 1024
"""Of how many attachments on their way the key is remembered."""
CHUNKS_AT_ONCE = 32
"""512 KiB are read and opened at a time."""


class _Pass:
    """One attachment, opened as far as its segments are there."""

    def __init__(self, blobs: BlobStore, attachment: Attachment, blob: Blob) -> None:
        self.attachment = attachment
        self.blob = blob
        self.turn = asyncio.Lock()
        self._blobs = blobs
        self._reader: Reader | None = None
        self._chunk = 0
        self._left = attachment.plain_bytes
        self._state = hashlib.sha256()

    def follow(self, until: int) -> bool:
        """Open the next piece that lies before ``until``; tell if there was one.

        Raises RejectedError ``stream_invalid``, UnavailableError ``blob_missing``.
        """
        reader = self._begun()
        start = reader.chunk_range(self._chunk)[0]
        whole = until == self.blob.sealed_bytes
        chunks = reader.chunks if whole else (until - HEADER_BYTES) // SEALED_CHUNK_BYTES
        count = min(chunks - self._chunk, CHUNKS_AT_ONCE)
        if count <= 0:
            return False
        end = reader.chunk_range(self._chunk + count - 1)[1]
        sealed = read_sealed(self._blobs, self.blob.location, start, end)
        plain = memoryview(reader.open(self._chunk, sealed))[: self._left]
        self._state.update(plain)
        self._left -= len(plain)
        self._chunk += count
        return True

    def finish(self) -> None:
        """Compare, once all is opened. Raises RejectedError ``attachment_invalid``."""
        if self._left or self._state.digest() != self.attachment.plain_digest:
            raise RejectedError("attachment_invalid", "an attachment is not what was signed")

    def _begun(self) -> Reader:
        if self._reader is None:
            header = bytes(read_sealed(self._blobs, self.blob.location, 0, HEADER_BYTES))
            self._reader = Reader(self.attachment.key, BLOB_CONTEXT, header, self.blob.sealed_bytes)
        return self._reader


@dataclass(slots=True)
class _Expected:
    """An attachment that was asked for, and the pass over what came of it so far."""

    attachment: Attachment
    going: _Pass | None = None


class Plaintexts:
    """Verifies attachments against what their messages say of them."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._expected: OrderedDict[bytes, _Expected] = OrderedDict()
        self._following: set[asyncio.Task[None]] = set()

    def expect(self, attachments: Iterable[Attachment]) -> None:
        """Remember the keys of attachments that were asked for."""
        for attachment in attachments:
            self._expected.setdefault(attachment.blob_id, _Expected(attachment))
            if len(self._expected) > EXPECTED_MOST:
                self._expected.popitem(last=False)

    def stored(self, blob: Blob, held: Collection[int]) -> None:
        """Follow an expected blob of which these segments are there."""
        expected = self._expected.get(blob.blob_id or b"")
        if expected is None:
            return
        if expected.going is None:
            expected.going = _Pass(self._blobs, expected.attachment, blob)
        going = expected.going
        count = next(number for number in range(len(held) + 1) if number not in held)
        until = min(count * SEGMENT_BYTES, blob.sealed_bytes)
        if until and going.blob.row_id == blob.row_id and not going.turn.locked():
            task = asyncio.get_running_loop().create_task(self._follow(expected, going, until))
            self._following.add(task)
            task.add_done_callback(self._following.discard)

    async def verify(self, attachment: Attachment, blob: Blob) -> None:
        """Verify a whole blob: what is not opened yet is opened now.

        Raises RejectedError ``attachment_invalid``, UnavailableError ``blob_missing``.
        """
        expected = self._expected.pop(attachment.blob_id, None)
        going = None if expected is None else expected.going
        if going is None or going.attachment != attachment or going.blob.row_id != blob.row_id:
            going = _Pass(self._blobs, attachment, blob)
        try:
            await _open(going, blob.sealed_bytes)
        except RejectedError as fault:
            raise RejectedError("attachment_invalid", "an attachment does not open") from fault
        going.finish()

    async def _follow(self, expected: _Expected, going: _Pass, until: int) -> None:
        try:
            await _open(going, until)
        except LiaisonError:  # judged again, from the first byte, when all of it is there
            expected.going = None


async def _open(going: _Pass, until: int) -> None:
    async with going.turn:
        while await asyncio.to_thread(going.follow, until):
            pass
