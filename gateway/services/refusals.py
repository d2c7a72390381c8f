"""Reads, forwards, releases and tokens that were refused: recorded with who tried, and why not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.clock import Clock
from gateway.errors import ForbiddenError, LiaisonError, UnavailableError
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

    async def reading(self, digest: bytes, caller: Caller, code: str) -> None:
        """Record that a draft was not shown."""
        await self._record_entry(EntryKind.READ_REFUSED, digest, caller, code)

    @asynccontextmanager
    async def of_release(self, digest: bytes, caller: Caller) -> AsyncIterator[None]:
        """Record what keeps a draft from being decided on, unless it passes by itself."""
        try:
            yield
        except UnavailableError:
            raise
        except LiaisonError as fault:
            await self._record_entry(EntryKind.RELEASE_REFUSED, digest, caller, fault.code)
            raise

    async def passing_on(self, envelope_id: bytes, caller: Caller, code: str) -> None:
        """Record that a received message was not let out to another member."""
        await self._record_entry(EntryKind.FORWARD_REFUSED, envelope_id, caller, code)

    async def of_token(self, shown_by: str, digest: bytes, code: str) -> None:
        """Record a token that was refused, under its label or who showed it; once a minute.

        Not more of one who guesses: the digest is of the first that was tried.
        """
        if self._is_repeat((shown_by, b"", code)):
            return
        digests = (digest,) if digest else ()
        entry = self._ledger.entry(
            EntryKind.TOKEN_REFUSED, peer=shown_by, digests=digests, code=code
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))

    async def _record_entry(self, kind: EntryKind, about: bytes, caller: Caller, code: str) -> None:
        if self._is_repeat((caller.name, about, code)):
            return
        entry = self._ledger.entry(kind, peer=caller.name, digests=(about,), code=code)
        await self._database.write(lambda tx: audit.append(tx, [entry]))

    def _is_repeat(self, tried: tuple[str, bytes, str]) -> bool:
        """Note that somebody tried something in vain; return whether it was recorded lately."""
        now = self._clock.now()
        if 0 <= now - self._noted.get(tried, -REPEATS_S) < REPEATS_S:
            return True
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[tried] = now
        return False
