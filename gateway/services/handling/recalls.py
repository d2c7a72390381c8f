"""Recalls: heard with the message that brings them; what they name is closed in that transaction.

What follows afterwards is in ``duties``.
"""

import asyncio

from gateway.cases.content import decode_content
from gateway.cases.control import RecallVerdict
from gateway.cases.kinds import CATALOGUE, kind_named
from gateway.cases.recall import taken_back
from gateway.cases.thread import RECALL
from gateway.clock import Clock
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import parse_message_ref
from gateway.protocol.opening import OpenedMessage
from gateway.services.ledger import Ledger
from gateway.store import marks, messages
from gateway.store.audit import NewEntry
from gateway.store.database import Transaction
from gateway.store.marks import Mark, MarkKind

KINDS = (RECALL, "information.rectify")


class Recalls:
    """Hears what senders take back."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self.came = asyncio.Event()
        """Set when something was recalled that is to be passed along."""

    def hear(self, tx: Transaction, opened: OpenedMessage) -> list[NewEntry]:
        """Mark what a sender recalls or rectifies, in the transaction that stores its word.

        Whether the message is here yet does not matter. Return what is recorded.
        """
        kind = kind_named(opened.payload.kind, CATALOGUE)
        name = taken_back(decode_content(kind, opened.payload.content))
        assert name is not None  # noqa: S101 - judged already
        sender, message_id = parse_message_ref(name)
        recalls, now = kind.name == RECALL, self._clock.now()
        late = recalls and marks.is_exhibited(tx, sender, message_id)
        verdict = RecallVerdict.OBJECTED if late else RecallVerdict.COMPLIED
        mark = Mark(
            sender=sender,
            message_id=message_id,
            kind=MarkKind.RECALLED if recalls else MarkKind.RECTIFIED,
            marked_by=opened.envelope.header.message_id,
            verdict=verdict.value if recalls else "",
            heard_at=now,
            due_at=now if recalls else None,
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
            code=verdict.value if stored is not None else "not_here",
        )
        return [entry]
