"""Routes: to whom a copy goes next, in the view of now, and which of the ways is worth trying.

Source: SPEC "Routes".
"""

from collections.abc import Sequence

from gateway.clock import Clock
from gateway.protocol.answer import MAX_BATCH
from gateway.protocol.delivery import Circuit, RetryPolicy
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import shunned
from keys.suite import Entropy, MemberId


class Routes:
    """Where the next hop to a member is, and the circuits of all hops."""

    def __init__(
        self,
        me: MemberId,
        mirror: RegistryMirror,
        clock: Clock,
        entropy: Entropy,
        *,
        retry: RetryPolicy,
        through_relay: bool,
    ) -> None:
        self._me = me
        self._mirror = mirror
        self._clock = clock
        self._entropy = entropy
        self._retry = retry
        self._through_relay = through_relay
        self._circuits: dict[MemberId, Circuit] = {}

    def first_hop(self, recipient: MemberId) -> MemberId | None:
        """Return who takes our own message for ``recipient``; ourselves, where it collects here.

        None where nobody may: it is suspended, or we are, or all its relays.
        """
        known = self._mirror.known
        if shunned(known, self._me, recipient):
            return None
        own = None if known is None else known.members.get(self._me)
        if known is None or own is None or not self._through_relay or not own.via:
            return self.onward(recipient) or (self._me if self._keeps(recipient) else None)
        member = known.members.get(recipient)
        shared = () if member is None else [relay for relay in member.via if relay in own.via]
        return self._best(shared or own.via)

    def onward(self, recipient: MemberId) -> MemberId | None:
        """Return who takes a copy for ``recipient`` from us; None if it can only be collected.

        Or if nobody may take it, as ``first_hop``.
        """
        known = self._mirror.known
        if shunned(known, self._me, recipient):
            return None
        member = None if known is None else known.members.get(recipient)
        if member is None:
            return recipient
        if member.via and self._me not in member.via:
            return self._best(member.via)
        return None if member.endpoint is None else recipient

    def _keeps(self, recipient: MemberId) -> bool:
        return self._me in self._mirror.view.members[recipient].via

    def _best(self, relays: Sequence[MemberId]) -> MemberId | None:
        members = self._mirror.view.members
        good = [
            relay
            for relay in relays
            if relay != self._me and relay in members and not members[relay].suspended
        ]
        return min(good, key=self.retry_at, default=None)

    def serves(self, relay: MemberId, recipient: MemberId, hop: MemberId) -> bool:
        """Tell whether ``relay`` is named by the recipient, or by who hands the copy over."""
        members = self._mirror.view.members
        return (
            any(relay in members[name].via for name in (recipient, hop) if name in members)
            or hop == relay
        )

    def allowance(self, hop: MemberId) -> int:
        """Return how many copies may be posted to a hop now."""
        return self._circuit(hop).allowance(self._clock.now(), MAX_BATCH)

    def retry_at(self, hop: MemberId) -> int:
        """Return when a hop that failed is probed; 0 while it works."""
        return self._circuit(hop).retry_at

    def failed(self, hop: MemberId, asked_s: int = 0) -> int:
        """Open a hop's circuit; return when it is probed."""
        now, jitter = self._clock.now(), self._entropy(1)[0] / 256
        circuit = self._circuit(hop).failed(self._retry, now=now, jitter=jitter, asked_s=asked_s)
        self._circuits[hop] = circuit
        return circuit.retry_at

    def worked(self, hop: MemberId) -> bool:
        """Close a hop's circuit; tell whether it was open."""
        return self._circuits.pop(hop, None) is not None

    def seen(self, hop: MemberId) -> bool:
        """Note that a hop called us: probe it at once. Tell whether its circuit was open."""
        circuit = self._circuits.get(hop)
        now = self._clock.now()
        if circuit is None or circuit.retry_at <= now:
            return False
        self._circuits[hop] = Circuit(failures=circuit.failures, retry_at=now)
        return True

    def _circuit(self, hop: MemberId) -> Circuit:
        return self._circuits.get(hop, _CLOSED)


_CLOSED = Circuit()
