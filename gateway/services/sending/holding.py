"""Hold a draft for a second person: sealed as it was drafted, neither signed nor numbered.

What is released is drafted again from this record, and held against everything as it is by then.
So no signature of ours exists that nobody released, and number, date and what it answers are those
of the moment at which it goes. Source: SPEC "Release".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gateway.cases.threads.event import Event
from gateway.errors import LiaisonError, UnavailableError
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import Draft
from gateway.protocol.message import message_ref
from gateway.services.caller import Caller
from gateway.services.casework.view import DraftOutline
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.sending.passing import Passed
from gateway.services.sending.submission import (
    RecipientSummary,
    ReleaseAsked,
    Submission,
    Submitted,
)
from gateway.settings import PolicySettings, Role
from gateway.store import audit, drafts
from gateway.store.database import Database, Transaction
from gateway.store.drafts import DraftState, NewDraft, StoredDraft
from keys.suite import digest

HELD_MOST = 10_000


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept sealed of a draft."""

    salt: bytes
    submission: Submission
    content: bytes
    """As it was read by whoever releases it: in its one form, and nothing else goes."""
    unit: str
    """The unit that the message is of; empty for none."""
    drafter_unit: str | None
    by_node: bool
    """Whether the node made it by the drafter's order, such as a copy for a liaison office."""
    event: Event
    """What it would be in its case, as the case was when it was drafted."""
    reason: str = ""
    """Why it was turned down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What a submission asks for, held against everything."""

    draft: Draft
    passed: tuple[Passed, ...]
    event: Event
    rule: str | None
    """The rule that asks for a second person; None where nobody need be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A sealed draft with the rows that it needs."""

    new: NewDraft
    blob_ids: tuple[bytes, ...]
    entry: audit.NewEntry
    submitted: Submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDraft:
    """A stored draft, opened."""

    stored: StoredDraft
    record: Record

    @property
    def drafter(self) -> Caller:
        """Who drafted it, as far as it counts for what may be sent."""
        return Caller(
            name=self.stored.drafter,
            roles=frozenset({Role.OFFICER}),
            unit=self.record.drafter_unit,
            is_node=self.record.by_node,
        )


class Holding:
    """Seals drafts that wait, and opens them."""

    def __init__(
        self, database: Database, keys: NodeKeys, ledger: Ledger, policy: PolicySettings
    ) -> None:
        self._database = database
        self._keys = keys
        self._ledger = ledger
        self._within_s = policy.release_within_s

    async def hold(
        self, drafted: Drafted, submission: Submission, caller: Caller, now: int
    ) -> Held:
        """Return a draft as it is kept. Raises UnavailableError ``drafts_full``."""
        waiting = await self._database.read(drafts.count_waiting)
        if waiting >= HELD_MOST:
            raise UnavailableError(
                "drafts_full",
                f"{waiting} drafts wait for a second person: let some be decided on first",
                retry_after_s=60,
            )
        draft, payload = drafted.draft, drafted.draft.payload
        record = Record(
            salt=self._keys.entropy(16),
            submission=submission,
            content=payload.content,
            unit=payload.unit,
            drafter_unit=caller.unit,
            by_node=caller.is_node,
            event=drafted.event,
        )
        encoded = msgspec.msgpack.encode(record)
        storage = self._keys.keyring.storage(now)
        rule, until = drafted.rule or "", now + self._within_s
        new = NewDraft(
            message_id=draft.message_id,
            case_id=payload.case_id,
            kind=payload.kind,
            drafter=caller.name,
            rule=rule,
            drafted_at=now,
            release_until=until,
            draft_digest=digest(encoded),
            storage_key_id=storage.key_id,
            record=storage.seal_record(draft.message_id, encoded, self._keys.entropy),
        )
        return Held(
            new=new,
            blob_ids=tuple(attachment.blob_id for attachment in payload.attachments),
            entry=self._ledger.entry(
                EntryKind.MESSAGE_DRAFTED, peer=caller.name, digests=(new.draft_digest,), code=rule
            ),
            submitted=Submitted(
                id=message_ref(payload.sender, draft.message_id),
                case=payload.case_id.hex(),
                envelope_id="",
                recipients=[
                    RecipientSummary(member=member, state=DraftState.AWAITING_RELEASE.value)
                    for member in draft.to
                ],
                release=ReleaseAsked(rule=rule, until=until),
            ),
        )

    def open(self, stored: StoredDraft) -> OpenDraft | None:
        """Open a stored draft; None for a released one, whose message says what it said.

        Raises UnavailableError ``storage_key_missing``.
        """
        if stored.record is None or stored.storage_key_id is None:
            return None
        storage = self._keys.storage_key(stored.storage_key_id)
        encoded = storage.open_record(stored.message_id, stored.record)
        return OpenDraft(stored=stored, record=msgspec.msgpack.decode(encoded, type=Record))

    def outline(self, stored: StoredDraft) -> DraftOutline | None:
        """Return what a case shows of a draft; None for one that cannot be opened."""
        try:
            draft = self.open(stored)
        except LiaisonError:
            return None
        if draft is None:
            return None
        submission = draft.record.submission
        return DraftOutline(
            to=submission.to,
            unit=draft.record.unit,
            opens=submission.case is None and submission.in_reply_to is None,
        )

    def declined(self, draft: OpenDraft, reason: str, now: int) -> tuple[bytes, bytes]:
        """Return the storage key's id and the record with why it was turned down, sealed anew."""
        encoded = msgspec.msgpack.encode(msgspec.structs.replace(draft.record, reason=reason))
        storage = self._keys.keyring.storage(now)
        sealed = storage.seal_record(draft.stored.message_id, encoded, self._keys.entropy)
        return storage.key_id, sealed

    async def events_in(self, case_id: bytes) -> list[Event]:
        """Return what waits in a case, as the events that it would be."""

        def look(tx: Transaction) -> Sequence[StoredDraft]:
            return drafts.waiting_in(tx, case_id)

        opened = [self.open(item) for item in await self._database.read(look)]
        return [item.record.event for item in opened if item is not None]
