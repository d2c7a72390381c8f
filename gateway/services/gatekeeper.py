"""The node as its peers see it: who may ask what, and the answer. Implements ``gateway.peer``."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import ForbiddenError
from gateway.peer import Pong
from gateway.protocol.answer import Answer, Posted
from gateway.services.cards import Cards
from gateway.services.incoming_blobs import IncomingBlobs
from gateway.services.reception import Reception
from gateway.services.registry import Registrar, RegistryMirror
from keys.suite import MemberId


class Gatekeeper:
    """Decides who a caller is and what it may reach."""

    def __init__(
        self,
        me: MemberId,
        mirror: RegistryMirror,
        registrar: Registrar,
        cards: Cards,
        *,
        reception: Reception,
        blobs: IncomingBlobs,
        clock: Clock,
    ) -> None:
        self.me = me
        self.mirror = mirror
        self.registrar = registrar
        self.cards = cards
        self.reception = reception
        self.blobs = blobs
        self.clock = clock

    def standing(self, pin: bytes) -> MemberId:
        """Return the member to whom a certificate belongs, by its digest, in the view of now.

        Raises ForbiddenError ``pin_unknown``, ``pin_expired`` or ``member_suspended``.
        """
        view = self.mirror.known
        key = None if view is None else view.pins.get(pin)
        if view is None or key is None:
            raise ForbiddenError(
                "pin_unknown",
                "the registry, as this node knows it, lists no such certificate: have your node "
                "admitted, or wait until this one has read the registry",
            )
        if not key.good_at(self.clock.now()):
            raise ForbiddenError(
                "pin_expired", "the certificate is not in use now: too early, too late or revoked"
            )
        if view.members[key.member].suspended:
            raise ForbiddenError("member_suspended", f"{key.member} is suspended")
        return key.member

    def for_hop(self, hop: MemberId | None) -> "Hop":
        """Return what ``hop`` may ask of this node; None for a caller without a certificate."""
        return Hop(gate=self, hop=hop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """The node, asked by one caller."""

    gate: Gatekeeper
    hop: MemberId | None

    async def post_envelopes(self, batch: Sequence[Posted]) -> Sequence[Answer]:
        """See ``gateway.peer``."""
        return await self.gate.reception.accept(self._member(), batch)

    async def offer_blob(self, blob_id: bytes, segment_list: bytes) -> Sequence[int]:
        """See ``gateway.peer``."""
        return await self.gate.blobs.offer(self._member(), blob_id, segment_list)

    async def put_segment(self, blob_id: bytes, index: int, segment: bytes) -> None:
        """See ``gateway.peer``."""
        await self.gate.blobs.put_segment(self._member(), blob_id, index, segment)

    async def card(self, member: MemberId) -> bytes:
        """See ``gateway.peer``."""
        return await self.gate.cards.note(member)

    async def registry_checkpoint(self) -> bytes:
        """See ``gateway.peer``."""
        return await self.gate.mirror.checkpoint()

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """See ``gateway.peer``."""
        return await self.gate.mirror.entries(start, end)

    async def post_statement(self, note: bytes) -> None:
        """See ``gateway.peer``."""
        await self.gate.registrar.publish(note)

    async def ping(self) -> Pong:
        """See ``gateway.peer``."""
        gate = self.gate
        return Pong(member=gate.me, at=gate.clock.now(), registry_size=gate.mirror.size)

    def _member(self) -> MemberId:
        if self.hop is None:
            raise ForbiddenError(
                "member_required", "this needs a member's certificate, and none was shown"
            )
        return self.hop
