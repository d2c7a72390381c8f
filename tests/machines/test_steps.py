"""Every node crashed before every step of an exchange, and every commit of it failed once."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from itertools import count
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest

from gateway.errors import UnavailableError
from keys.suite import MemberId
from tests.machines.simulation import CRASHING, RECIPIENTS, SENDER, Simulation, Stage

STEPS = 850
"""About as many as the exchange takes, from its first post until all is quiet."""
BREAKS = [("before_commit", False), ("after_commit", False), ("before_commit", True)]
"""The power goes before or after the disk has it; the disk fails, and the node goes on."""


Scene = Callable[[Simulation], Coroutine[Any, Any, None]]
"""What happens on a stage: what is struck, or what is looked at afterwards."""


async def exchange(sim: Simulation) -> None:
    """Post twice to everybody, directly and through relays, and give it the time that it takes.

    The first has an attachment, which goes ahead of it, and is fetched by those who collect.
    """
    await sim.post(*RECIPIENTS, attached=b"an invoice" * 300)
    await asyncio.sleep(0.5)
    await sim.post(*RECIPIENTS, priority=0)
    await asyncio.sleep(5)


async def hold(sim: Simulation) -> None:
    """Heal everything, and find the promise held."""
    await sim.heal()
    assert await sim.account() == []


def survive_crash(
    sim: Simulation,
    victim: MemberId,
    step: int,
    *,
    scene: Scene = exchange,
    afterwards: Scene = hold,
) -> bool:
    """Crash one node before one step, start it again, hold the promise; tell if it struck."""
    sim.loop.at_step[sim.loop.steps + step] = lambda: sim.strike(victim)
    sim.play(scene(sim))
    sim.loop.at_step.clear()
    struck = victim not in sim.nodes
    sim.play(afterwards(sim))
    return struck


def survive_commit(
    sim: Simulation,
    victim: MemberId,
    number: int,
    moment: str,
    *,
    goes_on: bool,
    scene: Scene = exchange,
    afterwards: Scene = hold,
) -> bool:
    """Break one commit of one node, hold the promise; tell if there was such a commit.

    The node ends there, or the database failed it for a passing reason and the node goes on.
    """
    counted = count(1)
    database = sim.database(victim)
    struck: list[str] = []

    def strike(at: str) -> None:
        if at != moment or next(counted) != number:
            return
        struck.append(at)
        if goes_on:
            raise UnavailableError("database_failed", "the disk did not answer")
        database.die()
        sim.loop.call_soon(sim.strike, victim)
        raise ConnectionAbortedError("the power went")

    database.fault_by(strike)
    sim.play(scene(sim))
    database.fault_by(lambda _: None)
    sim.play(afterwards(sim))
    return bool(struck)


def _spread(most: int, times: int) -> list[tuple[MemberId, int]]:
    """Return moments for every victim, spread over the exchange, the same in every run."""
    chance = Random(1)  # noqa: S311 - no key comes of it
    width = most // times
    return [
        (victim, number * width + chance.randrange(1, width))
        for victim in CRASHING
        for number in range(times)
    ]


@pytest.mark.parametrize(("victim", "step"), _spread(STEPS, 3))
def test_crash_between_two_steps_loses_and_doubles_nothing(
    stage: Stage, victim: MemberId, step: int
) -> None:
    """Some steps of each node; the campaign takes them all."""
    with stage.play(seed=step) as sim:
        survive_crash(sim, victim, step)


@pytest.mark.parametrize(("moment", "goes_on"), BREAKS)
@pytest.mark.parametrize("victim", CRASHING)
def test_commit_that_breaks_loses_and_doubles_nothing(
    stage: Stage, victim: MemberId, moment: str, goes_on: bool
) -> None:
    """An early commit of each node, on either side; the campaign takes them all."""
    with stage.play(seed=1) as sim:
        assert survive_commit(sim, victim, 2, moment, goes_on=goes_on)


async def release(sim: Simulation) -> None:
    """Hold a message with a file for a second person, and release it twice."""
    message = await sim.post(*RECIPIENTS, attached=b"an invoice" * 300, held=True)
    for _ in range(2):
        if message is not None and SENDER in sim.nodes:
            await sim.decide(message, releases=True)
    await asyncio.sleep(1)


@pytest.mark.parametrize(("moment", "goes_on"), BREAKS)
@pytest.mark.parametrize("number", [3, 4])
def test_commit_of_a_release_that_breaks_loses_and_doubles_nothing(
    stage: Stage, number: int, moment: str, goes_on: bool
) -> None:
    """That of the draft, after the two of its attachment, and that of the release."""
    with stage.play(seed=1) as sim:
        assert survive_commit(sim, SENDER, number, moment, goes_on=goes_on, scene=release)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("victim", CRASHING)
def test_crash_before_every_step(stage: Stage, victim: MemberId) -> None:
    """A crash before each step there is (``LIAISON_TEST_STRIDE``: before each so many-th)."""
    steps = range(1, STEPS, int(os.environ.get("LIAISON_TEST_STRIDE", "1")))
    struck = 0
    for step in steps:
        with stage.play(seed=1) as sim:
            struck += survive_crash(sim, victim, step)
    assert struck > len(steps) // 2


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("moment", "goes_on"), BREAKS)
@pytest.mark.parametrize("victim", CRASHING)
def test_break_of_every_commit(stage: Stage, victim: MemberId, moment: str, goes_on: bool) -> None:
    """Each commit there is, until none is left to break."""
    for number in count(1):
        with stage.play(seed=1) as sim:
            if not survive_commit(sim, victim, number, moment, goes_on=goes_on):
                assert number > 2
                return
