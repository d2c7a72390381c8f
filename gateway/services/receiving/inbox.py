"""Messages as the house sees them: lists, reading, acknowledging. Reading is recorded."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec

from gateway.cases.content import decode_content
from gateway.cases.handling import Handling
from gateway.cases.kind import Kind
from gateway.cases.kinds import kind_named
from gateway.clock import Clock, happens
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.protocol.message import (
    Attachment,
    decode_payload,
    message_ref,
    parse_message_ref,
)
from gateway.protocol.opening import open_body, verify_stored
from gateway.services.caller import Caller, require
from gateway.services.casework.events import check_kept
from gateway.services.casework.standing import unit_of
from gateway.services.federation.registry import RegistryMirror
from gateway.services.handling.quarantine import (
    OpeningReason,
    Quarantine,
    quarantine_of,
    reader_of,
)
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.receiving.attachment_names import no_attachment, not_here, parted
from gateway.services.receiving.drafts import Drafts, asked_drafts
from gateway.services.receiving.marked import marks_in, marks_shown
from gateway.services.receiving.message_view import (
    AttachmentView,
    Detail,
    OpenedStored,
    Page,
    ReleaseView,
    Summary,
    attachment_of,
    detail_of,
    summary_of,
)
from gateway.services.refusals import Refusals
from gateway.settings import Role
from gateway.store import attached, audit, marks, messages
from gateway.store.attached import Attached, AttachmentState
from gateway.store.database import Database, Transaction
from gateway.store.drafts import DraftFilter
from gateway.store.messages import MessageFilter, MessageSummary, StoredMessage
from gateway.store.outbox import showing
from gateway.store.outbox.showing import RecipientState

MAX_WAIT_S = 60
LOOK_AGAIN_S = 2.0


class MessageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages to list."""

    direction: Annotated[str, msgspec.Meta(pattern=r"\A(in|out|draft)\Z")] | None = None
    """``draft`` for what waits for its release, or ended without it: it is no message."""
    case: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")] | None = None
    state: Annotated[str, msgspec.Meta(pattern=r"\A[a-z_]{1,16}\Z")] | None = None
    kind: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    cursor: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,18}\Z")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    wait_s: Annotated[int, msgspec.Meta(ge=0, le=MAX_WAIT_S)] = 0
    include: Annotated[str, msgspec.Meta(pattern=r"\Ahandling\Z")] | None = None
    """``handling``, to be told of each how it may be used. That is no reading of it."""


