"""The chunked, key-committing, seekable AEAD for bodies, blobs and everything at rest.

Cobblestone-256: HKDF-SHA512-Expand derives a single-use AES-256-GCM key, base nonce and commitment
from (key, salt, context); 16 KiB chunks follow, the last one always shorter. Constant memory, and
any chunk opens by itself.
Source: c2sp.org/chunked-encryption.
"""

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.errors import RejectedError
from keys.suite import CONTENT_KEY_BYTES

CHUNK_BYTES: Final = 16 * 1024
TAG_BYTES: Final = 16
SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + TAG_BYTES
SALT_BYTES: Final = 24
COMMITMENT_BYTES: Final = 32
HEADER_BYTES: Final = SALT_BYTES + COMMITMENT_BYTES
MAX_CHUNKS: Final = 1 << 38

_NONCE_BYTES: Final = 12
_INFO: Final = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"

Bytes = bytes | bytearray | memoryview


def sealed_bytes(plain_bytes: int) -> int:
    """Return how many bytes a plaintext of ``plain_bytes`` has once sealed."""
    chunks = plain_bytes // CHUNK_BYTES + 1
    return HEADER_BYTES + plain_bytes + chunks * TAG_BYTES


def plain_bytes(sealed: int) -> int:
    """Return how many bytes of plaintext a stream of ``sealed`` bytes holds.

    Raises RejectedError ``stream_truncated`` for a length that no sealed stream has.
    """
    body = sealed - HEADER_BYTES
    whole, last = divmod(body, SEALED_CHUNK_BYTES)
    if body < 0 or last < TAG_BYTES:
        raise RejectedError("stream_truncated", "the sealed stream is cut short")
    return whole * CHUNK_BYTES + last - TAG_BYTES


