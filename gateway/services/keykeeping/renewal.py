"""Draw what a node needs anew without the registry: sealing keys with their card, storage keys.

Source: keys/README.md, "A key's life".
"""

import asyncio
from collections.abc import Sequence

from gateway.clock import Clock
from gateway.services.federation.cards import Cards
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import check_standing, shunned
from gateway.services.keys import NodeKeys
from gateway.settings import PolicySettings
from keys.keyring import KeyRecord, new_record
from keys.registry.card import KeyCard, draft_card
from keys.suite import KeyUse

RENEW_CARD_PART = 3
"""A card is renewed when less than a third of its time is left."""
STORAGE_MONTH_S = 30 * 86_400


class Renewal:
    """Draws sealing and storage keys; one call at a time, which ``Rotation`` sees to."""

    def __init__(
        self,
        keys: NodeKeys,
        mirror: RegistryMirror,
        cards: Cards,
        *,
        clock: Clock,
        policy: PolicySettings,
    ) -> None:
        self._keys = keys
        self._mirror = mirror
        self._cards = cards
        self._clock = clock
        self._policy = policy

    async def draw_storage_key(self) -> KeyRecord:
        """Draw the storage key of a month that begins now."""
        now = self._clock.now()
        end = now + STORAGE_MONTH_S
        entropy = self._keys.entropy
        record = new_record(KeyUse.STORAGE, start=now, end=end, entropy=entropy)
        await self._keys.add([record])
        return record

    async def keep_storage_key_fresh(self) -> None:
        """Draw the storage key of a new month."""
        records = self._keys.keyring.records(KeyUse.STORAGE)
        if not records or records[-1].end <= self._clock.now():
            await self.draw_storage_key()

    async def keep_card_fresh(self) -> None:
        """See that the card in use is good, lasts and opens, and that our present key signed it."""
        now = self._clock.now()
        view = self._mirror.view
        if shunned(view, self._keys.member):
            return  # nobody takes a card of ours; there is a new one as soon as we are resumed
        card = await self._cards.current(self._keys.member)
        records = () if card is None else self._records(card)
        lasting_s = self._policy.epochs * self._policy.epoch_s // RENEW_CARD_PART
        if card is None or records is None or card.until - now < lasting_s:
            await self.draw_card()
        elif card.signer.key_id != self._keys.signer(view, now).key_id:
            await self._cards.publish(await self._signed_card(records, now))

    def _records(self, card: KeyCard) -> Sequence[KeyRecord] | None:
        """Return the private keys of a card of ours; None if one is lost that mail may need."""
        now, lifetime_s = self._clock.now(), self._policy.max_lifetime_s
        needed = {epoch.key_id for epoch in card.epochs if now < epoch.end + lifetime_s}
        if not all(self._keys.seals(key_id) for key_id in needed):
            return None
        held = self._keys.keyring.records(KeyUse.SEAL)
        return [record for record in held if record.key_id in needed]

    async def draw_card(self) -> KeyRecord:
        """Draw a sealing key for each coming epoch and publish the card that lists them.

        Raises UnavailableError, with nothing drawn, while no registered key could sign the card, or
        nobody would take it.
        """
        now = self._clock.now()
        check_standing(self._mirror.view, self._keys.member)
        self._keys.signer(self._mirror.view, now)
        length_s = self._policy.epoch_s
        records = [
            new_record(
                KeyUse.SEAL,
                start=now + number * length_s,
                end=now + (number + 1) * length_s,
                entropy=self._keys.entropy,
            )
            for number in range(self._policy.epochs)
        ]
        # A message written a moment before this card must open under it too: clocks differ.
        skew_s = self._policy.clock_skew_s
        first = records[0]
        records[0] = KeyRecord(
            use=first.use, key_id=first.key_id, seed=first.seed, start=now - skew_s, end=first.end
        )
        note = await self._signed_card(records, now)
        await self._keys.add(records)  # after the signature, which a token may refuse
        await self._cards.publish(note)
        return records[0]

    async def _signed_card(self, records: Sequence[KeyRecord], now: int) -> bytes:
        view = self._mirror.view
        return await asyncio.to_thread(
            draft_card,
            view.federation,
            self._keys.member,
            serial=await self._cards.next_serial(now),
            at=now,
            records=records,
            signer=self._keys.note_signer(KeyUse.SIGN, view, now),
        )
