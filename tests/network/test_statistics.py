"""Statistics: by the API, as a table, as CSV; for whom, and for how long."""

import csv
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from gateway.faults import FaultsError
from gateway.services.caller import Caller
from gateway.services.statistics import COLUMNS, MONTHS_MOST, StatisticsQuery
from gateway.settings import Role
from keys.suite import MemberId
from tests.network.served import XA, served
from tests.network.test_registry_commands import Shown, shown
from tests.outcome import outcome_of
from tests.scenarios.cases import told
from tests.scenarios.federation import OFFICER, federation

__all__ = ["shown"]
VERIFY, XB = "request.verify_value", MemberId("XB")


async def test_numbers_say_what_was_exchanged_and_how_fast(tmp_path: Path) -> None:
    """By member, kind, direction and state; each side its own; days from the threads."""
    async with federation(tmp_path, "XA", "XB") as fed:
        rooms = {name: fed.nodes[name].rooms for name in (XA, XB)}
        pdf = await rooms[XA].attachments.upload(
            pieces(b"x" * 1000), "a.pdf", "application/pdf", OFFICER
        )
        first = await told(fed, "XA", "XB", VERIFY, attachments=[pdf.id])
        await told(fed, "XA", "XB", VERIFY)
        await told(fed, "XB", "XA", "case.reply", case=first.case)
        await rooms[XB].inbox.acknowledge(first.id, OFFICER)
        month = f"{datetime.fromtimestamp(fed.clocks[XA].now(), UTC):%Y-%m}"
        report = await rooms[XB].statistics.report(StatisticsQuery(), OFFICER)
        counted = [
            (item.month, item.direction, item.member, item.kind, item.state, item.count)
            for item in report.messages
        ]
        assert counted == [
            (month, "in", "XA", VERIFY, "acknowledged", 1),
            (month, "in", "XA", VERIFY, "received", 1),
            (month, "out", "XA", "case.reply", "delivered", 1),
        ]
        assert all(item.bytes > 500 for item in report.messages)
        (files,) = report.attachments
        assert (files.direction, files.count) == ("in", 1)
        assert files.bytes >= 1000
        assert [(item.table, item.member, item.count) for item in report.times] == [
            ("acknowledged", "XB", 1), ("answered", "XB", 1),
        ]  # fmt: skip
        sent = await rooms[XA].statistics.report(StatisticsQuery(since=month), OFFICER)
        assert [(item.direction, item.state, item.count) for item in sent.messages] == [
            ("in", "received", 1), ("out", "delivered", 2),
        ]  # fmt: skip
        past = await rooms[XA].statistics.report(
            StatisticsQuery(since="2019-01", until="2019-12"), OFFICER
        )
        assert (past.messages, past.attachments, past.times) == ([], [], [])


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """Yield a content."""
    yield content


async def test_numbers_are_bounded_and_for_the_whole_member_alone(tmp_path: Path) -> None:
    """No more months than that, no month that breaks, nothing for a unit or without a role."""
    async with federation(tmp_path, "XA") as fed:
        report = fed.nodes[XA].rooms.statistics.report
        for caller, code in (
            (Caller(name="uid:2", roles=frozenset({Role.RELEASER})), "role_missing"),
            (Caller(name="uid:3", roles=frozenset({Role.OFFICER}), unit="value"), "unit_mismatch"),
        ):
            assert (await outcome_of(report(StatisticsQuery(), caller))).code == code
        for since, until in (
            ("0000-01", "0000-12"),
            ("9999-01", "9999-12"),
            ("2026-05", "2026-01"),
        ):
            found = await report(StatisticsQuery(since=since, until=until), OFFICER)
            assert found.messages == []
        whole = await report(StatisticsQuery(since="2024-01", until="2026-12"), OFFICER)
        assert whole.since == "2024-01"
        for since, until in (("2023-12", "2026-12"), ("0000-01", "9999-12")):
            fault = await outcome_of(report(StatisticsQuery(since=since, until=until), OFFICER))
            assert isinstance(fault, FaultsError)
            assert [(item.pointer, item.limit) for item in fault.faults] == [
                ("/since", str(MONTHS_MOST))
            ]


async def test_numbers_by_the_command(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table in either language, JSON, and CSV with all of it."""
    async with served(tmp_path, "XA", "XB") as made:
        folder = ("--dir", str(tmp_path / "XB"))
        assert "0 messages." in await shown.of("statistics", *folder)
        asked = await told(made.fed, "XA", "XB", VERIFY)
        await told(made.fed, "XB", "XA", "case.reply", case=asked.case)
        printed = await shown.of("statistics", *folder)
        assert "2 messages." in printed
        assert "Days to the answer" in printed
        assert VERIFY not in printed
        assert VERIFY in await shown.of("statistics", "--kinds", *folder)
        document = await shown.document("statistics", *folder)
        assert {item["member"] for item in document["messages"]} == {"XA"}
        text = await shown.of("statistics", "--csv", *folder)
        rows = list(csv.DictReader(StringIO(text[text.index("table,") :])))
        assert tuple(rows[0]) == COLUMNS
        assert {row["table"] for row in rows} == {"messages", "acknowledged", "answered"}
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        printed = await shown.of("statistics", *folder)
        for word in ("membre", "remis", "reçu", "Jours jusqu'à la réponse au fond"):
            assert word in printed
