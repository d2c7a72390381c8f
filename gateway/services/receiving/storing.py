"""Store what a peer sent and was found good, with its receipt; a name that is taken is looked at.

What is the same message gets the receipt that was given first, byte for byte; another is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.cases.kinds import CATALOGUE
from gateway.cases.threads.retention import REOPEN
from gateway.errors import UnavailableError
from gateway.logs import logger
from gateway.protocol.answer import Accepted, Answer, Later, Refused
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import payload_digest
from gateway.protocol.opening import OpenedMessage, open_body
from gateway.protocol.receipt import renew_receipt
from gateway.services.casework.reopening import Reopening
from gateway.services.handling.recalls import HEARD, Recalls
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.receiving.demands import Missing
from gateway.services.receiving.refusing import LATER_S
from gateway.services.sending.reoffering import RESTORED, Reoffering
from gateway.store import attached, attachments, audit, messages, tombstones
from gateway.store.database import Transaction
from gateway.store.messages import StoredMessage
from keys.registry.view import View
from keys.signing import Signer
from keys.suite import MemberId

_log = logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message that will be stored if its name is new, with the receipt it will get."""

    opened: OpenedMessage
    receipt: bytes

    @property
    def envelope_id(self) -> bytes:
        """The name of the copy (32 bytes)."""
        return self.opened.envelope.envelope_id

    @property
    def is_shown(self) -> bool:
        """Whether it is for the house; what nodes tell each other is not."""
        kind = CATALOGUE.get(self.opened.payload.kind)
        return kind is None or not kind.ends_at_node

    @property
    def is_restored(self) -> bool:
        """Whether a node says that it came back without its newest messages."""
        return self.opened.payload.kind == RESTORED

    @property
    def is_heard(self) -> bool:
        """Whether it takes something back, or says what came of that."""
        return self.opened.payload.kind in HEARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """How a receipt is given again: as it was, or signed by our present key."""

    view: View
    signer: Signer
    now: int

    def receipt(self, tx: Transaction, stored: StoredMessage) -> bytes:
        """Return the receipt of a stored message; one whose signer is revoked is replaced first."""
        assert stored.receipt is not None  # noqa: S101 - only such is a repeat
        renewed = renew_receipt(stored.receipt, self.view, self.signer, self.now)
        if renewed is None:
            return stored.receipt
        messages.renew_receipt(tx, stored.row_id, renewed)
        return renewed


