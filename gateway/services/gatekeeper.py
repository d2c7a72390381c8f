"""The node as its peers see it: who may ask what, and the answer. Implements ``gateway.peer``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.peer import Pong, Segment
from gateway.protocol.answer import Answer, Later, Posted, Refused
from gateway.protocol.audit import ProvenEntry
from gateway.protocol.blob import parse_segment_list
from gateway.protocol.envelope import encode_envelope, parse_envelope
from gateway.protocol.mailbox import Collect, Collected, Return
from gateway.protocol.witness import AddCheckpoint
from gateway.services.auditing.reading import AuditReading
from gateway.services.blobs.incoming_blobs import IncomingBlobs
from gateway.services.blobs.outgoing_blobs import OutgoingBlobs
from gateway.services.blobs.segments import StoredSegment
from gateway.services.federation.cards import Cards
from gateway.services.federation.pins import is_pinned
from gateway.services.federation.registrar import Registrar
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, SUSPENDED_S, shunned
from gateway.services.federation.vetoes import Vetoes
from gateway.services.proving.testimony import Testimony
from gateway.services.quotas import Quotas
from gateway.services.receiving.reception import Reception
from gateway.services.relay.mailboxes import Mailboxes
from gateway.services.relay.relaying import Handed, Relaying
from gateway.services.sending.delivery import Delivery
from gateway.services.turnstile import Turnstile
from gateway.services.witness.witnessing import Witnessing
from keys.registry.statement import REGISTRY
from keys.suite import MemberId, digest

POSTS_EACH = 8
"""A sender has two under way; a member with several daemons, two for each of them."""
POSTS_MOST = 64
COLLECTS_EACH = 4
COLLECTS_MOST = 256


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
        relaying: Relaying,
        mailboxes: Mailboxes,
        delivery: Delivery,
        incoming: IncomingBlobs,
        outgoing: OutgoingBlobs,
        quotas: Quotas,
        vetoes: Vetoes,
        witnessing: Witnessing,
        testimony: Testimony,
        audit_reading: AuditReading,
        clock: Clock,
        seen: Callable[[MemberId], None],
    ) -> None:
        self.me = me
        self.mirror = mirror
        self.registrar = registrar
        self.cards = cards
        self.reception = reception
        self.relaying = relaying
        self.mailboxes = mailboxes
        self.delivery = delivery
        self.seen = seen
        self.incoming = incoming
        self.outgoing = outgoing
        self.quotas = quotas
        self.vetoes = vetoes
        self.witnessing = witnessing
        self.testimony = testimony
        self.audit_reading = audit_reading
        self.clock = clock
        self.posts = Turnstile(most=POSTS_MOST, most_each=POSTS_EACH)
        self.collects = Turnstile(most=COLLECTS_MOST, most_each=COLLECTS_EACH)

    def standing(self, pin: bytes) -> MemberId:
        """Return the member to whom a certificate belongs, by its digest, in the view of now.

        Raises ForbiddenError ``member_suspended``, and as ``identify``.
        """
        member = self.identify(pin)
        self.check_standing(member)
        return member

    def identify(self, pin: bytes) -> MemberId:
        """Return the member to whom a certificate belongs, suspended or not.

        Raises ForbiddenError ``pin_unknown`` or ``pin_expired``.
        """
        view = self.mirror.known
        key = None if view is None else view.pins.get(pin)
        if view is None or key is None:
            raise ForbiddenError(
                "pin_unknown",
                "the registry, as this node knows it, lists no such certificate: have your node "
                "admitted, or wait until this one has read the registry",
            )
        if not is_pinned(key, self.clock.now()):
            raise ForbiddenError(
                "pin_expired", "the certificate is not in use now: too early, too late or revoked"
            )
        return key.member

    def check_standing(self, member: MemberId) -> None:
        """Let a member pass that is not suspended. Raises ForbiddenError ``member_suspended``."""
        if shunned(self.mirror.known, member):
            raise ForbiddenError(SUSPENDED, f"{member} is suspended by the registry")

    async def take(self, hop: MemberId, batch: Sequence[Posted]) -> list[Answer]:
        """Answer each copy of a batch: our own are received, those for others relayed.

        While the hop is suspended, or we are, each is *later*. Raises UnavailableError:
        ``rate_limited`` or ``quota_exceeded`` where not even the first passes; ``too_many_at_once``
        or ``busy``.
        """
        if hop == self.me:
            return await self._take(hop, batch)
        with self.posts.admit(hop):
            if shunned(self.mirror.known, hop):
                return await self.reception.shun(hop, batch)
            if shunned(self.mirror.known, self.me):
                return [Later(SUSPENDED, SUSPENDED_S) for item in batch for _ in item.to]
            lengths = [len(item.envelope) // len(item.to) for item in batch for _ in item.to]
            passing, limit = self.quotas.admit(hop, lengths)
            if limit is None:
                return await self._take(hop, batch)
            if not passing:
                raise limit
            answers = await self._take(hop, batch, most=passing)
            later = Later(limit.code, limit.retry_after_s or 0)
            return [*answers, *[later] * (len(lengths) - passing)]

    async def _take(
        self, hop: MemberId, batch: Sequence[Posted], most: int | None = None
    ) -> list[Answer]:
        copies = [copy for item in batch for copy in self._copies(item)][:most]
        own = [copy for copy in copies if isinstance(copy, Posted) and copy.to == (self.me,)]
        others = [copy for copy in copies if isinstance(copy, Handed)]
        received = iter(await self.reception.accept(hop, own) if own else [])
        relayed = iter(await self.relaying.take(hop, others) if others else [])
        return [
            next(relayed)
            if isinstance(copy, Handed)
            else (copy if isinstance(copy, Refused) else next(received))
            for copy in copies
        ]

    def _copies(self, item: Posted) -> list[Posted | Handed | Refused]:
        """Take an envelope apart into thin copies, one for each stanza."""
        if item.to == (self.me,):
            return [item]
        try:
            envelope = parse_envelope(item.envelope)
        except RejectedError as fault:
            return [Refused(fault.code)] * len(item.to)
        if len(envelope.stanzas) != len(item.to) or len(set(item.to)) != len(item.to):
            return [Refused("encoding_invalid")] * len(item.to)
        copies: list[Posted | Handed | Refused] = []
        for name, stanza in zip(item.to, envelope.stanzas, strict=True):
            if name == self.me:
                thin = encode_envelope(envelope.header_bytes, [stanza], envelope.body)
                copies.append(Posted(item.hops, (name,), thin))
            else:
                hops = tuple(MemberId(hop) for hop in item.hops)
                copies.append(
                    Handed(hops=hops, recipient=MemberId(name), envelope=envelope, stanza=stanza)
                )
        return copies

    async def offer(self, hop: MemberId, blob_id: bytes, segment_list: bytes) -> Sequence[int]:
        """Count an attachment to ``hop`` before any of it comes; one that is known was counted.

        Raises UnavailableError ``quota_exceeded``, and as ``IncomingBlobs.offer``.
        """
        if await self.incoming.knows(hop, blob_id):
            return await self.incoming.offer(hop, blob_id, segment_list)
        length = parse_segment_list(segment_list, blob_id).sealed_bytes
        self.quotas.admit_bytes(hop, length)
        try:
            return await self.incoming.offer(hop, blob_id, segment_list)
        except LiaisonError:
            self.quotas.give_back(hop, length)
            raise

    async def take_back(self, hop: MemberId, returns: Sequence[Return]) -> None:
        """Take what became of copies: of our own messages, and of those that we relayed."""
        for item in await self.delivery.returned(hop, returns):
            if not await self.mailboxes.take_back(hop, item):
                await self.delivery.refuse_return(hop, item)

    async def keep_card(self, hop: MemberId, note: bytes) -> None:
        """Answer for a member's sealing keys from now on, if its relay is us.

        Raises ForbiddenError ``not_served``; RejectedError as the card is judged.
        """
        if self.me not in self.mirror.view.members[hop].via:
            raise ForbiddenError("not_served", f"{self.me} is no relay of {hop}")
        await self.cards.keep(hop, note)

    async def take_statement(self, note: bytes) -> None:
        """Take a statement into the registry, where we keep it; a veto anywhere.

        Raises ForbiddenError ``not_the_registrar``; RejectedError as the registry judges it.
        """
        if self.me == REGISTRY or not await self.vetoes.take(note):
            await self.registrar.publish(note)

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
        return await self.gate.take(self._caller(), batch)

    async def offer_blob(self, blob_id: bytes, segment_list: bytes) -> Sequence[int]:
        """See ``gateway.peer``."""
        return await self.gate.offer(self._member(), blob_id, segment_list)

    async def put_segment(self, blob_id: bytes, index: int, segment: Segment) -> None:
        """See ``gateway.peer``."""
        await self.gate.incoming.put_segment(self._member(), blob_id, index, segment)

    async def blob_segments(self, envelope_id: bytes, blob_id: bytes) -> bytes:
        """See ``gateway.peer``."""
        return await self.gate.outgoing.segment_list(self._member(), envelope_id, blob_id)

    async def blob_segment(self, envelope_id: bytes, blob_id: bytes, index: int) -> StoredSegment:
        """See ``gateway.peer``."""
        return await self.gate.outgoing.segment(self._member(), envelope_id, blob_id, index)

    async def collect(self, asked: Collect) -> Collected:
        """See ``gateway.peer``."""
        member = self._member()
        with self.gate.collects.admit(member):
            return await self.gate.mailboxes.collect(member, asked)

    async def post_returns(self, returns: Sequence[Return]) -> None:
        """See ``gateway.peer``."""
        await self.gate.take_back(self._member(), returns)

    async def post_card(self, note: bytes) -> None:
        """See ``gateway.peer``."""
        await self.gate.keep_card(self._member(), note)

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
        await self.gate.take_statement(note)

    async def add_checkpoint(self, asked: AddCheckpoint) -> bytes:
        """See ``gateway.peer``."""
        return await self.gate.witnessing.add_checkpoint(asked, self.hop or "")

    async def witnessed_checkpoint(self, origin: str) -> bytes:
        """See ``gateway.peer``."""
        return await self.witnessed_by_digest(digest(origin.encode()))

    async def witnessed_by_digest(self, origin_digest: bytes) -> bytes:
        """Return the same, by the SHA-256 of the origin: as C2SP names logs in a path."""
        return await self.gate.witnessing.checkpoint(origin_digest)

    async def audit_proofs(self, message_id: bytes, envelope_id: bytes) -> Sequence[ProvenEntry]:
        """See ``gateway.peer``; who is suspended may still prove what was."""
        return await self.gate.testimony.for_member(self._caller(), message_id, envelope_id)

    async def audit_checkpoint(self) -> bytes:
        """See ``gateway.peer``."""
        self._member()
        return await self.gate.audit_reading.shown_checkpoint()

    async def audit_consistency(self, origin: str, old: int, new: int) -> Sequence[bytes]:
        """See ``gateway.peer``."""
        self._member()
        return await self.gate.audit_reading.consistency(origin, old, new)

    async def ping(self) -> Pong:
        """See ``gateway.peer``."""
        gate = self.gate
        return Pong(member=gate.me, at=gate.clock.now(), registry_size=gate.mirror.size)

    def _member(self) -> MemberId:
        """Return a caller in good standing. Raises ForbiddenError."""
        member = self._caller()
        self.gate.check_standing(member)
        return member

    def _caller(self) -> MemberId:
        if self.hop is None:
            raise ForbiddenError(
                "member_required", "this needs a member's certificate, and none was shown"
            )
        self.gate.seen(self.hop)
        return self.hop
