"""Trends: how much, where, how and how fast, of what a node holds; nothing of anybody. Pure.

A cell is a month and a key. It is shown where it is of so many items, and of so many members that
no one of them is told of: of three it can be known what all seized, not what one did. A month is
the smallest period there is, so that no difference between two questions shows what one answer does
not; nor does one between a month and the cells that make it up: where what is left of it would be
too little to be shown, the smallest of them are left out as well.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from io import StringIO
from operator import attrgetter
from statistics import median
from typing import Final

from gateway.cases.families.intelligence import LiaisonCopy, Seizure
from gateway.cases.families.lists import Concealment
from gateway.cases.fields.codes import CHECKS
from gateway.cases.fields.hs_chapters import HS_CHAPTERS
from gateway.cases.threads.event import Side
from gateway.cases.threads.thread import Folded, State

SEIZURE: Final = "seizure.report"
COLUMNS: Final = ("table", "period", "key", "count", "median_days")
NOT_SHOWN: Final = "not_shown"
"""In the column of tables: the rows that say of how few items or members nothing is shown."""
_DAY_S = 86_400
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
_DONE = (State.ANSWERED, State.REFUSED)
_At = tuple["Table", str, str]
"""A table, a month and a key."""


class Table(StrEnum):
    """What is counted by what."""

    SEIZURES = "seizures"
    """Of the month."""
    CHAPTERS = "hs_chapters"
    """Seizures by chapter of the Harmonized System, each seizure once in each of its chapters."""
    ROUTES = "routes"
    """Seizures by country of departure and of destination."""
    CONCEALMENT = "concealment"
    ACKNOWLEDGED = "acknowledged"
    """Requests by the member asked, with days to its first word."""
    ANSWERED = "answered"
    """Requests by the member asked, with days to its answer or refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seized:
    """A seizure, as far as it is counted."""

    month: str
    chapters: frozenset[str] = frozenset()
    route: str = ""
    concealment: str = ""
    member: str = ""
    """Who reported it."""
    told_by: str = ""
    """Who told it here: the same, or whose copy it is."""

    def counted(self) -> Iterable[tuple[Table, str]]:
        """Yield the cells of its month that it is counted in."""
        yield Table.SEIZURES, ""
        for chapter in self.chapters:
            yield Table.CHAPTERS, chapter
        for table, part in _PARTS.items():
            if key := part(self):
                yield table, key


_PARTS: Final[Mapping[Table, Callable[[Seized], str]]] = {
    Table.ROUTES: attrgetter("route"),
    Table.CONCEALMENT: attrgetter("concealment"),
}
"""By what each seizure is counted at most once, so that the cells of a month can be added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """Of how few nothing is shown."""

    items: int
    members: int

    def is_met(self, seized: Collection[Seized]) -> bool:
        """Tell whether seizures are enough, of enough members, told by enough of them.

        One that copies what another reported adds nobody; nor does one that makes up others.
        """
        told = min(len({item.member for item in seized}), len({item.told_by for item in seized}))
        return len(seized) >= self.items and told >= self.members


@dataclass(frozen=True, slots=True)
class Took:
    """How long a member took for something, in seconds, and in which month it was asked."""

    table: Table
    month: str
    member: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell that is shown."""

    table: Table
    period: str
    """A month: ``2026-11``."""
    key: str
    count: int
    median_days: str = ""
    """With one decimal; empty where nothing takes time."""


