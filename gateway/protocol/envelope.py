"""The envelope: header, stanzas and sealed body; how one is made and taken apart.

Source: SPEC "The envelope". Opening one, which needs keys and the registry, is in ``opening``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.blob import sealed_blob_bytes
from gateway.protocol.codec import (
    U16,
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
from gateway.protocol.message import (
    MAX_ATTACHMENTS,
    Attachment,
    Inner,
    Payload,
    encode_payload,
    payload_digest,
    tbs_digest,
    to_be_signed,
)
from keys.registry.member import RegistryHead
from keys.sealing import SealKey, Session, wrap
from keys.signing import Signer
from keys.stream import SALT_BYTES, seal
from keys.suite import (
    CONTENT_KEY_BYTES,
    SHARED_BYTES,
    SUITE,
    WRAPPED_BYTES,
    Entropy,
    KeyId,
    MemberId,
    digest,
    label,
)

VERSION = 1
MAX_ENVELOPE_BYTES = 2 * 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024
MAX_RECIPIENTS = 256
MAX_PRIORITY = 9
_SUITE_BYTES = SUITE.to_bytes(2, "big")


class BlobRef(Wire, frozen=True):
    """A sealed attachment, as a relay sees it: its name and its size as ciphertext."""

    blob_id: Bytes32
    sealed_bytes: Size


class Header(Wire, frozen=True):
    """All that a relay may read."""

    version: U16
    suite: U16
    message_id: Bytes16
    expires_at: Seconds
    to: Annotated[tuple[Member, ...], msgspec.Meta(min_length=1, max_length=MAX_RECIPIENTS)]
    priority: Annotated[int, msgspec.Meta(ge=0, le=MAX_PRIORITY)]
    blobs: Annotated[tuple[BlobRef, ...], msgspec.Meta(max_length=MAX_ATTACHMENTS)]


class Stanza(Wire, frozen=True):
    """The content key, wrapped for one recipient's sealing key, in one of two forms."""

    key_id: Bytes32
    wrapped: Annotated[bytes, msgspec.Meta(min_length=WRAPPED_BYTES, max_length=SHARED_BYTES)]

    @property
    def digest(self) -> bytes:
        """H(stanza): what a custody receipt attests."""
        return digest(label("stanza"), self.key_id, self.wrapped)

    @property
    def is_shared(self) -> bool:
        """Whether it is wrapped within a session, which a relay could recognise."""
        return len(self.wrapped) != WRAPPED_BYTES


class _Envelope(Wire, frozen=True):
    header: Annotated[bytes, msgspec.Meta(max_length=MAX_HEADER_BYTES)]
    stanzas: Annotated[tuple[Stanza, ...], msgspec.Meta(min_length=1, max_length=MAX_RECIPIENTS)]
    body: Annotated[bytes, msgspec.Meta(max_length=MAX_ENVELOPE_BYTES)]


_envelopes = decoder(_Envelope)
_headers = decoder(Header)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message ready to be signed and sealed."""

    payload: Payload
    message_id: bytes
    expires_at: int
    to: tuple[MemberId, ...]
    priority: int

    def header(self) -> Header:
        """Return the header: recipients sorted, attachments by what relays may see."""
        return Header(
            version=VERSION,
            suite=SUITE,
            message_id=self.message_id,
            expires_at=self.expires_at,
            to=tuple(sorted(self.to)),
            priority=self.priority,
            blobs=tuple(blob_ref(item) for item in self.payload.attachments),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedMessage:
    """A signed and sealed message; stanzas are wrapped recipient by recipient."""

    envelope_id: bytes
    header: bytes
    body: bytes
    content_key: bytes
    tbs_digest: bytes

    def __repr__(self) -> str:
        return f"SealedMessage({self.envelope_id.hex()[:16]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEnvelope:
    """An envelope in canonical form; nothing of it is verified."""

    header: Header
    header_bytes: bytes
    stanzas: tuple[Stanza, ...]
    body: bytes
    envelope_id: bytes

    def __repr__(self) -> str:
        return f"ParsedEnvelope({self.envelope_id.hex()[:16]})"


def seal_message(
    draft: Draft, *, signer: Signer, registry: RegistryHead, entropy: Entropy
) -> SealedMessage:
    """Sign and seal: one content key, one body, for any number of recipients.

    Raises RejectedError ``encoding_invalid`` or ``payload_invalid`` for a draft that no receiver
    would take.
    """
    header = encode(draft.header())
    parse_header(header)
    payload = encode_payload(draft.payload)
    content_key = entropy(CONTENT_KEY_BYTES)
    return sign_again(
        header, payload, content_key, signer=signer, registry=registry, entropy=entropy
    )


def sign_again(
    header: bytes,
    payload: bytes,
    content_key: bytes,
    *,
    signer: Signer,
    registry: RegistryHead,
    entropy: Entropy,
) -> SealedMessage:
    """Sign and seal a message whose header, payload and content key are given.

    For one whose signing key was revoked: stanzas stay good, because they bind header and content
    key alone. Source: SPEC "Signing again".
    """
    to_sign = to_be_signed(signer.key_id, registry, header, payload_digest(payload))
    inner = Inner(
        signer_kid=signer.key_id,
        registry=registry,
        signature=signer.sign("message", to_sign),
        payload=payload,
    )
    body = seal(content_key, body_context(header), entropy(SALT_BYTES), inner.encode())
    return SealedMessage(
        envelope_id=envelope_id(header, body),
        header=header,
        body=body,
        content_key=content_key,
        tbs_digest=tbs_digest(to_sign),
    )


def wrap_stanza(header: bytes, content_key: bytes, seal_kid: KeyId, public_key: bytes) -> Stanza:
    """Wrap the content key of the envelope with ``header`` for one recipient's key."""
    return Stanza(seal_kid, wrap(public_key, stanza_info(seal_kid, header), content_key))


