"""Take vetoes against recoveries from whoever hands them in, hold them, and pass them on.

A member whose keys are said to be lost may hand its veto to any node, since the registrar could
lose it. A node that holds one cosigns no head that completes that recovery.
"""

import asyncio
from collections.abc import Sequence

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.peer import Peers
from gateway.protocol.audit import EntryKind
from gateway.services.federation.registry import RegistryMirror
from gateway.services.ledger import Ledger
from gateway.store import audit, vetoes
from gateway.store.database import Database, Transaction
from keys.registry.grammar import parse_statement
from keys.registry.statement import REGISTRY, Kind
from keys.registry.view import View, advance, check_veto, recovery_ended_at
from keys.suite import MemberId, digest

PASS_ON_S = 60.0
_log = logger()


class Vetoes:
    """The vetoes that this node holds."""

    def __init__(
        self, database: Database, mirror: RegistryMirror, peers: Peers, ledger: Ledger, clock: Clock
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._peers = peers
        self._ledger = ledger
        self._clock = clock
        self.came = asyncio.Event()
        """Set when there is one to pass on."""

    async def take(self, note: bytes) -> bool:
        """Keep a veto that stands in the registry of now; tell whether the note is one at all.

        Raises RejectedError as the registry judges it.
        """
        if not _is_veto(note):
            return False
        member, proposal = await self._judged(note)
        named = digest(note)
        entry = self._ledger.entry(EntryKind.VETO_TAKEN, peer=member, digests=(named, proposal))
        veto = vetoes.Veto(
            digest=named,
            member=member,
            proposal=proposal,
            note=note,
            stored_at=self._clock.now(),
        )

        def commit(tx: Transaction) -> bool:
            new = vetoes.keep(tx, veto)
            if new:
                audit.append(tx, [entry])
            return new

        if await self._database.write(commit):
            _log.warning("veto.taken", member=member)
            self.came.set()
        return True

    async def forbidding(self, view: View, notes: Sequence[bytes]) -> MemberId | None:
        """Return whose recovery ``notes`` complete against a veto held here, if there is one.

        ``view`` is what the registry says before them. A veto that came after the thirty days had
        been witnessed is too late: a registrar who acts in good faith knew of none by then.
        """
        held = await self._database.read(vetoes.held)
        for number, note in enumerate(notes if held else ()):
            statement = parse_statement(note).statement
            if statement.kind is Kind.RECOVERED:
                before = advance(view, notes[:number])
                recovery = before.member(statement.member).recovery
                ended_at = recovery_ended_at(before, statement)
                if recovery is not None and any(
                    (veto.member, veto.proposal) == (statement.member, recovery.proposal)
                    and veto.stored_at <= ended_at
                    for veto in held
                ):
                    return statement.member
        return None

    async def any_held(self) -> bool:
        """Tell whether a veto is held against a recovery that our registry shows under way."""
        members = self._mirror.view.members
        return any(
            (known := members.get(MemberId(veto.member))) is not None
            and known.recovery is not None
            and known.recovery.proposal == veto.proposal
            for veto in await self._database.read(vetoes.held)
        )

    async def pass_on(self) -> bool:
        """Hand what waits to the registrar and the witnesses; tell whether nothing waits any more.

        It waits until the registrar has it. A witness that cannot be reached is asked again with
        it.
        """
        waiting = await self._database.read(vetoes.waiting)
        if not waiting:
            return True
        witnesses = [item.member for item in self._mirror.view.witnessing()]
        async with asyncio.TaskGroup() as group:
            for veto in waiting:
                for name in set(witnesses) - {REGISTRY, veto.member}:
                    group.create_task(self._handed(name, veto.note))
            handed = [group.create_task(self._handed(REGISTRY, veto.note)) for veto in waiting]
        done = [veto.digest for veto, task in zip(waiting, handed, strict=True) if task.result()]
        now = self._clock.now()
        await self._database.write(lambda tx: vetoes.passed_on(tx, done, now))
        return len(done) == len(waiting)

    async def _judged(self, note: bytes) -> tuple[MemberId, bytes]:
        """Return whose veto it is and against which recovery; look for news where none stands."""
        try:
            member = check_veto(self._mirror.view, note)
        except RejectedError:
            if not await self._mirror.follow():
                raise
            member = check_veto(self._mirror.view, note)
        assert member.recovery is not None  # noqa: S101 - or it would not stand
        return member.member, member.recovery.proposal

    async def _handed(self, to: MemberId, note: bytes) -> bool:
        """Hand a veto over; tell whether that is done: one that is refused was superseded."""
        try:
            registrar = to == REGISTRY
            peer = self._peers.registrar(pinned=False) if registrar else self._peers.member(to)
            await peer.post_statement(note)
        except LiaisonError as fault:
            return isinstance(fault, RejectedError)
        return True


def _is_veto(note: bytes) -> bool:
    try:
        return parse_statement(note).statement.kind is Kind.VETO
    except RejectedError:
        return False