def seal(key: bytes, context: bytes, salt: bytes, plaintext: Bytes) -> bytes:
    """Return ``plaintext`` sealed under ``key`` (32 bytes), ``context`` and a fresh salt (24)."""
    chunks = _Chunks(key, context, salt)
    view = memoryview(plaintext)
    pieces = [salt, chunks.commitment]
    for number in range(len(view) // CHUNK_BYTES + 1):
        start = number * CHUNK_BYTES
        pieces.append(chunks.seal(number, view[start : start + CHUNK_BYTES]))
    return b"".join(pieces)


def open_sealed(key: bytes, context: bytes, ciphertext: Bytes) -> bytes:
    """Return the plaintext of a whole sealed stream.

    Raises RejectedError ``stream_invalid`` or ``stream_truncated``.
    """
    view = memoryview(ciphertext)
    if len(view) < HEADER_BYTES:
        raise RejectedError("stream_truncated", "the sealed stream is cut short")
    reader = Reader(key, context, bytes(view[:HEADER_BYTES]), len(view))
    return reader.open(0, view[HEADER_BYTES:])


class _Chunks:
    """The derived AEAD of one stream: opens and seals chunk by number."""

    __slots__ = ("_aead", "_base", "commitment")

    def __init__(self, key: bytes, context: bytes, salt: bytes) -> None:
        if len(key) != CONTENT_KEY_BYTES or len(salt) != SALT_BYTES:
            raise ValueError(f"a key has {CONTENT_KEY_BYTES} bytes and a salt {SALT_BYTES}")
        okm = _expand(key, _INFO + salt + context)
        self._aead = AESGCM(okm[:32])
        self._base = int.from_bytes(okm[32:44], "big")
        self.commitment = okm[44:76]

    def seal(self, number: int, plaintext: Bytes) -> bytes:
        return self._aead.encrypt(self._nonce(number), plaintext, None)

    def open(self, number: int, ciphertext: Bytes) -> bytes:
        try:
            return self._aead.decrypt(self._nonce(number), ciphertext, None)
        except InvalidTag as fault:
            raise RejectedError("stream_invalid", "the sealed stream was altered") from fault

    def _nonce(self, number: int) -> bytes:
        return (self._base ^ number).to_bytes(_NONCE_BYTES, "big")


class Sealer:
    """Seals a plaintext piece by piece; the first output carries the header (56 bytes)."""

    __slots__ = ("_chunks", "_held", "_number", "_out")

    def __init__(self, key: bytes, context: bytes, salt: bytes) -> None:
        self._chunks = _Chunks(key, context, salt)
        self._held = bytearray()
        self._number = 0
        self._out = [salt, self._chunks.commitment]

    def update(self, plaintext: Bytes) -> bytes:
        """Take more plaintext; return what is sealed by now (perhaps nothing)."""
        view = memoryview(plaintext)
        if self._held:
            missing = CHUNK_BYTES - len(self._held)
            self._held += view[:missing]
            view = view[missing:]
            if len(self._held) < CHUNK_BYTES:
                return self._flush()
            self._seal(self._held)
            self._held = bytearray()
        whole = len(view) - len(view) % CHUNK_BYTES
        for start in range(0, whole, CHUNK_BYTES):
            self._seal(view[start : start + CHUNK_BYTES])
        self._held += view[whole:]
        return self._flush()

    def finish(self) -> bytes:
        """Return the last, short chunk, which marks the end."""
        self._seal(self._held)
        return self._flush()

    def _seal(self, plaintext: Bytes) -> None:
        if self._number >= MAX_CHUNKS:
            raise ValueError("a stream has at most 2^38 chunks")
        self._out.append(self._chunks.seal(self._number, plaintext))
        self._number += 1

    def _flush(self) -> bytes:
        sealed = b"".join(self._out)
        self._out.clear()
        return sealed


class Opener:
    """Opens a sealed stream piece by piece; only authenticated plaintext comes out.

    After an error it stays closed: every later call raises the same error.
    """

    __slots__ = ("_chunks", "_context", "_failed", "_held", "_key", "_number")

    def __init__(self, key: bytes, context: bytes) -> None:
        self._key = key
        self._context = context
        self._held = bytearray()
        self._number = 0
        self._chunks: _Chunks | None = None
        self._failed: RejectedError | None = None

    def update(self, ciphertext: Bytes) -> bytes:
        """Take more ciphertext; return the plaintext of the chunks completed by it.

        Raises RejectedError ``stream_invalid``.
        """
        if self._failed is not None:
            raise self._failed
        self._held += ciphertext
        try:
            return self._open_whole()
        except RejectedError as fault:
            self._failed = fault
            raise

    def finish(self) -> bytes:
        """Return the last chunk's plaintext: the stream is whole.

        Raises RejectedError ``stream_truncated`` or ``stream_invalid``.
        """
        if self._failed is not None:
            raise self._failed
        try:
            if self._chunks is None or len(self._held) < TAG_BYTES:
                raise RejectedError("stream_truncated", "the sealed stream is cut short")  # noqa: TRY301 - one place remembers the failure
            return self._chunks.open(self._number, self._held)
        except RejectedError as fault:
            self._failed = fault
            raise

    def _open_whole(self) -> bytes:
        held = memoryview(bytes(self._held))
        start = 0
        if self._chunks is None:
            if len(held) < HEADER_BYTES:
                return b""
            self._chunks = _open_header(self._key, self._context, bytes(held[:HEADER_BYTES]))
            start = HEADER_BYTES
        opened = []
        while len(held) - start >= SEALED_CHUNK_BYTES:
            opened.append(self._chunks.open(self._number, held[start : start + SEALED_CHUNK_BYTES]))
            self._number += 1
            start += SEALED_CHUNK_BYTES
        self._held = bytearray(held[start:])
        return b"".join(opened)


class Reader:
    """Opens any chunk of a sealed stream whose bytes lie elsewhere."""

    __slots__ = ("_chunks", "_sealed", "chunks", "plain_bytes")

    def __init__(self, key: bytes, context: bytes, header: bytes, sealed: int) -> None:
        """Check the commitment in ``header`` (56 bytes) of a stream of ``sealed`` bytes.

        Raises RejectedError ``stream_invalid`` or ``stream_truncated``.
        """
        self._chunks = _open_header(key, context, header)
        self.plain_bytes = plain_bytes(sealed)
        self.chunks = self.plain_bytes // CHUNK_BYTES + 1
        self._sealed = sealed

    def chunk_range(self, number: int) -> tuple[int, int]:
        """Return where in the stream chunk ``number`` lies: (start, end), in bytes."""
        start = HEADER_BYTES + number * SEALED_CHUNK_BYTES
        return start, min(start + SEALED_CHUNK_BYTES, self._sealed)

    def open(self, first: int, ciphertext: Bytes) -> bytes:
        """Return the plaintext of the chunks from number ``first`` that ``ciphertext`` holds.

        Raises RejectedError ``stream_invalid``.
        """
        view = memoryview(ciphertext)
        pieces = []
        for offset in range(0, len(view), SEALED_CHUNK_BYTES):
            number = first + offset // SEALED_CHUNK_BYTES
            start, end = self.chunk_range(number)
            piece = view[offset : offset + SEALED_CHUNK_BYTES]
            if number >= self.chunks or len(piece) != end - start:
                raise RejectedError("stream_invalid", "the sealed stream was altered")
            pieces.append(self._chunks.open(number, piece))
        return b"".join(pieces)


def _open_header(key: bytes, context: bytes, header: bytes) -> _Chunks:
    if len(key) != CONTENT_KEY_BYTES or len(header) != HEADER_BYTES:
        raise RejectedError("stream_invalid", "a stream opens with a 32-byte key and header of 56")
    chunks = _Chunks(key, context, header[:SALT_BYTES])
    if not hmac.compare_digest(chunks.commitment, header[SALT_BYTES:]):
        raise RejectedError("stream_invalid", "the stream was sealed under another key or context")
    return chunks


def _expand(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA512-Expand to 76 bytes: two blocks. Source: RFC 5869, section 2.3."""
    first = hmac.digest(key, info + b"\x01", hashlib.sha512)
    return first + hmac.digest(key, first + info + b"\x02", hashlib.sha512)
