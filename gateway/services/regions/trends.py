"""Trends over what this node holds: seizures, copies of them, and how fast requests are dealt with.

Everything is counted anew when somebody asks; nothing is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import msgspec

from gateway.cases import trends
from gateway.cases.families.intelligence import LiaisonCopy, Seizure
from gateway.cases.families.lists import Concealment
from gateway.cases.fields.hs_chapters import HS_CHAPTERS
from gateway.cases.fields.labels import Label
from gateway.cases.fields.schema import Content
from gateway.cases.kind import Kind
from gateway.cases.sanitising import COPY
from gateway.cases.trends import SEIZURE, Cell, Least, Seized, Table, Took, month_of
from gateway.clock import Clock
from gateway.protocol.message import message_ref, parse_message_ref
from gateway.services.caller import Caller, require
from gateway.services.casework.events import opened_content, read_events
from gateway.services.casework.folding import folded_threads
from gateway.services.casework.recalled import taken_back
from gateway.services.keys import NodeKeys
from gateway.settings import CasesSettings, Role
from gateway.store import message_names, messages
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageFilter, MessageSummary

_LOOKED_AT_ONCE, _READ_AT_ONCE = 1000, 100
"""Rows of messages, and bodies or cases, that are in memory together."""
_BEFORE_S = 86_400
"""How long before its month begins something of it can be stored: clocks differ, and zones do."""
_MONTHS = 12
_LEFT_OUT = Label(
    "Fewer than {items}, or seizures of fewer than {members} members, are not shown; nor is what "
    "they could be computed from.",
    "Moins de {items}, ou les saisies de moins de {members} membres, ne sont pas montrés ; ni ce "
    "qui permettrait de les calculer.",
)
_LEFT_OUT_ALONE = Label(
    "Fewer than {items} are not shown; nor is what they could be computed from.",
    "Moins de {items} ne sont pas montrés ; ni ce qui permettrait de les calculer.",
)
Month = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-(0[1-9]|1[0-2])\Z")]


class TrendQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which months, and in which form."""

    since: Month | None = None
    """The first month; a year before the last by default."""
    until: Month | None = None
    """The last month; this one by default."""
    form: Annotated[str, msgspec.Meta(pattern=r"\A(json|csv)\Z")] = "json"


class TrendView(msgspec.Struct, frozen=True, kw_only=True):
    """A cell."""

    table: Table
    period: str
    key: str
    label: str
    """What the key means, where it is a code."""
    count: int
    median_days: str


class TrendReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of some months."""

    since: str
    until: str
    least: int
    """Cells of fewer are not shown."""
    least_members: int
    """Cells of the seizures of fewer members are not shown."""
    note: str
    """Why something may be left out, in words."""
    cells: list[TrendView]


class Trends:
    """Counts."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        *,
        kinds: Mapping[str, Kind],
        clock: Clock,
        settings: CasesSettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._kinds = kinds
        self._clock = clock
        self._least = Least(items=settings.trends_least, members=settings.trends_least_members)

    async def report(self, query: TrendQuery, caller: Caller, language: str = "en") -> TrendReport:
        """Return what is shown of some months. Raises ForbiddenError ``role_missing``."""
        since, until = self.months(query)
        shown = await self._cells(since, until, caller)
        return TrendReport(
            since=since,
            until=until,
            least=self._least.items,
            least_members=self._least.members,
            note=_note(self._least, language),
            cells=[_view(cell, language) for cell in shown],
        )

    async def as_csv(self, query: TrendQuery, caller: Caller) -> str:
        """Return the same as CSV, in no language. Raises ForbiddenError ``role_missing``."""
        shown = await self._cells(*self.months(query), caller)
        return trends.encode_csv(shown, self._least)

    async def times(self, since: str, until: str) -> list[Cell]:
        """Return how fast members were in some months, however few cases there are."""
        first = await self._first(since)
        took = [item for item in await self._times(first) if since <= item.month <= until]
        return trends.cells((), took, Least(items=1, members=1))

    async def _cells(self, since: str, until: str, caller: Caller) -> list[Cell]:
        require(caller, Role.OFFICER, Role.AUDITOR)
        first = await self._first(since)
        seized = [item for item in await self._seizures(first) if since <= item.month <= until]
        took = [item for item in await self._times(first) if since <= item.month <= until]
        return trends.cells(seized, took, self._least)

    def months(self, query: TrendQuery) -> tuple[str, str]:
        """Return the first and the last month that a query means."""
        until = query.until or month_of(self._clock.now())
        first = max(12, int(until[:4]) * 12 + int(until[5:]) - _MONTHS)
        return query.since or f"{first // 12:04}-{first % 12 + 1:02}", until

    async def _first(self, month: str) -> int:
        """Return the first row in which something of a month may be stored."""
        at = start_of(month) - _BEFORE_S
        return await self._database.read(lambda tx: message_names.row_stored(tx, at))

    async def _seizures(self, first: int) -> Iterable[Seized]:
        """Return the seizures stored from a row on, each once: by its report, or else by a copy."""
        found: dict[str, Seized] = {}
        for kind in (SEIZURE, COPY):
            after = first - 1
            while page := await self._page(kind, after, _READ_AT_ONCE):
                for name, seized in await self._database.read(partial(self._read, page=page)):
                    found.setdefault(name, seized)
                after = page[-1].row_id
        return found.values()

    async def _times(self, first: int) -> Iterable[Took]:
        """Return how long members took in the threads whose request is stored from a row on."""
        cases: dict[bytes, None] = {}
        after = first - 1
        while page := await self._page(None, after, _LOOKED_AT_ONCE):
            cases |= {item.case_id: None for item in page if item.kind.startswith("request.")}
            after = page[-1].row_id
        named, took = list(cases), list[Took]()
        for start in range(0, len(named), _READ_AT_ONCE):
            part = named[start : start + _READ_AT_ONCE]
            took += await self._database.read(partial(self._took, cases=part))
        return took

    async def _page(self, kind: str | None, after: int, limit: int) -> Sequence[MessageSummary]:
        wanted = MessageFilter(kind=kind)
        return await self._database.read(
            lambda tx: messages.page(tx, wanted, after=after, limit=limit)
        )

    def _read(self, tx: Transaction, page: Sequence[MessageSummary]) -> list[tuple[str, Seized]]:
        """Return the seizures of a page by the message that reported them.

        Without those whose report or whose copy was recalled, whichever is here.
        """
        found: list[tuple[str, str, Seized]] = []
        for item in messages.by_rows(tx, [item.row_id for item in page]):
            name = message_ref(item.sender, item.message_id)
            content = opened_content(self._keys, self._kinds, item)
            counted = _counted(name, content)
            if counted is not None:
                of, seized = counted
                member, _ = parse_message_ref(of)
                found.append((name, of, replace(seized, member=member, told_by=item.sender)))
        named = {parse_message_ref(name) for told, of, _ in found for name in (told, of)}
        recalled = {message_ref(*each) for each in taken_back(tx, self._keys, named)}
        return [(of, seized) for told, of, seized in found if recalled.isdisjoint((told, of))]

    def _took(self, tx: Transaction, cases: Sequence[bytes]) -> list[Took]:
        stored = messages.of_cases(tx, cases)
        events = read_events(tx, self._keys, self._kinds, stored, _decides_by_content)
        took: list[Took] = []
        for case_id in cases:
            said = [
                events[item.row_id]
                for item in stored
                if item.case_id == case_id and item.row_id in events
            ]
            for folded in folded_threads(said, self._keys.member):
                took += trends.times_of(folded)
        return took


def _counted(name: str, content: Content | None) -> tuple[str, Seized] | None:
    """Return which report a message is or copies, and what is counted of it; None for nothing."""
    match content:
        case Seizure():
            return name, trends.seizure_in(content)
        case LiaisonCopy():
            copied = trends.seizure_copied(content)
            return None if copied is None else (content.message, copied)
        case _:
            return None


def _note(least: Least, language: str) -> str:
    label = _LEFT_OUT if least.members > 1 else _LEFT_OUT_ALONE
    return label.text(language).format(items=least.items, members=least.members)


def _view(cell: Cell, language: str) -> TrendView:
    label = _label(cell)
    return TrendView(
        table=cell.table,
        period=cell.period,
        key=cell.key,
        label="" if label is None else label.text(language),
        count=cell.count,
        median_days=cell.median_days,
    )


def _label(cell: Cell) -> Label | None:
    match cell.table:
        case Table.CHAPTERS:
            return HS_CHAPTERS.get(cell.key)
        case Table.CONCEALMENT:
            return next(code.label for code in Concealment if code.value == cell.key)
        case _:
            return None


def start_of(month: str) -> int:
    """Return when a month begins, UTC seconds."""
    return int(datetime(int(month[:4]) or 1, int(month[5:]), 1, tzinfo=UTC).timestamp())


def _decides_by_content(kind: str) -> bool:
    return kind == "case.refuse"
