"""The running daemon, through its socket."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import msgspec

from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.cli.terminal.line import Line

_T = TypeVar("_T")


class Daemon:
    """Requests to one node's local API, each on a connection of its own."""

    def __init__(self, settings: Settings, token: str | None = None) -> None:
        """``token`` is shown to the daemon; without one it asks who runs this."""
        self._socket = settings.path(settings.local_api.socket)
        self._token = token

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Make a request and return its JSON.

        Raises UnavailableError ``daemon_unreachable``, or what the daemon says.
        """
        encoded = None if body is None else msgspec.json.encode(body)
        answer = asyncio.run(self._line.request(method, path, encoded, dict(headers)))
        return msgspec.json.decode(answer) if answer.strip() else None

    def text(self, path: str) -> str:
        """Return an answer that is text."""
        return asyncio.run(self._line.request("GET", path, None, {})).decode()

    def file(self, path: str) -> bytes:
        """Return an answer that is a file, as it is."""
        return asyncio.run(self._line.request("GET", path, None, {}))

    def each(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Return the answers to many requests over one connection, as they come, in order.

        Raises as ``call``.
        """
        with asyncio.Runner() as runner:
            answers = self._line.each(paths)
            while (answer := runner.run(_next(answers))) is not None:
                yield answer

    def upload(self, file: Path, media_type: str, advance: Callable[[int], None]) -> Any:
        """Stream a file up; ``advance`` is called with the bytes that went."""
        headers = {"Content-Type": media_type, "X-Filename": quote(file.name)}
        answer = asyncio.run(self._line.send("/v1/attachments", headers, file, advance))
        return msgspec.json.decode(answer)

    def bring(self, path: str, file: Path, advance: Callable[[int], None]) -> Any:
        """Stream a file's bytes to a path, as they are; return the answer's JSON."""
        headers = {"Content-Type": "application/octet-stream"}
        return msgspec.json.decode(asyncio.run(self._line.send(path, headers, file, advance)))

    def pour(self, method: str, path: str, take: Callable[[bytes], None]) -> None:
        """Hand an answer to ``take`` as it streams in."""
        asyncio.run(self._line.pour(method, path, take))

    def events(self, path: str) -> Iterator[Any]:
        """Return events as they come, until the stream ends. Raises as ``call``."""
        with asyncio.Runner() as runner:
            stream = self._line.events(path)
            while (data := runner.run(_next(stream))) is not None:
                yield msgspec.json.decode(data)

    def download(self, path: str, target: Path, advance: Callable[[int], None]) -> int:
        """Stream an attachment (its id, and why it is opened) into a new file; return its size."""
        return asyncio.run(self._line.download(path, target, advance))

    @property
    def _line(self) -> "Line":
        from gateway.cli.terminal.line import Line  # noqa: PLC0415 - an HTTP client, which --help does without

        return Line(self._socket, self._token)


async def _next(answers: AsyncIterator[_T]) -> _T | None:
    return await anext(answers, None)
