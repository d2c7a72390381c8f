"""What is posted to a peer, and its answers: exactly four.

Source: SPEC "Posting and answers".
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.codec import Bytes32, Member, Wire, decode, encode
from gateway.protocol.message import MAX_ATTACHMENTS
from gateway.protocol.receipt import MAX_RECEIPT_BYTES, MAX_SEALED_RECEIPT_BYTES

MAX_BATCH = 64
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_HOPS = 2
MAX_LATER_S = 86_400

Code = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z_]{1,47}\Z")]


class Posted(Wire, frozen=True):
    """An envelope on its way, and the relays it came through so far, the oldest first."""

    hops: Annotated[tuple[Member, ...], msgspec.Meta(max_length=MAX_HOPS)]
    to: Annotated[tuple[Member, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
    """For whom each of its stanzas is: a thin copy names one of the header's recipients."""
    envelope: bytes
    """Bounded by the batch here; one that is too large is refused alone, when it is parsed."""


_Blobs = tuple[Bytes32, ...]


class Accepted(Wire, frozen=True, tag="accepted"):
    """It is stored: here is the receipt, the same for every repeat.

    A recipient answers the sender with its delivery receipt. To a relay it gives a custody receipt,
    and the delivery receipt sealed for the sender; so does a relay that has it already.
    """

    receipt: Annotated[bytes, msgspec.Meta(max_length=MAX_RECEIPT_BYTES)]
    sealed: Annotated[bytes, msgspec.Meta(max_length=MAX_SEALED_RECEIPT_BYTES)] = b""
    wanted: Annotated[_Blobs, msgspec.Meta(max_length=MAX_ATTACHMENTS)] = ()
    """Attachments that the recipient will still fetch from who posted it, who keeps them."""


class PendingBlobs(Wire, frozen=True, tag="pending_blobs"):
    """It is good, but these attachments are not whole yet: bring them and post again."""

    blob_ids: Annotated[_Blobs, msgspec.Meta(min_length=1, max_length=MAX_ATTACHMENTS)]


class Later(Wire, frozen=True, tag="later"):
    """Not now, and not never: try again after so many seconds."""

    code: Code
    retry_after_s: Annotated[int, msgspec.Meta(ge=0, le=MAX_LATER_S)]


class Refused(Wire, frozen=True, tag="refused"):
    """Never: the code says no more than the peer may know.

    A recipient that refuses what a relay brought signs so, for the sender to see.
    """

    code: Code
    receipt: Annotated[bytes, msgspec.Meta(max_length=MAX_RECEIPT_BYTES)] = b""


Answer = Accepted | PendingBlobs | Later | Refused

_batches: msgspec.msgpack.Decoder[tuple[Posted, ...]] = msgspec.msgpack.Decoder(
    Annotated[tuple[Posted, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
)
_answers: msgspec.msgpack.Decoder[tuple[Answer, ...]] = msgspec.msgpack.Decoder(
    Annotated[tuple[Answer, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
)


def encode_batch(batch: Sequence[Posted]) -> bytes:
    """Return a batch as it is posted; the caller keeps to the caps."""
    return encode(tuple(batch))


def copies_in(batch: Sequence[Posted]) -> int:
    """Return how many answers a batch gets: one for each stanza of each envelope."""
    return sum(len(item.to) for item in batch)


def parse_batch(encoded: bytes) -> tuple[Posted, ...]:
    """Read a posted batch: 1 to 64 copies, 4 MiB. Raises RejectedError ``encoding_invalid``."""
    batch = decode(encoded, _batches, most_bytes=MAX_BATCH_BYTES)
    if copies_in(batch) > MAX_BATCH:
        raise RejectedError("encoding_invalid", f"a batch has at most {MAX_BATCH} copies")
    return batch


def encode_answers(answers: Sequence[Answer]) -> bytes:
    """Return the answers to a batch: one for each stanza of each envelope, in their order."""
    return encode(tuple(answers))


def parse_answers(encoded: bytes, count: int) -> tuple[Answer, ...]:
    """Read the answers to ``count`` copies. Raises RejectedError ``encoding_invalid``."""
    answers = decode(encoded, _answers, most_bytes=MAX_BATCH * 8192)
    if len(answers) != count:
        raise RejectedError("encoding_invalid", f"{len(answers)} answers came to {count} copies")
    return answers
