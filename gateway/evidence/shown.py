"""The facts of evidence, as its report shows them."""

from collections.abc import Sequence

from gateway.evidence.entries import Logged
from gateway.evidence.file import Evidence
from gateway.evidence.history import History
from gateway.evidence.judgement import (
    AttachmentFacts,
    ContentFacts,
    EntryFacts,
    MessageFacts,
    ReceiptFacts,
    RegistryFacts,
    SeenBy,
)
from gateway.evidence.parts import Message
from gateway.protocol.message import Payload, message_ref
from gateway.protocol.receipt import VerifiedReceipt
from keys.registry.draft import fingerprint
from keys.registry.view import View
from keys.registry.witnessed import Sighting
from keys.suite import digest


def registry_facts(
    history: History, seen: Sequence[Sighting], until: int | None, supplied: History | None
) -> RegistryFacts:
    """Return which registry evidence is judged by."""
    head = history.view.head
    return RegistryFacts(
        federation=history.view.federation,
        anchor=fingerprint(history.notes[0]),
        size=head.size,
        root=head.root.hex(),
        witnessed_at=until,
        seen_by=_seen(seen),
        newer_size=None if supplied is None else supplied.view.head.size,
    )


def message_facts(
    message: Message, evidence: Evidence, payload: Payload | None, view: View
) -> MessageFacts:
    """Return who signed what for whom."""
    sender, header = message.signer.member, message.header
    return MessageFacts(
        message=message_ref(sender, header.message_id),
        sender=sender,
        sender_name=view.member(sender).name("en"),
        to=list(header.to),
        key=message.signer.key_id.hex(),
        tbs_digest=message.tbs_digest.hex(),
        payload_digest=evidence.payload_digest.hex(),
        expires_at=header.expires_at,
        content_in_file=evidence.payload is not None,
        payload_sha256=None if evidence.payload is None else digest(evidence.payload).hex(),
        content=None if payload is None else _content(payload),
    )


def entry_facts(logged: Logged) -> EntryFacts:
    """Return what an entry shows, and who saw the head over it."""
    witnessed, checkpoint = logged.witnessed, logged.head.checkpoint
    return EntryFacts(
        what=logged.entry.kind.value,
        member=logged.head.log_key.member,
        origin=checkpoint.origin,
        index=logged.index,
        size=checkpoint.size,
        claimed_at=logged.entry.at,
        witnessed_at=logged.at,
        quorum=0 if witnessed is None else witnessed.quorum,
        seen_by=_seen(logged.head.seen if witnessed is None else witnessed.seen),
        log_key=logged.head.log_key.key_id.hex(),
    )


def receipt_facts(verified: VerifiedReceipt, view: View) -> ReceiptFacts:
    """Return a recipient's word that it has the message."""
    receipt = verified.receipt
    return ReceiptFacts(
        recipient=receipt.recipient,
        name=view.member(verified.signer.member).name("en"),
        claimed_at=receipt.at,
        key=receipt.signer_kid.hex(),
        sha256=digest(verified.encoded).hex(),
    )


def _content(payload: Payload) -> ContentFacts:
    return ContentFacts(
        kind=payload.kind,
        on_behalf_of=payload.on_behalf_of,
        created_at=payload.created_at,
        case=payload.case_id.hex(),
        seq=payload.seq,
        in_reply_to=payload.in_reply_to,
        content_sha256=digest(payload.content).hex(),
        attachments=[
            AttachmentFacts(
                name=item.name,
                media_type=item.media_type,
                size=item.plain_bytes,
                sha256=item.plain_digest.hex(),
            )
            for item in payload.attachments
        ],
    )


def _seen(seen: Sequence[Sighting]) -> list[SeenBy]:
    return [SeenBy(witness=item.witness, at=item.at) for item in seen]
