"""The message: what its sender signs, and how it lies inside the sealed body.

Source: SPEC "The message".
"""

import re
from dataclasses import dataclass
from typing import Annotated, NewType

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.codec import (
    U32,
    Bytes16,
    Bytes32,
    Member,
    Seconds,
    Size,
    Wire,
    decode,
    decoder,
    encode,
)
from gateway.protocol.padding import padded_bytes
from keys.registry.member import RegistryHead
from keys.suite import Entropy, MemberId, digest, label

MESSAGE_ID_BYTES = 16
MAX_CONTENT_BYTES = 1024 * 1024
MAX_ATTACHMENTS = 64
MAX_PAYLOAD_BYTES = MAX_CONTENT_BYTES + 128 * 1024
"""Room for every combination of the fields' bounds: 64 names of 255 four-byte characters too."""
SIGNED_BYTES = 32 + 40 + 64
"""Who signed, in which view, and the signature."""
_INNER_HEAD = SIGNED_BYTES + 4

MessageRef = NewType("MessageRef", str)
"""A message's name everywhere: its sender, a hyphen and its id in hexadecimal."""

_REF = re.compile(r"([A-Z][A-Z0-9-]{1,31})-([0-9a-f]{32})\Z")


def draw_id(now: int, entropy: Entropy) -> bytes:
    """Return a fresh id (16 bytes) of a message or a case: 5 of the time, 11 random.

    Ids of the same hour lie together in every index, so that storing one touches few pages.
    """
    return now.to_bytes(5, "big") + entropy(11)


def message_ref(sender: str, message_id: bytes) -> MessageRef:
    """Return the name of a message; ids alone are unique per sender only."""
    return MessageRef(f"{sender}-{message_id.hex()}")


def parse_message_ref(text: str) -> tuple[MemberId, bytes]:
    """Return (sender, message id). Raises RejectedError ``message_ref_malformed``."""
    found = _REF.match(text)
    if found is None:
        raise RejectedError(
            "message_ref_malformed", "a message's id is its sender, a hyphen and 32 hex digits"
        )
    return MemberId(found[1]), bytes.fromhex(found[2])


class Attachment(Wire, frozen=True):
    """A sealed file that belongs to a message, and the key that opens it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    media_type: Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e][\x20-\x7e]{2,126}\Z")]
    blob_id: Bytes32
    key: Bytes32
    plain_bytes: Size
    plain_digest: Bytes32

    def __repr__(self) -> str:
        return f"Attachment({self.blob_id.hex()[:16]})"


class Payload(Wire, frozen=True):
    """What the sender says. Optional parts are empty, never nil."""

    kind: Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z_]*(\.[a-z][a-z_]*)?\Z", max_length=64)]
    sender: Member
    unit: Annotated[str, msgspec.Meta(max_length=64)]
    on_behalf_of: Annotated[str, msgspec.Meta(pattern=r"\A([A-Z][A-Z0-9-]{1,31})?\Z")]
    """The member for whom a union speaks."""
    created_at: Seconds
    salt: Bytes16
    case_id: Bytes16
    seq: U32
    in_reply_to: Annotated[str, msgspec.Meta(max_length=65)]
    content: Annotated[bytes, msgspec.Meta(max_length=MAX_CONTENT_BYTES)]
    attachments: Annotated[tuple[Attachment, ...], msgspec.Meta(max_length=MAX_ATTACHMENTS)]

    def __repr__(self) -> str:
        return f"Payload({self.kind}, {self.sender})"


_payloads = decoder(Payload)


def encode_payload(payload: Payload) -> bytes:
    """Return the payload's bytes: what is signed, by its digest.

    Raises RejectedError ``payload_invalid`` for one that no receiver would take.
    """
    encoded = encode(payload)
    decode_payload(encoded)
    return encoded


def decode_payload(encoded: bytes) -> Payload:
    """Read a payload. Raises RejectedError ``payload_invalid``."""
    try:
        payload = decode(encoded, _payloads, most_bytes=MAX_PAYLOAD_BYTES)
        if payload.in_reply_to:
            parse_message_ref(payload.in_reply_to)
    except RejectedError as fault:
        raise RejectedError("payload_invalid", "the signed payload is malformed") from fault
    return payload


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed, in which view, and the signature: with header and payload's digest, a proof."""

    signer_kid: bytes
    registry: RegistryHead
    signature: bytes

    @classmethod
    def parse(cls, encoded: bytes) -> "Signed":
        """Read the 136 bytes that ``Inner.signed`` gives, or that a body begins with."""
        return cls(encoded[:32], RegistryHead.parse(encoded[32:72]), encoded[72:SIGNED_BYTES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """The sealed body's plaintext, taken apart: who signed, in which view, what."""

    signer_kid: bytes
    registry: RegistryHead
    signature: bytes
    payload: bytes

    def __repr__(self) -> str:
        return f"Inner({self.signer_kid.hex()[:16]})"

    def to_be_signed(self, header: bytes) -> bytes:
        """Return what its signature is over, under ``header``."""
        return to_be_signed(self.signer_kid, self.registry, header, payload_digest(self.payload))

    @property
    def signed(self) -> bytes:
        """Who signed, in which view, and the signature: with header and payload, a proof."""
        return self.signer_kid + self.registry.encode() + self.signature

    def encode(self) -> bytes:
        """Return the body's plaintext, padded."""
        length = len(self.payload).to_bytes(4, "big")
        plain = self.signed + length + self.payload
        return plain + bytes(padded_bytes(len(plain)) - len(plain))


def split_inner(plain: bytes) -> Inner:
    """Take the body's plaintext apart at fixed offsets; the padding must be all zero.

    Raises RejectedError ``padding_invalid``.
    """
    length = int.from_bytes(plain[SIGNED_BYTES:_INNER_HEAD], "big")
    end = _INNER_HEAD + length
    if len(plain) != padded_bytes(end) or plain.count(0, end) != len(plain) - end:
        raise RejectedError("padding_invalid", "the sealed body is not padded as SPEC says")
    signed = Signed.parse(plain)
    return Inner(
        signer_kid=signed.signer_kid,
        registry=signed.registry,
        signature=signed.signature,
        payload=plain[_INNER_HEAD:end],
    )


def payload_digest(payload: bytes) -> bytes:
    """Return what stands for the payload in TBS (32 bytes); its salt keeps it unguessable."""
    return digest(label("payload"), payload)


def to_be_signed(
    signer_kid: bytes, registry: RegistryHead, header: bytes, payload_digest: bytes
) -> bytes:
    """Return TBS without its label, which ``keys.signing`` puts before it.

    The payload is in it by its digest, so that who must not see it can still verify.
    """
    length = len(header).to_bytes(4, "big")
    return b"".join((signer_kid, registry.encode(), length, header, payload_digest))


def tbs_digest(to_sign: bytes) -> bytes:
    """Return H(TBS) (32 bytes): what a message *is*, whatever envelope carried it."""
    return digest(label("message"), to_sign)
