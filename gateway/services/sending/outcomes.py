"""Judge: what an answer of a hop, or what a relay brings back, means for a row of the outbox.

Receipts are verified and compared here; what follows is decided and not yet stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError
from gateway.logs import logger
from gateway.protocol.answer import Accepted, Answer, Later, PendingBlobs, Refused
from gateway.protocol.audit import EntryKind
from gateway.protocol.delivery import RetryPolicy, custody_due_at, next_attempt_at
from gateway.protocol.envelope import header_digest
from gateway.protocol.mailbox import Delivered, Halted, Rejected, Return
from gateway.protocol.receipt import (
    Copy,
    Expected,
    VerifiedReceipt,
    check_custody,
    check_delivery,
    check_refusal,
    unseal_receipt,
    verify_receipt,
)
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, shunned
from gateway.services.federation.views import Heard
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.sending.cargo import Load
from gateway.settings import DeliverySettings
from gateway.store import audit, sealings
from gateway.store.database import Database
from gateway.store.messages import StoredMessage
from gateway.store.outbox.claiming import Claimed
from gateway.store.outbox.settling import Custody, Deferral, Settlement
from gateway.store.outbox.states import SIGNER_REVOKED, OutboxState
from gateway.store.sealings import Sealing
from keys.suite import MemberId, digest

_log = logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an answer or a return means for a row, and what is recorded of it."""

    change: Settlement | Deferral | Custody | None
    entry: audit.NewEntry | None = None
    wanting: Sequence[bytes] = ()


