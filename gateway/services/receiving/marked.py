"""What was said of a message since, as the house sees it."""

from gateway.protocol.message import message_ref
from gateway.services.receiving.message_view import MarkView
from gateway.store import marks, messages
from gateway.store.database import Transaction
from gateway.store.marks import MarkKind, StoredMark
from gateway.store.messages import MessageSummary


def marks_shown(tx: Transaction, stored: MessageSummary) -> list[MarkView]:
    """Return what was said of a message, the earliest first."""
    found = marks.of_message(tx, stored.sender, stored.message_id)
    return [
        MarkView(mark=mark.kind.value, by=by, at=mark.heard_at, verdict=mark.verdict)
        for mark in found
        if (by := _said_by(tx, mark))
    ]


def _said_by(tx: Transaction, mark: StoredMark) -> str:
    """Return the name of the message that made a mark; a report's sender is who got our recall."""
    if mark.kind is not MarkKind.REPORTED:
        return message_ref(mark.sender, mark.marked_by)
    recall = message_ref(mark.sender, mark.message_id)
    found = (item for item in messages.by_id(tx, mark.marked_by) if item.in_reply_to == recall)
    return next((message_ref(item.sender, item.message_id) for item in found), "")
