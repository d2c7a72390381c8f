"""A poor line: what stands between a node and everybody else, and can be cut.

It carries bytes and knows nothing of them: they are TLS from end to end. It runs in a process of
its own and is told by memory that both share whether it is open, and for how many bytes more.
"""

import asyncio
import contextlib
import mmap
import os
import signal
import struct

PIECE_BYTES = 64 * 1024
LOOK_S = 0.01
_STATE = struct.Struct("=qqq")
NO_LIMIT = -1


class PoorLine:
    """A listener on a port of this machine that leads to another one, until it is cut."""

    def __init__(self, port: int, target: int) -> None:
        """Open the line from ``port`` to ``target``."""
        self._shared = mmap.mmap(-1, _STATE.size)
        self._tell(opened=True, allowed=NO_LIMIT)
        self._process = os.fork()
        if not self._process:
            _carry(self._shared, port, target)

    @property
    def is_open(self) -> bool:
        """Tell whether anything passes."""
        return bool(self._state()[0])

    @property
    def carried_bytes(self) -> int:
        """How many bytes went to the node, in all."""
        return self._state()[2]

    def cut(self) -> None:
        """Break every connection, and let none be made."""
        self._tell(opened=False, allowed=NO_LIMIT)

    def open(self, allowed: int = NO_LIMIT) -> None:
        """Let connections be made; it is cut by itself when so many bytes went to the node."""
        self._tell(opened=True, allowed=allowed)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._process, 0)

    def _state(self) -> tuple[int, int, int]:
        opened, allowed, carried = _STATE.unpack(self._shared[: _STATE.size])
        return opened, allowed, carried

    def _tell(self, *, opened: bool, allowed: int) -> None:
        # The other process alone writes the third number, and the first two only to cut itself.
        self._shared[:16] = _STATE.pack(opened, allowed, 0)[:16]


def _carry(shared: mmap.mmap, port: int, target: int) -> None:
    """Be the line, until killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever plays ends it
    try:
        asyncio.run(_Carrier(shared, target).serve(port))
    finally:
        os._exit(1)


class _Carrier:
    """The line's own process."""

    def __init__(self, shared: mmap.mmap, target: int) -> None:
        self._shared = shared
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, port: int) -> None:
        """Accept connections, and break all of them whenever the line is not open."""
        await asyncio.start_server(self._connect, "127.0.0.1", port)
        player = os.getppid()
        while os.getppid() == player:  # who was killed cannot end it
            if not self._state()[0]:
                self._break()
            await asyncio.sleep(LOOK_S)

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._writers.add(back)
        try:
            if not self._state()[0]:
                return
            far, forth = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(forth)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(near, forth, counted=True))
                    group.create_task(self._pass(far, back, counted=False))
            finally:
                self._writers.discard(forth)
                forth.transport.abort()
        except (OSError, ExceptionGroup):
            return
        finally:
            self._writers.discard(back)
            back.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        while piece := await source.read(PIECE_BYTES):
            if counted and not self._count(len(piece)):
                self._break()
                return
            to.write(piece)
            await to.drain()
        to.write_eof()

    def _count(self, length: int) -> bool:
        """Count bytes to the node; tell whether they may still pass."""
        opened, allowed, carried = self._state()
        if allowed != NO_LIMIT and length > allowed:
            self._shared[:8] = struct.pack("=q", 0)
            return False
        left = allowed if allowed == NO_LIMIT else allowed - length
        self._shared[8:24] = struct.pack("=qq", left, carried + length)
        return bool(opened)

    def _break(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _state(self) -> tuple[int, int, int]:
        opened, allowed, carried = _STATE.unpack(self._shared[: _STATE.size])
        return opened, allowed, carried
