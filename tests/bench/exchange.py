"""What two nodes reach: ``python -m tests.bench.exchange [--mode batch|single|alone] [--count N]``.

Two real daemons and their registrar on loopback, with the default settings: a commit is on the disk
when it is answered. The driver is this process. CPU is read when the audit logs have caught up.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop

from tests.bench import driver
from tests.bench.driver import Sent
from tests.bench.federation import cpu_s, federation
from tests.bench.report import KIB, Figure, figure, show
from tests.system.nodes import Nodes

CATCH_UP_S = 0.6
"""Longer than two intervals of the audit log."""
COUNTS = {"batch": 5_000, "single": 2_000, "alone": 100}
WARM_UP = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of messages, with the CPU in seconds that each process used for it."""

    sent: Sent
    cpu_s: Mapping[str, float]
    driver_cpu_s: float


def main() -> None:
    """Print what two nodes reach."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.exchange", description=__doc__)
    parser.add_argument("--mode", choices=tuple(COUNTS), help="one of the ways; all by default")
    parser.add_argument("--count", type=int, help="messages in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bytes", type=int, default=KIB, help="the size of a content")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    results: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="liaison-bench-") as place,
        federation(Path(place), "XA", "XB") as made,
    ):
        for mode in [asked.mode] if asked.mode else ["alone", "single", "batch"]:
            count = asked.count or COUNTS[mode]
            results += MODES[mode](made, count, asked.rounds, asked.bytes)
    show(results, as_json=asked.json)


def in_batches(made: Nodes, count: int, rounds: int, content: int = KIB) -> list[Figure]:
    """Submit 64 messages a POST, some POSTs in flight."""
    line = driver.submission(content)

    async def send(session: aiohttp.ClientSession, number: int) -> Sent:
        return await driver.in_batches(session, line, number, 1)

    return of_rounds("in batches", run_rounds(made, send, count, rounds))


def singly(made: Nodes, count: int, rounds: int, content: int = KIB) -> list[Figure]:
    """Submit one message a POST, 16 at a time."""
    body = driver.submission(content)

    async def send(session: aiohttp.ClientSession, number: int) -> Sent:
        return await driver.singly(session, body, number)

    return of_rounds("one a POST", run_rounds(made, send, count, rounds))


def alone(made: Nodes, count: int, rounds: int, content: int = KIB) -> list[Figure]:
    """Submit one message, and the next when the receipt of the first is stored."""
    body = driver.submission(content)

    async def send() -> tuple[list[driver.Single], list[float]]:
        async with driver.house(_socket(made)) as session:
            await driver.alone(session, body, 10)
            taken = [await driver.alone(session, body, count) for _ in range(rounds)]
            return [item for items in taken for item in items], await driver.asking(session, 50)

    taken, asking = uvloop.run(send())
    ways = {
        "accepted": [item.accepted_s for item in taken],
        "from accepted to confirmed": [item.confirmed_s for item in taken],
        "from the POST to confirmed": [item.accepted_s + item.confirmed_s for item in taken],
    }
    results: list[Figure] = []
    for name, times in ways.items():
        results += [
            _milliseconds(f"alone: {name}, p{share}", _percentiles(times, share, rounds))
            for share in (50, 99)
        ]
    return [*results, _milliseconds("alone: of which the long poll itself", asking)]


def run_rounds(
    made: Nodes,
    send: Callable[[aiohttp.ClientSession, int], Awaitable[Sent]],
    count: int,
    rounds: int,
    *,
    members: Sequence[str] = ("XA", "XB"),
) -> list[Round]:
    """Send rounds of ``count`` messages from XA, after some that warm everything up."""

    async def run() -> list[Round]:
        async with driver.house(_socket(made)) as session:
            await send(session, min(count, WARM_UP))
            return [await _round(made, session, send, count, members) for _ in range(rounds)]

    return uvloop.run(run())


def of_rounds(name: str, rounds: Sequence[Round]) -> list[Figure]:
    """Return the rates of rounds, and the CPU of each process for a message."""
    figures = [
        figure(f"{name}: accepted", "/s", [one.sent.count / one.sent.accepted_s for one in rounds]),
        figure(
            f"{name}: confirmed", "/s", [one.sent.count / one.sent.confirmed_s for one in rounds]
        ),
    ]
    costs = [
        {
            **{member: used / one.sent.count for member, used in one.cpu_s.items()},
            "all nodes": sum(one.cpu_s.values()) / one.sent.count,
            "driver": one.driver_cpu_s / one.sent.count,
        }
        for one in rounds
    ]
    return figures + [
        figure(f"{name}: {who}", "µs of CPU", [cost[who] * 1e6 for cost in costs])
        for who in costs[0]
    ]


async def _round(
    made: Nodes,
    session: aiohttp.ClientSession,
    send: Callable[[aiohttp.ClientSession, int], Awaitable[Sent]],
    count: int,
    members: Sequence[str],
) -> Round:
    await asyncio.sleep(CATCH_UP_S)
    pids = {member: made.running[member].pid for member in members}
    before = {member: cpu_s(pid) for member, pid in pids.items()}
    own = time.process_time()
    sent = await send(session, count)
    own = time.process_time() - own
    await asyncio.sleep(CATCH_UP_S)
    used = {member: cpu_s(pid) - before[member] for member, pid in pids.items()}
    return Round(sent=sent, cpu_s=used, driver_cpu_s=own)


def _percentiles(times: Sequence[float], share: int, rounds: int) -> list[float]:
    """Return a percentile of each round."""
    size = len(times) // rounds
    return [
        statistics.quantiles(times[at : at + size], n=100, method="inclusive")[share - 1]
        for at in range(0, size * rounds, size)
    ]


def _milliseconds(name: str, times_s: Sequence[float]) -> Figure:
    return figure(name, "ms", [taken * 1e3 for taken in times_s])


def _socket(made: Nodes) -> Path:
    return made.folder("XA") / "api.sock"


MODES = {"batch": in_batches, "single": singly, "alone": alone}


if __name__ == "__main__":
    main()
