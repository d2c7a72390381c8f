"""The composition root: every part of a node, made in the order in which they need each other.

Where two parts need each other, the one that is made first gets a ``Later``, and the function that
makes the second says where it leads.
"""

import importlib.metadata
from dataclasses import dataclass
from functools import cache

from gateway.clock import Clock
from gateway.network.local_api import Rooms
from gateway.peer import Peers
from gateway.services.auditing.status import AuditState
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import Standing
from gateway.services.gatekeeper import Gatekeeper
from gateway.services.health import Health
from gateway.services.keys import NodeKeys
from gateway.services.neighbours import Neighbours
from gateway.services.receiving.inbox import Inbox
from gateway.services.receiving.names import Names
from gateway.services.sending.delivery import Delivery
from gateway.services.starting import Starting
from gateway.services.statistics import Statistics
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.wiring.auditing import Auditing, wire_auditing
from gateway.wiring.base import Base, wire_base
from gateway.wiring.blobs import Blobs, wire_blobs
from gateway.wiring.casework import Casework, wire_casework
from gateway.wiring.entrance import Entrance, wire_entrance
from gateway.wiring.events import Events, wire_events
from gateway.wiring.federation import Federation, wire_federation
from gateway.wiring.keykeeping import Keykeeping, wire_keykeeping
from gateway.wiring.media import Media, wire_media
from gateway.wiring.receiving import wire_inbox, wire_receiving
from gateway.wiring.relay import Relay, wire_relay
from gateway.wiring.retention import Retention, wire_retention
from gateway.wiring.sending import Sending, wire_sending
from gateway.wiring.witness import Witness, wire_witness
from gateway.workers import Workers
from keys.registry.member import RegistryHead
from keys.suite import Entropy, MemberId


