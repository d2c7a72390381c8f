"""The loops of a node: deliver, follow the registry, sequence the audit log, keep things fresh.

Each stops when it is cancelled, waits with jitter, and outlives every expected error.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.services.auditing.anchoring import Anchoring
from gateway.services.auditing.log import AuditLog
from gateway.services.auditing.restoring import Restoring
from gateway.services.blobs.fetching import Fetching
from gateway.services.events.chronicle import Chronicle
from gateway.services.events.reminding import Reminding
from gateway.services.events.webhooks import Webhooks
from gateway.services.federation.following import Following
from gateway.services.federation.gossip import Gossip
from gateway.services.federation.registrar import Registrar
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import Standing
from gateway.services.federation.vetoes import PASS_ON_S, Vetoes
from gateway.services.federation.views import RegistryViews
from gateway.services.handling.duties import RecallDuties
from gateway.services.handling.notices import Notices
from gateway.services.keykeeping.ceremony import Ceremony
from gateway.services.keykeeping.rewrapping import Rewrapping
from gateway.services.keykeeping.rotation import Rotation
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.neighbours import Neighbours
from gateway.services.regions.copying import LiaisonCopies
from gateway.services.relay.collecting import Collecting
from gateway.services.relay.forwarding import Returning
from gateway.services.retention.purging import Purging
from gateway.services.retention.walking import RetentionWalk
from gateway.services.sending.lanes import Lanes
from gateway.services.sending.reoffering import Reoffering
from gateway.services.sending.resigning import Resigning
from gateway.services.starting import Starting
from gateway.services.witness.cosigning import Cosigning
from gateway.services.witness.watching import Watching
from gateway.settings import Settings
from gateway.store import attachments, audit, carried, custody, drafts, idempotency, registry
from gateway.store.blobs import BlobStore
from gateway.store.database import Database, Transaction
from gateway.store.outbox import settling

SWEEP_S = 30.0
PURGE_S = 3600.0
REWRAP_S = 300.0
RETRY_S = 2.0
_log = logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """What the loops work on."""

    database: Database
    blobs: BlobStore
    keys: NodeKeys
    mirror: RegistryMirror
    following: Following
    views: RegistryViews
    gossip: Gossip
    registrar: Registrar
    rotation: Rotation
    ceremony: Ceremony
    rewrapping: Rewrapping
    lanes: Sequence[Lanes]
    returning: Returning
    resigning: Resigning
    standing: Standing
    collecting: Collecting
    neighbours: Neighbours
    chronicle: Chronicle
    webhooks: Webhooks
    fetching: Fetching
    audit_log: AuditLog
    anchoring: Anchoring
    restoring: Restoring
    notices: Notices
    reminding: Reminding
    recall_duties: RecallDuties
    reoffering: Reoffering
    copies: LiaisonCopies
    cosigning: Cosigning
    watching: Watching
    vetoes: Vetoes
    purging: Purging
    retention: RetentionWalk
    starting: Starting
    ledger: Ledger
    clock: Clock
    settings: Settings
    ended: Callable[[], None]
    """Tells those who wait that deliveries ended without an answer."""
    follows: bool
    """Whether the registry is elsewhere: the registrar's node confirms it to itself."""

    async def run(self) -> None:
        """Run all loops until cancelled."""
        await self.views.load()
        await self._survive("audit.late", self.starting.note_configuration)
        async with asyncio.TaskGroup() as group:
            for lanes in self.lanes:
                group.create_task(lanes.run(), name="lanes")
            group.create_task(self.returning.run(), name="return")
            group.create_task(self.standing.run(), name="standing")
            group.create_task(self.resigning.run(), name="sign-again")
            group.create_task(self.collecting.run(), name="collect")
            group.create_task(self.fetching.run(), name="fetch")
            group.create_task(self.chronicle.run(), name="chronicle")
            group.create_task(self.webhooks.run(), name="webhooks")
            group.create_task(self._sequence(), name="sequence")
            group.create_task(self._sweep(), name="sweep")
            group.create_task(self._purge(), name="purge")
            group.create_task(self.cosigning.run(), name="cosign")
            group.create_task(self.watching.run(), name="watch")
            group.create_task(self.anchoring.run(), name="anchor")
            group.create_task(self.restoring.run(), name="restored")
            group.create_task(self.notices.run(), name="notices")
            group.create_task(self.reminding.run(), name="reminders")
            group.create_task(self.recall_duties.run(), name="recalls")
            group.create_task(self.reoffering.run(), name="offer again")
            group.create_task(self.copies.run(), name="copies")
            group.create_task(self._pass_on(), name="pass on")
            group.create_task(self._rewrap(), name="rewrap")
            if self.database.is_shared:
                group.create_task(self.neighbours.run(), name="neighbours")
            group.create_task(self._follow(), name="follow")
            group.create_task(self.gossip.run(), name="gossip")

    async def _follow(self) -> None:
        while True:
            self.mirror.behind.clear()
            before = self.mirror.size
            worked = await self._survive("registry.unreachable", self.following.follow)
            if self.mirror.size > before:
                _log.info("registry.advanced", registry_size=self.mirror.size)
                await self._survive("keys.late", self._keep_fresh)
                for lanes in self.lanes:
                    lanes.wake()
            wait_s = self.settings.registry.poll_s if worked else RETRY_S
            await self._wait(self.mirror.behind, wait_s)

    async def _pass_on(self) -> None:
        while True:
            self.vetoes.came.clear()
            await self._survive("veto.waiting", self.vetoes.pass_on)
            await self._wait(self.vetoes.came, PASS_ON_S)

    async def _sequence(self) -> None:
        while True:
            await self._survive("audit.late", self.audit_log.keep_up, quiet=True)
            await self.clock.sleep(self.settings.audit.interval_ms / 1000)

    async def _sweep(self) -> None:
        while True:
            await self._survive("keystore.unreadable", self._take_over)
            await self._survive("keys.late", self._keep_fresh, quiet=True)
            await self._survive("rotation.late", self.rotation.rotate_due)
            await self._survive("registry.unsigned", self.registrar.keep_head_signed)
            await self._survive("sweep.failed", self.sweep)
            await self._survive("quorum.unknown", self.cosigning.watch_quorum)
            await self._survive("audit.unwatched", self.anchoring.watch)
            await self._survive("recovery.late", self.ceremony.keep_first_heads)
            await self._survive("audit.late", self.starting.note_keys)
            await self.clock.sleep(SWEEP_S)

    async def _rewrap(self) -> None:
        while True:
            self.rewrapping.wanted.clear()
            await self._survive("storage.late", self.rewrapping.walk)
            await self._wait(self.rewrapping.wanted, REWRAP_S)

    async def _purge(self) -> None:
        while True:
            await self._survive("purge.failed", self.purging.walk)
            await self._survive("retention.late", self.retention.walk)
            await self.clock.sleep(PURGE_S)

    async def sweep(self) -> None:
        """End what has expired and delete what nobody can ask for any more."""
        now = self.clock.now()
        if not self.follows:
            self.mirror.confirm()

        def commit(tx: Transaction) -> tuple[int, list[str]]:
            expired = settling.expire(tx, now)
            undecided = drafts.expire(tx, now)
            entry, code = self.ledger.entry, "expired"
            audit.append(
                tx,
                [
                    *(
                        entry(EntryKind.MESSAGE_FAILED, digests=(envelope_id,), code=code)
                        for _, envelope_id in expired
                    ),
                    *(
                        entry(EntryKind.DRAFT_ENDED, digests=(item.draft_digest,), code=code)
                        for item in undecided
                    ),
                ],
            )
            drafts.forget(tx, now)
            custody.expire(tx, now)
            carried.forget(tx, now)
            idempotency.sweep(tx, now)
            registry.forget_listed(tx, now - self.settings.policy.max_lifetime_s)
            return len(expired) + len(undecided), attachments.forget_unnamed(tx, now)

        ended, unnamed = await self.database.write(commit)
        if ended:
            _log.warning("messages.expired", count=ended)
            self.ended()
        for location in unnamed:
            await asyncio.to_thread(self.blobs.delete, location)
        await self.views.save()
        await self.gossip.load()
        await self.fetching.expire()
        await self.keys.destroy_expired(now, self.settings.policy.max_lifetime_s)
        await self.rotation.destroy_ended()

    async def _take_over(self) -> None:
        """Take over what another process wrote into the keystore, or say why that is no more."""
        self.keys.refresh()

    async def _keep_fresh(self) -> None:
        self.keys.refresh()
        await self.rotation.keep_storage_key_fresh()
        await self.rotation.keep_card_fresh()

    async def _survive(
        self, event: str, step: Callable[[], Awaitable[object]], *, quiet: bool = False
    ) -> bool:
        try:
            await step()
        except LiaisonError as fault:
            if not quiet:
                _log.warning(event, code=fault.code, detail=fault.detail)
            return False
        return True

    async def _wait(self, event: asyncio.Event, timeout_s: float) -> None:
        jitter = 1 + self.keys.entropy(1)[0] / 1024
        if await happens(event.wait(), timeout_s * jitter):
            await self.clock.sleep(0.05)
