"""Import: read a medium, and take what it carries as if it had come over a line.

What is whole is taken, record by record; what is not is counted by its code and costs nothing else.
A crash leaves what was committed, and the same medium brings the rest. Source: SPEC "Media".
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.protocol.answer import (
    MAX_BATCH,
    MAX_BATCH_BYTES,
    Accepted,
    Answer,
    Posted,
    Refused,
)
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import ParsedEnvelope, parse_envelope
from gateway.protocol.mailbox import Rejected, Return
from gateway.protocol.medium import (
    BlobOffer,
    BlobSegment,
    CardNote,
    CarriedCopy,
    CarriedReturn,
    End,
    Heading,
    LeftOut,
    MediumError,
    MediumReader,
    Record,
    RegistryCheckpoint,
    RegistryStatement,
    Unreadable,
)
from gateway.protocol.receipt import parse_receipt
from gateway.services.blobs.incoming_blobs import IncomingBlobs
from gateway.services.blobs.segments import HeldSegment
from gateway.services.caller import Caller, require
from gateway.services.federation.cards import Cards
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, shunned
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.media.tally import Imported, Taken
from gateway.services.receiving.reception import Reception
from gateway.services.relay.wayback import Answered, Wayback
from gateway.services.sending.delivery import Delivery
from gateway.settings import PolicySettings, Role
from gateway.store import audit, carried, messages
from gateway.store.carried import NewCarried
from gateway.store.database import Database, Transaction
from gateway.store.outbox import showing
from gateway.store.outbox.states import OPEN, OutboxState
from keys.registry.statement import REGISTRY
from keys.suite import MemberId

OWED_S = 14 * 86_400
"""How long after its expiry a copy's outcome goes on every medium back."""
STATEMENTS_BYTES = 64 * 1024 * 1024
"""How much of the registry beyond ours one medium may bring."""

_log = logger()


