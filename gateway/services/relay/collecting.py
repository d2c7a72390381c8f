"""Collect: ask the relays that keep our mailbox for what waits, by outbound calls alone.

A long poll at each relay; what it gives is opened and committed like any post, and the next call
carries the signatures that let the relay's copies go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.peer import Peers
from gateway.protocol.answer import MAX_BATCH, Accepted, Answer, PendingBlobs, Posted, Refused
from gateway.protocol.delivery import RetryPolicy, retry_delay_s
from gateway.protocol.envelope import parse_envelope
from gateway.protocol.mailbox import Collect, Confirmation, Return
from gateway.services.blobs.fetching import fetch_blob
from gateway.services.blobs.incoming_blobs import IncomingBlobs
from gateway.services.federation.cards import Cards
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import shunned
from gateway.settings import DeliverySettings
from keys.registry.view import View
from keys.suite import Entropy, MemberId

POLL_S = 25
CARD_LOOK_S = 60
FETCHES = 2
FETCHES_WAITING = 64
"""With more copies than this waiting for their attachments, nothing more is collected."""

_log = logger()

Accept = Callable[[MemberId, Sequence[Posted]], Awaitable[Sequence[Answer]]]
TakeBack = Callable[[MemberId, Sequence[Return]], Awaitable[None]]


@dataclass(slots=True)
class _Mailbox:
    """What is still to be said to one relay."""

    confirmations: list[Confirmation] = field(default_factory=list)
    settled: list[Return] = field(default_factory=list)
    kept: dict[bytes, Confirmation] = field(default_factory=dict)
    """By envelope: what lets a copy go whose attachments are still being fetched. After a crash the
    copy comes again, and is confirmed then."""
    failures: int = 0
    bringing: set[bytes] = field(default_factory=set)
    """The envelopes whose attachments are on their way here."""
    fetching: int = 0
    """How many copies are held in memory until their attachments are here."""
    fetched: asyncio.Event = field(default_factory=asyncio.Event)

    def forget(self, confirmed: Sequence[Confirmation], settled: Sequence[Return]) -> None:
        """Drop what a call has said; one that ran beside it may have said it too."""
        self.confirmations = [item for item in self.confirmations if item not in confirmed]
        self.settled = [item for item in self.settled if item not in settled]


class Collecting:
    """Empties our mailboxes, for as long as the registry names relays of ours."""

    def __init__(
        self,
        me: MemberId,
        peers: Peers,
        mirror: RegistryMirror,
        cards: Cards,
        incoming: IncomingBlobs,
        *,
        accept: Accept,
        take_back: TakeBack,
        clock: Clock,
        entropy: Entropy,
        settings: DeliverySettings,
    ) -> None:
        self._me = me
        self._peers = peers
        self._mirror = mirror
        self._cards = cards
        self._incoming = incoming
        self._accept = accept
        self._take_back = take_back
        self._clock = clock
        self._entropy = entropy
        self._retry = RetryPolicy(first_s=settings.retry_first_s, max_s=settings.retry_max_s)
        self._segments_in_flight = settings.segments_in_flight
        self._mailboxes: dict[MemberId, _Mailbox] = {}
        self._moved = asyncio.Event()
        self._fetches = asyncio.Semaphore(FETCHES)
        mirror.watch(self._changed)

    async def run(self) -> None:
        """Collect from each of our relays until cancelled."""
        running: dict[MemberId, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._leave_cards(), name="leave-cards")
            while True:
                self._moved.clear()
                relays = self._relays()
                for relay in set(running) - relays:
                    running.pop(relay).cancel()
                for relay in relays - set(running):
                    running[relay] = group.create_task(
                        self._empty(relay, group), name=f"collect-{relay}"
                    )
                await self._moved.wait()

    def fetched(self, relay: MemberId, envelope_id: bytes) -> None:
        """Let a copy go with the next call: nothing more of it is to be fetched."""
        mailbox = self._mailboxes.get(relay)
        if mailbox is not None and envelope_id in mailbox.kept:
            mailbox.confirmations.append(mailbox.kept.pop(envelope_id))

    async def _leave_cards(self) -> None:
        """Let the relays answer for our sealing keys: senders cannot ask us."""
        left: dict[MemberId, bytes] = {}
        while True:
            self._cards.issued.clear()
            wait_s = float(CARD_LOOK_S)
            for relay in self._relays():
                try:
                    note = await self._cards.note(self._me)
                    if left.get(relay) != note:
                        await self._peers.member(relay).post_card(note)
                        left[relay] = note
                except LiaisonError as fault:
                    if fault.code == "card_older":  # somebody issues cards in our name
                        _log.error("card.refused", peer=relay, code=fault.code)
                    else:
                        _log.info("card.deferred", peer=relay, code=fault.code)
                    wait_s = 2.0
            await happens(self._cards.issued.wait(), wait_s)

    def _changed(self, _: View) -> None:
        self._moved.set()
        self._cards.issued.set()

    def _relays(self) -> set[MemberId]:
        known = self._mirror.known
        own = None if known is None else known.members.get(self._me)
        relays = () if own is None or own.suspended else own.via
        return {relay for relay in relays if not shunned(known, relay)}

    async def _empty(self, relay: MemberId, group: asyncio.TaskGroup) -> None:
        mailbox = self._mailboxes.setdefault(relay, _Mailbox())
        while True:
            while mailbox.fetching > FETCHES_WAITING:
                mailbox.fetched.clear()
                await mailbox.fetched.wait()
            try:
                await self.collect(relay, mailbox, group)
                mailbox.failures = 0
            except LiaisonError as fault:
                _log.warning("mailbox.deferred", peer=relay, code=fault.code, detail=fault.detail)
                mailbox.failures += 1
                jitter = self._entropy(1)[0] / 256
                wait_s = retry_delay_s(self._retry, mailbox.failures, jitter)
                await self._clock.sleep(max(wait_s, fault.retry_after_s or 0))

    async def collect(
        self, relay: MemberId, mailbox: _Mailbox, group: asyncio.TaskGroup, wait_s: int = POLL_S
    ) -> int:
        """Make one call: confirm, wait, take what came; return how many copies and returns."""
        peer = self._peers.member(relay)
        confirmed = mailbox.confirmations[:MAX_BATCH]
        settled = mailbox.settled[:MAX_BATCH]
        more = len(mailbox.confirmations) > len(confirmed)
        asked = Collect(0 if more else wait_s, tuple(confirmed), tuple(settled))
        found = await peer.collect(asked)
        mailbox.forget(confirmed, settled)
        if found.returns:
            await self._take_back(relay, found.returns)
            mailbox.settled += found.returns
        if found.copies:
            await self._take(relay, mailbox, found.copies, group)
        return len(found.copies) + len(found.returns)

    async def _take(
        self, relay: MemberId, mailbox: _Mailbox, copies: Sequence[Posted], group: asyncio.TaskGroup
    ) -> None:
        answers = await self._accept(relay, copies)
        for copy, answer in zip(copies, answers, strict=True):
            match answer:
                case Accepted(receipt=receipt, sealed=sealed, wanted=wanted):
                    mailbox.confirmations.append(Confirmation(receipt, sealed, wanted))
                    if wanted:
                        envelope_id = parse_envelope(copy.envelope).envelope_id
                        mailbox.kept[envelope_id] = Confirmation(receipt, sealed)
                case Refused(receipt=receipt) if receipt:
                    mailbox.confirmations.append(Confirmation(receipt, b""))
                case PendingBlobs(blob_ids=blob_ids):
                    envelope_id = parse_envelope(copy.envelope).envelope_id
                    if envelope_id in mailbox.bringing:
                        continue  # its lease ran out meanwhile: once is enough
                    mailbox.bringing.add(envelope_id)
                    mailbox.fetching += 1
                    group.create_task(
                        self._fetch(relay, mailbox, copy, (envelope_id, blob_ids), group),
                        name=f"fetch-{relay}",
                    )
                case _:  # later: the copy comes again when its lease runs out
                    _log.info("copy.deferred", peer=relay, code=getattr(answer, "code", ""))

    async def _fetch(
        self,
        relay: MemberId,
        mailbox: _Mailbox,
        copy: Posted,
        named: tuple[bytes, Sequence[bytes]],
        group: asyncio.TaskGroup,
    ) -> None:
        """Bring a copy's attachments here (envelope, blobs), then take it."""
        envelope_id, blob_ids = named
        try:
            async with self._fetches:
                peer = self._peers.member(relay)
                for blob_id in blob_ids:
                    blob = relay, envelope_id, blob_id
                    await fetch_blob(peer, self._incoming, blob, self._segments_in_flight)
            mailbox.bringing.discard(envelope_id)
            await self._take(relay, mailbox, [copy], group)
            if mailbox.fetching <= FETCHES_WAITING:  # else the one who waits for us confirms it
                await self.collect(relay, mailbox, group, wait_s=0)
        except LiaisonError as fault:
            _log.warning("attachment.deferred", peer=relay, code=fault.code, detail=fault.detail)
        finally:
            mailbox.bringing.discard(envelope_id)
            mailbox.fetching -= 1
            mailbox.fetched.set()
