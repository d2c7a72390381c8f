"""Receipts: a recipient's or relay's signed word about one envelope, each standing alone.

A batch of up to 64 costs one signature: it covers the Merkle root of the batch, and each receipt
carries its own inclusion proof. Source: SPEC "Receipts".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import Annotated

import msgspec

from gateway.errors import RejectedError, UnavailableError
from gateway.protocol.codec import (
    U16,
    Bytes32,
    Member,
    Seconds,
    Size,
    Wire,
    decode,
    decoder,
    encode,
)
from keys.registry.member import RegisteredKey, RegistryHead
from keys.registry.view import View
from keys.signing import Signer, verify
from keys.stream import open_sealed, seal, sealed_bytes
from keys.suite import DIGEST_BYTES, SIGNATURE_BYTES, SUITE, KeyId, KeyUse, MemberId, label
from keys.tlog.merkle import (
    inclusion_proof,
    leaf_hash,
    range_hash,
    root_from_proof,
    root_of,
)

MAX_BATCH = 64
MAX_RECEIPT_BYTES = 2048
MAX_SEALED_RECEIPT_BYTES = sealed_bytes(MAX_RECEIPT_BYTES)
_MAX_INNER_BYTES = 1024


class ReceiptKind(StrEnum):
    """What a receipt attests."""

    CUSTODY = "custody"
    """A relay, or the recipient to a relay: it holds this copy; ``content_digest`` is H(the
    recipient's stanza). Whoever held it before may let it go."""
    DELIVERY = "delivery"
    """The recipient verified, opened and stored it; ``content_digest`` is H(TBS)."""
    REFUSAL = "refusal"
    """The recipient will never take it; ``content_digest`` is H(the recipient's stanza)."""


class Receipt(Wire, frozen=True):
    """One envelope, one recipient, one fact."""

    kind: ReceiptKind
    envelope_id: Bytes32
    recipient: Member
    at: Seconds
    signer_kid: Bytes32
    registry_size: Size
    registry_root: Bytes32
    content_digest: Bytes32
    seal_kid: Annotated[bytes, msgspec.Meta(max_length=DIGEST_BYTES)]
    """The key a delivery was opened with; empty for the others."""
    code: Annotated[str, msgspec.Meta(max_length=48)] = ""
    """Why, of a refusal; empty for the others."""


class _Signed(Wire, frozen=True):
    receipt: Annotated[bytes, msgspec.Meta(max_length=_MAX_INNER_BYTES)]
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH)]
    index: U16
    proof: Annotated[tuple[Bytes32, ...], msgspec.Meta(max_length=6)]
    signature: Annotated[
        bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)
    ]


