"""Webhooks to a real server: signed, in order, again until it takes them, and nowhere else."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from gateway.cli.doctor import WrongError, examine_webhooks
from gateway.errors import RejectedError
from gateway.faults import FaultsError, convert
from gateway.network import webhook_client
from gateway.protocol.delivery import RetryPolicy
from gateway.services.events import webhooks
from gateway.services.events.webhooks import Webhook
from gateway.settings import EventsSettings, EventType
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.cases import told
from tests.scenarios.federation import Federation, federation
from tests.system.nodes import free_ports

XA = MemberId("XA")
VERIFY = "request.verify_value"
SECRET = bytes(range(32))


@dataclass
class House:
    """A system of the house that takes events; it answers what a test says."""

    port: int
    statuses: list[int] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    elsewhere: int = 0

    async def take(self, request: web.Request) -> web.Response:
        """Keep what came."""
        self.came.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 0:
            await asyncio.sleep(30)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def count(self, _request: web.Request) -> web.Response:
        """Note that a redirect was followed."""
        self.elsewhere += 1
        return web.Response()

    def bodies(self) -> list[dict[str, Any]]:
        """Return what came, in order, each signature checked with the standard library."""
        found = []
        for headers, body in self.came:
            name, at = headers["webhook-id"], headers["webhook-timestamp"]
            assert headers["Content-Type"] == "application/json"
            signed = hmac.new(SECRET, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
            assert headers["webhook-signature"] == f"v1,{base64.b64encode(signed).decode()}"
            found.append(json.loads(body))
        return found


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """Yield a server on this machine."""
    made = House(free_ports(1)[0])
    app = web.Application()
    app.add_routes([web.post("/events", made.take), web.route("*", "/elsewhere", made.count)])
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.port).start()
    try:
        yield made
    finally:
        await runner.cleanup()


def settings(place: Path, *ports: int, types: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the settings of XA that name these endpoints."""
    file = place / "webhook.secret"
    file.write_bytes(b"whsec_" + base64.b64encode(SECRET) + b"\n")
    file.chmod(0o600)
    named = [
        {"url": f"http://127.0.0.1:{port}/events", "secret_file": str(file), "types": list(types)}
        for port in ports
    ]
    return {"XA": {"events": convert({"webhooks": named}, EventsSettings)}}


@asynccontextmanager
async def hooked(place: Path, changes: dict[str, Any]) -> AsyncIterator[Federation]:
    """Yield a federation in which XA posts events."""
    whole = {"XA": {"events": msgspec.structs.asdict(changes["XA"]["events"])}}
    async with federation(place, "XA", "XB", changes=whole) as fed:
        for node in fed.nodes.values():
            await node.workers.chronicle.look()
        yield fed


async def test_events_are_posted_in_order_until_they_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again with the same id after a failure, nothing after it before; redirects go nowhere."""
    quick = RetryPolicy(first_s=1, max_s=1)
    monkeypatch.setattr(webhooks, "RETRY", quick)
    async with house() as system:
        changes = settings(tmp_path, system.port, types=("case.changed", "message.delivered"))
        async with hooked(tmp_path, changes) as fed:
            system.statuses = [500, 302, 204]
            asked = await told(fed, "XA", "XB", VERIFY)
            await fed.until(lambda: len(system.came) == 4)
            await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
            await fed.until(lambda: len(system.came) == 5)
            posted = system.bodies()
            names = [headers["webhook-id"] for headers, _ in system.came]
            assert names[0] == names[1] == names[2]
            assert len({*names[2:]}) == 3
            assert sorted(item["type"] for item in posted[2:]) == [
                "case.changed", "case.changed", "message.delivered",
            ]  # fmt: skip
            assert posted[-1]["data"]["code"] == "in_progress"
            assert posted[-1]["data"]["case"] == asked.case
            assert posted[-1]["timestamp"].endswith("Z")
            assert system.elsewhere == 0

            async def taken() -> bool:  # the node notes it once it has the answer
                (view,) = (await fed.nodes[XA].rooms.health.status()).webhooks
                assert view.origin == f"http://127.0.0.1:{system.port}"
                return (view.failures, view.waiting, view.code) == (0, 0, "")

            await fed.until(taken)


async def test_one_that_is_down_stops_nobody_and_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other gets everything; what waited comes after a restart of the node."""
    monkeypatch.setattr(webhook_client, "TIMEOUT_S", 2)
    (dead,) = free_ports(1)
    async with house() as system, house() as slow:
        slow.statuses = [0]
        changes = settings(tmp_path, dead, slow.port, system.port, types=("case.changed",))
        async with hooked(tmp_path, changes) as fed:
            await told(fed, "XA", "XB", VERIFY)
            await fed.until(lambda: system.came)
            rooms = fed.nodes[XA].rooms

            async def shown() -> list[tuple[int, int, str]]:
                views = (await rooms.health.status()).webhooks
                return [(view.failures, view.waiting, view.code) for view in views]

            async def settled() -> bool:
                return [code for _, _, code in await shown()] == ["unreachable", "timed_out", ""]

            await fed.until(settled)
            assert [waiting for _, waiting, _ in await shown()] == [1, 1, 0]
            await fed.stop("XA")
            fed.clocks[XA].ahead_s += 60
            await fed.start("XA")
            await fed.until(lambda: len(slow.came) == 2)
            assert slow.came[0][0]["webhook-id"] == slow.came[1][0]["webhook-id"]
            assert len(system.came) == 1


