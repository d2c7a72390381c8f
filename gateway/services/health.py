"""Whether the node works: tested by function, and told in numbers."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict

import msgspec

from gateway.clock import Clock
from gateway.errors import LiaisonError
from gateway.peer import Peers
from gateway.protocol.message import message_ref
from gateway.services.auditing.status import AuditState, AuditStatus
from gateway.services.caller import Caller, require
from gateway.services.casework.view import DraftOutline
from gateway.services.events.webhooks import Webhooks, WebhookView
from gateway.services.federation.gossip import Gossip
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import shunned
from gateway.services.keykeeping.key_report import KeyReport
from gateway.services.keykeeping.rotation import Rotation
from gateway.services.keys import NodeKeys
from gateway.services.quotas import Quotas
from gateway.services.receiving.message_view import ReleaseView, release_of, why
from gateway.services.retention.purging import Purging
from gateway.services.witness.cosigning import Cosigning
from gateway.services.witness.log_alarms import LogAlarms
from gateway.settings import Role, Settings
from gateway.store import audit, drafts, messages, split_views, threads
from gateway.store.blobs import BlobStore
from gateway.store.database import Database, Transaction
from gateway.store.drafts import UNSENT, DraftFacts, DraftFilter, DraftState, StoredDraft
from gateway.store.outbox import showing
from keys.suite import KeyUse, parse_member_id

OUTBOX_SHOWN = 500


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must work, and what is wrong with it if it does not."""

    name: str
    ok: bool
    detail: str


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the node can do its work now."""

    ready: bool
    checks: list[Check]


class CaseCounts(msgspec.Struct, frozen=True, kw_only=True):
    """In how many threads something is due."""

    due: int
    due_soon: int
    overdue: int
    overdue_here: int
    """Of those, where this member is to act."""
    lapsed: int
    """In which the time for the answer ran out: the asker may draw the consequence."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The node in numbers."""

    member: str
    version: str
    started_at: int
    now: int
    admitted: bool
    suspended: bool
    registry_size: int
    registry_checked_at: int
    registry_witnessed_at: int | None
    """For which time a quorum of the witnesses cosigned the newest registry; None without one."""
    witnesses: int
    """How many members the registry names as its witnesses."""
    quorum_missing_s: int
    """For how long that quorum has been late, in seconds; an hour of it is an alarm."""
    registry_alarms: int
    """What is wrong with the registry, or with what members say of it: ``GET /v1/registry``."""
    split_views: int
    """How many proofs are kept that a log's key signed two histories."""
    log_alarms: int
    """What is wrong with audit logs of members, of the last 30 days: ``GET /v1/audit/peers``."""
    outbox: dict[str, int]
    """How many deliveries are in each state; ``awaiting_release`` counts drafts."""
    release_waits_longest: str
    """The draft that has waited longest for a second person; empty for none."""
    release_waits_since: int
    """Since when it waits; 0 for none."""
    messages: dict[str, int]
    audit_size: int
    audit_waiting: int
    audit_log: AuditStatus
    sign_key_until: int
    keys_until: dict[str, int]
    """Until when this node has a good key of each use that the registry lists; 0 for none."""
    rotation_late_since: int
    """Since when keys that are due could not be replaced; 0 if nothing is late."""
    rotation_late: str
    """Why not: the code and the sentence of the last attempt."""
    disk_free_bytes: int
    limited: dict[str, int]
    """How often members were told to wait for more room in their quota, since the start."""
    webhooks: list[WebhookView]
    """How far each system is that events are posted to."""
    cases: CaseCounts
    """What is due in cases, as they were folded last: within a minute, where there is time."""
    unacknowledged: int
    """How many received messages are past the retention time and stay: nobody took them."""


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is not done."""

    message: str
    recipient: str
    state: str
    attempts: int
    due_at: int
    code: str
    exported_at: int | None
    """When it was last written to a medium; nothing is confirmed by that."""
    release: ReleaseView | None = None
    """Of a draft: who asked for a second person."""


class PeerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer says of itself, and how its clock compares."""

    member: str
    at: int
    clock_difference_s: int
    registry_size: int
    round_trip_ms: int


