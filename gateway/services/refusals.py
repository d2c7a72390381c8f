"""Reads and forwards of content that were refused: recorded with who tried, and why not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.clock import Clock
from gateway.errors import ForbiddenError
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import parse_message_ref
from gateway.services.caller import Caller
from gateway.services.ledger import Ledger
from gateway.store import audit, messages
from gateway.store.database import Database

REPEATS_S = 60
"""Who tries the same in vain again and again is recorded once a minute: it must not fill a disk."""
REMEMBERED = 1024


class Refusals:
    """Records reads that policy forbids; of messages that are not here there is nothing to read."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._noted: dict[tuple[str, bytes, str], int] = {}

    @asynccontextmanager
    async def recorded(self, ref: str, caller: Caller) -> AsyncIterator[None]:
        """Record a ForbiddenError about a message's content, and let it go on its way."""
        try:
            yield
        except ForbiddenError as fault:
            await self._record(ref, caller, fault.code)
            raise

    async def _record(self, ref: str, caller: Caller, code: str) -> None:
        sender, message_id = parse_message_ref(ref)
        stored = await self._database.read(lambda tx: messages.find(tx, sender, message_id))
        if stored is None or stored.direction == messages.SERVICE:
            return
        await self._record_entry(EntryKind.READ_REFUSED, stored.envelope_id, caller, code)

    async def passing_on(self, envelope_id: bytes, caller: Caller, code: str) -> None:
        """Record that a received message was not let out to another member."""
        await self._record_entry(EntryKind.FORWARD_REFUSED, envelope_id, caller, code)

    async def _record_entry(
        self, kind: EntryKind, envelope_id: bytes, caller: Caller, code: str
    ) -> None:
        now, tried = self._clock.now(), (caller.name, envelope_id, code)
        if 0 <= now - self._noted.get(tried, -REPEATS_S) < REPEATS_S:
            return
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[tried] = now
        entry = self._ledger.entry(kind, peer=caller.name, digests=(envelope_id,), code=code)
        await self._database.write(lambda tx: audit.append(tx, [entry]))
