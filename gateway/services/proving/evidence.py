"""Write evidence of a message: what we hold, and what the other side's log says of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gateway.cases.families.lists import IntendedUse
from gateway.cases.kind import Kind
from gateway.clock import Clock
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.evidence.file import Evidence, encode_evidence
from gateway.evidence.history import History, fold, history_of
from gateway.evidence.howto import howto_of
from gateway.peer import Peers
from gateway.protocol.audit import EntryKind, ProvenEntry
from gateway.protocol.message import decode_payload, parse_message_ref
from gateway.protocol.opening import open_body
from gateway.services.caller import Caller, require
from gateway.services.casework.consents import check_use
from gateway.services.casework.events import check_kept
from gateway.services.casework.standing import unit_of
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.witnesses import settled
from gateway.services.handling.quarantine import closed_to, quarantine_of
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.proving.exhibits import (
    Found,
    Held,
    Proven,
    Side,
    Signing,
    checked_evidence,
    of_one_signing,
)
from gateway.services.proving.testimony import Testimony
from gateway.services.refusals import Refusals
from gateway.services.sending.outcomes import content_key
from gateway.services.witness.cosigning import Cosigning
from gateway.settings import Role
from gateway.store import audit, marks, messages, sealings, tombstones
from gateway.store import registry as mirrored
from gateway.store.database import Database, Transaction
from gateway.store.messages import StoredMessage
from gateway.store.outbox import showing
from gateway.store.outbox.showing import RecipientState
from keys.suite import MemberId

ASK_S = 15.0
"""How long the other side may take to say what its log says."""


class EvidenceFiles:
    """Writes evidence from the store."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        peers: Peers,
        *,
        testimony: Testimony,
        cosigning: Cosigning,
        ledger: Ledger,
        refusals: Refusals,
        kinds: Mapping[str, Kind],
        clock: Clock,
    ) -> None:
        self._kinds = kinds
        self._clock = clock
        self._refusals = refusals
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._peers = peers
        self._testimony = testimony
        self._cosigning = cosigning
        self._ledger = ledger

    async def export(
        self,
        ref: str,
        caller: Caller,
        *,
        is_open: bool,
        recipient: str | None = None,
        purpose: IntendedUse = IntendedUse.JUDICIAL_PROCEEDINGS,
    ) -> bytes:
        """Return a file of evidence of a message; recorded, and as a read where it is open.

        ``recipient`` is the one to speak of, all of them by default; ``purpose`` is what the
        content is for. Raises RejectedError ``message_unknown``, or ``message_purged`` for the
        content of one of which the rest still stands; ForbiddenError ``role_missing``,
        ``unit_mismatch`` or, for its content, ``information_recalled``, ``case_restricted`` or
        ``consent_missing``; UnavailableError ``storage_key_missing``.
        """
        async with self._refusals.recorded(ref, caller):
            require(caller, Role.OFFICER, Role.AUDITOR)
            held = await self._hold(ref, caller, recipient)
            if is_open:
                check_kept(held.stored)
                await self._check_open(held.stored, purpose)
        found = await self._entries(held)
        history, head = await self._registry()
        evidence, logged = checked_evidence(held, found, history)
        newest = max((item.at for item in logged if item.at is not None), default=0)
        if newest > (self._mirror.witnessed_at or 0):
            await self._cosigning.renew(newest)
            history, head = await self._registry()
            evidence, _ = checked_evidence(held, found, history)
        evidence = replace(
            evidence,
            payload=evidence.payload if is_open else None,
            statements=history.notes,
            checkpoint=head,
        )
        await self._record(held.stored, caller, purpose if is_open else None)
        return await asyncio.to_thread(_encoded, evidence, history)

    async def _check_open(self, stored: StoredMessage, purpose: IntendedUse) -> None:
        """Let content out that was not recalled since, for what it may be used for."""
        today = datetime.fromtimestamp(self._clock.now(), UTC).date().isoformat()

        def check(tx: Transaction) -> None:
            closed = quarantine_of(tx, self._keys, stored)
            if closed.whole:
                raise closed_to(closed)
            check_use(tx, self._keys, self._kinds, stored, purpose=purpose.value, today=today)

        await self._database.read(check)

    async def _hold(self, ref: str, caller: Caller, recipient: str | None) -> Held:
        def look(
            tx: Transaction,
        ) -> tuple[StoredMessage, list[RecipientState], list[Signing]]:
            stored = messages.find(tx, *parse_message_ref(ref))
            if stored is None or stored.direction == messages.SERVICE:
                raise RejectedError("message_unknown", f"there is no message {ref} here")
            states = showing.states(tx, [stored.row_id]).get(stored.row_id, [])
            earlier = [
                Signing(
                    signed=item.signed, envelope_id=item.envelope_id, tbs_digest=item.tbs_digest
                )
                for state in states
                for item in sealings.of_row(tx, state.row_id)
                if item.signed
            ]
            return stored, states, earlier

        stored, states, earlier = await self._database.read(look)
        unit, signed, proven = await self._database.read(lambda tx: self._proven(tx, stored))
        if caller.unit is not None and unit != caller.unit:
            raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's cases only")
        if recipient is not None:
            states = [state for state in states if state.recipient == recipient]
        newest = Signing(
            signed=signed, envelope_id=stored.envelope_id, tbs_digest=stored.tbs_digest
        )
        signing, of_it = of_one_signing([newest, *earlier], states)
        return Held(stored=stored, payload=proven, signing=signing, states=of_it)

    def _proven(self, tx: Transaction, stored: StoredMessage) -> tuple[str, bytes, Proven]:
        """Return a message's unit, what was signed, and its payload or what stays of it.

        Raises RejectedError ``message_purged`` for one that could not be opened even before.
        """
        if stored.purged_at is None:
            inner = open_body(stored.header, stored.body, content_key(self._keys, stored))
            return decode_payload(inner.payload).unit, inner.signed, Proven.of(inner.payload)
        stone = tombstones.find(tx, stored.row_id)
        if stone is None:
            raise RejectedError(
                "message_purged", "nothing can be proven of it: its key was gone when it was purged"
            )
        unit = unit_of(tx, self._keys, stored)
        return unit, stone.signed, Proven(payload=None, digest=stone.payload_digest)

    async def _entries(self, held: Held) -> Found:
        """Return what our log and theirs say; theirs unverified."""
        stored, envelope_id = held.stored, held.signing.envelope_id
        if stored.direction == messages.IN:
            sender = MemberId(stored.sender)
            theirs = await self._ask(sender, stored.message_id, envelope_id)
            receipt = stored.receipt
            item = Side(
                recipient=self._keys.member,
                receipt=receipt,
                held=theirs,
                received=await self._testimony.received(stored),
            )
            return Found(sent=theirs, sides=(item,))
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(self._side(held, state), name=f"ask {state.recipient}")
                for state in held.states
            ]
        sides = tuple(task.result() for task in asked)
        return Found(sent=await self._testimony.sent(stored, envelope_id), sides=sides)

    async def _side(self, held: Held, state: RecipientState) -> Side:
        recipient, envelope_id = MemberId(state.recipient), held.signing.envelope_id
        return Side(
            recipient=recipient,
            receipt=state.receipt,
            held=await self._testimony.held(state, envelope_id),
            received=await self._ask(recipient, held.stored.message_id, envelope_id),
        )

    async def _ask(
        self, member: MemberId, message_id: bytes, envelope_id: bytes
    ) -> Sequence[ProvenEntry]:
        """Return what a member's node says; nothing where it does not answer, or not in time."""
        try:
            async with asyncio.timeout(ASK_S):
                return await self._peers.member(member).audit_proofs(message_id, envelope_id)
        except (LiaisonError, TimeoutError):
            return ()

    async def _registry(self) -> tuple[History, bytes]:
        """Return the registry as it is stored, and its head with the signatures that count."""
        view = self._mirror.view
        notes, head = await self._database.read(
            lambda tx: (mirrored.all_statements(tx), mirrored.head(tx) or b"")
        )
        if view.head.size == len(notes):
            history = history_of(view, tuple(notes))
        else:  # it grew in between
            history = await asyncio.to_thread(fold, tuple(notes), view.anchor)
        return history, settled(history.view, head)

    async def _record(
        self, stored: StoredMessage, caller: Caller, purpose: IntendedUse | None
    ) -> None:
        """Record an export; with its content out, as a read too, and for which purpose."""
        is_open = purpose is not None
        named = (stored.envelope_id,)
        role = Role.OFFICER if Role.OFFICER in caller.roles else Role.AUDITOR
        entries = [
            self._ledger.entry(
                EntryKind.EVIDENCE_EXPORTED,
                peer=caller.name,
                digests=named,
                code="closed" if purpose is None else f"open {purpose.value}",
            )
        ]
        if is_open:
            entries.append(
                self._ledger.entry(
                    EntryKind.MESSAGE_READ, peer=caller.name, digests=named, code=role.value
                )
            )
        now = self._clock.now()

        def commit(tx: Transaction) -> None:
            audit.append(tx, entries)
            if is_open:
                marks.exhibit(tx, stored.sender, stored.message_id, now)

        await self._database.write(commit)


def _encoded(evidence: Evidence, history: History) -> bytes:
    return encode_evidence(evidence, howto_of(evidence, history))