class Outcomes:
    """Judges what came back of our own messages."""

    def __init__(
        self,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        settings: DeliverySettings,
        heard: Heard,
        signer_revoked: Callable[[], None],
        lost: Callable[[MemberId, int], bool],
    ) -> None:
        self._keys = keys
        self._mirror = mirror
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._heard = heard
        self._signer_revoked = signer_revoked
        self._lost = lost
        self._retry = RetryPolicy(first_s=settings.retry_first_s, max_s=settings.retry_max_s)

    def of_answers(
        self, hop: MemberId, loads: Sequence[Load], answers: Sequence[Answer]
    ) -> list[Outcome]:
        """Return what each answer of ``hop`` means for its copy, in order."""
        return [
            self._outcome(hop, load, answer) for load, answer in zip(loads, answers, strict=True)
        ]

    def _outcome(  # noqa: PLR0911 - one for each answer
        self, hop: MemberId, load: Load, answer: Answer
    ) -> Outcome:
        row: Claimed = load.item
        match answer:
            case Accepted() if shunned(self._mirror.known, hop, load.recipient):
                return Outcome(change=self.deferral(row, SUSPENDED))
            case Accepted():
                if hop == load.recipient and not answer.sealed:
                    return self._delivered(load, answer.receipt, direct=True)
                return self._in_custody(hop, load, answer)
            case Refused(code="attachment_too_large"):  # it becomes no smaller by waiting
                return self._failed(load, answer.code)
            case Refused() if hop == load.recipient:
                return self._refused(load, answer.code)
            case Refused():
                return Outcome(change=self.deferral(row, answer.code))
            case Later():
                return Outcome(change=self._put_off(row, answer))
            case PendingBlobs():
                if load.brought:  # brought, and yet not there: not at once again
                    load.brought = False
                    return Outcome(change=self.deferral(row, "pending_blobs"))
                return Outcome(change=None, wanting=answer.blob_ids)
            case _:
                assert_never(answer)

    def _in_custody(self, hop: MemberId, load: Load, answer: Accepted) -> Outcome:
        """Believe a relay that it holds a copy; where it has the receipt already, take that."""
        row: Claimed = load.item
        try:
            if hop != self._keys.member:
                verified = self._verified(answer.receipt)
                check_custody(verified, _copy(load), hop)
            if answer.sealed:
                return self._delivered(load, self._unsealed(load, answer.sealed))
        except LiaisonError as fault:
            return self._receipt_refused(load, fault.code)
        due_at = custody_due_at(self._clock.now(), row.attempts, row.expires_at)
        return Outcome(
            change=Custody(
                row_id=row.row_id, envelope_id=row.envelope_id, due_at=due_at, custodian=hop
            ),
            entry=self._entry(EntryKind.MESSAGE_SENT, load, hop),
        )

    def of_return(self, hop: MemberId, load: Load, item: Return) -> Outcome:
        """Return what it means that ``hop`` brings this back.

        A relay's own word counts for what it has in custody alone. Of a copy from before the
        message was signed again nothing counts but that it was delivered. What is said in the name
        of a suspended recipient is asked for again when it is resumed.
        """
        earlier = item.envelope_id != load.envelope_id
        if earlier and not isinstance(item.outcome, Delivered):
            return Outcome(change=None)
        if shunned(self._mirror.known, load.recipient):
            return Outcome(change=self.deferral(load.item, SUSPENDED))
        return self._became(hop, load, item)

    def _became(self, hop: MemberId, load: Load, item: Return) -> Outcome:
        row: Claimed = load.item
        try:
            match item.outcome:
                case Delivered(sealed=sealed):
                    return self._delivered(load, self._unsealed(load, sealed))
                case Rejected(receipt=receipt):
                    verified = self._verified(receipt)
                    check_refusal(verified, _copy(load))
                    if verified.receipt.code == "stale_card":
                        return Outcome(change=self.deferral(row, "stale_card"))
                    return self._refused(load, verified.receipt.code, receipt)
                case Halted(code=code):
                    if hop != row.custodian:
                        raise RejectedError("receipt_unknown", f"{hop} holds no such copy")
                    if code == "attachment_too_large":
                        return self._failed(load, code)
                    return Outcome(change=self.deferral(row, code))
                case _:
                    assert_never(item.outcome)
        except LiaisonError as fault:
            entry = self._entry(EntryKind.RECEIPT_REFUSED, load, fault.code)
            _log.warning("receipt.refused", peer=hop, code=fault.code)
            return Outcome(change=None, entry=entry)

    def _delivered(self, load: Load, receipt: bytes, *, direct: bool = False) -> Outcome:
        """Settle a row by its receipt; ``direct`` when the recipient itself gives it now.

        One that came by others may be of a time that the recipient has lost since.
        """
        row: Claimed = load.item
        try:
            verified = self._verified(receipt)
            if not direct and self._lost(load.recipient, verified.receipt.at):
                raise RejectedError(
                    "receipt_outdated", f"{load.recipient} lost what it stored at that time"
                )
            expected = Expected(
                envelope_id=row.envelope_id,
                recipient=load.recipient,
                tbs_digest=row.tbs_digest,
                seal_kid=row.seal_kid or (load.stanza.key_id if load.stanza else b""),
            )
            self._check_delivery(verified, expected, row)
        except LiaisonError as fault:
            return self._receipt_refused(load, fault.code)
        settlement = Settlement(
            row_id=row.row_id, state=OutboxState.DELIVERED, at=self._clock.now(), receipt=receipt
        )
        return Outcome(change=settlement, entry=self._held(verified))

    def _verified(self, receipt: bytes) -> VerifiedReceipt:
        verified = verify_receipt(receipt, self._mirror.view)
        self._heard(verified.signer.member, verified.registry)
        return verified

    def _check_delivery(self, verified: VerifiedReceipt, expected: Expected, row: Claimed) -> None:
        """Let a receipt pass for the copy as it is, or as it went out before.

        Raises as ``check_delivery``.
        """
        try:
            check_delivery(verified, expected)
        except RejectedError:
            earlier = self._database.read_now(lambda tx: sealings.of_row(tx, row.row_id))
            if not any(_attests(verified, expected.recipient, item) for item in earlier):
                raise

    def _refused(self, load: Load, code: str, receipt: bytes | None = None) -> Outcome:
        """End a row that its recipient refused; one whose signer is revoked is signed again."""
        if code == SIGNER_REVOKED:
            self._signer_revoked()
            return Outcome(change=self.deferral(load.item, code))
        return self._failed(load, code, receipt)

    def _failed(self, load: Load, code: str, receipt: bytes | None = None) -> Outcome:
        settlement = Settlement(
            row_id=load.row_id,
            state=OutboxState.FAILED,
            at=self._clock.now(),
            code=code,
            receipt=receipt,
        )
        return Outcome(change=settlement, entry=self._entry(EntryKind.MESSAGE_FAILED, load, code))

    def _receipt_refused(self, load: Load, code: str) -> Outcome:
        entry = self._entry(EntryKind.RECEIPT_REFUSED, load, code)
        if code == "receipt_wrong_seal_key":  # somebody put a card of his own between
            _log.error("receipt.refused", peer=load.recipient, code=code)
        return Outcome(change=self.deferral(load.item, code), entry=entry)

    def _put_off(self, row: Claimed, answer: Later) -> Deferral:
        if answer.code != SUSPENDED:
            return self.deferral(row, answer.code, answer.retry_after_s)
        self._mirror.behind.set()  # one of us is behind by a statement: it may be over at once
        return self.deferral(row, answer.code)

    def _unsealed(self, load: Load, sealed: bytes) -> bytes:
        copy_of = (header_digest(load.header), load.recipient)
        return unseal_receipt(sealed, content_key(self._keys, load.item), copy_of)

    def deferral(self, row: Claimed, code: str, asked_s: int = 0) -> Deferral:
        """Return when a row is tried again; ``asked_s`` is what the hop asked for."""
        due_at = next_attempt_at(
            self._retry,
            now=self._clock.now(),
            attempts=row.attempts + 1,
            jitter=self._keys.entropy(1)[0] / 256,
            expires_at=row.expires_at,
            asked_s=asked_s,
        )
        return Deferral(row_id=row.row_id, due_at=due_at, code=code)

    def _held(self, verified: VerifiedReceipt) -> audit.NewEntry:
        """Record the receipt itself, and what it attests: perhaps an earlier signing."""
        receipt = verified.receipt
        return self._ledger.entry(
            EntryKind.RECEIPT_HELD,
            peer=receipt.recipient,
            digests=(receipt.envelope_id, receipt.content_digest, digest(verified.encoded)),
        )

    def _entry(self, kind: EntryKind, load: Load, code: str = "") -> audit.NewEntry:
        row: Claimed = load.item
        return self._ledger.entry(
            kind, peer=load.recipient, digests=(row.envelope_id, row.tbs_digest), code=code
        )


def content_key(keys: NodeKeys, row: Claimed | StoredMessage) -> bytes:
    """Return the content key of a message of ours.

    Raises UnavailableError ``storage_key_missing``.
    """
    return keys.storage_key(row.storage_key_id).unwrap(row.envelope_id, row.wrapped_key)


def _attests(verified: VerifiedReceipt, recipient: MemberId, earlier: Sealing) -> bool:
    """Tell whether a receipt is for a copy as it went out before."""
    expected = Expected(
        envelope_id=earlier.envelope_id,
        recipient=recipient,
        tbs_digest=earlier.tbs_digest,
        seal_kid=earlier.seal_kid,
    )
    try:
        check_delivery(verified, expected)
    except RejectedError:
        return False
    return True


def _copy(load: Load) -> Copy:
    stanza_digest = b"" if load.stanza is None else load.stanza.digest
    return Copy(envelope_id=load.envelope_id, recipient=load.recipient, stanza_digest=stanza_digest)
