"""Export: write what is open for a member, and what is owed to it, to a medium.

Nothing is confirmed by that: rows stay open and their attempts go on, so a medium that gets lost
costs nothing but its way. Streamed, one segment of an attachment in memory at a time.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.protocol.audit import EntryKind
from gateway.protocol.blob import parse_segment_list
from gateway.protocol.envelope import encode_envelope, parse_header
from gateway.protocol.mailbox import Delivered, Rejected, Return
from gateway.protocol.medium import (
    BlobOffer,
    BlobSegment,
    CardNote,
    CarriedCopy,
    CarriedReturn,
    Heading,
    LeftOut,
    MediumWriter,
    RegistryCheckpoint,
    RegistryStatement,
    Written,
)
from gateway.protocol.receipt import renew_receipt
from gateway.services.caller import Caller, require
from gateway.services.federation.cards import Cards
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, shunned
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.relay.wayback import Wayback
from gateway.services.sending.cargo import Load
from gateway.services.sending.delivery import Delivery
from gateway.settings import Role
from gateway.store import audit, carried, messages
from gateway.store.blobs import BlobStore
from gateway.store.carried import Carried
from gateway.store.database import Database, Transaction
from gateway.store.messages import StoredMessage
from gateway.store.outbox import showing
from keys.suite import MemberId
from keys.tlog.checkpoint import parse_checkpoint

ROWS_PER_READ = 16
"""At most 2 MiB each."""
RETURNS_PER_READ = 64
PIECE_BYTES = 1024 * 1024

_log = logger()


class Exporting:
    """Writes media."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        cards: Cards,
        delivery: Delivery,
        wayback: Wayback,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._keys = keys
        self._mirror = mirror
        self._cards = cards
        self._delivery = delivery
        self._wayback = wayback
        self._ledger = ledger
        self._clock = clock

    def export(self, member: str, caller: Caller) -> AsyncIterator[bytes]:
        """Return a medium for ``member``, in pieces of 1 MiB at most.

        Raises ForbiddenError ``role_missing``; RejectedError ``member_unknown``,
        ``member_suspended``, ``recipient_not_possible``.
        """
        require(caller, Role.OPERATOR)
        known = self._mirror.view.member(MemberId(member))
        suspended = shunned(self._mirror.view, member, self._keys.member)
        if suspended:
            raise RejectedError(SUSPENDED, f"{suspended} is suspended")
        if known.member == self._keys.member:
            raise RejectedError("recipient_not_possible", "a medium goes to another member")
        return self._medium(known.member, caller)

    async def _medium(self, to: MemberId, caller: Caller) -> AsyncIterator[bytes]:
        writer = MediumWriter()
        written: list[int] = []
        yield writer.begin(Heading(self._keys.member, to, self._clock.now()))
        for part in (self._registry(), self._card(), self._copies(to, written), self._owed(to)):
            async for record in part:
                framed = await asyncio.to_thread(writer.write, record)
                del record  # of 8 MiB, as many as need be are held at a time and no more
                for start in range(0, len(framed), PIECE_BYTES):
                    yield framed[start : start + PIECE_BYTES]
                del framed
        await self._record(to, caller, writer.digest, written)
        yield writer.end()

    async def _registry(self) -> AsyncIterator[Written]:
        """All of it: who is offline altogether learns of admissions and new keys by this alone."""
        head = await self._mirror.checkpoint()
        size, number = parse_checkpoint(head).size, 0
        while number < size:
            for note in await self._mirror.entries(number, size):
                yield RegistryStatement(number, note)
                number += 1
        yield RegistryCheckpoint(head)

    async def _card(self) -> AsyncIterator[Written]:
        try:
            yield CardNote(await self._cards.note(self._keys.member))
        except LiaisonError as fault:  # the registrar's node seals nothing and has none
            _log.info("card.deferred", code=fault.code)

    async def _copies(self, to: MemberId, written: list[int]) -> AsyncIterator[Written]:
        brought: set[bytes] = set()
        rows = await self._delivery.still_open(to)
        for start in range(0, len(rows), ROWS_PER_READ):
            for load in await self._delivery.copies(rows[start : start + ROWS_PER_READ]):
                try:
                    async for record in self._copy(load, brought):
                        yield record
                except LiaisonError as fault:
                    yield LeftOut(load.item.message_id, fault.code)
                else:
                    written.append(load.row_id)

    async def _copy(self, load: Load, brought: set[bytes]) -> AsyncIterator[Written]:
        """Yield the attachments that are not on the medium yet, then the copy that names them."""
        if load.stanza is None:
            raise RejectedError("card_unknown", f"no key card of {load.recipient} is held here")
        for blob in parse_header(load.header).blobs:
            if blob.blob_id not in brought:
                location, segment_list = await self._delivery.blob(load, blob.blob_id)
                yield BlobOffer(blob.blob_id, segment_list)
                segments = parse_segment_list(segment_list, blob.blob_id)
                for number in range(len(segments.digests)):
                    length = segments.segment_bytes(number)
                    segment = await asyncio.to_thread(self._blobs.read, location, number, 0, length)
                    yield BlobSegment(blob.blob_id, number, bytes(segment))
                    del segment
                brought.add(blob.blob_id)
        yield CarriedCopy(encode_envelope(load.header, [load.stanza], load.body))

    async def _owed(self, to: MemberId) -> AsyncIterator[Written]:
        after, told = 0, set[bytes]()
        while page := await self._database.read(partial(_owed_page, member=to, after=after)):
            for copy, stored in page:
                after = copy.row_id
                owed = self._return(copy, stored)
                if owed is None or owed.envelope_id in told:
                    continue
                if isinstance(owed.outcome, Delivered):
                    told.add(owed.envelope_id)  # once, however often it was sealed anew
                yield CarriedReturn(owed)

    def _return(self, copy: Carried, stored: StoredMessage | None) -> Return | None:
        """Return what became of a copy; None where nothing did: it is to come again.

        A refused copy's name may be that of another message, which came before it.
        """
        envelope_id = copy.envelope_id
        outcome: Delivered | Rejected
        same = stored is not None and stored.envelope_id == envelope_id
        if stored is not None and stored.receipt is not None and (same or copy.refusal is None):
            envelope_id = stored.envelope_id
            outcome = Delivered(self._wayback.seal(self._given(stored.receipt), stored))
        elif copy.refusal is not None:
            outcome = Rejected(self._given(copy.refusal))
        else:
            return None
        me = self._keys.member
        return Return(envelope_id, copy.message_id, me, copy.stanza_digest, outcome)

    def _given(self, receipt: bytes) -> bytes:
        """Return a receipt of ours as it was given, or signed anew if its signer is revoked."""
        view, now = self._mirror.view, self._clock.now()
        renewed = renew_receipt(receipt, view, self._keys.signer(view, now), now)
        return receipt if renewed is None else renewed

    async def _record(
        self, to: MemberId, caller: Caller, medium: bytes, written: list[int]
    ) -> None:
        now = self._clock.now()
        entry = self._ledger.entry(
            EntryKind.ADMINISTRATOR_ACTED,
            peer=caller.name,
            digests=(medium,),
            code=f"export {to}",
        )

        def commit(tx: Transaction) -> None:
            showing.note_export(tx, written, now)
            audit.append(tx, [entry])

        await self._database.write_unit(commit)
        _log.info("medium.exported", peer=to, count=len(written))


def _owed_page(
    tx: Transaction, *, member: MemberId, after: int
) -> list[tuple[Carried, StoredMessage | None]]:
    """Return copies that media brought, each with the message that is stored under its name."""
    page = carried.owed(tx, member, after=after, limit=RETURNS_PER_READ)
    return [(copy, messages.find(tx, member, copy.message_id)) for copy in page]