class Health:
    """Reports on the node."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        keys: NodeKeys,
        mirror: RegistryMirror,
        peers: Peers,
        *,
        outlined: Callable[[StoredDraft], DraftOutline | None],
        quotas: Quotas,
        purging: Purging,
        cosigning: Cosigning,
        audit_state: AuditState,
        gossip: Gossip,
        log_alarms: LogAlarms,
        key_report: KeyReport,
        rotation: Rotation,
        webhooks: Webhooks,
        clock: Clock,
        settings: Settings,
        version: str,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._keys = keys
        self._mirror = mirror
        self._peers = peers
        self._outlined = outlined
        self._quotas = quotas
        self._purging = purging
        self._cosigning = cosigning
        self._audit_state = audit_state
        self._gossip = gossip
        self._log_alarms = log_alarms
        self._key_report = key_report
        self._rotation = rotation
        self._webhooks = webhooks
        self._clock = clock
        self._settings = settings
        self._version = version
        self._started_at = clock.now()

    async def ready(self) -> HealthReport:
        """Commit a no-op signed by our key, and look at keys, registry and disk."""
        checks = [
            await self._check_commit(),
            await asyncio.to_thread(self._check_keys),
            self._check_registry(),
            self._check_standing(),
            self._check_disk(),
            self._check_audit_log(),
        ]
        return HealthReport(ready=all(check.ok for check in checks), checks=checks)

    async def status(self) -> Status:
        """Return the node in numbers."""

        def look(
            tx: Transaction,
        ) -> tuple[dict[str, int], DraftFacts | None, dict[str, int], list[int], AuditStatus]:
            numbers = [
                audit.total(tx),
                audit.waiting(tx),
                split_views.count(tx),
                len(self._log_alarms.recent_in(tx)),
            ]
            rows = {
                **showing.counts(tx),
                DraftState.AWAITING_RELEASE.value: drafts.count_waiting(tx),
            }
            first = drafts.first_waiting(tx)
            return rows, first, messages.counts(tx), numbers, self._audit_state.told(tx)

        rows, first, stored, (size, waiting, proofs, wrong), told = await self._database.read(look)
        me, now = self._keys.member, self._clock.now()
        due = await self._database.read(lambda tx: threads.due_counts(tx, me, now))
        view = self._mirror.known
        member = None if view is None else view.members.get(self._keys.member)
        current = None if member is None else member.current(KeyUse.SIGN, self._clock.now())
        late = self._rotation.late
        return Status(
            member=self._keys.member,
            version=self._version,
            started_at=self._started_at,
            now=self._clock.now(),
            admitted=self._keys.listed(self._mirror.known),
            suspended=member is not None and member.suspended,
            registry_size=self._mirror.size,
            registry_checked_at=self._mirror.checked_at,
            registry_witnessed_at=self._mirror.witnessed_at,
            witnesses=0 if view is None else len(view.witnesses.members),
            quorum_missing_s=self._cosigning.quorum_missing_s,
            registry_alarms=len(self._gossip.alarms),
            split_views=proofs,
            log_alarms=wrong,
            outbox=rows,
            release_waits_longest=(
                "" if first is None else message_ref(self._keys.member, first.message_id)
            ),
            release_waits_since=0 if first is None else first.drafted_at,
            messages=stored,
            audit_size=size,
            audit_waiting=waiting,
            audit_log=told,
            sign_key_until=0 if current is None else current.end,
            keys_until=self._key_report.ends(),
            rotation_late_since=0 if late is None else late.since,
            rotation_late="" if late is None else f"{late.code}: {late.detail}",
            disk_free_bytes=self._blobs.free_bytes(),
            limited=self._quotas.limited,
            webhooks=await self._webhooks.status(),
            cases=CaseCounts(**asdict(due)),
            unacknowledged=self._purging.unacknowledged,
        )

    async def undelivered(self, caller: Caller) -> list[OutboxRow]:
        """Return the drafts that wait or ended unsent, and the deliveries that are not done.

        The oldest first.
        """
        require(caller, Role.OPERATOR)
        held = await self._held()
        rows = await self._database.read(lambda tx: showing.waiting(tx, OUTBOX_SHOWN))
        return held + [
            OutboxRow(
                message=message_ref(sender, message_id),
                recipient=row.recipient,
                state=row.state.value,
                attempts=row.attempts,
                due_at=row.due_at,
                code=why(row, self._mirror.known, sender),
                exported_at=row.exported_at,
            )
            for sender, message_id, row in rows
        ]

    async def _held(self) -> list[OutboxRow]:
        """Return drafts as deliveries that have not begun, recipient by recipient."""
        states = (DraftState.AWAITING_RELEASE, *UNSENT)
        wanted = DraftFilter(states=states)
        found = await self._database.read(
            lambda tx: drafts.page(tx, wanted, after=0, limit=OUTBOX_SHOWN)
        )
        return [
            OutboxRow(
                message=message_ref(self._keys.member, item.message_id),
                recipient=name,
                state=item.state.value,
                attempts=0,
                due_at=item.release_until,
                code=item.rule,
                exported_at=None,
                release=release_of(item),
            )
            for item in found
            for name in self._recipients(item)
        ]

    def _recipients(self, stored: StoredDraft) -> Sequence[str]:
        outline = self._outlined(stored)
        return [""] if outline is None else outline.to

    async def ping(self, name: str, caller: Caller) -> PeerReport:
        """Ask a peer who it is and what time it has.

        Raises UnavailableError with the true cause when it cannot be reached.
        """
        require(caller, Role.OPERATOR)
        peer = self._peers.member(parse_member_id(name))
        before = self._clock.monotonic()
        pong = await peer.ping()
        return PeerReport(
            member=pong.member,
            at=pong.at,
            clock_difference_s=pong.at - self._clock.now(),
            registry_size=pong.registry_size,
            round_trip_ms=round((self._clock.monotonic() - before) * 1000),
        )

    async def _check_commit(self) -> Check:
        try:
            await self._database.write(audit.waiting)
        except LiaisonError as fault:
            return Check(name="database", ok=False, detail=fault.detail)
        return Check(name="database", ok=True, detail="commits")

    def _check_keys(self) -> Check:
        try:
            now = self._clock.now()
            self._keys.refresh()
            self._keys.signer(self._mirror.view, now).sign("ready", now.to_bytes(8, "big"))
            self._keys.keyring.storage(now)
        except LiaisonError as fault:
            return Check(name="keys", ok=False, detail=fault.detail)
        return Check(name="keys", ok=True, detail="unlocked and registered")

    def _check_registry(self) -> Check:
        age_s = self._clock.now() - self._mirror.checked_at
        if self._mirror.known is None:
            return Check(name="registry", ok=False, detail="not reached yet")
        if age_s > self._settings.registry.refuse_after_s:
            return Check(name="registry", ok=False, detail=f"not confirmed for {age_s} s")
        old = age_s > self._settings.registry.warn_after_s
        detail = f"not confirmed for {age_s} s" if old else f"{self._mirror.size} statements"
        return Check(name="registry", ok=True, detail=detail)

    def _check_standing(self) -> Check:
        if shunned(self._mirror.known, self._keys.member):
            detail = "suspended by the registry: nothing is sent or received until it is resumed"
            return Check(name="standing", ok=False, detail=detail)
        return Check(name="standing", ok=True, detail="not suspended")

    def _check_audit_log(self) -> Check:
        trouble = self._audit_state.trouble
        return Check(name="audit log", ok=self._audit_state.is_sound, detail=trouble or "signed")

    def _check_disk(self) -> Check:
        free = self._blobs.free_bytes()
        enough = free >= self._settings.blobs.min_free_bytes
        return Check(name="disk", ok=enough, detail=f"{free // 1024**2} MiB free")
