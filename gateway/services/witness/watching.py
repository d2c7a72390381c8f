"""Watch the audit logs of the members that this node exchanges with.

Each of them shows its newest head now and then, and how it continues the one before; a witness
shows what it has seen of the same log. So a log that shows one history here and another there, or
that takes back what it had signed, is found by whoever it was shown to.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from gateway.clock import Clock
from gateway.errors import ConflictError, LiaisonError, RejectedError
from gateway.logs import logger
from gateway.peer import Peer, Peers
from gateway.protocol.witness import AddCheckpoint, check_growth
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.signed_heads import SignedHead, read_head
from gateway.services.federation.witnesses import witness_keys
from gateway.services.witness.log_alarms import LogAlarms, LogVerdict, begins_with_the_year
from gateway.store import log_heads, witnessed
from gateway.store.database import Database, Transaction
from gateway.store.log_heads import LogHead
from keys.registry.origins import AuditOrigin, Shard
from keys.suite import Entropy, MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from keys.tlog.cosignature import cosigned_at

LOOKS_AT_ONCE = 8
LOOK_S = 60.0
"""How long a look at one member's log may take."""
_log = logger()


@dataclass(frozen=True, slots=True)
class _Held:
    """What was seen of a member's log before a head is compared."""

    newest: LogHead | None
    """The newest one of this shard that was shown to us."""
    same: Sequence[bytes]
    """Those of the same shard and size, shown to us or cosigned by us."""
    later: LogHead | None
    """The newest one of a later shard."""


