"""Find entries of the audit log, for people: by time, kind, member, message or case.

Entries are opaque at rest, so a search reads them: in the span of time that was asked for, so many
in one call, and it says where to go on. A message is found by its envelope, from when it was stored
on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

import msgspec

from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.protocol.audit import AuditEntry, EntryKind, parse_entry
from gateway.protocol.message import message_ref, parse_message_ref
from gateway.services.auditing.reading import SLACK_S, first_since, shard_head, shard_name
from gateway.services.caller import Caller, require
from gateway.services.casework.events import opened_payload
from gateway.services.keys import NodeKeys
from gateway.settings import Role
from gateway.store import audit, audit_reading, drafts, message_names, messages
from gateway.store.audit_reading import Row
from gateway.store.database import Database, Transaction

ROWS_PER_CALL = 20_000
ROWS_PER_READ = 1_000
NAMES_PER_CALL = 20_000
"""How many messages a call looks through for the names of those that its entries are about."""
FOREVER = 2**53 - 1
_NEWEST: Final = "newest"
_CURSOR = r"\A[0-9.]{4,10}-[0-9]{1,16}\Z"

ABOUT_MESSAGES = frozenset(
    {
        EntryKind.MESSAGE_ACCEPTED,
        EntryKind.MESSAGE_DRAFTED,
        EntryKind.MESSAGE_RELEASED,
        EntryKind.RELEASE_DECLINED,
        EntryKind.RELEASE_REFUSED,
        EntryKind.DRAFT_ENDED,
        EntryKind.MESSAGE_SIGNED_AGAIN,
        EntryKind.MESSAGE_SENT,
        EntryKind.MESSAGE_RECEIVED,
        EntryKind.MESSAGE_REFUSED,
        EntryKind.MESSAGE_FAILED,
        EntryKind.MESSAGE_READ,
        EntryKind.READ_REFUSED,
        EntryKind.MESSAGE_ACKNOWLEDGED,
        EntryKind.ATTACHMENT_RECEIVED,
        EntryKind.ATTACHMENT_LOST,
        EntryKind.CUSTODY_TAKEN,
        EntryKind.RECEIPT_HELD,
        EntryKind.RECEIPT_REFUSED,
        EntryKind.MESSAGE_FORWARDED,
        EntryKind.FORWARD_REFUSED,
        EntryKind.MESSAGE_RECALLED,
        EntryKind.CASE_REVIEWED,
        EntryKind.CASE_RESTRICTED,
        EntryKind.CASE_LIFTED,
        EntryKind.CASE_PURGED,
        EntryKind.EVIDENCE_EXPORTED,
        EntryKind.ADMINISTRATOR_ACTED,
    }
)
"""Kinds of which the first digest may be a message's envelope_id, or name a draft."""


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries to show; nothing said, all of them."""

    case: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")] | None = None
    message: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    member: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    """Whom an entry names: a member, or a caller of the house."""
    kind: EntryKind | None = None
    since: Annotated[int, msgspec.Meta(ge=0, le=FOREVER)] = 0
    until: Annotated[int, msgspec.Meta(ge=0, le=FOREVER)] = FOREVER
    """Both UTC seconds, inclusive."""
    shard: Annotated[str, msgspec.Meta(max_length=16)] | None = None
    order: Literal["newest", "oldest"] = _NEWEST
    """Which come first."""
    cursor: Annotated[str, msgspec.Meta(pattern=_CURSOR)] | None = None
    """Where the call before says to go on: a shard and a number in it."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class AuditEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the audit log as the local API shows it; an erased one has its leaf alone."""

    shard: str
    index: int
    kind: str
    at: int
    peer: str
    code: str
    message: str
    """The message's name, where it is about one that is stored here; else empty."""
    digests: list[str]
    registry_size: int
    leaf: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that were found; ``next`` goes on, null at the end. A page may be empty before it."""

    entries: list[AuditEntryView]
    next: str | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A query, with the messages that it asks for: envelope_ids by which entries name them."""

    query: AuditQuery
    since: int
    named: dict[bytes, str] | None

    def fits(self, entry: AuditEntry | None) -> bool:
        """Tell whether an entry is asked for; an erased one where nothing of it is asked."""
        query = self.query
        if entry is None:
            return self.named is None and query.kind is None and query.member is None
        return (
            self.since <= entry.at <= query.until
            and query.kind in (None, entry.kind)
            and query.member in (None, entry.peer)
            and (self.named is None or any(item in self.named for item in entry.digests))
        )

    def learn(self, entry: AuditEntry | None) -> None:
        """Take the envelope that a message was in before it was signed again.

        Where it never went out in that, nothing else tells; read backwards, this comes first.
        """
        if entry is None or entry.kind is not EntryKind.MESSAGE_SIGNED_AGAIN or not self.named:
            return
        now, before = entry.digests[0], entry.digests[-1]
        if now in self.named:
            self.named.setdefault(before, self.named[now])


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of a shard: the entries ``start`` to ``end`` (exclusive)."""

    shard: int
    name: str
    start: int
    end: int


@dataclass(slots=True)
class _Found:
    """What a call has found so far."""

    entries: list[tuple[str, Row, AuditEntry | None]]
    next: str | None = None


class AuditSearch:
    """Finds entries of the node's own audit log."""

    def __init__(self, database: Database, keys: NodeKeys) -> None:
        self._database = database
        self._keys = keys

    async def find(self, query: AuditQuery, caller: Caller) -> AuditPage:
        """Return entries that a query asks for, at most so many, and where to go on.

        Who belongs to a unit sees of the others' messages that something was done, and not which
        they are. Raises ForbiddenError ``role_missing`` or ``unit_mismatch``; RejectedError
        ``shard_unknown``, ``message_unknown`` or ``message_ref_malformed``.
        """
        require(caller, Role.AUDITOR)
        return await self._database.read(lambda tx: _page(tx, query, self._keys, caller))


