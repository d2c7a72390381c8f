"""Another gateway, asked by who is nobody to it yet: what it shows verifies itself.

A node that is being made reads the registry so, and a statement is handed in so when the own node
is gone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import aiohttp

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.network.peer_bodies import fault_of
from gateway.network.tls import client_context
from gateway.services.auditing.findings import HeldHead
from keys.registry.view import View, advance, found
from keys.suite import MemberId, digest
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.tiles import BUNDLE_ENTRIES, bundle_path, parse_bundle

_T = TypeVar("_T")

ANSWER_S = 20
WITNESS_S = 10
MAX_BUNDLE_BYTES = BUNDLE_ENTRIES * 65_537
MAX_STATEMENTS = 1_000_000


def read_genesis(url: str, anchor: bytes) -> View:
    """Return the registry's first statement as a view. Raises RejectedError ``anchor_mismatch``."""
    return found(_run(url, lambda line: _bundle(line, 0, 1))[0], anchor)


def read_registry(url: str, anchor: bytes) -> View:
    """Return the whole registry that a gateway shows, verified from the anchor.

    Raises RejectedError as the fold judges; the head's signature is the daemon's to verify.
    """

    async def read(line: "_Line") -> list[bytes]:
        size = parse_checkpoint(await line.get("registry/checkpoint", 1024 * 1024)).size
        notes: list[bytes] = []
        while len(notes) < min(size, MAX_STATEMENTS):
            index = len(notes) // BUNDLE_ENTRIES
            notes += await _bundle(line, index, min(BUNDLE_ENTRIES, size - len(notes)))
        return notes

    notes = _run(url, read)
    if not notes:
        raise UnavailableError("registry_unknown", f"{url} shows no statement yet")
    return advance(found(notes[0], anchor), notes[1:])


def post_statement(url: str, note: bytes) -> None:
    """Hand a statement to a gateway. Raises LiaisonError with what it says against it."""
    _run(url, lambda line: line.post("registry/statements", note))


def read_heads(
    urls: Mapping[MemberId, str], origins: Sequence[str]
) -> tuple[list[HeldHead], list[tuple[str, str]]]:
    """Return the newest heads of these logs that witnesses hold; and who was silent, and why.

    All are asked at the same time, ten seconds at most. Nothing of it is verified here.
    """
    return asyncio.run(_heads_of_all(urls, origins))


async def _heads_of_all(
    urls: Mapping[MemberId, str], origins: Sequence[str]
) -> tuple[list[HeldHead], list[tuple[str, str]]]:
    held: list[HeldHead] = []
    silent: list[tuple[str, str]] = []

    async def ask(name: MemberId, url: str) -> None:
        try:
            async with asyncio.timeout(WITNESS_S):
                held.extend(await _asked(url, lambda line: _heads(line, name, origins)))
        except LiaisonError as fault:
            silent.append((name, fault.code))
        except TimeoutError:
            silent.append((name, "gateway_unreachable"))

    async with asyncio.TaskGroup() as group:
        for name, url in urls.items():
            group.create_task(ask(name, url.rstrip("/")))
    return sorted(held, key=lambda item: (item.origin, item.by)), sorted(silent)


async def _heads(line: "_Line", name: MemberId, origins: Sequence[str]) -> list[HeldHead]:
    held = []
    for origin in origins:
        note = await line.head(digest(origin.encode()).hex())
        if note is not None:
            held.append(HeldHead(by=name, origin=origin, checkpoint=note))
    return held


class _Line:
    """Requests to one gateway."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def get(self, path: str, most_bytes: int) -> bytes:
        async with self._session.get(f"{self._url}/peer/v1/{path}") as answer:
            body = await _read(answer, most_bytes)
            _check(answer.status, body)
            return body

    async def head(self, log: str) -> bytes | None:
        """Return the newest head of a log that a witness holds; None where it knows none."""
        async with self._session.get(f"{self._url}/{log}/checkpoint") as answer:
            body = await _read(answer, 65_536)
            if answer.status == 404:  # noqa: PLR2004 - not found
                return None
            _check(answer.status, body)
            return body

    async def post(self, path: str, body: bytes) -> None:
        async with self._session.post(f"{self._url}/peer/v1/{path}", data=body) as answer:
            _check(answer.status, await _read(answer, 65_536))


async def _bundle(line: _Line, index: int, width: int) -> list[bytes]:
    path = f"registry/tile/entries/{bundle_path(index, width)}"
    return parse_bundle(await line.get(path, MAX_BUNDLE_BYTES), width)


def _run(url: str, ask: Callable[[_Line], Awaitable[_T]]) -> _T:
    return asyncio.run(_asked(url.rstrip("/"), ask))


async def _asked(url: str, ask: Callable[[_Line], Awaitable[_T]]) -> _T:
    started = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_S, sock_read=ANSWER_S)
    context = client_context(None, None, lambda _: b"")
    connector = aiohttp.TCPConnector(ssl=context)
    try:
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            return await ask(_Line(session, url))
    except (aiohttp.ClientError, TimeoutError) as fault:
        waited_s = time.monotonic() - started
        raise UnavailableError(
            "gateway_unreachable",
            f"{url} does not answer after {waited_s:.0f} s ({fault}): check the address",
        ) from fault


async def _read(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    read = bytearray()
    async for piece in answer.content.iter_chunked(65_536):
        read += piece
        if len(read) > most_bytes:
            raise RejectedError("answer_too_large", "the gateway's answer is larger than allowed")
    return bytes(read)


def _check(status: int, body: bytes) -> None:
    """Let an answer pass that is no error. Raises LiaisonError with what the gateway says."""
    if status >= 300:  # noqa: PLR2004 - what HTTP calls no success
        raise fault_of(status, body)
