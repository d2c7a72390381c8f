"""Walk: what becomes by itself of cases that are over, where a rule of the settings says so.

A case whose review is due and that nobody kept is restricted; one that stood so for its time is
purged; what comes in a purged case goes the same way once it is done. Each case is a commit of its
own: a crash leaves what was not reached, for the next walk.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from gateway.cases.kind import Kind
from gateway.cases.threads.retention import RetentionReason, Standing, later
from gateway.clock import Clock
from gateway.errors import ConflictError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.services.casework.folding import CaseFolding
from gateway.services.casework.standing import CaseEnd, CaseEnds, decided_of
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.retention.burying import Burying, Stones
from gateway.services.retention.deciding import check_purgeable
from gateway.store import audit, messages, retentions, threads
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageSummary
from gateway.store.retentions import Retention

STEP = 100
"""How many cases are looked up at a time."""
_EXPIRED = RetentionReason.EXPIRED.value
_log = logger()


class RetentionWalk:
    """Restricts and purges what is due."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        burying: Burying,
        ends: CaseEnds,
        *,
        kinds: Mapping[str, Kind],
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._burying = burying
        self._ledger = ledger
        self._clock = clock
        self._ends = ends
        self._folding = CaseFolding(database, keys, kinds, ends.terms)

    async def walk(self) -> tuple[int, int]:
        """Restrict and purge what is due; return how many cases of each."""
        restricted = purged = 0
        if self._ends.terms.rules:
            restricted = await self._restrict_due()
            purged = await self._purge_due(Standing.RESTRICTED)
        purged += await self._purge_due(Standing.PURGED)
        if purged or self._burying.owes:
            await self._burying.scrub()
        if restricted or purged:
            _log.info("cases.walked", count=restricted + purged)
        return restricted, purged

    async def _restrict_due(self) -> int:
        await self._folding.catch_up()
        count, after = 0, b""
        while True:
            look = partial(threads.to_review, after=after, limit=STEP)
            due = await self._database.read(partial(look, until=self._clock.now()))
            for case_id in due:
                count += await self._database.write(partial(self._restrict, case_id=case_id))
            if len(due) < STEP:
                return count
            after = due[-1]

    def _restrict(self, tx: Transaction, *, case_id: bytes) -> bool:
        stored, before, end, now = self._look(tx, case_id)
        kept = before.standing is not Standing.OPEN or before.keep_until > now
        if kept or not end.restricts or end.review_at > now:
            return False
        after = _by_itself(before, Standing.RESTRICTED, now)
        retentions.record(tx, after)
        entry = self._ledger.entry(
            EntryKind.CASE_RESTRICTED, digests=(stored[0].envelope_id,), code=_EXPIRED
        )
        audit.append(tx, [entry])
        return True

    async def _purge_due(self, standing: Standing) -> int:
        """Purge what stood restricted for its time; or what came in purged cases since."""
        count, after = 0, b""
        while True:
            look = partial(retentions.standing, wanted=standing, after=after, limit=STEP)
            found = await self._database.read(look)
            for decided in found:
                count += await self._purge(decided.case_id)
            if len(found) < STEP:
                return count
            after = found[-1].case_id

    async def _purge(self, case_id: bytes) -> bool:
        def due(tx: Transaction) -> list[MessageSummary]:
            stored, decided, end, now = self._look(tx, case_id)
            return stored if self._is_due(tx, decided, end, stored, now) else []

        stored = await self._database.read(due)
        if not stored:
            return False
        stones = await self._burying.stones(stored)
        commit = partial(self._commit, case_id=case_id, stones=stones)
        return await self._database.write(commit)

    def _commit(self, tx: Transaction, *, case_id: bytes, stones: Stones) -> bool:
        stored, before, end, now = self._look(tx, case_id)
        if not self._is_due(tx, before, end, stored, now):
            return False
        if not self._burying.bury(tx, stored, stones, "", _EXPIRED):
            return False
        if before.standing is Standing.RESTRICTED:
            retentions.record(tx, _by_itself(before, Standing.PURGED, now))
        return True

    def _is_due(
        self,
        tx: Transaction,
        decided: Retention,
        end: CaseEnd,
        stored: list[MessageSummary],
        now: int,
    ) -> bool:
        match decided.standing:
            case Standing.RESTRICTED:
                months = end.purge_months
                if not months or later(decided.stands_since, months) > now:
                    return False
            case Standing.PURGED:
                if all(item.purged_at is not None for item in stored):
                    return False
                end = replace(end, over_at=0, reopens_until=0)  # what came late moves nothing
            case _:
                return False
        try:
            check_purgeable(tx, decided, end, now)
        except ConflictError:
            return False
        return True

    def _look(
        self, tx: Transaction, case_id: bytes
    ) -> tuple[list[MessageSummary], Retention, CaseEnd, int]:
        stored, now = messages.of_cases(tx, [case_id]), self._clock.now()
        return stored, decided_of(tx, self._keys, stored), self._ends.of(tx, stored, now), now


def _by_itself(before: Retention, standing: Standing, now: int) -> Retention:
    return replace(
        before, standing=standing, stands_by="", stands_since=now, reason=_EXPIRED, reference=""
    )
