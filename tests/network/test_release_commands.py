"""Two-person release by command and socket, in English and French: asked, read, decided, shown."""

import os
from pathlib import Path

import msgspec
import pytest

from gateway.cli.demo.story import request
from gateway.services.tokens import TokenOrder
from gateway.settings import ReleaseSettings, Role
from tests.network.served import XA, Served, served
from tests.network.test_local_api import problem
from tests.network.test_registry_commands import Shown, shown
from tests.scenarios.federation import OFFICER
from tests.scenarios.releasing import asks

__all__ = ["shown"]
RULE = ReleaseSettings(name="values", kinds=["request"])


async def second(made: Served, place: Path, *roles: Role) -> tuple[str, str]:
    """Return the options that show a token of a second person of XA."""
    order = TokenOrder(label="second", roles=list(roles) or [Role.RELEASER, Role.OFFICER])
    token = await made.fed.nodes[XA].rooms.tokens.create(order, OFFICER)
    file = place / "second.token"
    file.touch(mode=0o600)
    file.write_text(token.token)
    return "--token-file", str(file)


async def test_from_the_draft_to_the_release(tmp_path: Path, shown: Shown) -> None:
    """The drafter sees that it waits, and for whom; the second person finds it and reads it."""
    async with served(tmp_path, "XA", "XB", changes=asks(RULE)) as made:
        xa = ("--dir", str(tmp_path / "XA"))
        other = await second(made, tmp_path)
        file = tmp_path / "request.json"
        file.write_bytes(msgspec.json.encode(request([])["content"]))
        send = ("message", "send", "--to", "XB", "--kind", "request.verify_value", *xa)
        told = await shown.of(*send, "--content", str(file), "--wait", "30")
        message = told.split()[1]
        for text in ("XB        awaiting release", "second person until", "(values)",
                     f"liaison message release {message}"):  # fmt: skip
            assert text in told
        own = await shown.of("message", "release", message, *xa, code=1)
        assert "role_missing" in own
        listed = await shown.of("outbox", "list", "--awaiting-release", *xa, *other)
        for text in (message, "Request to verify a value", "values", "by uid:", "message show"):
            assert text in listed
        seen = await shown.of("message", "show", message[-8:], *xa, *other)
        for text in ("awaiting release", "not before it is released", "BX-2291", "rule", "values"):
            assert text in seen
        case = await shown.of("case", "list", *xa)
        assert "Waiting for a second person:" in case
        assert "the case begins with it" in case
        doctor = await shown.of("doctor", *xa)
        assert f"1 waiting for a second person, the first of them {message}" in doctor
        assert "1 awaiting release" in await shown.of("status", *xa)

        done = await shown.of("message", "release", message[-8:], *xa, *other)
        assert f"{message} released" in done
        again = await shown.document("message", "release", message, *xa, *other)
        assert (again["state"], again["decided_by"]) == ("released", "token:second")
        assert "Nothing waits" in await shown.of("outbox", "list", "--awaiting-release", *xa)
        after = await shown.of("message", "show", message, *xa)
        assert "released by token:second on" in after
        log = await shown.of("audit", "show", "--message", message, "--oldest", *xa)
        for text in ("drafted, to be released", "released", "token:second"):
            assert text in log


async def test_turned_down_and_taken_back(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In French: why is read by who drafted it; the outbox and the lists say what came of it."""
    async with served(tmp_path, "XA", "XB", changes=asks(RULE)) as made, made.house("XA") as house:
        xa = ("--dir", str(tmp_path / "XA"))
        other = await second(made, tmp_path)
        sent = []
        for _ in range(2):
            async with house.post("/v1/messages", json=request([])) as answer:
                told = await answer.json()
                assert (answer.status, told["recipients"]) == (
                    202, [{"member": "XB", "state": "awaiting_release"}],
                )  # fmt: skip
                sent.append(told["id"])
        no, back = sent
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        why = "Le compte bancaire manque."
        assert "non validé" in await shown.of(
            "message", "decline", no, "--reason", why, *xa, *other
        )
        assert "retiré" in await shown.of("message", "withdraw", back, *xa)
        seen = await shown.of("message", "show", no, *xa)
        for text in ("non validé par token:second", why, "il n'a pas été envoyé"):
            assert text in seen
        refused = await shown.of("message", "release", no, *xa, *other, code=1)
        assert "n'attend pas de validation" in refused
        assert "Rien n'attend" in await shown.of("outbox", "list", "--awaiting-release", *xa)
        rows = (await shown.document("outbox", "list", *xa))["rows"]
        assert [(row["state"], row["release"]["decided_by"]) for row in rows] == [
            ("declined", "token:second"), ("withdrawn", f"uid:{os.geteuid()}"),
        ]  # fmt: skip
        for body in ({}, {"reason": ""}, {"reason": "x", "more": 1}):
            async with house.post(f"/v1/messages/{no}/decline", json=body) as answer:
                assert answer.status == 422
                assert (await problem(answer))["code"] == "validation_failed"
        async with house.get("/v1/messages?direction=draft&state=declined") as answer:
            (item,) = (await answer.json())["messages"]
            assert (item["id"], item["release"]["reason"]) == (no, why)
