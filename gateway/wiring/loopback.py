"""The way to the others, and to ourselves."""

from gateway.peer import Peer, Peers
from gateway.services.gatekeeper import Gatekeeper
from keys.suite import MemberId


class Loopback:
    """The peers, ourselves among them: what we relay for ourselves needs no socket."""

    def __init__(self, peers: Peers, me: MemberId) -> None:
        self._peers = peers
        self._me = me
        self.gate: Gatekeeper | None = None

    def member(self, member: MemberId) -> Peer:
        """See ``gateway.peer``."""
        if member == self._me and self.gate is not None:
            return self.gate.for_hop(member)
        return self._peers.member(member)

    def registrar(self, *, pinned: bool = True) -> Peer:
        """See ``gateway.peer``."""
        return self._peers.registrar(pinned=pinned)
