"""Server-sent events over the socket: resumed, cut off, bounded; and by the command."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.network import events_api
from gateway.network.events_api import STREAMS_EACH
from gateway.services.events import telling
from gateway.services.tokens import TokenOrder
from gateway.settings import Role
from tests.network.served import XA, Served, served
from tests.network.test_local_api import problem
from tests.network.test_registry_commands import Shown, shown
from tests.scenarios.cases import told
from tests.scenarios.federation import OFFICER

__all__ = ["shown"]
VERIFY = "request.verify_value"
STREAM = {"Accept": "text/event-stream"}


async def told_of(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of a stream, as a client reads them."""
    event: dict[str, Any] = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        name, _, value = line.partition(": ")
        if line:
            event[name] = value
        elif "data" in event:
            data = json.loads(event["data"])
            assert (event["id"], event["event"]) == (data["id"], data["type"])
            yield data
            event = {}


async def next_of(stream: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """Return the next event, which comes soon."""
    async with asyncio.timeout(20):
        return await anext(stream)


async def begun(made: Served) -> None:
    """Let the chronicles begin, and every admission be noted."""
    for node in made.fed.nodes.values():
        await node.workers.chronicle.look()


async def test_a_stream_goes_on_where_it_was_left(tmp_path: Path) -> None:
    """At once, in order; by Last-Event-ID nothing is missed and nothing comes twice."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:
        await begun(made)
        path = "/v1/events?types=message.delivered,case.changed"
        async with xa.get(path, headers=STREAM) as answer:
            assert answer.content_type == "text/event-stream"
            stream = told_of(answer)
            asked = await told(made.fed, "XA", "XB", VERIFY)
            first = [await next_of(stream), await next_of(stream)]
        assert {item["type"] for item in first} == {"message.delivered", "case.changed"}
        assert {item["message"] for item in first} == {asked.id}
        await told(made.fed, "XB", "XA", "case.acknowledge", case=asked.case)
        await told(made.fed, "XA", "XB", "case.remind", case=asked.case)
        resumed = {**STREAM, "Last-Event-ID": first[0]["id"]}
        async with xa.get(path + "&after=0", headers=resumed) as answer:
            stream = told_of(answer)
            rest = [await next_of(stream) for _ in range(3)]
        assert rest[0] == first[1]
        assert {item["type"] for item in rest[1:]} == {"message.delivered", "case.changed"}
        async with xa.get(f"{path}&for_s=0&after={rest[-1]['id']}") as answer:
            assert [item async for item in told_of(answer)] == []
        for wrong, status, code in (
            ({"Last-Event-ID": "99999"}, 410, "events_gone"),
            ({"Last-Event-ID": "x"}, 422, "validation_failed"),
            ({"Last-Event-ID": "²"}, 422, "validation_failed"),
            ({"Last-Event-ID": "9" * 40}, 422, "validation_failed"),
        ):
            async with xa.get(path, headers=wrong) as answer:
                fault = await problem(answer)
            assert (answer.status, fault["code"]) == (status, code)
            assert (fault.get("go_on_after") is not None) is (status == 410)
        async with xa.get("/v1/events?types=case.opened") as answer:
            (fault,) = (await problem(answer))["faults"]
        assert (fault["pointer"], fault["code"]) == ("/types", "not_one_of")


async def test_streams_are_bounded_and_end_with_their_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many for each caller; a heartbeat that finds the token revoked ends the stream."""
    monkeypatch.setattr(telling, "BEAT_S", 0.2)
    async with served(tmp_path, "XA") as made, made.house("XA") as xa:
        tokens = made.fed.nodes[XA].rooms.tokens
        made_one = await tokens.create(TokenOrder(label="desk", roles=[Role.OFFICER]), OFFICER)
        token = {"Authorization": f"Bearer {made_one.token}"}
        open_ones = [await xa.get("/v1/events", headers=token) for _ in range(STREAMS_EACH)]
        async with xa.get("/v1/events", headers=token) as answer:
            assert (answer.status, (await problem(answer))["code"]) == (429, "too_many_at_once")
        async with xa.get("/v1/events?for_s=0") as answer:
            assert answer.status == 200
        async with asyncio.timeout(10):  # what was told of before may be told first
            while not (await open_ones[0].content.readuntil(b"\n\n")).startswith(b":\nid: "):
                pass
        await tokens.revoke("desk", OFFICER)
        async with asyncio.timeout(10):
            for answer in open_ones:
                await answer.read()
        async with xa.get("/v1/events", headers=token) as answer:
            assert answer.status == 401


async def test_who_does_not_read_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it did not read is not kept for it in memory."""
    monkeypatch.setattr(telling, "BEAT_S", 0.01)
    monkeypatch.setattr(events_api, "WRITE_S", 0.2)
    monkeypatch.setattr(events_api, "_encoded", lambda *_: b":" + b"x" * 1_000_000 + b"\n\n")
    async with served(tmp_path, "XA") as made, made.house("XA") as xa:
        before = made.fed.nodes[XA].workers.chronicle._listeners
        answer = await xa.get("/v1/events")
        await made.fed.until(lambda: made.fed.nodes[XA].workers.chronicle._listeners > before)
        await made.fed.until(lambda: made.fed.nodes[XA].workers.chronicle._listeners == before)
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
        answer.close()


async def test_events_by_the_command(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each, in words of either language, or as JSON."""
    async with served(tmp_path, "XA", "XB") as made:
        await begun(made)
        asked = await told(made.fed, "XA", "XB", VERIFY)
        folder = ("--after", "0", "--for", "0", "--dir", str(tmp_path / "XB"))
        printed = await shown.of("events", *folder)
        (line,) = (line for line in printed.splitlines() if "received" in line and asked.id in line)
        assert f"XA  {VERIFY}  {asked.id}  case {asked.case}" in line
        assert "case is now: submitted" in printed
        printed = await shown.of("events", "--type", "case.changed", *folder, "--json")
        (event,) = (json.loads(line) for line in printed.splitlines() if line.startswith("{"))
        assert (event["type"], event["code"]) == ("case.changed", "submitted")
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        printed = await shown.of("events", *folder)
        assert "dossier désormais : soumise" in printed
        assert "[events_gone]" in await shown.of("events", "--after", "999", *folder[2:], code=1)
