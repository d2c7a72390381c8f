"""Relay: take copies over for others, and sign for each.

A relay sees headers and ciphertext. What it takes lies in the mailbox of who it is for.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import UnavailableError
from gateway.protocol.answer import MAX_HOPS, Accepted, Answer, Later, PendingBlobs, Refused
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import ParsedEnvelope, Stanza
from gateway.protocol.mailbox import Delivered, Rejected
from gateway.protocol.receipt import Receipt, ReceiptKind, parse_receipt, sign_receipts
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, SUSPENDED_S, shunned
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.relay.mailboxes import Mailboxes, parse_return
from gateway.services.sending.routes import Routes
from gateway.settings import PolicySettings, RelaySettings
from gateway.store import attachments, audit, custody
from gateway.store.custody import CustodyState, NewCopy
from gateway.store.database import Database, Transaction
from keys.suite import KeyId, MemberId

BUSY_S = 60
NOT_SERVED_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A copy that a hop hands over: one recipient's stanza of a parsed envelope."""

    hops: tuple[MemberId, ...]
    recipient: MemberId
    envelope: ParsedEnvelope
    stanza: Stanza

    @property
    def name(self) -> tuple[bytes, str]:
        """Return by what it is known within one hop's batch."""
        return self.envelope.envelope_id, self.recipient


