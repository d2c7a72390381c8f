"""The message and its receipts in evidence: whose signatures they bear.

What became of the keys since is another question.

Source: SPEC "Evidence", steps 5 and 6.
"""

from dataclasses import dataclass

from gateway.errors import RejectedError
from gateway.evidence.file import Evidence
from gateway.evidence.history import History
from gateway.protocol.envelope import VERSION, Header, blob_ref, parse_header
from gateway.protocol.message import (
    SIGNED_BYTES,
    Payload,
    Signed,
    decode_payload,
    payload_digest,
    tbs_digest,
    to_be_signed,
)
from gateway.protocol.receipt import ReceiptKind, VerifiedReceipt, parse_receipt, verify_receipt_by
from keys.registry.member import RegisteredKey
from keys.signing import verify
from keys.suite import SUITE, KeyId, KeyUse, MemberId


@dataclass(frozen=True, slots=True)
class Message:
    """A message whose signature verifies."""

    header: Header
    signed: Signed
    signer: RegisteredKey
    tbs_digest: bytes


def verify_message(evidence: Evidence, history: History) -> Message:
    """Return the message, signed by a ``sign`` key that the registry lists, in use or not.

    Raises RejectedError ``encoding_invalid``, ``version_unknown``, ``suite_unknown``,
    ``signer_unknown`` or ``signature_invalid``.
    """
    if len(evidence.signed) != SIGNED_BYTES:
        raise RejectedError("encoding_invalid", f"what is signed has {SIGNED_BYTES} bytes")
    header, signed = parse_header(evidence.header), Signed.parse(evidence.signed)
    if header.version != VERSION:
        raise RejectedError("version_unknown", f"a message of version {header.version} is unknown")
    if header.suite != SUITE:
        raise RejectedError("suite_unknown", f"the cipher suite {header.suite:#06x} is unknown")
    signer = _sign_key(signed.signer_kid, history)
    digest = evidence.payload_digest
    to_sign = to_be_signed(signed.signer_kid, signed.registry, evidence.header, digest)
    verify(signer.public_key, "message", to_sign, signed.signature)
    return Message(header, signed, signer, tbs_digest(to_sign))


def open_payload(evidence: Evidence, message: Message, supplied: bytes | None) -> Payload | None:
    """Return what the message says, from the file or from its reader; None where neither has it.

    Raises RejectedError ``payload_mismatch``, ``payload_invalid``, ``sender_mismatch`` or
    ``blobs_mismatch``.
    """
    if supplied is not None and payload_digest(supplied) != evidence.payload_digest:
        raise RejectedError("payload_mismatch", "the payload given is not the one that was signed")
    encoded = evidence.payload if supplied is None else supplied
    if encoded is None:
        return None
    payload = decode_payload(encoded)
    if payload.sender != message.signer.member:
        raise RejectedError("sender_mismatch", "the message names another sender than its signer")
    if tuple(blob_ref(item) for item in payload.attachments) != message.header.blobs:
        raise RejectedError("blobs_mismatch", "the attachments are not those of the header")
    return payload


def verify_delivery(
    encoded: bytes, recipient: MemberId, message: Message, history: History
) -> VerifiedReceipt:
    """Return a recipient's receipt for exactly this message, in use or not its key.

    Raises RejectedError ``receipt_unknown``, ``receipt_wrong_signer``, ``receipt_mismatch``,
    ``signer_unknown``, or as ``verify_receipt_by``.
    """
    receipt = parse_receipt(encoded)
    if receipt.kind is not ReceiptKind.DELIVERY:
        raise RejectedError("receipt_unknown", "this receipt is for no delivery")
    signer = _sign_key(receipt.signer_kid, history)
    if not signer.member == receipt.recipient == recipient:
        raise RejectedError("receipt_wrong_signer", "the receipt is not the recipient's own")
    if receipt.content_digest != message.tbs_digest:
        raise RejectedError("receipt_mismatch", "the receipt attests another message")
    return verify_receipt_by(encoded, signer)


def _sign_key(key_id: bytes, history: History) -> RegisteredKey:
    key = history.view.keys.get(KeyId(key_id))
    if key is None or key.use is not KeyUse.SIGN:
        raise RejectedError("signer_unknown", "the registry knows no such signing key")
    return key
