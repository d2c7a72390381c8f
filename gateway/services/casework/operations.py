"""Operations: what may be said in a closed group, and where each one stands.

Source: SPEC "Operations".
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated

import msgspec

from gateway.cases.families import operations as content_types
from gateway.cases.fields.schema import Content
from gateway.cases.kind import Kind
from gateway.cases.threads.operation_fold import (
    CLOSE,
    JOIN,
    OPEN,
    REPORT,
    SAID_IN,
    Act,
    Folded,
    Opening,
    check_admits,
    fold,
)
from gateway.clock import Clock
from gateway.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError
from gateway.faults import Fault, FaultsError
from gateway.protocol.message import Payload, message_ref, parse_message_ref
from gateway.services.caller import Caller, require
from gateway.services.casework.events import OPENED_AT_ONCE, opened_content, opened_payload
from gateway.services.casework.known_cases import KnownCases
from gateway.services.casework.operation_view import (
    OperationDetail,
    OperationPage,
    OperationSummary,
    detail_of,
    summary_of,
)
from gateway.services.keys import NodeKeys
from gateway.settings import Role
from gateway.store import messages, retentions
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageFilter, MessageSummary
from keys.registry.view import View
from keys.suite import MemberId


class OperationQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which operations to list."""

    show: Annotated[str, msgspec.Meta(pattern=r"\A(open|all)\Z")] = "open"
    """``open`` for those in which something may be said, ``all``."""
    cursor: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,18}\Z")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class OperationConduct:
    """Holds what is drafted against the operation that it is part of."""

    def __init__(self, database: Database, keys: NodeKeys, kinds: Mapping[str, Kind]) -> None:
        self._database = database
        self._keys = keys
        self._kinds = kinds
        self._known = KnownCases[tuple[MessageSummary, ...]](database, (), _moving)

    async def check(
        self, payload: Payload, message_id: bytes, to: Sequence[str], said: Content, view: View
    ) -> str:
        """Return what a draft answers: in an operation, the message that opened it.

        Raises ConflictError as ``operation_fold.check_admits``, and ``operation_unknown``;
        FaultsError for an opening whose group is not whom it goes to, or a report that leaves out
        what the template asks for.
        """
        if isinstance(said, content_types.Open):
            _check_opening(said, to, payload.sender, _absent(view, said.members))
        if payload.kind not in SAID_IN:
            return payload.in_reply_to
        stored = await self._known.read(payload.case_id)

        def look(tx: Transaction) -> tuple[Folded, content_types.Open]:
            opening = _opening(stored, payload, _answered(tx, payload))
            return read(tx, self._keys, self._kinds, opening, stored)

        folded, opened = await self._database.read(look)
        group = folded.operation.opening.group
        name = message_ref(payload.sender, message_id)
        act = _act(name, payload, group, said)
        absent = {payload.sender, *_absent(view, group)}
        check_admits(folded.operation, act, to, absent)
        if isinstance(said, content_types.Report):
            _check_template(opened, said)
        return folded.operation.opening.name


