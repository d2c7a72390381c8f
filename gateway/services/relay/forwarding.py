"""Forward: copies in custody as the lanes carry them, and returns on their way to previous hops."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import assert_never

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.peer import Peers
from gateway.protocol.answer import Accepted, Answer, Later, PendingBlobs, Refused
from gateway.protocol.audit import EntryKind
from gateway.protocol.delivery import RetryPolicy, custody_due_at, next_attempt_at
from gateway.protocol.envelope import Stanza
from gateway.protocol.mailbox import Delivered, Halted, Rejected
from gateway.protocol.receipt import (
    Copy,
    VerifiedReceipt,
    check_custody,
    check_refusal,
    verify_receipt,
)
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, shunned
from gateway.services.federation.views import Heard
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.relay.mailboxes import became, parse_return
from gateway.services.sending.cargo import Load, Settled
from gateway.services.sending.routes import Routes
from gateway.settings import DeliverySettings
from gateway.store import attachments, audit, custody, news, way_back
from gateway.store.custody import ClaimedCopy, HeldCopy
from gateway.store.database import Database, Transaction
from gateway.store.news import Topic
from keys.suite import MemberId

RETURNS_IDLE_S = 30.0
GIVEN_BACK = frozenset({"mailbox_full", "stale_card", "not_served"})
"""What another's ``later`` says that this relay cannot cure by waiting: the sender is told."""

_log = logger()


