"""What goes into evidence of one message: one signing, and the entries that prove themselves.

Nothing goes in that its reader would refuse: whatever others say is judged first, and left out
where it does not hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.errors import LiaisonError
from gateway.evidence.entries import Expected, Logged, check_entry
from gateway.evidence.expected import held_by, received_by, sent_by
from gateway.evidence.file import Delivered, Evidence
from gateway.evidence.history import History
from gateway.protocol.audit import ProvenEntry
from gateway.protocol.message import payload_digest
from gateway.protocol.receipt import ReceiptKind, parse_receipt
from gateway.store.messages import StoredMessage
from gateway.store.outbox.showing import RecipientState
from keys.suite import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """One signing of a message: what was signed, and the envelope that it went out in."""

    signed: bytes
    envelope_id: bytes
    tbs_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What a message says, by its digest; the payload is None once it is purged."""

    payload: bytes | None
    digest: bytes

    @staticmethod
    def of(payload: bytes) -> "Proven":
        """Return what a payload proves."""
        return Proven(payload=payload, digest=payload_digest(payload))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What we hold of a message, opened, and the signing that the evidence is about."""

    stored: StoredMessage
    payload: Proven
    signing: Signing
    states: Sequence[RecipientState]
    """Of the recipients whose receipts are for that signing."""

    def evidence(self) -> Evidence:
        """Return the evidence without entries, open, and without a registry."""
        return Evidence(
            header=self.stored.header,
            signed=self.signing.signed,
            payload=self.payload.payload,
            payload_digest=self.payload.digest,
            sent=None,
            delivered=(),
            statements=(),
            checkpoint=b"",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What there is of one recipient: entries that may, or may not, be the ones looked for."""

    recipient: MemberId
    receipt: bytes | None
    held: Sequence[ProvenEntry]
    received: Sequence[ProvenEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is of all sides."""

    sent: Sequence[ProvenEntry]
    sides: tuple[Side, ...]


def of_one_signing(
    signings: Sequence[Signing], states: Sequence[RecipientState]
) -> tuple[Signing, Sequence[RecipientState]]:
    """Return the signing that the first receipt is for, and whose receipts are for the same.

    A message that was signed again has receipts for either; a file is about one.
    """
    receipts = [
        (state, receipt)
        for state in states
        if state.receipt is not None
        and (receipt := parse_receipt(state.receipt)).kind is ReceiptKind.DELIVERY
    ]
    named = {item.tbs_digest: item for item in reversed(signings)}
    first = next((named[r.content_digest] for _, r in receipts if r.content_digest in named), None)
    if first is None:
        return signings[0], []
    return first, [
        state for state, receipt in receipts if receipt.content_digest == first.tbs_digest
    ]


def checked_evidence(held: Held, found: Found, history: History) -> tuple[Evidence, list[Logged]]:
    """Return evidence with the entries that prove themselves, and what they come to."""
    tbs, sender = held.signing.tbs_digest, MemberId(held.stored.sender)
    logged: list[Logged] = []

    def first(candidates: Sequence[ProvenEntry], expected: Expected) -> ProvenEntry | None:
        for item in candidates:
            try:
                checked = check_entry(item, expected, history)
            except LiaisonError:
                continue
            if checked.envelope_id == held.signing.envelope_id:
                logged.append(checked)
                return item
        return None

    delivered = []
    for side in found.sides:
        item = Delivered(recipient=side.recipient, receipt=side.receipt)
        if side.receipt is not None:
            item = replace(item, held=first(side.held, held_by(sender, tbs, item)))
        item = replace(item, received=first(side.received, received_by(sender, tbs, item)))
        if item != Delivered(recipient=side.recipient):
            delivered.append(item)
    sent = first(found.sent, sent_by(sender, tbs))
    return replace(held.evidence(), sent=sent, delivered=tuple(delivered)), logged
