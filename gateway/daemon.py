"""The composition root: the only place that wires objects together, and names a database."""

import asyncio
import contextlib
import gc
import importlib.metadata
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sdnotify
import uvloop

from gateway import logs
from gateway.clock import Clock, SystemClock
from gateway.errors import LiaisonError, UnavailableError
from gateway.network.local_api import LocalApi, Rooms
from gateway.network.metrics import Metrics
from gateway.network.peer_api import PeerApi
from gateway.network.peer_client import HttpsPeers
from gateway.peer import Peer, Peers
from gateway.protocol.delivery import RetryPolicy
from gateway.services.auditing.anchoring import Anchoring
from gateway.services.auditing.continuity import Recollection
from gateway.services.auditing.erasing import Erasing
from gateway.services.auditing.log import AuditLog
from gateway.services.auditing.reading import AuditReading
from gateway.services.auditing.restoring import Restoring
from gateway.services.auditing.search import AuditSearch
from gateway.services.auditing.status import AuditState
from gateway.services.blobs.attachments import Attachments
from gateway.services.blobs.fetching import Fetching
from gateway.services.blobs.freight import Freight
from gateway.services.blobs.incoming_blobs import IncomingBlobs
from gateway.services.blobs.outgoing_blobs import OutgoingBlobs
from gateway.services.blobs.plaintext import Plaintexts
from gateway.services.casework.cases import Cases
from gateway.services.casework.code_lists import CodeLists
from gateway.services.casework.nomenclature import Nomenclature
from gateway.services.casework.operations import Operations
from gateway.services.casework.own_kinds import kinds_with
from gateway.services.federation.cards import Cards
from gateway.services.federation.following import Following
from gateway.services.federation.gossip import Gossip
from gateway.services.federation.members import Members
from gateway.services.federation.registry import Registrar, RegistryMirror
from gateway.services.federation.snapshot import Snapshot
from gateway.services.federation.standing import Standing
from gateway.services.federation.statements import Statements
from gateway.services.federation.vetoes import Vetoes
from gateway.services.federation.views import RegistryViews
from gateway.services.gatekeeper import Gatekeeper
from gateway.services.handling.duties import RecallDuties
from gateway.services.handling.notices import Notices
from gateway.services.handling.recalls import Recalls
from gateway.services.health import Health
from gateway.services.keykeeping.ceremony import Ceremony
from gateway.services.keykeeping.key_report import KeyReport
from gateway.services.keykeeping.renewal import Renewal
from gateway.services.keykeeping.rewrapping import Rewrapping
from gateway.services.keykeeping.rotation import Rotation
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.media.exporting import Exporting
from gateway.services.media.importing import Importing
from gateway.services.neighbours import Neighbours
from gateway.services.proving.evidence import EvidenceFiles
from gateway.services.proving.testimony import Testimony
from gateway.services.purging import Purging
from gateway.services.quotas import Quotas
from gateway.services.receiving.demands import Demands
from gateway.services.receiving.inbox import Inbox
from gateway.services.receiving.judging import Judging
from gateway.services.receiving.reception import Reception
from gateway.services.refusals import Refusals
from gateway.services.regions.circulating import Circulating
from gateway.services.regions.copying import LiaisonCopies
from gateway.services.regions.trends import Trends
from gateway.services.relay.collecting import Collecting
from gateway.services.relay.forwarding import Forwarding, Returning
from gateway.services.relay.relaying import Relaying
from gateway.services.relay.wayback import Wayback
from gateway.services.sending.delivery import Delivery
from gateway.services.sending.drafting import Drafting
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.lanes import Lanes
from gateway.services.sending.outcomes import Outcomes
from gateway.services.sending.passing import Passing
from gateway.services.sending.reoffering import Reoffering
from gateway.services.sending.resigning import Resigning
from gateway.services.sending.routes import Routes
from gateway.services.sending.sessions import Sessions
from gateway.services.starting import Starting
from gateway.services.witness.cosigning import Cosigning
from gateway.services.witness.log_alarms import LogAlarms
from gateway.services.witness.peer_logs import PeerLogs
from gateway.services.witness.watching import Watching
from gateway.services.witness.witnessing import Witnessing
from gateway.settings import Settings, load
from gateway.store import leases
from gateway.store.blobs import BlobStore
from gateway.store.database import Database, FaultHook
from gateway.store.lock import FolderLock
from gateway.workers import Workers
from keys.keyfile import Unlocked, unlock
from keys.memory import seclude
from keys.private import read_secret
from keys.registry.draft import parse_fingerprint
from keys.registry.member import RegistryHead
from keys.registry.statement import REGISTRY
from keys.registry.view import View
from keys.suite import Entropy, MemberId, parse_member_id
from keys.tlog.note import NoteSigner
from keys.token import Token

