"""Statistics for the house: what was exchanged with whom, month by month, and how fast.

Counted when somebody asks, by the database; a month is a range of rows. How fast members are comes
from where trends have it, without leaving out small numbers: they are this member's own cases.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from io import StringIO
from typing import Final

import msgspec

from gateway.cases.trends import Table, plain
from gateway.errors import ForbiddenError
from gateway.faults import Fault, FaultsError
from gateway.services.caller import Caller, require
from gateway.services.regions.trends import TrendQuery, Trends, start_of
from gateway.settings import Role
from gateway.store import message_names, statistics
from gateway.store.database import Database, Transaction

MONTHS_MOST: Final = 36
_LAST: Final = "9999-12"
_NEVER: Final = 2**53
COLUMNS: Final = (
    "table", "month", "direction", "member", "kind", "state", "count", "bytes", "median_days",
)  # fmt: skip


class StatisticsQuery(TrendQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which months, 36 at most, and in which form."""


class MessageCount(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one kind with one member in one month, by how they stand now."""

    month: str
    direction: str
    member: str
    kind: str
    state: str
    """Of what went, how its delivery stands; of what came, ``received`` or ``acknowledged``."""
    count: int
    bytes: int
    """As sealed, without attachments."""


class AttachmentCount(msgspec.Struct, frozen=True, kw_only=True):
    """Attachments in one month."""

    month: str
    direction: str
    count: int
    bytes: int
    """As sealed."""


class TimeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How long a member took for requests of one month, to its first word or to its answer."""

    table: Table
    month: str
    member: str
    count: int
    median_days: str


class StatisticsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was exchanged in some months."""

    since: str
    until: str
    messages: list[MessageCount]
    attachments: list[AttachmentCount]
    times: list[TimeCount]


class Statistics:
    """Counts."""

    def __init__(self, database: Database, trends: Trends) -> None:
        self._database = database
        self._trends = trends

    async def report(self, query: StatisticsQuery, caller: Caller) -> StatisticsReport:
        """Return what was exchanged in some months.

        Raises ForbiddenError ``role_missing``, ``unit_mismatch``; FaultsError for too many months.
        """
        require(caller, Role.OFFICER, Role.AUDITOR, Role.OPERATOR)
        if caller.unit is not None:
            raise ForbiddenError("unit_mismatch", "these are numbers of the whole member")
        since, until = self._trends.months(query)
        months = [*_between(since, until)]
        if len(months) > MONTHS_MOST:
            raise FaultsError([Fault(pointer="/since", code="too_many", limit=str(MONTHS_MOST))])
        exchanged: list[MessageCount] = []
        attached: list[AttachmentCount] = []
        for month in months:
            look = partial(_month, month=month)
            found, files = await self._database.read(look)
            exchanged += found
            attached += files
        times = [
            TimeCount(
                table=cell.table,
                month=cell.period,
                member=cell.key,
                count=cell.count,
                median_days=cell.median_days,
            )
            for cell in await self._trends.times(since, until)
        ]
        return StatisticsReport(
            since=since, until=until, messages=exchanged, attachments=attached, times=times
        )

    async def as_csv(self, query: StatisticsQuery, caller: Caller) -> str:
        """Return the same as CSV (RFC 4180) with ``COLUMNS``. Raises as ``report``."""
        report = await self.report(query, caller)
        written = StringIO()
        table = csv.DictWriter(written, COLUMNS, restval="")
        table.writeheader()
        for name, items in (("messages", report.messages), ("attachments", report.attachments)):
            for item in items:
                table.writerow(_plain({"table": name, **msgspec.structs.asdict(item)}))
        for each in report.times:
            table.writerow(_plain(msgspec.structs.asdict(each)))
        return written.getvalue()


def _month(
    tx: Transaction, *, month: str
) -> tuple[Sequence[MessageCount], Sequence[AttachmentCount]]:
    """Count one month, which is a range of rows."""
    end = _NEVER if month == _LAST else start_of(_next(month))
    rows = message_names.row_stored(tx, start_of(month)), message_names.row_stored(tx, end)
    counted = [*statistics.received(tx, rows), *statistics.sent(tx, rows)]
    found = []
    for item in sorted(counted, key=lambda one: (one.direction, one.member, one.kind, one.state)):
        shown = asdict(item)
        found.append(MessageCount(month=month, bytes=shown.pop("sealed_bytes"), **shown))
    files = [
        AttachmentCount(
            month=month, direction=item.direction, count=item.count, bytes=item.sealed_bytes
        )
        for item in sorted(statistics.carried(tx, rows), key=lambda one: one.direction)
    ]
    return found, files


def _plain(row: dict[str, object]) -> dict[str, str]:
    return {name: plain(str(value)) for name, value in row.items()}


def _between(since: str, until: str) -> Iterator[str]:
    """Yield months, one more than are allowed at most."""
    month = since
    for _ in range(MONTHS_MOST + 1):
        if month > until:
            return
        yield month
        if month == until:
            return
        month = _next(month)


def _next(month: str) -> str:
    count = int(month[:4]) * 12 + int(month[5:])
    return f"{count // 12:04}-{count % 12 + 1:02}"