class Relaying:
    """Takes copies over for others."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        routes: Routes,
        *,
        mailboxes: Mailboxes,
        ledger: Ledger,
        clock: Clock,
        settings: RelaySettings,
        policy: PolicySettings,
        max_sealed_bytes: int,
        check_space: Callable[[], None],
        taken: Callable[[Iterable[MemberId]], None],
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._routes = routes
        self._mailboxes = mailboxes
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._policy = policy
        self._max_sealed_bytes = max_sealed_bytes
        self._check_space = check_space
        self._taken = taken

    async def take(self, hop: MemberId, handed: Sequence[Handed]) -> list[Answer]:
        """Answer each copy that ``hop`` hands over: accepted into custody, or why not."""
        verdicts = [self._verdict(hop, item) for item in handed]
        good = [item for item, verdict in zip(handed, verdicts, strict=True) if verdict is None]
        answers: dict[tuple[bytes, str], Answer] = {}
        if good:
            try:
                self._check_space()
                answers = await self._take(hop, good)
            except UnavailableError as fault:
                later = Later("busy", fault.retry_after_s or BUSY_S)
                answers = dict.fromkeys([item.name for item in good], later)
        await self._record_refusals(hop, handed, verdicts)
        return [
            answers[item.name] if verdict is None else verdict
            for item, verdict in zip(handed, verdicts, strict=True)
        ]

    def _verdict(self, hop: MemberId, item: Handed) -> Answer | None:  # noqa: PLR0911 - a list of rules
        """Return why a copy is not taken; None if it is. Source: SPEC "Routes"."""
        header, now, me = item.envelope.header, self._clock.now(), self._keys.member
        if header.expires_at <= now:
            return Refused("envelope_expired")
        if header.expires_at > now + self._policy.max_lifetime_s + self._policy.clock_skew_s:
            return Refused("lifetime_too_long")
        if item.recipient not in header.to:
            return Refused("not_addressed")
        if me in item.hops:
            return Refused("route_loop")
        if len(item.hops) >= MAX_HOPS:
            return Refused("too_many_hops")
        if item.hops and item.hops[-1] != hop:
            return Refused("hops_wrong")
        if any(blob.sealed_bytes > self._max_sealed_bytes for blob in header.blobs):
            return Refused("attachment_too_large")
        if shunned(self._mirror.view, me, item.recipient):
            return Later(SUSPENDED, SUSPENDED_S)
        member = self._mirror.view.members.get(item.recipient)
        serving = self._settings.enabled or hop == me
        if not serving or member is None or not self._routes.serves(me, item.recipient, hop):
            return Later("not_served", NOT_SERVED_S)
        return None

    async def _take(self, hop: MemberId, good: Sequence[Handed]) -> dict[tuple[bytes, str], Answer]:
        view, now = self._mirror.view, self._clock.now()
        signer = self._keys.signer(view, now)
        receipts = await asyncio.to_thread(
            sign_receipts,
            [
                Receipt(
                    kind=ReceiptKind.CUSTODY,
                    envelope_id=item.envelope.envelope_id,
                    recipient=item.recipient,
                    at=now,
                    signer_kid=signer.key_id,
                    registry_size=view.head.size,
                    registry_root=view.head.root,
                    content_digest=item.stanza.digest,
                    seal_kid=b"",
                )
                for item in good
            ],
            signer,
        )
        answers = await self._database.write_unit(
            lambda tx: self._commit(tx, hop, list(zip(good, receipts, strict=True)), now)
        )
        self._taken([item.recipient for item in good])
        await self._mailboxes.changed()
        return answers

    def _commit(
        self, tx: Transaction, hop: MemberId, good: Sequence[tuple[Handed, bytes]], now: int
    ) -> dict[tuple[bytes, str], Answer]:
        answers: dict[tuple[bytes, str], Answer] = {}
        fresh: list[NewCopy] = []
        used: dict[str, tuple[int, int]] = {}
        for item, receipt in good:
            repeat = self._repeat(tx, hop, item, receipt)
            missing = () if repeat else self._lacking(tx, hop, item)
            if repeat is not None:
                answers[item.name] = repeat
            elif missing:
                answers[item.name] = PendingBlobs(tuple(missing))
            elif self._is_full(tx, item, used):
                answers[item.name] = Later("mailbox_full", self._settings.full_retry_s)
            else:
                answers[item.name] = Accepted(receipt)
                fresh.append(_new_copy(hop, item, receipt))
        custody.take(tx, fresh, now)
        for item, _ in good:
            if item.envelope.header.blobs and isinstance(answers[item.name], Accepted):
                blobs = self._blobs(tx, hop, item)
                custody.link_blobs(
                    tx, item.envelope.envelope_id, [blob.row_id for blob in blobs.values()]
                )
        audit.append(
            tx,
            [
                self._ledger.entry(
                    EntryKind.CUSTODY_TAKEN,
                    peer=hop,
                    digests=(copy.envelope_id, copy.stanza_digest),
                )
                for copy in fresh
            ],
        )
        return answers

    def _repeat(self, tx: Transaction, hop: MemberId, item: Handed, fresh: bytes) -> Answer | None:
        """Answer a copy that was taken before; one that was handed on is held again.

        Its receipt is the one that was given, or ``fresh`` where that one's signer is revoked.
        """
        found = custody.find(
            tx,
            item.envelope.envelope_id,
            item.recipient,
            stanza_digest=item.stanza.digest,
            previous_hop=hop,
        )
        if not found:
            return None
        (copy,) = found
        given = copy.receipt
        if self._is_void(given):
            custody.renew_receipt(tx, copy.row_id, fresh)
            given = fresh
        outcome = None if copy.outcome is None else parse_return(copy.outcome).outcome
        match outcome:
            case Delivered(sealed=sealed):
                return Accepted(given, sealed)
            case Rejected(receipt=refusal) if not self._is_void(refusal):
                return Refused(parse_receipt(refusal).code, refusal)
            case _:
                gone = (CustodyState.HANDED_ON, CustodyState.ENDED)
                if copy.state in gone and self._lacking(tx, hop, item):
                    return None
                now = self._clock.now()
                custody.revive(tx, copy, item.envelope.header_bytes, item.envelope.body, now)
                return Accepted(given)

    def _is_void(self, receipt: bytes) -> bool:
        """Tell whether the key that signed a stored receipt is revoked: nobody believes it."""
        signer = self._mirror.view.keys.get(KeyId(parse_receipt(receipt).signer_kid))
        return signer is not None and signer.revoked_since is not None

    def _lacking(self, tx: Transaction, hop: MemberId, item: Handed) -> list[bytes]:
        wanted = list(dict.fromkeys(blob.blob_id for blob in item.envelope.header.blobs))
        if not wanted:
            return []
        brought = self._blobs(tx, hop, item)
        return [
            blob_id
            for blob_id in wanted
            if blob_id not in brought or brought[blob_id].complete_at is None
        ]

    def _blobs(self, tx: Transaction, hop: MemberId, item: Handed) -> dict[bytes, attachments.Blob]:
        origin = attachments.OWN if hop == self._keys.member else hop
        wanted = [blob.blob_id for blob in item.envelope.header.blobs]
        return attachments.incoming(tx, origin, wanted)

    def _is_full(self, tx: Transaction, item: Handed, used: dict[str, tuple[int, int]]) -> bool:
        if item.recipient not in used:
            used[item.recipient] = custody.usage(tx, item.recipient)
        copies, sealed_bytes = used[item.recipient]
        copies, sealed_bytes = copies + 1, sealed_bytes + _sealed_bytes(item)
        if copies > self._settings.mailbox_copies or sealed_bytes > self._settings.mailbox_bytes:
            return True
        used[item.recipient] = copies, sealed_bytes
        return False

    async def _record_refusals(
        self, hop: MemberId, handed: Sequence[Handed], verdicts: Sequence[Answer | None]
    ) -> None:
        entries = [
            self._ledger.entry(
                EntryKind.MESSAGE_REFUSED,
                peer=hop,
                digests=(item.envelope.envelope_id,),
                code=verdict.code,
            )
            for item, verdict in zip(handed, verdicts, strict=True)
            if isinstance(verdict, Refused)
        ]
        if entries:
            await self._database.write(lambda tx: audit.append(tx, entries))


def _new_copy(hop: MemberId, item: Handed, receipt: bytes) -> NewCopy:
    header = item.envelope.header
    return NewCopy(
        envelope_id=item.envelope.envelope_id,
        message_id=header.message_id,
        recipient=item.recipient,
        previous_hop=hop,
        hops=item.hops,
        stanza_digest=item.stanza.digest,
        seal_kid=item.stanza.key_id,
        wrapped=item.stanza.wrapped,
        sealed_bytes=_sealed_bytes(item),
        priority=header.priority,
        expires_at=header.expires_at,
        receipt=receipt,
        header=item.envelope.header_bytes,
        body=item.envelope.body,
    )


def _sealed_bytes(item: Handed) -> int:
    """Return what a copy counts in its mailbox: envelope and attachments."""
    envelope = item.envelope
    attached = sum(blob.sealed_bytes for blob in envelope.header.blobs)
    return len(envelope.header_bytes) + len(envelope.body) + len(item.stanza.wrapped) + attached
