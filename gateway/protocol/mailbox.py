"""What a recipient asks of the relay that keeps its mailbox, and what comes back to senders.

A copy is let go against the custody receipt of who takes it over, signed with its ``sign`` key, so
that a stolen TLS key empties no mailbox. Source: SPEC "Mailboxes and returns".
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.answer import MAX_BATCH, MAX_BATCH_BYTES, Code, Posted, copies_in
from gateway.protocol.codec import Bytes16, Bytes32, Member, Wire, decode, decoder, encode
from gateway.protocol.message import MAX_ATTACHMENTS
from gateway.protocol.receipt import MAX_RECEIPT_BYTES, MAX_SEALED_RECEIPT_BYTES

MAX_WAIT_S = 60
MAX_COLLECT_BYTES = MAX_BATCH * 8192
MAX_COLLECTED_BYTES = MAX_BATCH_BYTES + MAX_BATCH * 8192


class Delivered(Wire, frozen=True, tag="delivered"):
    """The recipient has it: its delivery receipt, sealed under the message's content key."""

    sealed: Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_SEALED_RECEIPT_BYTES)]


class Rejected(Wire, frozen=True, tag="rejected"):
    """The recipient will never take it: its signed refusal."""

    receipt: Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_RECEIPT_BYTES)]


class Halted(Wire, frozen=True, tag="halted"):
    """A relay no longer carries it, and says why: its word alone, so the sender tries again."""

    code: Code


class Return(Wire, frozen=True):
    """What became of a copy, on its way back hop by hop."""

    envelope_id: Bytes32
    message_id: Bytes16
    recipient: Member
    stanza_digest: Bytes32
    outcome: Delivered | Rejected | Halted


class Confirmation(Wire, frozen=True):
    """The recipient took (or refuses) a copy that it collected."""

    receipt: Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_RECEIPT_BYTES)]
    """A custody receipt or a refusal, signed by the recipient."""
    sealed: Annotated[bytes, msgspec.Meta(max_length=MAX_SEALED_RECEIPT_BYTES)]
    wanted: Annotated[tuple[Bytes32, ...], msgspec.Meta(max_length=MAX_ATTACHMENTS)] = ()
    """Attachments that it will still fetch: until none are, the relay keeps the copy."""


class Collect(Wire, frozen=True):
    """Ask for what waits; say what was taken since."""

    wait_s: Annotated[int, msgspec.Meta(ge=0, le=MAX_WAIT_S)]
    confirmations: Annotated[tuple[Confirmation, ...], msgspec.Meta(max_length=MAX_BATCH)]
    settled: Annotated[tuple[Return, ...], msgspec.Meta(max_length=MAX_BATCH)]
    """The returns of the last answer, durable here: they need not come again."""


class Collected(Wire, frozen=True):
    """What waited: copies under a lease, and returns."""

    copies: Annotated[tuple[Posted, ...], msgspec.Meta(max_length=MAX_BATCH)]
    returns: Annotated[tuple[Return, ...], msgspec.Meta(max_length=MAX_BATCH)]


_collects = decoder(Collect)
_collected = decoder(Collected)
_returns: msgspec.msgpack.Decoder[tuple[Return, ...]] = msgspec.msgpack.Decoder(
    Annotated[tuple[Return, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
)


def encode_collect(asked: Collect) -> bytes:
    """Return what is posted to the relay."""
    return encode(asked)


def parse_collect(encoded: bytes) -> Collect:
    """Read what a member asks of its mailbox. Raises RejectedError ``encoding_invalid``."""
    return decode(encoded, _collects, most_bytes=MAX_COLLECT_BYTES)


def encode_collected(found: Collected) -> bytes:
    """Return the relay's answer."""
    return encode(found)


def parse_collected(encoded: bytes) -> Collected:
    """Read the relay's answer. Raises RejectedError ``encoding_invalid``."""
    found = decode(encoded, _collected, most_bytes=MAX_COLLECTED_BYTES)
    if copies_in(found.copies) > MAX_BATCH:
        raise RejectedError("encoding_invalid", f"at most {MAX_BATCH} copies are collected at once")
    return found


def encode_returns(returns: Sequence[Return]) -> bytes:
    """Return what is posted to the previous hop: 1 to 64 returns."""
    return encode(tuple(returns))


def parse_returns(encoded: bytes) -> tuple[Return, ...]:
    """Read returns. Raises RejectedError ``encoding_invalid``."""
    return decode(encoded, _returns, most_bytes=MAX_COLLECT_BYTES)
