"""Read a registry from whoever shows it, within bounds of time and size.

Each statement is verified in its place; whether the head over them holds is judged by who reads.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gateway.errors import RejectedError, UnavailableError
from gateway.peer import Peer
from gateway.services.federation.growth import Verified, extended
from keys.tlog.checkpoint import parse_checkpoint

ENTRIES_PER_READ = 256
READ_S = 120.0
"""How long one read may take: enough for 256 statements of a poor line, not for a source's whim."""

MAX_STATEMENTS_PER_READ = 1_000_000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a source shows beyond ours: each statement verified, the head over them not yet."""

    first: int
    notes: Sequence[bytes]
    grown: Verified | None
    head: bytes
    size: int


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


async def read_beyond(source: Peer, head: bytes, known: Verified | None, anchor: bytes) -> Shown:
    """Read what ``source`` has beyond ``known``, and under ``head`` which it shows.

    Each bundle is folded before the next is asked for. Raises RejectedError ``registry_too_large``,
    or as the fold judges; and as ``read_entries``.
    """
    grown, first = known, 0 if known is None else known.history.frontier.size
    size = parse_checkpoint(head).size
    if size > first + MAX_STATEMENTS_PER_READ:
        raise RejectedError("registry_too_large", "the registry claims an absurd size")
    notes: list[bytes] = []
    async for bundle in read_entries(source, first, size):
        grown = await asyncio.to_thread(extended, grown, bundle, anchor)
        notes += bundle
    return Shown(first=first, notes=notes, grown=grown, head=head, size=size)


async def _in_time(read: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout(READ_S):
            return await read
    except TimeoutError as fault:
        raise UnavailableError(
            "registry_too_slow", f"the source took more than {READ_S:.0f} s for one answer"
        ) from fault
