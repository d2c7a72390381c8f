"""Judge what a head of the registry brings, before this node cosigns it as a witness."""

import asyncio

from gateway.errors import ForbiddenError, LiaisonError, RejectedError, UnavailableError
from gateway.peer import Peer, Peers
from gateway.services.federation.vetoes import Vetoes
from keys.registry.view import View, advance
from keys.tlog.checkpoint import Checkpoint

READ_S = 60.0
"""How long the registrar may take to show what its head brings."""


class Statements:
    """Reads the statements beyond our mirror, and folds them apart."""

    def __init__(self, peers: Peers, vetoes: Vetoes) -> None:
        self._peers = peers
        self._vetoes = vetoes

    async def check(self, view: View, head: Checkpoint) -> None:
        """Judge what a head of the registry brings beyond our mirror, where it can be read.

        Our mirror itself may wait for the cosignatures. Raises ForbiddenError
        ``statements_refused`` or ``recovery_vetoed``; UnavailableError ``registry_behind``.
        """
        size = view.head.size
        if head.size <= size:
            return
        try:
            source = self._peers.registrar(pinned=False)
            async with asyncio.timeout(READ_S):
                notes = await _entries(source, size, head.size)
        except (LiaisonError, TimeoutError) as fault:
            if await self._vetoes.any_held():
                raise UnavailableError(
                    "registry_behind",
                    "a veto is held here, and what this head brings cannot be read yet",
                    retry_after_s=10,
                ) from fault
            return
        try:
            grown = await asyncio.to_thread(advance, view, notes)
        except RejectedError as fault:
            raise ForbiddenError(
                "statements_refused", f"the registry shows a statement that is refused: {fault}"
            ) from fault
        if (grown.head.size, grown.head.root) != (head.size, head.root):
            raise ForbiddenError("statements_refused", "the statements shown are not of this head")
        member = await self._vetoes.forbidding(view, notes)
        if member is not None:
            raise ForbiddenError("recovery_vetoed", f"a veto of {member} is held here")


async def _entries(source: Peer, start: int, end: int) -> list[bytes]:
    notes: list[bytes] = []
    while start + len(notes) < end:
        read = await source.registry_entries(start + len(notes), end)
        if not read:
            raise UnavailableError("registry_incomplete", "the source shows fewer than it claims")
        notes += read
    return notes[: end - start]
