"""A message as the house sees it: in a list, and opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.cases.content import decode_content
from gateway.cases.handling import Handling
from gateway.cases.kind import Kind
from gateway.cases.kinds import content_as_json, kind_named
from gateway.errors import LiaisonError
from gateway.protocol.blob import SEGMENT_BYTES
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import Attachment, Inner, Payload, message_ref
from gateway.protocol.receipt import parse_receipt, verify_receipt
from gateway.services.federation.standing import SUSPENDED, shunned
from gateway.services.sending.submission import RecipientSummary
from gateway.store import messages
from gateway.store.attached import Attached, AttachmentState
from gateway.store.drafts import DraftFacts
from gateway.store.messages import MessageSummary, StoredMessage
from gateway.store.outbox.showing import RecipientState
from gateway.store.outbox.states import OutboxState
from keys.registry.view import View
from keys.suite import digest


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a message wherever it is shown."""

    id: str
    direction: str
    sender: str = msgspec.field(name="from")
    on_behalf_of: str
    """The state for which a union speaks; empty for none."""
    to: list[str]
    kind: str
    label: str
    case: str
    seq: int
    in_reply_to: str
    created_at: int
    stored_at: int
    expires_at: int
    state: str
    priority: int
    marks: list[str]
    """``recalled``, ``rectified``: what its sender did with it since; ``reported`` of a recall."""


