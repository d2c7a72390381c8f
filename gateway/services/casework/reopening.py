"""Reopening: a restricted case that is opened again is open to its unit too.

Heard in the transaction that stores the word, so that the administration that is at work again can
read what it is about.
"""

from collections.abc import Mapping
from dataclasses import replace

from gateway.cases.kind import Kind
from gateway.cases.threads.retention import RetentionReason, Standing
from gateway.clock import Clock
from gateway.protocol.audit import EntryKind
from gateway.services.casework.events import read_events
from gateway.services.casework.folding import folded_threads
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.store import messages, retentions
from gateway.store.audit import NewEntry
from gateway.store.database import Transaction


class Reopening:
    """Lifts restrictions."""

    def __init__(
        self, keys: NodeKeys, kinds: Mapping[str, Kind], ledger: Ledger, clock: Clock
    ) -> None:
        self._keys = keys
        self._kinds = kinds
        self._ledger = ledger
        self._clock = clock

    def hear(self, tx: Transaction, case_id: bytes, by: str) -> list[NewEntry]:
        """Lift the restriction of a case in which an answer is owed again; return what is recorded.

        Out of order, or too late, the word opens nothing, here neither.
        """
        decided = retentions.find(tx, case_id)
        if decided is None or decided.standing is not Standing.RESTRICTED:
            return []
        stored = messages.of_cases(tx, [case_id])
        events = read_events(tx, self._keys, self._kinds, stored)
        threads = folded_threads([*events.values()], self._keys.member)
        if not any(folded.thread.is_open for folded in threads):
            return []
        lifted = replace(
            decided,
            standing=Standing.OPEN,
            stands_by=by,
            stands_since=self._clock.now(),
            reason=RetentionReason.REOPENED.value,
            reference="",
        )
        retentions.record(tx, lifted)
        first = stored[0].envelope_id
        return [
            self._ledger.entry(
                EntryKind.CASE_LIFTED,
                peer=by,
                digests=(first,),
                code=RetentionReason.REOPENED.value,
            )
        ]
