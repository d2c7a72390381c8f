"""What this node's own log says of a message, with proofs.

The other side of a message asks here for what our log says of it; nobody else is told.
"""

from collections.abc import Sequence

from gateway.clock import Clock
from gateway.errors import RejectedError
from gateway.protocol.audit import EntryKind, ProvenEntry, parse_entry
from gateway.protocol.envelope import parse_header
from gateway.services.auditing.reading import AuditReading
from gateway.store import messages, sealings
from gateway.store.database import Database, Transaction
from gateway.store.messages import StoredMessage
from gateway.store.outbox import showing
from gateway.store.outbox.showing import RecipientState
from keys.suite import MemberId


class Testimony:
    """Finds entries of our log by the message that they are about."""

    def __init__(self, database: Database, reading: AuditReading, clock: Clock) -> None:
        self._database = database
        self._reading = reading
        self._clock = clock

    async def sent(self, stored: StoredMessage, envelope_id: bytes) -> Sequence[ProvenEntry]:
        """Return our entry that we sent a message in this envelope: accepted, or signed again."""
        at = stored.stored_at
        found = await self._reading.proofs_of(
            envelope_id, (EntryKind.MESSAGE_ACCEPTED,), since=at, until=at
        )
        if found:
            return found
        again = await self._reading.proofs_of(
            envelope_id, (EntryKind.MESSAGE_SIGNED_AGAIN,), since=at, until=self._clock.now()
        )
        # One that is signed again later names this envelope too, as the one before.
        return [item for item in again if parse_entry(item.entry).digests[0] == envelope_id]

    async def held(self, state: RecipientState, envelope_id: bytes) -> Sequence[ProvenEntry]:
        """Return our entry that we hold a recipient's receipt for this envelope."""
        if state.settled_at is None:
            return []
        found = await self._reading.proofs_of(
            envelope_id,
            (EntryKind.RECEIPT_HELD,),
            since=state.settled_at,
            until=state.settled_at,
        )
        return [item for item in found if parse_entry(item.entry).peer == state.recipient]

    async def received(self, stored: StoredMessage) -> Sequence[ProvenEntry]:
        """Return our entry that we received a message."""
        at = stored.stored_at
        return await self._reading.proofs_of(
            stored.envelope_id, (EntryKind.MESSAGE_RECEIVED,), since=at, until=at
        )

    async def for_member(
        self, member: MemberId, message_id: bytes, envelope_id: bytes
    ) -> Sequence[ProvenEntry]:
        """Return what our log says of a message that ``member`` sent us, or that we sent it.

        Raises RejectedError ``message_unknown``, for a message of others too.
        """

        def look(tx: Transaction) -> tuple[StoredMessage, RecipientState | None]:
            for stored in messages.by_id(tx, message_id):
                if stored.direction != messages.OUT:
                    if (stored.sender, stored.envelope_id) == (member, envelope_id):
                        return stored, None
                elif member in parse_header(stored.header).to:
                    states = showing.states(tx, [stored.row_id]).get(stored.row_id, [])
                    for state in states:
                        if state.recipient == member and envelope_id in _envelopes(
                            tx, stored, state
                        ):
                            return stored, state
            raise RejectedError("message_unknown", "no such message is between us")

        stored, state = await self._database.read(look)
        if state is None:
            return await self.received(stored)
        return [*await self.sent(stored, envelope_id), *await self.held(state, envelope_id)]


def _envelopes(tx: Transaction, stored: StoredMessage, state: RecipientState) -> set[bytes]:
    """Return the envelopes in which a message has gone out to one recipient."""
    earlier = sealings.of_row(tx, state.row_id)
    return {stored.envelope_id, *(item.envelope_id for item in earlier)}
