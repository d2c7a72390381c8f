"""Replace and revoke keys while everything goes on.

The order makes it safe to die anywhere: a new key is durable in the keystore before it is
published, published before it is used, and the old one verifies and opens for as long as anything
under it may arrive. What a crash or a lost answer leaves is a key that the next attempt publishes,
or that the registry lists already.
Source: keys/README.md, "A key's life".
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gateway.clock import Clock
from gateway.errors import ConflictError, LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.services.caller import Caller, require
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keykeeping.publishing import Publishing, is_revoked
from gateway.services.keykeeping.reasons import Reason
from gateway.services.keykeeping.renewal import Renewal
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.settings import PolicySettings, Role
from gateway.store import audit
from gateway.store.database import Database
from keys.keyring import NODE_USES, KeyRecord
from keys.registry.member import Member, RegisteredKey
from keys.registry.view import View
from keys.suite import KeyId, KeyUse, MemberId, digest

RETRY_FIRST_S, RETRY_MAX_S = 60, 3600
"""How long an automatic rotation waits after a failure: twice as long after each."""
SPREAD_S = 7 * 86_400
SPREAD_PART = 4
"""Members whose keys are of the same day rotate spread over a week, or a quarter of the time
before the end if that is less."""


class RotatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was brought: which one, and from when until when it is good."""

    use: str
    id: str
    start: int
    end: int
    token: str
    """The token that it lies in; empty for the keystore."""


class RevokedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was revoked, and the one that took its place if it was in use."""

    use: str
    id: str
    since: int
    replaced_by: RotatedKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A rotation that was due and failed."""

    since: int
    """When it failed first, UTC seconds."""
    code: str
    detail: str
    failures: int
    retry_at: int


