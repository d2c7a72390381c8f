"""The retention time, end to end: what is done goes, what nobody took stays and is counted."""

import os
from pathlib import Path

import pytest

from gateway.errors import RejectedError
from gateway.services.auditing.check import check_audit_log
from gateway.store import attachments
from keys.suite import MemberId
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
        taken = await fed.send("XA", "XB", attachments=[up.id])
        left = await fed.send("XA", "XB")
        for item in (taken, left):
            await fed.until(lambda item=item: delivered(fed, "XA", item.id))
        await fed.nodes[XB].rooms.inbox.acknowledge(taken.id, OFFICER)
        for name in (XA, XB):
            assert await fed.nodes[name].workers.purging.walk() == 0
            fed.clocks[name].ahead_s = KEEP_S + 1000
        assert await fed.nodes[XA].workers.purging.walk() == 2
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


async def test_without_a_retention_time_everything_is_kept(tmp_path: Path) -> None:
    """The default."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        fed.clocks[XA].ahead_s = 300 * 86_400
        assert await fed.nodes[XA].workers.purging.walk() == 0
        assert await fed.state("XA", sent.id) == "delivered"