def month_of(at: int) -> str:
    """Return the month (UTC) of a time in UTC seconds."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m}"


def seizure_in(content: Seizure) -> Seized:
    """Return what is counted of a report."""
    way = content.route
    ends = (None, None) if way is None else (way.departure, way.destination)
    return Seized(
        month=content.seized_on[:7],
        chapters=_chapters(item.hs_code or "" for item in content.goods),
        route=_route(*ends),
        concealment=content.concealment.value,
    )


def seizure_copied(copy: LiaisonCopy) -> Seized | None:
    """Return what is counted of a report by its copy, whose values nobody has checked yet.

    None for a copy of something else, or without a day that there is.
    """
    said = {item.field: item.value for item in copy.fields}
    try:
        seized_on = date.fromisoformat(said.get("/seized_on", ""))
    except ValueError:
        return None
    if copy.kind != SEIZURE:
        return None
    ends = (_country(said.get(f"/route/{end}")) for end in ("departure", "destination"))
    how = said.get("/concealment", "")
    return Seized(
        month=f"{seized_on:%Y-%m}",
        chapters=_chapters(
            value
            for field, value in said.items()
            if field.startswith("/goods/") and field.endswith("/hs_code")
        ),
        route=_route(*ends),
        concealment=how if how in set(Concealment) else "",
    )


def times_of(folded: Folded) -> Iterable[Took]:
    """Yield how long the member asked took to say something, and to answer; by their clocks."""
    pair = folded.thread.pair
    moved = [item for item in folded.said if not item.out_of_order]
    if not moved:
        return
    asked_at = moved[0].event.created_at
    heard = (item for item in moved if pair.side_of(item.event) is Side.ASKED)
    done = (item for item in moved if item.state in _DONE)
    for table, first in (
        (Table.ACKNOWLEDGED, next(heard, None)),
        (Table.ANSWERED, next(done, None)),
    ):
        if first is not None:
            took_s = max(0, first.event.created_at - asked_at)
            yield Took(table, month_of(asked_at), pair.asked, took_s)


def cells(seized: Iterable[Seized], took: Iterable[Took], least: Least) -> list[Cell]:
    """Return the cells of at least ``least``, in the order of table, month and size.

    Without those by which, added up, one could tell what is left of a month that is less. Times are
    of the member that a cell names: of them only the items are counted.
    """
    whole: dict[_At, list[Seized]] = defaultdict(list)
    times: dict[_At, list[int]] = defaultdict(list)
    for item in seized:
        for table, key in item.counted():
            whole[table, item.month, key].append(item)
    for each in took:
        times[each.table, each.month, each.member].append(each.seconds)
    large = {at: items for at, items in whole.items() if least.is_met(items)}
    shown = [
        Cell(table=table, period=month, key=key, count=len(large[table, month, key]))
        for table, month, key in large.keys() - _giving_away(large, least)
    ]
    shown += [
        Cell(
            table=table,
            period=month,
            key=key,
            count=len(spans),
            median_days=f"{median(spans) / _DAY_S:.1f}",
        )
        for (table, month, key), spans in times.items()
        if len(spans) >= least.items
    ]
    order = list(Table)
    return sorted(
        shown, key=lambda cell: (order.index(cell.table), cell.period, -cell.count, cell.key)
    )


def _giving_away(large: Mapping[_At, list[Seized]], least: Least) -> set[_At]:
    """Return the cells by which one could tell what a month has of that is not shown."""
    found: set[_At] = set()
    for month, items in ((at[1], large[at]) for at in large if at[0] is Table.SEIZURES):
        for table, part in _PARTS.items():
            cells_of = [at for at in large if at[:2] == (table, month)]
            cells_of.sort(key=lambda at: (len(large[at]), at[2]), reverse=True)
            left = [item for item in items if (table, month, part(item)) not in large]
            while cells_of and left and not least.is_met(left):
                smallest = cells_of.pop()
                left += large[smallest]
                found.add(smallest)
    return found


def encode_csv(shown: Iterable[Cell], least: Least) -> str:
    """Return cells as CSV (RFC 4180) with ``COLUMNS``; no text of it begins a formula.

    Its last rows say of how few nothing is shown.
    """
    written = StringIO()
    table = csv.writer(written)
    table.writerow(COLUMNS)
    for cell in shown:
        row: Mapping[str, object] = {name: getattr(cell, name) for name in COLUMNS}
        table.writerow(plain(str(row[name])) for name in COLUMNS)
    table.writerow((NOT_SHOWN, "", "fewer_than", least.items, ""))
    table.writerow((NOT_SHOWN, "", "fewer_members_than", least.members, ""))
    return written.getvalue()


def plain(text: str) -> str:
    """Return a text that a spreadsheet shows as it is."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _chapters(codes: Iterable[str]) -> frozenset[str]:
    return frozenset(code[:2] for code in codes if code[:2] in HS_CHAPTERS and code.isdecimal())


def _route(departure: str | None, destination: str | None) -> str:
    return f"{departure or '?'}>{destination or '?'}" if departure or destination else ""


def _country(value: str | None) -> str | None:
    return value if value and CHECKS["country"](value, "") is None else None