_receipts = decoder(Receipt)
_signed = decoder(_Signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """A receipt whose signature and proof hold; of a delivery, the recipient signed it."""

    receipt: Receipt
    signer: RegisteredKey
    encoded: bytes

    @property
    def registry(self) -> RegistryHead:
        """The registry as the signer knew it."""
        return RegistryHead(self.receipt.registry_size, self.receipt.registry_root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One recipient's copy of an envelope: what custody receipts and refusals name."""

    envelope_id: bytes
    recipient: MemberId
    stanza_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the receipt that settles a row of the outbox must say."""

    envelope_id: bytes
    recipient: MemberId
    tbs_digest: bytes
    seal_kid: bytes


def sign_receipts(receipts: Sequence[Receipt], signer: Signer) -> list[bytes]:
    """Sign up to 64 receipts with one signature; return each as it is sent and stored."""
    if not 1 <= len(receipts) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} receipts")
    encoded = [encode(receipt) for receipt in receipts]
    leaves = [leaf_hash(item) for item in encoded]
    count = len(leaves)
    signature = signer.sign("receipts", _batch(count, root_of(leaves)))
    hash_of = cache(range_hash(leaves))  # proofs share most subtrees: 127 for 64 leaves
    return [
        encode(
            _Signed(item, count, index, tuple(inclusion_proof(index, count, hash_of)), signature)
        )
        for index, item in enumerate(encoded)
    ]


def renew_receipt(encoded: bytes, view: View, signer: Signer, at: int) -> bytes | None:
    """Return a receipt of ours that attests the same, if the key that signed it is revoked.

    None for one whose signature is still worth something: a repeat gets that byte for byte.
    """
    receipt = parse_receipt(encoded)
    given_by = view.keys.get(KeyId(receipt.signer_kid))
    if given_by is None or given_by.revoked_since is None:
        return None
    renewed = msgspec.structs.replace(
        receipt,
        at=at,
        signer_kid=signer.key_id,
        registry_size=view.head.size,
        registry_root=view.head.root,
    )
    return sign_receipts([renewed], signer)[0]


def verify_receipt(encoded: bytes, view: View) -> VerifiedReceipt:
    """Verify a receipt in the current view of the registry.

    Raises RejectedError ``encoding_invalid``, ``receipt_wrong_signer``, ``signer_revoked``,
    ``inclusion_invalid`` or ``signature_invalid``; UnavailableError ``registry_behind`` when its
    signer is newer than us.
    """
    signed, receipt = _parse(encoded)
    signer = _signer(receipt, view)
    _verify(signed, signer)
    return VerifiedReceipt(receipt=receipt, signer=signer, encoded=encoded)


def verify_receipt_by(encoded: bytes, signer: RegisteredKey) -> VerifiedReceipt:
    """Verify that a key signed a receipt, whatever has become of the key since.

    Raises RejectedError ``encoding_invalid``, ``inclusion_invalid`` or ``signature_invalid``.
    """
    signed, receipt = _parse(encoded)
    _verify(signed, signer)
    return VerifiedReceipt(receipt=receipt, signer=signer, encoded=encoded)


def check_delivery(verified: VerifiedReceipt, expected: Expected) -> None:
    """Let the delivery receipt pass that settles the row of ``expected``.

    Raises RejectedError ``receipt_unknown`` (for something else), ``receipt_wrong_signer``,
    ``receipt_mismatch`` (other content) or ``receipt_wrong_seal_key`` (opened with a key that it
    was not sealed to: somebody stands between).
    """
    receipt = verified.receipt
    if receipt.kind is not ReceiptKind.DELIVERY or receipt.envelope_id != expected.envelope_id:
        raise RejectedError("receipt_unknown", "the receipt is for something that was not sent")
    if receipt.recipient != expected.recipient:
        raise RejectedError("receipt_wrong_signer", "the receipt is not the recipient's own")
    if receipt.content_digest != expected.tbs_digest:
        raise RejectedError("receipt_mismatch", "the receipt attests other content than was sent")
    if receipt.seal_kid != expected.seal_kid:
        raise RejectedError(
            "receipt_wrong_seal_key", "the recipient opened it with a key it was not sealed to"
        )


def check_custody(verified: VerifiedReceipt, copy: Copy, holder: MemberId) -> None:
    """Let the custody receipt pass by which ``holder`` takes a copy over.

    Raises RejectedError ``receipt_unknown``, ``receipt_mismatch`` or ``receipt_wrong_signer``.
    """
    _check_copy(verified, ReceiptKind.CUSTODY, copy)
    if verified.signer.member != holder:
        raise RejectedError("receipt_wrong_signer", f"the receipt is not of {holder}, who took it")


def check_refusal(verified: VerifiedReceipt, copy: Copy) -> None:
    """Let a recipient's signed refusal of a copy pass. Raises as ``check_custody``."""
    _check_copy(verified, ReceiptKind.REFUSAL, copy)


def _check_copy(verified: VerifiedReceipt, kind: ReceiptKind, copy: Copy) -> None:
    receipt = verified.receipt
    if receipt.kind is not kind or receipt.envelope_id != copy.envelope_id:
        raise RejectedError("receipt_unknown", "the receipt is for something that was not sent")
    if receipt.recipient != copy.recipient:
        raise RejectedError("receipt_wrong_signer", "the receipt is for another recipient's copy")
    if receipt.content_digest != copy.stanza_digest:
        raise RejectedError("receipt_mismatch", "the receipt is for another copy than was sent")


def seal_receipt(
    receipt: bytes, content_key: bytes, copy_of: tuple[bytes, MemberId], salt: bytes
) -> bytes:
    """Seal a delivery receipt for the way back: only who knows the content key reads it.

    ``copy_of`` is (header digest, recipient); ``salt`` 24 fresh random bytes.
    """
    return seal(content_key, _sealed_context(*copy_of), salt, receipt)


def unseal_receipt(sealed: bytes, content_key: bytes, copy_of: tuple[bytes, MemberId]) -> bytes:
    """Open a receipt that came through relays. Raises RejectedError ``receipt_sealed_wrong``."""
    try:
        return open_sealed(content_key, _sealed_context(*copy_of), sealed)
    except RejectedError as fault:
        raise RejectedError("receipt_sealed_wrong", "the sealed receipt does not open") from fault


def _sealed_context(header_digest: bytes, recipient: MemberId) -> bytes:
    return label("receipt") + SUITE.to_bytes(2, "big") + header_digest + recipient.encode()


def parse_receipt(encoded: bytes) -> Receipt:
    """Read a stored receipt without verifying it again. Raises RejectedError."""
    return _parse(encoded)[1]


def _parse(encoded: bytes) -> tuple[_Signed, Receipt]:
    signed = decode(encoded, _signed, most_bytes=MAX_RECEIPT_BYTES)
    receipt = decode(signed.receipt, _receipts, most_bytes=_MAX_INNER_BYTES)
    wanted = DIGEST_BYTES if receipt.kind is ReceiptKind.DELIVERY else 0
    if len(receipt.seal_kid) != wanted:
        raise RejectedError("encoding_invalid", "a delivery, and nothing else, names a sealing key")
    if bool(receipt.code) is not (receipt.kind is ReceiptKind.REFUSAL):
        raise RejectedError("encoding_invalid", "a refusal, and nothing else, says why")
    return signed, receipt


def _verify(signed: _Signed, signer: RegisteredKey) -> None:
    leaf = leaf_hash(signed.receipt)
    root = root_from_proof(leaf, signed.index, signed.count, signed.proof)
    _verify_batch(signer.public_key, _batch(signed.count, root), signed.signature)


def _signer(receipt: Receipt, view: View) -> RegisteredKey:
    signer = view.keys.get(KeyId(receipt.signer_kid))
    if signer is None or signer.use is not KeyUse.SIGN:
        if receipt.registry_size > view.head.size:
            raise UnavailableError("registry_behind", "the receipt's registry is newer than ours")
        raise RejectedError("receipt_wrong_signer", "the registry knows no such signing key")
    if signer.revoked_since is not None:
        raise RejectedError("signer_revoked", "the key that signed the receipt is revoked")
    if not signer.start <= receipt.at < signer.end:
        raise RejectedError("receipt_wrong_signer", "the key was not in use at the receipt's time")
    if receipt.kind is not ReceiptKind.CUSTODY and signer.member != receipt.recipient:
        raise RejectedError("receipt_wrong_signer", "only the recipient says what became of it")
    return signer


def _batch(count: int, root: bytes) -> bytes:
    return count.to_bytes(4, "big") + root


@lru_cache(maxsize=256)
def _verify_batch(public_key: bytes, batch: bytes, signature: bytes) -> None:
    """Verify one batch's signature, once for all its receipts; a failure is not remembered."""
    verify(public_key, "receipts", batch, signature)