class Storing:
    """Puts messages that were found good into the database, within the caller's transaction."""

    def __init__(
        self,
        keys: NodeKeys,
        ledger: Ledger,
        *,
        reoffering: Reoffering,
        recalls: Recalls,
        reopening: Reopening,
    ) -> None:
        self._keys = keys
        self._ledger = ledger
        self._reoffering = reoffering
        self._recalls = recalls
        self._reopening = reopening

    def store(
        self,
        tx: Transaction,
        good: Sequence[Taken],
        hop: MemberId,
        *,
        missing: Mapping[bytes, Missing],
        given: Given,
    ) -> tuple[dict[bytes, Answer], list[audit.NewEntry]]:
        """Store what is new with its receipt, and what is missing of it by envelope id.

        Return the answers to what was there before, by envelope id, and what is to be recorded.
        """
        fresh = {
            (item.opened.sender, item.opened.envelope.header.message_id): item for item in good
        }
        went_in = messages.record_incoming(
            tx, [self._row(item, given.now) for item in fresh.values()]
        )
        new = [item for name, item in fresh.items() if name in went_in]
        entries = [self._received(item.opened) for item in new]
        for item in new:
            self._attach(tx, hop, item.opened, missing.get(item.envelope_id), given.now)
            entries += self._hear(tx, item)
        conflicts: dict[bytes, Answer] = {}
        stored = {item.envelope_id for item in new}
        for item in good:
            if item.envelope_id not in stored:
                answer, entry = self._conflict(tx, item.opened, given)
                conflicts[item.envelope_id] = answer
                entries += entry
        return conflicts, entries

    def _attach(
        self,
        tx: Transaction,
        hop: MemberId,
        opened: OpenedMessage,
        missing: Missing | None,
        now: int,
    ) -> None:
        header = opened.envelope.header
        if header.blobs:
            name = opened.sender, header.message_id
            attachments.name(tx, hop, name, [blob.blob_id for blob in header.blobs], now)
            if missing is not None:
                attached.record(tx, name, missing.attachments)

    def _hear(self, tx: Transaction, item: Taken) -> list[audit.NewEntry]:
        """Let those hear of a message whom its kind concerns; return what they record."""
        entries: list[audit.NewEntry] = []
        payload = item.opened.payload
        if item.is_restored:
            entries.append(self._reoffering.hear(tx, item.opened))
        if item.is_heard:
            entries += self._recalls.hear(tx, item.opened)
        if payload.kind == REOPEN:
            entries += self._reopening.hear(tx, payload.case_id, item.opened.sender)
        return entries

    def _conflict(
        self, tx: Transaction, opened: OpenedMessage, given: Given
    ) -> tuple[Answer, list[audit.NewEntry]]:
        """Answer for a name that is taken: the same message gets its receipt, another does not."""
        stored = messages.find(tx, opened.sender, opened.envelope.header.message_id)
        try:
            if (
                stored is not None
                and stored.receipt is not None
                and self._is_same(tx, stored, opened)
            ):
                return Accepted(given.receipt(tx, stored)), []
        except UnavailableError as fault:
            return Later("busy", fault.retry_after_s or LATER_S), []
        _log.error("message.forked", peer=opened.sender, code="message_id_reused")
        entry = self._ledger.entry(
            EntryKind.MESSAGE_REFUSED,
            peer=opened.sender,
            digests=(opened.envelope.envelope_id, opened.tbs_digest),
            code="message_id_reused",
        )
        return Refused("message_id_reused"), [entry]

    def _is_same(self, tx: Transaction, stored: StoredMessage, opened: OpenedMessage) -> bool:
        """Tell whether a message is the stored one, perhaps signed again: same header and payload.

        Raises UnavailableError ``storage_key_missing``.
        """
        if stored.tbs_digest == opened.tbs_digest or stored.header != opened.envelope.header_bytes:
            return stored.tbs_digest == opened.tbs_digest
        if stored.purged_at is not None:
            stone = tombstones.find(tx, stored.row_id)
            return stone is not None and stone.payload_digest == payload_digest(
                opened.inner.payload
            )
        storage = self._keys.storage_key(stored.storage_key_id)
        content_key = storage.unwrap(stored.envelope_id, stored.wrapped_key)
        inner = open_body(stored.header, stored.body, content_key)
        return inner.payload == opened.inner.payload

    def _row(self, item: Taken, now: int) -> messages.NewMessage:
        opened = item.opened
        payload, header = opened.payload, opened.envelope.header
        storage = self._keys.keyring.storage(now)
        return messages.NewMessage(
            direction=messages.IN if item.is_shown else messages.SERVICE,
            sender=opened.sender,
            on_behalf_of=payload.on_behalf_of,
            message_id=header.message_id,
            kind=payload.kind,
            case_id=payload.case_id,
            seq=payload.seq,
            in_reply_to=payload.in_reply_to,
            created_at=payload.created_at,
            stored_at=now,
            expires_at=header.expires_at,
            priority=header.priority,
            attachments=len(payload.attachments),
            envelope_id=opened.envelope.envelope_id,
            tbs_digest=opened.tbs_digest,
            header=opened.envelope.header_bytes,
            body=opened.envelope.body,
            storage_key_id=storage.key_id,
            wrapped_key=storage.wrap(
                opened.envelope.envelope_id, opened.content_key, self._keys.entropy
            ),
            receipt=item.receipt,
        )

    def _received(self, opened: OpenedMessage) -> audit.NewEntry:
        return self._ledger.entry(
            EntryKind.MESSAGE_RECEIVED,
            peer=opened.sender,
            digests=(opened.envelope.envelope_id, opened.tbs_digest),
        )
