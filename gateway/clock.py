"""The one place that reads a clock. Everything else is handed ``now``."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Protocol


class Clock(Protocol):
    """Where time comes from: the machine, or a test that turns the hands itself."""

    def now(self) -> int:
        """Return the time as UTC seconds since 1970."""

    def monotonic(self) -> float:
        """Return seconds on a scale that never jumps, for measuring durations."""

    async def sleep(self, duration_s: float) -> None:
        """Return after ``duration_s`` seconds of this clock."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Return the machine's UTC time in whole seconds."""
        return int(time.time())  # noqa: TID251 - the one place

    def monotonic(self) -> float:
        """Return the machine's monotonic time in seconds."""
        return time.monotonic()

    async def sleep(self, duration_s: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(duration_s)


async def happens(event: Awaitable[object], within_s: float) -> bool:
    """Wait for an event, at most so long; tell if it came.

    ``asyncio.wait_for`` of Python 3.11 loses a cancellation that meets the event.
    """
    try:
        async with asyncio.timeout(within_s):
            await event
    except TimeoutError:
        return False
    return True
