"""Receive: open what a peer posts, commit it with its receipt, and answer.

One transaction for a batch holds messages, duplicate keys, receipts and audit entries; nothing is
answered before it is durable. A repeat gets the receipt that was given first, byte for byte.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.cases.kinds import CATALOGUE
from gateway.cases.threads.retention import REOPEN
from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.protocol.answer import Accepted, Answer, Later, PendingBlobs, Posted, Refused
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import ParsedEnvelope
from gateway.protocol.message import payload_digest
from gateway.protocol.opening import (
    OpenedMessage,
    SplitViewError,
    open_body,
)
from gateway.protocol.receipt import (
    Receipt,
    ReceiptKind,
    renew_receipt,
    sign_receipts,
)
from gateway.services.casework.reopening import Reopening
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, SUSPENDED_S
from gateway.services.federation.views import Heard
from gateway.services.handling.recalls import HEARD, Recalls
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.receiving.demands import Demands, Missing
from gateway.services.receiving.judging import Denied, Judging, Parsed, Verdict, read_copy
from gateway.services.relay.wayback import Answered, Wayback
from gateway.services.sending.reoffering import RESTORED, Reoffering
from gateway.store import attached, attachments, audit, messages, tombstones
from gateway.store.database import Database, Transaction
from gateway.store.messages import StoredMessage
from keys.registry.view import View
from keys.signing import Signer
from keys.suite import MemberId, digest

_log = logger()

LATER_S = 2
SHUNNED_MOST = 65_536
"""Of how many envelopes of suspended members it is remembered that they are recorded."""

_TOLD = frozenset(
    {
        "encoding_invalid", "envelope_too_large", "version_unknown", "suite_unknown",
        "envelope_expired", "not_addressed", "created_in_future", "lifetime_too_long",
        "signer_revoked", "signer_unknown", "message_id_reused",
        "kind_unknown", "content_invalid", "not_on_route", "attachment_too_large",
        "not_a_union", "on_behalf_missing", "state_not_represented", "state_suspended",
        "outside_competence", "no_case_powers", "observer_sends_nothing",
        "registrar_sends_nothing", "recipient_has_no_powers", "registry_split_view",
        "recall_not_own", "recall_final", "consent_not_own",
    }
)  # fmt: skip
"""The reasons that a peer is told; any other is ``invalid`` to it, and precise in our own log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A message that will be stored if its name is new, with the receipt it will get."""

    opened: OpenedMessage
    receipt: bytes


@dataclass(slots=True)
class _Work:
    """A batch as it is judged, for the transaction that stores it."""

    verdicts: list[Verdict] = field(default_factory=list)
    good: dict[bytes, _Opened] = field(default_factory=dict)
    void: list[StoredMessage] = field(default_factory=list)
    """What is here already, with a receipt that our key was revoked for."""
    refusals: list[audit.NewEntry] = field(default_factory=list)


class Reception:
    """Takes envelopes from peers."""

    def __init__(
        self,
        database: Database,
        judging: Judging,
        demands: Demands,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        ledger: Ledger,
        clock: Clock,
        wayback: Wayback,
        heard: Heard,
        arrived: Callable[[], None],
        reoffering: Reoffering,
        recalls: Recalls,
        reopening: Reopening,
    ) -> None:
        self._reopening = reopening
        self._recalls = recalls
        self._database = database
        self._judging = judging
        self._demands = demands
        self._keys = keys
        self._mirror = mirror
        self._ledger = ledger
        self._clock = clock
        self._wayback = wayback
        self._heard = heard
        self._arrived = arrived
        self._reoffering = reoffering
        self._shunned: OrderedDict[bytes, None] = OrderedDict()

    async def accept(self, hop: MemberId, batch: Sequence[Posted]) -> list[Answer]:
        """Answer each envelope that ``hop`` posted: accepted, pending_blobs, later or refused."""
        view = self._mirror.view
        now = self._clock.now()
        try:
            signer = self._keys.signer(view, now)
        except UnavailableError:
            return [Later("busy", LATER_S)] * len(batch)
        parsed = [read_copy(item, hop) for item in batch]
        brought: list[Verdict] | None = None
        missing: dict[bytes, Missing] = {}
        if any(isinstance(item, ParsedEnvelope) and item.header.blobs for item in parsed):
            opened = await asyncio.to_thread(self._judging.open, batch, parsed, hop, view)
            brought = [await self._with_blobs(hop, outcome, missing) for outcome in opened]
        work = _Work()

        def judge() -> None:
            """Open and sign in the writer's thread, before its transaction: one hop for all."""
            work.verdicts = brought or self._judging.open(batch, parsed, hop, view)
            messages_opened = [item for item in work.verdicts if isinstance(item, OpenedMessage)]
            if messages_opened:
                try:
                    signed = self._sign(messages_opened, signer, view)
                except UnavailableError as away:  # the token with the key: nothing is stored
                    work.verdicts = [
                        away if isinstance(item, OpenedMessage) else item for item in work.verdicts
                    ]
                    signed, messages_opened = [], []
                work.good = {
                    item.envelope.envelope_id: _Opened(opened=item, receipt=receipt)
                    for item, receipt in zip(messages_opened, signed, strict=True)
                }
            work.void = self._judging.void(parsed, work.verdicts, view)
            refusals = [
                self._refusal(hop, item, verdict)
                for item, verdict in zip(parsed, work.verdicts, strict=True)
            ]
            work.refusals = [entry for entry in refusals if entry is not None]

        def commit(tx: Transaction) -> dict[bytes, Answer]:
            if not work.good and not work.refusals and not work.void:
                return {}
            given = _Given(view=view, signer=signer, now=now)
            return {
                item.envelope_id: Accepted(given.receipt(tx, item)) for item in work.void
            } | self._commit(tx, list(work.good.values()), work.refusals, (hop, missing, given))

        conflicts = await self._database.write_unit(commit, first=judge)
        self._note_views(work.verdicts)
        self._tell([item for name, item in work.good.items() if name not in conflicts])
        if missing:
            self._demands.fetch()
        answers = [
            self._answer(item, verdict, work.good, conflicts)
            for item, verdict in zip(parsed, work.verdicts, strict=True)
        ]
        answers = await self._demands.told(parsed, answers)
        return await self._for_relays(batch, parsed, answers)

    def _tell(self, new: Sequence[_Opened]) -> None:
        """Wake who waits for what was stored."""
        if any(_is_shown(item) for item in new):
            self._arrived()
        if any(_is_restored(item.opened) for item in new):
            self._reoffering.wake()
        if any(_is_heard(item) for item in new):
            self._recalls.came.set()

    def _note_views(self, verdicts: Sequence[Verdict]) -> None:
        """Pass on which registry each verified sender has seen, refused for it or not."""
        for verdict in verdicts:
            if isinstance(verdict, OpenedMessage):
                self._heard(verdict.sender, verdict.inner.registry)
            elif isinstance(verdict, SplitViewError):
                self._heard(verdict.sender, verdict.claim)

    async def shun(self, hop: MemberId, batch: Sequence[Posted]) -> list[Answer]:
        """Answer what a suspended member posts, unopened: not now. Each is recorded once."""
        parsed = [read_copy(item, hop) for item in batch]
        fault = UnavailableError(SUSPENDED, f"{hop} is suspended")
        refusals = [self._refusal(hop, item, fault) for item in parsed]
        entries = [entry for entry in refusals if entry is not None]
        if entries:
            await self._database.write(lambda tx: audit.append(tx, entries))
        return [Later(SUSPENDED, SUSPENDED_S) for item in batch for _ in item.to]

    def _is_recorded(self, item: Parsed, fault: LiaisonError) -> bool:
        """Tell whether a refusal enters the audit log: a final one, and of a suspension the first.

        Which of those were recorded is in memory: after a start they may be once more.
        """
        if fault.code != SUSPENDED:
            return not isinstance(fault, UnavailableError)
        if isinstance(item, RejectedError) or item.envelope_id in self._shunned:
            return False
        self._shunned[item.envelope_id] = None
        if len(self._shunned) > SHUNNED_MOST:
            self._shunned.popitem(last=False)
        return True

    async def _for_relays(
        self,
        batch: Sequence[Posted],
        parsed: Sequence[Parsed],
        answers: Sequence[Answer],
    ) -> list[Answer]:
        through_relays = {
            at: Answered(envelope=envelope, answer=answers[at])
            for at, (item, envelope) in enumerate(zip(batch, parsed, strict=True))
            if item.hops and isinstance(envelope, ParsedEnvelope)
        }
        if not through_relays:
            return list(answers)
        dressed = await self._wayback.dress(list(through_relays.values()))
        changed = dict(zip(through_relays, dressed, strict=True))
        return [changed.get(at, answer) for at, answer in enumerate(answers)]

    async def _with_blobs(
        self, hop: MemberId, outcome: Verdict, missing: dict[bytes, Missing]
    ) -> Verdict:
        """Judge a message's attachments; keep what it may be stored without."""
        if not isinstance(outcome, OpenedMessage) or not outcome.envelope.header.blobs:
            return outcome
        try:
            judged = await self._demands.judge(hop, outcome)
        except LiaisonError as fault:
            return fault
        if isinstance(judged, PendingBlobs):
            return judged
        if judged.attachments:
            missing[outcome.envelope.envelope_id] = judged
        return outcome

    def _sign(self, opened: Sequence[OpenedMessage], signer: Signer, view: View) -> list[bytes]:
        now = self._clock.now()
        return sign_receipts(
            [
                Receipt(
                    kind=ReceiptKind.DELIVERY,
                    envelope_id=item.envelope.envelope_id,
                    recipient=self._keys.member,
                    at=now,
                    signer_kid=signer.key_id,
                    registry_size=view.head.size,
                    registry_root=view.head.root,
                    content_digest=item.tbs_digest,
                    seal_kid=item.seal_kid,
                )
                for item in opened
            ],
            signer,
        )

    def _commit(
        self,
        tx: Transaction,
        good: Sequence[_Opened],
        refusals: Sequence[audit.NewEntry],
        brought: tuple[MemberId, Mapping[bytes, Missing], "_Given"],
    ) -> dict[bytes, Answer]:
        """Store what is new with its receipt; return the answers of what was there before.

        ``brought`` says who posted, what of it is missing, and how a receipt is given again.
        """
        now = self._clock.now()
        hop, missing, given = brought
        fresh = {
            (item.opened.sender, item.opened.envelope.header.message_id): item for item in good
        }
        went_in = messages.record_incoming(tx, [self._row(item, now) for item in fresh.values()])
        new = [item for name, item in fresh.items() if name in went_in]
        for item in new:
            header = item.opened.envelope.header
            if header.blobs:
                blob_ids = [blob.blob_id for blob in header.blobs]
                name = item.opened.sender, header.message_id
                attachments.name(tx, hop, name, blob_ids, now)
                lacking = missing.get(item.opened.envelope.envelope_id)
                if lacking is not None:
                    attached.record(tx, name, lacking.attachments)
        entries = [self._received(item.opened) for item in new]
        entries += [
            self._reoffering.hear(tx, item.opened) for item in new if _is_restored(item.opened)
        ]
        for item in new:
            if _is_heard(item):
                entries += self._recalls.hear(tx, item.opened)
            if item.opened.payload.kind == REOPEN:
                case_id = item.opened.payload.case_id
                entries += self._reopening.hear(tx, case_id, item.opened.sender)
        conflicts: dict[bytes, Answer] = {}
        stored = {item.opened.envelope.envelope_id for item in new}
        for item in good:
            if item.opened.envelope.envelope_id not in stored:
                answer, entry = self._conflict(tx, item.opened, given)
                conflicts[item.opened.envelope.envelope_id] = answer
                entries += entry
        audit.append(tx, [*entries, *refusals])
        return conflicts

    def _conflict(
        self, tx: Transaction, opened: OpenedMessage, given: "_Given"
    ) -> tuple[Answer, list[audit.NewEntry]]:
        """Answer for a name that is taken: the same message gets its receipt, another does not."""
        stored = messages.find(tx, opened.sender, opened.envelope.header.message_id)
        try:
            if (
                stored is not None
                and stored.receipt is not None
                and self._is_same(tx, stored, opened)
            ):
                return Accepted(given.receipt(tx, stored)), []
        except UnavailableError as fault:
            return Later("busy", fault.retry_after_s or LATER_S), []
        _log.error("message.forked", peer=opened.sender, code="message_id_reused")
        entry = self._ledger.entry(
            EntryKind.MESSAGE_REFUSED,
            peer=opened.sender,
            digests=(opened.envelope.envelope_id, opened.tbs_digest),
            code="message_id_reused",
        )
        return Refused("message_id_reused"), [entry]

    def _is_same(self, tx: Transaction, stored: StoredMessage, opened: OpenedMessage) -> bool:
        """Tell whether a message is the stored one, perhaps signed again: same header and payload.

        Raises UnavailableError ``storage_key_missing``.
        """
        if stored.tbs_digest == opened.tbs_digest or stored.header != opened.envelope.header_bytes:
            return stored.tbs_digest == opened.tbs_digest
        if stored.purged_at is not None:
            stone = tombstones.find(tx, stored.row_id)
            return stone is not None and stone.payload_digest == payload_digest(
                opened.inner.payload
            )
        storage = self._keys.storage_key(stored.storage_key_id)
        content_key = storage.unwrap(stored.envelope_id, stored.wrapped_key)
        inner = open_body(stored.header, stored.body, content_key)
        return inner.payload == opened.inner.payload

    def _row(self, item: _Opened, now: int) -> messages.NewMessage:
        opened = item.opened
        payload, header = opened.payload, opened.envelope.header
        storage = self._keys.keyring.storage(now)
        return messages.NewMessage(
            direction=messages.IN if _is_shown(item) else messages.SERVICE,
            sender=opened.sender,
            on_behalf_of=payload.on_behalf_of,
            message_id=header.message_id,
            kind=payload.kind,
            case_id=payload.case_id,
            seq=payload.seq,
            in_reply_to=payload.in_reply_to,
            created_at=payload.created_at,
            stored_at=now,
            expires_at=header.expires_at,
            priority=header.priority,
            attachments=len(payload.attachments),
            envelope_id=opened.envelope.envelope_id,
            tbs_digest=opened.tbs_digest,
            header=opened.envelope.header_bytes,
            body=opened.envelope.body,
            storage_key_id=storage.key_id,
            wrapped_key=storage.wrap(
                opened.envelope.envelope_id, opened.content_key, self._keys.entropy
            ),
            receipt=item.receipt,
        )

    def _received(self, opened: OpenedMessage) -> audit.NewEntry:
        return self._ledger.entry(
            EntryKind.MESSAGE_RECEIVED,
            peer=opened.sender,
            digests=(opened.envelope.envelope_id, opened.tbs_digest),
        )

    def _refusal(self, hop: MemberId, item: Parsed, verdict: Verdict) -> audit.NewEntry | None:
        """Return what is recorded of a copy that is refused; None where nothing is."""
        kind, peer = EntryKind.MESSAGE_REFUSED, hop
        match verdict:
            case Denied(opened=opened, fault=fault):
                digests = opened.envelope.envelope_id, opened.tbs_digest
                return self._ledger.entry(
                    kind, peer=opened.sender, digests=digests, code=fault.code
                )
            case LiaisonError() if self._is_recorded(item, verdict):
                if isinstance(verdict, SplitViewError):
                    kind, peer = EntryKind.SPLIT_VIEW_SEEN, verdict.sender
                named = digest(b"") if isinstance(item, RejectedError) else item.envelope_id
                return self._ledger.entry(kind, peer=peer, digests=(named,), code=verdict.code)
            case _:
                return None

    def _answer(
        self,
        item: Parsed,
        verdict: Verdict,
        good: dict[bytes, _Opened],
        conflicts: dict[bytes, Answer],
    ) -> Answer:
        match verdict:
            case OpenedMessage():
                envelope_id = verdict.envelope.envelope_id
                return conflicts.get(envelope_id) or Accepted(good[envelope_id].receipt)
            case Accepted() if isinstance(item, ParsedEnvelope):
                return conflicts.get(item.envelope_id, verdict)
            case UnavailableError():
                return self._later(verdict)
            case Denied(fault=fault):
                return _refused(fault)
            case LiaisonError():
                return _refused(verdict)
            case _:
                return verdict

    def _later(self, fault: UnavailableError) -> Later:
        if fault.code == SUSPENDED:
            return Later(SUSPENDED, SUSPENDED_S)
        if fault.code == "registry_behind":
            self._mirror.behind.set()
        if fault.code == "stale_card":  # an old card of ours, or one that is not ours
            _log.warning("envelope.unopened", code=fault.code)
        told = fault.code in ("registry_behind", "stale_card")
        return Later(fault.code if told else "busy", fault.retry_after_s or LATER_S)


def _refused(fault: LiaisonError) -> Refused:
    return Refused(fault.code if fault.code in _TOLD else "invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """How a receipt is given again: as it was, or signed by our present key."""

    view: View
    signer: Signer
    now: int

    def receipt(self, tx: Transaction, stored: StoredMessage) -> bytes:
        """Return the receipt of a stored message; one whose signer is revoked is replaced first."""
        assert stored.receipt is not None  # noqa: S101 - only such is a repeat
        renewed = renew_receipt(stored.receipt, self.view, self.signer, self.now)
        if renewed is None:
            return stored.receipt
        messages.renew_receipt(tx, stored.row_id, renewed)
        return renewed


def _is_restored(opened: OpenedMessage) -> bool:
    return opened.payload.kind == RESTORED


def _is_heard(item: _Opened) -> bool:
    return item.opened.payload.kind in HEARD


def _is_shown(item: _Opened) -> bool:
    kind = CATALOGUE.get(item.opened.payload.kind)
    return kind is None or not kind.ends_at_node