SETTINGS_FILE = "gateway.toml"
GARBAGE_AFTER = 20_000
"""Objects made and kept between two looks for cycles: a batch makes thousands, none in a cycle."""


def version() -> str:
    """Return the version that is installed."""
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


def wire(  # noqa: PLR0915 - a line for each part of a node
    settings: Settings,
    *,
    peers: Peers,
    keys: NodeKeys,
    database: Database,
    clock: Clock,
    entropy: Entropy,
) -> Node:
    """Put a node together around its database, keys and way to the others."""
    member = keys.member
    kinds = kinds_with(settings.path(settings.cases.kinds))
    blobs = BlobStore(settings.blobs_path)
    size: list[RegistryMirror] = []
    ledger = Ledger(clock, entropy, lambda: size[0].size if size else 0)
    anchor = parse_fingerprint(settings.registry.anchor)
    snapshot = Snapshot(settings.data_dir, keys, clock)
    mirror = RegistryMirror(database, peers, ledger, clock, snapshot=snapshot, anchor=anchor)
    size.append(mirror)
    registers = member == REGISTRY

    def log_signer(view: View) -> NoteSigner:
        return keys.log_signer(view.origin, view, clock.now())

    gossip = Gossip(database, mirror, peers, ledger=ledger, clock=clock)
    views = RegistryViews(database, mirror, gossip.doubt)
    following = Following(
        member,
        mirror,
        peers,
        views,
        gossip,
        clock=clock,
        entropy=entropy,
        poll_s=settings.registry.poll_s,
    )
    registrar = Registrar(mirror, peers, log_signer if registers else None, following.compare)
    cards = Cards(member, database, peers, mirror, ledger=ledger, clock=clock)
    attachments = Attachments(database, blobs, keys, clock, settings.blobs)
    refusals = Refusals(database, ledger, clock)
    inbox = Inbox(
        database,
        keys,
        mirror,
        ledger,
        clock,
        refusals=refusals,
        kinds=kinds,
        fetch=lambda: fetching.wake(),  # noqa: PLW0108 - made below
    )
    retry = RetryPolicy(
        first_s=settings.delivery.retry_first_s, max_s=settings.delivery.retry_max_s
    )
    routes = Routes(
        member,
        mirror,
        clock,
        entropy,
        retry=retry,
        through_relay=settings.delivery.through_relay,
    )
    metrics = Metrics()

    def heard(name: MemberId, named: RegistryHead) -> None:
        watching.met(name)
        views.heard(name, named)

    def settled(confirmed: int) -> None:
        metrics.count_deliveries(confirmed)
        inbox.changed()

    reoffering = Reoffering(
        database,
        ledger,
        clock,
        queued=lambda names: outbox_lanes.wake(names),  # noqa: PLW0108 - made below
    )
    delivery = Delivery(
        database,
        mirror,
        cards,
        Outcomes(
            keys,
            mirror,
            database=database,
            ledger=ledger,
            clock=clock,
            settings=settings.delivery,
            heard=heard,
            signer_revoked=lambda: resigning.wake(),  # noqa: PLW0108 - made below
            lost=reoffering.lost,
        ),
        keys=keys,
        ledger=ledger,
        clock=clock,
        settings=settings.delivery,
        settled=settled,
        came_back=lambda due: outbox_lanes.note(due),  # noqa: PLW0108 - made below
    )
    forwarding = Forwarding(
        database,
        keys,
        mirror,
        ledger=ledger,
        clock=clock,
        settings=settings.delivery,
        heard=heard,
        came_back=lambda: relaying.changed(),  # noqa: PLW0108 - made below
    )
    ways = _Loopback(peers, member)
    freight = Freight(blobs, settings.delivery.segments_in_flight)
    outbox_lanes, custody_lanes = (
        Lanes(cargo, ways, routes, freight, clock=clock, settings=settings.delivery, hop=hop)
        for cargo, hop in ((delivery, routes.first_hop), (forwarding, routes.onward))
    )
    resigning = Resigning(
        database,
        keys,
        mirror,
        ledger=ledger,
        clock=clock,
        queued=outbox_lanes.wake,
    )

    def all_lanes() -> None:
        outbox_lanes.wake()
        custody_lanes.wake()

    returning = Returning(
        member,
        database,
        ways,
        mirror,
        routes,
        clock=clock,
        lease_s=settings.delivery.lease_s,
    )
    relaying = Relaying(
        database,
        keys,
        mirror,
        routes,
        ledger=ledger,
        clock=clock,
        settings=settings.relay,
        policy=settings.policy,
        max_sealed_bytes=settings.blobs.max_sealed_bytes,
        heard=heard,
        check_space=attachments.check_space,
        taken=custody_lanes.wake,
        came_back=returning.wake,
    )
    nomenclature = Nomenclature(database, ledger, clock)
    exchange = Exchange(
        database,
        keys,
        mirror,
        cards,
        Drafting(
            database,
            keys,
            mirror,
            attachments,
            nomenclature=nomenclature,
            passing=Passing(database, keys, refusals, kinds=kinds),
            kinds=kinds,
            clock=clock,
            settings=settings,
        ),
        ledger=ledger,
        clock=clock,
        lanes=outbox_lanes,
        sessions=Sessions(clock, entropy),
    )
    wayback = Wayback(database, keys, mirror, clock)
    plaintexts = Plaintexts(blobs)
    demands = Demands(
        database,
        mirror,
        plaintexts,
        settings.blobs,
        fetch=lambda: fetching.wake(),  # noqa: PLW0108 - made below
    )
    judging = Judging(
        database,
        keys,
        mirror,
        kinds=kinds,
        clock=clock,
        policy=settings.policy,
        check_space=attachments.check_space,
    )
    recalls = Recalls(ledger, clock)
    reception = Reception(
        database,
        judging,
        demands,
        keys,
        mirror,
        ledger=ledger,
        clock=clock,
        wayback=wayback,
        heard=heard,
        arrived=inbox.changed,
        reoffering=reoffering,
        recalls=recalls,
    )
    incoming = IncomingBlobs(
        database,
        blobs,
        clock,
        entropy,
        settings.blobs,
        check_space=attachments.check_space,
        stored=plaintexts.stored,
    )

    quotas = Quotas(clock, settings.policy)
    purging = Purging(database, clock, settings.policy)

    def seen(hop: MemberId) -> None:
        if routes.seen(hop):
            all_lanes()

    vetoes = Vetoes(database, mirror, peers, ledger, clock)
    alarms = LogAlarms(database, ledger, clock)
    audit_reading = AuditReading(database)
    testimony = Testimony(database, audit_reading, clock)
    witnessing = Witnessing(
        database, keys, mirror, statements=Statements(ways, vetoes), alarms=alarms, clock=clock
    )
    watching = Watching(
        member,
        database,
        mirror,
        ways,
        alarms=alarms,
        clock=clock,
        entropy=entropy,
        every_s=settings.audit.watch_s,
    )
    cosigning = Cosigning(
        mirror,
        ways,
        clock=clock,
        entropy=entropy,
        settings=settings.registry,
        registers=registers,
    )
    gate = Gatekeeper(
        member,
        mirror,
        registrar,
        cards,
        reception=reception,
        relaying=relaying,
        delivery=delivery,
        incoming=incoming,
        outgoing=OutgoingBlobs(database, blobs),
        quotas=quotas,
        vetoes=vetoes,
        witnessing=witnessing,
        testimony=testimony,
        audit_reading=audit_reading,
        clock=clock,
        seen=seen,
    )
    ways.gate = gate
    collecting = Collecting(
        member,
        peers,
        mirror,
        cards,
        incoming,
        accept=reception.accept,
        take_back=gate.take_back,
        clock=clock,
        entropy=entropy,
        settings=settings.delivery,
    )
    exporting = Exporting(
        database,
        blobs,
        keys,
        mirror,
        cards=cards,
        delivery=delivery,
        wayback=wayback,
        ledger=ledger,
        clock=clock,
    )
    importing = Importing(
        database,
        keys,
        mirror,
        cards,
        reception=reception,
        incoming=incoming,
        delivery=delivery,
        wayback=wayback,
        ledger=ledger,
        clock=clock,
        policy=settings.policy,
    )

    def fetched(hop: MemberId, envelope_id: bytes) -> None:
        collecting.fetched(hop, envelope_id)
        inbox.changed()

    fetching = Fetching(
        database,
        peers,
        mirror,
        incoming,
        plaintexts,
        keys=keys,
        ledger=ledger,
        clock=clock,
        settings=settings.delivery,
        ended=fetched,
    )
    renewal = Renewal(keys, mirror, cards, clock=clock, policy=settings.policy)
    rotation = Rotation(
        database,
        keys,
        mirror,
        registrar,
        renewal,
        ledger=ledger,
        clock=clock,
        policy=settings.policy,
    )
    ceremony = Ceremony(
        database,
        keys,
        mirror,
        registrar,
        ledger=ledger,
        clock=clock,
        policy=settings.policy,
    )
    rewrapping = Rewrapping(database, keys, ledger, clock)
    key_report = KeyReport(
        database,
        keys,
        mirror,
        clock=clock,
        policy=settings.policy,
        named=views.named,
    )
    audit_log = AuditLog(
        database,
        keys,
        mirror,
        ledger=ledger,
        continuity=Recollection(
            member, database, mirror, peers, alarms, clock=clock, entropy=entropy
        ),
        clock=clock,
    )
    restoring = Restoring(
        member,
        database,
        mirror,
        exchange,
        audit_log,
        clock=clock,
        policy=settings.policy,
    )
    audit_search = AuditSearch(database)
    recall_duties = RecallDuties(
        member,
        database,
        keys,
        exchange,
        audit_log=audit_log,
        audit_search=audit_search,
        came=recalls.came,
    )
    notices = Notices(member, database, exchange, clock)
    audit_reading = AuditReading(database)
    anchoring = Anchoring(
        database,
        mirror,
        ways,
        audit_reading,
        audit_log,
        ledger=ledger,
        clock=clock,
        entropy=entropy,
        settings=settings.audit,
    )
    health = Health(
        database,
        blobs,
        keys,
        mirror,
        peers,
        quotas=quotas,
        purging=purging,
        cosigning=cosigning,
        audit_state=AuditState(audit_log, anchoring),
        gossip=gossip,
        log_alarms=alarms,
        key_report=key_report,
        rotation=rotation,
        clock=clock,
        settings=settings,
        version=version(),
    )
    copies = LiaisonCopies(
        database,
        keys,
        mirror,
        exchange,
        kinds=kinds,
        clock=clock,
        settings=settings.cases,
    )
    rooms = Rooms(
        exchange=exchange,
        delivery=delivery,
        inbox=inbox,
        cases=Cases(database, keys, kinds=kinds, clock=clock, settings=settings.cases),
        operations=Operations(database, keys, kinds, clock),
        copies=copies,
        trends=Trends(database, keys, kinds=kinds, clock=clock, settings=settings.cases),
        circulating=Circulating(keys, mirror, exchange, settings.cases),
        attachments=attachments,
        exporting=exporting,
        importing=importing,
        members=Members(
            mirror,
            cards,
            views,
            clock,
            settings.registry,
            sources=lambda: following.reports,
            alarms=lambda: gossip.alarms,
        ),
        mirror=mirror,
        registrar=registrar,
        key_report=key_report,
        rotation=rotation,
        ceremony=ceremony,
        rewrapping=rewrapping,
        audit_reading=audit_reading,
        audit_search=audit_search,
        erasing=Erasing(database, ledger),
        evidence=EvidenceFiles(
            database,
            keys,
            mirror,
            ways,
            testimony=testimony,
            cosigning=cosigning,
            ledger=ledger,
            refusals=refusals,
            clock=clock,
        ),
        log_alarms=alarms,
        kinds=kinds,
        code_lists=CodeLists(nomenclature),
        peer_logs=PeerLogs(database, mirror, watching, alarms, clock),
        health=health,
        metrics=metrics,
        now=clock.now,
    )
    workers = Workers(
        database=database,
        blobs=blobs,
        keys=keys,
        mirror=mirror,
        following=following,
        views=views,
        gossip=gossip,
        registrar=registrar,
        rotation=rotation,
        ceremony=ceremony,
        rewrapping=rewrapping,
        lanes=(outbox_lanes, custody_lanes),
        returning=returning,
        resigning=resigning,
        standing=Standing(database, mirror, clock, moved=all_lanes),
        collecting=collecting,
        neighbours=Neighbours(
            database,
            clock,
            inbox=inbox,
            outbox_lanes=outbox_lanes,
            custody_lanes=custody_lanes,
            relaying=relaying,
            mirror=mirror,
        ),
        fetching=fetching,
        audit_log=audit_log,
        anchoring=anchoring,
        restoring=restoring,
        notices=notices,
        recall_duties=recall_duties,
        reoffering=reoffering,
        copies=copies,
        cosigning=cosigning,
        watching=watching,
        vetoes=vetoes,
        purging=purging,
        starting=Starting(database, keys, ledger, settings=settings, version=version()),
        ledger=ledger,
        clock=clock,
        settings=settings,
        ended=inbox.changed,
        follows=not registers,
    )
    return Node(
        database=database,
        mirror=mirror,
        keys=keys,
        gate=gate,
        rooms=rooms,
        workers=workers,
        delivery=delivery,
    )


