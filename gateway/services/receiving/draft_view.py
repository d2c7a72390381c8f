"""A draft as the house sees it: like the message that it may become, and who has to do with it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.cases.content import read_content
from gateway.cases.handling import Handling
from gateway.cases.kind import Kind
from gateway.cases.kinds import content_as_json, kind_named
from gateway.protocol.message import Attachment, message_ref
from gateway.services.receiving.message_view import (
    Detail,
    RecipientDetail,
    Summary,
    attachment_of,
    release_of,
)
from gateway.services.sending.holding import OpenDraft
from gateway.services.sending.submission import RecipientSummary
from gateway.store.drafts import StoredDraft

DRAFT: Final = "draft"
"""The direction of what is no message yet."""


def draft_summary(
    me: str,
    stored: StoredDraft,
    opened: OpenDraft | None,
    kinds: Mapping[str, Kind],
    language: str,
    *,
    handling: Handling | None = None,
) -> Summary:
    """Return a draft as a list shows it; one that cannot be opened by what is clear of it."""
    to = () if opened is None else opened.record.submission.to
    return Summary(
        **_facts(me, stored, opened, kinds, language),
        attachments=0 if opened is None else len(opened.record.submission.attachments),
        attachments_missing=0,
        recipients=[RecipientSummary(member=name, state=stored.state.value) for name in to],
        handling=handling,
        release=release_of(stored, "" if opened is None else opened.record.reason),
    )


def draft_detail(
    me: str,
    opened: OpenDraft,
    attachments: Sequence[Attachment],
    kinds: Mapping[str, Kind],
    language: str,
) -> Detail:
    """Return a draft with its content."""
    stored, record = opened.stored, opened.record
    facts = _facts(me, stored, opened, kinds, language)
    kind = kind_named(stored.kind, kinds)
    return Detail(
        **facts,
        marked=[],
        unit=record.unit,
        content=content_as_json(read_content(kind, record.content)),
        attachments=[
            attachment_of(f"{facts['id']}.{number}", item, None)
            for number, item in enumerate(attachments)
        ],
        recipients=[_recipient(name, stored) for name in record.submission.to],
        envelope_id="",
        signed_by="",
        signature="",
        registry_size=0,
        release=release_of(stored, record.reason),
    )


def handling_of(opened: OpenDraft, kinds: Mapping[str, Kind]) -> Handling | None:
    """Return how a draft is to be used; None for one that says nothing."""
    kind = kind_named(opened.stored.kind, kinds)
    return getattr(read_content(kind, opened.record.content), "handling", None)


def _facts(
    me: str,
    stored: StoredDraft,
    opened: OpenDraft | None,
    kinds: Mapping[str, Kind],
    language: str,
) -> dict[str, Any]:
    kind = kinds.get(stored.kind)
    submission = None if opened is None else opened.record.submission
    return {
        "id": message_ref(me, stored.message_id),
        "direction": DRAFT,
        "sender": me,
        "on_behalf_of": (submission and submission.on_behalf_of) or "",
        "to": list(submission.to) if submission else [],
        "kind": stored.kind,
        "label": stored.kind if kind is None else kind.label.text(language),
        "case": stored.case_id.hex(),
        "seq": 0,
        "in_reply_to": "" if opened is None else opened.record.event.in_reply_to,
        "created_at": stored.drafted_at,
        "stored_at": stored.drafted_at,
        "expires_at": stored.release_until,
        "state": stored.state.value,
        "priority": _priority(kind, opened),
        "marks": [],
    }


def _priority(kind: Kind | None, opened: OpenDraft | None) -> int:
    asked = None if opened is None else opened.record.submission.priority
    own = 0 if kind is None else kind.priority
    return own if asked is None else asked


def _recipient(name: str, stored: StoredDraft) -> RecipientDetail:
    return RecipientDetail(
        member=name,
        state=stored.state.value,
        attempts=0,
        due_at=stored.release_until,
        code="",
        settled_at=stored.decided_at,
        receipt=None,
        receipt_again=None,
    )
