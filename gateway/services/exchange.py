"""Submit: accept messages from the house, sealed and durable before the answer.

Check everything, seal outside any transaction, commit message, outbox rows and audit entry
together, and only then answer and wake the deliverer.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from gateway.cases.content import MAX_CONTENT_BYTES, encode_content
from gateway.cases.kinds import Kind, kind_named
from gateway.clock import Clock
from gateway.errors import ConflictError, LiaisonError, RejectedError, UnavailableError
from gateway.faults import Fault, FaultsError
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import Draft, SealedMessage, Stanza, seal_message, wrap_stanza
from gateway.protocol.message import Payload, draw_id, message_ref, parse_message_ref
from gateway.services.attachments import Attachments
from gateway.services.caller import Caller, require
from gateway.services.cards import Cards
from gateway.services.delivery import load_of
from gateway.services.keys import NodeKeys
from gateway.services.lanes import Lanes, Load, copy_length
from gateway.services.ledger import Ledger
from gateway.services.registry import RegistryMirror
from gateway.services.submission import RecipientSummary, Submission, Submitted, content_of
from gateway.settings import Role, Settings
from gateway.store import attachments as blobs
from gateway.store import audit, idempotency, messages, outbox
from gateway.store.database import Database, Transaction
from keys.registry.member import RegistryHead
from keys.registry.statement import REGISTRY
from keys.signing import SigningKey
from keys.suite import KeyId, MemberId, digest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A checked submission, ready to be sealed."""

    draft: Draft
    kind: Kind
    to: tuple[MemberId, ...]
    seal_to: tuple[tuple[KeyId, bytes] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A sealed message with the rows it needs."""

    message: messages.NewMessage
    rows: tuple[outbox.NewRow, ...]
    blob_ids: tuple[bytes, ...]
    entry: audit.NewEntry
    submitted: Submitted

    @property
    def length(self) -> int:
        """Return about how many bytes a copy adds to a batch."""
        return copy_length(self.message.header, self.message.body)


class Exchange:
    """Takes messages in."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        cards: Cards,
        attachments: Attachments,
        *,
        ledger: Ledger,
        clock: Clock,
        settings: Settings,
        lanes: Lanes,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._cards = cards
        self._attachments = attachments
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._lanes = lanes
        self._seqs: dict[bytes, int] = {}

    async def submit(
        self,
        submissions: Sequence[Submission],
        caller: Caller,
        *,
        idempotency_key: str | None = None,
    ) -> list[Submitted | LiaisonError]:
        """Accept messages in one commit; each gets its answer, or the error that it has.

        Raises ForbiddenError ``role_missing``; ConflictError ``idempotency_key_reused``;
        UnavailableError ``disk_full``, ``registry_stale``, ``not_admitted``.
        """
        require(caller, Role.OFFICER)
        asked = digest(msgspec.json.encode(submissions))
        repeat = await self._answered(caller, idempotency_key, asked)
        if repeat is not None:
            return repeat
        self._attachments.check_space()
        self._mirror.check_fresh(self._settings.registry.refuse_after_s)
        await self._meet({name for item in submissions for name in item.to})
        now = self._clock.now()
        signer = self._keys.signer(self._mirror.view, now)
        prepared: list[_Prepared | LiaisonError] = []
        for submission in submissions:
            try:
                prepared.append(await self._prepare(submission, caller, now))
            except LiaisonError as fault:
                prepared.append(fault)
        ready = await asyncio.to_thread(self._seal, prepared, signer, now)
        return await self._commit(ready, caller, idempotency_key, asked)

    async def _meet(self, names: set[str]) -> None:
        """Look at the registry before saying that a member is unknown: it may be new."""
        if names <= set(self._mirror.view.members):
            return
        if self._clock.now() - self._mirror.checked_at >= 1:
            with contextlib.suppress(LiaisonError):
                await self._mirror.follow()

    async def _answered(
        self, caller: Caller, key: str | None, asked: bytes
    ) -> list[Submitted | LiaisonError] | None:
        if key is None:
            return None
        found = await self._database.read(lambda tx: idempotency.find(tx, caller.name, key, asked))
        return None if found is None else list(msgspec.json.decode(found, type=list[Submitted]))

    async def _prepare(self, submission: Submission, caller: Caller, now: int) -> _Prepared:
        kind = kind_named(submission.kind)
        content = encode_content(kind.validate(content_of(submission), pointer="/content"))
        if len(content) > MAX_CONTENT_BYTES:
            raise RejectedError("content_too_large", "a content has at most 1 MiB; attach files")
        to = tuple(self._recipient(name, at) for at, name in enumerate(submission.to))
        if len(set(to)) != len(to):
            raise FaultsError([Fault(pointer="/to", code="conflict", limit="/to")])
        case_id = await self._case(submission, kind)
        attached = [await self._attachments.take(item) for item in submission.attachments]
        payload = Payload(
            kind=kind.name,
            sender=self._keys.member,
            unit=submission.unit or caller.unit or "",
            created_at=now,
            salt=self._keys.entropy(16),
            case_id=case_id,
            seq=await self._next_seq(case_id),
            in_reply_to=submission.in_reply_to or "",
            content=content,
            attachments=tuple(attached),
        )
        draft = Draft(
            payload=payload,
            message_id=draw_id(now, self._keys.entropy),
            expires_at=now + self._lifetime_s(submission),
            to=to,
            priority=kind.priority if submission.priority is None else submission.priority,
        )
        seal_to = [await self._seal_to(member, now) for member in to]
        return _Prepared(draft=draft, kind=kind, to=to, seal_to=tuple(seal_to))

    def _recipient(self, name: str, at: int) -> MemberId:
        member = self._mirror.view.members.get(MemberId(name))
        if member is None:
            raise RejectedError(
                "member_unknown", f"/to/{at}: the registry knows no member {name!r}"
            )
        if member.suspended:
            raise RejectedError("member_suspended", f"/to/{at}: {name} is suspended")
        if member.member in (self._keys.member, REGISTRY):
            raise RejectedError(
                "recipient_not_possible", f"/to/{at}: messages go to other members, not to {name}"
            )
        return member.member

    def _lifetime_s(self, submission: Submission) -> int:
        lifetime_s = submission.expires_in_s or self._settings.delivery.lifetime_s
        most_s = self._settings.policy.max_lifetime_s
        if lifetime_s > most_s:
            raise FaultsError([Fault(pointer="/expires_in_s", code="too_large", limit=str(most_s))])
        return lifetime_s

    async def _case(self, submission: Submission, kind: Kind) -> bytes:
        if submission.in_reply_to is not None:
            sender, message_id = parse_message_ref(submission.in_reply_to)
            answered = await self._database.read(lambda tx: messages.find(tx, sender, message_id))
            if answered is None:
                raise RejectedError(
                    "message_unknown", f"/in_reply_to: there is no {submission.in_reply_to} here"
                )
            if submission.case is not None and submission.case != answered.case_id.hex():
                raise FaultsError([Fault(pointer="/case", code="conflict", limit="/in_reply_to")])
            return answered.case_id
        if submission.case is not None:
            case_id = bytes.fromhex(submission.case)
            wanted = messages.MessageFilter(case_id=case_id)
            known = await self._database.read(
                lambda tx: messages.page(tx, wanted, after=0, limit=1)
            )
            if not known:
                raise RejectedError("case_unknown", f"/case: there is no case {submission.case}")
            return case_id
        if not kind.opens_case:
            raise FaultsError([Fault(pointer="/case", code="missing")])
        case_id = draw_id(self._clock.now(), self._keys.entropy)
        self._seqs[case_id] = 0
        return case_id

    async def _next_seq(self, case_id: bytes) -> int:
        if case_id not in self._seqs:
            stored = await self._database.read(
                lambda tx: messages.last_seq(tx, case_id, self._keys.member)
            )
            self._seqs.setdefault(case_id, stored)
        if len(self._seqs) > 10_000:  # noqa: PLR2004 - a cache; what is dropped is read again
            del self._seqs[next(item for item in self._seqs if item != case_id)]
        self._seqs[case_id] += 1
        return self._seqs[case_id]

    async def _seal_to(self, member: MemberId, now: int) -> tuple[KeyId, bytes] | None:
        """Find the key to seal to; without a card the deliverer wraps when it has one."""
        card = await self._cards.current(member)
        try:
            return None if card is None else card.seal_to(now)
        except UnavailableError:
            return None

    def _seal(
        self, prepared: Sequence[_Prepared | LiaisonError], signer: SigningKey, now: int
    ) -> list[_Ready | LiaisonError]:
        registry = self._mirror.view.head
        return [
            item if isinstance(item, LiaisonError) else self._seal_one(item, signer, registry, now)
            for item in prepared
        ]

    def _seal_one(
        self, item: _Prepared, signer: SigningKey, registry: RegistryHead, now: int
    ) -> _Ready:
        sealed = seal_message(
            item.draft, signer=signer, registry=registry, entropy=self._keys.entropy
        )
        payload = item.draft.payload
        storage = self._keys.keyring.storage(now)
        message = messages.NewMessage(
            direction=messages.OUT,
            sender=payload.sender,
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
            rows=tuple(_row(item, sealed, at) for at in range(len(item.to))),
            blob_ids=tuple(attachment.blob_id for attachment in payload.attachments),
            entry=self._ledger.entry(
                EntryKind.MESSAGE_ACCEPTED, digests=(sealed.envelope_id, sealed.tbs_digest)
            ),
            submitted=Submitted(
                id=message_ref(payload.sender, item.draft.message_id),
                case=payload.case_id.hex(),
                envelope_id=sealed.envelope_id.hex(),
                recipients=[
                    RecipientSummary(member=member, state=outbox.OutboxState.QUEUED.value)
                    for member in item.to
                ],
            ),
        )

    async def _commit(
        self,
        ready: Sequence[_Ready | LiaisonError],
        caller: Caller,
        key: str | None,
        asked: bytes,
    ) -> list[Submitted | LiaisonError]:
        good = [item for item in ready if isinstance(item, _Ready)]
        answers = [item.submitted if isinstance(item, _Ready) else item for item in ready]
        if not good:
            return answers
        leases = [self._lease(item) for item in good]
        now = self._clock.now()

        def commit(tx: Transaction) -> list[Load]:
            if key is not None:
                if idempotency.find(tx, caller.name, key, asked) is not None:
                    raise ConflictError("idempotency_key_busy", "this request is under way already")
                answer = msgspec.json.encode([item.submitted for item in good])
                idempotency.record(tx, caller.name, key, asked, answer=answer, now=now)
            loads = _record(tx, good, leases, now)
            audit.append(tx, [item.entry for item in good])
            return loads

        run = self._database.write if len(good) == 1 else self._database.write_unit
        try:
            loads = await run(commit)
        except BaseException:
            for item, leased in zip(good, leases, strict=True):
                for _ in range(sum(1 for until in leased if until)):
                    self._lanes.release(item.length)
            raise
        self._lanes.hand(loads)
        self._lanes.wake(
            {
                MemberId(row.recipient)
                for item, leased in zip(good, leases, strict=True)
                for row, until in zip(item.rows, leased, strict=True)
                if not until
            }
        )
        return answers

    def _lease(self, item: _Ready) -> list[int]:
        """Lease each row to its lane, where that has room: then no claim is needed."""
        return [self._lanes.reserve(MemberId(row.recipient), item.length) for row in item.rows]


def _record(
    tx: Transaction, good: Sequence[_Ready], leases: Sequence[Sequence[int]], now: int
) -> list[Load]:
    """Store messages with their rows; return what was leased to the lanes."""
    numbers = messages.record_outgoing(tx, [item.message for item in good])
    queued: list[tuple[outbox.Queueing, outbox.NewRow]] = []
    messages_of: list[messages.NewMessage] = []
    for item, number, leased in zip(good, numbers, leases, strict=True):
        message = item.message
        shared = outbox.Queueing(
            message_row=number, priority=message.priority, now=now, expires_at=message.expires_at
        )
        queued += [
            (shared, replace(row, lease_until=until))
            for row, until in zip(item.rows, leased, strict=True)
        ]
        messages_of += [message] * len(item.rows)
        if item.blob_ids:
            blobs.name(tx, blobs.OWN, item.blob_ids, now)
    row_ids = outbox.enqueue(tx, queued)
    return [
        load_of(outbox.claimed(row_ids[shared.message_row, row.recipient], shared, row, message))
        for (shared, row), message in zip(queued, messages_of, strict=True)
        if row.lease_until
    ]


def _row(item: _Prepared, sealed: SealedMessage, at: int) -> outbox.NewRow:
    seal_to = item.seal_to[at]
    stanza: Stanza | None = None
    if seal_to is not None:
        stanza = wrap_stanza(sealed.header, sealed.content_key, *seal_to)
    return outbox.NewRow(
        recipient=item.to[at],
        seal_kid=None if stanza is None else stanza.key_id,
        wrapped=None if stanza is None else stanza.wrapped,
    )
