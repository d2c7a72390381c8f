"""The running daemon, through its socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from gateway.cli.console import language
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.network.problems import FaultView, Problem
from gateway.settings import Settings

PIECE_BYTES = 1024 * 1024


class ToldError(RejectedError):
    """What the daemon refused, with the faults it named."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code, problem.detail)
        self.faults: list[FaultView] = problem.faults


class Daemon:
    """Requests to one node's local API, each on a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        self._socket = settings.path(settings.local_api.socket)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Make a request and return its JSON.

        Raises UnavailableError ``daemon_unreachable``, or what the daemon says.
        """
        encoded = None if body is None else msgspec.json.encode(body)
        answer = asyncio.run(self._request(method, path, encoded, dict(headers)))
        return msgspec.json.decode(answer) if answer.strip() else None

    def text(self, path: str) -> str:
        """Return an answer that is text."""
        return asyncio.run(self._request("GET", path, None, {})).decode()

    def upload(self, file: Path, media_type: str, advance: Callable[[int], None]) -> Any:
        """Stream a file up; ``advance`` is called with the bytes that went."""
        headers = {"Content-Type": media_type, "X-Filename": quote(file.name)}
        answer = asyncio.run(self._send("/v1/attachments", headers, file, advance))
        return msgspec.json.decode(answer)

    def bring(self, path: str, file: Path, advance: Callable[[int], None]) -> Any:
        """Stream a file's bytes to a path, as they are; return the answer's JSON."""
        headers = {"Content-Type": "application/octet-stream"}
        return msgspec.json.decode(asyncio.run(self._send(path, headers, file, advance)))

    def pour(self, method: str, path: str, take: Callable[[bytes], None]) -> None:
        """Hand an answer to ``take`` as it streams in."""
        asyncio.run(self._pour(method, path, take))

    def download(self, attachment_id: str, target: Path, advance: Callable[[int], None]) -> int:
        """Stream an attachment into a new file; return its size."""
        return asyncio.run(self._download(attachment_id, target, advance))

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> bytes:
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

    async def _send(
        self, path: str, headers: dict[str, str], file: Path, advance: Callable[[int], None]
    ) -> bytes:
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

    async def _download(
        self, attachment_id: str, target: Path, advance: Callable[[int], None]
    ) -> int:
        pieces = self._pieces("GET", f"/v1/attachments/{quote(attachment_id)}")
        piece = await anext(pieces, b"")  # what is refused leaves no file
        size = 0
        with target.open("xb") as file:
            while piece:
                file.write(piece)
                size += len(piece)
                advance(len(piece))
                piece = await anext(pieces, b"")
        return size

    async def _pour(self, method: str, path: str, take: Callable[[bytes], None]) -> None:
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
                    async for piece in answer.content.iter_chunked(PIECE_BYTES):
                        yield piece
            except aiohttp.ClientError as fault:
                raise self._unreachable(fault) from fault

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.UnixConnector(path=str(self._socket))
        timeout = aiohttp.ClientTimeout(total=None, sock_read=120)
        return aiohttp.ClientSession(connector=connector, timeout=timeout)

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
