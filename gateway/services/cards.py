"""Key cards: issue our own, keep the peers', and answer which key to seal to."""

import asyncio

from gateway.clock import Clock
from gateway.errors import LiaisonError, UnavailableError
from gateway.peer import Peers
from gateway.protocol.audit import EntryKind
from gateway.services.ledger import Ledger
from gateway.services.registry import RegistryMirror
from gateway.store import audit
from gateway.store import registry as held
from gateway.store.database import Database, Transaction
from keys.registry.card import KeyCard, verify_card
from keys.suite import MemberId, digest


class Cards:
    """The key cards that this node has verified, its own included."""

    def __init__(
        self,
        me: MemberId,
        database: Database,
        peers: Peers,
        mirror: RegistryMirror,
        *,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._me = me
        self._database = database
        self._peers = peers
        self._mirror = mirror
        self._ledger = ledger
        self._clock = clock
        self._verified: dict[MemberId, KeyCard] = {}
        self.issued = asyncio.Event()
        """Set when a card of our own was published; who leaves it elsewhere clears it."""

    async def publish(self, note: bytes) -> KeyCard:
        """Keep the card that this node has just signed; its digest enters the audit log."""
        card = verify_card(note, self._mirror.view, self._clock.now())
        entry = self._ledger.entry(
            EntryKind.KEY_CARD_ISSUED, peer=card.member, digests=(digest(note),)
        )

        def commit(tx: Transaction) -> None:
            held.put_card(tx, card.member, card.serial, note)
            audit.append(tx, [entry])

        await self._database.write(commit)
        self._verified[card.member] = card
        self.issued.set()
        return card

    async def serial(self, member: MemberId) -> int:
        """Return the serial of the newest card held of ``member``; 0 for none."""
        row = await self._database.read(lambda tx: held.card(tx, member))
        return 0 if row is None else row[0]

    async def note(self, member: MemberId) -> bytes:
        """Return the newest card held, byte for byte. Raises UnavailableError ``card_unknown``."""
        row = await self._database.read(lambda tx: held.card(tx, member))
        if row is None:
            raise UnavailableError(
                "card_unknown", f"no key card of {member} is held here", retry_after_s=5
            )
        return row[1]

    async def current(self, member: MemberId) -> KeyCard | None:
        """Return the card to seal to ``member`` now, if one that is good is held."""
        now = self._clock.now()
        card = self._verified.get(member)
        if card is None:
            row = await self._database.read(lambda tx: held.card(tx, member))
            if row is None:
                return None
            try:
                card = verify_card(row[1], self._mirror.view, now)
            except LiaisonError:  # out of date, revoked since, or of a registry newer than ours
                return None
            self._verified[member] = card
        signer = self._mirror.view.keys[card.signer.key_id]
        return card if now < card.until and signer.revoked_since is None else None

    async def fetch(self, member: MemberId) -> KeyCard:
        """Ask ``member``, or the relays that answer for it, for its newest card; keep it.

        Raises UnavailableError when nobody can be reached, RejectedError when the card is not good.
        """
        known = self._mirror.view.members.get(member)
        sources = [] if known is None else [relay for relay in known.via if relay != self._me]
        if known is None or known.endpoint is not None:
            sources.append(member)
        fault: LiaisonError = UnavailableError("card_unknown", f"nobody answers for {member}")
        for source in sources:
            try:
                return await self.keep(member, await self._peers.member(source).card(member))
            except LiaisonError as reason:
                fault = reason
        raise fault

    async def keep(self, member: MemberId, note: bytes) -> KeyCard:
        """Verify a card of ``member`` and keep it, unless a newer one is held.

        Raises RejectedError when it is not good.
        """
        card = verify_card(note, self._mirror.view, self._clock.now())
        if card.member != member:
            raise UnavailableError("card_unknown", f"a card of {card.member}, not of {member}")
        await self._database.write(lambda tx: held.put_card(tx, member, card.serial, note))
        newest = self._verified.get(member)
        if newest is None or newest.serial <= card.serial:
            self._verified[member] = card
        return self._verified[member]
