"""Attachments of the house: streamed in, sealed on the way, streamed out; never whole in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from gateway.clock import Clock
from gateway.errors import RejectedError, UnavailableError
from gateway.protocol.blob import BLOB_CONTEXT, BlobSealer, SealedPiece, encode_segment_list
from gateway.protocol.message import Attachment
from gateway.services.blobs.segments import gathered, read_sealed
from gateway.services.caller import Caller, require
from gateway.services.keys import NodeKeys
from gateway.settings import BlobsSettings, Role
from gateway.store import attachments
from gateway.store.blobs import BlobStore, SegmentFile
from gateway.store.database import Database
from keys.stream import CHUNK_BYTES, HEADER_BYTES, SALT_BYTES, Reader
from keys.suite import CONTENT_KEY_BYTES

PIECE_CHUNKS = 32
"""512 KiB of plaintext are read and opened at a time."""
KEEPING = 2
"""How many segments of an upload are on their way to the disk while the next is sealed."""


class UploadedAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment that waits to be named by a message."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str


class _Record(msgspec.Struct, frozen=True, array_like=True):
    """What is kept sealed of an upload: even its name is content."""

    name: str
    media_type: str
    plain_bytes: int
    plain_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttachment:
    """An attachment that can be read from any place."""

    name: str
    media_type: str
    size: int
    sha256: str
    read: Callable[[int, int], AsyncIterator[bytes]]
    """Yields the plaintext from start to end (exclusive), in pieces of 512 KiB at most."""


FindAttachment = Callable[[str, int, Caller], Awaitable[Attachment]]
"""Finds attachment number n of a message, if the caller may see it."""


class Attachments:
    """Uploads and downloads."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        keys: NodeKeys,
        clock: Clock,
        settings: BlobsSettings,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._keys = keys
        self._clock = clock
        self._settings = settings

    async def upload(
        self,
        pieces: AsyncIterator[bytes],
        name: str,
        media_type: str,
        caller: Caller,
        *,
        announced_bytes: int = 0,
    ) -> UploadedAttachment:
        """Seal a stream as it comes; durable on return. What was cut off leaves nothing.

        Raises RejectedError ``attachment_too_large``, ``attachment_name_malformed``;
        UnavailableError ``disk_full``.
        """
        require(caller, Role.OFFICER)
        self.check_space()
        self._check_length(announced_bytes)
        entropy = self._keys.entropy
        location = entropy(16).hex()
        key = entropy(CONTENT_KEY_BYTES)
        _check_named(name, media_type, key)
        row_id = await self._database.write(
            lambda tx: attachments.begin(tx, location, self._clock.now())
        )
        sealer = BlobSealer(key, entropy(SALT_BYTES))
        writing = _Writing(self._blobs, location)
        try:
            async for batch in gathered(pieces):
                await writing.take(partial(_sealed, sealer, batch))
                self._check_length(sealer.plain_bytes)
            await writing.take(sealer.finish)
            await writing.finish()
        except BaseException:
            await asyncio.shield(writing.abandon())
            raise
        record = _Record(name, media_type, sealer.plain_bytes, sealer.plain_digest)
        return await self._finish(row_id, sealer, key, record)

    async def take(self, upload_id: str) -> Attachment:
        """Return an upload as a message names it.

        Raises RejectedError ``attachment_unknown``.
        """
        try:
            wanted = bytes.fromhex(upload_id)
        except ValueError:
            wanted = b""
        blob = await self._database.read(lambda tx: attachments.uploaded(tx, wanted))
        if blob is None or blob.storage_key_id is None:
            raise RejectedError("attachment_unknown", f"no attachment {upload_id!r} was uploaded")
        storage = self._keys.storage_key(blob.storage_key_id)
        record = msgspec.msgpack.decode(
            storage.open_record(wanted, blob.record or b""), type=_Record
        )
        return Attachment(
            name=record.name,
            media_type=record.media_type,
            blob_id=blob.blob_id or b"",
            key=storage.unwrap(wanted, blob.wrapped_key or b""),
            plain_bytes=record.plain_bytes,
            plain_digest=record.plain_digest,
        )

    async def open(self, attachment: Attachment) -> OpenAttachment:
        """Make an attachment of a stored message readable. Raises UnavailableError."""
        blob = await self._database.read(lambda tx: attachments.whole(tx, attachment.blob_id))
        if blob is None:
            raise UnavailableError("blob_missing", "the attachment is not on this node")
        header = await asyncio.to_thread(self._blobs.read, blob.location, 0, 0, HEADER_BYTES)
        reader = Reader(attachment.key, BLOB_CONTEXT, bytes(header), blob.sealed_bytes)
        return OpenAttachment(
            name=attachment.name,
            media_type=attachment.media_type,
            size=attachment.plain_bytes,
            sha256=attachment.plain_digest.hex(),
            read=lambda start, end: self._read(blob, reader, start, end),
        )

    def check_space(self) -> None:
        """Let new work pass while the disk has room. Raises UnavailableError ``disk_full``."""
        if self._blobs.free_bytes() < self._settings.min_free_bytes:
            raise UnavailableError(
                "disk_full",
                "the disk is nearly full: new work is refused until space is freed "
                "(blobs.min_free_bytes)",
                retry_after_s=60,
            )

    async def _finish(
        self, row_id: int, sealer: BlobSealer, key: bytes, record: _Record
    ) -> UploadedAttachment:
        entropy = self._keys.entropy
        now = self._clock.now()
        upload_id = entropy(16)
        storage = self._keys.keyring.storage(now)
        segments = sealer.segment_list()
        upload = attachments.Upload(
            blob_id=segments.blob_id,
            sealed_bytes=segments.sealed_bytes,
            segment_list=encode_segment_list(segments),
            upload_id=upload_id,
            storage_key_id=storage.key_id,
            wrapped_key=storage.wrap(upload_id, key, entropy),
            record=storage.seal_record(upload_id, msgspec.msgpack.encode(record), entropy),
        )
        await self._database.write(lambda tx: attachments.finish(tx, row_id, upload, now))
        return UploadedAttachment(
            id=upload_id.hex(),
            name=record.name,
            media_type=record.media_type,
            size=record.plain_bytes,
            sha256=record.plain_digest.hex(),
        )

    async def _read(
        self, blob: attachments.Blob, reader: Reader, start: int, end: int
    ) -> AsyncIterator[bytes]:
        while start < end:
            first = start // CHUNK_BYTES
            last = min((end - 1) // CHUNK_BYTES, first + PIECE_CHUNKS - 1)
            plain = await asyncio.to_thread(self._open_chunks, blob, reader, first, last)
            skip = start - first * CHUNK_BYTES
            piece = plain[skip : skip + end - start]
            yield piece
            start += len(piece)

    def _open_chunks(self, blob: attachments.Blob, reader: Reader, first: int, last: int) -> bytes:
        span = reader.chunk_range(first)[0], reader.chunk_range(last)[1]
        return reader.open(first, read_sealed(self._blobs, blob.location, *span))

    def _check_length(self, length: int) -> None:
        if length > self._settings.max_attachment_bytes:
            raise RejectedError(
                "attachment_too_large",
                f"an attachment has at most {self._settings.max_attachment_bytes} bytes "
                "(blobs.max_attachment_bytes)",
            )


class _Writing:
    """An upload on its way to the disk: one segment is sealed while others become durable."""

    def __init__(self, blobs: BlobStore, location: str) -> None:
        self._blobs = blobs
        self._location = location
        self._file: SegmentFile | None = None
        self._keeping: list[asyncio.Future[None]] = []

    async def take(self, seal: Callable[[], Iterable[SealedPiece]]) -> None:
        """Seal and write in a thread. Raises UnavailableError ``disk_full``."""
        for file in await asyncio.to_thread(self._write, seal):
            if len(self._keeping) == KEEPING:
                await self._keeping.pop(0)
            self._keeping.append(asyncio.ensure_future(asyncio.to_thread(file.keep)))

    async def finish(self) -> None:
        """Return once all segments are durable. Raises UnavailableError ``disk_full``."""
        while self._keeping:
            await self._keeping.pop(0)

    async def abandon(self) -> None:
        """Delete what was written; nobody will name it."""
        if self._keeping:
            await asyncio.wait(self._keeping)
        await asyncio.to_thread(self._delete)

    def _write(self, seal: Callable[[], Iterable[SealedPiece]]) -> Sequence[SegmentFile]:
        """Return the segments that are whole by now."""
        whole = []
        for piece in seal():
            if self._file is None:
                self._file = self._blobs.begin(self._location, piece.index)
            self._file.write(piece.sealed)
            if piece.ends:
                whole.append(self._file)
                self._file = None
        return whole

    def _delete(self) -> None:
        if self._file is not None:
            self._file.drop()
        self._blobs.delete(self._location)


def _sealed(sealer: BlobSealer, batch: Sequence[bytes | memoryview]) -> Iterable[SealedPiece]:
    for piece in batch:
        yield from sealer.update(piece)


def _check_named(name: str, media_type: str, key: bytes) -> None:
    """Refuse before anything is stored what the payload could not carry."""
    try:
        msgspec.convert(
            [name, media_type, bytes(32), key, 0, bytes(32)], Attachment, builtin_types=(bytes,)
        )
    except msgspec.ValidationError as fault:
        raise RejectedError(
            "attachment_name_malformed",
            "an attachment has a name of 1 to 255 characters and a media type such as "
            "application/pdf",
        ) from fault
