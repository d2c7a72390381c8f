"""The retention time, end to end: what is done goes, what nobody took stays and is counted."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import RejectedError
from gateway.services.auditing.check import check_audit_log
from gateway.services.receiving.inbox import MessageQuery
from gateway.store import attachments
from keys.suite import MemberId
from tests.scenarios.cases import say, told
from tests.scenarios.federation import OFFICER, federation
from tests.scenarios.test_exchange import delivered, pieces

XA, XB = MemberId("XA"), MemberId("XB")
KEEP_S = 40 * 86_400
CHANGES = {name: {"policy": {"retention_s": KEEP_S}} for name in ("XA", "XB")}


async def test_done_messages_go_after_the_retention_time_and_the_log_stays(tmp_path: Path) -> None:
    """With their attachments on both sides; the one that nobody acknowledged stays."""
    async with federation(tmp_path, "XA", "XB", changes=CHANGES) as fed:
        up = await fed.nodes[XA].rooms.attachments.upload(
            pieces(os.urandom(300_000)), "a.bin", "application/pdf", OFFICER
        )
        taken = await say(fed, "XA", "XB", "announcement", attachments=[up.id])
        await fed.until(lambda: delivered(fed, "XA", taken.id))
        left = await told(fed, "XA", "XB", "announcement")
        await fed.nodes[XB].rooms.inbox.acknowledge(taken.id, OFFICER)
        for name in (XA, XB):
            assert await fed.nodes[name].workers.purging.walk() == 0
            fed.clocks[name].ahead_s = KEEP_S + 1000
        assert await fed.nodes[XA].workers.purging.walk() == 1
        assert await fed.nodes[XB].workers.purging.walk() == 1
        for name in (XA, XB):
            with pytest.raises(RejectedError) as caught:
                await fed.read(name, taken.id)
            assert caught.value.code == "message_unknown"
            await fed.nodes[name].database.write(
                lambda tx, n=name: attachments.forget_unnamed(tx, fed.clocks[n].now())
            )
            blobs = await fed.nodes[name].database.read(
                lambda tx: attachments.by_rows(tx, range(100))
            )
            assert blobs == []
            node = fed.nodes[name]
            await node.workers.audit_log.sequence()
            report = await node.database.read(
                lambda tx, m=name, n=node: check_audit_log(tx, n.mirror.view, m)
            )
            assert report.findings == ()
        assert [item.id for item in (await fed.inbox("XB")).messages] == [left.id]
        status = await fed.nodes[XB].rooms.health.status()
        assert (status.unacknowledged, status.messages) == (1, {"in": 1})


async def test_number_of_the_newest_message_is_not_given_again(tmp_path: Path) -> None:
    """A list that goes on after it shows what comes next; it goes once there is a newer one."""
    async with federation(tmp_path, "XA", "XB", changes=CHANGES) as fed:
        await told(fed, "XA", "XB", "announcement")
        inbox, purging = fed.nodes[XA].rooms.inbox, fed.nodes[XA].workers.purging
        read = (await inbox.page(MessageQuery(limit=1), OFFICER)).cursor
        fed.clocks[XA].ahead_s = KEEP_S + 1000
        assert await purging.walk() == 0
        fed.clocks[XA].ahead_s = 0
        sent = await told(fed, "XA", "XB", "announcement")
        later = await inbox.page(MessageQuery(cursor=read), OFFICER)
        assert [item.id for item in later.messages] == [sent.id]
        fed.clocks[XA].ahead_s = KEEP_S + 1000
        assert await purging.walk() == 1


async def test_without_a_retention_time_everything_is_kept(tmp_path: Path) -> None:
    """The default."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await told(fed, "XA", "XB", "announcement")
        fed.clocks[XA].ahead_s = 300 * 86_400
        assert await fed.nodes[XA].workers.purging.walk() == 0
        assert await fed.state("XA", sent.id) == "delivered"


async def test_case_that_runs_is_not_purged_by_age(tmp_path: Path) -> None:
    """All of it is done and old: the answer still meets the request that it is about."""
    async with federation(tmp_path, "XA", "XB", changes=CHANGES) as fed:
        asked = await told(fed, "XA", "XB", "request.information")
        await fed.nodes[XB].rooms.inbox.acknowledge(asked.id, OFFICER)
        for name in (XA, XB):
            fed.clocks[name].ahead_s = KEEP_S + 1000
            assert await fed.nodes[name].workers.purging.walk() == 0
            fed.clocks[name].ahead_s = 0
        await told(fed, "XB", "XA", "case.reply", case=asked.case)
        for name in (XA, XB):
            shown = await fed.nodes[name].rooms.cases.read(asked.case, OFFICER)
            assert [thread.state for thread in shown.threads] == ["answered"]


async def test_operation_that_runs_is_not_purged_by_age(tmp_path: Path) -> None:
    """It goes once it is over and old enough, and is answered until then."""
    async with federation(tmp_path, "XA", "XB", changes=CHANGES) as fed:
        today = datetime.fromtimestamp(fed.clocks[XA].now(), UTC).date()
        days = {
            "starts_on": str(today), "ends_on": str(today + timedelta(days=60)), "members": ["XB"],
        }  # fmt: skip
        opened = await told(fed, "XA", "XB", "operation.open", saying=days)
        purging = fed.nodes[XA].workers.purging
        fed.clocks[XA].ahead_s = KEEP_S + 1000
        assert await purging.walk() == 0
        assert (await fed.nodes[XA].rooms.operations.read(opened.id, OFFICER)).state == "open"
        fed.clocks[XA].ahead_s = 0
        await told(fed, "XA", "XB", "announcement")
        fed.clocks[XA].ahead_s = 62 * 86_400
        assert await purging.walk() == 1
