"""Receive: open what a peer posts, commit it with its receipt, and answer.

One transaction for a batch holds messages, duplicate keys, receipts and audit entries; nothing is
answered before it is durable. A repeat gets the receipt that was given first, byte for byte.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.clock import Clock
from gateway.errors import LiaisonError, UnavailableError
from gateway.logs import logger
from gateway.protocol.answer import Accepted, Answer, Later, PendingBlobs, Posted
from gateway.protocol.envelope import ParsedEnvelope
from gateway.protocol.opening import (
    OpenedMessage,
    SplitViewError,
)
from gateway.protocol.receipt import (
    Receipt,
    ReceiptKind,
    sign_receipts,
)
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, SUSPENDED_S
from gateway.services.federation.views import Heard
from gateway.services.handling.recalls import Recalls
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.receiving.demands import Demands, Missing
from gateway.services.receiving.judging import Denied, Judging, Parsed, Verdict, read_copy
from gateway.services.receiving.refusing import LATER_S, Refusing, refused
from gateway.services.receiving.storing import Given, Storing, Taken
from gateway.services.relay.wayback import Answered, Wayback
from gateway.services.sending.reoffering import Reoffering
from gateway.store import audit
from gateway.store.database import Database, Transaction
from gateway.store.messages import StoredMessage
from keys.registry.view import View
from keys.signing import Signer
from keys.suite import MemberId

_log = logger()


@dataclass(slots=True)
class _Work:
    """A batch as it is judged, for the transaction that stores it."""

    verdicts: list[Verdict] = field(default_factory=list)
    good: dict[bytes, Taken] = field(default_factory=dict)
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
        storing: Storing,
        reoffering: Reoffering,
        recalls: Recalls,
    ) -> None:
        self._database = database
        self._judging = judging
        self._demands = demands
        self._keys = keys
        self._mirror = mirror
        self._clock = clock
        self._wayback = wayback
        self._heard = heard
        self._arrived = arrived
        self._storing = storing
        self._reoffering = reoffering
        self._recalls = recalls
        self._refusing = Refusing(ledger, mirror)

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
                    item.envelope.envelope_id: Taken(opened=item, receipt=receipt)
                    for item, receipt in zip(messages_opened, signed, strict=True)
                }
            work.void = self._judging.void(parsed, work.verdicts, view)
            refusals = [
                self._refusing.entry(hop, item, verdict)
                for item, verdict in zip(parsed, work.verdicts, strict=True)
            ]
            work.refusals = [entry for entry in refusals if entry is not None]

        def commit(tx: Transaction) -> dict[bytes, Answer]:
            if not work.good and not work.refusals and not work.void:
                return {}
            given = Given(view=view, signer=signer, now=self._clock.now())
            again = {item.envelope_id: Accepted(given.receipt(tx, item)) for item in work.void}
            conflicts, entries = self._storing.store(
                tx, list(work.good.values()), hop, missing=missing, given=given
            )
            audit.append(tx, [*entries, *work.refusals])
            return again | conflicts

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

    def _tell(self, new: Sequence[Taken]) -> None:
        """Wake who waits for what was stored."""
        if any(item.is_shown for item in new):
            self._arrived()
        if any(item.is_restored for item in new):
            self._reoffering.wake()
        if any(item.is_heard for item in new):
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
        refusals = [self._refusing.entry(hop, item, fault) for item in parsed]
        entries = [entry for entry in refusals if entry is not None]
        if entries:
            await self._database.write(lambda tx: audit.append(tx, entries))
        return [Later(SUSPENDED, SUSPENDED_S) for item in batch for _ in item.to]

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

    def _answer(
        self,
        item: Parsed,
        verdict: Verdict,
        good: dict[bytes, Taken],
        conflicts: dict[bytes, Answer],
    ) -> Answer:
        match verdict:
            case OpenedMessage():
                envelope_id = verdict.envelope.envelope_id
                return conflicts.get(envelope_id) or Accepted(good[envelope_id].receipt)
            case Accepted() if isinstance(item, ParsedEnvelope):
                return conflicts.get(item.envelope_id, verdict)
            case UnavailableError():
                return self._refusing.put_off(verdict)
            case Denied(fault=fault):
                return refused(fault)
            case LiaisonError():
                return refused(verdict)
            case _:
                return verdict