def begin_session(seal_kid: KeyId, public_key: bytes, entropy: Entropy) -> Session:
    """Begin to share a session with one recipient's key, for copies handed to it directly."""
    return Session(public_key, session_info(seal_kid), entropy)


def share_stanza(header: bytes, content_key: bytes, seal_kid: KeyId, session: Session) -> Stanza:
    """Wrap the content key of the envelope with ``header`` within a session."""
    return Stanza(seal_kid, session.wrap(stanza_info(seal_kid, header), content_key))


def unwrap_stanza(stanza: Stanza, header: bytes, seal_key: SealKey) -> bytes:
    """Return the content key of the envelope with ``header``, from either form.

    Raises RejectedError ``stanza_invalid``.
    """
    info = stanza_info(seal_key.key_id, header)
    if len(stanza.wrapped) == WRAPPED_BYTES:
        return seal_key.unwrap(info, stanza.wrapped)
    return seal_key.unwrap_shared(session_info(seal_key.key_id), info, stanza.wrapped)


def encode_envelope(header: bytes, stanzas: Sequence[Stanza], body: bytes) -> bytes:
    """Return an envelope; with one stanza it is a thin copy for one recipient."""
    return encode(_Envelope(header, tuple(stanzas), body))


def parse_envelope(encoded: bytes) -> ParsedEnvelope:
    """Read an envelope: caps and canonical form (step 1 of opening).

    Raises RejectedError ``envelope_too_large`` or ``encoding_invalid``.
    """
    if len(encoded) > MAX_ENVELOPE_BYTES:
        raise RejectedError(
            "envelope_too_large", f"an envelope has at most {MAX_ENVELOPE_BYTES} bytes"
        )
    envelope = decode(encoded, _envelopes, most_bytes=MAX_ENVELOPE_BYTES)
    return ParsedEnvelope(
        header=parse_header(envelope.header),
        header_bytes=envelope.header,
        stanzas=envelope.stanzas,
        body=envelope.body,
        envelope_id=envelope_id(envelope.header, envelope.body),
    )


def parse_header(encoded: bytes) -> Header:
    """Read a header. Raises RejectedError ``encoding_invalid``."""
    header = decode(encoded, _headers, most_bytes=MAX_HEADER_BYTES)
    if list(header.to) != sorted(set(header.to)):
        raise RejectedError("encoding_invalid", "recipients are sorted, and each stands once")
    return header


def envelope_id(header: bytes, body: bytes) -> bytes:
    """Return the name (32 bytes) of an envelope; stanzas are outside it."""
    return digest(label("envelope"), header, digest(body))


def body_context(header: bytes) -> bytes:
    """Return the context that binds a body to its header and suite."""
    return label("body") + _SUITE_BYTES + header_digest(header)


def stanza_info(seal_kid: KeyId, header: bytes) -> bytes:
    """Return the HPKE info that binds a stanza to its key, header and suite."""
    return label("stanza") + _SUITE_BYTES + seal_kid + header_digest(header)


def session_info(seal_kid: KeyId) -> bytes:
    """Return the HPKE info that binds a session to its key and suite."""
    return label("session") + _SUITE_BYTES + seal_kid


def header_digest(header: bytes) -> bytes:
    """Return hh = H(L("header") ‖ header)."""
    return digest(label("header"), header)


def blob_ref(attachment: Attachment) -> BlobRef:
    """Return what the header shows of an attachment."""
    return BlobRef(attachment.blob_id, sealed_blob_bytes(attachment.plain_bytes))