async def test_two_daemons_post_an_event_once(tmp_path: Path) -> None:
    """Whoever holds the lease; the other one leaves it alone."""
    async with house() as system:
        changes = settings(tmp_path, system.port, types=("case.changed",))
        async with hooked(tmp_path, changes) as fed:
            await fed.stop("XA")
            node = await fed.start("XA", run=False)
            service = node.workers.webhooks
            (hook,) = service._hooks
            await told_without_workers(fed, node)
            await asyncio.gather(*(service.step(hook) for _ in range(4)))  # noqa: TID251 - a race
            assert len(system.came) == 1
            assert await service.step(hook) > 0
            assert len(system.came) == 1


async def told_without_workers(fed: Federation, node: Any) -> None:
    """Let XB ask XA, whose node runs no loops, and note it."""
    await node.workers.webhooks.step(node.workers.webhooks._hooks[0])
    await told(fed, "XB", "XA", VERIFY)
    await node.workers.chronicle.look()


@pytest.mark.parametrize(
    "url",
    [
        "http://intranet.example/hook", "http://127.0.0.1.example/", "http://127.0.0.1@evil.example/",
        "https://user@host/", "ftp://host/", "https:///x", "https://h/x y", "http://localhostx/",
        "file:///etc/passwd", "https://h/#f", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_for_events_are_refused(url: str) -> None:
    """Over the network https alone, and never with somebody's name in it."""
    with pytest.raises(FaultsError):
        convert({"webhooks": [{"url": url, "secret_file": "x"}]}, EventsSettings)


async def test_secrets_are_read_when_the_node_starts(tmp_path: Path) -> None:
    """One that others may read, or that is none, is told by name."""
    changes = settings(tmp_path, 1)
    whole = {"XA": {"events": msgspec.structs.asdict(changes["XA"]["events"])}}
    async with federation(tmp_path, "XA", changes=whole) as fed:
        await fed.stop("XA")
        for text, mode, code in (
            (b"whsec_short", 0o600, "webhook_secret_malformed"),
            (b"whsec_short", 0o644, "webhook_secret_permissions"),
        ):
            (tmp_path / "webhook.secret").write_bytes(text)
            (tmp_path / "webhook.secret").chmod(mode)
            fault = await outcome_of(fed.start("XA"))
            assert isinstance(fault, RejectedError)
            assert fault.code == code


def test_the_doctor_names_a_system_that_is_down() -> None:
    """After some failures in a row; before, it is said and no more."""
    hook = {"origin": "https://h", "waiting": 3, "failures": 4, "code": "http_500", "retry_at": 1}
    assert "4 times in a row (http_500), 3 events wait" in examine_webhooks({"webhooks": [hook]}).en
    with pytest.raises(WrongError) as wrong:
        examine_webhooks({"webhooks": [hook | {"failures": 5}]})
    assert wrong.value.check.en == "webhooks"
    assert examine_webhooks({"webhooks": []}).en == "none are named"
    secret = "https://h:8443/path/with?token"
    assert Webhook(url=secret, types=[*EventType], secrets=[]).origin == "https://h:8443"
