"""A house that writes without pause, and remembers what it was answered."""

import asyncio
import json
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import msgspec

from gateway.cli.demo.story import PDF, request

LINES = 64
"""Messages of a batch. Its answer may get lost with the process: then it is not posted again."""
KEYED_EVERY = 8
"""So many batches, then one message with a key and an attachment: posted until it is answered."""
RECIPIENTS = ("XB", "XC")
_PDF_HEADERS = {"Content-Type": "application/pdf", "X-Filename": "invoice.pdf"}


@dataclass(frozen=True, kw_only=True)
class Promised:
    """What the sender's node accepted: its content's own token, and whom it is for."""

    token: str
    to: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Keyed:
    key: str
    to: list[str]
    upload: str
    repeated: bool = False


@dataclass
class Traffic:
    """Posts to the sockets of one member's daemons until told to stop."""

    sockets: Sequence[Path]
    target: int
    """How many messages are to be accepted in all."""
    allowed: int
    """How many may be accepted by now: so that there is traffic until the last blow."""
    recipients: tuple[str, str] = RECIPIENTS
    """To one, to the other, and to both."""
    desk: str = "AL"
    """How its tokens begin: no two houses write the same."""
    accepted: dict[str, Promised] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    """What was refused, by code: nothing of it was promised."""
    repeated: int = 0
    """Requests that were repeated under their key because their answer was lost."""
    batches: int = 0
    """How many were accepted, in part at least: whom one is for goes by turns."""
    halt: threading.Event = field(default_factory=threading.Event)
    keyed: deque[_Keyed] = field(default_factory=deque)

    @property
    def is_done(self) -> bool:
        """Tell whether as much is accepted as was wanted."""
        return len(self.accepted) >= self.target and not self.keyed

    def run(self) -> None:
        """Post until everything is accepted, in a thread of its own."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number, socket in enumerate(self.sockets):
                group.create_task(self._write(str(socket), f"{self.desk}-{number}"))

    async def _write(self, socket: str, desk: str) -> None:
        number = 0
        while not (self.halt.is_set() or self.is_done):
            try:
                async with aiohttp.ClientSession(
                    "http://liaison",
                    connector=aiohttp.UnixConnector(socket),
                    timeout=aiohttp.ClientTimeout(total=30),
                ) as session:
                    while not (self.halt.is_set() or self.is_done):
                        number += 1
                        await self._turn(session, desk, number)
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(0.05)

    def _to(self, number: int) -> list[str]:
        one, other = self.recipients
        return ([one], [other], [one, other])[number % 3]

    async def _turn(self, session: aiohttp.ClientSession, desk: str, number: int) -> None:
        if self.keyed:
            await self._post_keyed(session, self.keyed.popleft())
        elif len(self.accepted) >= min(self.allowed, self.target):
            await asyncio.sleep(0.01)
        elif number % KEYED_EVERY == 0:
            async with session.post("/v1/attachments", data=PDF, headers=_PDF_HEADERS) as answer:
                told = json.loads(await answer.read())
            if answer.status == 201:
                key, to = f"{desk}-{number}", self._to(number // KEYED_EVERY)
                self.keyed.append(_Keyed(key=key, to=to, upload=told["id"]))
            else:
                await self._refused(told)
        else:
            await self._post_batch(session, f"{desk}-{number}", self._to(self.batches + 1))

    async def _post_batch(self, session: aiohttp.ClientSession, name: str, to: list[str]) -> None:
        tokens = [f"{name}-{line}" for line in range(LINES)]
        body = b"\n".join(_written(token, to) for token in tokens)
        async with session.post("/v1/messages:batch", data=body) as answer:
            lines = [json.loads(line) for line in (await answer.read()).splitlines()]
        if answer.status != 200:
            await self._refused(lines[0])
            return
        self.batches += any("id" in told for told in lines)
        for token, told in zip(tokens, lines, strict=True):
            if "id" in told:
                self.accepted[told["id"]] = Promised(token=token, to=tuple(to))
            else:
                await self._refused(told)

    async def _post_keyed(self, session: aiohttp.ClientSession, item: _Keyed) -> None:
        """Post a message under its key; what is not answered is put back, to be repeated."""
        self.repeated += item.repeated
        try:
            async with session.post(
                "/v1/messages",
                data=_written(item.key, item.to, item.upload),
                headers={"Idempotency-Key": item.key, "Content-Type": "application/json"},
            ) as answer:
                told = json.loads(await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError):
            self.keyed.appendleft(replace(item, repeated=True))
            raise
        if answer.status == 202:
            self.accepted[told["id"]] = Promised(token=item.key, to=tuple(item.to))
        else:
            self.keyed.appendleft(item)
            await self._refused(told)

    async def _refused(self, told: dict[str, str]) -> None:
        self.refusals[told["code"]] += 1
        await asyncio.sleep(0.05)


def _written(token: str, to: list[str], *uploads: str) -> bytes:
    body = request(list(uploads))
    content = body["content"] | {"own_reference": token}
    return msgspec.json.encode(body | {"to": to, "content": content})
