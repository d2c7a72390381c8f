"""One peer is away and messages wait for it: what that costs another peer, and how they drain."""

import time

import uvloop

from tests.bench import driver
from tests.bench.curves import Curve, Point, curve_of, point
from tests.bench.exchange import CATCH_UP_S, Round, batch_rounds, of_rounds, socket_of
from tests.bench.federation import cpu_s, memory_bytes
from tests.bench.ratios import COST, ratio
from tests.bench.report import MIB, Figure, figure, find
from tests.bench.scale import Scale
from tests.system.nodes import Nodes

THINGS = "messages waiting"
MEMBERS = ("XA", "XB", "XC")
RATIO = "beside the longest outbox: rate against that with an empty one"
DRAINED = "backlog drained: rate against in batches"
_POINT = "XB beside XC's backlog"


def measure(made: Nodes, scale: Scale) -> tuple[list[Figure], list[Curve]]:
    """Let ever more messages wait for XC, and exchange with XB beside them; then XC returns."""
    uvloop.run(_meet(made))
    made.kill("XC")
    costs: list[Point] = []
    memory: list[Point] = []
    rates: list[Figure] = []
    waiting = 0
    for size in scale.waiting:
        uvloop.run(_wait_for(made, size - waiting))
        waiting = size
        time.sleep(CATCH_UP_S)
        rounds = batch_rounds(made, scale.batch, scale.rounds)
        rates.append(_rate(size, rounds))
        costs.append(point(size, _POINT, COST, [_cost_us(one) for one in rounds]))
        held = memory_bytes(made.running["XA"].pid) / MIB
        memory.append(point(size, "memory of XA", "MiB", [held]))
    figures = [*rates, ratio(RATIO, rates[-1], rates[0]), *_drain(made, waiting, rates[0])]
    return figures, [
        curve_of("CPU of an exchange with XB, while messages wait for XC", THINGS, costs),
        curve_of("memory of XA, while messages wait for XC", THINGS, memory),
    ]


async def _meet(made: Nodes) -> None:
    """Exchange with XC once: its card is known and its line is open before it goes away."""
    async with driver.house(socket_of(made)) as session:
        line = driver.submission(to=["XC"])
        await driver.in_batches(session, line, driver.LINES)


async def _wait_for(made: Nodes, count: int) -> None:
    async with driver.house(socket_of(made)) as session:
        await driver.hand_in(session, driver.submission(to=["XC"]), count)


def _rate(size: int, rounds: list[Round]) -> Figure:
    name = f"XB, while {size:,} messages wait for XC"
    found = find(of_rounds(name, rounds), f"{name}: confirmed", "/s")
    assert found is not None
    return found


def _cost_us(one: Round) -> float:
    return sum(one.cpu_s.values()) / one.sent.count * 1e6


def _drain(made: Nodes, waiting: int, full: Figure) -> list[Figure]:
    """Start XC, let it call XA, and return how fast all that waited is confirmed."""
    before = uvloop.run(_confirmed(made))
    made.start("XC")
    used = {member: cpu_s(made.running[member].pid) for member in ("XA", "XC")}
    made.call("XC", "POST", "/v1/peers/XA/ping")
    started = time.perf_counter()
    uvloop.run(_until_confirmed(made, before + waiting))
    taken = time.perf_counter() - started
    time.sleep(CATCH_UP_S)
    spent = sum(cpu_s(made.running[member].pid) - used[member] for member in used)
    rate = figure("backlog drained", "/s", [waiting / taken])
    return [
        rate,
        figure("backlog drained: all nodes", COST, [spent / waiting * 1e6]),
        ratio(DRAINED, rate, full),
    ]


async def _confirmed(made: Nodes) -> int:
    async with driver.house(socket_of(made)) as session:
        return await driver.confirmed(session)


async def _until_confirmed(made: Nodes, total: int) -> None:
    async with driver.house(socket_of(made)) as session:
        await driver.until_confirmed(session, total)
