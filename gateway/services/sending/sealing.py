"""Seal: what was checked becomes a signed message, with the rows it needs."""

from dataclasses import dataclass

from gateway.errors import UnavailableError
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import (
    Draft,
    SealedMessage,
    Stanza,
    seal_message,
    share_stanza,
    wrap_stanza,
)
from gateway.protocol.message import message_ref
from gateway.services.federation.cards import Cards
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.sending.cargo import copy_length
from gateway.services.sending.lanes import Lanes
from gateway.services.sending.passing import Passed
from gateway.services.sending.sessions import Sessions
from gateway.services.sending.submission import RecipientSummary, Submitted
from gateway.store import audit, messages
from gateway.store.disclosures import Disclosure
from gateway.store.outbox import queueing
from gateway.store.outbox.states import OutboxState
from keys.registry.member import RegistryHead
from keys.signing import Signer
from keys.suite import KeyId, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class SealTo:
    """The key to seal a copy to, and whether it goes straight to who holds it."""

    key_id: KeyId
    public_key: bytes
    direct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A checked submission, ready to be sealed."""

    draft: Draft
    passed: tuple[Passed, ...]
    seal_to: tuple[SealTo | None, ...]

    @property
    def length(self) -> int:
        """Return about how many bytes a copy will add to a batch."""
        return copy_length(self.draft.payload.content, b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A sealed message with the rows it needs."""

    message: messages.NewMessage
    rows: tuple[queueing.NewRow, ...]
    blob_ids: tuple[bytes, ...]
    entries: tuple[audit.NewEntry, ...]
    disclosed: tuple[Disclosure, ...]
    submitted: Submitted
    reserved: int


class Sealing:
    """Seals for the newest keys of who is to read it."""

    def __init__(
        self, keys: NodeKeys, cards: Cards, lanes: Lanes, sessions: Sessions, ledger: Ledger
    ) -> None:
        self._keys = keys
        self._cards = cards
        self._lanes = lanes
        self._sessions = sessions
        self._ledger = ledger

    async def key_of(self, member: MemberId, now: int) -> SealTo | None:
        """Find the key to seal to; without a card the deliverer wraps when it has one."""
        card = await self._cards.current(member)
        if card is None:
            return None
        try:
            key_id, public_key = card.seal_to(now)
        except UnavailableError:
            return None
        direct = self._lanes.is_direct(member)
        return SealTo(key_id=key_id, public_key=public_key, direct=direct)

    def _stanza(self, seal_to: SealTo | None, sealed: SealedMessage) -> Stanza | None:
        if seal_to is None:
            return None
        key_id, public_key = seal_to.key_id, seal_to.public_key
        if seal_to.direct:
            session = self._sessions.share(key_id, public_key)
            return share_stanza(sealed.header, sealed.content_key, key_id, session)
        return wrap_stanza(sealed.header, sealed.content_key, key_id, public_key)

    def seal(self, item: Prepared, signer: Signer, registry: RegistryHead, now: int) -> Ready:
        """Sign and seal a message, in whatever thread."""
        sealed = seal_message(
            item.draft, signer=signer, registry=registry, entropy=self._keys.entropy
        )
        payload = item.draft.payload
        storage = self._keys.keyring.storage(now)
        message = messages.NewMessage(
            direction=messages.OUT,
            sender=payload.sender,
            on_behalf_of=payload.on_behalf_of,
            message_id=item.draft.message_id,
            kind=payload.kind,
            case_id=payload.case_id,
            seq=payload.seq,
            in_reply_to=payload.in_reply_to,
            created_at=payload.created_at,
            stored_at=now,
            expires_at=item.draft.expires_at,
            priority=item.draft.priority,
            attachments=len(payload.attachments),
            envelope_id=sealed.envelope_id,
            tbs_digest=sealed.tbs_digest,
            header=sealed.header,
            body=sealed.body,
            storage_key_id=storage.key_id,
            wrapped_key=storage.wrap(sealed.envelope_id, sealed.content_key, self._keys.entropy),
        )
        return Ready(
            message=message,
            rows=tuple(
                _row(member, self._stanza(seal_to, sealed))
                for member, seal_to in zip(item.draft.to, item.seal_to, strict=True)
            ),
            blob_ids=tuple(attachment.blob_id for attachment in payload.attachments),
            entries=(
                self._ledger.entry(
                    EntryKind.MESSAGE_ACCEPTED, digests=(sealed.envelope_id, sealed.tbs_digest)
                ),
                *(self._forwarded(each, sealed.envelope_id) for each in item.passed),
            ),
            disclosed=tuple(_disclosure(each, item.draft.message_id, now) for each in item.passed),
            reserved=item.length,
            submitted=Submitted(
                id=message_ref(payload.sender, item.draft.message_id),
                case=payload.case_id.hex(),
                envelope_id=sealed.envelope_id.hex(),
                recipients=[
                    RecipientSummary(member=member, state=OutboxState.QUEUED.value)
                    for member in item.draft.to
                ],
            ),
        )

    def _forwarded(self, passed: Passed, envelope_id: bytes) -> audit.NewEntry:
        consent = () if passed.consent is None else (passed.consent.envelope_id,)
        return self._ledger.entry(
            EntryKind.MESSAGE_FORWARDED,
            peer=passed.recipient,
            digests=(passed.message.envelope_id, envelope_id, *consent),
        )


def _disclosure(passed: Passed, carrier_id: bytes, now: int) -> Disclosure:
    return Disclosure(
        sender=passed.message.sender,
        message_id=passed.message.message_id,
        envelope_id=passed.message.envelope_id,
        recipient=passed.recipient,
        carrier_id=carrier_id,
        purpose=passed.purpose,
        consent_id=None if passed.consent is None else passed.consent.message_id,
        disclosed_at=now,
        notice_due_at=now if passed.is_noticed else None,
    )


def _row(member: MemberId, stanza: Stanza | None) -> queueing.NewRow:
    if stanza is None:
        return queueing.NewRow(recipient=member, seal_kid=None, wrapped=None)
    return queueing.NewRow(recipient=member, seal_kid=stanza.key_id, wrapped=stanza.wrapped)