class Forwarding:
    """Copies in custody on their way to the next hop. Implements ``lanes.Cargo``."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        ledger: Ledger,
        clock: Clock,
        settings: DeliverySettings,
        heard: Heard,
        came_back: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._heard = heard
        self._came_back = came_back
        self._retry = RetryPolicy(first_s=settings.retry_first_s, max_s=settings.retry_max_s)

    async def recover(self) -> None:
        """See ``lanes.Cargo``."""
        now = self._clock.now()
        await self._database.write(lambda tx: custody.hold_overdue(tx, now))

    async def waiting(self, names: Sequence[MemberId] | None = None) -> Mapping[MemberId, int]:
        """See ``lanes.Cargo``."""
        found = await self._database.read(lambda tx: custody.waiting_recipients(tx, names))
        return {MemberId(name): due_at for name, due_at in found.items()}

    async def claim(self, recipients: Sequence[MemberId], most: int) -> Sequence[Load]:
        """See ``lanes.Cargo``."""
        now = self._clock.now()
        claimed = await self._database.write(
            lambda tx: custody.claim(
                tx,
                recipients,
                now=now,
                lease_until=now + self._settings.lease_s,
                most=most,
                most_bytes=self._settings.batch_bytes,
            )
        )
        return [self._load(copy) for copy in claimed]

    async def prepare(self, hop: MemberId, loads: Sequence[Load]) -> Sequence[Load]:
        """See ``lanes.Cargo``: copies come with their stanzas; none goes to or by the suspended."""
        view, me, now = self._mirror.known, self._keys.member, self._clock.now()
        held = [load for load in loads if shunned(view, me, hop, load.recipient)]
        if not held:
            return loads
        rows = [load.row_id for load in held]
        await self._database.write(
            lambda tx: custody.hold_again(tx, rows, due_at=now, code=SUSPENDED, failed=False)
        )
        return [load for load in loads if load not in held]

    async def settle(
        self, hop: MemberId, loads: Sequence[Load], answers: Sequence[Answer]
    ) -> Settled:
        """See ``lanes.Cargo``."""
        wanting: list[tuple[Load, Sequence[bytes]]] = []
        due: dict[MemberId, int] = {}

        def commit(tx: Transaction) -> None:
            wanting.clear()
            due.clear()
            for load, answer in zip(loads, answers, strict=True):
                if isinstance(answer, PendingBlobs) and not load.brought:
                    wanting.append((load, answer.blob_ids))
                else:
                    due_at = self._settle_one(tx, hop, load, answer)
                    if due_at is not None:
                        due[load.recipient] = min(due_at, due.get(load.recipient, due_at))
            news.tell(tx, Topic.RETURNS)

        await self._database.write_unit(commit)
        _log.info("batch.relayed", peer=hop, size=len(loads))
        await self._came_back()
        return Settled(wanting=wanting, due=due)

    async def put_back(self, loads: Sequence[Load], fault: LiaisonError, due_at: int) -> None:
        """See ``lanes.Cargo``."""
        rows = [load.row_id for load in loads]
        await self._database.write(
            lambda tx: custody.hold_again(tx, rows, due_at=due_at, code=fault.code)
        )

    async def extend(self, loads: Sequence[Load]) -> None:
        """See ``lanes.Cargo``."""
        lease_until = self._clock.now() + self._settings.lease_s
        rows = [load.row_id for load in loads]
        await self._database.write(lambda tx: custody.extend_leases(tx, rows, lease_until))

    async def blob(self, load: Load, blob_id: bytes) -> tuple[str, bytes]:
        """See ``lanes.Cargo``."""

        def look(tx: Transaction) -> list[attachments.Blob]:
            rows = custody.linked_blobs(tx, load.envelope_id)
            return [item for item in attachments.by_rows(tx, rows) if item.blob_id == blob_id]

        for blob in await self._database.read(look):
            if blob.segment_list is not None and blob.complete_at is not None:
                return blob.location, blob.segment_list
        raise RejectedError("blob_missing", "a sealed attachment is missing on this relay")

    def _settle_one(self, tx: Transaction, hop: MemberId, load: Load, answer: Answer) -> int | None:
        """Commit what an answer means for a copy; return when it is due again, if it is."""
        copy: ClaimedCopy = load.item
        now = self._clock.now()
        match answer:
            case Accepted():
                try:
                    verified = self._verified(answer.receipt)
                    check_custody(verified, _named(copy), hop)
                except LiaisonError as fault:
                    entry = self._ledger.entry(
                        EntryKind.RECEIPT_REFUSED,
                        peer=hop,
                        digests=(copy.envelope_id,),
                        code=fault.code,
                    )
                    audit.append(tx, [entry])
                    return self._hold_again(tx, copy, fault.code)
                if answer.sealed and copy.outcome is None:
                    self._bring_back(tx, copy, Delivered(answer.sealed))
                if answer.wanted:  # it fetches them from here: ask again later whether it has them
                    due_at = custody_due_at(now, copy.attempts, copy.expires_at)
                    custody.hold_again(tx, [copy.row_id], due_at=due_at, code="")
                    return due_at
                custody.hand_on(tx, [copy.row_id], custodian=hop, due_at=copy.expires_at)
            case Refused() if hop == copy.recipient and self._is_signed(copy, answer.receipt):
                custody.end(tx, [copy.row_id], answer.code)
                self._bring_back(tx, copy, Rejected(answer.receipt))
            case Refused():
                self._give_up(tx, copy, answer.code)
            case Later() if answer.code in GIVEN_BACK:
                self._give_up(tx, copy, answer.code)
            case Later():
                # A suspension may be lifted at any time: the peer does not know when.
                asked_s = 0 if answer.code == SUSPENDED else answer.retry_after_s
                return self._hold_again(tx, copy, answer.code, asked_s)
            case PendingBlobs():
                load.brought = False
                return self._hold_again(tx, copy, "pending_blobs")
            case _:
                assert_never(answer)
        return None

    def _is_signed(self, copy: ClaimedCopy, receipt: bytes) -> bool:
        try:
            check_refusal(self._verified(receipt), _named(copy))
        except LiaisonError:
            return False
        return True

    def _verified(self, receipt: bytes) -> VerifiedReceipt:
        verified = verify_receipt(receipt, self._mirror.view)
        self._heard(verified.signer.member, verified.registry)
        return verified

    def _give_up(self, tx: Transaction, copy: ClaimedCopy, code: str) -> None:
        custody.end(tx, [copy.row_id], code)
        way_back.bring_back(tx, [copy.row_id], became(copy, Halted(code)), self._clock.now())

    def _bring_back(self, tx: Transaction, copy: HeldCopy, outcome: Delivered | Rejected) -> None:
        way_back.bring_back(tx, [copy.row_id], became(copy, outcome), self._clock.now())

    def _hold_again(self, tx: Transaction, copy: ClaimedCopy, code: str, asked_s: int = 0) -> int:
        due_at = next_attempt_at(
            self._retry,
            now=self._clock.now(),
            attempts=copy.attempts + 1,
            jitter=self._keys.entropy(1)[0] / 256,
            expires_at=copy.expires_at,
            asked_s=asked_s,
        )
        custody.hold_again(tx, [copy.row_id], due_at=due_at, code=code)
        return due_at

    def _load(self, copy: ClaimedCopy) -> Load:
        return Load(
            row_id=copy.row_id,
            recipient=MemberId(copy.recipient),
            rank=0,
            envelope_id=copy.envelope_id,
            header=copy.header,
            body=copy.body,
            hops=(*(MemberId(hop) for hop in copy.hops), self._keys.member),
            stanza=Stanza(copy.seal_kid, copy.wrapped),
            item=copy,
        )


class Returning:
    """Brings what became of copies back to the hops that they came from."""

    def __init__(
        self,
        me: MemberId,
        database: Database,
        peers: Peers,
        mirror: RegistryMirror,
        routes: Routes,
        *,
        clock: Clock,
        lease_s: int,
    ) -> None:
        self._me = me
        self._database = database
        self._peers = peers
        self._mirror = mirror
        self._routes = routes
        self._clock = clock
        self._lease_s = lease_s
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once: something came back."""
        self._woken.set()

    async def run(self) -> None:
        """Bring back until cancelled."""
        while True:
            self._woken.clear()
            try:
                idle_s = await self.bring_back()
            except LiaisonError as fault:
                _log.warning("returns.deferred", code=fault.code, detail=fault.detail)
                idle_s = 2.0
            await happens(self._woken.wait(), idle_s)

    async def bring_back(self) -> float:
        """Tell every hop that can be reached what it is due; return when to look again."""
        now = self._clock.now()
        idle_s = RETURNS_IDLE_S
        for name in await self._database.read(lambda tx: way_back.returning_to(tx, now)):
            hop = MemberId(name)
            member = self._mirror.view.members.get(hop)
            if hop != self._me and (member is None or member.endpoint is None):
                continue  # it collects
            if shunned(self._mirror.known, self._me, hop):
                continue
            if self._routes.retry_at(hop) > now:
                idle_s = min(idle_s, self._routes.retry_at(hop) - now)
                continue
            try:
                await self._tell(hop)
            except LiaisonError as fault:
                _log.warning("returns.deferred", peer=hop, code=fault.code, detail=fault.detail)
                idle_s = min(idle_s, self._routes.failed(hop, fault.retry_after_s or 0) - now)
        return max(0.05, idle_s)

    async def _tell(self, hop: MemberId) -> None:
        def due(tx: Transaction) -> list[HeldCopy]:
            now = self._clock.now()
            return way_back.returns_for(tx, hop, now=now, again_at=now + self._lease_s)

        while True:
            found = await self._database.write(due)
            told = [copy for copy in found if copy.outcome is not None]
            if not told:
                return
            rows = [copy.row_id for copy in told]
            try:
                returns = [parse_return(copy.outcome or b"") for copy in told]
                await self._peers.member(hop).post_returns(returns)
            except LiaisonError:
                await self._database.write(partial(way_back.return_now, row_ids=rows))
                raise
            await self._database.write(partial(way_back.returned, row_ids=rows))


def _named(copy: HeldCopy) -> Copy:
    return Copy(
        envelope_id=copy.envelope_id,
        recipient=MemberId(copy.recipient),
        stanza_digest=copy.stanza_digest,
    )
