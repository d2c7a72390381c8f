"""Lanes: a hop that is down waits alone, and rows are moved by hand."""

import asyncio
from pathlib import Path

import pytest

from gateway.errors import ConflictError, RejectedError
from keys.suite import MemberId
from tests.scenarios.federation import OFFICER, federation
from tests.scenarios.test_exchange import codes, delivered

XA, XB, XC, RO = (MemberId(name) for name in ("XA", "XB", "XC", "RO"))


async def test_dead_peer_with_a_long_queue_delays_nobody(tmp_path: Path) -> None:
    """XB is down with a backlog; it is probed, and XC's messages go at once."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        for to in ("XB", "XC"):
            warm = await fed.send("XA", to)
            await fed.until(lambda warm=warm: delivered(fed, "XA", warm.id))
        fed.cut.add((XA, XB))
        waiting = [await fed.send("XA", "XB") for _ in range(150)]
        before = fed.calls
        for _ in range(20):
            sent = await fed.send("XA", "XC")
            await fed.until(lambda sent=sent: delivered(fed, "XA", sent.id))
        assert fed.calls - before < 200
        fed.cut.clear()
        for item in waiting:
            await fed.until(lambda item=item: delivered(fed, "XA", item.id))
        assert len((await fed.inbox("XB")).messages) == 151


async def test_message_is_withdrawn_while_it_waits_and_queued_again(tmp_path: Path) -> None:
    """What waits can be taken back; what was delivered cannot; every act is recorded."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB")
        rooms = fed.nodes[XA].rooms

        async def waits() -> bool:
            return await fed.state("XA", sent.id) == "queued"

        await fed.until(waits)
        moved = await rooms.delivery.withdraw(sent.id, OFFICER, "XB")
        assert (moved.state, moved.recipients) == ("withdrawn", ["XB"])
        fed.cut.clear()
        await asyncio.sleep(1.5)
        assert await fed.state("XA", sent.id) == "withdrawn"
        assert len((await fed.inbox("XB")).messages) == 1
        for ref, kind, code in (
            (first.id, ConflictError, "nothing_to_move"),
            (f"XA-{'0' * 32}", RejectedError, "message_unknown"),
        ):
            with pytest.raises(kind) as caught:
                await rooms.delivery.withdraw(ref, OFFICER)
            assert caught.value.code == code
        await rooms.delivery.requeue(sent.id, OFFICER)
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        entries = await codes(fed, XA)
        assert ("administrator.acted", OFFICER.name, "withdraw") in entries
        assert ("administrator.acted", OFFICER.name, "requeue") in entries
