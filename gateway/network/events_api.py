"""Events on the local API: server-sent events that go on where a client left off.

Source: the HTML standard, "Server-sent events".
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Final

import msgspec
from aiohttp import web

from gateway.clock import happens
from gateway.errors import LiaisonError
from gateway.network.requests import caller_of, query_of
from gateway.services.caller import Caller
from gateway.services.events.telling import EventQuery, EventView, Telling
from gateway.services.turnstile import Turnstile

STREAMS_MOST: Final = 64
STREAMS_EACH: Final = 8
"""Open at a time: of the whole house, and of one caller."""
WRITE_S: Final = 10.0
"""How long a client may take to read what was written, before it is cut off."""
_HEADERS: Final = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}


class EventsApi:
    """Serves events to the house."""

    def __init__(self, telling: Telling, again: Callable[[web.Request], Awaitable[Caller]]) -> None:
        """``again`` names a request's caller anew: a token may have been revoked since."""
        self._telling = telling
        self._again = again
        self._streams = Turnstile(most=STREAMS_MOST, most_each=STREAMS_EACH)

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (web.get("/v1/events", self._events),)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        query, caller = query_of(request, EventQuery), caller_of(request)
        last = request.headers.get("Last-Event-ID")
        with self._streams.admit(caller.name):
            after = await self._telling.start(query, last, caller)
            answer = web.StreamResponse(headers=_HEADERS)
            await answer.prepare(request)
            await answer.write(f"retry: 2000\nid: {after}\n\n".encode())
            with _cut_short(request):
                async with aclosing(self._telling.follow(after, query, caller)) as following:
                    async for seen, told in following:
                        if not await self._is_still(request, caller):
                            break
                        await _write(answer, _encoded(seen, told))
            await answer.write_eof()
        return answer

    async def _is_still(self, request: web.Request, caller: Caller) -> bool:
        try:
            return await self._again(request) == caller
        except LiaisonError:
            return False


async def _write(answer: web.StreamResponse, piece: bytes) -> None:
    """Write to a client that reads. Raises ConnectionError for one that does not."""
    if not await happens(answer.write(piece), WRITE_S):
        raise ConnectionResetError("the client does not read")


@contextmanager
def _cut_short(request: web.Request) -> Iterator[None]:
    """Let a stream that breaks off be told by its connection: its head is out already."""
    try:
        yield
    except (Exception, asyncio.CancelledError):
        if request.transport is not None:
            request.transport.abort()
        raise


def _encoded(seen: int, told: Sequence[EventView]) -> bytes:
    """Return events as they are sent; of none, how far was looked."""
    if not told:
        return f":\nid: {seen}\n\n".encode()
    return b"".join(
        b"id: %b\nevent: %b\ndata: %b\n\n"
        % (item.id.encode(), item.type.encode(), msgspec.json.encode(item))
        for item in told
    )
