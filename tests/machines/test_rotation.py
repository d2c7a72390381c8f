"""A node that rotates every key is crashed before each step, and comes back with all it needs."""

import asyncio
import os
from functools import partial
from itertools import count

import pytest

from gateway.protocol.audit import EntryKind
from gateway.services.keykeeping.rewrapping import DESTROY_AFTER_S
from gateway.store import storage_keys
from gateway.workers import REWRAP_S
from keys.keyring import NODE_USES
from keys.registry.statement import REGISTRY
from keys.suite import KeyId, KeyUse, MemberId
from tests.machines.simulation import DIRECT, SENDER, Simulation, Stage
from tests.machines.test_steps import BREAKS, hold, survive_commit, survive_crash
from tests.scenarios.federation import OFFICER, recorded

ALL = [use for use in KeyUse if use is not KeyUse.ROOT]
STEPS = 200
"""About as many as it takes until all is rotated and wrapped anew."""


async def rotating(sim: Simulation) -> None:
    """Rotate all keys of XA between two messages, and wrap anew what it has stored."""
    if SENDER not in sim.nodes:
        return
    rooms = sim.nodes[SENDER].rooms
    await sim.post(DIRECT)
    await sim.attempt(SENDER, rooms.rotation.rotate_together(ALL, OFFICER))
    if SENDER in sim.nodes:
        await sim.attempt(SENDER, rooms.rewrapping.begin(OFFICER))
    await sim.post(DIRECT)
    await asyncio.sleep(2)


async def whole(sim: Simulation) -> None:
    """Find the promise held, and XA with keys that are registered, recorded and its own."""
    await hold(sim)
    node = sim.nodes[SENDER]
    rotation, view = node.rooms.rotation, node.mirror.view
    for use in NODE_USES:
        held = {record.key_id for record in node.keys.keyring.records(use)}
        assert {key.key_id for key in view.member(SENDER).keys_for(use)} <= held
    pending = [node.keys.pending(use, view) for use in NODE_USES]
    await rotation.rotate_together(ALL, OFFICER)
    view = node.mirror.view
    assert all(KeyId(record.key_id) in view.keys for record in pending if record is not None)
    entries = await recorded(node)
    rotated = [item.digests[0] for item in entries if item.kind is EntryKind.KEY_ROTATED]
    brought = {
        key.key_id
        for use in NODE_USES
        for key in view.member(SENDER).keys_for(use)
        if key.introduced_at > view.member(SENDER).admitted_at
    }
    assert brought <= set(rotated)
    assert len(rotated) == len(set(rotated))
    await node.rooms.rewrapping.begin(OFFICER)
    await sim.wait(DESTROY_AFTER_S + 3 * REWRAP_S)
    states = await node.database.read(storage_keys.states)
    assert all(state == "ended" for state, _ in states.values())
    assert len(node.keys.keyring.records(KeyUse.STORAGE)) == 1
    await sim.post(DIRECT)
    await hold(sim)  # and every message is read again, under the newest key


@pytest.mark.parametrize(("victim", "step"), [(SENDER, 61), (REGISTRY, 45)])
def test_crash_while_keys_rotate_loses_none(stage: Stage, victim: MemberId, step: int) -> None:
    """Some steps, of the node and of the registrar; the campaign takes them all."""
    with stage.play(seed=step) as sim:
        survive_crash(sim, victim, step, scene=rotating, afterwards=whole)


def test_commit_that_breaks_while_keys_rotate_loses_none(stage: Stage) -> None:
    """An early commit, on the disk but not answered; the campaign takes them all."""
    with stage.play(seed=1) as sim:
        assert survive_commit(
            sim, SENDER, 3, "after_commit", goes_on=False, scene=rotating, afterwards=whole
        )


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("victim", [SENDER, REGISTRY])
def test_crash_before_every_step_of_a_rotation(stage: Stage, victim: MemberId) -> None:
    """A crash before each step there is (``LIAISON_TEST_STRIDE``: before each so many-th)."""
    steps = range(1, STEPS, int(os.environ.get("LIAISON_TEST_STRIDE", "1")))
    struck = 0
    for step in steps:
        with stage.play(seed=1) as sim:
            struck += survive_crash(sim, victim, step, scene=rotating, afterwards=whole)
    assert struck > len(steps) // 2


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("moment", "goes_on"), BREAKS)
@pytest.mark.parametrize("victim", [SENDER, REGISTRY])
def test_break_of_every_commit_of_a_rotation(
    stage: Stage, victim: MemberId, moment: str, goes_on: bool
) -> None:
    """Each commit there is, until none is left to break."""
    for number in count(1):
        with stage.play(seed=1) as sim:
            play = partial(survive_commit, scene=rotating, afterwards=whole)
            if not play(sim, victim, number, moment, goes_on=goes_on):
                assert number > 1
                return
