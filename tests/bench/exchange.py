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
from tests.bench.driver import Sent, Single
from tests.bench.federation import cpu_s, federation
from tests.bench.report import KIB, Figure, figure, show
from tests.bench.scale import NORMAL
from tests.system.nodes import Nodes

CATCH_UP_S = 0.6
"""Longer than two intervals of the audit log."""
WARM_UP = 256

Sending = Callable[[aiohttp.ClientSession, int], Awaitable[Sent]]
"""Sends that many messages, and returns when their receipts are stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of messages, with the CPU in seconds that each process used for it."""

    sent: Sent
    cpu_s: Mapping[str, float]
    driver_cpu_s: float


def main() -> None:
    """Print what two nodes reach."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.exchange", description=__doc__)
    parser.add_argument("--mode", choices=tuple(MODES), help="one of the ways; all by default")
    parser.add_argument("--count", type=int, help="messages in a round")
    parser.add_argument("--rounds", type=int, default=NORMAL.rounds)
    parser.add_argument("--bytes", type=int, default=KIB, help="the size of a content")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    counts = {"alone": NORMAL.alone, "single": NORMAL.single, "batch": NORMAL.batch}
    results: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="liaison-bench-") as place,
        federation(Path(place), "XA", "XB") as made,
    ):
        for mode in [asked.mode] if asked.mode else MODES:
            count = asked.count or counts[mode]
            results += MODES[mode](made, count, asked.rounds, content=asked.bytes)
    show(results, as_json=asked.json)


def in_batches(
    made: Nodes,
    count: int,
    rounds: int,
    *,
    content: int = KIB,
    name: str = "in batches",
    path: Sequence[str] = ("XA", "XB"),
) -> list[Figure]:
    """Submit 64 messages a POST, some POSTs in flight, along a path of nodes."""
    return of_rounds(name, batch_rounds(made, count, rounds, content=content, path=path))


def batch_rounds(
    made: Nodes,
    count: int,
    rounds: int,
    *,
    content: int = KIB,
    path: Sequence[str] = ("XA", "XB"),
) -> list[Round]:
    """Send rounds of messages in batches to the last of a path of nodes."""
    line = driver.submission(content, to=[path[-1]])

    async def send(session: aiohttp.ClientSession, number: int) -> Sent:
        return await driver.in_batches(session, line, number)

    return run_rounds(made, send, count, rounds, members=path)


def singly(
    made: Nodes, count: int, rounds: int, *, content: int = KIB, name: str = "one a POST"
) -> list[Figure]:
    """Submit one message a POST, 16 at a time."""
    body = driver.submission(content)

    async def send(session: aiohttp.ClientSession, number: int) -> Sent:
        return await driver.singly(session, body, number)

    return of_rounds(name, run_rounds(made, send, count, rounds))


def alone(
    made: Nodes, count: int, rounds: int, *, content: int = KIB, name: str = "alone"
) -> list[Figure]:
    """Submit one message, and the next when the receipt of the first is stored."""
    body = driver.submission(content)

    async def send() -> tuple[list[list[Single]], list[float]]:
        async with driver.house(socket_of(made)) as session:
            await driver.alone(session, body, min(count, 10))
            taken = [await driver.alone(session, body, count) for _ in range(rounds)]
            return taken, await driver.asking(session, count)

    taken, asking = uvloop.run(send())
    parts: dict[str, Callable[[Single], float]] = {
        "accepted": lambda one: one.accepted_s,
        "from accepted to confirmed": lambda one: one.confirmed_s,
        "from the POST to confirmed": lambda one: one.accepted_s + one.confirmed_s,
    }
    results = [
        _milliseconds(
            f"{name}: {part}, p{share}",
            [percentile([of(one) for one in singles], share) for singles in taken],
        )
        for part, of in parts.items()
        for share in (50, 99)
    ]
    return [*results, _milliseconds(f"{name}: of which the long poll itself", asking)]


MODES: dict[str, Callable[..., list[Figure]]] = {
    "alone": alone,
    "single": singly,
    "batch": in_batches,
}


def run_rounds(
    made: Nodes, send: Sending, count: int, rounds: int, *, members: Sequence[str] = ("XA", "XB")
) -> list[Round]:
    """Send rounds of ``count`` messages from XA, after some that warm everything up."""

    async def run() -> list[Round]:
        async with driver.house(socket_of(made)) as session:
            await send(session, min(count, WARM_UP))
            return [await _round(made, session, send, count, members) for _ in range(rounds)]

    return uvloop.run(run())


def of_rounds(name: str, rounds: Sequence[Round]) -> list[Figure]:
    """Return the rates of rounds, and the CPU of each process for a message."""
    accepted = [one.sent.count / one.sent.accepted_s for one in rounds]
    confirmed = [one.sent.count / one.sent.confirmed_s for one in rounds]
    used = [
        {**one.cpu_s, "all nodes": sum(one.cpu_s.values()), "driver": one.driver_cpu_s}
        for one in rounds
    ]
    costs = {
        who: [cpu[who] / one.sent.count * 1e6 for cpu, one in zip(used, rounds, strict=True)]
        for who in used[0]
    }
    return [
        figure(f"{name}: accepted", "/s", accepted),
        figure(f"{name}: confirmed", "/s", confirmed),
        *(figure(f"{name}: {who}", "µs of CPU", values) for who, values in costs.items()),
    ]


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value below which ``share`` percent of ``values`` are."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def socket_of(made: Nodes, member: str = "XA") -> Path:
    """Return the socket of a node's local API."""
    return made.folder(member) / "api.sock"


async def _round(
    made: Nodes,
    session: aiohttp.ClientSession,
    send: Sending,
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


def _milliseconds(name: str, times_s: Sequence[float]) -> Figure:
    return figure(name, "ms", [taken * 1e3 for taken in times_s])


if __name__ == "__main__":
    main()
