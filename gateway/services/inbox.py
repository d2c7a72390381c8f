"""Messages as the house sees them: lists, reading, acknowledging. Reading is recorded."""

import asyncio
from typing import Annotated, Any

import msgspec

from gateway.cases.content import decode_content
from gateway.cases.kinds import CATALOGUE, content_as_json, kind_named
from gateway.clock import Clock
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import (
    Attachment,
    Payload,
    decode_payload,
    message_ref,
    parse_message_ref,
)
from gateway.protocol.opening import open_body, verify_stored
from gateway.protocol.receipt import parse_receipt, verify_receipt
from gateway.services.caller import Caller, require
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.registry import RegistryMirror
from gateway.services.submission import RecipientSummary
from gateway.settings import Role
from gateway.store import audit, messages, outbox
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageFilter, MessageSummary, StoredMessage
from keys.suite import digest

MAX_WAIT_S = 60


class MessageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages to list."""

    direction: Annotated[str, msgspec.Meta(pattern=r"\A(in|out)\Z")] | None = None
    case: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")] | None = None
    state: Annotated[str, msgspec.Meta(pattern=r"\A[a-z_]{1,16}\Z")] | None = None
    kind: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    cursor: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,18}\Z")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    wait_s: Annotated[int, msgspec.Meta(ge=0, le=MAX_WAIT_S)] = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A message in a list."""

    id: str
    direction: str
    sender: str = msgspec.field(name="from")
    to: list[str]
    kind: str
    label: str
    case: str
    seq: int
    in_reply_to: str
    created_at: int
    stored_at: int
    expires_at: int
    state: str
    priority: int
    attachments: int
    recipients: list[RecipientSummary]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages; ``cursor`` asks for those that come after."""

    messages: list[Summary]
    cursor: str | None


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt that is held."""

    kind: str
    at: int
    signed_by: str
    sha256: str
    verified: bool


class RecipientDetail(msgspec.Struct, frozen=True, kw_only=True):
    """How far a message is with one recipient, and why."""

    member: str
    state: str
    attempts: int
    due_at: int
    code: str
    settled_at: int | None
    receipt: ReceiptView | None


class AttachmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment of a message; ``id`` fetches it."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """A message, opened."""

    id: str
    direction: str
    sender: str = msgspec.field(name="from")
    to: list[str]
    unit: str
    kind: str
    label: str
    case: str
    seq: int
    in_reply_to: str
    created_at: int
    stored_at: int
    expires_at: int
    state: str
    priority: int
    content: Any
    attachments: list[AttachmentView]
    recipients: list[RecipientDetail]
    envelope_id: str
    signed_by: str
    signature: str
    registry_size: int


class Inbox:
    """Shows what was received and sent."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._ledger = ledger
        self._clock = clock
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def changed(self) -> None:
        """Tell those who wait that there is something new."""
        task = asyncio.get_running_loop().create_task(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def page(self, query: MessageQuery, caller: Caller, language: str = "en") -> Page:
        """Return a page, in the order of storing; wait for the first message if asked to.

        Raises ForbiddenError ``role_missing``.
        """
        require(caller, Role.OFFICER, Role.AUDITOR)
        wanted = MessageFilter(
            direction=query.direction,
            case_id=None if query.case is None else bytes.fromhex(query.case),
            kind=query.kind,
            state=query.state,
        )
        deadline = self._clock.monotonic() + query.wait_s
        while True:
            async with self._changed:
                shown = await self._page(wanted, query, caller, language)
                left_s = deadline - self._clock.monotonic()
                if shown.messages or left_s <= 0:
                    return shown
                try:
                    await asyncio.wait_for(self._changed.wait(), left_s)
                except TimeoutError:
                    return shown

    async def read(self, ref: str, caller: Caller, language: str = "en") -> Detail:
        """Open a message and record who read it.

        Raises RejectedError ``message_unknown``, ForbiddenError ``role_missing`` or
        ``unit_mismatch``, UnavailableError ``storage_key_missing``.
        """
        require(caller, Role.OFFICER)
        stored, payload, signature, signed_by, registry_size = await self._open(ref, caller)
        states = await self._database.read(lambda tx: outbox.states(tx, [stored.row_id]))
        entry = self._ledger.entry(
            EntryKind.MESSAGE_READ,
            peer=caller.name,
            digests=(stored.envelope_id,),
            code=Role.OFFICER.value,
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))
        rows = states.get(stored.row_id, [])
        kind = kind_named(payload.kind)
        return Detail(
            id=ref,
            direction=stored.direction,
            sender=stored.sender,
            to=list(parse_header(stored.header).to),
            unit=payload.unit,
            kind=stored.kind,
            label=kind.label.text(language),
            case=stored.case_id.hex(),
            seq=stored.seq,
            in_reply_to=stored.in_reply_to,
            created_at=stored.created_at,
            stored_at=stored.stored_at,
            expires_at=stored.expires_at,
            state=_state(stored, rows),
            priority=stored.priority,
            content=content_as_json(decode_content(kind, payload.content)),
            attachments=[
                _attachment(ref, number, item) for number, item in enumerate(payload.attachments)
            ],
            recipients=[self._recipient(row) for row in rows],
            envelope_id=stored.envelope_id.hex(),
            signed_by=signed_by,
            signature=signature,
            registry_size=registry_size,
        )

    async def attachment(self, attachment_id: str, caller: Caller) -> Attachment:
        """Return attachment ``<message id>.<number>`` with its key; reading it is recorded.

        Raises RejectedError ``attachment_unknown``, and as ``read``.
        """
        require(caller, Role.OFFICER)
        ref, _, number = attachment_id.rpartition(".")
        if not number.isdecimal() or len(number) > 2:  # noqa: PLR2004 - at most 64 attachments
            raise RejectedError("attachment_unknown", f"there is no attachment {attachment_id!r}")
        stored, payload, *_ = await self._open(ref, caller)
        if int(number) >= len(payload.attachments):
            raise RejectedError("attachment_unknown", f"there is no attachment {attachment_id!r}")
        attachment = payload.attachments[int(number)]
        entry = self._ledger.entry(
            EntryKind.MESSAGE_READ,
            peer=caller.name,
            digests=(stored.envelope_id, attachment.blob_id),
            code=Role.OFFICER.value,
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))
        return attachment

    async def acknowledge(self, ref: str, caller: Caller, language: str = "en") -> Summary:
        """Take a received message: an official has it. Doing so twice changes nothing.

        Raises RejectedError ``message_unknown``, ForbiddenError ``role_missing``.
        """
        require(caller, Role.OFFICER)
        stored, *_ = await self._open(ref, caller)
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
        taken = await self._database.read(lambda tx: _find(tx, ref))
        return _summary(taken, [], language)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _page(
        self, wanted: MessageFilter, query: MessageQuery, caller: Caller, language: str
    ) -> Page:
        def look(
            tx: Transaction,
        ) -> tuple[list[MessageSummary], dict[int, list[outbox.RecipientState]]]:
            after = int(query.cursor or 0)
            found = messages.page(tx, wanted, after=after, limit=query.limit)
            return found, outbox.states(tx, [item.row_id for item in found])

        found, states = await self._database.read(look)
        cursor = str(found[-1].row_id) if found else query.cursor
        if caller.unit is not None:
            found = [item for item in found if await self._may_see(item, caller)]
        return Page(
            messages=[_summary(item, states.get(item.row_id, []), language) for item in found],
            cursor=cursor,
        )

    async def _may_see(self, item: MessageSummary, caller: Caller) -> bool:
        try:
            await self._open(message_ref(item.sender, item.message_id), caller)
        except LiaisonError:
            return False
        return True

    async def _open(self, ref: str, caller: Caller) -> tuple[StoredMessage, Payload, str, str, int]:
        stored = await self._database.read(lambda tx: _find(tx, ref))
        storage = self._keys.keyring.storage_key(stored.storage_key_id)
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
        return stored, payload, signature, inner.signer_kid.hex(), inner.registry.size

    def _recipient(self, row: outbox.RecipientState) -> RecipientDetail:
        return RecipientDetail(
            member=row.recipient,
            state=row.state.value,
            attempts=row.attempts,
            due_at=row.due_at,
            code=row.code,
            settled_at=row.settled_at,
            receipt=None if row.receipt is None else self._receipt(row.receipt),
        )

    def _receipt(self, encoded: bytes) -> ReceiptView:
        receipt = parse_receipt(encoded)
        try:
            verify_receipt(encoded, self._mirror.view)
            verified = True
        except LiaisonError:
            verified = False
        return ReceiptView(
            kind=receipt.kind.value,
            at=receipt.at,
            signed_by=receipt.signer_kid.hex(),
            sha256=digest(encoded).hex(),
            verified=verified,
        )


def _find(tx: Transaction, ref: str) -> StoredMessage:
    sender, message_id = parse_message_ref(ref)
    stored = messages.find(tx, sender, message_id)
    if stored is None:
        raise RejectedError("message_unknown", f"there is no message {ref} here")
    return stored


def _summary(item: MessageSummary, rows: list[outbox.RecipientState], language: str) -> Summary:
    kind = CATALOGUE.get(item.kind)
    return Summary(
        id=message_ref(item.sender, item.message_id),
        direction=item.direction,
        sender=item.sender,
        to=list(parse_header(item.header).to),
        kind=item.kind,
        label=item.kind if kind is None else kind.label.text(language),
        case=item.case_id.hex(),
        seq=item.seq,
        in_reply_to=item.in_reply_to,
        created_at=item.created_at,
        stored_at=item.stored_at,
        expires_at=item.expires_at,
        state=_state(item, rows),
        priority=item.priority,
        attachments=item.attachments,
        recipients=[RecipientSummary(member=row.recipient, state=row.state.value) for row in rows],
    )


def _state(item: MessageSummary, rows: list[outbox.RecipientState]) -> str:
    """Say how far a message is: of its recipients, the one that is least far."""
    if item.direction == messages.IN:
        return "received" if item.acknowledged_at is None else "acknowledged"
    order = list(outbox.OutboxState)
    return min((row.state for row in rows), key=order.index).value


def _attachment(ref: str, number: int, item: Attachment) -> AttachmentView:
    return AttachmentView(
        id=f"{ref}.{number}",
        name=item.name,
        media_type=item.media_type,
        size=item.plain_bytes,
        sha256=item.plain_digest.hex(),
    )
