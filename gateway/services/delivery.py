"""Deliver: claim what is due, post it in batches, settle by verified receipts.

Each peer has a lane of its own, two batches wide, so a slow one holds up nobody else. An attempt
ends in one transaction; a lost answer leaves the row due, and the repeat meets the stored receipt.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import assert_never

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.peer import Peer, Peers
from gateway.protocol.answer import Accepted, Answer, Later, PendingBlobs, Posted, Refused
from gateway.protocol.audit import EntryKind
from gateway.protocol.blob import SEGMENT_BYTES, SegmentList, parse_segment_list
from gateway.protocol.delivery import RetryPolicy, next_attempt_at
from gateway.protocol.envelope import Stanza, encode_envelope, parse_header, wrap_stanza
from gateway.protocol.receipt import Expected, check_delivery, verify_receipt
from gateway.services.cards import Cards
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.registry import RegistryMirror
from gateway.settings import DeliverySettings
from gateway.store import attachments, audit, outbox
from gateway.store.blobs import BlobStore
from gateway.store.database import Database, Transaction
from gateway.store.outbox import Claimed, Deferral, OutboxState, Settlement
from keys.suite import MemberId

LANE_WIDTH = 2
IDLE_S = 30.0
BROUGHT_KEPT = 10_000

_log = logger()


class Delivery:
    """Brings the outbox to its peers."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        peers: Peers,
        mirror: RegistryMirror,
        cards: Cards,
        *,
        keys: NodeKeys,
        ledger: Ledger,
        clock: Clock,
        settings: DeliverySettings,
        settled: Callable[[], None],
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._peers = peers
        self._mirror = mirror
        self._cards = cards
        self._keys = keys
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._settled = settled
        self._retry = RetryPolicy(first_s=settings.retry_first_s, max_s=settings.retry_max_s)
        self._lanes: dict[str, int] = {}
        self._brought: dict[tuple[str, bytes], None] = {}
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox at once: something was accepted, or a peer is back."""
        self._due.set()

    async def run(self) -> None:
        """Deliver until cancelled; batches under way are then left to their leases."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._due.clear()
                if not await self.start_due(group):
                    await self._wait()

    async def start_due(self, group: asyncio.TaskGroup) -> int:
        """Claim what is due and start its attempts; return how many batches were started."""
        now = self._clock.now()
        busy = [peer for peer, width in self._lanes.items() if width >= LANE_WIDTH]
        claimed = await self._database.write(
            lambda tx: outbox.claim(
                tx,
                now=now,
                lease_until=now + self._settings.lease_s,
                skip=busy,
                share=self._settings.batch_size,
            )
        )
        started = 0
        for batch in self._batches(claimed):
            peer = batch[0].recipient
            self._lanes[peer] = self._lanes.get(peer, 0) + 1
            group.create_task(self._attempt(peer, batch), name=f"deliver-{peer}")
            started += 1
        return started

    async def _wait(self) -> None:
        due_at = await self._database.read(outbox.next_due)
        idle_s = IDLE_S if due_at is None else max(0.05, due_at - self._clock.now())
        timer = asyncio.ensure_future(self._clock.sleep(min(idle_s, IDLE_S)))
        woken = asyncio.ensure_future(self._due.wait())
        try:
            await asyncio.wait({timer, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()

    def _batches(self, claimed: Sequence[Claimed]) -> Iterator[list[Claimed]]:
        """Cut rows into posts of one peer; a message with attachments goes alone."""
        by_peer = sorted(claimed, key=lambda row: row.recipient)
        for _, rows in groupby(by_peer, key=lambda row: row.recipient):
            batch: list[Claimed] = []
            size = 0
            for row in rows:
                if row.attachments:
                    yield [row]
                    continue
                length = len(row.body) + len(row.header) + 2048
                if batch and (
                    size + length > self._settings.batch_bytes
                    or len(batch) >= self._settings.batch_size
                ):
                    yield batch
                    batch, size = [], 0
                batch.append(row)
                size += length
            if batch:
                yield batch

    async def _attempt(self, peer: str, batch: Sequence[Claimed]) -> None:
        try:
            await self._deliver(MemberId(peer), batch)
        except LiaisonError as fault:
            await self._put_off(batch, fault)
        except Exception:  # noqa: BLE001 - a bug must not end the deliverer; the rows are due again
            _log.exception("delivery.broke", peer=peer)
            await self._put_off(batch, UnavailableError("internal_error", "see the log"))
        finally:
            self._lanes[peer] -= 1
            if not self._lanes[peer]:
                del self._lanes[peer]
            self._due.set()

    async def _deliver(self, member: MemberId, batch: Sequence[Claimed]) -> None:
        peer = self._peers.member(member)
        stanzas = await self._stanzas(member, batch)
        for row in batch:
            if row.attachments:
                await self._bring_blobs(member, peer, row)
        posted = [
            Posted((), encode_envelope(row.header, [stanza], row.body))
            for row, stanza in zip(batch, stanzas, strict=True)
        ]
        answers = await peer.post_envelopes(posted)
        await self._settle(member, batch, stanzas, answers)

    async def _stanzas(self, member: MemberId, batch: Sequence[Claimed]) -> list[Stanza]:
        """Return each row's stanza; what has none yet is wrapped and kept before it is posted."""
        lacking = [row for row in batch if row.wrapped is None]
        wrapped: dict[int, Stanza] = {}
        if lacking:
            card = await self._cards.current(member) or await self._cards.fetch(member)
            for row in lacking:
                storage = self._keys.keyring.storage_key(row.storage_key_id)
                content_key = storage.unwrap(row.envelope_id, row.wrapped_key)
                try:
                    seal_to = card.seal_to(row.created_at)
                except UnavailableError:
                    seal_to = card.seal_to(self._clock.now())
                wrapped[row.row_id] = wrap_stanza(row.header, content_key, *seal_to)

            def keep(tx: Transaction) -> None:
                for row_id, stanza in wrapped.items():
                    outbox.restanza(tx, row_id, stanza.key_id, stanza.wrapped)

            await self._database.write(keep)
        return [
            wrapped.get(row.row_id) or Stanza(row.seal_kid or b"", row.wrapped or b"")
            for row in batch
        ]

    async def _bring_blobs(self, member: MemberId, peer: Peer, row: Claimed) -> None:
        for ref in parse_header(row.header).blobs:
            if (member, ref.blob_id) in self._brought:
                continue
            await self._bring_blob(peer, row, ref.blob_id)
            self._brought[member, ref.blob_id] = None
            if len(self._brought) > BROUGHT_KEPT:
                del self._brought[next(iter(self._brought))]

    async def _bring_blob(self, peer: Peer, row: Claimed, blob_id: bytes) -> None:
        blob = await self._database.read(lambda tx: attachments.whole(tx, blob_id))
        if blob is None or blob.segment_list is None:
            raise UnavailableError("blob_missing", "a sealed attachment is missing on this node")
        segments: SegmentList = parse_segment_list(blob.segment_list, blob_id)
        for number in await peer.offer_blob(blob_id, blob.segment_list):
            length = segments.segment_bytes(number)
            segment = await self._blobs.read(blob.location, number, 0, min(length, SEGMENT_BYTES))
            await peer.put_segment(blob_id, number, segment)
            await self._extend_lease(row)

    async def _extend_lease(self, row: Claimed) -> None:
        lease_until = self._clock.now() + self._settings.lease_s
        await self._database.write(lambda tx: outbox.extend_leases(tx, [row.row_id], lease_until))

    async def _settle(
        self,
        member: MemberId,
        batch: Sequence[Claimed],
        stanzas: Sequence[Stanza],
        answers: Sequence[Answer],
    ) -> None:
        outcomes = [
            self._outcome(member, row, stanza, answer)
            for row, stanza, answer in zip(batch, stanzas, answers, strict=True)
        ]
        settlements = [item for item, _ in outcomes if isinstance(item, Settlement)]
        deferrals = [item for item, _ in outcomes if isinstance(item, Deferral)]
        restanza = {item.row_id for item in deferrals if item.code == "stale_card"}
        renewed = await self._renewed(member, [r for r in batch if r.row_id in restanza])

        def commit(tx: Transaction) -> None:
            moved = outbox.settle(tx, settlements)
            outbox.defer(tx, deferrals)
            for row_id, stanza in renewed.items():
                outbox.restanza(tx, row_id, stanza.key_id, stanza.wrapped)
            happened = [
                entry
                for item, entry in outcomes
                if entry is not None and (isinstance(item, Deferral) or item.row_id in moved)
            ]
            audit.append(tx, happened)

        await self._database.write_unit(commit)
        for item in settlements:
            if item.state is OutboxState.FAILED:
                _log.warning("message.failed", peer=member, code=item.code)
        _log.info("batch.settled", peer=member, count=len(settlements), size=len(batch))
        self._settled()

    def _outcome(
        self, member: MemberId, row: Claimed, stanza: Stanza, answer: Answer
    ) -> tuple[Settlement | Deferral, audit.NewEntry | None]:
        """Decide what an answer means for its row, and what is recorded of it."""
        match answer:
            case Accepted():
                try:
                    settlement = self._delivered(member, row, stanza, answer.receipt)
                except LiaisonError as fault:
                    entry = self._entry(EntryKind.RECEIPT_REFUSED, member, row, fault.code)
                    return self._deferral(row, fault.code), entry
                return settlement, self._entry(EntryKind.RECEIPT_HELD, member, row, "")
            case Refused():
                entry = self._entry(EntryKind.MESSAGE_FAILED, member, row, answer.code)
                return self._ended(row, OutboxState.FAILED, answer.code), entry
            case Later():
                return self._deferral(row, answer.code, answer.retry_after_s), None
            case PendingBlobs():
                for blob_id in answer.blob_ids:
                    self._brought.pop((member, blob_id), None)
                return self._deferral(row, "pending_blobs"), None
            case _:
                assert_never(answer)

    async def _renewed(self, member: MemberId, rows: Sequence[Claimed]) -> dict[int, Stanza]:
        """Wrap again under the peer's newest card what it could not open."""
        if not rows:
            return {}
        try:
            card = await self._cards.fetch(member)
        except LiaisonError as fault:
            _log.warning("card.refused", peer=member, code=fault.code, detail=fault.detail)
            return {}
        renewed = {}
        for row in rows:
            storage = self._keys.keyring.storage_key(row.storage_key_id)
            content_key = storage.unwrap(row.envelope_id, row.wrapped_key)
            seal_to = card.seal_to(self._clock.now())
            renewed[row.row_id] = wrap_stanza(row.header, content_key, *seal_to)
        return renewed

    def _delivered(
        self, member: MemberId, row: Claimed, stanza: Stanza, receipt: bytes
    ) -> Settlement:
        verified = verify_receipt(receipt, self._mirror.view)
        expected = Expected(
            envelope_id=row.envelope_id,
            recipient=member,
            tbs_digest=row.tbs_digest,
            seal_kid=stanza.key_id,
        )
        check_delivery(verified, expected)
        return self._ended(row, OutboxState.DELIVERED, "", receipt)

    def _ended(
        self, row: Claimed, state: OutboxState, code: str, receipt: bytes | None = None
    ) -> Settlement:
        return Settlement(
            row_id=row.row_id, state=state, at=self._clock.now(), code=code, receipt=receipt
        )

    def _deferral(self, row: Claimed, code: str, asked_s: int = 0) -> Deferral:
        due_at = next_attempt_at(
            self._retry,
            now=self._clock.now(),
            attempts=row.attempts + 1,
            jitter=self._keys.entropy(1)[0] / 256,
            expires_at=row.expires_at,
            asked_s=asked_s,
        )
        return Deferral(row_id=row.row_id, due_at=due_at, code=code)

    def _entry(self, kind: EntryKind, member: MemberId, row: Claimed, code: str) -> audit.NewEntry:
        return self._ledger.entry(
            kind, peer=member, digests=(row.envelope_id, row.tbs_digest), code=code
        )

    async def _put_off(self, batch: Sequence[Claimed], fault: LiaisonError) -> None:
        """Give a whole batch back: the peer, or the line to it, failed. Rejection waits too."""
        if fault.code == "registry_behind":
            self._mirror.behind.set()
        asked_s = 0 if isinstance(fault, RejectedError) else fault.retry_after_s or 0
        deferrals = [self._deferral(row, fault.code, asked_s) for row in batch]
        await self._database.write(lambda tx: outbox.defer(tx, deferrals))
        _log.warning(
            "delivery.deferred",
            peer=batch[0].recipient,
            count=len(batch),
            code=fault.code,
            detail=fault.detail,
        )
