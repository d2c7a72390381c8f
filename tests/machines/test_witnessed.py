"""Five members under traffic on a virtual clock: how soon a quorum vouches for what each logged."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.protocol.audit import parse_entry
from gateway.services.auditing.check import check_audit_log
from gateway.store import audit, audit_reading, cosigned
from gateway.store.database import Transaction
from gateway.wiring.node import Node
from keys.registry.statement import REGISTRY
from keys.suite import MemberId
from tests.machines.simulation import MEMBERS, RECIPIENTS, Simulation, Stage, Weather
from tests.scenarios.witnessed import name_witnesses

NAMES = [MemberId(name.partition("@")[0]) for name in MEMBERS]
WITNESSES = NAMES[:5]
QUORUM = 4
WITHIN_S = 15
ROUND_S = 10
TRAFFIC_S = 120
SETTINGS = {
    "registry": {"poll_s": 20},
    "audit": {"interval_ms": 250, "witness_s": ROUND_S},
    "delivery": {"lease_s": 20, "retry_max_s": 60, "rescan_s": 30},
    "relay": {"enabled": True, "collect_lease_s": 40},
}


@contextmanager
def awake(stage: Stage, seed: int) -> Iterator[Simulation]:
    """Yield a copy of the federation whose nodes sign and are witnessed as by default."""
    place = Path(tempfile.mkdtemp(dir=stage.folder))
    shutil.copytree(stage.template, place, dirs_exist_ok=True)
    sim = Simulation(place, seed=seed)
    sim.changes = dict.fromkeys([str(REGISTRY), *map(str, NAMES)], SETTINGS)
    try:
        sim.play(_start(sim))
        yield sim
    finally:
        sim.close()
        shutil.rmtree(place, ignore_errors=True)


async def _start(sim: Simulation) -> None:
    for name in (REGISTRY, *NAMES):
        await sim.start(name)
    await asyncio.sleep(30)
    await name_witnesses(sim, QUORUM, *WITNESSES)


def oldest_unwitnessed(tx: Transaction) -> int | None:
    """Return when the oldest entry was made for which no quorum vouches yet."""
    head = audit.head(tx)
    if head is None:
        return None
    newest = cosigned.newest(tx, head.shard)
    rows = audit_reading.entries(tx, head.shard, 0 if newest is None else newest.size, head.size)
    return min((parse_entry(row.entry).at for row in rows if row.entry is not None), default=None)


async def lag_s(node: Node) -> int:
    """Return how old the oldest entry is for which no quorum vouches; 0 for none."""
    at = await node.database.read(oldest_unwitnessed)
    return 0 if at is None else node.rooms.now() - at


async def write(sim: Simulation, seconds: float) -> dict[MemberId, int]:
    """Send two messages a second; return the longest that each log waited for a quorum."""
    worst = dict.fromkeys(sim.nodes, 0)
    until, sent = sim.loop.time() + seconds, 0
    while sim.loop.time() < until:
        await sim.post(RECIPIENTS[sent % len(RECIPIENTS)])
        sent += 1
        await asyncio.sleep(0.5)
        for name, node in sim.nodes.items():
            worst[name] = max(worst[name], await lag_s(node))
    return worst


@pytest.mark.parametrize("seed", [1])
def test_each_log_is_witnessed_by_a_quorum_within_15_s(stage: Stage, seed: int) -> None:
    """Under traffic, where one call in fifty is lost and one witness is gone altogether.

    Of all but one log; calls that are lost twice in a row cost that one a round more.
    """
    with awake(stage, seed) as sim:

        async def act() -> dict[MemberId, int]:
            await asyncio.sleep(60)
            sim.weather = Weather(lose_requests=0.01, lose_answers=0.01, delay_s=0.3)
            sim.cut |= {(name, WITNESSES[0]) for name in sim.nodes if name != WITNESSES[0]}
            return await write(sim, TRAFFIC_S)

        worst = sim.play(act())
        assert len(worst) == len(NAMES) + 1
        *others, slowest = sorted(worst.values())
        assert 0 < max(others) <= WITHIN_S, worst
        assert slowest <= WITHIN_S + ROUND_S, worst  # one log may lose calls twice in a row

        async def settle() -> list[str]:
            await sim.heal()
            await asyncio.sleep(60)
            wrong = [f"{name} waits" for name, node in sim.nodes.items() if await lag_s(node)]
            for name, node in sim.nodes.items():
                report = await node.database.read(
                    lambda tx, n=node, m=name: check_audit_log(tx, n.mirror.view, m)
                )
                wrong += [f"{name}: {finding}" for finding in report.findings]
            return wrong

        assert sim.play(settle()) == []
