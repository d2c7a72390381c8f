"""Drive a node as its house does, over its socket, and wait for the receipts.

A process of its own beside the nodes: what it costs is told apart from what they cost.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from gateway.cases.content import encode_content
from gateway.cli.demo.story import request
from tests.bench.report import KIB, MIB

LINES = 64
POSTS = 4
"""How many batches are in flight at once."""
BODY_BYTES = 3 * MIB
"""Well below what a node takes in one request."""
WIDTH = 16
"""How many single messages are in flight at once."""
LOOK_S = 0.01
WAIT_S = 30
GIVE_UP_S = 3_600.0
_COUNTER = "liaison_deliveries_total"
_JSON = {"Content-Type": "application/json"}
_PASSAGES = ("facts", "object_and_reason", "laws_and_rules", "enquiries_made")
_PASSAGE_MOST = 19_000

Poster = Callable[[], Coroutine[None, None, None]]
"""Submits one thing after the other, until nothing is left to submit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How long it took until all were accepted, and until all receipts were stored."""

    count: int
    accepted_s: float
    confirmed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """What one message alone took: until it was accepted, and from then until its receipt."""

    accepted_s: float
    confirmed_s: float


def submission(
    count: int = KIB, *, to: Sequence[str] = ("XB",), attachments: Sequence[str] = ()
) -> bytes:
    """Return a request whose content is sealed as exactly ``count`` bytes, as it is posted."""
    asked = request(list(attachments)) | {"to": list(to)}
    content = asked["content"]
    for name in _PASSAGES:
        room = _PASSAGE_MOST - len(content[name])
        content[name] += "x" * min(room, _lacking(content, count))
        content[name] = content[name][: len(content[name]) + min(0, _lacking(content, count))]
    if _lacking(content, count):
        raise ValueError(f"no request is sealed as {count} bytes")
    return msgspec.json.encode(asked)


def _lacking(content: dict[str, Any], count: int) -> int:
    """Return how many bytes are missing; less than none where a length itself grew longer."""
    return count - len(encode_content(content))


@asynccontextmanager
async def house(socket: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a session with the local API."""
    connector = aiohttp.UnixConnector(path=str(socket), limit=2 * WIDTH)
    timeout = aiohttp.ClientTimeout(total=GIVE_UP_S)
    async with aiohttp.ClientSession(
        "http://liaison", connector=connector, timeout=timeout
    ) as session:
        yield session


async def in_batches(
    session: aiohttp.ClientSession, line: bytes, count: int, *, copies: int = 1
) -> Sent:
    """Send ``count`` messages, 64 lines a POST, some in flight; each to ``copies`` recipients."""
    return await sent(session, batch_posters(session, line, count), count, copies=copies)


async def singly(session: aiohttp.ClientSession, body: bytes, count: int) -> Sent:
    """Send ``count`` messages, each in a POST of its own, 16 at a time."""
    numbers = iter(range(count))

    async def post() -> None:
        for _ in numbers:
            await post_single(session, body)

    return await sent(session, [post] * WIDTH, count)


async def hand_in(session: aiohttp.ClientSession, line: bytes, count: int) -> None:
    """Submit ``count`` messages in batches, whatever becomes of them."""
    await _all(batch_posters(session, line, count))


async def sent(
    session: aiohttp.ClientSession, posters: Sequence[Poster], count: int, *, copies: int = 1
) -> Sent:
    """Let posters submit ``count`` messages, and wait until all their receipts are stored."""
    before = await confirmed(session)
    started = time.perf_counter()
    await _all(posters)
    accepted = time.perf_counter()
    await until_confirmed(session, before + count * copies)
    return Sent(
        count=count,
        accepted_s=accepted - started,
        confirmed_s=time.perf_counter() - started,
    )


def batch_posters(session: aiohttp.ClientSession, line: bytes, count: int) -> list[Poster]:
    """Return what submits ``count`` messages, each poster with one batch in flight."""
    most = max(1, min(LINES, BODY_BYTES // len(line)))
    sizes = iter([most] * (count // most) + [count % most] * bool(count % most))

    async def post() -> None:
        for number in sizes:
            answer = await _posted(session, "/v1/messages:batch", b"\n".join([line] * number))
            refused = [told for told in answer.splitlines() if b'"envelope_id"' not in told]
            if refused:
                raise RuntimeError(refused[0].decode())

    return [post] * POSTS


async def post_single(session: aiohttp.ClientSession, body: bytes) -> str:
    """Submit one message; return its name."""
    return str(msgspec.json.decode(await _posted(session, "/v1/messages", body))["id"])


async def alone(session: aiohttp.ClientSession, body: bytes, count: int) -> list[Single]:
    """Send messages one after the other; a long poll tells of each that its receipt is stored."""
    cursor = await _last(session)
    taken: list[Single] = []
    for _ in range(count):
        started = time.perf_counter()
        ref = await post_single(session, body)
        accepted = time.perf_counter()
        page = await _delivered_after(session, cursor, WAIT_S)
        ended = time.perf_counter()
        if [item["id"] for item in page["messages"]] != [ref]:
            raise RuntimeError("another message than the one that was sent")
        cursor = page["cursor"]
        taken.append(Single(accepted_s=accepted - started, confirmed_s=ended - accepted))
    return taken


async def asking(session: aiohttp.ClientSession, count: int) -> list[float]:
    """Return what the long poll itself takes where it need not wait: how much measuring adds."""
    cursor = str(int(await _last(session)) - 1)
    taken: list[float] = []
    for _ in range(count):
        started = time.perf_counter()
        page = await _delivered_after(session, cursor, WAIT_S)
        taken.append(time.perf_counter() - started)
        if not page["messages"]:
            raise RuntimeError("nothing was sent before")
    return taken


async def confirmed(session: aiohttp.ClientSession) -> int:
    """Return how many receipts the node has stored since it started."""
    async with session.get(f"/metrics?name[]={_COUNTER}") as answer:
        text = await answer.text()
    return int(float(text.split()[-1]))


async def until_confirmed(session: aiohttp.ClientSession, total: int) -> None:
    """Return when the node has stored ``total`` receipts since it started."""
    async with asyncio.timeout(GIVE_UP_S):
        while await confirmed(session) < total:  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(LOOK_S)


async def _all(posters: Sequence[Poster]) -> None:
    async with asyncio.TaskGroup() as group:
        for post in posters:
            group.create_task(post())


async def _posted(session: aiohttp.ClientSession, path: str, body: bytes) -> bytes:
    """Post until it is taken: a node that is busy says so, and is asked again."""
    for attempt in itertools.count():
        async with session.post(path, data=body, headers=_JSON) as answer:
            told = await answer.read()
        if answer.status < 300:
            return told
        if answer.status != 503 or attempt == 1000:
            raise RuntimeError(told.decode())
        await asyncio.sleep(LOOK_S)
    raise AssertionError


async def _last(session: aiohttp.ClientSession) -> str:
    """Return the cursor behind all that is sent."""
    cursor = "0"
    while True:
        page = await _delivered_after(session, cursor, 0, limit=500)
        if not page["messages"]:
            return cursor
        cursor = page["cursor"]


async def _delivered_after(
    session: aiohttp.ClientSession, cursor: str, wait_s: int, limit: int = 1
) -> Any:
    query = f"direction=out&state=delivered&cursor={cursor}&wait_s={wait_s}&limit={limit}"
    async with session.get(f"/v1/messages?{query}") as answer:
        answer.raise_for_status()
        return msgspec.json.decode(await answer.read())
