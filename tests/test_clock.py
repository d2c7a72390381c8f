"""Waiting for what may not come."""

import asyncio

import pytest

from gateway.clock import happens


async def test_event_that_comes_in_time() -> None:
    """True, and at once."""
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, event.set)
    assert await happens(event.wait(), 5)


async def test_event_that_does_not_come() -> None:
    """False, at the end of the time given."""
    assert not await happens(asyncio.Event().wait(), 0.01)


async def test_cancellation_that_meets_the_event_is_not_lost() -> None:
    """What is told to stop stops, although what it waited for came at the same moment."""
    event = asyncio.Event()
    waiting = asyncio.ensure_future(happens(event.wait(), 5))
    await asyncio.sleep(0)
    event.set()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
