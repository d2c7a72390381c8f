"""Standing: how far a case is open, to whom, and what its threads say of its end.

Source: SPEC "Retention".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.cases.kind import Kind
from gateway.cases.threads.retention import FOREVER, Rule, ended_at, reopens_until, review_at
from gateway.cases.threads.thread import Thread
from gateway.errors import LiaisonError
from gateway.services.casework.events import opened_payload, read_events
from gateway.services.casework.folding import folded_threads
from gateway.services.casework.operations import are_over
from gateway.services.casework.terms import Terms
from gateway.services.keys import NodeKeys
from gateway.store import messages, retentions
from gateway.store.database import Transaction
from gateway.store.messages import MessageSummary
from gateway.store.retentions import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEnd:
    """What the threads of a case say of its end. Times are UTC seconds, FOREVER for never."""

    threads: Sequence[tuple[Thread, Rule | None]]
    over_at: int
    """Since when all of them have ended; of a case without threads, 0, or FOREVER."""
    reopens_until: int
    review_at: int

    @property
    def reviewers(self) -> set[str]:
        """The roles that decide that it is kept: of each rule one."""
        return {rule.reviewer for _, rule in self.threads if rule is not None} or {"officer"}

    @property
    def restricts(self) -> bool:
        """Whether it is restricted by itself when its review is due."""
        return all(rule is not None and rule.restricts for _, rule in self.threads)

    @property
    def purge_months(self) -> int:
        """How long it stays restricted until it is purged by itself; 0 for ever."""
        months = [0 if rule is None else rule.purge_months for _, rule in self.threads]
        return max(months) if months and all(months) else 0


class CaseEnds:
    """Says how far cases are over, by the rules of the settings."""

    def __init__(self, keys: NodeKeys, kinds: Mapping[str, Kind], terms: Terms) -> None:
        self._keys = keys
        self._kinds = kinds
        self.terms = terms

    def of(self, tx: Transaction, stored: Sequence[MessageSummary], now: int) -> CaseEnd:
        """Return how far a case is over, by its messages."""
        events = read_events(tx, self._keys, self._kinds, stored)
        me = self._keys.member
        threads = [folded.thread for folded in folded_threads([*events.values()], me)]
        ruled = [(thread, self.terms.rule(thread, me)) for thread in threads]
        if not ruled:
            over = are_over(tx, self._keys, self._kinds, stored, now)
            return CaseEnd(
                threads=(), over_at=0 if over else FOREVER, reopens_until=0, review_at=FOREVER
            )
        heard_at = stored[-1].stored_at
        return CaseEnd(
            threads=ruled,
            over_at=max(ended_at(thread, rule) for thread, rule in ruled),
            reopens_until=max(reopens_until(thread) for thread, _ in ruled),
            review_at=max(review_at(thread, rule, heard_at) for thread, rule in ruled),
        )


def unit_of(tx: Transaction, keys: NodeKeys, stored: MessageSummary) -> str:
    """Return the unit of a message: of one that is purged, the unit of its case.

    Raises LiaisonError where it cannot be opened.
    """
    if stored.purged_at is not None:
        found = retentions.find(tx, stored.case_id)
        return "" if found is None else found.unit
    (whole,) = messages.by_rows(tx, [stored.row_id])
    return opened_payload(keys, whole).unit


def unit_of_case(tx: Transaction, keys: NodeKeys, stored: Sequence[MessageSummary]) -> str | None:
    """Return the unit of a case, that of its first message; None where nobody can tell any more."""
    try:
        return unit_of(tx, keys, stored[0])
    except LiaisonError:
        return None


def decided_of(tx: Transaction, keys: NodeKeys, stored: Sequence[MessageSummary]) -> Retention:
    """Return what was decided about a case; of a fresh one, that nothing was."""
    case_id = stored[0].case_id
    found = retentions.find(tx, case_id)
    unit = unit_of_case(tx, keys, stored) or ""
    return Retention(case_id=case_id, unit=unit) if found is None else found
