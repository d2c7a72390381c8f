"""Case folding: threads made of stored messages, and the copy of them that lists are read from.

Nothing is computed while messages are sent or received: whoever asks for a list lets what was
stored since be folded first, so that an exchange costs nothing more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.cases.kind import Kind
from gateway.cases.threads.clocks import due, lapses_at, reminders
from gateway.cases.threads.event import Event
from gateway.cases.threads.growing import GrowingCase
from gateway.cases.threads.placing import place
from gateway.cases.threads.retention import Standing, review_at
from gateway.cases.threads.thread import REQUEST, Folded, fold, is_event, row_of
from gateway.services.casework.events import read_events
from gateway.services.casework.known_cases import KnownCases
from gateway.services.casework.terms import Terms
from gateway.services.keys import NodeKeys
from gateway.store import messages, retentions, threads
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageSummary
from gateway.store.threads import NEVER, Folding, ThreadRow

FOLDED_AT_ONCE = 500
"""Messages that are looked at between two commits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """A case up to a row."""

    case: GrowingCase = field(default_factory=GrowingCase)
    rows: Mapping[str, int] = field(default_factory=dict)
    """Of its requests, by their names."""
    heard_at: int = 0
    row: int = 0

    def after(self, found: Sequence[MessageSummary], events: Mapping[int, Event]) -> "_Heard":
        """Return the case with what was stored since, of which ``events`` are of threads."""
        if not found:
            return self
        said = {item.row_id: events[item.row_id] for item in found if item.row_id in events}
        asked = {event.name: row for row, event in said.items() if row_of(event) == REQUEST}
        return _Heard(
            case=self.case.with_events(said.values()),
            rows={**self.rows, **asked},
            heard_at=found[-1].stored_at,
            row=found[-1].row_id,
        )


class CaseFolding:
    """Keeps the copy of the threads as new as the messages are."""

    def __init__(
        self, database: Database, keys: NodeKeys, kinds: Mapping[str, Kind], terms: Terms
    ) -> None:
        self._database = database
        self._keys = keys
        self._kinds = kinds
        self._terms = terms
        self._known = KnownCases(database, _Heard(), self._grown)
        self._turn = asyncio.Lock()

    async def catch_up(self, rest: Callable[[], Awaitable[None]] | None = None) -> None:
        """Fold what was stored until now; ``rest`` is awaited after each step, so as not to press.

        A crash in between leaves what is left for the next time.
        """
        async with self._turn:
            until = await self._database.read(messages.newest_row)
            ahead: dict[bytes, int] = {}
            while await self._step(ahead) < until:
                if rest is not None:
                    await rest()

    async def _step(self, ahead: dict[bytes, int]) -> int:
        """Fold some messages; return up to which row.

        ``ahead`` says up to which row cases were folded whole already: a large one is not folded
        again for each step that it has messages in.
        """
        found: list[ThreadRow] = []
        newest: dict[bytes, int] = {}

        def look(tx: Transaction) -> tuple[Folding, Folding, set[bytes]]:
            before = threads.folding(tx)
            start = before.row
            if before.terms != self._terms.digest:
                start = 0
                ahead.clear()
            stored, last = threads.touched(tx, start, FOLDED_AT_ONCE)
            cases = {
                case_id
                for row, case_id, kind in stored
                if is_event(kind) and row > ahead.get(case_id, 0)
            }
            heard = self._heard(tx, cases)
            newest.update({case: known.row for case, known in heard.items() if known.row > last})
            found.extend(self._rows(tx, heard))
            return before, Folding(last, self._terms.digest), cases

        before, after, cases = await self._database.read(look)
        if after != before and await self._database.write(
            lambda tx: threads.record(tx, cases, found, before, after)
        ):
            ahead.update(newest)
        return after.row

    def _heard(self, tx: Transaction, cases: Collection[bytes]) -> dict[bytes, _Heard]:
        """Return cases as they are stored: large ones as they were, with what came since."""
        heard = {case: self._known.read_in(tx, case) for case in cases if case in self._known}
        whole = messages.of_cases(tx, [case for case in cases if case not in heard])
        events = read_events(tx, self._keys, self._kinds, whole)
        by_case: dict[bytes, list[MessageSummary]] = {}
        for item in whole:
            by_case.setdefault(item.case_id, []).append(item)
        for case, stored in by_case.items():
            heard[case] = _Heard().after(stored, events)
            self._known.keep(case, heard[case], stored)
        return heard

    def _grown(self, tx: Transaction, known: _Heard, found: Sequence[MessageSummary]) -> _Heard:
        return known.after(found, read_events(tx, self._keys, self._kinds, found))

    def _rows(self, tx: Transaction, heard: Mapping[bytes, _Heard]) -> Iterator[ThreadRow]:
        decided = retentions.of_cases(tx, heard)
        for case_id, known in heard.items():
            purged = case_id in decided and decided[case_id].standing is Standing.PURGED
            for pair in sorted(known.case.threads):
                if self._keys.member not in (pair.asker, pair.asked):
                    continue
                folded = known.case.threads[pair].folded
                request_row = known.rows[request_of(folded).name]
                row = thread_row(case_id, folded, request_row, self._terms)
                if purged:
                    yield threads.buried(row)
                else:
                    rule = self._terms.rule(folded.thread, self._keys.member)
                    due_at = review_at(folded.thread, rule, known.heard_at)
                    yield replace(row, review_at=due_at)


def folded_threads(events: Sequence[Event], me: str) -> list[Folded]:
    """Return a case's threads that ``me`` is part of: of others' it holds the requests alone."""
    placed = place(events).threads
    return [fold(pair, placed[pair]) for pair in sorted(placed) if me in (pair.asker, pair.asked)]


def request_of(folded: Folded) -> Event:
    """Return the request that opened a thread."""
    return next(item.event for item in folded.said if row_of(item.event) == REQUEST)


def thread_row(case_id: bytes, folded: Folded, request_row: int, terms: Terms) -> ThreadRow:
    """Return a thread as it is stored."""
    thread, policy = folded.thread, terms.policy(folded.thread)
    task = due(thread, policy, terms.calendars)
    lapses = lapses_at(thread, policy, terms.calendars)
    before = (item.at for item in reminders(thread, policy, terms.calendars) if not item.is_late)
    return ThreadRow(
        case_id=case_id,
        asker=thread.pair.asker,
        asked=thread.pair.asked,
        request_row=request_row,
        kind=thread.kind,
        state=str(thread.state),
        urgent=thread.urgent,
        oral_to_be_confirmed=thread.oral_to_be_confirmed,
        recalled=len(folded.recalled),
        out_of_order=len(folded.out_of_order),
        opened_at=thread.opened_at,
        entered_at=thread.entered_at,
        due_task="" if task is None else task.task.value,
        due_by="" if task is None else thread.pair.member(task.by),
        due_at=NEVER if task is None else min(task.due_at, NEVER),
        lapses_at=NEVER if lapses is None else min(lapses, NEVER),
        remind_at=min(before, default=NEVER),
    )
