"""Blobs: sealed attachments, cut into segments that are verified one by one, as they stream.

Source: SPEC "Blobs".
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.codec import Bytes32, Size, Wire, decode, decoder, encode
from gateway.protocol.padding import padded_bytes
from keys.stream import Bytes, Sealer, sealed_bytes
from keys.suite import SUITE, digest, label

SEGMENT_BYTES = 8 * 1024 * 1024
MAX_SEGMENTS = 1 << 16
"""512 GiB; the limit in force is a setting far below."""
MAX_SEGMENT_LIST_BYTES = 64 + 34 * MAX_SEGMENTS

BLOB_CONTEXT = label("blob") + SUITE.to_bytes(2, "big")
_ZEROS = bytes(1024 * 1024)


class SegmentList(Wire, frozen=True):
    """The sealed length of a blob and the digest of each of its segments."""

    sealed_bytes: Size
    digests: Annotated[tuple[Bytes32, ...], msgspec.Meta(min_length=1, max_length=MAX_SEGMENTS)]

    @property
    def blob_id(self) -> bytes:
        """The blob's name (32 bytes): it commits to every byte of the ciphertext."""
        length = self.sealed_bytes.to_bytes(8, "big")
        return digest(label("blob"), length, *self.digests)

    def segment_bytes(self, index: int) -> int:
        """Return how many bytes segment ``index`` has."""
        return min(SEGMENT_BYTES, self.sealed_bytes - index * SEGMENT_BYTES)


_lists = decoder(SegmentList)


def sealed_blob_bytes(plain_bytes: int) -> int:
    """Return the length of the ciphertext of an attachment of ``plain_bytes``."""
    return sealed_bytes(padded_bytes(plain_bytes))


def encode_segment_list(segments: SegmentList) -> bytes:
    """Return the bytes of a segment list."""
    return encode(segments)


def parse_segment_list(encoded: bytes, blob_id: bytes) -> SegmentList:
    """Read the segment list of blob ``blob_id``.

    Raises RejectedError ``encoding_invalid``, or ``blob_mismatch`` when it is another blob's.
    """
    segments = decode(encoded, _lists, most_bytes=MAX_SEGMENT_LIST_BYTES)
    count = -(-segments.sealed_bytes // SEGMENT_BYTES)
    if count != len(segments.digests) or segments.blob_id != blob_id:
        raise RejectedError("blob_mismatch", "the segment list is not that of this blob")
    return segments


def segment_digest(index: int, segment: Bytes) -> bytes:
    """Return the digest (32 bytes) of segment ``index``."""
    state = _segment_state(index)
    state.update(segment)
    return state.digest()


class SegmentCheck:
    """Verifies one segment against the list while its bytes come in."""

    def __init__(self, segments: SegmentList, index: int) -> None:
        """Begin with segment ``index``. Raises RejectedError ``segment_unknown``."""
        if not 0 <= index < len(segments.digests):
            raise RejectedError("segment_unknown", f"the blob has no segment {index}")
        self._index = index
        self._wanted = segments.digests[index]
        self._left = segments.segment_bytes(index)
        self._state = _segment_state(index)

    def update(self, piece: Bytes) -> None:
        """Take the next bytes. Raises RejectedError ``segment_mismatch`` once they are too many."""
        self._left -= len(piece)
        if self._left < 0:
            raise self._mismatch()
        self._state.update(piece)

    def finish(self) -> None:
        """Judge the whole segment. Raises RejectedError ``segment_mismatch``."""
        if self._left or self._state.digest() != self._wanted:
            raise self._mismatch()

    def _mismatch(self) -> RejectedError:
        return RejectedError(
            "segment_mismatch", f"segment {self._index} is not the one of this blob"
        )


@dataclass(frozen=True, slots=True)
class SealedPiece:
    """Sealed bytes that follow each other within one segment."""

    index: int
    sealed: Bytes
    ends: bool
    """Whether they are the last of their segment."""


class BlobSealer:
    """Seals an attachment piece by piece; no more is held than one piece of the plaintext."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._sealer = Sealer(key, BLOB_CONTEXT, salt)
        self._plain_state = hashlib.sha256()
        self._segment_state = _segment_state(0)
        self._left = SEGMENT_BYTES
        self._digests: list[bytes] = []
        self._sealed_bytes = 0
        self.plain_bytes = 0

    def update(self, plaintext: Bytes) -> Iterator[SealedPiece]:
        """Take more plaintext; yield what is sealed by now, cut where segments end."""
        self._plain_state.update(plaintext)
        self.plain_bytes += len(plaintext)
        yield from self._cut(self._sealer.update(plaintext))

    def finish(self) -> Iterator[SealedPiece]:
        """Pad, seal the end, and yield what remains; the last piece ends the last segment."""
        missing = padded_bytes(self.plain_bytes) - self.plain_bytes
        while missing:
            zeros = _ZEROS[:missing]
            missing -= len(zeros)
            yield from self._cut(self._sealer.update(zeros))
        yield from self._cut(self._sealer.finish())
        # Never empty before this: a blob is 8 bytes past a multiple of 16.
        yield self._end(b"")

    @property
    def plain_digest(self) -> bytes:
        """The SHA-256 of the plaintext, without its padding."""
        return self._plain_state.digest()

    def segment_list(self) -> SegmentList:
        """Return the list of all segments, once ``finish`` has yielded its last."""
        return SegmentList(self._sealed_bytes, tuple(self._digests))

    def _cut(self, sealed: bytes) -> Iterator[SealedPiece]:
        view = memoryview(sealed)
        while len(view) >= self._left:
            piece, view = view[: self._left], view[self._left :]
            yield self._end(piece)
        if view:
            self._take(view)
            yield SealedPiece(len(self._digests), view, ends=False)

    def _take(self, piece: Bytes) -> None:
        self._segment_state.update(piece)
        self._sealed_bytes += len(piece)
        self._left -= len(piece)

    def _end(self, piece: Bytes) -> SealedPiece:
        self._take(piece)
        index = len(self._digests)
        self._digests.append(self._segment_state.digest())
        self._segment_state = _segment_state(index + 1)
        self._left = SEGMENT_BYTES
        return SealedPiece(index, piece, ends=True)


def _segment_state(index: int) -> "hashlib._Hash":
    return hashlib.sha256(label("segment") + index.to_bytes(4, "big"))
