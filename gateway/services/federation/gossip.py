"""Look into a doubt about the registry: ask who raised it for its signed head, and keep the proof.

A message is one member's word. Two heads under the registrars' signature that exclude each other
are a proof, whoever shows them; anything less says something about that member alone, and neither
stops the mirror nor closes the door to it.
"""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import NoReturn

import msgspec

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.peer import Peer, Peers
from gateway.protocol.audit import EntryKind
from gateway.services.federation.reading import read_checkpoint, read_entries
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.registry_heads import check_signed
from gateway.services.federation.signed_heads import audit_of
from gateway.services.ledger import Ledger
from gateway.store import audit, split_views
from gateway.store.database import Database, Transaction
from keys.registry.member import RegistryHead
from keys.registry.statement import REGISTRY
from keys.suite import MemberId, digest
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from keys.tlog.merkle import leaf_hash, range_hash, root_of
from keys.tlog.split_view import SplitView, split_view_of

EXAMINE_S = 60.0
"""A member is asked for its head at most so often, however many messages raise the doubt."""
PROOFS_KEPT = 100
RETRY_S = 5.0
RECENT_S = 30 * 86_400
_log = logger()


class Verdict(StrEnum):
    """What came of a doubt."""

    PROVEN = "proven"
    """Two heads under the registrars' signature exclude each other: the registrars, or a thief of
    their ``log`` key, showed two histories."""
    MADE_UP = "made_up"
    """The member has no signed head for what it named: its word alone."""
    NOT_SHOWN = "not_shown"
    """The member could not be asked."""
    ROLLED_BACK = "rolled_back"
    """The registrar shows less than it had signed, or did until members gave it back."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the registry, or with what a member says of it."""

    member: str
    verdict: Verdict
    at: int
    size: int
    detail: str