class _Loopback:
    """The way to the others, and to ourselves: what we relay for ourselves needs no socket."""

    def __init__(self, peers: Peers, me: MemberId) -> None:
        self._peers = peers
        self._me = me
        self.gate: Gatekeeper | None = None

    def member(self, member: MemberId) -> Peer:
        """See ``gateway.peer``."""
        if member == self._me and self.gate is not None:
            return self.gate.for_hop(member)
        return self._peers.member(member)

    def registrar(self, *, pinned: bool = True) -> Peer:
        """See ``gateway.peer``."""
        return self._peers.registrar(pinned=pinned)


def serve(folder: Path, environ: Mapping[str, str], passphrase: bytes | None = None) -> None:
    """Run the node of a data folder until it is told to stop (SIGTERM, SIGINT).

    Raises LiaisonError with one clear sentence when it cannot start.
    """
    settings = load(folder / SETTINGS_FILE, environ=environ)
    logs.configure(settings.logs.level, settings.logs.format)
    seclude()  # before there is a secret to be seen
    gc.freeze()  # modules and types: they stay, and are not looked at again
    gc.set_threshold(GARBAGE_AFTER, 20, 50)
    with FolderLock(settings.data_dir):
        unlocked = _unlock(settings, environ, passphrase)
        token = _open_token(settings, environ)
        keys = NodeKeys(
            unlocked,
            parse_member_id(settings.node.member),
            os.urandom,
            token,
            draws_in_token=settings.keys.pkcs11_draw,
        )
        database = open_database(settings)
        try:
            uvloop.run(_run(settings, keys, database))
        finally:
            database.close()