class Rotation:
    """Rotates the keys that a running node can rotate by itself."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        publishing: Publishing,
        renewal: Renewal,
        *,
        ledger: Ledger,
        clock: Clock,
        policy: PolicySettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._publishing = publishing
        self._renewal = renewal
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._changing = asyncio.Lock()
        self.late: Late | None = None

    async def rotate(self, use: KeyUse, caller: Caller) -> RotatedKey:
        """Replace the key of one use, now; return the new one. Raises as ``rotate_together``."""
        (rotated,) = await self.rotate_together([use], caller)
        return rotated

    async def rotate_together(self, uses: Sequence[KeyUse], caller: Caller) -> list[RotatedKey]:
        """Replace the keys of several uses, now, in one statement; return the new ones.

        If another daemon of ours replaces them meanwhile, its keys are returned.
        Raises ForbiddenError ``role_missing``, RejectedError ``use_not_rotatable`` or what the
        registry says against it, UnavailableError ``rotation_unconfirmed``.
        """
        require(caller, Role.OPERATOR)
        if KeyUse.ROOT in uses:
            raise RejectedError(
                "use_not_rotatable",
                "root keys are not on this machine: those who hold them rotate them by a file that "
                "goes round (liaison key root)",
            )
        registered = [use for use in NODE_USES if use in uses]
        rotated: list[KeyRecord] = []
        async with self._changing:
            if registered:
                rotated += await self._rotate_registered(registered, caller.name)
            if KeyUse.SEAL in uses:
                rotated.append(await self._renewal.draw_card())
                await self._record_rotated(rotated[-1], caller.name)
            elif KeyUse.SIGN in uses:
                with contextlib.suppress(LiaisonError):  # else the next sweep does it
                    await self._renewal.keep_card_fresh()
            if KeyUse.STORAGE in uses:
                rotated.append(await self._renewal.draw_storage_key())
                await self._record_rotated(rotated[-1], caller.name)
        return [_shown(record) for record in rotated]

    async def rotate_due(self) -> None:
        """Replace what ends soon, all in one statement; after a failure, not before its time.

        Raises LiaisonError; ``late`` tells of it until an attempt succeeds.
        """
        now = self._clock.now()
        if self.late is not None and now < self.late.retry_at:
            return
        async with self._changing:
            try:
                if self.due():
                    await self._publishing.catch_up()
                    await self._publishing.publish(lambda _: self.due(), "")
            except LiaisonError as fault:
                self.late = self._later(fault, now)
                raise
            self.late = None

    def due(self) -> Sequence[KeyUse]:
        """Return the uses whose last key ends soon, once one of them is due for this member."""
        view = self._mirror.known
        member = None if view is None else view.members.get(self._keys.member)
        if member is None or not self._keys.listed(view):  # not admitted, or not recovered yet
            return ()
        now = self._clock.now()
        # Otherwise a lifetime shorter than this would have no end of rotating.
        before_s = min(self._policy.rotate_before_s, self._policy.key_lifetime_s // 2)
        spread_s = _spread_s(self._keys.member, before_s)
        left_s = {use: self._last_end(member, use) - now for use in NODE_USES}
        if min(left_s.values()) >= before_s - spread_s:
            return ()
        return [use for use in NODE_USES if left_s[use] < before_s]

    async def revoke(
        self, wanted: str, reason: Reason, caller: Caller, *, since: int | None = None
    ) -> RevokedKey:
        """Revoke a key from now on: the one in use, or one named by the start of its id.

        The one in use is replaced in the same statement: never is the node without.
        Raises ForbiddenError ``role_missing``; RejectedError ``key_unknown``,
        ``use_not_revocable``, ``revocation_back_dated`` or what the registry says against it;
        ConflictError ``key_revoked``; UnavailableError ``rotation_unconfirmed``.
        """
        require(caller, Role.OPERATOR)
        if since is not None and since < self._clock.now():
            raise RejectedError(
                "revocation_back_dated",
                "a node revokes from now on. Who knows that a key was in wrong hands before has "
                "the member's root keys sign it: liaison key root revoke",
            )
        async with self._changing:
            await self._publishing.catch_up()
            member = self._mirror.view.member(self._keys.member)
            key = self._wanted(member, wanted)
            if key.revoked_since is not None:
                raise ConflictError("key_revoked", f"{_named(key)} is revoked already")
            entry = self._ledger.entry(
                EntryKind.ADMINISTRATOR_ACTED,
                peer=caller.name,
                digests=(key.key_id,),
                code=f"revoke {reason}",
            )
            await self._database.write(lambda tx: audit.append(tx, [entry]))
            self._publishing.asked[key.key_id] = caller.name
            brought = await self._publishing.publish(
                lambda view: self._without(view, key), caller.name, revoking=key, since=since
            )
            revoked = self._mirror.view.keys[key.key_id]
        return RevokedKey(
            use=key.use.value,
            id=key.key_id.hex(),
            since=revoked.revoked_since or 0,
            replaced_by=_shown(brought[0]) if brought else None,
        )

    async def keep_card_fresh(self) -> None:
        """See that the card in use is good, lasts and opens, and that our present key signed it."""
        async with self._changing:
            await self._renewal.keep_card_fresh()

    async def keep_storage_key_fresh(self) -> None:
        """Draw the storage key of a new month."""
        async with self._changing:
            await self._renewal.keep_storage_key_fresh()

    async def destroy_ended(self) -> int:
        """Destroy private keys that are over, so that nobody back-dates with one; return how many.

        The newest of each use stays: a clock that is wrong for a moment must not cost it.
        """
        view = self._mirror.known
        if view is None:
            return 0
        over = [
            record.key_id
            for use in NODE_USES
            for record in self._registered(use, view)[:-1]
            if self._is_over(view.keys[KeyId(record.key_id)])
        ]
        if over:
            await self._keys.destroy(over)
        return len(over)

    async def _rotate_registered(self, uses: Sequence[KeyUse], by: str) -> Sequence[KeyRecord]:
        await self._publishing.catch_up()
        before = {use: self._newest(use, self._mirror.view) for use in uses}

        def still(view: View) -> Sequence[KeyUse]:
            return [use for use in uses if self._newest(use, view) == before[use]]

        await self._publishing.publish(still, by)
        newest = [self._newest(use, self._mirror.view) for use in uses]
        return [record for record in newest if record is not None]

    def _without(self, view: View, key: RegisteredKey) -> Sequence[KeyUse]:
        """Return the use of a key that is in use: another one must take its place."""
        current = view.member(key.member).current(key.use, self._clock.now())
        if current is None or current.key_id != key.key_id or is_revoked(view, key):
            return ()
        return (key.use,)

    def _wanted(self, member: Member, wanted: str) -> RegisteredKey:
        if wanted in (KeyUse.ROOT, KeyUse.SEAL, KeyUse.STORAGE):
            raise RejectedError("use_not_revocable", _NOT_REVOCABLE[KeyUse(wanted)])
        if wanted in NODE_USES:
            current = member.current(KeyUse(wanted), self._clock.now())
            if current is not None:
                return current
        found = [key for key in member.keys if key.key_id.hex().startswith(wanted.lower())]
        if len(found) != 1 or len(wanted) < _SHORTEST:
            raise RejectedError(
                "key_unknown",
                f"{wanted!r} names no key that the registry lists for this node: name a use, or at "
                f"least {_SHORTEST} digits of an id that liaison key list shows",
            )
        return found[0]

    def _registered(self, use: KeyUse, view: View) -> Sequence[KeyRecord]:
        records = self._keys.keyring.records(use)
        return [record for record in records if KeyId(record.key_id) in view.keys]

    def _newest(self, use: KeyUse, view: View) -> KeyRecord | None:
        return next(reversed(self._registered(use, view)), None)

    def _last_end(self, member: Member, use: KeyUse) -> int:
        held = {record.key_id for record in self._keys.keyring.records(use)}
        ends = [
            key.end
            for key in member.keys_for(use)
            if key.key_id in held and key.revoked_since is None
        ]
        return max(ends, default=0)

    def _is_over(self, key: RegisteredKey) -> bool:
        past = self._clock.now() - self._policy.clock_skew_s
        return key.end <= past or (key.revoked_since is not None and key.revoked_since <= past)

    def _later(self, fault: LiaisonError, now: int) -> Late:
        failures = 1 if self.late is None else self.late.failures + 1
        wait_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(failures - 1, 10))
        return Late(
            since=now if self.late is None else self.late.since,
            code=fault.code,
            detail=fault.detail,
            failures=failures,
            retry_at=now + wait_s + wait_s * self._keys.entropy(1)[0] // 1024,
        )

    async def _record_rotated(self, record: KeyRecord, by: str) -> None:
        entry = self._ledger.entry(
            EntryKind.KEY_ROTATED, peer=by, digests=(record.key_id,), code=record.use.value
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))


_SHORTEST = 8
_NOT_REVOCABLE = {
    KeyUse.ROOT: "root keys are replaced by those who hold them: liaison key root rotate",
    KeyUse.SEAL: "sealing keys are in no list that could revoke them: liaison key rotate seal puts "
    "others into the card at once, and the old ones go when nothing can arrive under them",
    KeyUse.STORAGE: "nobody but this node knows its storage keys: liaison key rotate storage "
    "--rewrap wraps what is stored under a new one, and destroys the old ones",
}


def _spread_s(member: MemberId, before_s: int) -> int:
    """Return by how much later a member rotates than it might: the same for all of its keys."""
    most_s = min(SPREAD_S, before_s // SPREAD_PART)
    chance = int.from_bytes(digest(member.encode())[:8], "big")
    return chance % most_s if most_s else 0


def _named(key: RegisteredKey) -> str:
    return f"the {key.use} key {key.key_id.hex()[:16]}"


def _shown(record: KeyRecord) -> RotatedKey:
    return RotatedKey(
        use=record.use.value,
        id=record.key_id.hex(),
        start=record.start,
        end=record.end,
        token="" if record.held is None else record.held.token,
    )
