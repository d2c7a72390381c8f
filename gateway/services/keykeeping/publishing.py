"""Bring what changes this node's keys into its chain in the registry.

A new key is durable in the keystore before it is published. Whatever a crash or a lost answer
leaves is a key that the next attempt publishes, or that the registry lists already.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from gateway.clock import Clock
from gateway.errors import ConflictError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.services.federation.registrar import Registrar
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.settings import PolicySettings
from gateway.store import audit
from keys.keyring import KeyRecord
from keys.registry.draft import follow, use_line
from keys.registry.member import RegisteredKey
from keys.registry.rotation import DAY_S, ROTATIONS_A_DAY
from keys.registry.statement import Chain, Kind, Revocation, Statement, UseLine
from keys.registry.view import View
from keys.suite import KeyId, KeyUse, digest
from keys.tlog.note import sign_note

ATTEMPTS = 3
"""How often a statement is written anew because another one took its place in the chain."""
RETRY_S = 60
"""When a change that nobody confirmed may be tried again."""
_OVERTAKEN = ("statement_out_of_order", "statement_back_dated", "key_reused", "registry_moved")
_LEADING = (KeyUse.TLS, KeyUse.WITNESS)
"""Peers must know these before they meet them: published ahead of their first use."""
_log = logger()


class Publishing:
    """Writes the node's own statements, and records what became of them."""

    def __init__(
        self,
        keys: NodeKeys,
        mirror: RegistryMirror,
        registrar: Registrar,
        *,
        ledger: Ledger,
        clock: Clock,
        policy: PolicySettings,
    ) -> None:
        self._keys = keys
        self._mirror = mirror
        self._registrar = registrar
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self.asked: dict[KeyId, str] = {}
        """Who asked for a change, until the entry that records it is written."""
        mirror.record(self._recorded)

    async def publish(
        self,
        wanted: Callable[[View], Sequence[KeyUse]],
        by: str,
        *,
        revoking: RegisteredKey | None = None,
        since: int | None = None,
    ) -> Sequence[KeyRecord]:
        """Bring a key of each use that is wanted in the view of now; return what was brought.

        Another daemon of this member may write into the same chain: who comes second looks again.
        """
        for left in reversed(range(ATTEMPTS)):
            view = self._mirror.view
            uses = wanted(view)
            if not uses and (revoking is None or is_revoked(view, revoking)):
                return ()
            place = self._place(view)
            self._keys.note_signer(KeyUse.SIGN, view, place.at)  # without one nothing is drawn
            records = await self._drawn(uses, view, place.at, at_once=revoking is not None)
            statement = self._said(view, place, records)
            if revoking is not None:
                since = max(since or 0, _soonest(view, revoking, place.at))
                revocation = Revocation(revoking.key_id, since)
                statement = replace(statement, revocations=(revocation,))
            self.asked.update({KeyId(record.key_id): by for record in records})
            try:
                await self._submit(statement, view, records)
            except (RejectedError, ConflictError) as fault:
                if fault.code not in _OVERTAKEN or not left:
                    raise
                await self.catch_up()
                self._keys.refresh()
            else:
                return records
        raise AssertionError("the last attempt returns or raises")

    async def catch_up(self) -> None:
        """Learn what the registry has by now, if it can be reached."""
        try:
            await self._registrar.catch_up()
        except UnavailableError as fault:
            _log.info("registry.unreachable", code=fault.code, detail=fault.detail)

    def _place(self, view: View) -> Statement:
        """Return the next statement of the node's chain, empty.

        Raises RejectedError ``rotations_too_many``, with nothing drawn.
        """
        place = follow(view, Kind.KEYS, self._keys.member, Chain.NODE, at=self._clock.now())
        recent = [
            at
            for chain, at in view.member(self._keys.member).rotations
            if chain is Chain.NODE and at > place.at - DAY_S
        ]
        if len(recent) >= ROTATIONS_A_DAY:
            raise RejectedError(
                "rotations_too_many",
                f"keys were changed {ROTATIONS_A_DAY} times within a day, which is all that a node "
                f"may: again in {(min(recent) + DAY_S - place.at) // 60 + 1} minutes, or by the "
                "member's root keys. One statement may change several: liaison key rotate all",
            )
        return place

    def _said(self, view: View, place: Statement, records: Sequence[KeyRecord]) -> Statement:
        """Put new keys, and the earlier ends of those before them, into a statement."""
        member = view.member(self._keys.member)
        lines = [use_line(view.federation, member.member, record) for record in records]
        for record in records:
            lines += self._retired(member.keys_for(record.use), record)
        return replace(place, uses=tuple(lines))

    def _retired(self, keys: Sequence[RegisteredKey], record: KeyRecord) -> list[UseLine]:
        end = record.start + self._policy.sign_overlap_s
        return [
            UseLine(
                key.use, key.verifier, key.start, end, key.certificate,
                post_quantum=key.post_quantum,
            )
            for key in keys
            if key.end > end and key.start < end and key.revoked_since is None
        ]  # fmt: skip

    async def _drawn(
        self, uses: Sequence[KeyUse], view: View, at: int, *, at_once: bool
    ) -> Sequence[KeyRecord]:
        """Return a key of each use that may start now, durable: a pending one, or a fresh one."""
        records = []
        for use in uses:
            start = at + (0 if at_once or use not in _LEADING else self._policy.tls_lead_s)
            end = start + self._policy.key_lifetime_s
            record = self._keys.pending(use, view)
            if record is None:
                record = await self._keys.draw(use, view.federation, start=start, end=end)
            else:
                record = msgspec.structs.replace(record, start=start, end=end)
                await self._keys.keep([record])
            records.append(record)
        return records

    async def _submit(self, statement: Statement, view: View, records: Sequence[KeyRecord]) -> None:
        """Have a statement published; if the answer is lost, look whether it was.

        Raises RejectedError, UnavailableError ``rotation_unconfirmed``.
        """
        me = self._keys.member
        signers = [self._keys.note_signer(KeyUse.SIGN, view, statement.at)]
        for record in records:
            signers += self._keys.provers(view.federation, record)
        note = await asyncio.to_thread(sign_note, statement.text(), signers)  # perhaps in a token
        try:
            await self._registrar.submit(note)
        except UnavailableError as fault:
            await self.catch_up()
            if self._mirror.view.chain_head(me, Chain.NODE).digest != digest(note):
                raise UnavailableError(
                    "rotation_unconfirmed",
                    f"{fault.detail}; new keys that were drawn are kept, and the next attempt "
                    "publishes them, if the registry does not have them by then",
                    retry_after_s=RETRY_S,
                ) from fault
        _log.info("keys.changed", count=len(records), registry_size=self._mirror.size)

    def _recorded(self, before: View | None, grown: View) -> Sequence[audit.NewEntry]:
        """Return entries on our keys for the transaction in which the registry grows by them."""
        me = self._keys.member
        if before is None or me not in before.members or me not in grown.members:
            return ()
        known = {key.key_id: key for key in before.members[me].keys}
        entries = []
        for key in grown.members[me].keys:
            old = known.get(key.key_id)
            if old is None:
                entries.append(self._key_entry(EntryKind.KEY_ROTATED, key))
            if key.revoked_since is not None and (old is None or old.revoked_since is None):
                entries.append(self._key_entry(EntryKind.KEY_REVOKED, key))
        return entries

    def _key_entry(self, kind: EntryKind, key: RegisteredKey) -> audit.NewEntry:
        peer = self.asked.get(key.key_id, "")
        return self._ledger.entry(kind, peer=peer, digests=(key.key_id,), code=key.use.value)


def is_revoked(view: View, key: RegisteredKey) -> bool:
    """Tell whether the registry lists a key as revoked, from whenever on."""
    return view.keys[key.key_id].revoked_since is not None


def _soonest(view: View, key: RegisteredKey, at: int) -> int:
    """Return from when on a key can be revoked without voiding what it has brought before.

    A revocation voids every key that the revoked one brought from that second on.
    """
    brought = [
        other.introduced_at
        for other in view.member(key.member).keys
        if key.key_id in other.introduced_by and other.revoked_since is None
    ]
    return max([at, *(second + 1 for second in brought)])
