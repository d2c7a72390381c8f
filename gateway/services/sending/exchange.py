"""Submit: accept messages from the house, sealed and durable before the answer.

Check everything, seal outside any transaction, commit message, outbox rows and audit entry
together, and only then answer and wake the deliverer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from gateway.cases.kind import Family
from gateway.cases.kinds import CATALOGUE
from gateway.cases.recall import KINDS
from gateway.cases.retention import REOPEN, may_say
from gateway.clock import Clock
from gateway.errors import ConflictError, LiaisonError, UnavailableError
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import (
    Draft,
    SealedMessage,
    Stanza,
    seal_message,
    share_stanza,
    wrap_stanza,
)
from gateway.protocol.message import message_ref
from gateway.services.caller import Caller, require
from gateway.services.casework.recalled import note_own
from gateway.services.casework.reopening import Reopening
from gateway.services.federation.cards import Cards
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.sending.delivery import load_of
from gateway.services.sending.drafting import Drafting
from gateway.services.sending.holding import Held, Holding, OpenDraft
from gateway.services.sending.lanes import Lanes, Load, copy_length
from gateway.services.sending.passing import Passed
from gateway.services.sending.sessions import Sessions
from gateway.services.sending.submission import RecipientSummary, Submission, Submitted
from gateway.settings import Role
from gateway.store import attachments as blobs
from gateway.store import audit, disclosures, drafts, idempotency, marks, messages, retentions
from gateway.store.database import Database, Transaction
from gateway.store.disclosures import Disclosure
from gateway.store.drafts import DraftState
from gateway.store.outbox import claiming, queueing
from gateway.store.outbox.states import OutboxState
from keys.registry.member import RegistryHead
from keys.signing import Signer
from keys.suite import KeyId, MemberId, digest

BATCH_MOST = 64
WAITING_MOST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class _SealTo:
    """The key to seal a copy to, and whether it goes straight to who holds it."""

    key_id: KeyId
    public_key: bytes
    direct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A checked submission, ready to be sealed."""

    draft: Draft
    passed: tuple[Passed, ...]
    seal_to: tuple[_SealTo | None, ...]

    @property
    def length(self) -> int:
        """Return about how many bytes a copy will add to a batch."""
        return copy_length(self.draft.payload.content, b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A sealed message with the rows it needs."""

    message: messages.NewMessage
    rows: tuple[queueing.NewRow, ...]
    blob_ids: tuple[bytes, ...]
    entries: tuple[audit.NewEntry, ...]
    disclosed: tuple[Disclosure, ...]
    submitted: Submitted
    reserved: int


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
    prepared: list[list[_Prepared | Held | LiaisonError]]
    ready: list[list[_Ready | Held | LiaisonError]] = field(default_factory=list)
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
        cards: Cards,
        drafting: Drafting,
        *,
        holding: Holding,
        ledger: Ledger,
        clock: Clock,
        lanes: Lanes,
        sessions: Sessions,
        taken_back: Callable[[], None],
        waits: Callable[[], None],
        reopening: Reopening,
    ) -> None:
        """``taken_back`` is told when something of ours was recalled or rectified."""
        self._taken_back = taken_back
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._cards = cards
        self._drafting = drafting
        self._holding = holding
        self._ledger = ledger
        self._clock = clock
        self._lanes = lanes
        self._sessions = sessions
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
            if isinstance(item, _Prepared)
        }

        def seal() -> None:
            registry = self._mirror.view.head
            work.ready = [
                [
                    self._seal_one(item, signer, registry, now)
                    if isinstance(item, _Prepared)
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
    ) -> _Prepared | Held | LiaisonError:
        try:
            return await self._prepare(submission, request, now)
        except LiaisonError as fault:
            return fault

    def _commit(self, tx: Transaction, work: _Batch, now: int) -> dict[int, ConflictError]:
        """Store what is new; return the requests that something else was faster than."""
        conflicts: dict[int, ConflictError] = {}
        good: list[_Ready] = []
        held: list[Held] = []
        released: list[audit.NewEntry] = []
        for at, (request, items) in enumerate(zip(work.requests, work.ready, strict=True)):
            kept = [item for item in items if not isinstance(item, LiaisonError)]
            ready = [item for item in kept if isinstance(item, _Ready)]
            try:
                _check_not_overtaken(tx, ready)
                _name(tx, request, [item.submitted for item in kept], now)
                released += self._let_go(tx, request, ready, now)
            except ConflictError as fault:
                conflicts[at] = fault
                continue
            good += ready
            held += [item for item in kept if isinstance(item, Held)]
        work.loads, work.queued = _record(tx, good, work.leases, now)
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
        self, tx: Transaction, request: _Request, ready: Sequence[_Ready], now: int
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
            items: Sequence[_Prepared | _Ready | Held | LiaisonError] = (
                work.ready[at] if work.ready else work.prepared[at]
            )
            request.answered.set_result(
                [
                    item if isinstance(item, LiaisonError) else item.submitted
                    for item in items
                    if not isinstance(item, _Prepared)
                ]
            )

    def _release(self, work: _Batch, requests: Iterable[int]) -> None:
        """Give back what was reserved for requests of which nothing was stored."""
        for at in requests:
            for item in work.prepared[at]:
                if isinstance(item, _Prepared):
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
    ) -> _Prepared | Held:
        released = None if request.release is None else request.release.draft
        drafted = await self._drafting.draft(submission, request.caller, now, released)
        if drafted.rule is not None:
            return await self._holding.hold(drafted, submission, request.caller, now)
        draft = drafted.draft
        seal_to = [await self._seal_to(member, now) for member in draft.to]
        return _Prepared(draft=draft, passed=drafted.passed, seal_to=tuple(seal_to))

    async def _seal_to(self, member: MemberId, now: int) -> _SealTo | None:
        """Find the key to seal to; without a card the deliverer wraps when it has one."""
        card = await self._cards.current(member)
        if card is None:
            return None
        try:
            key_id, public_key = card.seal_to(now)
        except UnavailableError:
            return None
        direct = self._lanes.is_direct(member)
        return _SealTo(key_id=key_id, public_key=public_key, direct=direct)

    def _stanza(self, seal_to: _SealTo | None, sealed: SealedMessage) -> Stanza | None:
        if seal_to is None:
            return None
        key_id, public_key = seal_to.key_id, seal_to.public_key
        if seal_to.direct:
            session = self._sessions.share(key_id, public_key)
            return share_stanza(sealed.header, sealed.content_key, key_id, session)
        return wrap_stanza(sealed.header, sealed.content_key, key_id, public_key)

    def _seal_one(
        self, item: _Prepared, signer: Signer, registry: RegistryHead, now: int
    ) -> _Ready:
        sealed = seal_message(
            item.draft, signer=signer, registry=registry, entropy=self._keys.entropy
        )
        payload = item.draft.payload
        storage = self._keys.keyring.storage(now)
        message = messages.NewMessage(
            direction=messages.OUT,
            sender=payload.sender,
            on_behalf_of=payload.on_behalf_of,
            message_id=item.draft.message_id,
            kind=payload.kind,
            case_id=payload.case_id,
            seq=payload.seq,
            in_reply_to=payload.in_reply_to,
            created_at=payload.created_at,
            stored_at=now,
            expires_at=item.draft.expires_at,
            priority=item.draft.priority,
            attachments=len(payload.attachments),
            envelope_id=sealed.envelope_id,
            tbs_digest=sealed.tbs_digest,
            header=sealed.header,
            body=sealed.body,
            storage_key_id=storage.key_id,
            wrapped_key=storage.wrap(sealed.envelope_id, sealed.content_key, self._keys.entropy),
        )
        return _Ready(
            message=message,
            rows=tuple(
                _row(member, self._stanza(seal_to, sealed))
                for member, seal_to in zip(item.draft.to, item.seal_to, strict=True)
            ),
            blob_ids=tuple(attachment.blob_id for attachment in payload.attachments),
            entries=(
                self._ledger.entry(
                    EntryKind.MESSAGE_ACCEPTED, digests=(sealed.envelope_id, sealed.tbs_digest)
                ),
                *(self._forwarded(each, sealed.envelope_id) for each in item.passed),
            ),
            disclosed=tuple(_disclosure(each, item.draft.message_id, now) for each in item.passed),
            reserved=item.length,
            submitted=Submitted(
                id=message_ref(payload.sender, item.draft.message_id),
                case=payload.case_id.hex(),
                envelope_id=sealed.envelope_id.hex(),
                recipients=[
                    RecipientSummary(member=member, state=OutboxState.QUEUED.value)
                    for member in item.draft.to
                ],
            ),
        )

    def _forwarded(self, passed: Passed, envelope_id: bytes) -> audit.NewEntry:
        consent = () if passed.consent is None else (passed.consent.envelope_id,)
        return self._ledger.entry(
            EntryKind.MESSAGE_FORWARDED,
            peer=passed.recipient,
            digests=(passed.message.envelope_id, envelope_id, *consent),
        )


def _takes_back(item: object) -> bool:
    return isinstance(item, _Ready) and item.message.kind in KINDS


def _check_not_overtaken(tx: Transaction, ready: Sequence[_Ready]) -> None:
    """Hold messages against what was stored since they were drafted, by whichever daemon.

    Two that speak in one case at once must not both be right, nothing is said in a case that was
    restricted or purged meanwhile, and what was recalled is not passed on. Raises ConflictError
    ``overtaken``.
    """
    lowest: dict[bytes, int] = {}
    for message in (item.message for item in ready):
        if message.seq > 1 or message.in_reply_to:
            lowest[message.case_id] = min(message.seq, lowest.get(message.case_id, message.seq))
    passed = {(made.sender, made.message_id) for item in ready for made in item.disclosed}
    if not lowest and not passed:
        return
    sender = ready[0].message.sender
    newest = messages.newest_seqs(tx, sender, lowest)
    moved = any(newest.get(case, 0) >= lowest[case] for case in lowest)
    known = retentions.of_cases(tx, lowest)
    for message in (item.message for item in ready if item.message.case_id in known):
        kind = CATALOGUE.get(message.kind)
        family = Family.OWN if kind is None else kind.family
        moved |= not may_say(known[message.case_id].standing, message.kind, family)
    if moved or marks.recalls_of(tx, passed):
        raise ConflictError("overtaken", "the case moved while this was written: look, and repeat")


def _disclosure(passed: Passed, carrier_id: bytes, now: int) -> Disclosure:
    return Disclosure(
        sender=passed.message.sender,
        message_id=passed.message.message_id,
        envelope_id=passed.message.envelope_id,
        recipient=passed.recipient,
        carrier_id=carrier_id,
        purpose=passed.purpose,
        consent_id=None if passed.consent is None else passed.consent.message_id,
        disclosed_at=now,
        notice_due_at=now if passed.is_noticed else None,
    )


def _name(tx: Transaction, request: _Request, told: Sequence[Submitted], now: int) -> None:
    """Keep the answer under the request's key. Raises ConflictError ``idempotency_key_busy``."""
    if request.key is None or not told:
        return
    caller, asked = request.caller.name, request.asked
    if idempotency.find(tx, caller, request.key, asked) is not None:
        raise ConflictError("idempotency_key_busy", "this request is under way already")
    answer = msgspec.json.encode(told)
    idempotency.record(tx, caller, request.key, asked, answer=answer, now=now)


def _record(
    tx: Transaction, good: Sequence[_Ready], leases: Mapping[bytes, Sequence[int]], now: int
) -> tuple[list[Load], set[MemberId]]:
    """Store messages with their rows; return what is leased to lanes, and for whom rows wait."""
    if not good:
        return [], set()
    numbers = messages.record_outgoing(tx, [item.message for item in good])
    queued: list[tuple[queueing.Queueing, queueing.NewRow]] = []
    messages_of: list[messages.NewMessage] = []
    lengths: list[int] = []
    for item, number in zip(good, numbers, strict=True):
        message = item.message
        shared = queueing.Queueing(
            message_row=number, priority=message.priority, now=now, expires_at=message.expires_at
        )
        queued += [
            (shared, replace(row, lease_until=until))
            for row, until in zip(item.rows, leases[message.message_id], strict=True)
        ]
        messages_of += [message] * len(item.rows)
        lengths += [item.reserved] * len(item.rows)
        if item.blob_ids:
            named = message.sender, message.message_id
            blobs.name(tx, blobs.OWN, named, item.blob_ids, now)
    row_ids = queueing.enqueue(tx, queued)
    loads: list[Load] = []
    for (shared, row), message, reserved in zip(queued, messages_of, lengths, strict=True):
        if row.lease_until:
            row_id = row_ids[shared.message_row, row.recipient]
            load = load_of(claiming.claimed(row_id, shared, row, message))
            load.reserved = reserved
            loads.append(load)
    return loads, {MemberId(row.recipient) for _, row in queued if not row.lease_until}


def _row(member: MemberId, stanza: Stanza | None) -> queueing.NewRow:
    if stanza is None:
        return queueing.NewRow(recipient=member, seal_kid=None, wrapped=None)
    return queueing.NewRow(recipient=member, seal_kid=stanza.key_id, wrapped=stanza.wrapped)