class Operations:
    """Shows operations."""

    def __init__(
        self, database: Database, keys: NodeKeys, kinds: Mapping[str, Kind], clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._kinds = kinds
        self._clock = clock

    async def page(
        self, query: OperationQuery, caller: Caller, language: str = "en"
    ) -> OperationPage:
        """Return a page of operations, in the order in which this node stored their opening.

        Raises ForbiddenError ``role_missing``.
        """
        require(caller, Role.OFFICER, Role.AUDITOR)
        now, wanted = self._clock.now(), MessageFilter(kind=OPEN)

        def look(tx: Transaction) -> OperationPage:
            after = int(query.cursor or 0)
            found = messages.page(tx, wanted, after=after, limit=query.limit)
            shown = list[OperationSummary]()
            for item in found:
                if not self._may_see(tx, item, caller) or _is_closed(tx, item):
                    continue
                stored = messages.of_cases(tx, [item.case_id])
                folded, opened = read(tx, self._keys, self._kinds, item, stored)
                if query.show == "all" or not folded.operation.is_over(now):
                    shown.append(summary_of(item, folded, opened, now, language))
            cursor = str(found[-1].row_id) if found else query.cursor
            return OperationPage(operations=shown, cursor=cursor)

        return await self._database.read(look)

    async def read(self, ref: str, caller: Caller, language: str = "en") -> OperationDetail:
        """Return an operation, named by its opening, with all that was said in it.

        Raises RejectedError ``operation_not_found``, ForbiddenError ``role_missing`` or
        ``case_restricted``.
        """
        require(caller, Role.OFFICER, Role.AUDITOR)
        sender, message_id = parse_message_ref(ref)
        now = self._clock.now()

        def look(tx: Transaction) -> OperationDetail:
            found = messages.find(tx, sender, message_id)
            if found is None or found.kind != OPEN or not self._may_see(tx, found, caller):
                raise RejectedError("operation_not_found", f"there is no operation {ref} here")
            if _is_closed(tx, found):
                raise ForbiddenError("case_restricted", f"the case of {ref} is restricted")
            stored = messages.of_cases(tx, [found.case_id])
            folded, opened = read(tx, self._keys, self._kinds, found, stored)
            by_name: dict[str, MessageSummary] = {
                message_ref(item.sender, item.message_id): item for item in stored
            }
            return detail_of(
                by_name[ref], folded, opened, by_name, now=now, kinds=self._kinds, language=language
            )

        return await self._database.read(look)

    def _may_see(self, tx: Transaction, item: MessageSummary, caller: Caller) -> bool:
        """Tell whether an opening can be read, by this caller's unit."""
        try:
            (stored,) = messages.by_rows(tx, [item.row_id])
            unit = opened_payload(self._keys, stored).unit
            content = opened_content(self._keys, self._kinds, stored)
        except LiaisonError:
            return False
        return isinstance(content, content_types.Open) and caller.unit in (None, unit)


def _is_closed(tx: Transaction, item: MessageSummary) -> bool:
    """Tell whether an opening is of a case that was restricted."""
    decided = retentions.find(tx, item.case_id)
    return decided is not None and decided.closes(item.stored_at)


def read(
    tx: Transaction,
    keys: NodeKeys,
    kinds: Mapping[str, Kind],
    opening: MessageSummary,
    stored: Iterable[MessageSummary],
) -> tuple[Folded, content_types.Open]:
    """Return where an operation stands by the messages of its case, and what opened it.

    Raises ConflictError ``operation_unknown`` for an opening that cannot be read any more.
    """
    name = message_ref(opening.sender, opening.message_id)
    acts = [item for item in stored if item.kind in SAID_IN and item.in_reply_to == name]
    contents = _contents(
        tx, keys, kinds, [opening, *(item for item in acts if item.kind == REPORT)]
    )
    opened = contents.get(opening.row_id)
    if not isinstance(opened, content_types.Open):
        raise ConflictError("operation_unknown", f"{name} opens no operation that can be read here")
    started = Opening(
        name=name,
        member=opening.sender,
        invited=frozenset(opened.members),
        starts_on=date.fromisoformat(opened.starts_on),
        ends_on=date.fromisoformat(opened.ends_on),
    )
    folded = fold(
        started,
        [
            _act(
                message_ref(item.sender, item.message_id),
                item,
                started.group,
                contents.get(item.row_id),
            )
            for item in acts
        ],
    )
    return folded, opened


def are_over(
    tx: Transaction,
    keys: NodeKeys,
    kinds: Mapping[str, Kind],
    stored: Sequence[MessageSummary],
    now: int,
) -> bool:
    """Tell whether every operation of a case has ended; one that cannot be read any more has."""
    for opening in (item for item in stored if item.kind == OPEN):
        try:
            folded, _ = read(tx, keys, kinds, opening, stored)
        except ConflictError:
            continue
        if not folded.operation.is_over(now):
            return False
    return True


def _contents(
    tx: Transaction,
    keys: NodeKeys,
    kinds: Mapping[str, Kind],
    items: Sequence[MessageSummary],
) -> Mapping[int, Content | None]:
    rows = [item.row_id for item in items]
    return {
        item.row_id: opened_content(keys, kinds, item)
        for start in range(0, len(rows), OPENED_AT_ONCE)
        for item in messages.by_rows(tx, rows[start : start + OPENED_AT_ONCE])
    }


def _act(
    name: str,
    said: Payload | MessageSummary,
    group: Collection[str],
    content: Content | None,
) -> Act:
    """Return a message as an act; a union speaks for the state of the group that it names."""
    report = content if isinstance(content, content_types.Report) else None
    speakers = (said.sender, said.on_behalf_of)
    return Act(
        kind=said.kind,
        name=name,
        member=next((speaker for speaker in speakers if speaker in group), said.sender),
        seq=said.seq,
        created_at=said.created_at,
        controls=0 if report is None else report.controls,
        seizures=0 if report is None else report.seizures,
    )


def _moving(
    _: Transaction, known: tuple[MessageSummary, ...], found: Sequence[MessageSummary]
) -> tuple[MessageSummary, ...]:
    """Return what moves the operations of a case: of thousands of messages few are no reports."""
    return known + tuple(item for item in found if item.kind in (OPEN, JOIN, CLOSE))


def _answered(tx: Transaction, payload: Payload) -> str:
    """Return the opening that the message answers which a draft answers; empty for none."""
    if not payload.in_reply_to:
        return ""
    found = messages.find(tx, *parse_message_ref(payload.in_reply_to))
    within = found is not None and found.case_id == payload.case_id and found.kind in SAID_IN
    return found.in_reply_to if found is not None and within else ""


def _opening(stored: Sequence[MessageSummary], payload: Payload, answered: str) -> MessageSummary:
    """Return the opening that a draft is about: what it answers, or the only one of its case."""
    openings: dict[str, MessageSummary] = {
        message_ref(item.sender, item.message_id): item for item in stored if item.kind == OPEN
    }
    about = openings.get(payload.in_reply_to) or openings.get(answered)
    if not payload.in_reply_to and len(openings) == 1:
        (about,) = openings.values()
    if about is None:
        raise ConflictError(
            "operation_unknown", f"{payload.kind} answers the message that opened the operation"
        )
    return about


def _absent(view: View, names: Iterable[str]) -> set[str]:
    """Return the members that nothing can be sent to: unknown here, or suspended."""
    members = view.members
    return {
        name
        for name in names
        if (member := members.get(MemberId(name))) is None or member.suspended
    }


def _check_opening(
    said: content_types.Open, to: Sequence[str], me: str, absent: Collection[str]
) -> None:
    """Let pass an opening that goes to whom it invites."""
    faults = [
        Fault(pointer=f"/to/{at}", code="not_invited", limit=name)
        for at, name in enumerate(to)
        if name not in said.members
    ]
    faults += [
        Fault(pointer=f"/content/members/{at}", code="invited_unasked", limit=name)
        for at, name in enumerate(said.members)
        if name not in {me, *to, *absent}
    ]
    if faults:
        raise FaultsError(faults)


def _check_template(opened: content_types.Open, said: content_types.Report) -> None:
    stated = {item.name for item in said.stated}
    faults = [
        Fault(pointer="/content/stated", code="template_lacks", limit=line)
        for line in opened.template
        if line not in stated
    ]
    if faults:
        raise FaultsError(faults)
