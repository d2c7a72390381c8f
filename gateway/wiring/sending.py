"""From a draft to the receipt that settles it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from gateway.protocol.delivery import RetryPolicy
from gateway.services.handling.recalls import Recalls
from gateway.services.sending.delivery import Delivery
from gateway.services.sending.drafting import Drafting
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.lanes import Lanes
from gateway.services.sending.outcomes import Outcomes
from gateway.services.sending.passing import Passing
from gateway.services.sending.releasing import Releasing
from gateway.services.sending.reoffering import Reoffering
from gateway.services.sending.resigning import Resigning
from gateway.services.sending.routes import Routes
from gateway.services.sending.sealing import Sealing
from gateway.services.sending.sessions import Sessions
from gateway.wiring.base import Base
from gateway.wiring.blobs import Blobs
from gateway.wiring.federation import Federation
from gateway.wiring.later import Later
from keys.registry.member import RegistryHead
from keys.suite import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What this member's messages go through."""

    routes: Routes
    reoffering: Reoffering
    delivery: Delivery
    lanes: Lanes
    """The outbox's."""
    resigning: Resigning
    exchange: Exchange
    releasing: Releasing
    recalls: Recalls


def wire_sending(
    base: Base,
    federation: Federation,
    blobs: Blobs,
    *,
    heard: Callable[[MemberId, RegistryHead], None],
    settled: Callable[[int], None],
) -> Sending:
    """Make the parts of sending: the lanes carry for a delivery that tells them what came back."""
    keys, database, mirror = base.keys, base.database, federation.mirror
    ledger, clock, settings = base.ledger, base.clock, base.settings
    routes = _routes(base, federation)
    recalls = Recalls(ledger, clock)
    queued: Later[[Collection[MemberId]], None] = Later()
    came_back: Later[[Mapping[MemberId, int]], None] = Later()
    signer_revoked: Later[[], None] = Later()
    reoffering = Reoffering(database, ledger, clock, queued=queued)
    delivery = Delivery(
        database,
        mirror,
        federation.cards,
        Outcomes(
            keys,
            mirror,
            database=database,
            ledger=ledger,
            clock=clock,
            settings=settings.delivery,
            heard=heard,
            signer_revoked=signer_revoked,
            lost=reoffering.lost,
        ),
        keys=keys,
        ledger=ledger,
        clock=clock,
        settings=settings.delivery,
        settled=settled,
        came_back=came_back,
    )
    lanes = Lanes(
        delivery,
        base.ways,
        routes,
        blobs.freight,
        clock=clock,
        settings=settings.delivery,
        hop=routes.first_hop,
    )
    resigning = Resigning(database, keys, mirror, ledger=ledger, clock=clock, queued=lanes.wake)
    queued.leads_to(lanes.wake)
    came_back.leads_to(lanes.note)
    signer_revoked.leads_to(resigning.wake)
    exchange = Exchange(
        database,
        keys,
        mirror,
        _drafting(base, federation, blobs),
        Sealing(keys, federation.cards, lanes, Sessions(clock, base.entropy), ledger),
        holding=base.holding,
        ledger=ledger,
        clock=clock,
        lanes=lanes,
        taken_back=recalls.came.set,
        reopening=base.reopening,
        waits=lambda: settled(0),
    )
    return Sending(
        routes=routes,
        reoffering=reoffering,
        delivery=delivery,
        lanes=lanes,
        resigning=resigning,
        exchange=exchange,
        releasing=Releasing(
            database,
            keys,
            base.holding,
            exchange,
            ledger=ledger,
            refusals=base.refusals,
            clock=clock,
            changed=lambda: settled(0),
        ),
        recalls=recalls,
    )


def _routes(base: Base, federation: Federation) -> Routes:
    settings = base.settings.delivery
    return Routes(
        base.member,
        federation.mirror,
        base.clock,
        base.entropy,
        retry=RetryPolicy(first_s=settings.retry_first_s, max_s=settings.retry_max_s),
        through_relay=settings.through_relay,
    )


def _drafting(base: Base, federation: Federation, blobs: Blobs) -> Drafting:
    return Drafting(
        base.database,
        base.keys,
        federation.mirror,
        blobs.attachments,
        nomenclature=base.nomenclature,
        passing=Passing(base.database, base.keys, base.refusals, kinds=base.kinds),
        holding=base.holding,
        kinds=base.kinds,
        clock=base.clock,
        settings=base.settings,
    )
