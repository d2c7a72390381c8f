"""Release: a second person lets a draft go, or turns it down; whoever drafted it may do neither.

A release is final with the commit that stores the message; a crash before leaves the draft
waiting. Source: SPEC "Release".
"""

from collections.abc import Callable
from typing import Annotated

import msgspec

from gateway.cases.fields.schema import LINES
from gateway.clock import Clock
from gateway.errors import (
    ConflictError,
    ForbiddenError,
    LiaisonError,
    RejectedError,
)
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import message_ref, parse_message_ref
from gateway.services.caller import Caller, require
from gateway.services.casework.events import opened_payload
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.refusals import Refusals
from gateway.services.sending.delivery import MovedRows
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.holding import Holding, OpenDraft
from gateway.services.sending.submission import RecipientSummary
from gateway.settings import Role
from gateway.store import audit, drafts, messages
from gateway.store.database import Database, Transaction
from gateway.store.drafts import DraftState, StoredDraft
from gateway.store.outbox import showing

_REASON = rf"(?s)\A(?=.*\S){LINES.removeprefix(chr(92) + 'A')}"


class Declining(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a draft is turned down: its drafter reads it."""

    reason: Annotated[str, msgspec.Meta(max_length=2000, pattern=_REASON)]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a draft, and by whom."""

    id: str
    case: str
    state: str
    """``released`` or ``declined``."""
    drafted_by: str
    decided_by: str
    recipients: list[RecipientSummary]


class Releasing:
    """Decides on drafts."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        holding: Holding,
        exchange: Exchange,
        *,
        ledger: Ledger,
        refusals: Refusals,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._keys = keys
        self._holding = holding
        self._exchange = exchange
        self._ledger = ledger
        self._refusals = refusals
        self._clock = clock
        self._changed = changed

    async def release(self, ref: str, caller: Caller) -> Decided:
        """Let a draft go, held against everything as it is now. Doing so twice changes nothing.

        Raises RejectedError ``message_unknown``; ForbiddenError ``role_missing``,
        ``unit_mismatch`` or ``released_by_drafter``; ConflictError ``nothing_to_release`` or
        ``draft_expired``; and whatever keeps a message from being sent, as ``Drafting.draft``: then
        it waits on. What is refused is recorded.
        """
        stored = await self._draft(ref)
        async with self._refusals.of_release(stored.draft_digest, caller):
            await self._check_second(stored, caller)
            draft = self._holding.open(stored)
            if draft is None:
                return await self._decided(ref)
            self._check_waits(ref, stored)
            try:
                answer = await self._exchange.release(draft, caller)
                if isinstance(answer, LiaisonError):
                    raise answer
            except LiaisonError:
                decided = await self._decided(ref)
                if decided.state != DraftState.RELEASED.value:
                    raise
                return decided  # another second person was faster
        self._changed()
        return await self._decided(ref)

    async def decline(self, ref: str, order: Declining, caller: Caller) -> Decided:
        """Turn a draft down: it is not sent, and shows why. Doing so twice changes nothing.

        Raises as ``release``, but for what keeps a message from being sent.
        """
        stored = await self._draft(ref)
        async with self._refusals.of_release(stored.draft_digest, caller):
            await self._check_second(stored, caller)
            if stored.state is DraftState.DECLINED:
                return await self._decided(ref)
            self._check_waits(ref, stored)
            draft = self._opened(ref, stored)
            sealed = self._holding.declined(draft, order.reason, self._clock.now())
            entry = self._ledger.entry(
                EntryKind.RELEASE_DECLINED,
                peer=caller.name,
                digests=(stored.draft_digest,),
                code=stored.drafter,
            )
            await self._decide(stored, DraftState.DECLINED, caller, entry, sealed)
            decided = await self._decided(ref)
            if decided.state != DraftState.DECLINED.value:
                raise _over(decided)
            return decided

    async def withdraw(self, ref: str, caller: Caller, recipient: str | None) -> MovedRows | None:
        """Take a draft back before it is released; None for what is none, or was sent.

        Raises ForbiddenError ``role_missing`` or ``unit_mismatch``; RejectedError
        ``draft_is_whole``; ConflictError ``nothing_to_release``.
        """
        sender, message_id = parse_message_ref(ref)
        stored = await self._database.read(lambda tx: drafts.find(tx, message_id))
        if sender != self._keys.member or stored is None or stored.state is DraftState.RELEASED:
            return None
        require(caller, Role.OFFICER, Role.OPERATOR)
        await self._check_unit(stored, caller)
        if recipient is not None:
            raise RejectedError(
                "draft_is_whole", "a draft goes to all of its recipients, or to none"
            )
        entry = self._ledger.entry(
            EntryKind.DRAFT_ENDED,
            peer=caller.name,
            digests=(stored.draft_digest,),
            code=DraftState.WITHDRAWN.value,
        )
        withdrawn = await self._decide(stored, DraftState.WITHDRAWN, caller, entry)
        ended = await self._decided(ref)
        if ended.state == DraftState.RELEASED.value:
            return None  # a second person was faster
        if not withdrawn:
            raise _over(ended)
        return MovedRows(state=ended.state, recipients=[item.member for item in ended.recipients])

    async def _draft(self, ref: str) -> StoredDraft:
        """Return a draft. Raises RejectedError ``message_unknown``, ConflictError."""
        sender, message_id = parse_message_ref(ref)

        def look(tx: Transaction) -> tuple[StoredDraft | None, bool]:
            message = messages.find(tx, sender, message_id)
            known = message is not None and message.direction != messages.SERVICE
            return drafts.find(tx, message_id), known

        stored, known = await self._database.read(look)
        if stored is not None and sender == self._keys.member:
            return stored
        if known:
            raise ConflictError("nothing_to_release", f"{ref} needs no release")
        raise RejectedError("message_unknown", f"there is no message {ref} here")

    async def _check_second(self, stored: StoredDraft, caller: Caller) -> None:
        """Let pass a second person. Raises ForbiddenError."""
        require(caller, Role.RELEASER)
        await self._check_unit(stored, caller)
        if caller.name.casefold() == stored.drafter.casefold():
            raise ForbiddenError(
                "released_by_drafter",
                f"{caller.name} drafted it: another person releases it or turns it down; "
                "to take it back, withdraw it",
            )

    async def _check_unit(self, stored: StoredDraft, caller: Caller) -> None:
        if caller.unit is None:
            return
        draft = self._holding.open(stored)
        if draft is None:
            me, message_id = self._keys.member, stored.message_id
            sent = await self._database.read(lambda tx: messages.find(tx, me, message_id))
            unit = None if sent is None else opened_payload(self._keys, sent).unit
        else:
            unit = draft.record.unit
        if unit != caller.unit:
            raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's cases only")

    def _check_waits(self, ref: str, stored: StoredDraft) -> None:
        """Raise ConflictError ``nothing_to_release`` or ``draft_expired``."""
        if stored.state is not DraftState.AWAITING_RELEASE:
            raise ConflictError("nothing_to_release", f"{ref} does not wait: it is {stored.state}")
        if stored.release_until <= self._clock.now():
            raise ConflictError("draft_expired", f"{ref} was not released in time: draft it anew")

    def _opened(self, ref: str, stored: StoredDraft) -> OpenDraft:
        draft = self._holding.open(stored)
        if draft is None:
            raise ConflictError("nothing_to_release", f"{ref} does not wait: it is {stored.state}")
        return draft

    async def _decide(
        self,
        stored: StoredDraft,
        state: DraftState,
        caller: Caller,
        entry: audit.NewEntry,
        sealed: tuple[bytes, bytes] | None = None,
    ) -> bool:
        """End a draft; tell whether nobody else was faster."""
        now, by = self._clock.now(), caller.name

        def commit(tx: Transaction) -> bool:
            done = drafts.decide(tx, stored.row_id, state, by=by, at=now, sealed=sealed)
            audit.append(tx, [entry] if done else [])
            return done

        done = await self._database.write(commit)
        self._changed()
        return done

    async def _decided(self, ref: str) -> Decided:
        sender, message_id = parse_message_ref(ref)

        def look(tx: Transaction) -> tuple[StoredDraft | None, list[RecipientSummary]]:
            sent = messages.find(tx, sender, message_id)
            rows = [] if sent is None else showing.states(tx, [sent.row_id]).get(sent.row_id, [])
            states = [RecipientSummary(member=row.recipient, state=row.state.value) for row in rows]
            return drafts.find(tx, message_id), states

        stored, recipients = await self._database.read(look)
        if stored is None:
            raise RejectedError("message_unknown", f"there is no message {ref} here any more")
        draft = self._holding.open(stored)
        if draft is not None:
            recipients = [
                RecipientSummary(member=name, state=stored.state.value)
                for name in draft.record.submission.to
            ]
        return Decided(
            id=message_ref(sender, message_id),
            case=stored.case_id.hex(),
            state=stored.state.value,
            drafted_by=stored.drafter,
            decided_by=stored.decided_by,
            recipients=recipients,
        )


def _over(decided: Decided) -> ConflictError:
    said = f"{decided.id} does not wait any more: it is {decided.state}"
    return ConflictError("nothing_to_release", said)
