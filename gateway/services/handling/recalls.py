"""Recalls: heard with the message that brings them; what they name is closed in that transaction.

What follows afterwards is in ``duties``. Source: SPEC "Handling".
"""

import asyncio
from typing import Final

from gateway.cases.content import decode_content
from gateway.cases.families.control import Recall, RecallReport, RecallVerdict
from gateway.cases.kinds import CATALOGUE, kind_named
from gateway.cases.threads.recall import KINDS, REPORT, taken_back
from gateway.cases.threads.thread import RECALL
from gateway.clock import Clock
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import parse_message_ref
from gateway.protocol.opening import OpenedMessage
from gateway.services.ledger import Ledger
from gateway.store import marks, messages
from gateway.store.audit import NewEntry
from gateway.store.database import Transaction
from gateway.store.marks import Mark, MarkKind
from gateway.store.messages import StoredMessage

HEARD: Final = (*KINDS, REPORT)


class Recalls:
    """Hears what senders take back or correct, and what became of our own recalls."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self.came = asyncio.Event()
        """Set when there is something to be passed along, or back."""

    def hear(self, tx: Transaction, opened: OpenedMessage) -> list[NewEntry]:
        """Mark what a word is about, in the transaction that stores it; return what is recorded.

        Whether the message that it recalls or rectifies is here yet does not matter.
        """
        kind = kind_named(opened.payload.kind, CATALOGUE)
        content = decode_content(kind, opened.payload.content)
        if isinstance(content, RecallReport):
            self._hear_report(tx, opened, content)
            return []
        name = taken_back(content)
        assert name is not None  # noqa: S101 - judged already
        sender, message_id = parse_message_ref(name)
        recalls, now = isinstance(content, Recall), self._clock.now()
        late = recalls and marks.is_exhibited(tx, sender, message_id)
        verdict = RecallVerdict.OBJECTED if late else RecallVerdict.COMPLIED
        mark = Mark(
            sender=sender,
            message_id=message_id,
            kind=MarkKind.RECALLED if recalls else MarkKind.RECTIFIED,
            marked_by=opened.envelope.header.message_id,
            verdict=verdict.value if recalls else "",
            heard_at=now,
            due_at=now,
        )
        marks.record(tx, mark)
        if not recalls:
            return []
        stored = messages.find(tx, sender, message_id)
        entry = self._ledger.entry(
            EntryKind.MESSAGE_RECALLED,
            peer=sender,
            digests=(
                *(() if stored is None else (stored.envelope_id,)),
                opened.envelope.envelope_id,
            ),
            code=_code(stored, verdict),
        )
        return [entry]

    def _hear_report(self, tx: Transaction, opened: OpenedMessage, said: RecallReport) -> None:
        """Mark our recall with what became of it. Who was not told of it has nothing to report."""
        ref, now = opened.payload.in_reply_to, self._clock.now()
        recall = messages.find(tx, *parse_message_ref(ref)) if ref else None
        if recall is None or not _answers(recall, opened.sender, said):
            return
        mark = Mark(
            sender=recall.sender,
            message_id=recall.message_id,
            kind=MarkKind.REPORTED,
            marked_by=opened.envelope.header.message_id,
            verdict=said.verdict.value,
            heard_at=now,
            due_at=now,
        )
        marks.record(tx, mark)


def _answers(recall: StoredMessage, sender: str, said: RecallReport) -> bool:
    return (
        recall.direction == messages.OUT
        and recall.kind == RECALL
        and recall.in_reply_to == said.message
        and sender in parse_header(recall.header).to
    )


def _code(stored: StoredMessage | None, verdict: RecallVerdict) -> str:
    if stored is None:
        return "not_here"
    purged = stored.purged_at is not None and verdict is RecallVerdict.COMPLIED
    return "purged" if purged else verdict.value
