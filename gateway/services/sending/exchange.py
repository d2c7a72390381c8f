"""Submit: accept messages from the house, sealed and durable before the answer.

Check everything, seal outside any transaction, commit message, outbox rows and audit entry
together, and only then answer and wake the deliverer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.cases.threads.recall import KINDS
from gateway.cases.threads.retention import REOPEN
from gateway.clock import Clock
from gateway.errors import ConflictError, LiaisonError, UnavailableError
from gateway.protocol.audit import EntryKind
from gateway.services.caller import Caller, require
from gateway.services.casework.recalled import note_own
from gateway.services.casework.reopening import Reopening
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.sending.cargo import Load
from gateway.services.sending.drafting import Drafting
from gateway.services.sending.holding import Held, Holding, OpenDraft
from gateway.services.sending.lanes import Lanes
from gateway.services.sending.recording import check_not_overtaken, record
from gateway.services.sending.sealing import Prepared, Ready, Sealing
from gateway.services.sending.submission import Submission, Submitted
from gateway.settings import Role
from gateway.store import audit, disclosures, drafts, idempotency
from gateway.store.database import Database, Transaction
from gateway.store.drafts import DraftState
from keys.suite import MemberId, digest

BATCH_MOST = 64
WAITING_MOST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """A draft that waited, and who releases it."""

    draft: OpenDraft
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Submissions of one caller that wait for their answer."""

    submissions: Sequence[Submission]
    caller: Caller
    answered: asyncio.Future[list[Submitted | LiaisonError]]
    key: str | None = None
    asked: bytes = b""
    release: _Release | None = None
    """There where somebody releases the one submission."""


@dataclass(slots=True, kw_only=True)
class _Batch:
    """Requests that are sealed and committed together."""

    requests: Sequence[_Request]
    prepared: list[list[Prepared | Held | LiaisonError]]
    ready: list[list[Ready | Held | LiaisonError]] = field(default_factory=list)
    leases: dict[bytes, list[int]] = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)
    queued: set[MemberId] = field(default_factory=set)


