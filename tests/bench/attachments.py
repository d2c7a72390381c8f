"""Attachments from one house to the other: many of 1 MiB, and one that fits no memory."""

import asyncio
import os
import time
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import uvloop

from tests.bench import driver
from tests.bench.driver import Sent
from tests.bench.exchange import of_rounds, run_rounds, socket_of
from tests.bench.federation import memory_bytes, reset_peak
from tests.bench.report import MIB, Figure, figure
from tests.system.nodes import Nodes

AT_ONCE = 8
CALM_S = 1.0
_HEADERS = {"Content-Type": "application/pdf", "X-Filename": "invoice.pdf"}


def small(made: Nodes, count: int, rounds: int) -> list[Figure]:
    """Send messages with an attachment of 1 MiB each, 8 at a time."""
    file = os.urandom(MIB)

    async def send(session: aiohttp.ClientSession, number: int) -> Sent:
        numbers = iter(range(number))

        async def post() -> None:
            for _ in numbers:
                await driver.post_single(session, await _message_with(session, file))

        return await driver.sent(session, [post] * AT_ONCE, number)

    return of_rounds("attachment of 1 MiB", run_rounds(made, send, count, rounds))


def large(made: Nodes, length: int, rounds: int) -> list[Figure]:
    """Send one large attachment: megabytes a second from the socket's first byte to the receipt."""
    pids = {member: made.running[member].pid for member in ("XA", "XB")}
    over: dict[str, list[float]] = {member: [] for member in pids}
    rates: list[float] = []
    for _ in range(rounds):
        time.sleep(CALM_S)
        idle = {member: memory_bytes(pid) for member, pid in pids.items()}
        for pid in pids.values():
            reset_peak(pid)
        rates.append(length / 1e6 / uvloop.run(_one_large(made, length)))
        for member, pid in pids.items():
            over[member].append((memory_bytes(pid, "VmHWM") - idle[member]) / MIB)
    return [
        figure("large attachment: confirmed", "MB/s", rates),
        *(
            figure(f"large attachment: memory over idle, {member}", "MiB", values)
            for member, values in over.items()
        ),
    ]


async def _one_large(made: Nodes, length: int) -> float:
    async with driver.house(socket_of(made)) as session:
        before = await driver.confirmed(session)
        started = time.perf_counter()
        await driver.post_single(session, await _message_with(session, _stream(length)))
        await driver.until_confirmed(session, before + 1)
        return time.perf_counter() - started


async def _stream(length: int) -> AsyncIterator[bytes]:
    piece = os.urandom(MIB)
    for _ in range(length // MIB):
        yield piece
        await asyncio.sleep(0)


async def _message_with(
    session: aiohttp.ClientSession, file: bytes | AsyncIterator[bytes]
) -> bytes:
    """Upload a file; return a message that names it, as it is posted."""
    async with session.post("/v1/attachments", data=file, headers=_HEADERS) as answer:
        told = await answer.read()
        if answer.status != 201:
            raise RuntimeError(told.decode())
    return driver.submission(attachments=[msgspec.json.decode(told)["id"]])