class Importing:
    """Reads media."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        cards: Cards,
        *,
        reception: Reception,
        incoming: IncomingBlobs,
        delivery: Delivery,
        wayback: Wayback,
        ledger: Ledger,
        clock: Clock,
        policy: PolicySettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._cards = cards
        self._reception = reception
        self._incoming = incoming
        self._delivery = delivery
        self._wayback = wayback
        self._ledger = ledger
        self._clock = clock
        self._policy = policy

    async def take(self, pieces: AsyncIterator[bytes], caller: Caller) -> Imported:
        """Take a medium as it streams in; say what came of each thing on it.

        Raises ForbiddenError ``role_missing``; MediumError for what is no medium at all;
        RejectedError ``medium_of_another_member``, ``member_unknown``, ``member_suspended``;
        UnavailableError when the node cannot take more now (``disk_full``): what it took stays.
        """
        require(caller, Role.OPERATOR)
        reader = MediumReader()
        taken: Taken | None = None
        async for piece in pieces:
            records = deque(await asyncio.to_thread(reader.update, piece))
            while records:  # a record is let go as soon as it is taken: one may have 8 MiB
                if isinstance(records[0], Heading):
                    taken = self._begin(records[0])
                elif taken is not None:
                    await self._take(records[0], taken)
                del records[0]
            if reader.fault is not None:
                break
        fault = ""
        try:
            reader.finish()
        except MediumError as ended:
            if taken is None:
                raise
            fault = ended.code
        assert taken is not None  # noqa: S101 - a medium that is finished began
        await self._take_copies(taken)
        await self._take_returns(taken)
        await self._record(taken, caller, reader.digest)
        return taken.imported(fault)

    def _begin(self, heading: Heading) -> Taken:
        if heading.recipient != self._keys.member or heading.sender == self._keys.member:
            raise RejectedError(
                "medium_of_another_member",
                f"{heading.sender} wrote this medium for {heading.recipient}; "
                f"this is {self._keys.member}",
            )
        return Taken(hop=MemberId(heading.sender), made_at=heading.made_at, known=self._mirror.size)

    async def _take(self, record: Record, taken: Taken) -> None:
        match record:
            case Unreadable(code=code):
                taken.faults[code] += 1
            case RegistryStatement():
                self._hold_statement(record, taken)
            case RegistryCheckpoint(note=note):
                await self._learn(note, taken)
            case _:
                self._admit(taken)
                await self._take_admitted(record, taken)

    async def _take_admitted(self, record: Record, taken: Taken) -> None:
        """Take a record that means something only of a member in good standing."""
        match record:
            case CarriedCopy(envelope=envelope):
                if taken.copy_bytes + len(envelope) > MAX_BATCH_BYTES:
                    await self._take_copies(taken)
                taken.copies.append(envelope)
                taken.copy_bytes += len(envelope)
                if len(taken.copies) == MAX_BATCH:
                    await self._take_copies(taken)
            case CarriedReturn(item=item):
                taken.returns.append(item)
                if len(taken.returns) == MAX_BATCH:
                    await self._take_returns(taken)
            case LeftOut(message_id=message_id, code=code):
                taken.miss(message_id, "left_out", code)
            case CardNote() | BlobOffer() | BlobSegment():
                await self._take_part(record, taken)
            case _:
                assert isinstance(record, End)  # noqa: S101 - all others are taken above

    async def _take_part(self, record: CardNote | BlobOffer | BlobSegment, taken: Taken) -> None:
        """Take a card, or a part of an attachment; one that is not good costs itself alone."""
        try:
            match record:
                case CardNote(note=note):
                    await self._keep_card(note, taken)
                case BlobOffer(blob_id=blob_id, segment_list=segment_list):
                    await self._incoming.offer(taken.hop, blob_id, segment_list)
                case BlobSegment(blob_id=blob_id, number=number, segment=segment):
                    held = HeldSegment(segment)
                    await self._incoming.put_segment(taken.hop, blob_id, number, held)
        except LiaisonError as fault:
            if isinstance(fault, UnavailableError) and not isinstance(record, CardNote):
                raise
            taken.faults[fault.code] += 1

    async def _keep_card(self, note: bytes, taken: Taken) -> None:
        """Keep the writer's card; an older medium that is imported late takes nothing back."""
        try:
            await self._cards.keep(taken.hop, note)
        except RejectedError as fault:
            if fault.code != "card_older":
                raise

    def _admit(self, taken: Taken) -> None:
        """Let the writer pass, once what it says of the registry is known."""
        if not taken.admitted:
            writer = self._mirror.view.member(taken.hop).member
            suspended = shunned(self._mirror.view, writer, self._keys.member)
            if suspended:
                raise RejectedError(SUSPENDED, f"{suspended} is suspended")
            taken.admitted = True

    def _hold_statement(self, record: RegistryStatement, taken: Taken) -> None:
        """Keep a statement that is next to ours until the head over it comes."""
        if record.number != taken.known + len(taken.statements):
            return
        taken.statement_bytes += len(record.note)
        if taken.statement_bytes <= STATEMENTS_BYTES:
            taken.statements.append(record.note)

    async def _learn(self, head: bytes, taken: Taken) -> None:
        if self._keys.member == REGISTRY:  # its registry is its own
            return
        try:
            taken.learnt += await self._mirror.learn(head, taken.known, taken.statements)
        except LiaisonError as fault:
            taken.faults[fault.code] += 1
            _log.warning("registry.refused", peer=taken.hop, code=fault.code, detail=fault.detail)
        taken.statements.clear()

    async def _take_copies(self, taken: Taken) -> None:
        """Note the copies, open and store them like any post, and keep what they are refused by."""
        batch, taken.copies, taken.copy_bytes = taken.copies, [], 0
        if not batch:
            return
        parsed = [_parsed(item) for item in batch]
        names = [(item.header.message_id, item.envelope_id) for item in parsed if item is not None]
        notes = [None if item is None else self._note(item, taken.hop) for item in parsed]
        noted = [note for note in notes if note is not None]
        before = await self._database.read(lambda tx: messages.known(tx, names))
        await self._database.write(lambda tx: carried.note(tx, noted))
        posts = [Posted((), (self._keys.member,), item) for item in batch]
        answers = await self._reception.accept(taken.hop, posts)
        await self._refuse(parsed, notes, answers)
        for item, answer in zip(parsed, answers, strict=True):
            taken.count(item, answer, repeated=item is not None and item.envelope_id in before)

    def _note(self, envelope: ParsedEnvelope, hop: MemberId) -> NewCarried | None:
        """Return what is owed for a copy; None for what is not for us."""
        header, now = envelope.header, self._clock.now()
        if self._keys.member not in header.to or len(envelope.stanzas) != 1:
            return None
        expires_at = min(header.expires_at, now + self._policy.max_lifetime_s)
        return NewCarried(
            member=hop,
            envelope_id=envelope.envelope_id,
            message_id=header.message_id,
            stanza_digest=envelope.stanzas[0].digest,
            keep_until=expires_at + OWED_S,
        )

    async def _refuse(
        self,
        parsed: Sequence[ParsedEnvelope | None],
        notes: Sequence[NewCarried | None],
        answers: Sequence[Answer],
    ) -> None:
        refused = [
            (note, Answered(envelope=envelope, answer=answer))
            for note, envelope, answer in zip(notes, parsed, answers, strict=True)
            if note is not None and envelope is not None and not isinstance(answer, Accepted)
        ]
        dressed = await self._wayback.dress([answered for _, answered in refused])
        signed = [
            (note, answer.receipt)
            for (note, _), answer in zip(refused, dressed, strict=True)
            if isinstance(answer, Refused) and answer.receipt
        ]
        if signed:
            await self._database.write(lambda tx: carried.refuse(tx, signed))

    async def _take_returns(self, taken: Taken) -> None:
        """Settle our own rows; what is not of them was never sent, whatever else we relayed."""
        batch, taken.returns = taken.returns, []
        if not batch:
            return
        for item in await self._delivery.returned(taken.hop, batch):
            await self._delivery.refuse_return(taken.hop, item)
            taken.faults["receipt_unknown"] += 1
        states = await self._database.read(lambda tx: _states(tx, batch))
        for item, state in zip(batch, states, strict=True):
            if state is not None and state not in OPEN:
                taken.settled += 1
            elif state is not None:
                taken.faults["stale_card" if _is_stale(item) else "receipt_refused"] += 1

    async def _record(self, taken: Taken, caller: Caller, medium: bytes) -> None:
        entry = self._ledger.entry(
            EntryKind.ADMINISTRATOR_ACTED,
            peer=caller.name,
            digests=(medium,),
            code=f"import {taken.hop}",
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))
        _log.info("medium.imported", peer=taken.hop, count=taken.accepted)


def _parsed(envelope: bytes) -> ParsedEnvelope | None:
    try:
        return parse_envelope(envelope)
    except RejectedError:
        return None


def _is_stale(item: Return) -> bool:
    """Tell whether a copy could not be opened: it was sealed anew, for the next medium."""
    try:
        return (
            isinstance(item.outcome, Rejected)
            and parse_receipt(item.outcome.receipt).code == "stale_card"
        )
    except RejectedError:
        return False


def _states(tx: Transaction, returns: Sequence[Return]) -> list[OutboxState | None]:
    return [
        showing.state_of_copy(tx, item.message_id, item.envelope_id, item.recipient)
        for item in returns
    ]
