"""Ask the witnesses that the registry names to cosign heads: a task for each, none delays another.

What is asked, and when, says the errand: the registry's head (``cosigning``) or those of our audit
log (``anchoring``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.clock import happens
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.peer import Peer
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.witnesses import witness_keys
from keys.registry.member import Member
from keys.registry.view import View
from keys.suite import Entropy, MemberId
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.cosignature import read_cosignatures
from keys.tlog.note import NoteSignature

RETRY_FIRST_S = 2.0
RETRY_MAX_S = 300.0
ASK_S = 90.0
"""How long a witness may take for an answer."""
QUORUM_LATE_S = 3600
"""How long a head may lack its quorum before that is an alarm."""
_log = logger()

Proven = Callable[[int], Awaitable[AddCheckpoint]]
"""Given the size that a witness knows, the request that leads from there to the head."""


@dataclass(slots=True)
class Asked:
    """What is known of one witness; lost with the process, and learnt again from its answers."""

    sizes: dict[str, int] = field(default_factory=dict)
    """The size of the newest head of each log that it acknowledged."""
    at: int = 0
    """When it last did, by our clock."""
    failures: int = 0
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be something to ask it."""


class Errand(Protocol):
    """What the witnesses are asked for."""

    async def due_in_s(self, name: MemberId, asked: Asked) -> float:
        """Return in how many seconds a witness is to be asked; 0 or less for now."""

    async def ask(self, name: MemberId, asked: Asked) -> None:
        """Ask it, keep what it says, and note it in ``asked``. Raises LiaisonError."""

    def missing(self, name: MemberId, code: str, attempts: int) -> None:
        """Say in the log that a witness did not cosign."""


class Asking:
    """Keeps each witness asked."""

    def __init__(self, mirror: RegistryMirror, entropy: Entropy, errand: Errand) -> None:
        self._mirror = mirror
        self._entropy = entropy
        self._errand = errand
        self._asked: dict[MemberId, Asked] = {}
        self._changed = asyncio.Event()
        mirror.watch(self._grown)

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
                    self._asked[name] = Asked()
                    tasks[name] = group.create_task(self._keep_asking(name), name=f"ask {name}")
                await self._changed.wait()

    def tell(self) -> None:
        """Have every witness asked that is due now; who failed waits as it did."""
        for asked in self._asked.values():
            if not asked.failures:
                asked.told.set()

    async def _keep_asking(self, name: MemberId) -> None:
        asked = self._asked[name]
        while True:
            asked.told.clear()
            try:
                async with asyncio.timeout(ASK_S):
                    wait_s = await self._errand.due_in_s(name, asked)
                    if wait_s <= 0:
                        await self._errand.ask(name, asked)
                        asked.failures = 0
                        continue
            except (LiaisonError, TimeoutError) as fault:
                wait_s = self._failed(name, asked, fault)
            await happens(asked.told.wait(), wait_s * (1 + self._entropy(1)[0] / 1024))

    def _failed(self, name: MemberId, asked: Asked, fault: LiaisonError | TimeoutError) -> float:
        """Say what went wrong; return in how many seconds to ask again."""
        code, least_s = "peer_unreachable", 0
        if isinstance(fault, LiaisonError):
            code, least_s = fault.code, fault.retry_after_s or 0
        self._errand.missing(name, code, asked.failures + 1)
        wait_s = min(RETRY_MAX_S, RETRY_FIRST_S * (1 << asked.failures))
        asked.failures = min(asked.failures + 1, 10)
        return max(wait_s, least_s)

    def _grown(self, _: View) -> None:
        self._changed.set()
        for asked in self._asked.values():
            asked.failures = 0
            asked.told.set()


async def cosigned_by(
    peer: Peer, witness: Member, head: bytes, known: int, proven: Proven
) -> Sequence[NoteSignature]:
    """Return a witness's lines on a head, verified; ``known`` is the size that it may know.

    Raises SizeDiffersError where it knows a larger head; RejectedError ``cosignature_missing`` or
    ``cosignature_invalid``; and as ``Peer.add_checkpoint``.
    """
    size = parse_checkpoint(head).size
    try:
        answer = await peer.add_checkpoint(await proven(min(known, size)))
    except SizeDiffersError as other:
        if other.size > size:
            raise
        answer = await peer.add_checkpoint(await proven(other.size))
    return _lines_of(witness, head, answer)


def _lines_of(witness: Member, head: bytes, answer: bytes) -> Sequence[NoteSignature]:
    """Return a witness's lines in its answer, by whichever of its keys; verified."""
    missing = RejectedError("cosignature_missing", f"{witness.member} has no witness key")
    for keys in reversed(witness_keys(witness)):
        try:
            return read_cosignatures(head, answer, keys)
        except RejectedError as fault:
            missing = fault
    raise missing
