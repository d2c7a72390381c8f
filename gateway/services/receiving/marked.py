"""What was said of a message since, as the house sees it."""

from collections.abc import Sequence

from gateway.cases.threads.retention import Standing
from gateway.protocol.message import message_ref
from gateway.services.receiving.message_view import MarkView
from gateway.store import marks, messages, retentions
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


def marks_in(
    tx: Transaction, found: Sequence[MessageSummary]
) -> dict[tuple[str, bytes], list[str]]:
    """Return what was said of messages since, and whether their case closed them, for a list."""
    names = {item.row_id: (item.sender, item.message_id) for item in found}
    shown = marks.kinds_of(tx, names.values())
    decided = retentions.of_cases(tx, {item.case_id for item in found})
    for item in found:
        closed = item.case_id in decided and decided[item.case_id].closes(item.stored_at)
        if closed or item.purged_at is not None:
            mark = Standing.RESTRICTED if closed else Standing.PURGED
            shown.setdefault(names[item.row_id], []).append(mark.value)
    return shown


def _said_by(tx: Transaction, mark: StoredMark) -> str:
    """Return the name of the message that made a mark; a report's sender is who got our recall."""
    if mark.kind is not MarkKind.REPORTED:
        return message_ref(mark.sender, mark.marked_by)
    recall = message_ref(mark.sender, mark.message_id)
    found = (item for item in messages.by_id(tx, mark.marked_by) if item.in_reply_to == recall)
    return next((message_ref(item.sender, item.message_id) for item in found), "")
