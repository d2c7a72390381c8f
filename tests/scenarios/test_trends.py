"""Trends over what a node holds, between nodes."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import ConflictError, ForbiddenError
from gateway.services.handling.duties import RecallDuties
from gateway.services.regions.copying import CopyOrder
from gateway.services.regions.trends import TrendQuery, TrendReport
from gateway.settings import Role
from keys.suite import MemberId
from tests.cases.told import other
from tests.scenarios.cases import told
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_roles import OFFICE

RILO, XA, XB = MemberId("RILO-W"), MemberId("XA"), MemberId("XB")
SAYING = {
    "seized_on": "2026-03-07", "concealment": "vehicle", "handling": {"tlp": "AMBER"},
    "persons": [{"name": "Oriana Quellmark"}],
    "goods": [{"theme": "tobacco", "description": "Cigarettes", "hs_code": "240220"}],
    "route": {"departure": "XB", "destination": "XA"},
}  # fmt: skip
MARCH = TrendQuery(since="2026-03", until="2026-03")


async def report(fed: Federation, member: MemberId, query: TrendQuery) -> TrendReport:
    """Return the trends that a member sees."""
    return await fed.nodes[member].rooms.trends.report(query, OFFICER, "fr")


def showing(members: int) -> dict[str, dict[str, dict[str, int]]]:
    """Return settings by which trends show seizures of so many members together."""
    return {name: {"cases": {"trends_least_members": members}} for name in (RILO, XA, XB)}


async def test_an_office_counts_copies_as_members_count_reports(tmp_path: Path) -> None:
    """The same cells, each seizure once, whoever copied it; and nothing of anybody in them."""
    async with federation(
        tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}, changes=showing(1)
    ) as fed:
        for number in range(3):
            if number == 2:
                assert (await report(fed, XA, MARCH)).cells == []
            sent = await told(fed, "XA", "XB", "seizure.report", saying=SAYING, attachments=[])
            for member in (XA, XB):
                order = CopyOrder(to=["RILO-W"])
                copy = await fed.nodes[member].rooms.copies.copy(sent.id, order, OFFICER)
                await fed.until(lambda m=member, c=copy.id: delivered(fed, m, c))
        shown = [await report(fed, member, MARCH) for member in (XA, XB, RILO)]
        assert shown[0] == shown[1] == shown[2]
        assert [(cell.table, cell.key, cell.count) for cell in shown[0].cells] == [
            ("seizures", "", 3), ("hs_chapters", "24", 3), ("routes", "XB>XA", 3),
            ("concealment", "vehicle", 3),
        ]  # fmt: skip
        assert shown[0].cells[3].label == "Dans le moyen de transport"
        text = await fed.nodes[RILO].rooms.trends.as_csv(MARCH, OFFICER)
        assert text.splitlines()[:2] == [
            "table,period,key,count,median_days",
            "seizures,2026-03,,3,",
        ]
        assert "Quellmark" not in text
        await told(
            fed, "XA", "XB", "information.recall",
            saying={"message": sent.id, "attachments": []}, in_reply_to=sent.id,
        )  # fmt: skip
        assert (await report(fed, XB, MARCH)).cells == []
        assert (await report(fed, XA, TrendQuery(since="2025-01", until="2026-02"))).cells == []


async def test_an_office_shows_nothing_of_one_member_alone(tmp_path: Path) -> None:
    """Until another reports as well, and copies it itself; and it says why, in words and in CSV."""
    async with federation(
        tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}, changes=showing(2)
    ) as fed:

        async def copied(of: str, by: str) -> None:
            sent = await told(fed, of, other(of), "seizure.report", saying=SAYING, attachments=[])
            order = CopyOrder(to=["RILO-W"])
            copy = await fed.nodes[MemberId(by)].rooms.copies.copy(sent.id, order, OFFICER)
            await fed.until(lambda: delivered(fed, by, copy.id))

        for of, by in (("XA", "XA"), ("XA", "XA"), ("XA", "XB")):
            await copied(of, by)
        shown = await report(fed, RILO, MARCH)
        assert (shown.cells, shown.least, shown.least_members) == ([], 3, 2)
        assert "moins de 2 membres" in shown.note
        text = await fed.nodes[RILO].rooms.trends.as_csv(MARCH, OFFICER)
        assert text.splitlines()[1:] == [
            "not_shown,,fewer_than,3,", "not_shown,,fewer_members_than,2,",
        ]  # fmt: skip
        await copied("XB", "XB")
        shown = await report(fed, RILO, MARCH)
        assert {(cell.table, cell.count) for cell in shown.cells} == {
            ("seizures", 4), ("hs_chapters", 4), ("routes", 4), ("concealment", 4),
        }  # fmt: skip


async def test_a_copy_counts_no_longer_than_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who heard of a recall counts nothing of it, though its own copy is not recalled yet."""
    async with federation(
        tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}, changes=showing(1)
    ) as fed:
        for _ in range(3):
            sent = await told(fed, "XA", "XB", "seizure.report", saying=SAYING, attachments=[])
            order = CopyOrder(to=["RILO-W"])
            copy = await fed.nodes[XB].rooms.copies.copy(sent.id, order, OFFICER)
            await fed.until(lambda c=copy.id: delivered(fed, XB, c))
        for member in (XA, XB, RILO):
            assert (await report(fed, member, MARCH)).cells

        async def nothing(_: RecallDuties) -> None:
            """Pass nothing along."""

        with monkeypatch.context() as held:
            held.setattr(RecallDuties, "follow_up", nothing)
            await told(
                fed, "XA", "XB", "information.recall",
                saying={"message": sent.id, "attachments": []}, in_reply_to=sent.id,
            )  # fmt: skip
            assert (await report(fed, XB, MARCH)).cells == []
            assert (await report(fed, RILO, MARCH)).cells  # it has not heard
        with suppress(ConflictError):  # the node may be at it itself
            await fed.nodes[XB].workers.recall_duties.follow_up()

        async def heard() -> bool:
            return (await report(fed, RILO, MARCH)).cells == []

        await fed.until(heard)


async def test_members_are_told_how_fast_they_answer(tmp_path: Path) -> None:
    """From three requests on; of this month unless another is asked for, to who may know."""
    async with federation(tmp_path, "XA", "XB") as fed:
        for _ in range(3):
            asked = await told(fed, "XA", "XB", "request.verify_value")
            await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
            await told(fed, "XB", "XA", "case.reply", case=asked.case)
        for member in (XA, XB):
            shown = await report(fed, member, TrendQuery())
            assert [(cell.table, cell.key, cell.count) for cell in shown.cells] == [
                ("acknowledged", "XB", 3),
                ("answered", "XB", 3),
            ]
        nobody = replace(OFFICER, roles=frozenset({Role.OPERATOR}))
        with pytest.raises(ForbiddenError) as caught:
            await fed.nodes[XA].rooms.trends.report(TrendQuery(), nobody)
        assert caught.value.code == "role_missing"
