"""Open an envelope: every check in its order, from the bytes to a verified message.

Step 0 (known already?), 8 (insert) and 9 (receipt) belong to the service that commits.
Source: SPEC "Opening".
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import RejectedError, UnavailableError
from gateway.protocol.envelope import (
    VERSION,
    ParsedEnvelope,
    Stanza,
    blob_ref,
    body_context,
    unwrap_stanza,
)
from gateway.protocol.message import (
    Inner,
    Payload,
    decode_payload,
    split_inner,
    tbs_digest,
)
from keys.registry.member import RegisteredKey, RegistryHead
from keys.registry.view import View
from keys.sealing import SealKey
from keys.signing import verify
from keys.stream import open_sealed
from keys.suite import SUITE, KeyId, KeyUse, MemberId

SealKeys = Callable[[KeyId], SealKey | None]
"""Finds the private sealing key of a name, if this node holds it."""
RootAt = Callable[[int], bytes]
"""Tells the registry's root (32 bytes) at a size that it has, or had, in our view."""


class SplitViewError(RejectedError):
    """A verified sender names a registry that is not ours: who, and what it named."""

    def __init__(self, sender: MemberId, claim: RegistryHead) -> None:
        super().__init__(
            "registry_split_view",
            f"{sender} was shown another registry of {claim.size} statements than this node",
        )
        self.sender = sender
        self.claim = claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What opening depends on: who we are and what we know, now."""

    me: MemberId
    view: View
    root_at: RootAt
    seal_keys: SealKeys
    now: int
    clock_skew_s: int = 300
    max_lifetime_s: int = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedMessage:
    """A message that passed every check: the only thing the inbox takes."""

    envelope: ParsedEnvelope
    content_key: bytes
    seal_kid: KeyId
    stanza_digest: bytes
    inner: Inner
    payload: Payload
    sender: MemberId
    tbs_digest: bytes

    def __repr__(self) -> str:
        return f"OpenedMessage({self.envelope.envelope_id.hex()[:16]})"


def open_envelope(parsed: ParsedEnvelope, hop: MemberId, receiver: Receiver) -> OpenedMessage:
    """Open an envelope that ``hop`` handed over; steps 2 to 7.

    Raises RejectedError (final) and UnavailableError (``stale_card``, ``registry_behind``,
    ``member_suspended``: later) with the codes of SPEC "Opening".
    """
    _check_header(parsed, hop, receiver)
    stanza, seal_key = _own_stanza(parsed, receiver)
    content_key = unwrap_stanza(stanza, parsed.header_bytes, seal_key)
    inner = open_body(parsed.header_bytes, parsed.body, content_key)
    signer = _signer(inner, receiver)
    to_sign = inner.to_be_signed(parsed.header_bytes)
    verify(signer.public_key, "message", to_sign, inner.signature)
    _check_view(inner.registry, signer.member, receiver)
    payload = decode_payload(inner.payload)
    _check_payload(payload, parsed, signer, receiver)
    _check_route(signer.member, hop, receiver)
    return OpenedMessage(
        envelope=parsed,
        content_key=content_key,
        seal_kid=seal_key.key_id,
        stanza_digest=stanza.digest,
        inner=inner,
        payload=payload,
        sender=signer.member,
        tbs_digest=tbs_digest(to_sign),
    )


def open_body(header: bytes, body: bytes, content_key: bytes) -> Inner:
    """Open a body with its content key (steps 4 and 5); for stored messages too.

    Raises RejectedError ``body_invalid`` or ``padding_invalid``.
    """
    try:
        plain = open_sealed(content_key, body_context(header), body)
    except RejectedError as fault:
        raise RejectedError("body_invalid", "the sealed body does not open") from fault
    return split_inner(plain)


def verify_stored(header: bytes, inner: Inner, view: View) -> RegisteredKey:
    """Verify a stored message's signature again; its key may be retired since.

    Raises RejectedError ``signer_unknown`` or ``signature_invalid``.
    """
    signer = view.keys.get(KeyId(inner.signer_kid))
    if signer is None or signer.use is not KeyUse.SIGN:
        raise RejectedError("signer_unknown", "the registry knows no such signing key")
    verify(signer.public_key, "message", inner.to_be_signed(header), inner.signature)
    return signer


def _check_header(parsed: ParsedEnvelope, hop: MemberId, receiver: Receiver) -> None:
    header = parsed.header
    if header.version != VERSION:
        raise RejectedError("version_unknown", f"envelopes of version {header.version} are unknown")
    if header.suite != SUITE:
        raise RejectedError("suite_unknown", f"the cipher suite {header.suite:#06x} is unknown")
    if header.expires_at <= receiver.now:
        raise RejectedError("envelope_expired", "the message had expired when it came")
    if receiver.me not in header.to:
        raise RejectedError("not_addressed", f"the message is not addressed to {receiver.me}")
    # The sender, whose relays may bring it too, is known at step 7: see _check_route.
    carrier = receiver.view.members.get(hop)
    if carrier is None:
        raise RejectedError("not_on_route", f"{hop} is no member")
    if carrier.suspended:
        raise _suspended(hop)


def _own_stanza(parsed: ParsedEnvelope, receiver: Receiver) -> tuple[Stanza, SealKey]:
    for stanza in parsed.stanzas:
        seal_key = receiver.seal_keys(KeyId(stanza.key_id))
        if seal_key is not None:
            return stanza, seal_key
    raise UnavailableError(
        "stale_card", "the envelope is sealed to no key held here: take the newest key card"
    )


def _signer(inner: Inner, receiver: Receiver) -> RegisteredKey:
    signer = receiver.view.keys.get(KeyId(inner.signer_kid))
    if signer is None or signer.use is not KeyUse.SIGN:
        if inner.registry.size > receiver.view.frontier.size:
            raise UnavailableError(
                "registry_behind", "the sender's registry is newer than the one held here"
            )
        raise RejectedError("signer_unknown", "the registry knows no such signing key")
    if signer.revoked_since is not None:
        raise RejectedError("signer_revoked", "the key that signed the message is revoked")
    if receiver.view.member(signer.member).suspended:
        raise _suspended(signer.member)
    return signer


def _suspended(member: MemberId) -> UnavailableError:
    """Refuse for now: a suspension that is lifted has lost nothing."""
    return UnavailableError("member_suspended", f"{member} is suspended")


def _check_view(claim: RegistryHead, sender: MemberId, receiver: Receiver) -> None:
    """Compare registries, once the sender is verified: a stranger must not raise this alarm.

    A larger one is compared by the service, when ours is as long.
    """
    if claim.size <= receiver.view.frontier.size and receiver.root_at(claim.size) != claim.root:
        raise SplitViewError(sender, claim)


def _check_payload(
    payload: Payload, parsed: ParsedEnvelope, signer: RegisteredKey, receiver: Receiver
) -> None:
    if payload.sender != signer.member:
        raise RejectedError("sender_mismatch", "the message names another sender than its signer")
    if payload.created_at > receiver.now + receiver.clock_skew_s:
        raise RejectedError(
            "created_in_future",
            "the message is dated in the future: the sender's clock or this node's is wrong",
        )
    if not 0 < parsed.header.expires_at - payload.created_at <= receiver.max_lifetime_s:
        raise RejectedError("lifetime_too_long", "the message lives longer than policy allows")
    if not may_have_signed(signer, payload.created_at, receiver.view):
        raise RejectedError(
            "key_not_valid_then", "the signing key was not in use when the message was written"
        )
    declared = tuple(blob_ref(item) for item in payload.attachments)
    if declared != parsed.header.blobs:
        raise RejectedError("blobs_mismatch", "the attachments are not those of the header")


def may_have_signed(signer: RegisteredKey, created_at: int, view: View) -> bool:
    """Tell whether a key was in use then, or follows one of its member's that is revoked since.

    What the revoked key had signed and nobody had received is signed again by its successor.
    """
    if created_at >= signer.start:
        return created_at < signer.end
    return any(
        key.revoked_since is not None and key.start <= created_at < key.end
        for key in view.member(signer.member).keys_for(KeyUse.SIGN)
    )


def _check_route(sender: MemberId, hop: MemberId, receiver: Receiver) -> None:
    members = receiver.view.members
    if hop != sender and hop not in members[sender].via and hop not in members[receiver.me].via:
        raise RejectedError(
            "not_on_route", f"{hop} is neither the sender nor a relay of sender or recipient"
        )
