"""Key cards: issue our own, keep the peers', and answer which key to seal to."""

import asyncio
from collections.abc import Sequence

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.peer import Peers
from gateway.protocol.audit import EntryKind
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import check_standing, shunned
from gateway.services.ledger import Ledger
from gateway.store import audit
from gateway.store import registry as held
from gateway.store.database import Database, Transaction
from gateway.store.registry import ListedKey
from keys.registry.card import KeyCard, verify_card
from keys.registry.view import View
from keys.suite import KeyId, MemberId, digest


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
        self._verified: dict[MemberId, tuple[KeyCard, bytes]] = {}
        self.issued = asyncio.Event()
        """Set when a card of our own was published; who leaves it elsewhere clears it."""

    async def publish(self, note: bytes) -> KeyCard:
        """Keep the card that this node has just signed; its digest enters the audit log."""
        view = self._mirror.view
        card = verify_card(note, view, self._clock.now())
        entry = self._ledger.entry(
            EntryKind.KEY_CARD_ISSUED, peer=card.member, digests=(digest(note),)
        )

        def commit(tx: Transaction) -> None:
            self._put(tx, card, note, view)
            audit.append(tx, [entry])

        await self._database.write(commit)
        self._verified[card.member] = card, note
        self.issued.set()
        return card

    async def next_serial(self, now: int) -> int:
        """Return the serial of our next card.

        It follows the clock, so that a node that came back from a backup goes on above what its
        peers hold.
        """
        row = await self._database.read(lambda tx: held.card(tx, self._me))
        return now if row is None else max(now, row[0] + 1)

    async def note(self, member: MemberId) -> bytes:
        """Return the newest card held, byte for byte, if it is good now.

        Raises UnavailableError ``card_unknown``.
        """
        found = await self._good(member)
        if found is None:
            raise UnavailableError(
                "card_unknown", f"no good key card of {member} is held here", retry_after_s=5
            )
        return found[1]

    async def current(self, member: MemberId) -> KeyCard | None:
        """Return the card to seal to ``member`` now, if one that is good is held."""
        found = await self._good(member)
        return None if found is None else found[0]

    async def fetch(self, member: MemberId) -> KeyCard:
        """Ask ``member``, and the relays that answer for it, for a card newer than ours; keep it.

        Raises UnavailableError when nobody can be reached or it is suspended, RejectedError when
        the card is not good or no newer.
        """
        known = self._mirror.view.members.get(member)
        check_standing(self._mirror.view, member)
        sources = [] if known is None else [relay for relay in known.via if relay != self._me]
        if known is None or known.endpoint is not None:
            sources.append(member)
        before = await self.current(member)
        found: KeyCard | None = None
        fault: LiaisonError = UnavailableError("card_unknown", f"nobody answers for {member}")
        for source in sources:
            try:
                found = await self.keep(member, await self._peers.member(source).card(member))
            except LiaisonError as reason:
                fault = reason
                if fault.code == "signature_missing":  # of a key that we have not heard of yet
                    self._mirror.behind.set()
                continue
            if before is None or found.rank > before.rank:
                break  # who has nothing newer may not have heard of it: ask the next
        if found is None:
            raise fault
        return found

    async def keep(self, member: MemberId, note: bytes) -> KeyCard:
        """Verify a card of ``member`` and keep it as the newest; the same again changes nothing.

        Raises RejectedError ``card_of_another_member``, ``card_older`` (a newer one is held),
        ``key_reused`` (it lists a sealing key that was listed otherwise), and as ``verify_card``.
        """
        view = self._mirror.view
        card = verify_card(note, view, self._clock.now())
        if card.member != member:
            raise RejectedError(
                "card_of_another_member", f"a card of {card.member}, not of {member}"
            )
        await self._database.write(lambda tx: self._put(tx, card, note, view))
        self._verified[member] = card, note
        return card

    def _put(self, tx: Transaction, card: KeyCard, note: bytes, view: View) -> None:
        """Keep a card in place of an older or void one, or raise what is wrong with it."""
        held.lock_cards(tx)
        row = held.card(tx, card.member)
        if row is not None and row[1] == note:
            return
        before = None if row is None else self._verify(row[1], view)
        if before is not None and card.rank <= before.rank:
            raise RejectedError("card_older", f"a newer card of {card.member} is held")
        keys = _listed(card)
        for listed in held.listed_keys(tx, [key.key_id for key in keys]):
            _check_listing(listed, keys, view)
        held.put_card(tx, card.member, card.serial, note, keys)

    async def _good(self, member: MemberId) -> tuple[KeyCard, bytes] | None:
        """Return the card held with its bytes; None where none is good now."""
        found = self._verified.get(member)
        if found is not None and self._is_good(found[0]):
            return found
        row = await self._database.read(lambda tx: held.card(tx, member))
        card = None if row is None else self._verify(row[1], self._mirror.view)
        if row is None or card is None:
            return None
        self._verified[member] = card, row[1]
        return self._verified[member]

    def _is_good(self, card: KeyCard) -> bool:
        view = self._mirror.view
        good = self._clock.now() < card.until and not shunned(view, card.member)
        return good and view.keys[card.signer.key_id].revoked_since is None

    def _verify(self, note: bytes, view: View) -> KeyCard | None:
        try:
            return verify_card(note, view, self._clock.now())
        except LiaisonError:  # out of date, revoked since, or of a registry newer than ours
            return None


def _listed(card: KeyCard) -> list[ListedKey]:
    return [
        ListedKey(
            key_id=epoch.key_id,
            member=card.member,
            signer_kid=card.signer.key_id,
            start=epoch.start,
            end=epoch.end,
        )
        for epoch in card.epochs
    ]


def _check_listing(listed: ListedKey, keys: Sequence[ListedKey], view: View) -> None:
    """Compare a key with how it was listed before, unless a thief or a suspended member said so.

    Raises RejectedError ``key_reused``.
    """
    signer = view.keys.get(KeyId(listed.signer_kid))
    void = signer is None or signer.revoked_since is not None
    if void or shunned(view, listed.member):
        return
    now = next(key for key in keys if key.key_id == listed.key_id)
    if (listed.member, listed.start, listed.end) != (now.member, now.start, now.end):
        raise RejectedError(
            "key_reused",
            f"the card of {now.member} lists a sealing key that a card of {listed.member} lists "
            "for another member or epoch",
        )
