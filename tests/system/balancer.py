"""One address for several daemons: connections go to them in turn, past those that are down."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from itertools import cycle

PIECE_BYTES = 256 * 1024


class _Balancer:
    def __init__(self, port: int, behind: list[int]) -> None:
        self.port = port
        self.count = len(behind)
        self.behind = cycle(behind)
        self.halt = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    async def run(self, listening: threading.Event) -> None:
        server = await asyncio.start_server(self.connect, "127.0.0.1", self.port)
        listening.set()
        await self.halt.wait()
        server.close()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(self.count):
            try:
                there = await asyncio.open_connection("127.0.0.1", next(self.behind))
            except OSError:
                continue
            forth = asyncio.ensure_future(_copy(reader, there[1]))
            back = asyncio.ensure_future(_copy(there[0], writer))
            await asyncio.wait({forth, back})
            return
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one direction to its end; then the other side is told."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    writer.close()


@contextlib.contextmanager
def balanced(port: int, behind: list[int]) -> Iterator[None]:
    """Let ``port`` stand for the ports behind it, in a thread of its own."""
    listening = threading.Event()
    made: list[_Balancer] = []

    async def run() -> None:
        made.append(_Balancer(port, behind))
        await made[0].run(listening)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert listening.wait(30)
    try:
        yield
    finally:
        made[0].loop.call_soon_threadsafe(made[0].halt.set)
        thread.join()
