"""Whether our audit log may go on where the database says that it ended: ask its witnesses.

A database that was restored from a backup does not know what it forgot; the witnesses do. They are
asked before the first signature of a process, and no shorter history is signed than they hold: the
log goes on in a new shard, which names the newest head known of the old one.
Source: SPEC "Continuing an audit log"; keys/README.md, "After a restore".
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.peer import Peer, Peers
from gateway.protocol.audit import parse_entry
from gateway.protocol.witness import AddCheckpoint
from gateway.services.auditing.log import UNHEARD, Continued
from gateway.services.auditing.reading import tiled
from gateway.services.federation.registry import RegistryMirror, RollbackError
from gateway.services.witness.log_alarms import LogAlarms
from gateway.store import audit, audit_reading
from gateway.store.audit import AuditHead
from gateway.store.database import Database, Transaction
from keys.registry.origins import AuditOrigin, Shard, registered_log_keys
from keys.registry.statement import REGISTRY
from keys.registry.view import View
from keys.suite import Entropy, MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from keys.tlog.merkle import consistency_proof
from keys.tlog.split_view import verify_head

ASK_S = 30.0
"""How long a witness may take to show what it cosigned, and the registry as it knows it."""
AGAIN_FIRST_S = 2.0
AGAIN_MAX_S = 60.0
MISSES = 2
"""After so many shards in a row that nobody knows, no later one of that year is asked for."""
_ENTRIES_LOOKED_AT = 256
_log = logger()


@dataclass(frozen=True, slots=True)
class Recalled:
    """A head of our own log that somebody else holds, signed by us."""

    witness: str
    shard: Shard
    head: Checkpoint
    note: bytes


@dataclass(frozen=True, slots=True)
class _Held:
    """What the database holds of our log."""

    head: AuditHead | None
    shards: Sequence[Shard]
    newest_at: int
    """When its newest sequenced entry was made, UTC seconds; 0 for none."""

    @property
    def place(self) -> tuple[Shard, int] | None:
        """The newest shard and its size."""
        return None if self.head is None else (self.shards[-1], self.head.size)


class Recollection:
    """What others remember of our log. Implements ``audit.Continuity``."""

    def __init__(
        self,
        me: MemberId,
        database: Database,
        mirror: RegistryMirror,
        peers: Peers,
        alarms: LogAlarms,
        *,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._me = me
        self._database = database
        self._mirror = mirror
        self._peers = peers
        self._alarms = alarms
        self._clock = clock
        self._entropy = entropy
        self._failures = 0
        self._again_at = 0.0
        self._fault: UnavailableError | None = None

    async def next_shard(
        self, head: AuditHead | None, year: int, signed: bytes = b""
    ) -> Continued | None:
        """See ``gateway.services.auditing.log``."""
        held = await self._database.read(lambda tx: _held(tx, head))
        recalled = await self._recalled(held, year)
        if signed:
            recalled.append(_own(signed))
        newest = max(recalled, key=_place, default=None)
        if newest is not None and (held.place is None or _place(newest) > held.place):
            return self._went_back(held, recalled, newest, year)
        others = [item for item in recalled if held.head and await self._differs(held, item)]
        if held.head is not None and others:
            for item in others:
                await self._show(held.head, item)
            return self._rewritten(held, recalled, others[0], year)
        return _yearly(held, year)

    def _went_back(
        self, held: _Held, recalled: Sequence[Recalled], newest: Recalled, year: int
    ) -> Continued:
        continued = _anew(held, recalled, newest, year)
        size = 0 if held.head is None else held.head.size
        where = f"{size} entries of {held.shards[-1]}" if held.shards else "none"
        _log.error(
            "audit.went_back",
            code="audit_went_back",
            peer=newest.witness,
            detail=f"the audit log went back: the database holds {where}, and {newest.witness} "
            f"cosigned {newest.head.size} of {newest.shard}: a backup was restored; nothing is "
            f"signed over a shorter history, and the log goes on as {continued.shard}",
        )
        return continued

    def _rewritten(
        self, held: _Held, recalled: Sequence[Recalled], other: Recalled, year: int
    ) -> Continued:
        continued = _anew(held, recalled, max(recalled, key=_place), year)
        _log.error(
            "audit.rewritten",
            code="audit_rewritten",
            peer=other.witness,
            detail=f"the audit log was rewritten: {other.witness} cosigned {other.head.size} "
            f"entries of {other.shard} with another root than the database has there; both heads "
            f"are kept as proof, and the log goes on as {continued.shard}",
        )
        return continued

    async def _differs(self, held: _Held, item: Recalled) -> bool:
        """Tell whether our tree has another root at a size that was cosigned; keep both heads."""
        head = held.head
        if head is None or item.shard != held.shards[-1] or not 0 < item.head.size <= head.size:
            return False

        def compare(tx: Transaction) -> tuple[bytes, bytes]:
            hashes = tiled(tx, head.shard, head.size)
            proof = consistency_proof(item.head.size, head.size, hashes)
            return hashes(0, item.head.size), b"".join(proof)

        root, proof = await self._database.read(compare)
        if root == item.head.root:
            return False
        proof = b"" if item.head.size == head.size else proof
        shown = (item.note, head.checkpoint, item.witness, root + proof if proof else None)
        await self._alarms.prove(*shown)
        return True

    async def _show(self, head: AuditHead, item: Recalled) -> None:
        """Show a witness the head that excludes the one which it cosigned: it keeps a proof too."""
        if item.witness not in self._mirror.view.members:  # this node itself
            return
        asked = AddCheckpoint(old_size=item.head.size, proof=(), checkpoint=head.checkpoint)
        with contextlib.suppress(LiaisonError, TimeoutError):
            async with asyncio.timeout(ASK_S):
                await self._peers.member(MemberId(item.witness)).add_checkpoint(asked)

    async def _recalled(self, held: _Held, year: int) -> list[Recalled]:
        """Return what the witnesses hold of our log, once every quorum has one that answered.

        Where the registry names none, it is read first: it may by now. Raises UnavailableError
        ``witnesses_unheard``.
        """
        if self._fault is not None and self._clock.monotonic() < self._again_at:
            raise self._fault
        if not self._mirror.view.witnesses.quorum:
            await self._read_registry()
        view = None
        while view is not self._mirror.view:  # a witness may show that others are named by now
            view = self._mirror.view
            others = [item.member for item in view.witnessing() if item.member != self._me]
            needed = min(len(view.witnessing()) - view.witnesses.quorum + 1, len(others))
            if not view.witnesses.quorum or not needed:
                return []
            answers = await self._ask(others, held, year)
        if len(answers) < needed:
            raise self._unheard(
                f"{len(answers)} of the {needed} witnesses that must be heard first "
                f"({', '.join(others)}) said how far they know this node's audit log"
            )
        self._fault, self._failures = None, 0
        return [item for answer in answers for item in answer]

    async def _ask(
        self, names: Iterable[MemberId], held: _Held, year: int
    ) -> list[Sequence[Recalled]]:
        """Return the answers of those that answer."""
        answers: list[Sequence[Recalled]] = []

        async def ask(name: MemberId) -> None:
            try:
                async with asyncio.timeout(ASK_S):
                    answers.append(await self._ask_one(name, held, year))
            except (LiaisonError, TimeoutError) as fault:
                code = fault.code if isinstance(fault, LiaisonError) else "peer_unreachable"
                _log.warning("witness.unheard", peer=name, code=code)

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(ask(name), name=f"recall {name}")
        return answers

    async def _ask_one(self, name: MemberId, held: _Held, year: int) -> list[Recalled]:
        """Ask a witness for the registry as it knows it, then for every shard that may be ours.

        The registry first: our mirror may be from the backup too, and lack our present log key.
        """
        peer = self._peers.member(name)
        await self._mirror.learn_from(peer)
        view = self._mirror.view
        found: list[Recalled] = []
        first = held.shards[-1] if held.shards else Shard(year - 1)
        for asked in range(first.year, max(year, first.year) + 2):  # a clock may have been ahead
            restart = first.restart if asked == first.year else 0
            misses = 0
            while misses < MISSES:
                item = await self._head(peer, name, view, Shard(asked, restart))
                misses = 0 if item else misses + 1
                found += [item] if item else []
                restart += 1
        return found

    async def _head(self, peer: Peer, name: MemberId, view: View, shard: Shard) -> Recalled | None:
        """Return the head of a shard that a witness cosigned, verified as ours; None for none.

        Raises RejectedError as ``verify_head``: what it shows is not signed by any key of ours.
        """
        origin = str(AuditOrigin(view.federation, self._me, shard))
        try:
            note = await peer.witnessed_checkpoint(origin)
        except RejectedError as fault:
            if fault.code == "not_witnessed":
                return None
            raise
        head = verify_head(note, origin, list(registered_log_keys(view, origin)))
        return Recalled(name, shard, head, note)

    async def _read_registry(self) -> None:
        if self._mirror.read_at or self._me == REGISTRY:
            return
        try:
            async with asyncio.timeout(ASK_S):
                await self._mirror.follow()
        except RollbackError:  # it was read, and ours is newer
            return
        except (LiaisonError, TimeoutError) as fault:
            raise self._unheard(
                "the registry, which may name witnesses by now, was not read since the start, from "
                "whomever"
            ) from fault

    def _unheard(self, why: str) -> UnavailableError:
        wait_s = min(AGAIN_MAX_S, AGAIN_FIRST_S * (1 << self._failures))
        self._failures = min(self._failures + 1, 10)
        self._again_at = self._clock.monotonic() + wait_s * (1 + self._entropy(1)[0] / 1024)
        self._fault = UnavailableError(
            UNHEARD,
            f"{why}: until then entries wait and no head is signed; everything else goes on",
            retry_after_s=round(wait_s),
        )
        return self._fault


def _held(tx: Transaction, head: AuditHead | None) -> _Held:
    shards = [AuditOrigin.parse(item.origin).shard for item in audit.shards(tx)]
    if head is None:
        return _Held(None, shards, 0)
    start = max(0, head.size - _ENTRIES_LOOKED_AT)
    rows = audit_reading.entries(tx, head.shard, start, head.size)
    times = (parse_entry(row.entry).at for row in rows if row.entry is not None)
    return _Held(head, shards, max(times, default=head.signed_at))


def _own(signed: bytes) -> Recalled:
    head = parse_checkpoint(signed)
    return Recalled("this node", AuditOrigin.parse(head.origin).shard, head, signed)


def _place(item: Recalled) -> tuple[Shard, int]:
    return item.shard, item.head.size


def _yearly(held: _Held, year: int) -> Continued | None:
    """Return the shard that begins with a year, None to go on."""
    if held.head is None:
        return Continued(shard=Shard(year), last=b"")
    if held.shards[-1].year < year:
        return Continued(shard=Shard(year), last=held.head.checkpoint)
    return None


def _anew(held: _Held, recalled: Sequence[Recalled], last: Recalled, year: int) -> Continued:
    """Return the first shard that nobody knows, of this year or of the newest one known."""
    known = {*held.shards, *(item.shard for item in recalled)}
    year = max(year, *(shard.year for shard in known))
    restart = max((shard.restart for shard in known if shard.year == year), default=0) + 1
    return Continued(shard=Shard(year, restart), last=last.note, lost_since=held.newest_at)
