"""Who is told of which events, and from where on: ids alone, by role and unit."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from typing import Annotated, Final

import msgspec

from gateway.clock import Clock, happens
from gateway.errors import LiaisonError, RejectedError
from gateway.faults import Fault, FaultsError
from gateway.protocol.message import message_ref
from gateway.services.caller import Caller, require
from gateway.services.casework.standing import unit_of
from gateway.services.events.chronicle import Chronicle
from gateway.services.keys import NodeKeys
from gateway.services.sending.holding import Holding
from gateway.settings import EventType, Role
from gateway.store import drafts, events, messages
from gateway.store.database import Database, Transaction
from gateway.store.events import StoredEvent

AT_ONCE: Final = 200
BEAT_S: Final = 15.0
"""How long a stream is silent at most: then it says that it lives."""
_HOUSE: Final = frozenset({Role.OFFICER, Role.AUDITOR})
_KEEPERS: Final = frozenset({Role.OPERATOR, Role.AUDITOR})
_DECIDED: Final = (
    EventType.MESSAGE_AWAITING_RELEASE,
    EventType.MESSAGE_RELEASED,
    EventType.MESSAGE_DECLINED,
    EventType.CASE_REVIEW_DUE,
    EventType.CASE_KEPT,
    EventType.CASE_HELD,
    EventType.CASE_RESTRICTED,
    EventType.CASE_LIFTED,
    EventType.CASE_PURGED,
)
"""What a releaser has a part in."""
SEEN_BY: Final[Mapping[EventType, frozenset[Role]]] = {
    kind: {
        "message": _HOUSE, "case": _HOUSE, "key": _KEEPERS, "audit": _KEEPERS,
        "member": _HOUSE | _KEEPERS,
    }[kind.partition(".")[0]]
    | ({Role.RELEASER} if kind in _DECIDED else frozenset())
    for kind in EventType
}  # fmt: skip
"""Which roles are told of what; of a message or case, an officer of a unit of its own alone."""


class EventQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events to tell."""

    after: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,18}\Z")] | None = None
    """The id of the last event that was seen; the header Last-Event-ID goes before it. Without
    either, what happens from now on."""
    types: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    """Types with commas between them; all, if none is named."""
    for_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] | None = None
    """When to end, in seconds; 0 for what there is by now. Without it, the stream stays open."""


class EventView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened: ids, kinds and codes. What it is about is asked for by its id."""

    id: str
    type: EventType
    at: int
    """When, UTC seconds."""
    message: str = ""
    """The message that it is about; of a case, the request."""
    case: str = ""
    member: str = ""
    """The other member that it concerns; who is to act, where something is due."""
    kind: str = ""
    code: str = ""
    """The state of the case, what is due, or why; of a key, its use."""
    due_at: int | None = None
    """When it is due; of a case that is kept, until when."""


class EventsGoneError(RejectedError):
    """What was asked for is not kept any more, or was never here."""

    def __init__(self, why: str, go_on_after: int) -> None:
        super().__init__(
            "events_gone",
            f"{why}; look through /v1/messages and /v1/cases, and go on after {go_on_after}",
        )
        self.go_on_after = str(go_on_after)


class Telling:
    """Tells callers of events."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        chronicle: Chronicle,
        holding: Holding,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._chronicle = chronicle
        self._holding = holding
        self._clock = clock

    async def start(self, query: EventQuery, last: str | None, caller: Caller) -> int:
        """Return after which event to begin; ``last`` is what the caller saw last.

        Raises ForbiddenError ``role_missing``, FaultsError, EventsGoneError ``events_gone``.
        """
        require(caller, *Role)
        wanted_types(query)
        named = query.after if last is None else last
        if named is not None and not (named.isdecimal() and named.isascii() and len(named) < 19):  # noqa: PLR2004 - int64
            raise FaultsError([Fault(pointer="/after", code="wrong_form")])
        if query.for_s == 0:
            async with self._chronicle.listening():
                await self._chronicle.look()
        newest, gone = await self._database.read(lambda tx: (events.newest(tx), events.gone(tx)))
        if named is None:
            return newest
        if int(named) < gone:
            raise EventsGoneError(f"events until {gone} are not kept any more", gone)
        if int(named) > newest:  # of a database that was restored from a backup since
            why = f"event {int(named)} is not here: this node may have been restored"
            raise EventsGoneError(why, newest)
        return int(named)

    async def follow(
        self, after: int, query: EventQuery, caller: Caller
    ) -> AsyncGenerator[tuple[int, Sequence[EventView]], None]:
        """Yield events as they are noted, some at a time, with how far was looked.

        Now and then none, to show that the stream lives.
        """
        types = [kind for kind in wanted_types(query) if SEEN_BY[kind] & caller.roles]
        began = self._clock.monotonic()
        async with self._chronicle.listening():
            while True:
                noted = self._chronicle.noted
                look = partial(self._page, after=after, types=types, caller=caller)
                last, page = await self._database.read(look)
                if page:
                    yield last, page
                if last > after:
                    after = last
                    continue
                left_s = BEAT_S
                if query.for_s is not None:
                    left_s = query.for_s - (self._clock.monotonic() - began)
                    if left_s <= 0:
                        return
                if not await happens(noted.wait(), min(left_s, BEAT_S)):
                    yield after, ()

    def _page(
        self, tx: Transaction, after: int, types: Sequence[EventType], caller: Caller
    ) -> tuple[int, Sequence[EventView]]:
        """Return how far was looked, and what of it the caller may see."""
        found = events.page(tx, after, types, AT_ONCE)
        shown = [view_of(item) for item in found if self._may_see(tx, item, caller)]
        return found[-1].row_id if found else after, shown

    def _may_see(self, tx: Transaction, item: StoredEvent, caller: Caller) -> bool:
        if caller.unit is None or item.type.partition(".")[0] not in ("message", "case"):
            return True
        if item.message_id is None:
            return False
        try:
            return self._unit(tx, item.sender, item.message_id) == caller.unit
        except LiaisonError:
            return False

    def _unit(self, tx: Transaction, sender: str, message_id: bytes) -> str | None:
        """Return the unit of a message, or of what is to be one. Raises LiaisonError."""
        stored = messages.find(tx, sender, message_id)
        if stored is not None:
            return unit_of(tx, self._keys, stored)
        draft = drafts.find(tx, message_id) if sender == self._keys.member else None
        opened = None if draft is None else self._holding.open(draft)
        return None if opened is None else opened.record.unit


def wanted_types(query: EventQuery) -> Sequence[EventType]:
    """Return the types that a query names. Raises FaultsError."""
    named = [part for part in query.types.split(",") if part]
    if not set(named) <= set(EventType):
        limit = ", ".join(EventType)
        raise FaultsError([Fault(pointer="/types", code="not_one_of", limit=limit)])
    return [EventType(part) for part in named] or [*EventType]


def view_of(item: StoredEvent) -> EventView:
    """Return an event as it is told."""
    return EventView(
        id=str(item.row_id),
        type=item.type,
        at=item.at,
        message="" if item.message_id is None else message_ref(item.sender, item.message_id),
        case="" if item.case_id is None else item.case_id.hex(),
        member=item.member,
        kind=item.kind,
        code=item.code,
        due_at=item.due_at,
    )
