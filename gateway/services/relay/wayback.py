"""Answer relays: sign for the copy that they may let go, and seal the receipt for the sender."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.protocol.answer import Accepted, Answer, Later, Refused
from gateway.protocol.envelope import ParsedEnvelope, header_digest
from gateway.protocol.receipt import Receipt, ReceiptKind, seal_receipt, sign_receipts
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.store import messages
from gateway.store.database import Database
from gateway.store.messages import StoredMessage
from keys.stream import SALT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A copy that came through a relay, and what its sender would be answered."""

    envelope: ParsedEnvelope
    answer: Answer


LATER_S = 3600
"""When a relay asks again about a copy that nobody can seal a receipt for any more."""


class Wayback:
    """Turns answers for senders into answers for relays."""

    def __init__(
        self, database: Database, keys: NodeKeys, mirror: RegistryMirror, clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._clock = clock

    async def dress(self, answered: Sequence[Answered]) -> list[Answer]:
        """Return for each: custody and sealed receipt, a signed refusal, or the answer as it is.

        A copy that is sealed to a key long gone is refused by signature too: only its sender can
        wrap it anew. A wrong way is no fault of the copy and is never signed for, or whoever got
        hold of one could have it refused in its recipient's name.
        """
        final = [item for item in answered if _kind(item.answer) is not None]
        if not final:
            return [item.answer for item in answered]
        accepted = [
            item.envelope.header.message_id for item in final if isinstance(item.answer, Accepted)
        ]
        # By the receipt: a message that was signed again is stored in its first envelope.
        received = await self._database.read(lambda tx: messages.received(tx, accepted))
        stored = {item.receipt: item for item in received}
        signed = iter(await asyncio.to_thread(self._sign, final))
        dressed: list[Answer] = []
        for item in answered:
            match item.answer:
                case Accepted(receipt=receipt) if stored[receipt].purged_at is not None:
                    next(signed)  # it could not be sealed: a copy in custody ends by its expiry
                    dressed.append(Later("busy", LATER_S))
                case Accepted(receipt=receipt, wanted=wanted):
                    sealed = self.seal(receipt, stored[receipt])
                    dressed.append(Accepted(next(signed), sealed, wanted))
                case Refused(code=code) if code != "not_on_route":
                    dressed.append(Refused(code, next(signed)))
                case Later(code="stale_card"):
                    dressed.append(Refused("stale_card", next(signed)))
                case other:
                    dressed.append(other)
        return dressed

    def seal(self, receipt: bytes, stored: StoredMessage) -> bytes:
        """Return the delivery receipt of a stored message, sealed for its sender."""
        storage = self._keys.storage_key(stored.storage_key_id)
        content_key = storage.unwrap(stored.envelope_id, stored.wrapped_key)
        copy_of = (header_digest(stored.header), self._keys.member)
        return seal_receipt(receipt, content_key, copy_of, self._keys.entropy(SALT_BYTES))

    def _sign(self, final: Sequence[Answered]) -> list[bytes]:
        view, now = self._mirror.view, self._clock.now()
        signer = self._keys.signer(view, now)
        receipts = []
        for item in final:
            kind = _kind(item.answer)
            assert kind is not None  # noqa: S101 - only such are final
            code = "" if isinstance(item.answer, Accepted) else _code(item.answer)
            receipts.append(
                Receipt(
                    kind=kind,
                    envelope_id=item.envelope.envelope_id,
                    recipient=self._keys.member,
                    at=now,
                    signer_kid=signer.key_id,
                    registry_size=view.head.size,
                    registry_root=view.head.root,
                    content_digest=item.envelope.stanzas[0].digest,
                    seal_kid=b"",
                    code=code,
                )
            )
        return sign_receipts(receipts, signer)


def _kind(answer: Answer) -> ReceiptKind | None:
    match answer:
        case Accepted():
            return ReceiptKind.CUSTODY
        case Refused(code="not_on_route"):
            return None
        case Refused() | Later(code="stale_card"):
            return ReceiptKind.REFUSAL
    return None


def _code(answer: Answer) -> str:
    return answer.code if isinstance(answer, Refused | Later) else ""
