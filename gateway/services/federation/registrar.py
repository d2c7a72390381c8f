"""Take statements in: on the registrar's node for the log, elsewhere for the registrar."""

from collections.abc import Awaitable, Callable

from gateway.errors import ForbiddenError
from gateway.peer import Peers
from gateway.services.federation.registry import RegistryMirror
from keys.registry.view import View
from keys.tlog.note import NoteSigner


class Registrar:
    """Takes statements in: on the registrar's node for the log, elsewhere for the registrar."""

    def __init__(
        self,
        mirror: RegistryMirror,
        peers: Peers,
        signer: Callable[[View], NoteSigner] | None,
        compare: Callable[[], Awaitable[None]],
    ) -> None:
        self._mirror = mirror
        self._peers = peers
        self._signer = signer
        self._compare = compare

    async def publish(self, note: bytes) -> int:
        """Append a statement that a peer or a caller handed in; return its number.

        Raises ForbiddenError ``not_the_registrar`` elsewhere; RejectedError as the fold judges, and
        ``registry_rollback`` while members hold more than is here.
        """
        if self._signer is None:
            raise ForbiddenError("not_the_registrar", "this node does not keep the registry")
        await self._compare()
        return await self._mirror.append(note, self._signer)

    async def submit(self, note: bytes) -> int:
        """Get a statement into the registry, and our view up to it; return its number at most."""
        if self._signer is not None:
            return await self.publish(note)
        await self._peers.registrar(pinned=False).post_statement(note)
        await self._mirror.follow()
        return self._mirror.size - 1

    async def keep_head_signed(self) -> None:
        """See that the log key in use has signed the newest head; elsewhere, do nothing."""
        if self._signer is not None:
            await self._mirror.sign_again(self._signer)

    async def catch_up(self) -> None:
        """Bring our view up to what the registry has now. Raises as ``RegistryMirror.follow``."""
        if self._signer is not None:
            await self._mirror.take_over()
        else:
            await self._mirror.follow()
