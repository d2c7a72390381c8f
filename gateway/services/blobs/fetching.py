"""Fetch attachments that come after their message: from who brought it, until it expires.

What is fetched, and how far, is in the database and on the disk: a crash costs the segments that
were on the line. An attachment is shown as whole once it is what its sender signed, never before.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError, UnavailableError
from gateway.logs import logger
from gateway.peer import Peer, Peers
from gateway.protocol.audit import EntryKind
from gateway.protocol.delivery import RetryPolicy, next_attempt_at
from gateway.protocol.message import Attachment, decode_payload
from gateway.protocol.opening import open_body
from gateway.services.blobs.freight import side_by_side
from gateway.services.blobs.incoming_blobs import IncomingBlobs
from gateway.services.blobs.plaintext import Plaintexts
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import check_standing
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.settings import DeliverySettings
from gateway.store import attached, attachments, audit, messages
from gateway.store.attached import AttachmentState, Fetchable
from gateway.store.database import Database, Transaction
from keys.suite import MemberId

FETCHES_MOST = 4
"""How many attachments are fetched at a time."""
LEASE_RENEWALS = 3
FINAL = frozenset(
    {
        "blob_unknown",
        "blob_mismatch",
        "attachment_too_large",
        "attachment_invalid",
        "encoding_invalid",
    }
)
"""What no other attempt can change: who brought the message has the attachment no more, or what it
has is not what was signed."""

_log = logger()


class Fetching:
    """Fetches what is pending, and tells when it is whole or lost."""

    def __init__(
        self,
        database: Database,
        peers: Peers,
        mirror: RegistryMirror,
        incoming: IncomingBlobs,
        plaintexts: Plaintexts,
        *,
        keys: NodeKeys,
        ledger: Ledger,
        clock: Clock,
        settings: DeliverySettings,
        ended: Callable[[MemberId, bytes], None],
    ) -> None:
        self._database = database
        self._peers = peers
        self._mirror = mirror
        self._incoming = incoming
        self._plaintexts = plaintexts
        self._keys = keys
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._ended = ended
        """Told of who brought a message, and its envelope, once nothing of it is pending."""
        self._retry = RetryPolicy(first_s=settings.retry_first_s, max_s=settings.retry_max_s)
        self._woken = asyncio.Event()
        self._running = 0

    def wake(self) -> None:
        """Look at once: something is to be fetched."""
        self._woken.set()

    async def run(self) -> None:
        """Fetch until cancelled; what is on the line then is left to its lease."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                idle_s = float(self._settings.rescan_s)
                try:
                    idle_s = min(idle_s, await self._start_due(group))
                except LiaisonError as fault:
                    _log.warning("attachment.unread", code=fault.code, detail=fault.detail)
                await happens(self._woken.wait(), idle_s)

    async def expire(self) -> None:
        """End what did not come before its message expired."""
        now = self._clock.now()
        for item in await self._database.read(lambda tx: attached.expired(tx, now)):
            await self._lose(item, "expired")

    async def _start_due(self, group: asyncio.TaskGroup) -> float:
        """Start what is due, as far as there is room; return in how many seconds to look again."""
        now = self._clock.now()
        room = FETCHES_MOST - self._running
        due_at = await self._database.read(attached.next_due)
        if due_at is not None and due_at <= now and room:
            lease_until = now + self._settings.lease_s
            found = await self._database.write(
                lambda tx: attached.claim(tx, now=now, lease_until=lease_until, most=room)
            )
            self._running += len(found)
            for item in found:
                group.create_task(self._fetch(item), name=f"fetch-{item.origin}")
            due_at = await self._database.read(attached.next_due)
        return float(self._settings.rescan_s) if due_at is None else max(0.05, due_at - now)

    async def _fetch(self, item: Fetchable) -> None:
        renewing = asyncio.ensure_future(self._renew(item))
        try:
            await self._attempt(item)
        except LiaisonError as fault:  # the database: the lease runs out
            _log.warning("attachment.unsettled", peer=item.origin, code=fault.code)
        finally:
            renewing.cancel()
            self._running -= 1
            self.wake()

    async def _attempt(self, item: Fetchable) -> None:
        try:
            await self._bring(item)
        except LiaisonError as fault:
            if fault.code in FINAL:
                await self._lose(item, fault.code)
            else:
                await self._defer(item, fault)
        except Exception:  # noqa: BLE001 - a bug must not end the others
            _log.exception("attachment.broke", peer=item.origin)
            await self._defer(item, UnavailableError("internal_error", "see the log"))

    async def _bring(self, item: Fetchable) -> None:
        """Fetch, verify, and only then say that it is there."""
        hop = MemberId(item.origin)
        check_standing(self._mirror.known, self._keys.member, hop)
        attachment = await self._attachment(item)
        self._plaintexts.expect([attachment])
        await fetch_blob(
            self._peers.member(hop),
            self._incoming,
            (hop, item.envelope_id, item.blob_id),
            self._settings.segments_in_flight,
        )
        found = await self._database.read(lambda tx: attachments.incoming(tx, hop, [item.blob_id]))
        await self._plaintexts.verify(attachment, found[item.blob_id])
        await self._end(item, AttachmentState.WHOLE)
        _log.info("attachment.received", peer=hop, bytes=attachment.plain_bytes)

    async def _attachment(self, item: Fetchable) -> Attachment:
        """Find what the message says of it, its key above all."""
        stored = await self._database.read(
            lambda tx: messages.find(tx, item.sender, item.message_id)
        )
        assert stored is not None  # noqa: S101 - the row belongs to it
        storage = self._keys.storage_key(stored.storage_key_id)
        content_key = storage.unwrap(stored.envelope_id, stored.wrapped_key)
        payload = decode_payload(open_body(stored.header, stored.body, content_key).payload)
        return next(found for found in payload.attachments if found.blob_id == item.blob_id)

    async def _renew(self, item: Fetchable) -> None:
        while True:
            await self._clock.sleep(self._settings.lease_s / LEASE_RENEWALS)
            until = self._clock.now() + self._settings.lease_s
            extend = partial(attached.extend_lease, row_ids=[item.row_id], lease_until=until)
            await self._database.write(extend)

    async def _defer(self, item: Fetchable, fault: LiaisonError) -> None:
        due_at = next_attempt_at(
            self._retry,
            now=self._clock.now(),
            attempts=item.attempts + 1,
            jitter=self._keys.entropy(1)[0] / 256,
            expires_at=item.expires_at,
            asked_s=fault.retry_after_s or 0,
        )
        _log.warning("attachment.deferred", peer=item.origin, code=fault.code, detail=fault.detail)

        def commit(tx: Transaction) -> None:
            attached.defer(tx, item.row_id, due_at=due_at, code=fault.code)
            attachments.name(tx, item.origin, item.message, [item.blob_id], self._clock.now())

        await self._database.write(commit)

    async def _lose(self, item: Fetchable, code: str) -> None:
        _log.warning("attachment.lost", peer=item.origin, code=code)
        await self._end(item, AttachmentState.LOST, code)

    async def _end(self, item: Fetchable, state: AttachmentState, code: str = "") -> None:
        now = self._clock.now()
        whole = state is AttachmentState.WHOLE
        entry = self._ledger.entry(
            EntryKind.ATTACHMENT_RECEIVED if whole else EntryKind.ATTACHMENT_LOST,
            peer=item.origin,
            digests=(item.envelope_id, item.blob_id),
            code=code,
        )

        def commit(tx: Transaction) -> bool:
            if attached.end(tx, item.row_id, state, code):
                audit.append(tx, [entry])
            if whole:
                attachments.name(tx, item.origin, item.message, [item.blob_id], now)
            else:
                attachments.unname(tx, item.origin, item.message, item.blob_id)
            return item.envelope_id in attached.wanted(tx, [item.message_id])

        if not await self._database.write(commit):
            self._ended(MemberId(item.origin), item.envelope_id)


async def fetch_blob(
    peer: Peer, incoming: IncomingBlobs, named: tuple[MemberId, bytes, bytes], width: int
) -> None:
    """Fetch what is missing of a blob, ``width`` segments at a time.

    It is named by who has it, the envelope that waits for us there, and itself. Raises as ``peer``
    and ``incoming`` do.
    """
    hop, envelope_id, blob_id = named
    segment_list = await peer.blob_segments(envelope_id, blob_id)
    missing = await incoming.offer(hop, blob_id, segment_list)

    async def carry(number: int) -> None:
        segment = await peer.blob_segment(envelope_id, blob_id, number)
        await incoming.put_segment(hop, blob_id, number, segment)

    await side_by_side(missing, width, carry)
