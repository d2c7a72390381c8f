"""Cases: the list of what is due first, and each case with what was said in it.

Source: SPEC "Cases".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import msgspec

from gateway.cases.kind import Kind
from gateway.cases.threads.clocks import correctable_until, reminders, reopenable_until
from gateway.cases.threads.event import Side
from gateway.cases.threads.retention import CaseState, Standing, review_at
from gateway.cases.threads.thread import OPEN, Folded, State
from gateway.clock import Clock
from gateway.errors import ForbiddenError, RejectedError
from gateway.protocol.message import message_ref
from gateway.services.caller import Caller, require
from gateway.services.casework.events import read_events
from gateway.services.casework.folding import CaseFolding, folded_threads, request_of, thread_row
from gateway.services.casework.standing import unit_of_case
from gateway.services.casework.terms import terms_of
from gateway.services.casework.view import (
    CaseDetail,
    CasePage,
    DraftedView,
    DraftOutline,
    ReminderView,
    ThreadDetail,
    ThreadSummary,
    retention_view,
    said_view,
    summary_of,
    tombstone_view,
)
from gateway.services.keys import NodeKeys
from gateway.settings import CasesSettings, Role
from gateway.store import drafts, marks, messages, retentions, threads
from gateway.store.database import Database, Transaction
from gateway.store.drafts import DraftFilter, DraftState, StoredDraft
from gateway.store.messages import MessageSummary
from gateway.store.outbox import showing
from gateway.store.outbox.states import OutboxState
from gateway.store.retentions import Retention
from gateway.store.threads import StoredThread, ThreadFilter, ThreadRow

UNFINISHED = (*OPEN, State.ANSWERED, State.REFUSED)
"""In which an answer is owed, or it was given and the asker has not closed the thread."""


class CaseQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which threads to list."""

    show: Annotated[str, msgspec.Meta(pattern=r"\A(open|overdue|all)\Z")] = "open"
    """``open`` for what is not finished, ``overdue`` for what is late, ``all``."""
    state: CaseState | None = None
    """In this state alone; ``restricted`` and ``purged`` are of a case whatever its threads."""
    review: Annotated[str, msgspec.Meta(pattern=r"\Adue\Z")] | None = None
    """``due`` for what is over, and whose retention is to be reviewed."""
    role: Side | None = None
    """Where this member asks, or is asked."""
    cursor: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,16}\.[0-9]{1,18}\Z")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class Cases:
    """Shows cases."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        *,
        outlined: Callable[[StoredDraft], DraftOutline | None],
        kinds: Mapping[str, Kind],
        clock: Clock,
        settings: CasesSettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._outlined = outlined
        self._kinds = kinds
        self._clock = clock
        self._terms = terms_of(settings)
        self._folding = CaseFolding(database, keys, kinds, self._terms)

    async def page(self, query: CaseQuery, caller: Caller, language: str = "en") -> CasePage:
        """Return a page of threads, what is due first before the rest.

        Raises ForbiddenError ``role_missing``.
        """
        require(caller, Role.OFFICER, Role.AUDITOR)
        await self._folding.catch_up()
        due_at, _, row_id = (query.cursor or "0.0").partition(".")
        after = int(due_at), int(row_id)
        wanted = self._filter(query)

        def look(tx: Transaction) -> tuple[list[StoredThread], Sequence[ThreadSummary]]:
            found = threads.page(tx, wanted, after=after, limit=query.limit)
            mine = [row for row in found if self._may_see(tx, row, caller)]
            return found, self._summaries(tx, mine, language)

        found, shown = await self._database.read(look)
        cursor = f"{found[-1].due_at}.{found[-1].row_id}" if found else query.cursor
        opening = await self._opening(query, caller, language)
        return CasePage(threads=list(shown), cursor=cursor, drafts=opening)

    async def read(self, case: str, caller: Caller, language: str = "en") -> CaseDetail:
        """Return a case with its threads, and where each message has its place. Opens no content.

        Raises RejectedError ``case_not_found``, ForbiddenError ``role_missing`` or
        ``unit_mismatch``.
        """
        require(caller, Role.OFFICER, Role.AUDITOR)
        return await self._database.read(lambda tx: self._read(tx, case, caller, language))

    def _read(self, tx: Transaction, case: str, caller: Caller, language: str) -> CaseDetail:
        stored = messages.of_cases(tx, [_case_id(case)])
        held = drafts.waiting_in(tx, _case_id(case))
        waiting = [self._drafted(item, language) for item in held if self._may_read(item, caller)]
        if not stored and not held:
            raise RejectedError("case_not_found", f"there is no case {case} here")
        unit = unit_of_case(tx, self._keys, stored) if stored else None
        may_see = caller.unit in (None, unit) if stored else bool(waiting)
        if not may_see:
            raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's cases only")
        by_name = {(item.sender, item.message_id): item for item in stored}
        done = marks.kinds_of(tx, by_name)
        events = [*read_events(tx, self._keys, self._kinds, stored).values()]
        decided = retentions.find(tx, _case_id(case))
        heard_at = max((item.stored_at for item in stored), default=0)
        shown = [
            self._thread(tx, folded, by_name, done, language, retained=(decided, heard_at))
            for folded in folded_threads(events, self._keys.member)
        ]
        placed = {item.id for thread in shown for item in thread.messages}
        everything = [
            said_view(item, self._kinds, language, marks=done.get(name, ()))
            for name, item in by_name.items()
        ]
        others = [item for item in everything if item.id not in placed]
        left = [item for item in stored if item.purged_at is not None]
        return CaseDetail(
            case=case,
            threads=shown,
            others=others,
            retention=retention_view(decided, language),
            drafts=waiting,
            tombstones=[tombstone_view(item, _receipts(tx, item)) for item in left],
        )

    async def _opening(self, query: CaseQuery, caller: Caller, language: str) -> list[DraftedView]:
        """Return the drafts that open a case, where a list begins with what is not finished."""
        ours = query.role in (None, Side.ASKER) and query.state is None
        if query.cursor is not None or not ours or query.show == "overdue":
            return []
        wanted = DraftFilter(states=[DraftState.AWAITING_RELEASE])
        found = await self._database.read(
            lambda tx: drafts.page(tx, wanted, after=0, limit=query.limit)
        )
        shown = [self._drafted(item, language) for item in found if self._may_read(item, caller)]
        return [item for item in shown if item.opens]

    def _drafted(self, stored: StoredDraft, language: str) -> DraftedView:
        """Return what waits, with whom it is for where that can be read."""
        outline, kind = self._outlined(stored), self._kinds.get(stored.kind)
        return DraftedView(
            id=message_ref(self._keys.member, stored.message_id),
            case=stored.case_id.hex(),
            to=[] if outline is None else list(outline.to),
            kind=stored.kind,
            label=stored.kind if kind is None else kind.label.text(language),
            opens=outline is not None and outline.opens,
            rule=stored.rule,
            drafted_by=stored.drafter,
            drafted_at=stored.drafted_at,
            until=stored.release_until,
        )

    def _may_read(self, stored: StoredDraft, caller: Caller) -> bool:
        """Tell whether a draft is of the caller's unit."""
        if caller.unit is None:
            return True
        outline = self._outlined(stored)
        return outline is not None and outline.unit == caller.unit

    def _thread(
        self,
        tx: Transaction,
        folded: Folded,
        by_name: Mapping[tuple[str, bytes], MessageSummary],
        done: Mapping[tuple[str, bytes], Sequence[str]],
        language: str,
        *,
        retained: tuple[Retention | None, int],
    ) -> ThreadDetail:
        """Return a thread; ``retained`` says what was decided, and when its case last heard."""
        asked = request_of(folded)
        request = by_name[asked.member, asked.message_id]
        row = thread_row(request.case_id, folded, request.row_id, self._terms)
        decided, heard_at = retained
        if decided is not None and decided.standing is Standing.PURGED:
            return self._buried(tx, threads.buried(row), folded, by_name, language)
        rule = self._terms.rule(folded.thread, self._keys.member)
        row = replace(row, review_at=review_at(folded.thread, rule, heard_at))
        (summary,) = self._summaries(tx, [row], language)
        if folded.is_transferred:
            summary.flags.append("transferred")
        thread, calendars = folded.thread, self._terms.calendars
        policy = self._terms.policy(thread)
        return ThreadDetail(
            **msgspec.structs.asdict(summary),
            correctable_until=correctable_until(thread, policy, calendars),
            reopenable_until=reopenable_until(thread, policy),
            reminders=[
                ReminderView(
                    at=item.at,
                    to=thread.pair.member(item.to),
                    task=item.task,
                    is_late=item.is_late,
                )
                for item in reminders(thread, policy, calendars)
            ],
            recalled=sorted(folded.recalled),
            messages=[
                said_view(by_name[name], self._kinds, language, said, marks=done.get(name, ()))
                for said in folded.said
                for name in [(said.event.member, said.event.message_id)]
            ],
        )

    def _buried(
        self,
        tx: Transaction,
        row: ThreadRow,
        folded: Folded,
        by_name: Mapping[tuple[str, bytes], MessageSummary],
        language: str,
    ) -> ThreadDetail:
        """Return what is left of a thread; what came since is out of order."""
        (summary,) = self._summaries(tx, [row], language)
        said = [by_name[item.event.member, item.event.message_id] for item in folded.said]
        shown = [said_view(item, self._kinds, language) for item in said]
        return ThreadDetail(
            **msgspec.structs.asdict(summary),
            correctable_until=None,
            reopenable_until=None,
            reminders=[],
            recalled=[],
            messages=[
                msgspec.structs.replace(view, out_of_order=item.purged_at is None)
                for view, item in zip(shown, said, strict=True)
            ],
        )

    def _filter(self, query: CaseQuery) -> ThreadFilter:
        states: Sequence[State] | None = UNFINISHED
        standing: Standing | None = None
        if query.show == "all" or query.review is not None:
            states = None
        if query.state in (CaseState.RESTRICTED, CaseState.PURGED):
            states, standing = None, Standing(query.state.value)
        elif query.state is not None:
            states = (State(query.state.value),)
        return ThreadFilter(
            states=states,
            standing=standing,
            review_until=None if query.review is None else self._clock.now(),
            asker=self._keys.member if query.role is Side.ASKER else None,
            asked=self._keys.member if query.role is Side.ASKED else None,
            due_until=self._clock.now() if query.show == "overdue" else None,
        )

    def _summaries(
        self, tx: Transaction, rows: Sequence[ThreadRow], language: str
    ) -> list[ThreadSummary]:
        now = self._clock.now()
        states = showing.states(tx, [row.request_row for row in rows])
        decided = retentions.of_cases(tx, {row.case_id for row in rows})
        return [
            summary_of(
                row,
                self._kinds,
                language,
                now=now,
                decided=decided.get(row.case_id),
                delivered=row.asker != self._keys.member
                or any(
                    item.recipient == row.asked and item.state is OutboxState.DELIVERED
                    for item in states.get(row.request_row, ())
                ),
            )
            for row in rows
        ]

    def _may_see(self, tx: Transaction, row: ThreadRow, caller: Caller) -> bool:
        """Tell whether a thread's request is of the caller's unit."""
        if caller.unit is None:
            return True
        asked = messages.by_rows(tx, [row.request_row])
        return unit_of_case(tx, self._keys, asked) == caller.unit


def _receipts(tx: Transaction, item: MessageSummary) -> Sequence[bytes]:
    """Return the receipts that a message has got, or that was given for it."""
    if item.direction == messages.IN:
        given = [one.receipt for one in messages.by_rows(tx, [item.row_id])]
    else:
        given = [row.receipt for row in showing.states(tx, [item.row_id]).get(item.row_id, ())]
    return [receipt for receipt in given if receipt is not None]


def _case_id(case: str) -> bytes:
    try:
        return bytes.fromhex(case)
    except ValueError:
        return b""