class ReleaseView(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked for a second person, and who decided."""

    rule: str
    state: str
    drafted_by: str
    drafted_at: int
    until: int
    decided_by: str
    """Empty while it waits, and for what nobody decided on in time."""
    decided_at: int | None
    reason: str
    """Why it was turned down; empty for anything else."""


class Summary(MessageFacts, frozen=True, kw_only=True):
    """A message in a list."""

    attachments: int
    attachments_missing: int
    """How many of them are not here: pending, on demand or lost."""
    recipients: list[RecipientSummary]
    handling: Handling | None = None
    """How it may be used, if that was asked for and it says so."""
    release: ReleaseView | None = None
    """Of a draft: who asked for a second person."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages; ``cursor`` asks for those that come after."""

    messages: list[Summary]
    cursor: str | None


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt that is held."""

    kind: str
    at: int
    signed_by: str
    sha256: str
    verified: bool


class RecipientDetail(msgspec.Struct, frozen=True, kw_only=True):
    """How far a message is with one recipient, and why."""

    member: str
    state: str
    attempts: int
    due_at: int
    code: str
    settled_at: int | None
    receipt: ReceiptView | None
    """The first that it gave: it says when the message was delivered."""
    receipt_again: ReceiptView | None
    """The newest other one, of a recipient that lost the message to a restore and took it again."""


class AttachmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment of a message; ``id`` reads it, once its state is ``whole``."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    state: str
    """``whole``, ``pending``, ``on_demand`` or ``lost``."""
    held_bytes: int
    """About how much of it is here."""
    code: str
    """Why it is lost, or why the last attempt to fetch it came to nothing."""


class MarkView(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a message since, and by which message."""

    mark: str
    by: str
    at: int
    """When this node heard or said it."""
    verdict: str
    """``complied`` or ``objected`` of a recall; empty where that is not for this node to say."""


class Detail(MessageFacts, frozen=True, kw_only=True):
    """A message, opened."""

    marked: list[MarkView]
    """What its marks come from, the earliest first."""
    unit: str
    content: Any
    attachments: list[AttachmentView]
    recipients: list[RecipientDetail]
    envelope_id: str
    signed_by: str
    signature: str
    """``valid``, or the code of what is wrong with it."""
    registry_size: int
    release: ReleaseView | None = None
    """Of a draft, and of a message that was one: who asked for a second person, and who decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStored:
    """A stored message, opened, and what its signature is worth now."""

    stored: StoredMessage
    inner: Inner
    payload: Payload
    signature: str


def summary_of(
    item: MessageSummary,
    rows: Sequence[RecipientState],
    kinds: Mapping[str, Kind],
    language: str,
    lacking: Sequence[Attached] = (),
    *,
    marks: Sequence[str] = (),
    handling: Handling | None = None,
) -> Summary:
    """Return a message as a list shows it."""
    return Summary(
        **_facts(item, rows, kinds, language),
        marks=list(marks),
        attachments=item.attachments,
        attachments_missing=sum(row.state is not AttachmentState.WHOLE for row in lacking),
        recipients=[RecipientSummary(member=row.recipient, state=row.state.value) for row in rows],
        handling=handling,
    )


def detail_of(
    opened: OpenedStored,
    rows: Sequence[RecipientState],
    lacking: Sequence[Attached],
    view: View,
    *,
    kinds: Mapping[str, Kind],
    language: str,
    marked: Sequence[MarkView] = (),
    release: ReleaseView | None = None,
) -> Detail:
    """Return a message with its content and receipts."""
    stored, payload = opened.stored, opened.payload
    facts = _facts(stored, rows, kinds, language)
    by_blob = {row.blob_id: row for row in lacking}
    return Detail(
        **facts,
        marks=sorted({item.mark for item in marked}),
        marked=list(marked),
        unit=payload.unit,
        content=content_as_json(decode_content(kind_named(payload.kind, kinds), payload.content)),
        attachments=[
            attachment_of(f"{facts['id']}.{number}", item, by_blob.get(item.blob_id))
            for number, item in enumerate(payload.attachments)
        ],
        recipients=[_recipient(row, view, stored.sender) for row in rows],
        envelope_id=stored.envelope_id.hex(),
        signed_by=opened.inner.signer_kid.hex(),
        signature=opened.signature,
        registry_size=opened.inner.registry.size,
        release=release,
    )


def release_of(stored: DraftFacts, reason: str = "") -> ReleaseView:
    """Return who has to do with a draft."""
    return ReleaseView(
        rule=stored.rule,
        state=stored.state.value,
        drafted_by=stored.drafter,
        drafted_at=stored.drafted_at,
        until=stored.release_until,
        decided_by=stored.decided_by,
        decided_at=stored.decided_at,
        reason=reason,
    )


def _facts(
    item: MessageSummary,
    rows: Sequence[RecipientState],
    kinds: Mapping[str, Kind],
    language: str,
) -> dict[str, Any]:
    kind = kinds.get(item.kind)
    return {
        "id": message_ref(item.sender, item.message_id),
        "direction": item.direction,
        "sender": item.sender,
        "on_behalf_of": item.on_behalf_of,
        "to": list(parse_header(item.header).to),
        "kind": item.kind,
        "label": item.kind if kind is None else kind.label.text(language),
        "case": item.case_id.hex(),
        "seq": item.seq,
        "in_reply_to": item.in_reply_to,
        "created_at": item.created_at,
        "stored_at": item.stored_at,
        "expires_at": item.expires_at,
        "state": _state(item, rows),
        "priority": item.priority,
    }


def _state(item: MessageSummary, rows: Sequence[RecipientState]) -> str:
    """Say how far a message is: of its recipients, the one that is least far."""
    if item.direction == messages.IN:
        return "received" if item.acknowledged_at is None else "acknowledged"
    order = list(OutboxState)
    return min((row.state for row in rows), key=order.index).value


def attachment_of(attachment_id: str, item: Attachment, lacking: Attached | None) -> AttachmentView:
    """Return an attachment and how far it is; with nothing noted of it, it is whole."""
    whole = lacking is None or lacking.state is AttachmentState.WHOLE
    held = item.plain_bytes
    if lacking is not None and not whole:
        held = min(held, lacking.held_segments * SEGMENT_BYTES)
    return AttachmentView(
        id=attachment_id,
        name=item.name,
        media_type=item.media_type,
        size=item.plain_bytes,
        sha256=item.plain_digest.hex(),
        state=AttachmentState.WHOLE.value if lacking is None else lacking.state.value,
        held_bytes=held,
        code="" if lacking is None else lacking.code,
    )


def _recipient(row: RecipientState, view: View, sender: str) -> RecipientDetail:
    return RecipientDetail(
        member=row.recipient,
        state=row.state.value,
        attempts=row.attempts,
        due_at=row.due_at,
        code=why(row, view, sender),
        settled_at=row.settled_at,
        receipt=None if row.receipt is None else _receipt(row.receipt, view),
        receipt_again=None if row.receipt_again is None else _receipt(row.receipt_again, view),
    )


def why(row: RecipientState, view: View | None, sender: str) -> str:
    """Return the code of why a delivery is where it is; a suspension alone keeps it from going."""
    waits = row.state is OutboxState.QUEUED and shunned(view, sender, row.recipient)
    return SUSPENDED if waits else row.code


def _receipt(encoded: bytes, view: View) -> ReceiptView:
    receipt = parse_receipt(encoded)
    try:
        verify_receipt(encoded, view)
        verified = True
    except LiaisonError:
        verified = False
    return ReceiptView(
        kind=receipt.kind.value,
        at=receipt.at,
        signed_by=receipt.signer_kid.hex(),
        sha256=digest(encoded).hex(),
        verified=verified,
    )