def open_database(settings: Settings, *, fault: FaultHook | None = None) -> Database:
    """Open the node's database. Raises UnavailableError."""
    path = settings.database_path
    if path is not None and not path.exists():
        raise UnavailableError(
            "database_missing", f"there is no database at {path}; liaison init makes one"
        )
    return Database.open(settings.database_url, fault=fault)


def _unlock(settings: Settings, environ: Mapping[str, str], passphrase: bytes | None) -> Unlocked:
    if passphrase is None:
        named = settings.keys.passphrase_file
        passphrase = read_secret(
            file=settings.path(named) if named else None,
            credential=settings.keys.credential or None,
            environ=environ,
        )
    if passphrase is None:
        raise UnavailableError(
            "passphrase_missing",
            "no passphrase: name keys.passphrase_file or keys.credential, or start in a terminal",
        )
    return unlock(settings.path(settings.keys.file), passphrase, entropy=os.urandom)


def _open_token(settings: Settings, environ: Mapping[str, str]) -> Token | None:
    """Open the token for ``sign`` keys, if one is named. Raises LiaisonError."""
    named = settings.keys
    if not named.pkcs11_module:
        return None
    pin = read_secret(
        file=settings.path(named.pkcs11_pin_file) if named.pkcs11_pin_file else None,
        credential=named.pkcs11_credential or None,
        environ=environ,
        called="pin",
    )
    if pin is None:
        raise UnavailableError(
            "pin_missing",
            "no PIN for the token: name keys.pkcs11_pin_file or keys.pkcs11_credential",
        )
    try:
        from keys.pkcs11 import Pkcs11Token  # noqa: PLC0415 - an extra
    except ImportError as fault:
        raise UnavailableError(
            "driver_missing", "the library for tokens is not installed: install the extra pkcs11"
        ) from fault
    token = Pkcs11Token(settings.path(named.pkcs11_module), named.pkcs11_token, pin)
    token.check()
    return token