def _page(tx: Transaction, query: AuditQuery, keys: NodeKeys, caller: Caller) -> AuditPage:
    wanted = _wanted(tx, query, keys.member)
    if wanted.named:
        wanted = replace(wanted, named=_of_unit(tx, keys, wanted.named, caller))
        if not wanted.named:
            raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's only")
    found = _Found([])
    if wanted.named is None or wanted.named:
        _search(tx, wanted, found)
    names = wanted.named or {}
    if wanted.named is None:
        about = [entry for _, _, entry in found.entries if entry is not None]
        names = _of_unit(tx, keys, _names(tx, about, keys.member), caller)
    return AuditPage(
        entries=[_view(shard, row, entry, names) for shard, row, entry in found.entries],
        next=found.next,
    )


def _wanted(tx: Transaction, query: AuditQuery, me: str) -> _Wanted:
    """Find the messages and drafts that are asked for. Raises RejectedError ``message_unknown``."""
    if query.message is None and query.case is None:
        return _Wanted(query, query.since, None)
    if query.message is not None:
        sender, message_id = parse_message_ref(query.message)
        asked = message_names.named(tx, sender=sender, message_id=message_id)
        held = drafts.named(tx, message_id=message_id) if sender == me else []
        if not asked and not held:
            raise RejectedError("message_unknown", f"there is no message {query.message} here")
    else:
        case_id = bytes.fromhex(query.case or "")
        asked, held = message_names.named(tx, case_id=case_id), drafts.named(tx, case_id=case_id)
    times = [*(item.stored_at for item in asked), *(item.drafted_at for item in held)]
    named: dict[bytes, str] = {
        item.envelope_id: message_ref(item.sender, item.message_id) for item in asked
    }
    named |= {item.draft_digest: message_ref(me, item.message_id) for item in held}
    return _Wanted(query, max(min(times, default=SLACK_S) - SLACK_S, query.since), named)


def _search(tx: Transaction, wanted: _Wanted, found: _Found) -> None:
    """Look through the shards, in the order asked for, until enough is found or looked at."""
    query, left = wanted.query, ROWS_PER_CALL
    for span in _spans(tx, wanted):
        for row in _rows(tx, span, backwards=query.order == _NEWEST):
            if not left or len(found.entries) == query.limit:
                found.next = f"{span.name}-{row.number}"
                return
            left -= 1
            entry = None if row.entry is None else parse_entry(row.entry)
            if wanted.fits(entry):
                wanted.learn(entry)
                found.entries.append((span.name, row, entry))


