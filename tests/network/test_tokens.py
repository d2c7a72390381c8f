"""Tokens at the local API: over the socket and over TCP, good ones and all others."""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.main import get_command

from gateway.cli.app import commands
from gateway.cli.demo.story import request
from gateway.cli.terminal.showing import ALONE, offer_token_file
from gateway.errors import UnavailableError
from gateway.network.local_api import LocalApi
from gateway.services.tokens import TokenOrder
from gateway.settings import LocalApiSettings, Role
from tests.network.served import XA, Served, served
from tests.network.test_local_api import problem
from tests.network.test_registry_commands import Shown, shown
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, recorded
from tests.system.nodes import free_ports

__all__ = ["shown"]
UNKNOWN = "liaison_" + "A" * 43


async def new(made: Served, label: str, *roles: Role, **more: Any) -> dict[str, str]:
    """Make a token at XA; return the header that shows it."""
    order = TokenOrder(label=label, roles=list(roles) or [Role.OFFICER], **more)
    token = await made.fed.nodes[XA].rooms.tokens.create(order, OFFICER)
    return {"Authorization": f"Bearer {token.token}"}


async def refused(made: Served) -> list[tuple[str, str]]:
    """Return what XA's audit log says of refused tokens."""
    entries = await recorded(made.fed.nodes[XA])
    return [(entry.peer, entry.code) for entry in entries if entry.kind == "token.refused"]


async def test_a_token_names_its_caller_with_its_roles_and_unit(tmp_path: Path) -> None:
    """Neither more nor less than was given to it, whoever runs the process that shows it."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:
        value = await new(made, "value-desk", unit="value")
        origin = await new(made, "origin-desk", unit="origin")
        async with xa.post("/v1/messages", json=request([]), headers=value) as answer:
            assert answer.status == 202
            sent = (await answer.json())["id"]
        for headers, status in ((value, 200), (origin, 403), ({}, 200)):
            async with xa.get(f"/v1/messages/{sent}", headers=headers) as answer:
                assert answer.status == status
        async with xa.get("/v1/keys", headers=value) as answer:
            assert (await problem(answer))["code"] == "role_missing"
        reads = [entry.peer for entry in await recorded(made.fed.nodes[XA])
                 if entry.kind in ("message.read", "read.refused")]  # fmt: skip
        assert reads[:2] == ["token:value-desk", "token:origin-desk"]


async def test_what_is_no_good_token_is_refused_and_recorded(tmp_path: Path) -> None:
    """401 in one shape; the socket's own word does not help; once a minute in the log."""
    async with served(tmp_path, "XA") as made, made.house("XA") as xa:
        revoked, ended = await new(made, "gone"), await new(made, "over", expires_in_days=1)
        await made.fed.nodes[XA].rooms.tokens.revoke("gone", OFFICER)
        made.fed.clocks[XA].ahead_s += 86_400
        for headers, code in (
            (revoked, "token_revoked"),
            (ended, "token_expired"),
            ({"Authorization": f"Bearer {UNKNOWN}"}, "token_unknown"),
            ({"Authorization": "Bearer x"}, "token_malformed"),
            ({"Authorization": f"Bearer {UNKNOWN[:-1]}é"}, "token_malformed"),
        ):
            for path in ("/v1/messages", "/health/live", "/metrics", "/v1/nothing"):
                async with xa.get(path, headers=headers) as answer:
                    told = await problem(answer)
                    assert (answer.status, told["code"]) == (401, code)
                    challenge = answer.headers["WWW-Authenticate"]
                assert challenge == 'Bearer realm="liaison", error="invalid_token"'
                assert headers["Authorization"].partition(" ")[2] not in str(told)
        assert sorted(await refused(made)) == [
            ("token:gone", "token_revoked"), ("token:over", "token_expired"),
            (f"uid:{os.geteuid()}", "token_malformed"), (f"uid:{os.geteuid()}", "token_unknown"),
        ]  # fmt: skip
        async with xa.get("/v1/messages") as answer:
            assert answer.status == 200


async def test_hostile_headers_are_refused(tmp_path: Path) -> None:
    """Of another scheme, doubled, huge, empty: never taken, and never passed by."""
    async with served(tmp_path, "XA") as made, made.house("XA") as xa:
        good = (await new(made, "desk"))["Authorization"]
        for headers in (
            [("Authorization", "Basic eDp5")],
            [("Authorization", "")],
            [("Authorization", "Bearer")],
            [("Authorization", "Bearer " + "A" * 5000)],
            [("Authorization", good), ("Authorization", good)],
            [("Authorization", good), ("authorization", "Bearer x")],
            [("Authorization", f"{good} x")],
            [("Authorization", good.replace(" ", "\t"))],
        ):
            async with xa.get("/v1/messages", headers=headers) as answer:
                assert answer.status == 401
                code = (await problem(answer))["code"]
            assert code in ("authorization_malformed", "token_malformed"), headers
        async with xa.get("/v1/messages", headers={"Authorization": good}) as answer:
            assert answer.status == 200


