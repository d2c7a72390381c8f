"""What this node carries and keeps for others, and what it hands to its own relays."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.services.relay.forwarding import Forwarding, Returning
from gateway.services.relay.mailboxes import Mailboxes
from gateway.services.relay.relaying import Relaying
from gateway.services.relay.wayback import Wayback
from gateway.services.sending.lanes import Lanes
from gateway.services.sending.routes import Routes
from gateway.wiring.base import Base
from gateway.wiring.blobs import Blobs
from gateway.wiring.federation import Federation
from gateway.wiring.later import Later
from keys.registry.member import RegistryHead
from keys.suite import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Others' copies: taken over, carried on, their outcomes brought back."""

    lanes: Lanes
    """Those of what is in our custody."""
    returning: Returning
    relaying: Relaying
    mailboxes: Mailboxes
    wayback: Wayback


def wire_relay(
    base: Base,
    federation: Federation,
    blobs: Blobs,
    routes: Routes,
    *,
    heard: Callable[[MemberId, RegistryHead], None],
) -> Relay:
    """Make the parts of a relay: what forwarding carried changes the mailboxes."""
    keys, database, mirror = base.keys, base.database, federation.mirror
    ledger, clock, settings = base.ledger, base.clock, base.settings
    came_back: Later[[], Awaitable[None]] = Later()
    forwarding = Forwarding(
        database,
        keys,
        mirror,
        ledger=ledger,
        clock=clock,
        settings=settings.delivery,
        heard=heard,
        came_back=came_back,
    )
    lanes = Lanes(
        forwarding,
        base.ways,
        routes,
        blobs.freight,
        clock=clock,
        settings=settings.delivery,
        hop=routes.onward,
    )
    returning = Returning(
        base.member,
        database,
        base.ways,
        mirror,
        routes,
        clock=clock,
        lease_s=settings.delivery.lease_s,
    )
    mailboxes = Mailboxes(
        database,
        keys,
        mirror,
        ledger=ledger,
        clock=clock,
        settings=settings.relay,
        heard=heard,
        came_back=returning.wake,
    )
    relaying = Relaying(
        database,
        keys,
        mirror,
        routes,
        mailboxes=mailboxes,
        ledger=ledger,
        clock=clock,
        settings=settings.relay,
        policy=settings.policy,
        max_sealed_bytes=settings.blobs.max_sealed_bytes,
        check_space=blobs.attachments.check_space,
        taken=lanes.wake,
    )
    came_back.leads_to(mailboxes.changed)
    return Relay(
        lanes=lanes,
        returning=returning,
        relaying=relaying,
        mailboxes=mailboxes,
        wayback=Wayback(database, keys, mirror, clock),
    )
