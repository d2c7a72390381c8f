"""Wrap what is stored under the newest storage key, and destroy the keys before it.

Runs beside the traffic, a few rows at a time. A kill at any point leaves rows under either key, and
both are still held: the next start goes on. A key is destroyed only once the database lets nothing
be stored under it any more, and some time after, when nobody can hold a row that he read before.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Protocol

from gateway.clock import Clock
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.services.caller import Caller, require
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.settings import Role
from gateway.store import audit, storage_keys
from gateway.store.database import Database, Transaction
from gateway.store.storage_keys import SealedDraft, StorageKeyState, Wrapped, WrappedMessage
from keys.storage import StorageKey
from keys.suite import KeyUse

STEP = 100
"""How many rows are wrapped in one commit: writing them holds the writer up for a moment."""
PAUSE_S = 0.01
DESTROY_AFTER_S = 900
"""Longer than a lease: a delivery that was claimed before has been posted, or is claimed again."""
_log = logger()


class _Under(Protocol):
    """Finds what lies under keys, after a row, besides messages."""

    def __call__(
        self, tx: Transaction, key_ids: Collection[bytes], after: int, limit: int
    ) -> Sequence[Wrapped]: ...


_OTHERS: Sequence[_Under] = (storage_keys.blobs_under, storage_keys.drafts_under)


class Rewrapping:
    """Empties storage keys that are to go."""

    def __init__(self, database: Database, keys: NodeKeys, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._ledger = ledger
        self._clock = clock
        self.wanted = asyncio.Event()
        """Set when there is something to wrap anew; who does it clears it."""

    async def begin(self, caller: Caller) -> int:
        """Give up every storage key but the newest, durable on return; return how many.

        Raises ForbiddenError ``role_missing``.
        """
        require(caller, Role.OPERATOR)
        now = self._clock.now()
        newest = self._keys.keyring.storage(now).key_id
        held = self._keys.keyring.records(KeyUse.STORAGE)
        old = [record.key_id for record in held if record.key_id != newest and record.start <= now]
        entry = self._ledger.entry(
            EntryKind.ADMINISTRATOR_ACTED, peer=caller.name, digests=(newest,), code="rewrap"
        )

        def commit(tx: Transaction) -> None:
            storage_keys.leave(tx, old, now)
            audit.append(tx, [entry])

        await self._database.write(commit)
        self.wanted.set()
        return len(old)

    async def walk(self) -> int:
        """Empty the keys that are given up, and destroy those that ended; return how many ended."""
        states = await self._database.read(storage_keys.states)
        held = {record.key_id for record in self._keys.keyring.records(KeyUse.STORAGE)}
        leaving = [
            key_id for key_id, (state, _) in states.items() if state is StorageKeyState.LEAVING
        ]
        ended = 0
        if leaving:
            after = await self._empty(leaving)
            now = self._clock.now()
            for key_id in leaving:
                end = partial(storage_keys.end, key_id=key_id, after=after, now=now)
                ended += await self._database.write(end)
        gone = [
            key_id
            for key_id, (state, changed_at) in states.items()
            if state is StorageKeyState.ENDED
            and key_id in held
            and changed_at + DESTROY_AFTER_S <= self._clock.now()
        ]
        if gone:
            await self._keys.destroy(gone)
            _log.info("storage.ended", count=len(gone))
        return ended

    async def _empty(self, leaving: Collection[bytes]) -> int:
        """Wrap all that lies under these keys anew; return up to which message was looked."""
        after, count = 0, 0
        newest = await self._database.read(storage_keys.newest_message)
        while after < newest:
            until = min(after + STEP, newest)
            under = partial(storage_keys.messages_under, key_ids=leaving, after=after, until=until)
            count += await self._rewrap(await self._database.read(under))
            after = until
        for others in _OTHERS:
            row_id = 0
            while found := await self._database.read(
                partial(others, key_ids=leaving, after=row_id, limit=STEP)
            ):
                count += await self._rewrap(found)
                row_id = found[-1].row_id
        _log.info("storage.rewrapped", count=count)
        return newest

    async def _rewrap(self, items: Collection[Wrapped]) -> int:
        if not items:
            return 0
        new = self._keys.keyring.storage(self._clock.now())
        wrapped = await asyncio.to_thread(
            lambda: [(item, self._under(new, item)) for item in items]
        )
        await self._database.write(lambda tx: storage_keys.rewrap(tx, new.key_id, wrapped))
        await self._clock.sleep(PAUSE_S)  # what people wait for goes first
        return len(items)

    def _under(self, new: StorageKey, item: Wrapped) -> Mapping[str, bytes]:
        """Return what of an item is wrapped or sealed, under the new key."""
        old, entropy = self._keys.storage_key(item.storage_key_id), self._keys.entropy
        if isinstance(item, SealedDraft):
            record = old.open_record(item.message_id, item.record)
            return {"record": new.seal_record(item.message_id, record, entropy)}
        context = item.envelope_id if isinstance(item, WrappedMessage) else item.upload_id
        key = old.unwrap(context, item.wrapped_key)
        values = {"wrapped_key": new.wrap(context, key, entropy)}
        if not isinstance(item, WrappedMessage):
            record = old.open_record(context, item.record)
            values["record"] = new.seal_record(context, record, entropy)
        return values
