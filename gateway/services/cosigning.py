"""Get the registry's head cosigned by the witnesses that the registry names, again and again.

The registrar's node asks after each growth, and for an unchanged head once in a while. Any other
node asks when the witnessed time of its own head grows old: the registrar may be down for weeks.
Each witness is asked by a task of its own, so that none delays another.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.peer import Peers
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError
from gateway.services.registry import RegistryMirror
from gateway.services.witnesses import witness_keys
from gateway.settings import RegistrySettings
from keys.registry.member import Member
from keys.registry.view import View
from keys.registry.witnessed import witnessed_time
from keys.suite import Entropy, MemberId
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.cosignature import read_cosignatures
from keys.tlog.merkle import consistency_proof, leaf_hash, range_hash
from keys.tlog.note import NoteSignature

RETRY_FIRST_S = 2.0
RETRY_MAX_S = 300.0
ASK_S = 90.0
"""How long a witness may take for an answer."""
RENEW_S = 10.0
"""How long one may take where somebody waits for it."""
QUORUM_LATE_S = 3600
"""How long a head may lack its quorum before that is an alarm."""
_log = logger()


@dataclass(slots=True)
class _Asked:
    """What is known of one witness; lost with the process, and learnt again from its answers."""

    size: int = 0
    """The size of the newest head that it acknowledged; 0 for none yet."""
    at: int = 0
    """When it did, by our clock."""
    failures: int = 0
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be something to ask it."""


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
        self._asked: dict[MemberId, _Asked] = {}
        self._changed = asyncio.Event()
        self._leaves: list[bytes] = []
        self._late_since = 0
        self._late_told_at = 0
        mirror.watch(self._grown)

    @property
    def quorum_missing_s(self) -> int:
        """For how long the newest head has lacked its quorum of cosignatures; 0 for not at all."""
        return self._clock.now() - self._late_since if self._late_since else 0

    async def run(self) -> None:
        """Keep the witnesses that the registry names asked, until cancelled."""
        async with asyncio.TaskGroup() as group:
            tasks: dict[MemberId, asyncio.Task[None]] = {}
            while True:
                self._changed.clear()
                view = self._mirror.known
                named = set() if view is None else {item.member for item in view.witnessing()}
                for name in tasks.keys() - named:
                    tasks.pop(name).cancel()
                    del self._asked[name]
                for name in named - tasks.keys():
                    self._asked[name] = _Asked()
                    tasks[name] = group.create_task(self._keep_asking(name), name=f"ask {name}")
                await self._changed.wait()

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
                await self._ask(name, _Asked())
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

    async def _keep_asking(self, name: MemberId) -> None:
        asked = self._asked[name]
        while True:
            asked.told.clear()
            try:
                async with asyncio.timeout(ASK_S):
                    wait_s = await self._due_in_s(name, asked)
                    if wait_s <= 0:
                        await self._ask(name, asked)
                        continue
            except (LiaisonError, TimeoutError) as fault:
                wait_s = self._failed(name, asked, fault)
            await happens(asked.told.wait(), wait_s * (1 + self._entropy(1)[0] / 1024))

    async def _due_in_s(self, name: MemberId, asked: _Asked) -> float:
        """Return in how many seconds a witness is to be asked; 0 or less for now.

        What counts is when it answered by our own clock: its own may be wrong.
        """
        await self._mirror.refresh()
        now, size = self._clock.now(), self._mirror.size
        if asked.size == size:
            at: int | None = asked.at
        else:
            witness = self._mirror.view.member(name)
            at = witnessed_time(await self._mirror.checkpoint(), [witness], 1)
        if self._registers:
            return 0 if at is None else min(at, now) + self._settings.cosign_s - now
        # Half of what warns: the registrar has had its chance, and nobody is warned yet.
        patience_s = self._settings.warn_after_s / 2 * (1 + self._entropy(1)[0] / 1024)
        return min(max(at or 0, self._mirror.checked_at), now) + patience_s - now

    async def _ask(self, name: MemberId, asked: _Asked) -> None:
        """Ask a witness to cosign our head; learn from its answer which head it knows.

        Raises LiaisonError as the witness answers.
        """
        head = await self._mirror.checkpoint()
        size = parse_checkpoint(head).size
        peer = self._peers.member(name)
        try:
            old = min(asked.size or size, size)
            answer = await peer.add_checkpoint(await self._request(old, size, head))
        except SizeDiffersError as known:
            if known.size > size:
                self._mirror.behind.set()
                raise
            answer = await peer.add_checkpoint(await self._request(known.size, size, head))
        lines = _lines_of(self._mirror.view.member(name), head, answer)
        await self._mirror.add_cosignatures(head, lines)
        asked.size, asked.at, asked.failures = size, self._clock.now(), 0

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

    def _failed(self, name: MemberId, asked: _Asked, fault: LiaisonError | TimeoutError) -> float:
        """Say what went wrong; return in how many seconds to ask again."""
        code, least_s = "peer_unreachable", 0
        if isinstance(fault, LiaisonError):
            code, least_s = fault.code, fault.retry_after_s or 0
        _log.warning("cosignature.missing", peer=name, code=code, attempts=asked.failures + 1)
        wait_s = min(RETRY_MAX_S, RETRY_FIRST_S * (1 << asked.failures))
        asked.failures = min(asked.failures + 1, 10)
        return max(wait_s, least_s)

    def _grown(self, _: View) -> None:
        self._changed.set()
        for asked in self._asked.values():
            asked.failures = 0
            asked.told.set()


def _lines_of(witness: Member, head: bytes, answer: bytes) -> Sequence[NoteSignature]:
    """Return a witness's lines in its answer, by whichever of its keys; verified.

    Raises RejectedError ``cosignature_missing`` or ``cosignature_invalid``.
    """
    missing = RejectedError("cosignature_missing", f"{witness.member} has no witness key")
    for keys in reversed(witness_keys(witness)):
        try:
            return read_cosignatures(head, answer, keys)
        except RejectedError as fault:
            missing = fault
    raise missing
