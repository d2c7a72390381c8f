"""From a copy that comes to a message that was read."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.services.receiving.demands import Demands
from gateway.services.receiving.drafts import Drafts
from gateway.services.receiving.inbox import Inbox
from gateway.services.receiving.judging import Judging
from gateway.services.receiving.reception import Reception
from gateway.services.receiving.storing import Storing
from gateway.wiring.base import Base
from gateway.wiring.blobs import Blobs
from gateway.wiring.federation import Federation
from gateway.wiring.relay import Relay
from gateway.wiring.sending import Sending
from keys.registry.member import RegistryHead
from keys.suite import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """What comes for this member."""

    reception: Reception


def wire_inbox(base: Base, federation: Federation, blobs: Blobs) -> Inbox:
    """Make what shows messages, before what brings them."""
    return Inbox(
        base.database,
        base.keys,
        federation.mirror,
        base.ledger,
        base.clock,
        refusals=base.refusals,
        kinds=base.kinds,
        drafts=Drafts(
            base.database,
            base.keys,
            base.holding,
            blobs.attachments,
            ledger=base.ledger,
            refusals=base.refusals,
            kinds=base.kinds,
        ),
        fetch=blobs.fetching.wake,
    )


def wire_receiving(
    base: Base,
    federation: Federation,
    blobs: Blobs,
    sending: Sending,
    relay: Relay,
    *,
    heard: Callable[[MemberId, RegistryHead], None],
    arrived: Callable[[], None],
) -> Receiving:
    """Make the parts of receiving."""
    database, clock, mirror = base.database, base.clock, federation.mirror
    return Receiving(
        reception=Reception(
            database,
            Judging(
                database,
                base.keys,
                mirror,
                kinds=base.kinds,
                clock=clock,
                policy=base.settings.policy,
                check_space=blobs.attachments.check_space,
            ),
            Demands(
                database, mirror, blobs.plaintexts, base.settings.blobs, fetch=blobs.fetching.wake
            ),
            base.keys,
            mirror,
            ledger=base.ledger,
            clock=clock,
            wayback=relay.wayback,
            heard=heard,
            arrived=arrived,
            storing=Storing(
                base.keys,
                base.ledger,
                reoffering=sending.reoffering,
                recalls=sending.recalls,
                reopening=base.reopening,
            ),
            reoffering=sending.reoffering,
            recalls=sending.recalls,
        ),
    )
