"""Attachments: taken from the house, sent, received, fetched later."""

from dataclasses import dataclass

from gateway.services.blobs.attachments import Attachments
from gateway.services.blobs.fetching import Fetching
from gateway.services.blobs.freight import Freight
from gateway.services.blobs.incoming_blobs import IncomingBlobs
from gateway.services.blobs.outgoing_blobs import OutgoingBlobs
from gateway.services.blobs.plaintext import Plaintexts
from gateway.wiring.base import Base
from gateway.wiring.federation import Federation
from gateway.wiring.later import Later
from keys.suite import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Blobs:
    """Attachments on their ways in and out."""

    attachments: Attachments
    freight: Freight
    plaintexts: Plaintexts
    incoming: IncomingBlobs
    outgoing: OutgoingBlobs
    fetching: Fetching
    fetched: Later[[MemberId, bytes], None]
    """Hears of an attachment that was fetched: from which hop, of which envelope."""


def wire_blobs(base: Base, federation: Federation) -> Blobs:
    """Make the parts of attachments."""
    settings = base.settings
    attachments = Attachments(base.database, base.blobs, base.keys, base.clock, settings.blobs)
    plaintexts = Plaintexts(base.blobs)
    incoming = IncomingBlobs(
        base.database,
        base.blobs,
        base.clock,
        base.entropy,
        settings.blobs,
        check_space=attachments.check_space,
        stored=plaintexts.stored,
    )
    fetched: Later[[MemberId, bytes], None] = Later()
    return Blobs(
        attachments=attachments,
        freight=Freight(base.blobs, settings.delivery.segments_in_flight),
        plaintexts=plaintexts,
        incoming=incoming,
        outgoing=OutgoingBlobs(base.database, base.blobs),
        fetching=Fetching(
            base.database,
            base.peers,
            federation.mirror,
            incoming,
            plaintexts,
            keys=base.keys,
            ledger=base.ledger,
            clock=base.clock,
            settings=settings.delivery,
            ended=fetched,
        ),
        fetched=fetched,
    )