class Exchange:
    """Takes messages in."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        drafting: Drafting,
        sealing: Sealing,
        *,
        holding: Holding,
        ledger: Ledger,
        clock: Clock,
        lanes: Lanes,
        taken_back: Callable[[], None],
        waits: Callable[[], None],
        reopening: Reopening,
    ) -> None:
        """``taken_back`` is told when something of ours was recalled or rectified."""
        self._taken_back = taken_back
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._sealing = sealing
        self._drafting = drafting
        self._holding = holding
        self._ledger = ledger
        self._clock = clock
        self._lanes = lanes
        self._waits = waits
        self._reopening = reopening
        self._waiting: deque[_Request] = deque()
        self._waiting_messages = 0
        self._worker: asyncio.Task[None] | None = None

    async def submit(
        self,
        submissions: Sequence[Submission],
        caller: Caller,
        *,
        idempotency_key: str | None = None,
    ) -> list[Submitted | LiaisonError]:
        """Accept messages in one commit; each gets its answer, or the error that it has.

        Requests that wait together share the sealing and the commit.

        Raises ForbiddenError ``role_missing``; ConflictError ``idempotency_key_reused``,
        ``idempotency_key_busy`` or ``overtaken``; UnavailableError ``disk_full``,
        ``registry_stale``, ``not_admitted`` or ``busy``.
        """
        require(caller, Role.OFFICER)
        asked = b""
        if idempotency_key is not None:
            asked = digest(msgspec.json.encode(submissions))
            repeat = await self._answered(caller, idempotency_key, asked)
            if repeat is not None:
                return repeat
        await self._drafting.check_ready({name for item in submissions for name in item.to})
        request = _Request(
            submissions=submissions,
            caller=caller,
            answered=asyncio.get_running_loop().create_future(),
            key=idempotency_key,
            asked=asked,
        )
        return await self._taken(request)

    async def release(self, draft: OpenDraft, releaser: Caller) -> Submitted | LiaisonError:
        """Send what waited, held against everything as it is now; return why not, if it cannot go.

        Message, rows and the draft's end are one commit; what keeps it from going changes nothing.
        Raises ConflictError ``nothing_to_release`` where somebody decided meanwhile;
        UnavailableError as ``submit``.
        """
        submission = draft.record.submission
        await self._drafting.check_ready(set(submission.to))
        request = _Request(
            submissions=[submission],
            caller=draft.drafter,
            answered=asyncio.get_running_loop().create_future(),
            release=_Release(draft=draft, by=releaser.name),
        )
        (answer,) = await self._taken(request)
        return answer

    async def _taken(self, request: _Request) -> list[Submitted | LiaisonError]:
        """Let a request wait for its batch. Raises UnavailableError ``busy``."""
        if self._waiting_messages >= WAITING_MOST:
            raise UnavailableError(
                "busy", "more messages wait to be sealed than this node takes", retry_after_s=1
            )
        self._waiting.append(request)
        self._waiting_messages += len(request.submissions)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work(), name="accept")
        return await request.answered

    async def _work(self) -> None:
        """Accept what waits, as much as makes a batch at a time, until nothing does.

        One batch at a time: what comes meanwhile makes the next one larger, and so cheaper.
        """
        while self._waiting:
            batch: list[_Request] = []
            count = 0
            while self._waiting and count < BATCH_MOST:
                batch.append(self._waiting.popleft())
                count += len(batch[-1].submissions)
            try:
                await self._accept(batch)
            except Exception as failure:  # noqa: BLE001 - each who waits is told
                for request in batch:
                    if not request.answered.done():
                        request.answered.set_exception(failure)
            finally:
                self._waiting_messages -= count

    async def _accept(self, batch: Sequence[_Request]) -> None:
        now = self._clock.now()
        signer = self._keys.signer(self._mirror.view, now)
        self._drafting.begin()
        prepared = [
            [await self._prepared(item, request, now) for item in request.submissions]
            for request in batch
        ]
        work = _Batch(requests=batch, prepared=prepared)
        if all(isinstance(item, LiaisonError) for items in prepared for item in items):
            self._answer(work, {})
            return

        work.leases = {
            item.draft.message_id: [
                self._lanes.reserve(member, item.length) for member in item.draft.to
            ]
            for items in prepared
            for item in items
            if isinstance(item, Prepared)
        }

        def seal() -> None:
            registry = self._mirror.view.head
            work.ready = [
                [
                    self._sealing.seal(item, signer, registry, now)
                    if isinstance(item, Prepared)
                    else item
                    for item in items
                ]
                for items in prepared
            ]

        def commit(tx: Transaction) -> dict[int, ConflictError]:
            return self._commit(tx, work, now)

        try:
            conflicts = await self._database.write_unit(commit, first=seal)
        except BaseException:
            self._release(work, range(len(batch)))
            raise
        self._release(work, conflicts)
        if any(_takes_back(item) for items in work.ready for item in items):
            self._taken_back()
        self._lanes.hand(work.loads)
        self._lanes.wake(work.queued)
        if any(isinstance(item, Held) for items in work.ready for item in items):
            self._waits()
        self._answer(work, conflicts)

    async def _prepared(
        self, submission: Submission, request: _Request, now: int
    ) -> Prepared | Held | LiaisonError:
        try:
            return await self._prepare(submission, request, now)
        except LiaisonError as fault:
            return fault

    def _commit(self, tx: Transaction, work: _Batch, now: int) -> dict[int, ConflictError]:
        """Store what is new; return the requests that something else was faster than."""
        conflicts: dict[int, ConflictError] = {}
        good: list[Ready] = []
        held: list[Held] = []
        released: list[audit.NewEntry] = []
        for at, (request, items) in enumerate(zip(work.requests, work.ready, strict=True)):
            kept = [item for item in items if not isinstance(item, LiaisonError)]
            ready = [item for item in kept if isinstance(item, Ready)]
            try:
                check_not_overtaken(tx, ready)
                _name(tx, request, [item.submitted for item in kept], now)
                released += self._let_go(tx, request, ready, now)
            except ConflictError as fault:
                conflicts[at] = fault
                continue
            good += ready
            held += [item for item in kept if isinstance(item, Held)]
        work.loads, work.queued = record(tx, good, work.leases, now)
        disclosures.record(tx, [made for item in good for made in item.disclosed])
        note_own(tx, [item.message for item in good], now)
        drafts.record(tx, [(item.new, item.blob_ids) for item in held])
        entries = [entry for item in good for entry in item.entries]
        for item in good:
            if item.message.kind == REOPEN:
                entries += self._reopening.hear(tx, item.message.case_id, self._keys.member)
        audit.append(tx, [*entries, *released, *(item.entry for item in held)])
        return conflicts

    def _let_go(
        self, tx: Transaction, request: _Request, ready: Sequence[Ready], now: int
    ) -> list[audit.NewEntry]:
        """End the draft that a request releases; return what is recorded of that.

        Raises ConflictError ``nothing_to_release``.
        """
        if request.release is None or not ready:
            return []
        draft, by, message = request.release.draft.stored, request.release.by, ready[0].message
        if not drafts.decide(tx, draft.row_id, DraftState.RELEASED, by=by, at=now):
            raise ConflictError("nothing_to_release", "somebody decided on this draft meanwhile")
        digests = message.envelope_id, message.tbs_digest, draft.draft_digest
        kind = EntryKind.MESSAGE_RELEASED
        return [self._ledger.entry(kind, peer=by, digests=digests, code=draft.drafter)]

    def _answer(self, work: _Batch, conflicts: Mapping[int, ConflictError]) -> None:
        for at, request in enumerate(work.requests):
            if request.answered.done():
                continue
            if at in conflicts:
                request.answered.set_exception(conflicts[at])
                continue
            items: Sequence[Prepared | Ready | Held | LiaisonError] = (
                work.ready[at] if work.ready else work.prepared[at]
            )
            request.answered.set_result(
                [
                    item if isinstance(item, LiaisonError) else item.submitted
                    for item in items
                    if not isinstance(item, Prepared)
                ]
            )

    def _release(self, work: _Batch, requests: Iterable[int]) -> None:
        """Give back what was reserved for requests of which nothing was stored."""
        for at in requests:
            for item in work.prepared[at]:
                if isinstance(item, Prepared):
                    for until in work.leases[item.draft.message_id]:
                        if until:
                            self._lanes.release(item.length)

    async def _answered(
        self, caller: Caller, key: str | None, asked: bytes
    ) -> list[Submitted | LiaisonError] | None:
        if key is None:
            return None
        found = await self._database.read(lambda tx: idempotency.find(tx, caller.name, key, asked))
        return None if found is None else list(msgspec.json.decode(found, type=list[Submitted]))

    async def _prepare(
        self, submission: Submission, request: _Request, now: int
    ) -> Prepared | Held:
        released = None if request.release is None else request.release.draft
        drafted = await self._drafting.draft(submission, request.caller, now, released)
        if drafted.rule is not None:
            return await self._holding.hold(drafted, submission, request.caller, now)
        draft = drafted.draft
        seal_to = [await self._sealing.key_of(member, now) for member in draft.to]
        return Prepared(draft=draft, passed=drafted.passed, seal_to=tuple(seal_to))


def _takes_back(item: object) -> bool:
    return isinstance(item, Ready) and item.message.kind in KINDS


def _name(tx: Transaction, request: _Request, told: Sequence[Submitted], now: int) -> None:
    """Keep the answer under the request's key. Raises ConflictError ``idempotency_key_busy``."""
    if request.key is None or not told:
        return
    caller, asked = request.caller.name, request.asked
    if idempotency.find(tx, caller, request.key, asked) is not None:
        raise ConflictError("idempotency_key_busy", "this request is under way already")
    answer = msgspec.json.encode(told)
    idempotency.record(tx, caller, request.key, asked, answer=answer, now=now)