class Watching:
    """Asks for heads, and compares."""

    def __init__(
        self,
        me: MemberId,
        database: Database,
        mirror: RegistryMirror,
        peers: Peers,
        *,
        alarms: LogAlarms,
        clock: Clock,
        entropy: Entropy,
        every_s: int,
    ) -> None:
        self._me = me
        self._database = database
        self._mirror = mirror
        self._peers = peers
        self._alarms = alarms
        self._clock = clock
        self._entropy = entropy
        self._every_s = every_s
        self._met: set[MemberId] = set()

    def met(self, member: MemberId) -> None:
        """Have a member's log looked at soon: something verified came from it."""
        self._met.add(member)

    async def run(self) -> NoReturn:
        """Look at the logs of whoever was met since the last time, again and again."""
        while True:
            await self._clock.sleep(self._every_s * (1 + self._entropy(1)[0] / 1024))
            met, self._met = sorted(self._met - {self._me}), set()
            places = asyncio.Semaphore(LOOKS_AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for member in met:
                    group.create_task(self._look_in_turn(member, places), name=f"look {member}")

    async def _look_in_turn(self, member: MemberId, places: asyncio.Semaphore) -> None:
        try:
            async with places, asyncio.timeout(LOOK_S):
                await self.look(member)
        except (LiaisonError, TimeoutError) as fault:
            code = fault.code if isinstance(fault, LiaisonError) else "peer_unreachable"
            _log.info("log.unseen", peer=member, code=code)

    async def look(self, member: MemberId) -> Checkpoint:
        """Hold what a member shows of its log against what was seen of it, here and by a witness.

        Return the head that it shows. Raises LiaisonError where nothing can be told.
        """
        peer = self._peers.member(member)
        note = await peer.audit_checkpoint()
        shown = self._read(note, member)
        await self._compare(shown, peer, shown_by=member)
        for name in self._witnesses(member):
            await self._ask_witness(name, peer, shown, note)
        return shown.head

    async def _ask_witness(
        self, name: MemberId, peer: Peer, shown: SignedHead, note: bytes
    ) -> None:
        """Compare with what a witness has seen, and let it compare: with its help or without."""
        witness, origin = self._peers.member(name), shown.head.origin
        try:
            seen = self._read(await witness.witnessed_checkpoint(origin), _member(shown))
        except LiaisonError:
            seen = None
        if seen is not None:
            await self._compare(seen, peer, shown_by=name)
        same = seen is not None and seen.head == shown.head
        if same or name == self._me or self._cosigned(note, name):
            return
        asked = AddCheckpoint(old_size=0, proof=(), checkpoint=shown.note)
        try:
            await witness.add_checkpoint(asked)
        except LiaisonError:  # it says which size it knows, as a rule: it has compared by then
            return

    async def _compare(self, shown: SignedHead, peer: Peer, *, shown_by: MemberId) -> None:
        """Hold a head against those seen before; keep it where its log shows that it continues."""
        held = await self._database.read(lambda tx: _held(tx, shown))
        for note in held.same:
            if parse_checkpoint(note).root != shown.head.root:
                await self._alarms.prove(note, shown.note, shown_by, None)
                return
        own = shown_by == _member(shown)
        if held.later is not None and own:
            await self._doubt(LogVerdict.SHORTER, shown, held.later.checkpoint, shown_by)
        elif held.newest is None:
            await self._begin(shown, shown_by)
        elif shown.head.size > held.newest.size:
            await self._continue(shown, held.newest, peer, shown_by)
        elif shown.head.size < held.newest.size:
            await self._look_back(shown, held.newest, peer, shown_by)

    async def _begin(self, shown: SignedHead, shown_by: MemberId) -> None:
        if shown.audit is not None and not begins_with_the_year(
            shown.audit.shard, self._clock.now()
        ):
            await self._doubt(LogVerdict.RESTARTED, shown, None, shown_by)
        await self._keep(shown, (), None, shown_by)

    async def _continue(
        self, shown: SignedHead, known: LogHead, peer: Peer, shown_by: MemberId
    ) -> None:
        """Keep a larger head that continues the newest one known."""
        proof = await _proof(peer, shown.head.origin, known.size, shown.head.size)
        try:
            check_growth(known.size, proof, shown.head, _head(known))
        except RejectedError:
            await self._alarms.unproven(
                LogVerdict.NOT_CONTINUED, known.checkpoint, shown.note, proof, shown_by
            )
        else:
            await self._keep(shown, proof, known, shown_by)

    async def _look_back(
        self, shown: SignedHead, known: LogHead, peer: Peer, shown_by: MemberId
    ) -> None:
        """See that a smaller head is one that the log has had."""
        proof = await _proof(peer, shown.head.origin, shown.head.size, known.size)
        try:
            check_growth(shown.head.size, proof, _head(known), shown.head)
        except RejectedError:
            own = shown_by == _member(shown)
            verdict = LogVerdict.SHORTER if own else LogVerdict.NOT_CONTINUED
            await self._alarms.unproven(verdict, shown.note, known.checkpoint, proof, shown_by)

    async def _keep(
        self,
        shown: SignedHead,
        proof: Sequence[bytes],
        known: LogHead | None,
        shown_by: MemberId,
    ) -> None:
        head = LogHead(
            origin=shown.head.origin,
            member=_member(shown),
            size=shown.head.size,
            root=shown.head.root,
            checkpoint=shown.note,
            proof=b"".join(proof),
            seen_at=self._clock.now(),
            shown_by=shown_by,
        )
        try:
            await self._database.write(lambda tx: log_heads.store(tx, head, expected=known))
        except ConflictError:  # another daemon of ours was faster: it compares likewise
            return

    async def _doubt(
        self, verdict: LogVerdict, shown: SignedHead, known: bytes | None, shown_by: MemberId
    ) -> None:
        await self._alarms.doubt(self._alarms.raised(verdict, shown.note, known, shown_by))

    def _read(self, note: bytes, member: MemberId) -> SignedHead:
        """Read a head of a member's log. Raises LiaisonError for any other."""
        shown = read_head(self._mirror.known, note)
        if shown.audit is None or shown.audit.member != member:
            raise RejectedError(
                "checkpoint_of_another_log", f"this is no checkpoint of {member}'s audit log"
            )
        return shown

    def _witnesses(self, member: MemberId) -> Sequence[MemberId]:
        """Return which witnesses to ask about a member's log: ourselves, and one by chance."""
        named = self._mirror.view.witnesses.members
        others = [name for name in named if name not in (self._me, member)]
        chosen = [others[int.from_bytes(self._entropy(4), "big") % len(others)]] if others else []
        return [self._me, *chosen]

    def _cosigned(self, note: bytes, name: MemberId) -> bool:
        """Tell whether a head bears the word of a witness: then it has compared it already."""
        try:
            keys = witness_keys(self._mirror.view.member(name))
            return any(cosigned_at(note, both) is not None for both in keys)
        except RejectedError:
            return False


async def _proof(peer: Peer, origin: str, old: int, new: int) -> Sequence[bytes]:
    """Return what a member shows for two sizes of its log; nothing where it has no proof."""
    try:
        return await peer.audit_consistency(origin, old, new)
    except RejectedError:
        return ()


def _held(tx: Transaction, shown: SignedHead) -> _Held:
    origin, size = shown.head.origin, shown.head.size
    same = log_heads.at_size(tx, origin, size), witnessed.at_size(tx, origin, size)
    later = [
        name for name in log_heads.origins_of(tx, _member(shown)) if _shard(name) > _shard(origin)
    ]
    return _Held(
        newest=log_heads.newest(tx, origin),
        same=[item.checkpoint for item in same if item is not None],
        later=log_heads.newest(tx, max(later, key=_shard)) if later else None,
    )


def _shard(origin: str) -> Shard:
    return AuditOrigin.parse(origin).shard


def _member(shown: SignedHead) -> MemberId:
    return AuditOrigin.parse(shown.head.origin).member


def _head(known: LogHead) -> Checkpoint:
    return Checkpoint(known.origin, known.size, known.root)
