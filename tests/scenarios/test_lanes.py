"""Lanes: a hop that is down waits alone, rows are moved by hand, and every crash is survived."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import happens
from gateway.errors import ConflictError, RejectedError
from keys.suite import MemberId
from tests.scenarios.federation import OFFICER, Federation, federation
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
            await fed.until(lambda sent=sent: delivered(fed, "XA", sent.id), 5)
        assert fed.calls - before < 200
        fed.cut.clear()
        for item in waiting:
            await fed.until(lambda item=item: delivered(fed, "XA", item.id), 30)
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


class _Crash:
    """Breaks the n-th commit of a node, before or after it is durable, and every one after."""

    def __init__(self, moment: str, number: int) -> None:
        self.moment = moment
        self.number = number
        self.seen = 0
        self.struck = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def __call__(self, moment: str) -> None:
        self.seen += moment == self.moment
        if self.seen >= self.number:
            self.loop.call_soon_threadsafe(self.struck.set)
            raise ConnectionAbortedError("the power went")


async def survive(place: Path, victim: str, moment: str, number: int) -> bool:
    """Crash one node at one commit, restart it, and hold the promise; tell if it got that far."""
    quick = {"delivery": {"lease_s": 3}, "relay": {"enabled": True, "collect_lease_s": 2}}
    changes = {"XA": quick, "RO": quick, "XC": quick}
    async with federation(place, "XA", "RO", "XC@RO", changes=changes) as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id), 30)
        await fed.stop(victim)
        crash = _Crash(moment, number)
        await fed.start(victim, fault=crash)
        promised: list[str] = []
        with contextlib.suppress(Exception):
            promised.append((await fed.send("XA", "XC")).id)
        await happens(crash.struck.wait(), 4)
        await fed.stop(victim)
        await fed.start(victim)
        promised.append((await fed.send("XA", "XC")).id)
        for message in promised:
            await fed.until(_delivered(fed, message), 30)
        got = [item.id for item in (await fed.inbox("XC")).messages]
        assert len(got) == len(set(got))
        assert set(promised) <= set(got)
        return crash.struck.is_set()


def _delivered(fed: Federation, message: str) -> Callable[[], Any]:
    return lambda: delivered(fed, "XA", message)


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
@pytest.mark.parametrize("victim", ["XA", "RO", "XC"])
async def test_crash_at_a_commit_loses_and_doubles_nothing(
    tmp_path: Path, victim: str, moment: str
) -> None:
    """A slice of the campaign below: each node, each side of an early commit."""
    await survive(tmp_path, victim, moment, 3)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
@pytest.mark.parametrize("victim", ["XA", "RO", "XC"])
async def test_crash_at_every_commit(tmp_path: Path, victim: str, moment: str) -> None:
    """Every commit of every node, from the first until none is left to break."""
    for number in range(1, 40):
        if not await survive(tmp_path / str(number), victim, moment, number):
            assert number > 3
            return
