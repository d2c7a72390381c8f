"""What there is to know of this node's keys: how far each is, when it ends, who still uses it."""

from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from gateway.clock import Clock
from gateway.services.caller import Caller, require
from gateway.services.federation.reading import ENTRIES_PER_READ
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.settings import PolicySettings, Role
from gateway.store.database import Database
from gateway.store.outbox import showing
from keys.keyring import NODE_USES, KeyRecord
from keys.registry.member import Member, RegisteredKey
from keys.suite import KeyId, KeyUse, MemberId
from keys.tlog.note import encode_base64


class KeyState(StrEnum):
    """How far a key is in its life."""

    NEXT = "next"
    """Drawn, and perhaps published, but not in use yet."""
    CURRENT = "current"
    """In use."""
    RETIRING = "retiring"
    """Another one is in use; this one is still good for what is under way."""
    RETIRED = "retired"
    """It verifies what it signed, or unwraps what it wrapped, and does nothing new."""
    REVOKED = "revoked"
    """Not to be trusted."""


class StillUsed(msgspec.Struct, frozen=True, kw_only=True):
    """Who or what still goes by a key that another one follows."""

    members: list[str]
    """Members that have not shown that they know the new key."""
    unheard: int
    """How many members were not heard yet at all."""
    connections: int
    """Connections of peers to this node that were opened under it."""
    queued: int
    """Deliveries not done whose message was signed with it."""
    in_custody: int
    """The same, held by a relay."""


class KeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """One key of this node as the local API shows it; never a secret."""

    use: str
    id: str
    state: str
    start: int
    end: int
    held: bool
    """Whether the private key is in the keystore, or in its token."""
    token: str
    """The token that it lies in; empty for the keystore."""
    kept_until: int | None = None
    """Until when at least the private key of a sealing epoch stays: something may still arrive."""
    still_used: StillUsed | None = None


class KeyReport:
    """Lists keys."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        clock: Clock,
        policy: PolicySettings,
        named: Callable[[MemberId], int | None],
    ) -> None:
        """``named`` returns the largest registry that a member named; None if it was not heard."""
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._clock = clock
        self._policy = policy
        self._named = named
        self._sizes: dict[KeyId, int] = {}
        self.open_under: Callable[[bytes], int] = lambda _: 0
        """Counts the connections that were opened under a certificate; the listener sets it."""

    async def listing(self, caller: Caller) -> list[KeySummary]:
        """Return all keys of this node, by use and age. Raises ForbiddenError ``role_missing``."""
        require(caller, Role.OPERATOR)
        view = self._mirror.known
        member = None if view is None else view.members.get(self._keys.member)
        shown: list[KeySummary] = []
        for use in KeyUse:
            if use in NODE_USES:
                shown += await self._registered(use, member)
            else:
                shown += [self._own(record) for record in self._keys.keyring.records(use)]
        return shown

    def ends(self) -> dict[str, int]:
        """Return until when there is a good key of each use that the registry lists; 0 for none."""
        view = self._mirror.known
        member = None if view is None else view.members.get(self._keys.member)
        held = {record.key_id for use in NODE_USES for record in self._keys.keyring.records(use)}
        ends = dict.fromkeys((use.value for use in NODE_USES), 0)
        for key in () if member is None else member.keys:
            if key.key_id in held and key.revoked_since is None:
                ends[key.use.value] = max(ends[key.use.value], key.end)
        return ends

    async def _registered(self, use: KeyUse, member: Member | None) -> Sequence[KeySummary]:
        now = self._clock.now()
        records = {record.key_id: record for record in self._keys.keyring.records(use)}
        listed = () if member is None else member.keys_for(use)
        known = {key.key_id for key in listed}
        good = [key for key in listed if key.good_at(now)]
        current = next((key for key in reversed(good) if key.key_id in records), None)
        shown = [
            await self._of_registry(key, current, good, records.get(key.key_id)) for key in listed
        ]
        return shown + [
            KeySummary(
                use=use.value, id=record.key_id.hex(), state=KeyState.NEXT.value,
                start=record.start, end=record.end, held=True, token=_token(record),
            )
            for record in records.values()
            if record.key_id not in known
        ]  # fmt: skip

    async def _of_registry(
        self,
        key: RegisteredKey,
        current: RegisteredKey | None,
        good: Sequence[RegisteredKey],
        record: KeyRecord | None,
    ) -> KeySummary:
        now = self._clock.now()
        still_used = None
        if key.revoked_since is not None and key.revoked_since <= now:
            state = KeyState.REVOKED
        elif key.start > now:
            state = KeyState.NEXT
        elif current is not None and key.key_id == current.key_id:
            state = KeyState.CURRENT
        elif key in good:
            state = KeyState.RETIRING
        else:
            state = KeyState.RETIRED
        if state is KeyState.RETIRING and current is not None:
            still_used = await self._still_used(key, current)
        end = key.end if key.revoked_since is None else min(key.end, key.revoked_since)
        return KeySummary(
            use=key.use.value, id=key.key_id.hex(), state=state.value,
            start=key.start, end=end, held=record is not None, token=_token(record),
            still_used=still_used,
        )  # fmt: skip

    async def _still_used(self, key: RegisteredKey, current: RegisteredKey) -> StillUsed:
        size = await self._size_with(current)
        others = [name for name in self._mirror.view.members if name != self._keys.member]
        heard = {name: self._named(name) for name in others}
        waiting = {"queued": 0, "in_custody": 0}
        if key.use is KeyUse.SIGN:
            before = current.start
            waiting = await self._database.read(lambda tx: showing.written_before(tx, before))
        return StillUsed(
            members=[name for name, named in heard.items() if named is not None and named < size],
            unheard=sum(named is None for named in heard.values()),
            connections=self.open_under(key.key_id) if key.use is KeyUse.TLS else 0,
            queued=waiting["queued"],
            in_custody=waiting["in_custody"],
        )

    async def _size_with(self, key: RegisteredKey) -> int:
        """Return the size of the registry with the statement that brought a key."""
        found = self._sizes.get(key.key_id)
        if found is None:
            shown = encode_base64(key.certificate) if key.certificate else key.verifier.text
            found = self._sizes[key.key_id] = await self._first_with(shown.encode())
        return found

    async def _first_with(self, shown: bytes) -> int:
        """Look from the newest statement back: a key that replaces another was just brought."""
        end = self._mirror.size
        while end > 0:
            start = max(0, end - ENTRIES_PER_READ)
            notes = await self._mirror.entries(start, end)
            for number, note in enumerate(notes, start + 1):
                if shown in note:
                    return number
            end = start
        return 0

    def _own(self, record: KeyRecord) -> KeySummary:
        now = self._clock.now()
        newest = self._keys.keyring.records(record.use)[-1]
        kept_until = None
        if record.use is KeyUse.SEAL:
            kept_until = record.end + self._policy.max_lifetime_s
        if record.start > now:
            state = KeyState.NEXT
        elif record.use is KeyUse.STORAGE:
            state = KeyState.CURRENT if record.key_id == newest.key_id else KeyState.RETIRED
        else:
            state = KeyState.CURRENT if now < record.end else KeyState.RETIRED
        return KeySummary(
            use=record.use.value, id=record.key_id.hex(), state=state.value,
            start=record.start, end=record.end, held=True, token=_token(record),
            kept_until=kept_until,
        )  # fmt: skip


def _token(record: KeyRecord | None) -> str:
    return "" if record is None or record.held is None else record.held.token
