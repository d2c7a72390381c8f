"""This node's own keys in use: which one signs, seals and shows itself now."""

import asyncio
from collections.abc import Sequence

import msgspec

from gateway.errors import UnavailableError
from keys.keyfile import Unlocked
from keys.keyring import KeyRecord, Keyring
from keys.registry.draft import node_signer
from keys.registry.view import View
from keys.sealing import SealKey
from keys.signing import SigningKey
from keys.suite import Entropy, KeyId, KeyUse, MemberId
from keys.tlog.note import NoteSigner


class KeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """One key of this node as the local API shows it; never a secret."""

    use: str
    id: str
    state: str
    start: int
    end: int
    registered: bool


class NodeKeys:
    """The unlocked keystore. A change is durable before anything uses it."""

    def __init__(self, unlocked: Unlocked, member: MemberId, entropy: Entropy) -> None:
        self._unlocked = unlocked
        self._saving = asyncio.Lock()
        self._signers: dict[bytes, SigningKey] = {}
        self.member = member
        self.entropy = entropy
        self.keyring = Keyring.parse(unlocked.body)

    def signer(self, view: View, now: int) -> SigningKey:
        """Return the key that signs messages, receipts and cards now: the newest registered.

        Raises UnavailableError ``not_admitted``.
        """
        record = self._current(KeyUse.SIGN, view, now)
        if record.key_id not in self._signers:
            self._signers[record.key_id] = self.keyring.signer(record)
        return self._signers[record.key_id]

    def note_signer(self, use: KeyUse, view: View, now: int) -> NoteSigner:
        """Return the key of one use that signs notes now. Raises UnavailableError."""
        return node_signer(view.federation, self.member, self._current(use, view, now))

    def tls(self, view: View | None, now: int) -> KeyRecord:
        """Return the certificate and key to show now; before admission, the first one."""
        if view is not None and self.member in view.members:
            return self._current(KeyUse.TLS, view, now)
        return self.keyring.records(KeyUse.TLS)[0]

    def seal_key(self, key_id: KeyId) -> SealKey | None:
        """Return the sealing key named, if it is held."""
        return self.keyring.seal_key(key_id)

    async def add(self, records: Sequence[KeyRecord]) -> None:
        """Put new keys into the keystore, durable on return."""
        async with self._saving:
            await self._save(self.keyring.add(*records))

    async def destroy_expired(self, now: int, lifetime_s: int) -> int:
        """Destroy sealing keys under which nothing can arrive any more; return how many."""
        async with self._saving:
            kept = self.keyring.expire(now, lifetime_s=lifetime_s)
            gone = len(self.keyring.records(KeyUse.SEAL)) - len(kept.records(KeyUse.SEAL))
            if gone:
                await self._save(kept)
        return gone

    def pending(self, use: KeyUse, view: View) -> KeyRecord | None:
        """Return a key that was made but never got into the registry."""
        for record in self.keyring.records(use):
            if KeyId(record.key_id) not in view.keys:
                return record
        return None

    def listing(self, view: View | None, now: int) -> list[KeySummary]:
        """Return all keys of this node, by use and age."""
        return [
            KeySummary(
                use=use.value,
                id=record.key_id.hex(),
                state=self._state(record, view, now),
                start=record.start,
                end=self._end(record, view),
                registered=view is not None and KeyId(record.key_id) in view.keys,
            )
            for use in KeyUse
            for record in self.keyring.records(use)
        ]

    async def _save(self, keyring: Keyring) -> None:
        """Write ``keyring``, made from the present one under the lock, or a key would get lost."""
        await asyncio.to_thread(self._unlocked.save, keyring.encode())
        self.keyring = keyring

    def _current(self, use: KeyUse, view: View, now: int) -> KeyRecord:
        for record in reversed(self.keyring.records(use)):
            registered = view.keys.get(KeyId(record.key_id))
            if registered is not None and registered.good_at(now):
                return record
        raise UnavailableError(
            "not_admitted",
            f"the registry lists no {use} key of {self.member} that this node holds and that is "
            "good now: have the registrar admit the join file, or rotate the key",
            retry_after_s=10,
        )

    def _end(self, record: KeyRecord, view: View | None) -> int:
        registered = view.keys.get(KeyId(record.key_id)) if view is not None else None
        return record.end if registered is None else registered.end

    def _state(self, record: KeyRecord, view: View | None, now: int) -> str:
        if record.use in (KeyUse.SIGN, KeyUse.LOG, KeyUse.TLS):
            if view is None or KeyId(record.key_id) not in view.keys:
                return "next"
            try:
                current = self._current(record.use, view, now).key_id == record.key_id
            except UnavailableError:
                current = False
            return "current" if current else ("next" if record.start > now else "retired")
        if record.start > now:
            return "next"
        return "current" if now < record.end else "retired"
