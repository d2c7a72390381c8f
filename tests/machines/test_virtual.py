"""The ground that the simulations stand on: each wait is a step, and time moves only there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random  # noqa: TID251 - seeded

import pytest

from gateway.store import messages
from gateway.store.blobs import BlobStore
from gateway.store.migrate import upgrade
from tests.machines.virtual import SteppedDatabase, VirtualLoop


def test_every_await_that_suspends_is_a_step(tmp_path: Path) -> None:
    """Between what waits and what follows a node can be struck: for all that services wait for."""
    url = f"sqlite:///{tmp_path / 'liaison.db'}"
    upgrade(url)
    database = SteppedDatabase(url)
    blobs = BlobStore(tmp_path / "blobs")
    loop = VirtualLoop(Random(1))  # noqa: S311 - no key comes of it
    event = asyncio.Event()

    async def in_a_group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(event.wait())

    waits: list[Callable[[], Awaitable[object]]] = [
        lambda: asyncio.sleep(0),
        lambda: asyncio.sleep(60),
        lambda: asyncio.to_thread(int),
        lambda: database.write(messages.counts),
        lambda: database.write_unit(messages.counts, first=lambda: None),
        lambda: database.read(messages.counts),
        lambda: asyncio.to_thread(blobs.delete, "a"),
        in_a_group,
        event.wait,
    ]

    async def act() -> list[int]:
        taken = []
        for wait in waits:
            event.clear()
            loop.call_later(1, event.set)
            before = loop.steps
            await wait()
            taken.append(loop.steps - before)
        return taken

    try:
        assert all(loop.run_until_complete(act()))
        assert loop.time() >= 61
    finally:
        loop.close()
        database.close()


def test_wait_for_what_never_comes_is_an_error() -> None:
    """It ends the run, instead of standing still for ever."""
    loop = VirtualLoop(Random(1))  # noqa: S311 - the same
    waiting = loop.create_future()
    try:
        with pytest.raises(RuntimeError, match="never come"):
            loop.run_until_complete(waiting)
    finally:
        loop.close()
