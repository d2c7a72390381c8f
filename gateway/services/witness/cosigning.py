"""Get the registry's head cosigned by the witnesses that the registry names, again and again.

The registrar's node asks after each growth, and for an unchanged head once in a while. Any other
node asks when the witnessed time of its own head grows old: the registrar may be down for weeks.
Each witness is asked by a task of its own, so that none delays another.
"""

import asyncio

from gateway.clock import Clock
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.peer import Peers
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError
from gateway.services.federation.registry import RegistryMirror
from gateway.services.witness.asking import QUORUM_LATE_S, Asked, Asking, cosigned_by
from gateway.settings import RegistrySettings
from keys.registry.witnessed import witnessed_time
from keys.suite import Entropy, MemberId
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.merkle import consistency_proof, leaf_hash, range_hash

RENEW_S = 10.0
"""How long one may take where somebody waits for it."""
_log = logger()


class Cosigning:
    """Asks the witnesses."""

    def __init__(
        self,
        mirror: RegistryMirror,
        peers: Peers,
        *,
        clock: Clock,
        entropy: Entropy,
        settings: RegistrySettings,
        registers: bool,
    ) -> None:
        self._mirror = mirror
        self._peers = peers
        self._clock = clock
        self._entropy = entropy
        self._settings = settings
        self._registers = registers
        self._leaves: list[bytes] = []
        self._late_since = 0
        self._late_told_at = 0
        self._asking = Asking(mirror, entropy, self)

    @property
    def quorum_missing_s(self) -> int:
        """For how long the newest head has lacked its quorum of cosignatures; 0 for not at all."""
        return self._clock.now() - self._late_since if self._late_since else 0

    async def run(self) -> None:
        """Keep the witnesses that the registry names asked, until cancelled."""
        await self._asking.run()

    async def renew(self, since: int) -> None:
        """Have our head cosigned again, where no quorum called it the newest since then.

        Waits for who answers within ``RENEW_S``; who does not is asked again in its turn.
        """
        view = self._mirror.known
        if view is None or (self._mirror.witnessed_at or 0) >= since:
            return
        async with asyncio.TaskGroup() as group:
            for member in view.witnessing():
                group.create_task(self._renewed(member.member), name=f"ask {member.member}")

    async def _renewed(self, name: MemberId) -> None:
        try:
            async with asyncio.timeout(RENEW_S):
                await self.ask(name, Asked())
        except (LiaisonError, TimeoutError) as fault:
            code = fault.code if isinstance(fault, LiaisonError) else "peer_unreachable"
            _log.warning("cosignature.missing", peer=name, code=code)

    async def watch_quorum(self) -> None:
        """Raise the alarm, once an hour, while the newest head has long lacked its quorum."""
        view, now = self._mirror.known, self._clock.now()
        if view is None or not view.witnesses.quorum:
            self._late_since = 0
            return
        await self._mirror.refresh()
        at = self._mirror.witnessed_at
        patience_s = self._settings.cosign_s if self._registers else self._settings.warn_after_s
        if at is not None and now - at <= patience_s:
            self._late_since = 0
            return
        self._late_since = self._late_since or now
        late_s = self.quorum_missing_s
        if late_s >= QUORUM_LATE_S and now - self._late_told_at >= QUORUM_LATE_S:
            self._late_told_at = now
            _log.error("quorum.missing", registry_size=view.head.size, due_in_s=-late_s)

    async def due_in_s(self, name: MemberId, asked: Asked) -> float:
        """See ``asking.Errand``.

        What counts is when it answered by our own clock: its own may be wrong.
        """
        await self._mirror.refresh()
        now, size = self._clock.now(), self._mirror.size
        if asked.sizes.get(self._mirror.view.origin) == size:
            at: int | None = asked.at
        else:
            witness = self._mirror.view.member(name)
            at = witnessed_time(await self._mirror.checkpoint(), [witness], 1)
        if self._registers:
            return 0 if at is None else min(at, now) + self._settings.cosign_s - now
        # Half of what warns: the registrar has had its chance, and nobody is warned yet.
        patience_s = self._settings.warn_after_s / 2 * (1 + self._entropy(1)[0] / 1024)
        return min(max(at or 0, self._mirror.checked_at), now) + patience_s - now

    async def ask(self, name: MemberId, asked: Asked) -> None:
        """See ``asking.Errand``: have our head cosigned, and learn from a witness that knows more.

        Raises LiaisonError as the witness answers.
        """
        head, view = await self._mirror.checkpoint(), self._mirror.view
        size = parse_checkpoint(head).size
        try:
            lines = await cosigned_by(
                self._peers.member(name),
                view.member(name),
                head,
                asked.sizes.get(view.origin, size),
                lambda known: self._request(known, size, head),
            )
        except SizeDiffersError:
            self._mirror.behind.set()
            raise
        await self._mirror.add_cosignatures(head, lines)
        asked.sizes[view.origin], asked.at = size, self._clock.now()

    def missing(self, name: MemberId, code: str, attempts: int) -> None:
        """See ``asking.Errand``."""
        _log.warning("cosignature.missing", peer=name, code=code, attempts=attempts)

    async def _request(self, old: int, size: int, head: bytes) -> AddCheckpoint:
        missing = len(self._leaves)
        while missing < size:
            notes = await self._mirror.entries(missing, size)
            if missing == len(self._leaves):  # or another task was faster
                self._leaves += [leaf_hash(note) for note in notes]
            missing = len(self._leaves)
        leaves = self._leaves[:size]
        proof = await asyncio.to_thread(consistency_proof, old, size, range_hash(leaves))
        return AddCheckpoint(old_size=old, proof=tuple(proof), checkpoint=head)
