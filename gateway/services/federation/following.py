"""Follow the registry: from the registrar, or from whoever else has it.

The registrar's own node follows too. It asks members whether they hold more under its signature
than is here: after a restored backup it would else sign a second history.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.peer import Peers
from gateway.services.federation.gossip import Gossip
from gateway.services.federation.registry import RegistryMirror, RollbackError
from gateway.services.federation.views import RegistryViews
from keys.registry.statement import REGISTRY
from keys.suite import Entropy, MemberId, digest

MEMBERS_A_ROUND = 3
MEMBERS_AT_START = 8
AT_START_S = 10.0
"""How long the registrar waits for what members hold, before it appends for the first time."""
_log = logger()


class SourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking for the registry the last time."""

    source: str
    at: int
    outcome: str
    """``grew``, ``nothing_new``, or why it was not taken: a code."""
    detail: str = ""


class Following:
    """Chooses whom to ask for the registry."""

    def __init__(
        self,
        me: MemberId,
        mirror: RegistryMirror,
        peers: Peers,
        views: RegistryViews,
        gossip: Gossip,
        *,
        clock: Clock,
        entropy: Entropy,
        poll_s: float,
    ) -> None:
        self._me = me
        self._mirror = mirror
        self._peers = peers
        self._views = views
        self._gossip = gossip
        self._clock = clock
        self._entropy = entropy
        self._poll_s = poll_s
        self._asked_at: float | None = None
        self._reports: dict[MemberId, SourceReport] = {}
        self._compared = False
        self._comparing = asyncio.Lock()

    @property
    def reports(self) -> Sequence[SourceReport]:
        """What came of each source that was asked since the start, the newest first."""
        return sorted(self._reports.values(), key=lambda report: -report.at)

    async def follow(self) -> bool:
        """Grow by the registrar's word, or by what members show; tell whether we grew.

        Raises what the registrar's answer came to, when members brought nothing either.
        """
        before = self._mirror.size
        fault = None if self._me == REGISTRY else await self._ask(REGISTRY)
        for member in self._chosen(fault):
            await self._ask(member)
            if self._mirror.size > before and not self._views.ahead():
                break
        if fault is not None and self._mirror.size == before:
            raise fault
        return self._mirror.size > before

    async def compare(self) -> None:
        """On the registrar's node, before it appends: learn whether members hold more than is here.

        Once since the start. Who cannot be reached within 10 s does not hold the registry up.
        """
        async with self._comparing:
            if self._compared:
                return
            members = self._members()[:MEMBERS_AT_START]
            try:
                async with asyncio.timeout(AT_START_S), asyncio.TaskGroup() as group:
                    for member in members:
                        group.create_task(self._ask(member))
            except TimeoutError:
                pass
            answered = [name for name in members if self._answered(name)]
            if members and not answered:
                _log.warning("registry.unconfirmed", count=len(members))
            self._compared = True

    def _chosen(self, fault: LiaisonError | None) -> Sequence[MemberId]:
        """Return which members to ask in this round: few, and not at every knock at a shut door."""
        claimants = set(self._views.ahead())
        now = self._clock.monotonic()
        alone = fault is not None or self._me == REGISTRY
        if alone and (self._asked_at is None or now - self._asked_at >= self._poll_s):
            self._asked_at = now
            return self._members()[:MEMBERS_A_ROUND]
        return [member for member in self._members() if member in claimants][:MEMBERS_A_ROUND]

    def _members(self) -> list[MemberId]:
        """Return who may be asked, in the order to ask: by chance, or all would ask the same ones.

        Those that failed last time come last; first who claims to have more, our relays, and the
        witnesses.
        """
        view = self._mirror.known
        if view is None:
            return []
        salt, claimants = self._entropy(16), set(self._views.ahead())
        mine = view.members.get(self._me)
        near = {*view.witnesses.members, *(() if mine is None else mine.via)}

        def rank(member: MemberId) -> tuple[bool, bool, bool, bytes]:
            failed = member in self._reports and not self._answered(member)
            return (
                failed,
                member not in claimants,
                member not in near,
                digest(salt, member.encode()),
            )

        found = [
            name
            for name, member in view.members.items()
            if member.endpoint and not member.suspended and name not in (self._me, REGISTRY)
        ]
        return sorted(found, key=rank)

    async def _ask(self, member: MemberId) -> LiaisonError | None:
        """Ask one source, and return why nothing came of it."""
        before = self._mirror.size
        try:
            if member == REGISTRY:
                grew = await self._mirror.follow()
            else:
                grew = await self._mirror.learn_from(self._peers.member(member))
        except LiaisonError as fault:
            self._report(member, fault.code, fault.detail)
            self._refused(member, fault)
            return fault
        self._report(member, "grew" if grew else "nothing_new")
        if grew and self._me == REGISTRY:
            self._gossip.rolled_back(
                before,
                f"this node's registry had gone back to {before} statements; {member} gave it the "
                f"others, up to {self._mirror.size}: was an old backup restored?",
            )
        if member in self._views.ahead():
            self._views.disbelieve(member)
        return None

    def _refused(self, member: MemberId, fault: LiaisonError) -> None:
        if isinstance(fault, RollbackError):
            self._gossip.rolled_back(self._mirror.size, fault.detail)
        elif isinstance(fault, RejectedError):
            _log.warning("registry.refused", peer=member, code=fault.code, detail=fault.detail)
            self._gossip.doubt(member)

    def _report(self, member: MemberId, outcome: str, detail: str = "") -> None:
        self._reports[member] = SourceReport(
            source=member, at=self._clock.now(), outcome=outcome, detail=detail
        )

    def _answered(self, member: MemberId) -> bool:
        report = self._reports.get(member)
        return report is not None and report.outcome in ("grew", "nothing_new")