def _spans(tx: Transaction, wanted: _Wanted) -> list[_Span]:
    """Return the part of each shard to look through. Raises RejectedError ``shard_unknown``."""
    query = wanted.query
    shards = {shard_name(item): item.number for item in audit.shards(tx)}
    at, _, number = (query.cursor or "").rpartition("-")
    for named in (query.shard, at):
        if named and named not in shards:
            raise RejectedError("shard_unknown", f"the audit log has no shard {named}")
    spans = [
        _span(tx, wanted, shard, name)
        for name, shard in shards.items()
        if query.shard in (None, name)
    ]
    backwards = query.order == _NEWEST
    if at:
        spans = [_beyond(item, shards[at], int(number), backwards=backwards) for item in spans]
    return spans[::-1] if backwards else spans


def _beyond(span: _Span, shard: int, number: int, *, backwards: bool) -> _Span:
    """Return what of a part lies at a place or beyond it, in the order of reading."""
    if span.shard == shard:
        if backwards:
            return replace(span, end=min(span.end, number + 1))
        return replace(span, start=max(span.start, number))
    return span if (span.shard < shard) == backwards else replace(span, end=span.start)


def _span(tx: Transaction, wanted: _Wanted, shard: int, name: str) -> _Span:
    size, until = shard_head(tx, shard).size, wanted.query.until
    start = first_since(tx, shard, size, wanted.since - SLACK_S) if wanted.since else 0
    end = first_since(tx, shard, size, until + SLACK_S + 1) if until < FOREVER else size
    return _Span(shard, name, start, end)


def _rows(tx: Transaction, span: _Span, *, backwards: bool) -> Iterator[Row]:
    steps = range(span.start, span.end, ROWS_PER_READ)
    for start in reversed(steps) if backwards else steps:
        rows = audit_reading.rows(tx, span.shard, start, min(start + ROWS_PER_READ, span.end))
        yield from reversed(rows) if backwards else rows


def _names(tx: Transaction, entries: Sequence[AuditEntry], me: str) -> dict[bytes, str]:
    """Return the names of the messages that entries are about and that were stored about then.

    An entry on a message that was stored long before names it by its digest alone.
    """
    about = [item for item in entries if item.kind in ABOUT_MESSAGES and item.digests]
    wanted = {item.digests[0] for item in about}
    names: dict[bytes, str] = {
        item.draft_digest: message_ref(me, item.message_id)
        for item in drafts.named(tx, digests=wanted)
    }
    left = NAMES_PER_CALL
    for since, until in _joined([(item.at - SLACK_S, item.at + SLACK_S) for item in about]):
        near = message_names.between(tx, since, until, left)
        left -= len(near)
        for item in near:
            if item.envelope_id in wanted:
                names[item.envelope_id] = message_ref(item.sender, item.message_id)
    return names


def _of_unit(
    tx: Transaction, keys: NodeKeys, names: dict[bytes, str], caller: Caller
) -> dict[bytes, str]:
    """Return the messages, by an envelope of each, that are of the caller's unit."""
    if caller.unit is None:
        return names
    return {
        envelope_id: name
        for envelope_id, name in names.items()
        if _unit_of(tx, keys, name) == caller.unit
    }


def _unit_of(tx: Transaction, keys: NodeKeys, name: str) -> str | None:
    stored = messages.find(tx, *parse_message_ref(name))
    try:
        return None if stored is None else opened_payload(keys, stored).unit
    except LiaisonError:
        return None


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of time, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        else:
            joined.append((since, until))
    return joined


def _view(
    shard: str, row: Row, entry: AuditEntry | None, names: Mapping[bytes, str]
) -> AuditEntryView:
    digests = () if entry is None else entry.digests
    return AuditEntryView(
        shard=shard,
        index=row.number,
        kind="" if entry is None else entry.kind.value,
        at=0 if entry is None else entry.at,
        peer="" if entry is None else entry.peer,
        code="" if entry is None else entry.code,
        message=next((names[item] for item in digests if item in names), ""),
        digests=[item.hex() for item in digests],
        registry_size=0 if entry is None else entry.registry_size,
        leaf=row.leaf_hash.hex(),
    )
