"""Read a registry from whoever shows it, within bounds of time and size; verify nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TypeVar

from gateway.errors import UnavailableError
from gateway.peer import Peer

ENTRIES_PER_READ = 256
READ_S = 120.0
"""How long one read may take: enough for 256 statements of a poor line, not for a source's whim."""

_T = TypeVar("_T")


async def read_checkpoint(source: Peer) -> bytes:
    """Return the head that a source shows. Raises UnavailableError ``registry_too_slow``."""
    return await _in_time(source.registry_checkpoint())


async def read_entries(source: Peer, start: int, end: int) -> AsyncIterator[Sequence[bytes]]:
    """Yield the statements ``start`` to ``end`` (exclusive) of a source, in bundles.

    Raises UnavailableError ``registry_incomplete`` when it shows fewer than it claims, or in more
    pieces than there are bundles, and ``registry_too_slow``.
    """
    reads_left = (end - start) // ENTRIES_PER_READ + 2
    while start < end:
        bundle = (await _in_time(source.registry_entries(start, end)))[: end - start]
        reads_left -= 1
        if not bundle or reads_left < 0:
            raise UnavailableError("registry_incomplete", "the source shows fewer than it claims")
        yield bundle
        start += len(bundle)


async def _in_time(read: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout(READ_S):
            return await read
    except TimeoutError as fault:
        raise UnavailableError(
            "registry_too_slow", f"the source took more than {READ_S:.0f} s for one answer"
        ) from fault
