"""Sign our undelivered messages again, once the key that signed them is revoked.

Nobody accepts from then on what the revoked key signed. Id, header, payload, content key and
stanzas stay, so that the message is the same to whoever has it already, and a receipt for it as it
was still settles its row. Source: SPEC "Signing again".
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError, UnavailableError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import SealedMessage, sign_again
from gateway.protocol.message import Inner
from gateway.protocol.opening import open_body
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.sending.outcomes import content_key
from gateway.store import audit, messages
from gateway.store.database import Database, Transaction
from gateway.store.messages import SignedAgain, StoredMessage
from gateway.store.outbox import signing
from keys.registry.view import View
from keys.suite import KeyId, KeyUse, MemberId

MESSAGES_AT_ONCE = 64
RETRY_S = 2.0

_log = logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """A message as it was, and as it is signed now."""

    before: StoredMessage
    signed_before: bytes
    now: SignedAgain


class Resigning:
    """Watches for revocations of our own ``sign`` keys."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        ledger: Ledger,
        clock: Clock,
        queued: Callable[[Collection[MemberId]], None],
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._ledger = ledger
        self._clock = clock
        self._queued = queued
        self._seen: frozenset[KeyId] = frozenset()
        self._woken = asyncio.Event()
        mirror.watch(self._changed)

    def wake(self) -> None:
        """Look at once: a recipient says that a key of ours is revoked."""
        self._mirror.behind.set()
        self._woken.set()

    async def run(self) -> None:
        """Sign again what is to be, until cancelled; at the start what a crash left over."""
        while True:
            self._woken.clear()
            try:
                await self.sign_again()
            except LiaisonError as fault:  # no key to sign with yet, or the database
                _log.warning("messages.unsigned", code=fault.code, detail=fault.detail)
                await happens(self._woken.wait(), RETRY_S)
            else:
                await self._woken.wait()

    async def sign_again(self) -> int:
        """Sign again what a revoked key of ours signed and not everybody has; return how many.

        Raises UnavailableError ``not_admitted`` while no good key of ours is registered.
        """
        view = self._mirror.known
        revoked = frozenset[KeyId]() if view is None else self._revoked(view)
        if view is None or not revoked:
            return 0
        now, count = self._clock.now(), 0
        rows = await self._database.read(lambda tx: signing.unfinished(tx, now))
        for start in range(0, len(rows), MESSAGES_AT_ONCE):
            some = rows[start : start + MESSAGES_AT_ONCE]
            again = await asyncio.to_thread(self._signed, some, revoked, view)
            if again:
                names = await self._database.write_unit(
                    lambda tx, again=again: self._commit(tx, again)  # type: ignore[misc]
                )
                self._queued([MemberId(name) for name in names])
                count += len(again)
        if count:
            _log.warning("messages.signed_again", count=count)
        return count

    def _changed(self, view: View) -> None:
        revoked = self._revoked(view)
        if revoked != self._seen:
            self._seen = revoked
            self._woken.set()

    def _revoked(self, view: View) -> frozenset[KeyId]:
        own = view.members.get(self._keys.member)
        keys = () if own is None else own.keys_for(KeyUse.SIGN)
        return frozenset(key.key_id for key in keys if key.revoked_since is not None)

    def _signed(self, rows: Sequence[int], revoked: frozenset[KeyId], view: View) -> list[_Again]:
        """Open messages, and sign those again that one of these keys signed."""
        signer = self._keys.signer(view, self._clock.now())
        again: list[_Again] = []
        for stored in self._database.read_now(lambda tx: messages.by_rows(tx, rows)):
            try:
                key = content_key(self._keys, stored)
            except UnavailableError as fault:  # it cannot be signed, nor read, by anybody
                _log.warning("message.unsigned", code=fault.code, detail=fault.detail)
                continue
            inner = open_body(stored.header, stored.body, key)
            if inner.signer_kid in revoked:
                sealed = sign_again(
                    stored.header,
                    inner.payload,
                    key,
                    signer=signer,
                    registry=view.head,
                    entropy=self._keys.entropy,
                )
                again.append(self._again(stored, inner, sealed))
        return again

    def _again(self, stored: StoredMessage, inner: Inner, sealed: SealedMessage) -> _Again:
        storage = self._keys.keyring.storage(self._clock.now())
        signed = SignedAgain(
            envelope_id=sealed.envelope_id,
            tbs_digest=sealed.tbs_digest,
            body=sealed.body,
            storage_key_id=storage.key_id,
            wrapped_key=storage.wrap(sealed.envelope_id, sealed.content_key, self._keys.entropy),
        )
        return _Again(before=stored, signed_before=inner.signed, now=signed)

    def _commit(self, tx: Transaction, again: Sequence[_Again]) -> set[str]:
        """Queue the rows and put the new signatures in place; return for whom."""
        now, names, entries = self._clock.now(), set[str](), list[audit.NewEntry]()
        for item in again:
            if not messages.sign_again(tx, item.before, item.now):
                continue  # another daemon of ours was faster
            names |= signing.sign_again(tx, item.before, item.signed_before, now)
            digests = (item.now.envelope_id, item.now.tbs_digest, item.before.envelope_id)
            entries.append(self._ledger.entry(EntryKind.MESSAGE_SIGNED_AGAIN, digests=digests))
        audit.append(tx, entries)
        return names
