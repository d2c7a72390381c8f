"""The socket of a running daemon: the requests that ``gateway.cli.terminal.client`` makes.

A module of its own because it loads an HTTP client, which commands without a daemon do without.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from gateway.cli.terminal.console import language
from gateway.cli.terminal.told import ToldError
from gateway.errors import LiaisonError, UnavailableError
from gateway.network.problems import Problem

PIECE_BYTES = 1024 * 1024


class Line:
    """Requests to one node's local API, each on a connection of its own."""

    def __init__(self, socket: Path, token: str | None = None) -> None:
        self._socket = socket
        self._shown = {} if token is None else {"Authorization": f"Bearer {token}"}

    async def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> bytes:
        """Make a request and return its body."""
        headers = {"Accept-Language": language(), **headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with self._session() as session:
            try:
                async with session.request(
                    method, f"http://liaison{path}", data=body, headers=headers
                ) as answer:
                    return await _read(answer)
            except aiohttp.ClientError as fault:
                raise self._unreachable(fault) from fault

    async def each(self, paths: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        """Yield each path with the body that it is answered with."""
        async with self._session() as session:
            for path in paths:
                try:
                    async with session.get(f"http://liaison{path}") as answer:
                        body = await _read(answer)
                except aiohttp.ClientError as fault:
                    raise self._unreachable(fault) from fault
                yield path, body

    async def send(
        self, path: str, headers: dict[str, str], file: Path, advance: Callable[[int], None]
    ) -> bytes:
        """Make a request whose body is streamed from a file; return the answer's body."""

        async def pieces() -> Any:
            with file.open("rb") as source:
                while piece := source.read(PIECE_BYTES):
                    yield piece
                    advance(len(piece))

        headers = {"Accept-Language": language(), **headers}
        async with self._session() as session:
            try:
                async with session.post(
                    f"http://liaison{path}", data=pieces(), headers=headers
                ) as answer:
                    return await _read(answer)
            except aiohttp.ClientError as fault:
                raise self._unreachable(fault) from fault

    async def download(self, path: str, target: Path, advance: Callable[[int], None]) -> int:
        """Stream an attachment (its id, and why it is opened) into a new file; return its size."""
        pieces = self._pieces("GET", f"/v1/attachments/{path}")
        piece = await anext(pieces, b"")  # what is refused leaves no file
        size = 0
        with target.open("xb") as file:
            while piece:
                file.write(piece)
                size += len(piece)
                advance(len(piece))
                piece = await anext(pieces, b"")
        return size

    async def pour(self, method: str, path: str, take: Callable[[bytes], None]) -> None:
        """Hand an answer to ``take`` as it streams in."""
        async for piece in self._pieces(method, path):
            take(piece)

    async def _pieces(self, method: str, path: str) -> AsyncIterator[bytes]:
        headers = {"Accept-Language": language()}
        async with self._session() as session:
            try:
                async with session.request(
                    method, f"http://liaison{path}", headers=headers
                ) as answer:
                    if answer.status >= 400:  # noqa: PLR2004 - what HTTP calls an error
                        await _read(answer)
                    async for piece in answer.content.iter_any():
                        yield piece
            except aiohttp.ClientError as fault:
                raise self._unreachable(fault) from fault

    async def events(self, path: str) -> AsyncIterator[bytes]:
        """Yield the data of server-sent events as they come, until the stream ends."""
        waiting = b""
        async for piece in self._pieces("GET", path):
            *lines, waiting = (waiting + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"data: "):
                    yield line.removeprefix(b"data: ")

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.UnixConnector(path=str(self._socket))
        timeout = aiohttp.ClientTimeout(total=None, sock_read=120)
        return aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self._shown)

    def _unreachable(self, fault: Exception) -> LiaisonError:
        return UnavailableError(
            "daemon_unreachable",
            f"no daemon answers at {self._socket} ({type(fault).__name__}): start it with "
            "liaison serve, or name its folder with --dir",
        )


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = await answer.read()
    if answer.status < 400 or answer.content_type == "application/json":  # noqa: PLR2004 - errors
        return body
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        raise UnavailableError("answer_malformed", f"HTTP {answer.status}") from None
    if problem.status in (503, 507) or problem.retry_after_s is not None:
        raise UnavailableError(problem.code, problem.detail)
    raise ToldError(problem)