@asynccontextmanager
async def over_tcp(place: Path) -> AsyncIterator[tuple[Served, aiohttp.ClientSession, int]]:
    """Yield XA with a TCP port, and a client of it."""
    (port,) = free_ports(1)
    changes = {"XA": {"local_api": {"tcp_port": port}}}
    async with (
        served(place, "XA", changes=changes) as made,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        yield made, client, port


async def test_over_tcp_a_token_is_required(tmp_path: Path) -> None:
    """For everything; and the port answers to this machine's own names alone."""
    async with over_tcp(tmp_path) as (made, client, port):
        token = await new(made, "desk", Role.OFFICER, Role.OPERATOR)
        for path in ("/v1/messages", "/health/live", "/metrics", "/v1/openapi.json"):
            async with client.get(path) as answer:
                assert (answer.status, (await problem(answer))["code"]) == (401, "token_required")
                assert answer.headers["WWW-Authenticate"] == 'Bearer realm="liaison"'
            async with client.get(path, headers=token) as answer:
                assert answer.status == 200
        for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}", "127.0.0.1"):
            async with client.get("/v1/status", headers={**token, "Host": host}) as answer:
                assert answer.status == 200, host
        for host in ("rebound.example", f"rebound.example:{port}", f"127.0.0.1:{port + 1}", ""):
            async with client.get("/v1/status", headers={**token, "Host": host}) as answer:
                assert (answer.status, (await problem(answer))["code"]) == (
                    403, "host_not_allowed",
                ), host  # fmt: skip
        order = {"label": "more", "roles": ["operator"]}
        async with client.post("/v1/tokens", json=order, headers=token) as answer:
            assert (await problem(answer))["code"] == "token_by_token"
        settings = LocalApiSettings(tcp_port=port)
        other = LocalApi(made.fed.nodes[XA].rooms, settings, tmp_path / "other.sock")
        fault = await outcome_of(other.start())
        await other.stop()
        assert isinstance(fault, UnavailableError)
        assert fault.code == "port_in_use"


async def test_tokens_by_the_command(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made into a file that nobody else reads, shown by option or environment, revoked."""
    async with served(tmp_path, "XA") as made:
        folder, file = ("--dir", str(tmp_path / "XA")), tmp_path / "desk.token"
        create = ("token", "create", "desk", "--role", "officer", "--out", str(file), *folder)
        printed = await shown.of(*create)
        secret = file.read_text().strip()
        assert secret.startswith("liaison_")
        assert secret not in printed
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "exists already" in await shown.of(*create, code=2)
        taken = tmp_path / "again.token"
        assert "[label_taken]" in await shown.of(*create[:6], str(taken), *folder, code=1)
        assert not taken.exists()
        made_too = await shown.document(
            "token", "create", "audit", "--role", "auditor", "--unit", "value",
            "--expires-in-days", "30", "--out", str(taken), *folder,
        )  # fmt: skip
        assert "token" not in made_too
        assert made_too["expires_at"] - made_too["created_at"] == 30 * 86_400
        show = ("--token-file", str(file))
        await shown.of("inbox", "list", *show, *folder)
        assert "[role_missing]" in await shown.of("key", "list", *show, *folder, code=1)
        assert "[role_missing]" in await shown.of("token", "list", *show, *folder, code=1)
        monkeypatch.setenv("LIAISON_TOKEN_FILE", str(file))
        assert "[role_missing]" in await shown.of("key", "list", *folder, code=1)
        monkeypatch.delenv("LIAISON_TOKEN_FILE")
        await shown.of("key", "list", *folder)
        listed = await shown.of("token", "list", *folder)
        assert [line.split()[:2] for line in listed.splitlines()[1:3]] == [
            ["audit", "good"], ["desk", "good"],
        ]  # fmt: skip
        assert "revoked 20" in await shown.of("token", "revoke", "desk", *folder)
        assert "[token_not_found]" in await shown.of("token", "revoke", "no/one", *folder, code=1)
        for command in (("inbox", "list"), ("status",), ("message", "list")):
            assert "[token_revoked]" in await shown.of(*command, *show, *folder, code=1)
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        assert "ce jeton a été révoqué" in await shown.of("inbox", "list", *show, *folder, code=1)
        file.chmod(0o640)
        assert "[token_file_permissions]" in await shown.of("inbox", "list", *show, *folder, code=1)
        file.unlink()
        assert "[token_file_missing]" in await shown.of("inbox", "list", *show, *folder, code=3)
        said = [(entry.kind, entry.code) for entry in await recorded(made.fed.nodes[XA])]
        assert ("token.created", "desk") in said
        assert ("token.revoked", "desk") in said


def test_every_command_that_asks_a_daemon_takes_a_token() -> None:
    """Those that do not are named, and are commands."""
    whole = get_command(commands())
    offer_token_file(whole)
    offer_token_file(whole)
    left = set()

    def walk(command: Any, path: tuple[str, ...]) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, (*path, name))
        options = [name for option in command.params for name in option.opts]
        assert options.count("--token-file") <= 1
        if "--dir" in options and "--token-file" not in options:
            left.add(path)

    walk(whole, ())
    assert left == ALONE
