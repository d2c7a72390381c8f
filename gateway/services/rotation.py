"""Replace a key while everything goes on.

The order makes it safe to die anywhere: a new key is durable in the keystore before it is
published, published before it is used, and the old one verifies and opens for as long as anything
under it may arrive.
"""

import asyncio
import contextlib
from collections.abc import Sequence

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.services.caller import Caller, require
from gateway.services.cards import Cards
from gateway.services.keys import KeySummary, NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.registry import Registrar, RegistryMirror
from gateway.services.standing import check_standing, shunned
from gateway.settings import PolicySettings, Role
from gateway.store import audit
from gateway.store.database import Database
from keys.keyring import KeyRecord, new_record
from keys.registry.card import KeyCard, draft_card
from keys.registry.draft import draft_rotation, use_line
from keys.registry.member import RegisteredKey
from keys.registry.statement import UseLine
from keys.suite import KeyId, KeyUse
from keys.tlog.note import sign_note

RENEW_CARD_PART = 3
"""A card is renewed when less than a third of its time is left."""
STORAGE_MONTH_S = 30 * 86_400


class Rotation:
    """Rotates the keys that a running node can rotate by itself."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        registrar: Registrar,
        cards: Cards,
        *,
        ledger: Ledger,
        clock: Clock,
        policy: PolicySettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._registrar = registrar
        self._cards = cards
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._changing = asyncio.Lock()

    async def rotate(self, use: KeyUse, caller: Caller) -> KeySummary:
        """Replace the key of one use, now; return the new one.

        Raises ForbiddenError ``role_missing``, RejectedError ``use_not_rotatable``, or what the
        registry says against it.
        """
        require(caller, Role.OPERATOR)
        async with self._changing:
            match use:
                case KeyUse.SIGN:
                    record = await self._rotate_registered(use, lead_s=0)
                    with contextlib.suppress(LiaisonError):  # else the next sweep does it
                        await self._keep_card_fresh()
                case KeyUse.TLS:
                    record = await self._rotate_registered(use, lead_s=self._policy.tls_lead_s)
                case KeyUse.SEAL:
                    record = await self._draw_card()
                case _:
                    raise RejectedError(
                        "use_not_rotatable", f"{use} keys are not rotated by a running node"
                    )
        entry = self._ledger.entry(
            EntryKind.KEY_ROTATED, peer=caller.name, digests=(record.key_id,), code=use.value
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))
        shown = self._keys.listing(self._mirror.view, self._clock.now())
        return next(item for item in shown if item.id == record.key_id.hex())

    async def keep_card_fresh(self) -> None:
        """See that the card in use is good, lasts and opens, and that our present key signed it."""
        async with self._changing:
            await self._keep_card_fresh()

    async def keep_storage_key_fresh(self) -> None:
        """Draw the storage key of a new month."""
        async with self._changing:
            now = self._clock.now()
            records = self._keys.keyring.records(KeyUse.STORAGE)
            if not records or records[-1].end <= now:
                end = now + STORAGE_MONTH_S
                entropy = self._keys.entropy
                month = new_record(KeyUse.STORAGE, start=now, end=end, entropy=entropy)
                await self._keys.add([month])

    async def _keep_card_fresh(self) -> None:
        now = self._clock.now()
        view = self._mirror.view
        if shunned(view, self._keys.member):
            return  # nobody takes a card of ours; there is a new one as soon as we are resumed
        card = await self._cards.current(self._keys.member)
        records = () if card is None else self._records(card)
        lasting_s = self._policy.epochs * self._policy.epoch_s // RENEW_CARD_PART
        if card is None or records is None or card.until - now < lasting_s:
            await self._draw_card()
        elif card.signer.key_id != self._keys.signer(view, now).key_id:
            await self._cards.publish(await self._signed_card(records, now))

    def _records(self, card: KeyCard) -> Sequence[KeyRecord] | None:
        """Return the private keys of a card of ours; None if one is lost that mail may need."""
        now, lifetime_s = self._clock.now(), self._policy.max_lifetime_s
        needed = {epoch.key_id for epoch in card.epochs if now < epoch.end + lifetime_s}
        if any(self._keys.seal_key(key_id) is None for key_id in needed):
            return None
        held = self._keys.keyring.records(KeyUse.SEAL)
        return [record for record in held if record.key_id in needed]

    async def _draw_card(self) -> KeyRecord:
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

    async def _rotate_registered(self, use: KeyUse, *, lead_s: int) -> KeyRecord:
        now = self._clock.now()
        view = self._mirror.view
        member = view.member(self._keys.member)
        record = self._keys.pending(use, view)
        if record is None or record.start < now:
            record = await self._keys.draw(
                use,
                view.federation,
                start=now + lead_s,
                end=now + lead_s + self._policy.key_lifetime_s,
            )
        line = use_line(view.federation, self._keys.member, record)
        retired = self._retired(member.keys_for(use), record)
        statement = draft_rotation(view, member, at=now, uses=[line, *retired])
        signers = [
            self._keys.note_signer(KeyUse.SIGN, view, now),
            *self._keys.provers(view.federation, record),
        ]
        note = await asyncio.to_thread(sign_note, statement.text(), signers)
        await self._registrar.submit(note)
        return record

    def _retired(self, keys: Sequence[RegisteredKey], record: KeyRecord) -> list[UseLine]:
        end = record.start + self._policy.sign_overlap_s
        return [
            UseLine(key.use, key.verifier, key.start, end, key.certificate)
            for key in keys
            if key.end > end and key.start < end and key.key_id != KeyId(record.key_id)
        ]
