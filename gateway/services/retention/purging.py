"""Purge conversations that are done and older than the retention time, a few at a time.

A case in which something was asked has terms of its own (``walking``).
"""

from collections.abc import Mapping
from functools import partial

from gateway.cases.kind import Kind
from gateway.clock import Clock
from gateway.logs import logger
from gateway.services.casework.operations import are_over
from gateway.services.keys import NodeKeys
from gateway.settings import PolicySettings
from gateway.store import messages, purge
from gateway.store.database import Database, Transaction

STEP = 200
"""How many messages are looked at in one step: deleting them holds the writer up for a moment."""

_log = logger()


class Purging:
    """Walks the stored messages from the oldest to the first that is not old enough."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        kinds: Mapping[str, Kind],
        clock: Clock,
        policy: PolicySettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._kinds = kinds
        self._clock = clock
        self._retention_s = policy.retention_s
        self.unacknowledged = 0
        """How many received messages the last walk left, old enough but never acknowledged."""

    async def walk(self) -> int:
        """Delete what may go; return how many messages. A crash leaves what was not reached."""
        if not self._retention_s:
            return 0
        gone, unacknowledged, after = 0, 0, 0
        while True:
            look = partial(self._look, after=after, now=self._clock.now())
            seen, rows = await self._database.read(look)
            unacknowledged += seen.unacknowledged
            if rows:
                await self._database.write(partial(purge.forget, rows=rows))
                gone += len(rows)
            if seen.after is None:
                break
            after = seen.after
        self.unacknowledged = unacknowledged
        if gone:
            _log.info("messages.purged", count=gone)
        return gone

    def _look(self, tx: Transaction, *, after: int, now: int) -> tuple[purge.Look, list[int]]:
        """Return what is at the next step, and the rows of it that go."""
        seen = purge.look(tx, after=after, now=now, retention_s=self._retention_s, limit=STEP)
        # The newest stays until there is a newer one: its number would be given again, and whoever
        # reads on from there would never see what comes under it.
        newest = messages.newest_row(tx)
        rows = [row for row in seen.service if row != newest]
        for item in seen.conversations:
            stored = messages.of_cases(tx, [item.case_id])
            if newest not in item.rows and are_over(tx, self._keys, self._kinds, stored, now):
                rows += item.rows
        return seen, rows
