"""Deliver our own messages: rows of the outbox as the lanes carry them, settled by receipts.

An attempt ends in one transaction. A lost answer leaves the row due, and the repeat meets the
stored receipt. What went through relays ends by what they bring back (``returned``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from gateway.clock import Clock
from gateway.errors import ConflictError, LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.protocol.answer import Answer, Later, Refused
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import Stanza, wrap_stanza
from gateway.protocol.mailbox import Return
from gateway.protocol.message import parse_message_ref
from gateway.services.caller import Caller, require
from gateway.services.federation.cards import Cards
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, shunned
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.sending.cargo import Load, Settled
from gateway.services.sending.outcomes import Outcome, Outcomes, content_key
from gateway.settings import DeliverySettings, Role
from gateway.store import attachments, audit, messages
from gateway.store.database import Database, Transaction
from gateway.store.outbox import claiming, queueing, settling, showing, signing
from gateway.store.outbox.claiming import Claimed
from gateway.store.outbox.settling import Custody, Deferral, Settlement
from gateway.store.outbox.states import OutboxState
from keys.suite import MemberId

_log = logger()


class MovedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries that were withdrawn or queued again, by recipient."""

    state: str
    recipients: list[str]


class Delivery:
    """The outbox as a cargo, and the end of each of its rows. Implements ``lanes.Cargo``."""

    def __init__(
        self,
        database: Database,
        mirror: RegistryMirror,
        cards: Cards,
        judged: Outcomes,
        *,
        keys: NodeKeys,
        ledger: Ledger,
        clock: Clock,
        settings: DeliverySettings,
        settled: Callable[[int], None],
        came_back: Callable[[Mapping[MemberId, int]], None],
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._cards = cards
        self._judged = judged
        self._keys = keys
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._settled = settled
        self._came_back = came_back

    async def recover(self) -> None:
        """See ``lanes.Cargo``."""
        now = self._clock.now()
        await self._database.write(lambda tx: queueing.requeue_overdue(tx, now))

    async def waiting(self, names: Sequence[MemberId] | None = None) -> Mapping[MemberId, int]:
        """See ``lanes.Cargo``."""
        found = await self._database.read(
            lambda tx: claiming.waiting_recipients(tx, names or claiming.recipients(tx))
        )
        return {MemberId(name): due_at for name, due_at in found.items()}

    async def claim(self, recipients: Sequence[MemberId], most: int) -> Sequence[Load]:
        """See ``lanes.Cargo``."""
        now = self._clock.now()
        claimed = await self._database.write(
            lambda tx: claiming.claim(
                tx,
                recipients,
                now=now,
                lease_until=now + self._settings.lease_s,
                most=most,
                most_bytes=self._settings.batch_bytes,
            )
        )
        return [load_of(row) for row in claimed]

    async def prepare(self, hop: MemberId, loads: Sequence[Load]) -> Sequence[Load]:
        """See ``lanes.Cargo``: what has no stanza yet is wrapped, and kept before it is posted.

        So is what shares a session and goes through a relay by now. What was handed over before its
        recipient, or the hop, was suspended waits again.
        """
        loads = await self._hold_back(hop, loads)
        lacking = [
            load
            for load in loads
            if load.stanza is None or (load.stanza.is_shared and hop != load.recipient)
        ]
        if not lacking:
            return loads
        faults: dict[MemberId, LiaisonError] = {}
        for member in {load.recipient for load in lacking}:
            try:
                await self._cards.current(member) or await self._cards.fetch(member)
            except LiaisonError as fault:
                faults[member] = fault
        for load in lacking:
            wrapped = None if load.recipient in faults else await self._wrap(load.item)
            if wrapped is None:
                unknown = UnavailableError("card_unknown", f"no key card of {load.recipient}")
                faults.setdefault(load.recipient, unknown)
            load.stanza = wrapped or load.stanza
        await self._keep_stanzas([load for load in lacking if load.recipient not in faults])
        for member, why in faults.items():
            _log.warning("card.refused", peer=member, code=why.code, detail=why.detail)
        kept_back = [load for load in lacking if load.recipient in faults]
        if kept_back:
            deferrals = [
                self._judged.deferral(load.item, faults[load.recipient].code) for load in kept_back
            ]
            await self._database.write(lambda tx: settling.defer(tx, deferrals))
            self._came_back({load.recipient: self._clock.now() + 1 for load in kept_back})
        waiting = {load.row_id for load in kept_back}
        return [load for load in loads if load.row_id not in waiting]

    async def _hold_back(self, hop: MemberId, loads: Sequence[Load]) -> Sequence[Load]:
        view, me, now = self._mirror.known, self._keys.member, self._clock.now()
        held = [load for load in loads if shunned(view, me, hop, load.recipient)]
        if held:
            deferrals = [
                Deferral(row_id=load.row_id, due_at=now, code=SUSPENDED, failed=False)
                for load in held
            ]
            await self._database.write(lambda tx: settling.defer(tx, deferrals))
        return [load for load in loads if load not in held] if held else loads

    async def settle(
        self, hop: MemberId, loads: Sequence[Load], answers: Sequence[Answer]
    ) -> Settled:
        """See ``lanes.Cargo``."""
        outcomes: list[Outcome] = []
        if any(isinstance(answer, Later | Refused) for answer in answers):
            outcomes += self._judged.of_answers(hop, loads, answers)
            await self._renew_stanzas(_stale(loads, outcomes))

        def judge() -> None:
            """Verify in the writer's thread, before its transaction."""
            if not outcomes:
                outcomes.extend(self._judged.of_answers(hop, loads, answers))

        due = await self._commit(outcomes, [load.recipient for load in loads], first=judge)
        wanting = [
            (load, outcome.wanting)
            for load, outcome in zip(loads, outcomes, strict=True)
            if outcome.wanting
        ]
        _log.info("batch.settled", peer=hop, size=len(loads))
        return Settled(wanting=wanting, due=due)

    async def put_back(self, loads: Sequence[Load], fault: LiaisonError, due_at: int) -> None:
        """See ``lanes.Cargo``."""
        if fault.code == "registry_behind":
            self._mirror.behind.set()
        deferrals = [
            Deferral(row_id=load.row_id, due_at=min(due_at, load.item.expires_at), code=fault.code)
            for load in loads
        ]
        await self._database.write(lambda tx: settling.defer(tx, deferrals))

    async def extend(self, loads: Sequence[Load]) -> None:
        """See ``lanes.Cargo``."""
        lease_until = self._clock.now() + self._settings.lease_s
        row_ids = [load.row_id for load in loads]
        await self._database.write(lambda tx: claiming.extend_leases(tx, row_ids, lease_until))

    async def blob(self, load: Load, blob_id: bytes) -> tuple[str, bytes]:
        """See ``lanes.Cargo``."""
        del load
        blob = await self._database.read(lambda tx: attachments.whole(tx, blob_id))
        if blob is None or blob.segment_list is None:
            raise RejectedError("blob_missing", "a sealed attachment is missing on this node")
        return blob.location, blob.segment_list

    async def still_open(self, recipient: MemberId) -> Sequence[int]:
        """Return the rows that are not done for a recipient, the most urgent first."""
        now = self._clock.now()
        return await self._database.read(lambda tx: showing.still_open(tx, recipient, now))

    async def copies(self, row_ids: Sequence[int]) -> Sequence[Load]:
        """Return rows for a medium; their attempts go on. One without a card has no stanza."""
        rows = await self._database.read(lambda tx: claiming.by_rows(tx, row_ids))
        loads = [load_of(row) for row in rows]
        lacking = [load for load in loads if load.stanza is None]
        for load in lacking:
            load.stanza = await self._wrap(load.item)
        await self._keep_stanzas([load for load in lacking if load.stanza is not None])
        return loads

    async def returned(self, hop: MemberId, returns: Iterable[Return]) -> list[Return]:
        """Take what relays bring back of our own messages; return what is not of them.

        A receipt or a refusal proves itself, whoever brings it; a relay's own word counts only for
        what it has in custody.
        """
        outcomes: list[Outcome] = []
        loads: list[Load] = []
        others: list[Return] = []
        for item in returns:
            copy = partial(
                showing.by_copy,
                message_id=item.message_id,
                envelope_id=item.envelope_id,
                recipient=item.recipient,
            )
            row = await self._database.read(copy)
            if row is None:
                others.append(item)
                continue
            loads.append(load_of(row))
            outcomes.append(self._judged.of_return(hop, loads[-1], item))
        if outcomes:
            await self._renew_stanzas(_stale(loads, outcomes))
            self._came_back(await self._commit(outcomes, [load.recipient for load in loads]))
        return others

    async def withdraw(self, ref: str, caller: Caller, recipient: str | None = None) -> MovedRows:
        """Take back what still waits of a message, for one recipient or for all.

        What a relay has, or the recipient, is not there to be taken back. Raises ForbiddenError
        ``role_missing``; RejectedError ``message_unknown``; ConflictError ``nothing_to_move``.
        """
        return await self._move(ref, caller, OutboxState.WITHDRAWN, recipient)

    async def requeue(self, ref: str, caller: Caller, recipient: str | None = None) -> MovedRows:
        """Queue again what had failed or was withdrawn; its bytes stay the same.

        Raises as ``withdraw``; ConflictError ``message_expired`` for what is to be sent anew.
        """
        return await self._move(ref, caller, OutboxState.QUEUED, recipient)

    async def _move(
        self, ref: str, caller: Caller, state: OutboxState, recipient: str | None
    ) -> MovedRows:
        require(caller, Role.OPERATOR)
        sender, message_id = parse_message_ref(ref)
        now = self._clock.now()
        kind = EntryKind.ADMINISTRATOR_ACTED
        code = "withdraw" if state is OutboxState.WITHDRAWN else "requeue"

        def commit(tx: Transaction) -> list[str]:
            stored = messages.find(tx, sender, message_id)
            if stored is None or stored.direction != messages.OUT:
                raise RejectedError("message_unknown", f"there is no sent message {ref} here")
            rows = [
                row
                for row in showing.states(tx, [stored.row_id]).get(stored.row_id, [])
                if recipient in (None, row.recipient)
            ]
            if state is OutboxState.QUEUED and stored.expires_at <= now:
                raise ConflictError("message_expired", "its lifetime is over: send it anew")
            moved = queueing.move(tx, [row.row_id for row in rows], state, now)
            if not moved:
                raise ConflictError(
                    "nothing_to_move", f"no delivery of {ref} is in a state to {code} it from"
                )
            digests = (stored.envelope_id,)
            audit.append(
                tx, [self._ledger.entry(kind, peer=caller.name, digests=digests, code=code)]
            )
            return [row.recipient for row in rows if row.row_id in moved]

        moved = await self._database.write(commit)
        self._settled(0)
        self._came_back({MemberId(name): now for name in moved})
        return MovedRows(state=state.value, recipients=moved)

    async def refuse_return(self, hop: MemberId, item: Return) -> None:
        """Record a return of something that never went this way."""
        entry = self._ledger.entry(
            EntryKind.RECEIPT_REFUSED, peer=hop, digests=(item.envelope_id,), code="receipt_unknown"
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))
        _log.warning("receipt.refused", peer=hop, code="receipt_unknown")

    async def _commit(
        self,
        outcomes: Sequence[Outcome],
        recipients: Sequence[MemberId],
        first: Callable[[], None] | None = None,
    ) -> dict[MemberId, int]:
        def commit(tx: Transaction) -> int:
            changes = [outcome.change for outcome in outcomes]
            settlements = [item for item in changes if isinstance(item, Settlement)]
            deferrals = [item for item in changes if isinstance(item, Deferral)]
            kept = [item for item in changes if isinstance(item, Custody)]
            moved = settling.settle(tx, settlements) | settling.keep(tx, kept)
            settling.defer(tx, deferrals)
            audit.append(
                tx,
                [
                    outcome.entry
                    for outcome in outcomes
                    if outcome.entry is not None
                    and (
                        outcome.change is None
                        or isinstance(outcome.change, Deferral)
                        or outcome.change.row_id in moved
                    )
                ],
            )
            return sum(
                item.state is OutboxState.DELIVERED and item.row_id in moved for item in settlements
            )

        confirmed = await self._database.write_unit(commit, first=first)
        for outcome in outcomes:
            change = outcome.change
            if isinstance(change, Settlement) and change.state is OutboxState.FAILED:
                _log.warning("message.failed", code=change.code)
        self._settled(confirmed)
        due: dict[MemberId, int] = {}
        for outcome, recipient in zip(outcomes, recipients, strict=True):
            if isinstance(outcome.change, Deferral):
                at = outcome.change.due_at
                due[recipient] = min(at, due.get(recipient, at))
        return due

    async def _wrap(self, row: Claimed, *, now: bool = False) -> Stanza | None:
        member = MemberId(row.recipient)
        card = await self._cards.current(member)
        if card is None:
            return None
        at = self._clock.now()
        try:
            seal_to = card.seal_to(at if now else row.created_at)
        except UnavailableError:
            seal_to = card.seal_to(at)
        return wrap_stanza(row.header, content_key(self._keys, row), *seal_to)

    async def _renew_stanzas(self, loads: Sequence[Load]) -> None:
        """Wrap again, under the recipients' newest cards, what they could not open."""
        for member in {load.recipient for load in loads}:
            try:
                await self._cards.fetch(member)
            except LiaisonError as fault:
                _log.warning("card.refused", peer=member, code=fault.code, detail=fault.detail)
        for load in loads:
            load.stanza = await self._wrap(load.item, now=True) or load.stanza
        await self._keep_stanzas(loads)

    async def _keep_stanzas(self, loads: Sequence[Load]) -> None:
        def keep(tx: Transaction) -> None:
            for load in loads:
                if load.stanza is not None:
                    signing.restanza(tx, load.row_id, load.stanza.key_id, load.stanza.wrapped)

        if loads:
            await self._database.write(keep)


def load_of(row: Claimed) -> Load:
    """Return a claimed row as the lanes carry it."""
    stanza = None
    if row.seal_kid is not None and row.wrapped is not None:
        stanza = Stanza(row.seal_kid, row.wrapped)
    return Load(
        row_id=row.row_id,
        recipient=MemberId(row.recipient),
        rank=row.rank,
        envelope_id=row.envelope_id,
        header=row.header,
        body=row.body,
        hops=(),
        stanza=stanza,
        item=row,
    )


def _stale(loads: Sequence[Load], outcomes: Sequence[Outcome]) -> list[Load]:
    """Return the loads that their recipients could not open: they need a new stanza."""
    return [
        load
        for load, outcome in zip(loads, outcomes, strict=True)
        if isinstance(outcome.change, Deferral) and outcome.change.code == "stale_card"
    ]
