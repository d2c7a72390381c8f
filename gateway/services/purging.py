"""Purge what is done and older than the retention time, a few rows at a time."""

from functools import partial

from gateway.clock import Clock
from gateway.logs import logger
from gateway.settings import PolicySettings
from gateway.store import purge
from gateway.store.database import Database

STEP = 200
"""How many messages are looked at in one step: deleting them holds the writer up for a moment."""

_log = logger()


class Purging:
    """Walks the stored messages from the oldest to the first that is not old enough."""

    def __init__(self, database: Database, clock: Clock, policy: PolicySettings) -> None:
        self._database = database
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
            look = partial(
                purge.look,
                after=after,
                now=self._clock.now(),
                retention_s=self._retention_s,
                limit=STEP,
            )
            seen = await self._database.read(look)
            unacknowledged += seen.unacknowledged
            if seen.gone:
                await self._database.write(partial(purge.forget, rows=seen.gone))
                gone += len(seen.gone)
            if seen.after is None:
                break
            after = seen.after
        self.unacknowledged = unacknowledged
        if gone:
            _log.info("messages.purged", count=gone)
        return gone
