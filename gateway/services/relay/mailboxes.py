"""Mailboxes: what waits here for others, let go against their signature; and its way back.

A copy is let go against the custody receipt of who takes it next. The previous hop is remembered
until the message expires, and told what became of it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.protocol.answer import Posted
from gateway.protocol.audit import EntryKind
from gateway.protocol.codec import decode, decoder, encode
from gateway.protocol.delivery import CUSTODY_FIRST_S
from gateway.protocol.envelope import Stanza, encode_envelope
from gateway.protocol.mailbox import (
    Collect,
    Collected,
    Confirmation,
    Delivered,
    Halted,
    Rejected,
    Return,
)
from gateway.protocol.receipt import (
    Copy,
    Receipt,
    ReceiptKind,
    check_custody,
    check_refusal,
    verify_receipt,
)
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.views import Heard
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.settings import RelaySettings
from gateway.store import audit, custody, news, way_back
from gateway.store.custody import ClaimedCopy, HeldCopy
from gateway.store.database import Database, Transaction
from gateway.store.news import Topic
from keys.suite import MemberId

MAX_RETURN_BYTES = 8192

_log = logger()
_returns = decoder(Return)


class Mailboxes:
    """Keeps copies for others, and what became of those that went on."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        ledger: Ledger,
        clock: Clock,
        settings: RelaySettings,
        heard: Heard,
        came_back: Callable[[], None],
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._heard = heard
        self._came_back = came_back
        self._changed = asyncio.Condition()

    async def collect(self, member: MemberId, asked: Collect) -> Collected:
        """Let go what ``member`` confirms, and return what waits for it; wait for the first."""
        await self._confirm(member, asked.confirmations)
        if asked.settled:
            await self._database.write(lambda tx: _told(tx, member, asked.settled))
        deadline = self._clock.monotonic() + asked.wait_s
        while True:
            async with self._changed:
                found = await self._waiting(member)
                left_s = deadline - self._clock.monotonic()
                if found.copies or found.returns or left_s <= 0:
                    return found
                await happens(self._changed.wait(), min(left_s, 5.0))

    async def take_back(self, hop: MemberId, item: Return) -> bool:
        """Keep what ``hop`` says became of a copy that it took from us; tell if it did take it."""

        def commit(tx: Transaction) -> bool:
            found = custody.find(
                tx, item.envelope_id, item.recipient, stanza_digest=item.stanza_digest
            )
            rows = [copy.row_id for copy in found if copy.custodian == hop]
            way_back.bring_back(tx, rows, encode(item), self._clock.now())
            news.tell(tx, Topic.RETURNS)
            return bool(rows)

        known = await self._database.write(commit)
        if known:
            await self.changed()
        return known

    async def changed(self) -> None:
        """Tell those who wait at their mailbox, and who brings returns, to look."""
        self._came_back()
        async with self._changed:
            self._changed.notify_all()

    async def _waiting(self, member: MemberId) -> Collected:
        now = self._clock.now()
        again_at = now + self._settings.collect_lease_s

        def commit(tx: Transaction) -> tuple[list[ClaimedCopy], list[HeldCopy]]:
            copies = custody.claim(tx, [member], now=now, lease_until=again_at)
            return copies, way_back.returns_for(tx, member, now=now, again_at=again_at)

        copies, returns = await self._database.write(commit)
        return Collected(
            tuple(self._posted(copy) for copy in copies),
            tuple(parse_return(item.outcome) for item in returns if item.outcome is not None),
        )

    def _posted(self, copy: ClaimedCopy) -> Posted:
        stanza = Stanza(copy.seal_kid, copy.wrapped)
        return Posted(
            (*(MemberId(hop) for hop in copy.hops), self._keys.member),
            (MemberId(copy.recipient),),
            encode_envelope(copy.header, [stanza], copy.body),
        )

    async def _confirm(self, member: MemberId, confirmations: Sequence[Confirmation]) -> None:
        """Let copies go that the recipient signed for; what proves nothing is recorded."""
        good: list[tuple[Confirmation, Receipt]] = []
        bad: list[audit.NewEntry] = []
        for item in confirmations:
            try:
                good.append((item, self._verified(member, item)))
            except LiaisonError as fault:
                _log.warning("receipt.refused", peer=member, code=fault.code)
                bad.append(
                    self._ledger.entry(EntryKind.RECEIPT_REFUSED, peer=member, code=fault.code)
                )
        if not confirmations:
            return

        def commit(tx: Transaction) -> None:
            for item, receipt in good:
                self._let_go(tx, member, item, receipt)
            news.tell(tx, Topic.RETURNS)
            audit.append(tx, bad)

        await self._database.write_unit(commit)
        await self.changed()

    def _verified(self, member: MemberId, item: Confirmation) -> Receipt:
        verified = verify_receipt(item.receipt, self._mirror.view)
        self._heard(verified.signer.member, verified.registry)
        receipt = verified.receipt
        copy = Copy(
            envelope_id=receipt.envelope_id,
            recipient=member,
            stanza_digest=receipt.content_digest,
        )
        if receipt.kind is ReceiptKind.REFUSAL:
            check_refusal(verified, copy)
        else:
            check_custody(verified, copy, member)
        return receipt

    def _let_go(
        self, tx: Transaction, member: MemberId, item: Confirmation, receipt: Receipt
    ) -> None:
        now = self._clock.now()
        found = custody.find(tx, receipt.envelope_id, member, stanza_digest=receipt.content_digest)
        rows = [copy.row_id for copy in found]
        if receipt.kind is ReceiptKind.REFUSAL:
            custody.end(tx, rows, receipt.code)
            outcome: Delivered | Rejected | None = Rejected(item.receipt)
        else:
            news = item.sealed and any(copy.outcome is None for copy in found)
            outcome = Delivered(item.sealed) if news else None
            if item.wanted:  # it fetches them from here, and will confirm again
                custody.extend_leases(tx, rows, now + CUSTODY_FIRST_S)
            else:
                custody.hand_on(tx, rows, custodian=member, due_at=now)
        if outcome is not None and found:
            way_back.bring_back(tx, rows, became(found[0], outcome), now)


def parse_return(encoded: bytes) -> Return:
    """Read a return that this node stored."""
    return decode(encoded, _returns, most_bytes=MAX_RETURN_BYTES)


def became(copy: HeldCopy, outcome: Delivered | Rejected | Halted) -> bytes:
    """Return what the previous hop is told of a copy."""
    return encode(
        Return(
            copy.envelope_id,
            copy.message_id,
            MemberId(copy.recipient),
            copy.stanza_digest,
            outcome,
        )
    )


def _told(tx: Transaction, member: MemberId, settled: Iterable[Return]) -> None:
    rows: list[int] = []
    for item in settled:
        found = custody.find(
            tx,
            item.envelope_id,
            item.recipient,
            stanza_digest=item.stanza_digest,
            previous_hop=member,
        )
        rows += [copy.row_id for copy in found if copy.outcome == encode(item)]
    way_back.returned(tx, rows)
