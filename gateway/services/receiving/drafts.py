"""Drafts as the house sees them: lists and reading, before anything is released. Recorded."""

from collections.abc import Mapping

from gateway.cases.kind import Kind
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import Attachment, parse_message_ref
from gateway.services.blobs.attachments import Attachments
from gateway.services.caller import Caller, require
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.receiving.draft_view import (
    DRAFT,
    draft_detail,
    draft_summary,
    handling_of,
)
from gateway.services.receiving.message_view import Detail, Page, ReleaseView, release_of
from gateway.services.refusals import Refusals
from gateway.services.sending.holding import Holding, OpenDraft
from gateway.settings import Role
from gateway.store import audit, drafts, messages, retentions
from gateway.store.database import Database, Transaction
from gateway.store.drafts import DraftFilter, DraftState, StoredDraft
from gateway.store.retentions import Retention

_NO_MESSAGE = (DraftState.AWAITING_RELEASE.value, DraftState.DECLINED.value)
"""The states in which no message is."""
READERS = (Role.OFFICER, Role.RELEASER)


class Drafts:
    """Shows what waits for a second person, and what came of it."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        holding: Holding,
        attachments: Attachments,
        *,
        ledger: Ledger,
        refusals: Refusals,
        kinds: Mapping[str, Kind],
    ) -> None:
        self._database = database
        self._keys = keys
        self._holding = holding
        self._attachments = attachments
        self._ledger = ledger
        self._refusals = refusals
        self._kinds = kinds

    async def page(
        self,
        wanted: DraftFilter,
        caller: Caller,
        language: str,
        *,
        after: int,
        limit: int,
        handled: bool = False,
    ) -> Page:
        """Return a page of drafts, in the order in which they were drafted."""
        found = await self._database.read(
            lambda tx: drafts.page(tx, wanted, after=after, limit=limit)
        )
        opened = [(item, self._opened(item)) for item in found]
        shown = [
            draft_summary(
                self._keys.member,
                item,
                draft,
                self._kinds,
                language,
                handling=handling_of(draft, self._kinds) if draft and handled else None,
            )
            for item, draft in opened
            if caller.unit is None or (draft is not None and draft.record.unit == caller.unit)
        ]
        last = found[-1].row_id if found else after
        return Page(messages=shown, cursor=str(last) if last else None)

    async def read(self, ref: str, caller: Caller, language: str) -> Detail | None:
        """Open a draft and record who read it; None for what is none, or was sent.

        Raises ForbiddenError ``role_missing``, ``unit_mismatch`` or ``case_restricted``.
        """
        draft = await self._unsent(ref, caller)
        if draft is None:
            return None
        files = [await self._attachments.take(item) for item in draft.record.submission.attachments]
        await self._record(caller, draft.stored.draft_digest)
        return draft_detail(self._keys.member, draft, files, self._kinds, language)

    async def attachment(self, ref: str, number: int, caller: Caller) -> Attachment | None:
        """Return an attachment of a draft; None for what is none. Reading it is recorded.

        Raises RejectedError ``attachment_unknown``, and as ``read``.
        """
        draft = await self._unsent(ref, caller)
        if draft is None:
            return None
        named = draft.record.submission.attachments
        if number >= len(named):
            raise RejectedError("attachment_unknown", f"{ref} has no attachment {number}")
        attachment = await self._attachments.take(named[number])
        await self._record(caller, draft.stored.draft_digest, attachment.blob_id)
        return attachment

    async def release_of(self, message_id: bytes) -> ReleaseView | None:
        """Return who asked for a message of ours, and who released it; None where nobody had to."""
        stored = await self._database.read(lambda tx: drafts.find(tx, message_id))
        return None if stored is None else release_of(stored)

    async def _unsent(self, ref: str, caller: Caller) -> OpenDraft | None:
        sender, message_id = parse_message_ref(ref)
        if sender != self._keys.member:
            return None
        stored, decided = await self._database.read(lambda tx: _found(tx, message_id))
        draft = None if stored is None else self._holding.open(stored)
        if draft is None:
            return None
        try:
            require(caller, *READERS)
            check_unit(draft, caller)
            _check_open(draft, decided)
        except ForbiddenError as fault:
            await self._refusals.reading(draft.stored.draft_digest, caller, fault.code)
            raise
        return draft

    def _opened(self, stored: StoredDraft) -> OpenDraft | None:
        """Open a draft for a list; None for one that cannot be opened any more."""
        try:
            return self._holding.open(stored)
        except LiaisonError:
            return None

    async def _record(self, caller: Caller, *read: bytes) -> None:
        role = next(item.value for item in READERS if item in caller.roles)
        kind = EntryKind.MESSAGE_READ
        entry = self._ledger.entry(kind, peer=caller.name, digests=read, code=role)
        await self._database.write(lambda tx: audit.append(tx, [entry]))


def _found(tx: Transaction, message_id: bytes) -> tuple[StoredDraft | None, Retention | None]:
    """Return a draft, and what was decided about its case."""
    stored = drafts.find(tx, message_id)
    return stored, None if stored is None else retentions.find(tx, stored.case_id)


def _check_open(draft: OpenDraft, decided: Retention | None) -> None:
    """Refuse what its case closes to readers. Raises ForbiddenError ``case_restricted``."""
    if decided is not None and decided.closes(draft.stored.drafted_at):
        raise ForbiddenError("case_restricted", "the case of this draft is restricted")


def asked_drafts(
    direction: str | None, state: str | None, case_id: bytes | None, kind: str | None
) -> DraftFilter | None:
    """Return the drafts that a list of messages asks for; None where it asks for messages.

    What waits, or was turned down, is asked for by that word alone.
    """
    alone = direction != messages.IN and state in _NO_MESSAGE
    if direction != DRAFT and not alone:
        return None
    unsent = (item for item in DraftState if item is not DraftState.RELEASED)
    states = tuple(item for item in unsent if state in (None, item.value))
    return DraftFilter(states=states, case_id=case_id, kind=kind)


def check_unit(draft: OpenDraft, caller: Caller) -> None:
    """Let pass who may see a draft's unit. Raises ForbiddenError ``unit_mismatch``."""
    if caller.unit is not None and draft.record.unit != caller.unit:
        raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's cases only")
