"""This node's own keys in use: which one signs, seals and shows itself now."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence

from gateway.errors import LiaisonError, UnavailableError
from keys.keyfile import Unlocked
from keys.keyring import KeyRecord, Keyring, new_record, new_token_record
from keys.registry.draft import provers
from keys.registry.statement import key_name
from keys.registry.view import View
from keys.sealing import SealKey
from keys.signing import Signer
from keys.storage import StorageKey
from keys.suite import Entropy, KeyId, KeyUse, MemberId
from keys.tlog.cosignature import CosigningKey
from keys.tlog.note import ClassicalSigner, NoteSigner
from keys.token import Token


class NodeKeys:
    """The unlocked keystore. A change is durable before anything uses it.

    Several daemons of a member may share the file: each adds to what is there, and takes over what
    the others added.
    """

    def __init__(
        self,
        unlocked: Unlocked,
        member: MemberId,
        entropy: Entropy,
        token: Token | None = None,
        *,
        draws_in_token: bool = True,
    ) -> None:
        """Take over the keystore, and the token, if there is one, that ``sign`` keys lie in."""
        self._unlocked = unlocked
        self._token = token
        self._draws_in = token if draws_in_token else None
        self._reading = threading.Lock()
        self._signers: dict[bytes, Signer] = {}
        self._cosigners: dict[bytes, CosigningKey] = {}
        self._used: dict[bytes, KeyUse] = {}
        self._told: set[bytes] = set()
        self.member = member
        self.entropy = entropy
        self.keyring = Keyring.parse(unlocked.body)

    def signer(self, view: View, now: int) -> Signer:
        """Return the key that signs messages, receipts and cards now: the newest registered.

        Raises UnavailableError ``not_admitted`` or ``token_missing``. Sign with it in a thread: it
        may lie in a token.
        """
        return self._signer(self._current(KeyUse.SIGN, view, now))

    def note_signer(self, use: KeyUse, view: View, now: int) -> NoteSigner:
        """Return the key of one use that signs notes now. Raises as ``signer``."""
        record = self._current(use, view, now)
        return ClassicalSigner(key_name(view.federation, self.member, use), self._signer(record))

    def log_signer(self, origin: str, view: View, now: int) -> NoteSigner:
        """Return the key that signs heads of a log of ours now, under the log's origin.

        Raises as ``signer``; UnavailableError ``log_key_missing`` where others are registered.
        """
        try:
            record = self._current(KeyUse.LOG, view, now)
        except UnavailableError as fault:
            me = view.members.get(self.member)
            if me is None or me.current(KeyUse.LOG, now) is None:
                raise
            raise UnavailableError(
                "log_key_missing",
                "the registry lists a log key of this member that the keystore does not hold, and "
                "none that it holds is good any more: was the keystore restored from an old "
                "backup? Bring a new one: liaison key rotate log",
                retry_after_s=10,
            ) from fault
        return ClassicalSigner(origin, self._signer(record))

    def provers(self, federation: str, record: KeyRecord) -> Sequence[NoteSigner]:
        """Return the signers with which a key proves that it is held. Raises as ``signer``."""
        if record.held is None:
            return provers(federation, self.member, record)
        name = key_name(federation, self.member, record.use)
        return (ClassicalSigner(name, self._signer(record)),)

    def cosigner(self, view: View, now: int) -> CosigningKey:
        """Return the keys with which this node cosigns now. Raises UnavailableError."""
        record = self._current(KeyUse.WITNESS, view, now)
        self._note(record.key_id, KeyUse.WITNESS)
        if record.key_id not in self._cosigners:
            name = key_name(view.federation, self.member, KeyUse.WITNESS)
            self._cosigners[record.key_id] = CosigningKey.from_seed(name, record.seed)
        return self._cosigners[record.key_id]

    def tls(self, view: View | None, now: int) -> KeyRecord:
        """Return the certificate and key to show now.

        Before admission the first one; where the registry lists none that is good, as before a
        recovery is complete, the newest: peers refuse it, and the registry can still be read.
        """
        records = self.keyring.records(KeyUse.TLS)
        if view is None or self.member not in view.members:
            return records[0]
        try:
            current = self._current(KeyUse.TLS, view, now)
        except UnavailableError:
            return records[-1]
        self._note(current.key_id, KeyUse.TLS)
        return current

    def tls_before(self, view: View, now: int) -> KeyRecord | None:
        """Return the certificate and key in use before the newest, while they are good."""
        records = [
            record
            for record in self.keyring.records(KeyUse.TLS)
            if (key := view.keys.get(KeyId(record.key_id))) is not None and key.good_at(now)
        ]
        return records[-2] if len(records) > 1 else None

    def seals(self, key_id: KeyId) -> bool:
        """Tell whether a sealing key is held, by which nothing is opened now."""
        return self.keyring.seals(key_id) or (self._refreshed() and self.keyring.seals(key_id))

    def seal_key(self, key_id: KeyId) -> SealKey | None:
        """Return the sealing key named, if it is held."""
        held = self.keyring.seal_key(key_id)
        if held is None and self._refreshed():
            held = self.keyring.seal_key(key_id)
        if held is not None:
            self._note(key_id, KeyUse.SEAL)
        return held

    def storage_key(self, key_id: bytes) -> StorageKey:
        """Return the storage key that a stored item names.

        Raises UnavailableError ``storage_key_missing``.
        """
        try:
            return self.keyring.storage_key(key_id)
        except UnavailableError:
            self._refreshed()
            return self.keyring.storage_key(key_id)

    def listed(self, view: View | None) -> bool:
        """Tell whether the registry lists a ``sign`` key that this node holds: it was admitted."""
        records = self.keyring.records(KeyUse.SIGN)
        return view is not None and any(KeyId(record.key_id) in view.keys for record in records)

    def newly_used(self) -> list[tuple[bytes, KeyUse]]:
        """Return the keys that were used for the first time since the last call.

        Storage keys are not among them: nobody outside ever meets one.
        """
        used = [
            (key_id, use) for key_id, use in list(self._used.items()) if key_id not in self._told
        ]
        self._told.update(key_id for key_id, _ in used)
        return used

    def refresh(self) -> None:
        """Take over what another daemon wrote into the keystore. Raises as ``unlock``."""
        with self._reading:
            if not self._unlocked.is_newest:
                self.keyring = Keyring.parse(self._unlocked.reread())

    async def draw(self, use: KeyUse, federation: str, *, start: int, end: int) -> KeyRecord:
        """Draw a key that the registry is to list, in the keystore or the token; durable on return.

        Raises UnavailableError ``keyfile_unwritable`` or what the token says: nothing is added.
        """
        record = await self.fresh(use, federation, start=start, end=end)
        await self.add([record])
        return record

    async def fresh(self, use: KeyUse, federation: str, *, start: int, end: int) -> KeyRecord:
        """Draw a key as ``draw`` does, which the caller adds. Raises what the token says."""
        name = key_name(federation, self.member, use)
        if use is KeyUse.SIGN and self._draws_in is not None:
            return await asyncio.to_thread(
                new_token_record,
                self._draws_in,
                use,
                start=start,
                end=end,
                entropy=self.entropy,
                common_name=name,
            )
        return new_record(use, start=start, end=end, entropy=self.entropy, common_name=name)

    async def add(self, records: Sequence[KeyRecord]) -> None:
        """Put new keys into the keystore, durable on return."""
        await asyncio.to_thread(self._change, lambda keyring: keyring.add(*records))

    async def keep(self, records: Sequence[KeyRecord]) -> None:
        """Put keys into the keystore, or the spans in which they are used; durable on return."""
        ids = [record.key_id for record in records]
        await asyncio.to_thread(self._change, lambda keyring: keyring.without(*ids).add(*records))

    async def destroy(self, key_ids: Sequence[bytes]) -> None:
        """Destroy keys; gone from the keystore, and from what is kept of it here, on return."""
        await asyncio.to_thread(self._change, lambda keyring: keyring.without(*key_ids))
        for key_id in key_ids:
            self._signers.pop(key_id, None)
            self._cosigners.pop(key_id, None)

    async def destroy_expired(self, now: int, lifetime_s: int) -> int:
        """Destroy sealing keys under which nothing can arrive any more; return how many."""
        held = len(self.keyring.records(KeyUse.SEAL))

        def expire(keyring: Keyring) -> Keyring:
            return keyring.expire(now, lifetime_s=lifetime_s)

        gone = held - len(expire(self.keyring).records(KeyUse.SEAL))
        if gone:
            await asyncio.to_thread(self._change, expire)
        return gone

    def pending(self, use: KeyUse, view: View) -> KeyRecord | None:
        """Return a key that a rotation drew and that never got into the registry."""
        for record in self.keyring.records(use):
            if KeyId(record.key_id) not in view.keys and not record.reserved:
                return record
        return None

    def _signer(self, record: KeyRecord) -> Signer:
        self._note(record.key_id, record.use)
        if record.key_id not in self._signers:
            self._signers[record.key_id] = self.keyring.signer(record, self._token)
        return self._signers[record.key_id]

    def _note(self, key_id: bytes, use: KeyUse) -> None:
        if key_id not in self._used:
            self._used[key_id] = use

    def _change(self, change: Callable[[Keyring], Keyring]) -> None:
        """Write what ``change`` makes of the keys as they lie there, or one would get lost."""
        made: list[Keyring] = []

        def changed(body: bytes) -> bytes:
            made.append(change(Keyring.parse(body)))
            return made[0].encode()

        with self._reading:
            self._unlocked.change(changed)
            self.keyring = made[0]

    def _refreshed(self) -> bool:
        """Look for keys that another daemon drew; tell whether there may be some."""
        before = self.keyring
        with contextlib.suppress(LiaisonError):  # then what is held is all that there is
            self.refresh()
        return self.keyring is not before

    def _current(self, use: KeyUse, view: View, now: int) -> KeyRecord:
        for record in reversed(self.keyring.records(use)):
            registered = view.keys.get(KeyId(record.key_id))
            if registered is None or not registered.good_at(now):
                continue
            # A revocation counts for a signature as soon as it is known, whatever its date.
            if use is KeyUse.TLS or registered.revoked_since is None:
                return record
        raise UnavailableError(
            "not_admitted",
            f"the registry lists no {use} key of {self.member} that this node holds and that is "
            "good now: have the registrar admit the join file, or rotate the key",
            retry_after_s=10,
        )
