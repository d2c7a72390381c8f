"""A registry over real HTTPS from a server that is slow without end, or has no end."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from gateway.errors import LiaisonError
from gateway.network.peer_client import HttpsPeer
from gateway.network.tls import server_context
from gateway.services.federation import reading as registry_reading
from keys.suite import KeyUse
from keys.tlog.tiles import encode_bundle, parse_bundle_path
from tests.network.served import XA, XB, served, stranger
from tests.scenarios.federation import OFFICER
from tests.scenarios.histories import head_over, log_signer, statements
from tests.system.nodes import free_ports

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]
MIB = bytes(1024 * 1024)


@contextlib.asynccontextmanager
async def hostile(head: bytes, serve: Serve) -> AsyncIterator[str]:
    """Yield where a stranger's server shows a head, and ``serve`` answers for its statements."""

    async def checkpoint(_: web.Request) -> web.StreamResponse:
        return web.Response(body=head)

    app = web.Application()
    app.add_routes([
        web.get("/peer/v1/registry/checkpoint", checkpoint),
        web.get("/peer/v1/registry/tile/entries/{path:.+}", serve),
    ])  # fmt: skip
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    (port,) = free_ports(1)
    context = server_context(stranger(), [], os.urandom)
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def endless(request: web.Request) -> web.StreamResponse:
    """Answer with zeros until the reader has enough."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(1024):
        await answer.write(MIB)
    return answer


async def dripping(request: web.Request) -> web.StreamResponse:
    """Answer a byte at a time: each in time, and never done."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"\x00")
        await asyncio.sleep(0.02)


async def cut_short(request: web.Request) -> web.StreamResponse:
    """Answer with a bundle whose last statement is cut."""
    return web.Response(body=encode_bundle([b"statement" * 9])[:-1])


async def huge(request: web.Request) -> web.StreamResponse:
    """Answer with statements of the largest size that a bundle can name."""
    _, width = parse_bundle_path(request.match_info["path"])
    return web.Response(body=encode_bundle([b"\n" * 0xFFFF] * width))


async def test_hostile_server_is_given_up_and_members_are_read_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by name within bounds of time and memory; then XB's own node gives the registry."""
    async with served(tmp_path, "XA", "XB") as made:
        made.fed.running[XA].cancel()
        await made.fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        head = head_over(await statements(made.fed), log_signer(made.fed))
        mirror = made.fed.nodes[XA].mirror
        before = mirror.view, await mirror.checkpoint()
        for serve, patience_s, code in (
            (endless, 60, "answer_too_large"),
            (dripping, 0.5, "registry_too_slow"),
            (cut_short, 60, "bundle_malformed"),
            (huge, 60, "statement_malformed"),
        ):
            monkeypatch.setattr(registry_reading, "READ_S", patience_s)
            async with hostile(head, serve) as url:
                with pytest.raises(LiaisonError) as caught:
                    await mirror.learn_from(HttpsPeer(made.peers["XA"], url, None))
            assert caught.value.code == code
            assert (mirror.view, await mirror.checkpoint()) == before
        monkeypatch.setattr(registry_reading, "READ_S", 60)
        await made.fed.until(lambda: made.fed.nodes[XB].mirror.size > mirror.size)
        assert await mirror.learn_from(made.peers["XA"].member(XB))
