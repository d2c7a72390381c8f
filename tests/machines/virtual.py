"""An event loop whose time moves only when nothing else can, and a database without threads.

One run is one order of steps: everything happens on the loop, and what chance decides comes from
a seed.
"""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from random import Random  # noqa: TID251 - seeded: a run can be played again
from typing import Any

from gateway.store.database import Database, FaultHook

LATENCY_S = 0.002


class VirtualLoop(asyncio.SelectorEventLoop):
    """Turns the clock's hands instead of waiting, and counts its steps."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.now_s = 0.0
        self.steps = 0
        self.at_step: dict[int, Callable[[], None]] = {}
        """What strikes before which step."""
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return virtual seconds."""
        return self.now_s

    def latency(self) -> float:
        """Return how long something on the disk or in a thread takes: seldom the same."""
        return self.chance.random() * LATENCY_S

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run a thread's work on the loop, a little later."""
        del executor
        future = self.create_future()

        def run() -> None:
            if future.done():
                return
            try:
                future.set_result(func(*args))
            except Exception as failure:  # noqa: BLE001 - whoever waits is told
                future.set_exception(failure)

        self.call_later(self.latency(), run)
        return future

    def stepped(self, timeout: float | None) -> None:
        """Count a step, let strike what is due, and move the hands when nothing is ready."""
        self.steps += 1
        strike = self.at_step.pop(self.steps, None)
        if strike is not None:
            strike()
        elif timeout is None:
            raise RuntimeError("everything waits for something that will never come")
        elif timeout > 0:
            self.now_s += timeout


class _Selector(selectors.DefaultSelector):
    """Never sleeps."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.stepped(timeout)
        return super().select(0)


class VirtualClock:
    """A node's clock on a virtual loop. Implements ``gateway.clock.Clock``."""

    def __init__(self, began_at: int, ahead_s: Callable[[], int] = lambda: 0) -> None:
        self._began_at = began_at
        self._ahead_s = ahead_s

    def now(self) -> int:
        """Return the time as UTC seconds, as wrong as this node's clock is."""
        return self._began_at + self._ahead_s() + int(asyncio.get_running_loop().time())

    def monotonic(self) -> float:
        """Return virtual seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, duration_s: float) -> None:
        """Sleep in virtual time."""
        await asyncio.sleep(duration_s)


class SteppedDatabase(Database):
    """The node's database, its writer a step of the loop instead of a thread."""

    def __init__(self, url: str, *, fault: FaultHook | None = None) -> None:
        super().__init__(url, fault=fault)
        self._stepped: list[Any] = []
        self.dead = False

    def die(self) -> None:
        """Crash: what was not committed never will be, and nobody is answered any more."""
        self.dead = True

    def fault_by(self, fault: FaultHook) -> None:
        """Let a hook fail what is committed from now on."""
        self._fault = fault

    async def _enqueue(self, job: Any) -> Any:
        if self.dead:
            raise ConnectionAbortedError("this node is gone")
        self._stepped.append(job)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.call_later(loop.latency(), self._step)
        return await job.future

    def _step(self) -> None:
        if self.dead or not self._stepped:
            return
        group = [self._stepped.pop(0)]
        while not group[0].unit and self._stepped and not self._stepped[0].unit:
            group.append(self._stepped.pop(0))
        self._commit_group(group)
