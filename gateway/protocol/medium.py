"""A medium: the file that carries copies, attachments and receipts to a member by hand.

Framing alone. Each record proves itself, or is held against one that does, so the file is not
signed: what is damaged costs its own record, and whoever carries it can do no more than lose it.
Source: SPEC "Media".
"""

import hashlib
from typing import Annotated

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.answer import Code
from gateway.protocol.blob import MAX_SEGMENT_LIST_BYTES, SEGMENT_BYTES
from gateway.protocol.codec import (
    U32,
    Bytes16,
    Bytes32,
    Member,
    Seconds,
    Size,
    Wire,
    decode,
    encode,
)
from gateway.protocol.envelope import MAX_ENVELOPE_BYTES
from gateway.protocol.mailbox import Halted, Return
from keys.registry.statement import MAX_STATEMENT_BYTES
from keys.stream import Bytes
from keys.suite import DIGEST_BYTES, digest, label

MAGIC = b"liaison medium 1\n"
MAX_CARD_BYTES = 128 * 1024
MAX_RECORD_BYTES = SEGMENT_BYTES + 1024
_LENGTH_BYTES = 4


class MediumError(RejectedError):
    """From here on a file cannot be read as a medium; what came before stands."""


class Heading(Wire, frozen=True, tag="heading"):
    """Who wrote it for whom, as it says itself: it decides the hop, and proves nothing."""

    sender: Member
    recipient: Member
    made_at: Seconds


class RegistryStatement(Wire, frozen=True, tag="statement"):
    """A statement of the registry; all of them travel, in order, before the checkpoint."""

    number: Size
    note: Annotated[bytes, msgspec.Meta(max_length=MAX_STATEMENT_BYTES)]


class RegistryCheckpoint(Wire, frozen=True, tag="checkpoint"):
    """The registry's signed head over the statements before it."""

    note: Annotated[bytes, msgspec.Meta(max_length=MAX_STATEMENT_BYTES)]


class CardNote(Wire, frozen=True, tag="card"):
    """The writer's newest key card: what the answer is sealed to."""

    note: Annotated[bytes, msgspec.Meta(max_length=MAX_CARD_BYTES)]


class BlobOffer(Wire, frozen=True, tag="attachment"):
    """An attachment that follows: its name, and the segment list that the name commits to."""

    blob_id: Bytes32
    segment_list: Annotated[bytes, msgspec.Meta(max_length=MAX_SEGMENT_LIST_BYTES)]


class BlobSegment(Wire, frozen=True, tag="segment"):
    """One segment of an attachment that was offered before."""

    blob_id: Bytes32
    number: U32
    segment: Annotated[bytes, msgspec.Meta(max_length=SEGMENT_BYTES)]

    def __repr__(self) -> str:
        return f"BlobSegment({self.blob_id.hex()[:16]}, {self.number})"


class CarriedCopy(Wire, frozen=True, tag="copy"):
    """An envelope with one stanza, the recipient's; its attachments stand before it."""

    envelope: Annotated[bytes, msgspec.Meta(max_length=MAX_ENVELOPE_BYTES)]


class CarriedReturn(Wire, frozen=True, tag="return"):
    """What became of a copy that a medium brought the other way: a receipt, or a refusal."""

    item: Return


class LeftOut(Wire, frozen=True, tag="left_out"):
    """A message that waits for the recipient and could not be put here, and why."""

    message_id: Bytes16
    code: Code


class End(Wire, frozen=True, tag="end"):
    """The last record: the digest of all before it."""

    digest: Bytes32


class Unreadable(msgspec.Struct, frozen=True):
    """A record that says nothing: its bytes were damaged, or have not the form that SPEC gives."""

    code: str
    """``record_damaged`` or ``encoding_invalid``."""


Written = (
    Heading
    | RegistryStatement
    | RegistryCheckpoint
    | CardNote
    | BlobOffer
    | BlobSegment
    | CarriedCopy
    | CarriedReturn
    | LeftOut
    | End
)
Record = Written | Unreadable

_records: msgspec.msgpack.Decoder[Written] = msgspec.msgpack.Decoder(Written)