@cache
def version() -> str:
    """Return the version that is installed; looking it up reads through what is installed."""
    return importlib.metadata.version("liaison-gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node's parts, wired; nothing of it runs yet."""

    database: Database
    mirror: RegistryMirror
    keys: NodeKeys
    gate: Gatekeeper
    rooms: Rooms
    workers: Workers
    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    base: Base
    federation: Federation
    witness: Witness
    blobs: Blobs
    inbox: Inbox
    sending: Sending
    relay: Relay
    auditing: Auditing
    entrance: Entrance
    keykeeping: Keykeeping
    casework: Casework
    events: Events
    media: Media
    retention: Retention


def wire(
    settings: Settings,
    *,
    peers: Peers,
    keys: NodeKeys,
    database: Database,
    clock: Clock,
    entropy: Entropy,
) -> Node:
    """Put a node together around its database, keys and way to the others."""
    base = wire_base(
        settings, peers=peers, keys=keys, database=database, clock=clock, entropy=entropy
    )
    federation = wire_federation(base)
    witness = wire_witness(base, federation)
    blobs = wire_blobs(base, federation)
    inbox = wire_inbox(base, federation, blobs)

    def heard(name: MemberId, named: RegistryHead) -> None:
        witness.watching.met(name)
        federation.views.heard(name, named)

    def settled(confirmed: int) -> None:
        base.metrics.count_deliveries(confirmed)
        inbox.changed()

    sending = wire_sending(base, federation, blobs, heard=heard, settled=settled)
    relay = wire_relay(base, federation, blobs, sending.routes, heard=heard)
    receiving = wire_receiving(
        base, federation, blobs, sending, relay, heard=heard, arrived=inbox.changed
    )
    auditing = wire_auditing(base, federation, witness, sending.exchange)
    entrance = wire_entrance(
        base,
        federation,
        witness,
        blobs,
        sending=sending,
        relay=relay,
        receiving=receiving,
        auditing=auditing,
        inbox=inbox,
    )
    keykeeping = wire_keykeeping(base, federation)
    parts = _Parts(
        base=base,
        federation=federation,
        witness=witness,
        blobs=blobs,
        inbox=inbox,
        sending=sending,
        relay=relay,
        auditing=auditing,
        entrance=entrance,
        keykeeping=keykeeping,
        casework=wire_casework(base, federation, sending.exchange, auditing, sending.recalls),
        events=wire_events(base, inbox, sending.exchange, keykeeping),
        media=wire_media(
            base, federation, blobs, relay, delivery=sending.delivery, reception=receiving.reception
        ),
        retention=wire_retention(base),
    )
    return Node(
        database=database,
        mirror=federation.mirror,
        keys=keys,
        gate=entrance.gate,
        rooms=_rooms(parts),
        workers=_workers(parts),
        delivery=sending.delivery,
    )


def _rooms(parts: _Parts) -> Rooms:
    """Gather what is behind the local API."""
    base, federation, sending = parts.base, parts.federation, parts.sending
    auditing, casework, keykeeping = parts.auditing, parts.casework, parts.keykeeping
    return Rooms(
        exchange=sending.exchange,
        releasing=sending.releasing,
        delivery=sending.delivery,
        inbox=parts.inbox,
        names=Names(base.database, base.keys, base.holding.outline),
        cases=casework.cases,
        deciding=parts.retention.deciding,
        operations=casework.operations,
        copies=casework.copies,
        trends=casework.trends,
        circulating=casework.circulating,
        attachments=parts.blobs.attachments,
        exporting=parts.media.exporting,
        importing=parts.media.importing,
        members=federation.members,
        mirror=federation.mirror,
        registrar=federation.registrar,
        key_report=keykeeping.report,
        rotation=keykeeping.rotation,
        ceremony=keykeeping.ceremony,
        rewrapping=keykeeping.rewrapping,
        audit_reading=auditing.reading,
        audit_search=auditing.search,
        erasing=auditing.erasing,
        evidence=auditing.evidence,
        log_alarms=parts.witness.alarms,
        kinds=base.kinds,
        code_lists=casework.code_lists,
        peer_logs=parts.witness.peer_logs,
        health=_health(parts),
        metrics=base.metrics,
        tokens=base.tokens,
        telling=parts.events.telling,
        statistics=Statistics(base.database, casework.trends),
        now=base.clock.now,
    )


def _health(parts: _Parts) -> Health:
    base, federation, keykeeping = parts.base, parts.federation, parts.keykeeping
    return Health(
        base.database,
        base.blobs,
        base.keys,
        federation.mirror,
        base.peers,
        outlined=base.holding.outline,
        quotas=parts.entrance.quotas,
        purging=parts.retention.purging,
        cosigning=parts.witness.cosigning,
        audit_state=AuditState(parts.auditing.log, parts.auditing.anchoring),
        gossip=federation.gossip,
        log_alarms=parts.witness.alarms,
        key_report=keykeeping.report,
        rotation=keykeeping.rotation,
        webhooks=parts.events.webhooks,
        clock=base.clock,
        settings=base.settings,
        version=version(),
    )


def _workers(parts: _Parts) -> Workers:
    """Gather what runs for ever."""
    base, federation, sending, relay = parts.base, parts.federation, parts.sending, parts.relay
    auditing, casework, keykeeping = parts.auditing, parts.casework, parts.keykeeping
    database, clock = base.database, base.clock

    def all_lanes() -> None:
        sending.lanes.wake()
        relay.lanes.wake()

    return Workers(
        database=database,
        blobs=base.blobs,
        keys=base.keys,
        mirror=federation.mirror,
        following=federation.following,
        views=federation.views,
        gossip=federation.gossip,
        registrar=federation.registrar,
        rotation=keykeeping.rotation,
        ceremony=keykeeping.ceremony,
        rewrapping=keykeeping.rewrapping,
        lanes=(sending.lanes, relay.lanes),
        returning=relay.returning,
        resigning=sending.resigning,
        standing=Standing(database, federation.mirror, clock, moved=all_lanes),
        collecting=parts.entrance.collecting,
        neighbours=Neighbours(
            database,
            clock,
            inbox=parts.inbox,
            outbox_lanes=sending.lanes,
            custody_lanes=relay.lanes,
            mailboxes=relay.mailboxes,
            mirror=federation.mirror,
            tokens=base.tokens,
            chronicle=parts.events.chronicle,
        ),
        chronicle=parts.events.chronicle,
        webhooks=parts.events.webhooks,
        fetching=parts.blobs.fetching,
        audit_log=auditing.log,
        anchoring=auditing.anchoring,
        restoring=auditing.restoring,
        notices=casework.notices,
        reminding=parts.events.reminding,
        recall_duties=casework.recall_duties,
        reoffering=sending.reoffering,
        copies=casework.copies,
        cosigning=parts.witness.cosigning,
        watching=parts.witness.watching,
        vetoes=federation.vetoes,
        purging=parts.retention.purging,
        retention=parts.retention.walk,
        starting=Starting(
            database, base.keys, base.ledger, settings=base.settings, version=version()
        ),
        ledger=base.ledger,
        clock=clock,
        settings=base.settings,
        ended=parts.inbox.changed,
        follows=not federation.registers,
    )
