"""Demand: which attachments a receipt waits for, and what comes after it.

What is demanded is verified before the receipt is given; of the rest it is noted that they are
missing, in the transaction that stores their message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from gateway.errors import RejectedError
from gateway.protocol.answer import Accepted, Answer, PendingBlobs
from gateway.protocol.envelope import BlobRef, ParsedEnvelope
from gateway.protocol.opening import OpenedMessage
from gateway.services.blobs.plaintext import Plaintexts
from gateway.services.federation.registry import RegistryMirror
from gateway.settings import BlobsSettings, Fetch
from gateway.store import attached, attachments
from gateway.store.attached import AttachmentState, NewAttached
from gateway.store.database import Database
from keys.suite import MemberId


@dataclass(frozen=True, slots=True)
class Missing:
    """What a message may be stored without."""

    attachments: tuple[NewAttached, ...]


class Demands:
    """What this node demands of the attachments of a message."""

    def __init__(
        self,
        database: Database,
        mirror: RegistryMirror,
        plaintexts: Plaintexts,
        settings: BlobsSettings,
        *,
        fetch: Callable[[], None],
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._plaintexts = plaintexts
        self._settings = settings
        self.fetch = fetch
        """Called once it is stored that something is to be fetched."""

    async def judge(self, hop: MemberId, opened: OpenedMessage) -> PendingBlobs | Missing:
        """Say what ``hop`` must bring first, or what the message may be stored without.

        Raises RejectedError ``attachment_too_large``, ``attachment_invalid``; UnavailableError
        ``blob_missing``.
        """
        header = opened.envelope.header
        refs = {blob.blob_id: blob for blob in header.blobs}
        if any(ref.sealed_bytes > self._settings.max_sealed_bytes for ref in refs.values()):
            raise RejectedError("attachment_too_large", "an attachment is larger than allowed")
        came = await self._database.read(lambda tx: attachments.incoming(tx, hop, list(refs)))
        whole = {blob_id for blob_id, blob in came.items() if blob.complete_at is not None}
        missing = [ref for blob_id, ref in refs.items() if blob_id not in whole]
        demanded = [ref.blob_id for ref in missing if self._demands(hop, ref)]
        if demanded:
            self._plaintexts.expect(
                item for item in opened.payload.attachments if item.blob_id in demanded
            )
            return PendingBlobs(tuple(demanded))
        for attachment in opened.payload.attachments:
            if attachment.blob_id in whole:
                await self._plaintexts.verify(attachment, came[attachment.blob_id])
        on_demand = self._settings.fetch is Fetch.ON_DEMAND
        return Missing(
            tuple(
                NewAttached(
                    blob_id=ref.blob_id,
                    origin=hop,
                    state=AttachmentState.ON_DEMAND if on_demand else AttachmentState.PENDING,
                    due_at=0,
                    expires_at=header.expires_at,
                )
                for ref in missing
            )
        )

    async def told(
        self, parsed: Sequence[ParsedEnvelope | RejectedError], answers: Sequence[Answer]
    ) -> list[Answer]:
        """Return the answers with what is still wanted of each message that is stored."""
        with_blobs = [
            item.header.message_id
            for item, answer in zip(parsed, answers, strict=True)
            if isinstance(item, ParsedEnvelope)
            and item.header.blobs
            and isinstance(answer, Accepted)
        ]
        if not with_blobs:
            return list(answers)
        wanted = await self._database.read(lambda tx: attached.wanted(tx, with_blobs))
        return [
            msgspec.structs.replace(answer, wanted=tuple(wanted.get(item.envelope_id, ())))
            if isinstance(item, ParsedEnvelope) and isinstance(answer, Accepted)
            else answer
            for item, answer in zip(parsed, answers, strict=True)
        ]

    def _demands(self, hop: MemberId, ref: BlobRef) -> bool:
        """Tell whether the receipt waits for an attachment.

        Who cannot be called brings everything first: nothing could be fetched from it later.
        """
        member = self._mirror.view.members.get(hop)
        can_be_called = member is not None and member.endpoint is not None
        return (
            self._settings.fetch is Fetch.BEFORE_RECEIPT
            or not can_be_called
            or ref.sealed_bytes <= self._settings.fetch_small_bytes
        )