class Inbox:
    """Shows what was received and sent."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        ledger: Ledger,
        clock: Clock,
        *,
        kinds: Mapping[str, Kind],
        refusals: Refusals,
        drafts: Drafts,
        fetch: Callable[[], None],
    ) -> None:
        self._kinds = kinds
        self._refusals = refusals
        self._drafts = drafts
        self._fetch = fetch
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._ledger = ledger
        self._clock = clock
        self._changed = asyncio.Condition()
        self.came = asyncio.Event()
        """Set when there is something new, for who notes what happened."""
        self._tasks: set[asyncio.Task[None]] = set()

    def changed(self) -> None:
        """Tell those who wait that there is something new."""
        self.came.set()
        task = asyncio.get_running_loop().create_task(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def page(self, query: MessageQuery, caller: Caller, language: str = "en") -> Page:
        """Return a page, in the order of storing; wait for the first message if asked to.

        Raises ForbiddenError ``role_missing``.
        """
        case_id = None if query.case is None else bytes.fromhex(query.case)
        held = asked_drafts(query.direction, query.state, case_id, query.kind)
        releasers = () if held is None else (Role.RELEASER,)
        require(caller, Role.OFFICER, Role.AUDITOR, *releasers)
        wanted = MessageFilter(
            direction=query.direction, case_id=case_id, kind=query.kind, state=query.state
        )
        deadline = self._clock.monotonic() + query.wait_s
        while True:
            async with self._changed:
                if held is None:
                    shown = await self._page(wanted, query, caller, language)
                else:
                    shown = await self._drafted(held, query, caller, language)
                left_s = deadline - self._clock.monotonic()
                if shown.messages or left_s <= 0:
                    return shown
                # Another daemon on this database may store something unseen: look now and then.
                await happens(self._changed.wait(), min(left_s, LOOK_AGAIN_S))

    async def read(
        self,
        ref: str,
        caller: Caller,
        language: str = "en",
        reason: OpeningReason | None = None,
    ) -> Detail:
        """Open a message and record who read it, and for which ``reason`` if it was recalled.

        Raises RejectedError ``message_unknown``, ForbiddenError ``role_missing``,
        ``unit_mismatch`` or ``information_recalled``, UnavailableError ``storage_key_missing``.
        """
        if (draft := await self._drafts.read(ref, caller, language)) is not None:
            return draft
        async with self._refusals.recorded(ref, caller):
            require(caller, Role.OFFICER, Role.RELEASER)
            opened = await self._open(ref, caller)
            role = reader_of(await self._quarantine(opened), caller, reason)
        stored = opened.stored
        rows = [stored.row_id]
        states = await self._database.read(lambda tx: showing.states(tx, rows))
        lacking = await self._database.read(lambda tx: attached.of_messages(tx, rows))
        marked = await self._database.read(lambda tx: marks_shown(tx, stored))
        await self._record(caller, role, stored.envelope_id)
        return detail_of(
            opened,
            states.get(stored.row_id, []),
            lacking.get(stored.row_id, []),
            self._mirror.view,
            kinds=self._kinds,
            language=language,
            marked=marked,
            release=await self._release_of(stored),
        )

    async def attachment(
        self, attachment_id: str, caller: Caller, reason: OpeningReason | None = None
    ) -> Attachment:
        """Return attachment ``<message id>.<number>`` with its key; reading it is recorded.

        One that is not here yet is fetched now. Raises RejectedError ``attachment_unknown``,
        ``attachment_lost``; UnavailableError ``attachment_pending``; and as ``read``.
        """
        ref, number = parted(attachment_id)
        if (drafted := await self._drafts.attachment(ref, number, caller)) is not None:
            return drafted
        opened, role = await self._attachment(ref, number, caller, reason)
        attachment = opened.payload.attachments[number]
        lacking = await self._ask(opened, attachment)
        if lacking is not None:
            raise not_here(lacking, self._clock.now())
        await self._record(caller, role, opened.stored.envelope_id, attachment.blob_id)
        return attachment

    async def fetch(
        self, attachment_id: str, caller: Caller, reason: OpeningReason | None = None
    ) -> AttachmentView:
        """Let an attachment be fetched now, if it is not here; return how far it is.

        It shows the attachment's name: that is a read too. Raises RejectedError
        ``attachment_unknown``, and as ``read``.
        """
        ref, number = parted(attachment_id)
        if (drafted := await self._drafts.attachment(ref, number, caller)) is not None:
            return attachment_of(attachment_id, drafted, None)
        opened, role = await self._attachment(ref, number, caller, reason)
        attachment = opened.payload.attachments[number]
        lacking = await self._ask(opened, attachment)
        await self._record(caller, role, opened.stored.envelope_id, attachment.blob_id)
        return attachment_of(attachment_id, attachment, lacking)

    async def acknowledge(self, ref: str, caller: Caller, language: str = "en") -> Summary:
        """Take a received message: an official has it. Doing so twice changes nothing.

        Raises RejectedError ``message_unknown``, ForbiddenError ``role_missing``.
        """
        require(caller, Role.OFFICER)
        stored = (await self._open(ref, caller)).stored
        if stored.direction != messages.IN:
            raise RejectedError("message_is_own", "only a received message is acknowledged")
        now = self._clock.now()
        entry = self._ledger.entry(
            EntryKind.MESSAGE_ACKNOWLEDGED, peer=caller.name, digests=(stored.envelope_id,)
        )

        def commit(tx: Transaction) -> None:
            if messages.acknowledge(tx, stored.row_id, now):
                audit.append(tx, [entry])

        await self._database.write(commit)
        taken, done = await self._database.read(
            lambda tx: (_find(tx, ref), marks.kinds_of(tx, [_name(stored)]))
        )
        return summary_of(taken, [], self._kinds, language, marks=done.get(_name(stored), ()))

    async def _record(self, caller: Caller, role: str, *read: bytes) -> None:
        """Record that somebody read a message, or an attachment of one; each time anew."""
        entry = self._ledger.entry(
            EntryKind.MESSAGE_READ, peer=caller.name, digests=read, code=role
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))

    async def _attachment(
        self, ref: str, number: int, caller: Caller, reason: OpeningReason | None
    ) -> tuple[OpenedStored, str]:
        async with self._refusals.recorded(ref, caller):
            require(caller, Role.OFFICER, Role.RELEASER)
            opened = await self._open(ref, caller)
            if number >= len(opened.payload.attachments):
                raise no_attachment(f"{ref}.{number}")
            file = opened.payload.attachments[number].plain_digest
            role = reader_of(await self._quarantine(opened), caller, reason, file)
        return opened, role

    async def _release_of(self, stored: StoredMessage) -> ReleaseView | None:
        if stored.direction != messages.OUT:
            return None
        return await self._drafts.release_of(stored.message_id)

    async def _quarantine(self, opened: OpenedStored) -> Quarantine:
        return await self._database.read(lambda tx: quarantine_of(tx, self._keys, opened.stored))

    async def _ask(self, opened: OpenedStored, attachment: Attachment) -> Attached | None:
        """Let what is not here be fetched now; return how far it is, None for whole."""
        row_id, now = opened.stored.row_id, self._clock.now()

        def look(tx: Transaction) -> Attached | None:
            rows = attached.of_messages(tx, [row_id]).get(row_id, [])
            return next((row for row in rows if row.blob_id == attachment.blob_id), None)

        found = await self._database.read(look)
        if found is None or found.state is AttachmentState.WHOLE:
            return None
        if found.state is AttachmentState.ON_DEMAND:
            await self._database.write(lambda tx: attached.ask(tx, found.row_id, now))
            self._fetch()
            return await self._database.read(look)
        return found

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _drafted(
        self, wanted: DraftFilter, query: MessageQuery, caller: Caller, language: str
    ) -> Page:
        return await self._drafts.page(
            wanted,
            caller,
            language,
            after=int(query.cursor or 0),
            limit=query.limit,
            handled=query.include is not None,
        )

    async def _page(
        self, wanted: MessageFilter, query: MessageQuery, caller: Caller, language: str
    ) -> Page:
        def look(
            tx: Transaction,
        ) -> tuple[
            list[MessageSummary],
            dict[int, list[RecipientState]],
            dict[int, list[Attached]],
            dict[tuple[str, bytes], list[str]],
        ]:
            after = int(query.cursor or 0)
            found = messages.page(tx, wanted, after=after, limit=query.limit)
            lacking = attached.of_messages(
                tx, [item.row_id for item in found if item.attachments and item.direction == "in"]
            )
            states = showing.states(tx, [item.row_id for item in found])
            return found, states, lacking, marks_in(tx, found)

        found, states, lacking, done = await self._database.read(look)
        cursor = str(found[-1].row_id) if found else query.cursor
        if caller.unit is not None:
            found = [item for item in found if await self._may_see(item, caller)]
        handled = [query.include and await self._handling(item, caller) for item in found]
        return Page(
            messages=[
                summary_of(
                    item,
                    states.get(item.row_id, []),
                    self._kinds,
                    language,
                    lacking.get(item.row_id, []),
                    marks=done.get(_name(item), ()),
                    handling=handling or None,
                )
                for item, handling in zip(found, handled, strict=True)
            ],
            cursor=cursor,
        )

    async def _handling(self, item: MessageSummary, caller: Caller) -> Handling | None:
        """Return how a message may be used; None for one that says nothing, or cannot be opened."""
        try:
            opened = await self._open(message_ref(item.sender, item.message_id), caller)
            kind = kind_named(opened.payload.kind, self._kinds)
            return getattr(decode_content(kind, opened.payload.content), "handling", None)
        except LiaisonError:
            return None

    async def _may_see(self, item: MessageSummary, caller: Caller) -> bool:
        try:
            unit = await self._database.read(lambda tx: unit_of(tx, self._keys, item))
        except LiaisonError:
            return False
        return unit == caller.unit

    async def _open(self, ref: str, caller: Caller) -> OpenedStored:
        stored = await self._database.read(lambda tx: _find(tx, ref))
        check_kept(stored)
        storage = self._keys.storage_key(stored.storage_key_id)
        content_key = storage.unwrap(stored.envelope_id, stored.wrapped_key)
        inner = open_body(stored.header, stored.body, content_key)
        payload = decode_payload(inner.payload)
        if caller.unit is not None and payload.unit != caller.unit:
            raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's cases only")
        try:
            verify_stored(stored.header, inner, self._mirror.view)
            signature = "valid"
        except LiaisonError as fault:
            signature = fault.code
        return OpenedStored(stored=stored, inner=inner, payload=payload, signature=signature)


def _name(item: MessageSummary) -> tuple[str, bytes]:
    return item.sender, item.message_id


def _find(tx: Transaction, ref: str) -> StoredMessage:
    sender, message_id = parse_message_ref(ref)
    stored = messages.find(tx, sender, message_id)
    if stored is None or stored.direction == messages.SERVICE:
        raise RejectedError("message_unknown", f"there is no message {ref} here")
    return stored
