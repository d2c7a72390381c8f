"""The Unix socket of a node, as the systems of the house use it."""

import asyncio
import io
import json
import os
import socket
from pathlib import Path
from typing import Any

import aiohttp
import hypothesis
import pytest
import schemathesis

from gateway.cli.demo.story import request
from gateway.errors import ConflictError
from gateway.network.local_api import BODIES_BYTES_EACH, UPLOADS_EACH, LocalApi
from gateway.services.tokens import TokenOrder
from gateway.services.turnstile import Turnstile
from gateway.settings import LocalApiSettings, Role, RoleGrant
from tests.network.served import XA, Served, served
from tests.scenarios.federation import OFFICER
from tests.system.nodes import free_ports

PDF = bytes(range(256)) * 10_000


async def problem(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return a problem document."""
    assert answer.content_type == "application/problem+json"
    told = await answer.json(content_type=None)
    assert told["status"] == answer.status >= 400
    assert told["type"] == f"urn:liaison:problem:{told['code']}"
    assert told["title"]
    assert told["detail"]
    return told


async def settle(made: Served, message: str) -> None:
    """Wait until XA's message is delivered."""

    async def delivered() -> bool:
        return await made.fed.state("XA", message) == "delivered"

    await made.fed.until(delivered)


async def test_message_from_post_to_acknowledgement(tmp_path: Path) -> None:
    """Accepted, long-polled at the other side, opened, acknowledged, its receipt shown."""
    async with (
        served(tmp_path, "XA", "XB") as made, made.house("XA") as xa, made.house("XB") as xb
    ):  # fmt: skip
        poll = asyncio.create_task(xb.get("/v1/messages?direction=in&state=received&wait_s=20"))
        await asyncio.sleep(0.2)
        assert not poll.done()
        async with xa.post("/v1/messages", json=request([])) as answer:
            assert answer.status == 202
            sent = await answer.json()
        page = await (await poll).json()
        assert [item["id"] for item in page["messages"]] == [sent["id"]]
        async with xb.get(f"/v1/messages/{sent['id']}", headers={"Accept-Language": "fr"}) as got:
            shown = await got.json()
        assert shown["label"] == "Demande de vérification de la valeur"
        assert (shown["signature"], shown["content"]["invoice"]) == ("valid", "BX-2291")
        async with xb.post(f"/v1/messages/{sent['id']}/acknowledge") as answer:
            assert (await answer.json())["state"] == "acknowledged"
        async with xb.get("/v1/messages?direction=in&state=received") as answer:
            assert (await answer.json())["messages"] == []
        await settle(made, sent["id"])
        async with xa.get(f"/v1/messages/{sent['id']}") as answer:
            (recipient,) = (await answer.json())["recipients"]
        assert recipient["receipt"]["verified"] is True
        async with xa.get("/metrics?name[]=liaison_deliveries_total") as answer:
            assert "liaison_deliveries_total 1.0" in await answer.text()


async def test_pages_follow_each_other(tmp_path: Path) -> None:
    """Every message once, in the order of arrival; a filter narrows."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:
        lines = [request([]) | {"priority": number % 3} for number in range(7)]
        body = "\n".join(json.dumps(line) for line in lines)
        async with xa.post("/v1/messages:batch", data=body) as answer:
            sent = [json.loads(line) for line in (await answer.text()).splitlines()]
        seen: list[str] = []
        cursor, page = "0", {"messages": []}
        while len(seen) < len(sent) or page["messages"]:
            async with xa.get(f"/v1/messages?direction=out&limit=3&cursor={cursor}") as answer:
                page = await answer.json()
            seen += [item["id"] for item in page["messages"]]
            cursor = page["cursor"]
        assert seen == [item["id"] for item in sent]
        async with xa.get(f"/v1/messages?case={sent[3]['case']}") as answer:
            assert [item["id"] for item in (await answer.json())["messages"]] == [sent[3]["id"]]


async def test_bad_requests_are_told_everything(tmp_path: Path) -> None:
    """Each fault with its pointer, in the caller's language; other mistakes by their code."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:
        bad = request([], container="TCLU4829123") | {"surprise": 1}
        bad["content"] = {**bad["content"], "hs_code": "64", "currency": "XXXX"}
        async with xa.post("/v1/messages", json=bad) as answer:
            told = await problem(answer)
        assert {fault["pointer"] for fault in told["faults"]} == {
            "/surprise", "/content/links/containers/0", "/content/hs_code", "/content/currency",
        }  # fmt: skip
        del bad["surprise"]
        async with xa.post("/v1/messages", json=bad, headers={"Accept-Language": "fr"}) as answer:
            told = await problem(answer)
        assert {fault["pointer"] for fault in told["faults"]} == {
            "/content/links/containers/0", "/content/hs_code", "/content/currency",
        }  # fmt: skip
        assert told["title"] == "Certains champs ne sont pas valables"
        claimed = request([]) | {"on_behalf_of": "XC"}
        french = {"Accept-Language": "fr"}
        async with xa.post("/v1/messages", json=claimed, headers=french) as answer:
            (fault,) = (await problem(answer))["faults"]
        assert (fault["pointer"], fault["code"]) == ("/on_behalf_of", "not_a_union")
        assert fault["detail"] == "Seule une union parle au nom d'un autre membre."
        as_json = {"Content-Type": "application/json"}
        for method, path, body, headers, status, code in (
            ("POST", "/v1/messages", b"{", as_json, 400, "json_malformed"),
            ("POST", "/v1/messages", b"[" * 100_000, as_json, 400, "json_malformed"),
            ("POST", "/v1/messages", b"[]", as_json, 422, "validation_failed"),
            ("POST", "/v1/messages", b"\xff", as_json, 400, "json_malformed"),
            ("POST", "/v1/messages", b"x", {"Content-Type": "text/plain"}, 415, "media_type_wrong"),
            ("POST", "/v1/messages", bytes(1024 * 1024 + 1), as_json, 413, "body_too_large"),
            ("POST", "/v1/messages:batch", b"", as_json, 400, "batch_size_wrong"),
            ("GET", "/v1/messages?limit=0", None, {}, 422, "validation_failed"),
            ("GET", "/v1/messages?surprise=1", None, {}, 422, "validation_failed"),
            ("GET", "/v1/messages/XA-1", None, {}, 400, "message_ref_malformed"),
            ("GET", "/v1/messages/XA-" + "0" * 32, None, {}, 404, "message_unknown"),
            ("GET", "/v1/attachments/x", None, {}, 404, "attachment_unknown"),
            ("GET", "/v1/members/XZ", None, {}, 404, "member_not_found"),
            ("POST", "/v1/keys/rotate", b'{"uses": ["root"]}', as_json, 400, "use_not_rotatable"),
            ("POST", "/v1/keys/rotate", b'{"uses": []}', as_json, 422, "validation_failed"),
            (
                "POST",
                "/v1/keys/rotate",
                b'{"uses": ["sign"], "rewrap": true}',
                as_json,
                400,
                "rewrap_without_storage",
            ),
            ("POST", "/v1/keys/revoke", b'{"key": "ff"}', as_json, 404, "key_unknown"),
            ("POST", "/v1/registry/statements", b'{"note": "?"}', as_json, 400, "base64_malformed"),
            ("DELETE", "/v1/messages", None, {}, 405, "method_not_allowed"),
            ("GET", "/etc/passwd", None, {}, 404, "not_found"),
        ):
            data = body and io.BytesIO(body)
            async with xa.request(method, path, data=data, headers=headers) as answer:
                assert (answer.status, (await problem(answer))["code"]) == (status, code), path


async def test_idempotency_key_makes_a_repeat_harmless(tmp_path: Path) -> None:
    """The same answer for the same request; another request under it is a conflict."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:
        headers = {"Idempotency-Key": "order-1"}
        answers = []
        for _ in range(2):
            async with xa.post("/v1/messages", json=request([]), headers=headers) as answer:
                answers.append(await answer.json())
        assert answers[0] == answers[1]
        other = request([]) | {"priority": 1}
        async with xa.post("/v1/messages", json=other, headers=headers) as answer:
            assert (answer.status, (await problem(answer))["code"]) == (
                409,
                "idempotency_key_reused",
            )
        async with xa.post(
            "/v1/messages", json=other, headers={"Idempotency-Key": "k" * 256}
        ) as answer:
            assert (await problem(answer))["code"] == "idempotency_key_malformed"


async def test_attachments_stream_up_and_down_with_ranges(tmp_path: Path) -> None:
    """Whole, in part, not again when it is known, and never outside its size."""
    async with (
        served(tmp_path, "XA", "XB") as made, made.house("XA") as xa, made.house("XB") as xb
    ):  # fmt: skip
        headers = {"X-Filename": "facture%20n%C2%B0%201.pdf", "Content-Type": "application/pdf"}

        async def pieces():  # noqa: ANN202 - an async generator of bytes
            for at in range(0, len(PDF), 300_000):
                yield PDF[at : at + 300_000]

        async with xa.post("/v1/attachments", data=pieces(), headers=headers) as answer:
            assert answer.status == 201
            up = await answer.json()
        async with xa.post("/v1/messages", json=request([up["id"]])) as answer:
            sent = (await answer.json())["id"]
        await settle(made, sent)
        path = f"/v1/attachments/{sent}.0"
        async with xb.get(path) as answer:
            assert await answer.read() == PDF
            assert answer.content_type == "application/pdf"
            assert "facture%20n%C2%B0%201.pdf" in answer.headers["Content-Disposition"]
            etag = answer.headers["ETag"]
        async with xb.get(path, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304
        size = len(PDF)
        for asked, start, end in (
            ("bytes=0-0", 0, 1), ("bytes=16380-16390", 16_380, 16_391),
            ("bytes=-5", size - 5, size), ("bytes=1000000-", 10**6, size),
            (f"bytes={size - 1}-{size + 100}", size - 1, size),
        ):  # fmt: skip
            async with xb.get(path, headers={"Range": asked}) as answer:
                assert answer.status == 206
                assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
                assert await answer.read() == PDF[start:end]
        for asked in (f"bytes={size}-", "bytes=5-2", "bytes=x"):
            async with xb.get(path, headers={"Range": asked}) as answer:
                assert (answer.status, (await problem(answer))["code"]) == (
                    416, "range_not_satisfiable",
                )  # fmt: skip


async def test_oversized_upload_is_told_its_size_and_not_that_nothing_is_there(
    tmp_path: Path,
) -> None:
    """413 by name, and nothing of it stays to be sent."""
    changes = {"XA": {"blobs": {"max_attachment_bytes": 1000}}}
    async with served(tmp_path, "XA", changes=changes) as made, made.house("XA") as xa:
        headers = {"X-Filename": "a.pdf", "Content-Type": "application/pdf"}
        async with xa.post("/v1/attachments", data=b"x" * 5000, headers=headers) as answer:
            told = await problem(answer)
        assert (told["status"], told["code"]) == (413, "attachment_too_large")
        assert "1000" in told["detail"]
        async with xa.post("/v1/attachments", data=b"x" * 1000, headers=headers) as answer:
            assert answer.status == 201


async def test_node_describes_itself(tmp_path: Path) -> None:
    """Members, kinds with labels, health, numbers, and its API: exactly the routes there are."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:

        async def get(path: str, **headers: str) -> Any:
            async with xa.get(path, headers=headers) as answer:
                assert answer.status == 200, path
                return await answer.json()

        assert {item["member"] for item in (await get("/v1/members"))["members"]} == {
            "REGISTRY", "XA", "XB",
        }  # fmt: skip
        assert (await get("/v1/members/XB"))["member"] == "XB"
        kinds = (await get("/v1/kinds", **{"Accept-Language": "fr-CA, en"}))["kinds"]
        assert {item["name"] for item in kinds} >= {"request.verify_value", "case.reply"}
        assert "Réponse" in {item["label"] for item in kinds}
        assert (await get("/health/live")) == {"live": True}
        assert (await get("/health/ready"))["ready"] is True
        assert (await get("/v1/registry"))["size"] == 3
        assert (await get("/v1/status"))["admitted"] is True
        async with xa.get("/metrics") as answer:
            text = await answer.text()
        assert 'liaison_messages{direction="in"} 0.0' in text
        assert "liaison_registry_statements 3.0" in text
        counters = "name[]=liaison_deliveries_total&name[]=liaison_requests_total"
        async with xa.get(f"/metrics?{counters}") as answer:
            text = await answer.text()
        assert "liaison_deliveries_total 0.0" in text
        assert "liaison_messages" not in text
        async with xa.get(f"/metrics?{counters}&name[]=liaison_messages") as answer:
            assert 'liaison_messages{direction="in"} 0.0' in await answer.text()
        described = await get("/v1/openapi.json")
        shown = {
            (method.upper(), path)
            for path, item in described["paths"].items()
            for method in item
            if method in ("get", "post", "put", "delete")
        }
        api = api_of(made, "XA")
        real = {
            (route.method, route.resource.canonical)
            for route in api._runner.app.router.routes()
            if route.method != "HEAD"
        }
        assert shown | {("GET", "/v1/openapi.json")} == real


def socket_of(made: Served, member: str) -> Path:
    """Return where a node's socket is."""
    return made.fed.place / member / "api.sock"


def api_of(made: Served, member: str) -> LocalApi:
    """Return the local API of a node."""
    path = socket_of(made, member)
    return next(api for api in made.apis if isinstance(api, LocalApi) and api._path == path)


async def test_callers_are_known_by_the_kernel(tmp_path: Path) -> None:
    """A user without a role may look at health and nothing else; the socket's mode is kept."""
    async with served(tmp_path, "XA", "XB") as made:
        path = socket_of(made, "XA")
        assert path.stat().st_mode & 0o777 == 0o660
        api = api_of(made, "XA")
        api._callers._grants = [RoleGrant(uid=os.geteuid(), roles=[Role.AUDITOR], unit="valuation")]
        real, os.geteuid = os.geteuid, lambda: -1
        try:
            async with made.house("XA") as xa:
                async with xa.get("/v1/audit/entries") as answer:
                    assert answer.status == 200
                async with xa.post("/v1/messages", json=request([])) as answer:
                    assert (await problem(answer))["code"] == "role_missing"
                api._callers._grants = []
                for method, where in (
                    ("GET", "/v1/messages"), ("GET", "/v1/audit/entries"), ("GET", "/v1/keys"),
                    ("GET", "/v1/outbox"), ("POST", "/v1/attachments"),
                    ("POST", "/v1/peers/XB/ping"),
                ):  # fmt: skip
                    async with xa.request(method, where, data=b"") as answer:
                        assert (answer.status, (await problem(answer))["code"]) == (
                            403, "role_missing",
                        ), where  # fmt: skip
                async with xa.get("/health/live") as answer:
                    assert answer.status == 200
        finally:
            os.geteuid = real


async def test_too_much_at_once_is_told_when_to_come_again(tmp_path: Path) -> None:
    """429 for a caller's own excess, 503 for the house's, both before a body is read."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:
        api, own = api_of(made, "XA"), f"uid:{os.geteuid()}"

        async def told(status: int, code: str, method: str, path: str, body: bytes = b"") -> None:
            headers = {"Content-Type": "application/json"}
            async with xa.request(method, path, data=io.BytesIO(body), headers=headers) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (status, "1"), path
                document = await problem(answer)
                assert (document["code"], document["retry_after_s"]) == (code, 1)

        api._requests = Turnstile(most=2, most_each=1)
        poll = asyncio.ensure_future(xa.get("/v1/messages?wait_s=20"))
        await made.fed.until(lambda: api._requests.inside == 1)
        await told(429, "too_many_at_once", "GET", "/v1/messages")
        with api._requests.admit("uid:other"):
            await told(429, "too_many_at_once", "GET", "/v1/messages")
        api._requests = Turnstile(most=2, most_each=2)
        with api._requests.admit("uid:other", 2):
            await told(503, "busy", "GET", "/v1/members")
            for path in ("/health/live", "/health/ready", "/metrics", "/v1/status"):
                async with xa.get(path) as answer:
                    assert answer.status == 200, path
        with api._bodies.admit(own, BODIES_BYTES_EACH - 1000):
            await told(429, "too_many_at_once", "POST", "/v1/messages", bytes(2000))
            await told(429, "too_many_at_once", "POST", "/v1/messages:batch", bytes(2000))
        with api._uploads.admit(own, UPLOADS_EACH):
            await told(429, "too_many_at_once", "POST", "/v1/attachments", b"x")
        async with xa.post("/v1/messages", json=request([])) as answer:
            assert answer.status == 202
        assert (await (await poll).json())["messages"]
        assert (api._bodies.inside, api._uploads.inside) == (0, 0)


async def test_bodies_in_flight_are_bounded_whatever_is_sent(tmp_path: Path) -> None:
    """Sixty batches of a megabyte at once: some wait, none is lost, little is held."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:
        api, most = api_of(made, "XA"), []
        api._bodies = Turnstile(most=8 * 1024 * 1024, most_each=4 * 1024 * 1024)
        body = json.dumps(request([])).encode() + b" " * 1_000_000

        async def post() -> str:
            while True:
                async with xa.post("/v1/messages:batch", data=body) as answer:
                    most.append(api._bodies.inside)
                    if answer.status == 200:
                        return str(json.loads(await answer.text())["id"])
                    assert answer.status == 429
                await asyncio.sleep(0.05)

        async with asyncio.TaskGroup() as group:
            posts = [group.create_task(post()) for _ in range(60)]
        assert len({task.result() for task in posts}) == 60
        assert max(most) <= 4 * 1024 * 1024
        assert len(most) > 60


async def test_socket_of_another_daemon_is_left_alone(tmp_path: Path) -> None:
    """A live one is refused, a file is refused, a stale one is removed."""
    async with served(tmp_path, "XA") as made:
        rooms, settings = made.fed.nodes[XA].rooms, LocalApiSettings()
        with pytest.raises(ConflictError) as caught:
            await LocalApi(rooms, settings, socket_of(made, "XA")).start()
        assert caught.value.code == "already_running"
        place = tmp_path / "file"
        place.write_text("precious")
        with pytest.raises(ConflictError) as caught:
            await LocalApi(rooms, settings, place).start()
        assert caught.value.code == "socket_taken"
        assert place.read_text() == "precious"
        stale = tmp_path / "stale.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(stale))
        api = LocalApi(rooms, settings, stale)
        await api.start()
        await api.stop()
        assert not stale.exists()


async def test_nothing_that_fits_the_description_breaks_the_node(tmp_path: Path) -> None:
    """Requests drawn from the OpenAPI document, good and bad: no answer is a server's error."""
    (port,) = free_ports(1)
    changes = {"XA": {"local_api": {"tcp_port": port}}}
    async with served(tmp_path, "XA", "XB", changes=changes) as made:
        order = TokenOrder(label="explorer", roles=list(Role))
        token = (await made.fed.nodes[XA].rooms.tokens.create(order, OFFICER)).token
        await asyncio.to_thread(explore, f"http://127.0.0.1:{port}", token)


def explore(url: str, token: str) -> None:
    """Draw a bounded number of requests for every operation."""
    shown = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json", headers=shown)
    schema.config.update(base_url=url)
    tried, statuses = 0, set()
    for found in schema.get_all_operations():
        operation = found.ok()
        if "wait_s" in str(operation.path):
            continue

        @hypothesis.settings(
            max_examples=int(os.environ.get("LIAISON_TEST_EXAMPLES", "12")),
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy())
        def try_it(case: schemathesis.Case) -> None:
            case.query = {
                name: value for name, value in (case.query or {}).items() if name != "wait_s"
            }
            # A stream is open for as long as it is asked to be.
            if case.operation.path == "/v1/events":
                wanted = case.query.get("for_s", 0)
                case.query["for_s"] = min(wanted, 0) if isinstance(wanted, int) else wanted
            answer = case.call(timeout=20, headers=shown)
            statuses.add(answer.status_code)
            assert answer.status_code < 500 or answer.json()["code"] in UNAVAILABLE, answer.text
            assert is_described(case.operation.definition.raw["responses"], answer)

        try_it()
        tried += 1
    assert tried >= 20
    assert {200, 422} <= statuses
    assert 401 not in statuses


def is_described(responses: dict[str, Any], answer: Any) -> bool:
    """Tell whether an answer came as a type that its operation names for it."""
    described = responses.get(str(answer.status_code)) or responses["default"]
    given = answer.headers.get("content-type", [""])[0].partition(";")[0]
    return bool({given, "*/*"} & described["content"].keys())


UNAVAILABLE = ("peer_unreachable", "no_endpoint", "not_the_registrar", "tls_failed")