class MediumWriter:
    """Frames records one after the other, in constant memory."""

    def __init__(self) -> None:
        self._state = hashlib.sha256(label("medium"))

    @property
    def digest(self) -> bytes:
        """The digest (32 bytes) of the records written so far, without the end."""
        return self._state.digest()

    def begin(self, heading: Heading) -> bytes:
        """Return how a medium begins."""
        return MAGIC + self.write(heading)

    def write(self, record: Written) -> bytes:
        """Return a record as it stands in the file."""
        encoded = encode(record)
        check = digest(label("record"), encoded)
        if not isinstance(record, End):
            self._state.update(check)
        return b"".join((len(encoded).to_bytes(_LENGTH_BYTES, "big"), encoded, check))

    def end(self) -> bytes:
        """Return how a medium ends: a reader can tell that nothing is missing."""
        return self.write(End(self.digest))


class MediumReader:
    """Takes a medium apart as it comes; at most one record is held (8 MiB).

    A fault is kept for ``finish``, so that what came before it is never lost. After one, nothing
    more is read.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._state = hashlib.sha256(label("medium"))
        self._named = False
        self._ended = False
        self.begun = False
        """Whether a heading was read."""
        self.fault: MediumError | None = None

    @property
    def digest(self) -> bytes:
        """The digest (32 bytes) of the records read so far, without the end."""
        return self._state.digest()

    def update(self, piece: Bytes) -> list[Record]:
        """Take more bytes; return each record that is whole by now."""
        records: list[Record] = []
        if self.fault is None:
            self._held += piece
            try:
                while (frame := self._frame()) is not None:
                    records.append(self._record(*frame))
            except MediumError as fault:
                self.fault = fault
        return records

    def finish(self) -> None:
        """Say that no more bytes come.

        Raises MediumError: ``medium_malformed`` (no medium, or not from some place on),
        ``version_unknown``, ``medium_altered`` (records are missing, or too many) or
        ``medium_cut_short``.
        """
        if self.fault is not None:
            raise self.fault
        if not self.begun:
            raise _malformed("the file is no medium, or is cut before it says whose it is")
        if not self._ended:
            raise MediumError(
                "medium_cut_short", "the medium ends before its last record: copy it again"
            )

    def _frame(self) -> tuple[bytes, bytes] | None:
        """Return the next record and its check, once all of it is there."""
        if not self._named:
            if len(self._held) < len(MAGIC):
                return None
            self._check_magic()
        if self._ended and self._held:
            raise _malformed("bytes follow the medium's last record")
        if len(self._held) < _LENGTH_BYTES:
            return None
        length = int.from_bytes(self._held[:_LENGTH_BYTES], "big")
        if not 0 < length <= MAX_RECORD_BYTES:
            raise _malformed("the medium is damaged: from here on it cannot be read")
        end = _LENGTH_BYTES + length
        if len(self._held) < end + DIGEST_BYTES:
            return None
        with memoryview(self._held) as held:
            encoded, check = bytes(held[_LENGTH_BYTES:end]), bytes(held[end : end + DIGEST_BYTES])
        del self._held[: end + DIGEST_BYTES]
        return encoded, check

    def _check_magic(self) -> None:
        title, _, version = MAGIC.rpartition(b" ")
        if self._held[: len(title) + 1] != title + b" ":
            raise _malformed("the file is no medium")
        if self._held[len(title) + 1 : len(MAGIC)] != version:
            raise MediumError("version_unknown", "a medium of this version is unknown here")
        del self._held[: len(MAGIC)]
        self._named = True

    def _record(self, encoded: bytes, check: bytes) -> Record:
        record = _parse(encoded, check)
        if isinstance(record, Heading) is self.begun:
            if not self.begun:
                raise _malformed("a medium begins with its heading")
            record = Unreadable("encoding_invalid")
        self.begun = True
        if isinstance(record, End):
            self._ended = True
            if record.digest != self.digest:
                raise MediumError(
                    "medium_altered", "records are missing from the medium, or were added to it"
                )
        else:
            self._state.update(check)
        return record


def _parse(encoded: bytes, check: bytes) -> Record:
    if digest(label("record"), encoded) != check:
        return Unreadable("record_damaged")
    try:
        record = decode(encoded, _records, most_bytes=MAX_RECORD_BYTES)
    except RejectedError as fault:
        return Unreadable(fault.code)
    if isinstance(record, CarriedReturn) and isinstance(record.item.outcome, Halted):
        return Unreadable("encoding_invalid")  # a relay's own word proves nothing here
    return record


def _malformed(detail: str) -> MediumError:
    return MediumError("medium_malformed", detail)
