"""How fast one node accepts, and how fast two exchange: ``python -m tests.bench.exchange [N]``.

Two real daemons and their registrar on loopback, the database on this disk with an fsync at every
commit. Prints medians of several rounds; a machine that others use too makes single figures
meaningless.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import msgspec

from gateway.cli.story import request
from tests.system.nodes import Nodes, nodes

ROUNDS = 5
WIDTH = 64


def main(count: int) -> None:
    """Print accepted and delivered messages a second, and the time of one alone."""
    with (
        tempfile.TemporaryDirectory(prefix="liaison-bench-") as place,
        nodes(Path(place), "XA", "XB") as made,
    ):
        rounds = [asyncio.run(_round(made, count)) for _ in range(ROUNDS)]
        alone = [asyncio.run(_round(made, 1)) for _ in range(ROUNDS * 4)]
    accepted, delivered = zip(*rounds, strict=True)
    print(f"accepted, {WIDTH} at a time   {count / statistics.median(accepted):8.0f} /s")  # noqa: T201
    print(f"delivered, receipts held  {count / statistics.median(delivered):8.0f} /s")  # noqa: T201
    first, whole = zip(*alone, strict=True)
    print(f"one alone: accepted       {statistics.median(first) * 1e3:8.1f} ms")  # noqa: T201
    print(f"one alone: receipt held   {statistics.median(whole) * 1e3:8.1f} ms")  # noqa: T201


async def _round(made: Nodes, count: int) -> tuple[float, float]:
    """Return seconds until all of ``count`` were accepted, and until all were delivered."""
    body = msgspec.json.encode(request([]))
    headers = {"Content-Type": "application/json"}
    connector = aiohttp.UnixConnector(path=str(made.folder("XA") / "api.sock"), limit=WIDTH)
    async with aiohttp.ClientSession("http://liaison", connector=connector) as session:
        before = await _delivered(session)

        async def send() -> None:
            async with session.post("/v1/messages", data=body, headers=headers) as answer:
                answer.raise_for_status()
                await answer.read()

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(send())
        accepted = time.perf_counter() - started
        while await _delivered(session) < before + count:  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.005)
        return accepted, time.perf_counter() - started


async def _delivered(session: aiohttp.ClientSession) -> int:
    async with session.get("/v1/status") as answer:
        return int((await answer.json())["outbox"]["delivered"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
