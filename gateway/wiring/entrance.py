"""The node's own door, what it collects at its relays, and what it takes of each member."""

from dataclasses import dataclass

from gateway.services.gatekeeper import Gatekeeper
from gateway.services.quotas import Quotas
from gateway.services.receiving.inbox import Inbox
from gateway.services.relay.collecting import Collecting
from gateway.wiring.auditing import Auditing
from gateway.wiring.base import Base
from gateway.wiring.blobs import Blobs
from gateway.wiring.federation import Federation
from gateway.wiring.receiving import Receiving
from gateway.wiring.relay import Relay
from gateway.wiring.sending import Sending
from gateway.wiring.witness import Witness
from keys.suite import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where others reach this node, and where it goes to be reached."""

    quotas: Quotas
    gate: Gatekeeper
    collecting: Collecting


def wire_entrance(
    base: Base,
    federation: Federation,
    witness: Witness,
    blobs: Blobs,
    *,
    sending: Sending,
    relay: Relay,
    receiving: Receiving,
    auditing: Auditing,
    inbox: Inbox,
) -> Entrance:
    """Make what answers others, and let our own calls to ourselves reach it."""
    quotas = Quotas(base.clock, base.settings.policy)

    def seen(hop: MemberId) -> None:
        if sending.routes.seen(hop):
            sending.lanes.wake()
            relay.lanes.wake()

    gate = Gatekeeper(
        base.member,
        federation.mirror,
        federation.registrar,
        federation.cards,
        reception=receiving.reception,
        relaying=relay.relaying,
        mailboxes=relay.mailboxes,
        delivery=sending.delivery,
        incoming=blobs.incoming,
        outgoing=blobs.outgoing,
        quotas=quotas,
        vetoes=federation.vetoes,
        witnessing=witness.witnessing,
        testimony=auditing.testimony,
        audit_reading=auditing.reading,
        clock=base.clock,
        seen=seen,
    )
    base.ways.gate = gate
    collecting = Collecting(
        base.member,
        base.peers,
        federation.mirror,
        federation.cards,
        blobs.incoming,
        accept=receiving.reception.accept,
        take_back=gate.take_back,
        clock=base.clock,
        entropy=base.entropy,
        settings=base.settings.delivery,
    )

    def fetched(hop: MemberId, envelope_id: bytes) -> None:
        collecting.fetched(hop, envelope_id)
        inbox.changed()

    blobs.fetched.leads_to(fetched)
    return Entrance(quotas=quotas, gate=gate, collecting=collecting)