async def _run(settings: Settings, keys: NodeKeys, database: Database) -> None:
    clock = SystemClock()
    mirrors: list[RegistryMirror] = []
    peers = HttpsPeers(
        keys,
        clock,
        view=lambda: mirrors[0].known if mirrors else None,
        registrar_url=settings.registry.url,
        settings=settings.peer_api,
    )
    node = wire(
        settings,
        peers=peers,
        keys=keys,
        database=database,
        clock=clock,
        entropy=os.urandom,
    )
    mirrors.append(node.mirror)
    await node.mirror.load()
    if settings.database_path is not None:  # nobody else may hold a lease
        now = clock.now()
        await database.write(lambda tx: leases.release(tx, now))
    peer_api = PeerApi(node.gate, keys, settings.peer_api)
    node.rooms.key_report.open_under = peer_api.open_under
    local_api = LocalApi(node.rooms, settings.local_api, settings.path(settings.local_api.socket))
    try:
        await peer_api.start()
        await local_api.start()
        _say_ready(settings)
        async with asyncio.TaskGroup() as group:
            watchdog = group.create_task(_feed_watchdog(database, clock), name="watchdog")
            await _until_told(node.workers)
            watchdog.cancel()
    finally:
        await local_api.stop()
        await peer_api.stop()
        await peers.close()


def _say_ready(settings: Settings) -> None:
    log = logs.logger()
    listen = f"{settings.peer_api.host or '*'}:{settings.peer_api.port}"
    log.info("daemon.ready", member=settings.node.member, listen=listen, version=version())
    sdnotify.SystemdNotifier().notify("READY=1")


async def _feed_watchdog(database: Database, clock: Clock) -> None:
    """Tell systemd, where it asks, that the loop turns and the database's writer answers."""
    interval_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
    while interval_s:
        await database.write(lambda _: None)
        sdnotify.SystemdNotifier().notify("WATCHDOG=1")
        await clock.sleep(interval_s)


async def _until_told(workers: Workers) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    running = asyncio.ensure_future(workers.run())
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    if workers.audit_log.trouble is None:
        with contextlib.suppress(LiaisonError):
            await workers.audit_log.sequence()
    sdnotify.SystemdNotifier().notify("STOPPING=1")
    logs.logger().info("daemon.stopped", member=workers.keys.member)
