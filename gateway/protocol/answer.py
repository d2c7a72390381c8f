"""What is posted to a peer, and its answers: exactly four.

Source: SPEC "Posting and answers".
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.codec import Bytes32, Member, Wire, decode, encode
from gateway.protocol.receipt import MAX_RECEIPT_BYTES

MAX_BATCH = 64
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_HOPS = 2
MAX_LATER_S = 86_400

Code = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z_]{1,47}\Z")]


class Posted(Wire, frozen=True):
    """An envelope on its way, and the relays it came through so far, the oldest first."""

    hops: Annotated[tuple[Member, ...], msgspec.Meta(max_length=MAX_HOPS)]
    envelope: bytes
    """Bounded by the batch here; one that is too large is refused alone, when it is parsed."""


class Accepted(Wire, frozen=True, tag="accepted"):
    """It is stored: here is the receipt, the same for every repeat."""

    receipt: Annotated[bytes, msgspec.Meta(max_length=MAX_RECEIPT_BYTES)]


class PendingBlobs(Wire, frozen=True, tag="pending_blobs"):
    """It is good, but these attachments are not whole yet: bring them and post again."""

    blob_ids: Annotated[tuple[Bytes32, ...], msgspec.Meta(min_length=1, max_length=64)]


class Later(Wire, frozen=True, tag="later"):
    """Not now, and not never: try again after so many seconds."""

    code: Code
    retry_after_s: Annotated[int, msgspec.Meta(ge=0, le=MAX_LATER_S)]


class Refused(Wire, frozen=True, tag="refused"):
    """Never: the code says no more than the peer may know."""

    code: Code


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


def parse_batch(encoded: bytes) -> tuple[Posted, ...]:
    """Read a posted batch: 1 to 64 envelopes, 4 MiB. Raises RejectedError ``encoding_invalid``."""
    return decode(encoded, _batches, most_bytes=MAX_BATCH_BYTES)


def encode_answers(answers: Sequence[Answer]) -> bytes:
    """Return the answers to a batch, in its order."""
    return encode(tuple(answers))


def parse_answers(encoded: bytes, count: int) -> tuple[Answer, ...]:
    """Read the answers to a batch of ``count``. Raises RejectedError ``encoding_invalid``."""
    answers = decode(encoded, _answers, most_bytes=MAX_BATCH * (MAX_RECEIPT_BYTES + 4096))
    if len(answers) != count:
        raise RejectedError("encoding_invalid", f"{len(answers)} answers came to {count} envelopes")
    return answers
