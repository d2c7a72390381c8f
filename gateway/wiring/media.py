"""Removable media: what is written for a member, and what is read of one."""

from dataclasses import dataclass

from gateway.services.media.exporting import Exporting
from gateway.services.media.importing import Importing
from gateway.services.receiving.reception import Reception
from gateway.services.sending.delivery import Delivery
from gateway.wiring.base import Base
from gateway.wiring.blobs import Blobs
from gateway.wiring.federation import Federation
from gateway.wiring.relay import Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A line that is carried by hand."""

    exporting: Exporting
    importing: Importing


def wire_media(
    base: Base,
    federation: Federation,
    blobs: Blobs,
    relay: Relay,
    *,
    delivery: Delivery,
    reception: Reception,
) -> Media:
    """Make the parts of media."""
    return Media(
        exporting=Exporting(
            base.database,
            base.blobs,
            base.keys,
            federation.mirror,
            cards=federation.cards,
            delivery=delivery,
            wayback=relay.wayback,
            ledger=base.ledger,
            clock=base.clock,
        ),
        importing=Importing(
            base.database,
            base.keys,
            federation.mirror,
            federation.cards,
            reception=reception,
            incoming=blobs.incoming,
            delivery=delivery,
            wayback=relay.wayback,
            ledger=base.ledger,
            clock=base.clock,
            policy=base.settings.policy,
        ),
    )