class Gossip:
    """Turns doubts into proofs or into alarms about whoever raised them."""

    def __init__(
        self,
        database: Database,
        mirror: RegistryMirror,
        peers: Peers,
        *,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._peers = peers
        self._ledger = ledger
        self._clock = clock
        self._doubts: dict[MemberId, RegistryHead | None] = {}
        self._examined: dict[MemberId, float] = {}
        self._woken = asyncio.Event()
        self._alarms: dict[tuple[str, Verdict], Alarm] = {}
        self._unrecorded: list[audit.NewEntry] = []

    @property
    def alarms(self) -> Sequence[Alarm]:
        """The alarms since the start, and the proofs of the last 30 days: the newest of each."""
        return sorted(self._alarms.values(), key=lambda alarm: alarm.at)

    def doubt(self, member: MemberId, claim: RegistryHead | None = None) -> None:
        """Have a member asked for its signed head: it named, or showed, another registry."""
        last = self._examined.get(member)
        if last is None or self._clock.monotonic() - last >= EXAMINE_S:
            self._doubts.setdefault(member, claim)
            self._woken.set()

    def rolled_back(self, size: int, detail: str) -> None:
        """Raise the alarm that the registrar's log is shorter than it was, once for each size."""
        raised = self._alarms.get((REGISTRY, Verdict.ROLLED_BACK))
        if raised is None or raised.size != size:
            self._raise(
                Alarm(
                    member=REGISTRY,
                    verdict=Verdict.ROLLED_BACK,
                    at=self._clock.now(),
                    size=size,
                    detail=detail,
                )
            )

    async def run(self) -> NoReturn:
        """Look into doubts, one after the other, until cancelled."""
        await self.load()
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.examine()
            except LiaisonError as fault:  # of our own database: what is to be kept is kept later
                _log.warning("registry.doubt_left", code=fault.code, detail=fault.detail)
                await self._clock.sleep(RETRY_S)
                self._woken.set()

    async def examine(self) -> None:
        """Look into every doubt there is, and record what came of it."""
        while self._doubts:
            member, claim = next(iter(self._doubts.items()))
            await self._examine(member, claim)
            self._examined[member] = self._clock.monotonic()
            del self._doubts[member]
        entries = list(self._unrecorded)
        if entries:
            await self._database.write(lambda tx: audit.append(tx, entries))
            del self._unrecorded[: len(entries)]

    async def load(self) -> None:
        """Raise the alarms of all proofs of the last 30 days, whoever of this node kept them."""
        since = self._clock.now() - RECENT_S
        for seen in await self._database.read(split_views.listing):
            if seen.seen_at >= since and audit_of(seen.origin) is None:
                member = MemberId(seen.found_by or REGISTRY)
                self._note(_proven(member, seen.size, seen.seen_at))

    async def _examine(self, member: MemberId, claim: RegistryHead | None) -> None:
        at, size = self._clock.now(), 0 if claim is None else claim.size
        try:
            proof = await self._proof(member)
        except LiaisonError as fault:
            if claim is None:  # a source that shows nothing signed: refused, and that is all
                return
            made_up = isinstance(fault, RejectedError)
            verdict = Verdict.MADE_UP if made_up else Verdict.NOT_SHOWN
            detail = f"{member} names another registry of {size} statements, and asked for its "
            detail += f"signed head: {fault.detail}"
            self._raise(
                Alarm(member=member, verdict=verdict, at=at, size=size, detail=detail), claim
            )
            return
        if proof is not None:
            await self._keep(member, proof)
        elif claim is not None:
            detail = (
                f"{member} names another registry of {size} statements, yet the signed head that "
                "it shows is of ours: it made that up, or its node is broken"
            )
            self._raise(
                Alarm(member=member, verdict=Verdict.MADE_UP, at=at, size=size, detail=detail),
                claim,
            )

    async def _proof(self, member: MemberId) -> SplitView | None:
        """Return the proof that a member's signed head and ours conflict; None if they do not.

        Raises RejectedError for a head that the registrars did not sign, or that its leaves do not
        add up to; UnavailableError.
        """
        registrar = member == REGISTRY
        source = self._peers.registrar(pinned=False) if registrar else self._peers.member(member)
        theirs = await read_checkpoint(source)
        shown = check_signed(self._mirror.view, theirs)
        ours = await self._mirror.checkpoint()
        held = parse_checkpoint(ours)
        if shown.size <= held.size:
            leaves = await self._own_leaves(held.size)
            root = await asyncio.to_thread(root_of, leaves[: shown.size])
            if root == shown.root:
                return None
            return await asyncio.to_thread(split_view_of, theirs, ours, root, range_hash(leaves))
        leaves = await _leaves(source, shown)
        root = await asyncio.to_thread(root_of, leaves[: held.size])
        if root == held.root:
            return None
        return await asyncio.to_thread(split_view_of, ours, theirs, root, range_hash(leaves))

    async def _own_leaves(self, size: int) -> list[bytes]:
        leaves: list[bytes] = []
        while len(leaves) < size:
            leaves += [leaf_hash(note) for note in await self._mirror.entries(len(leaves), size)]
        return leaves

    async def _keep(self, member: MemberId, proof: SplitView) -> None:
        newest = parse_checkpoint(proof.larger)
        seen = split_views.SplitView(
            origin=newest.origin,
            size=newest.size,
            head_a=proof.smaller,
            head_b=proof.larger,
            seen_at=self._clock.now(),
            found_by=member,
            proof=b"".join((proof.root, *proof.proof)),
        )
        entry = self._ledger.entry(
            EntryKind.SPLIT_VIEW_SEEN,
            peer=member,
            digests=(digest(proof.smaller), digest(proof.larger)),
            code=Verdict.PROVEN,
        )

        def commit(tx: Transaction) -> bool:
            kept = split_views.count(tx, seen.origin)
            if kept >= PROOFS_KEPT or not split_views.record(tx, seen):
                return False
            audit.append(tx, [entry])
            return True

        alarm = _proven(member, seen.size, seen.seen_at)
        if await self._database.write(commit):
            _log.error("split_view.seen", peer=member, size=seen.size, detail=alarm.detail)
        self._note(alarm)

    def _raise(self, alarm: Alarm, claim: RegistryHead | None = None) -> None:
        self._unrecorded.append(
            self._ledger.entry(
                EntryKind.SPLIT_VIEW_SEEN,
                peer=alarm.member,
                digests=() if claim is None else (claim.root,),
                code=alarm.verdict,
            )
        )
        self._woken.set()
        _log.error("registry.doubted", peer=alarm.member, code=alarm.verdict, detail=alarm.detail)
        self._note(alarm)

    def _note(self, alarm: Alarm) -> None:
        self._alarms[alarm.member, alarm.verdict] = alarm


async def _leaves(source: Peer, shown: Checkpoint) -> list[bytes]:
    """Return all leaves of a source's log, once they add up to its head.

    Raises RejectedError ``registry_mismatch``; UnavailableError.
    """
    leaves: list[bytes] = []
    async for bundle in read_entries(source, 0, shown.size):
        leaves += [leaf_hash(note) for note in bundle]
    if await asyncio.to_thread(root_of, leaves) != shown.root:
        raise RejectedError(
            "registry_mismatch", "the statements shown do not add up to the head shown"
        )
    return leaves


def _proven(member: MemberId, size: int, at: int) -> Alarm:
    return Alarm(
        member=member,
        verdict=Verdict.PROVEN,
        at=at,
        size=size,
        detail=f"the registrars' key signed two histories; {member} showed the other: "
        "liaison registry split-view list",
    )
