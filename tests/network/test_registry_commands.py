"""``liaison registry``: what a person sees of the registry, and proofs that travel as files."""

import asyncio
import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.cli.app import run
from keys.suite import KeyUse, MemberId
from tests.network.served import XA, XB, Served, served
from tests.scenarios.federation import OFFICER
from tests.scenarios.histories import admission, signed, statements
from tests.scenarios.test_exchange import delivered


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> "Shown":
    """Return a way to run commands and see what they print."""
    return Shown(capsys)


class Shown:
    """Commands, beside the nodes that they talk to."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    async def of(self, *arguments: str, code: int = 0) -> str:
        """Run a command in a thread; return what it printed, errors too."""
        self._captured.readouterr()
        assert await asyncio.to_thread(run, list(arguments)) == code
        printed = self._captured.readouterr()
        return printed.out + printed.err

    async def document(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with --json; return its document, from among what the nodes logged."""
        printed = await self.of(*arguments, "--json", code=code)
        return json.JSONDecoder().raw_decode(printed[printed.index("{\n") :])[0]

    async def seen(self, member: str, folder: str) -> str:
        """Return what the list of members says that one has seen of the registry."""
        rows = (await self.of("member", "list", "--dir", folder)).splitlines()
        (row,) = (row for row in rows if row.startswith(member))
        return row.partition("in good standing")[2].strip()


async def prove(made: Served, by: MemberId) -> None:
    """Let XA find that the registrars' key signed another history, shown by a member."""
    node = made.fed.nodes[XA]
    whole = await statements(made.fed)
    false = signed(made.fed, [*whole[:-1], admission(made.fed, "XT"), admission(made.fed, "XU")])
    node.workers.gossip._peers = SimpleNamespace(member=lambda _: false)
    await node.workers.gossip._examine(by, None)


async def test_people_see_the_registry_and_who_is_behind(tmp_path: Path, shown: Shown) -> None:
    """Status, verification and the members' state, for people and for programs."""
    async with served(tmp_path, "XA", "XB") as made:
        folder = str(tmp_path / "XA")
        sent = await made.fed.send("XB", "XA")
        await made.fed.until(lambda: delivered(made.fed, "XB", sent.id))
        told = await shown.of("registry", "status", "--dir", folder)
        assert "3 statements" in told
        assert "by the registrar" in told
        assert "REGISTRY" in told
        assert "ALARM" not in told
        told = await shown.document("registry", "status", "--dir", folder)
        assert (told["size"], told["alarms"], told["split_views"]) == (3, [], 0)
        assert [item["source"] for item in told["sources"]] == ["REGISTRY"]
        told = await shown.of("registry", "verify", "--dir", folder)
        assert "3 of 3 statements hold from the anchor on: 1 genesis, 2 admit" in told
        assert "verified" in told
        assert await shown.seen("XB", folder) == "up to date"
        await made.fed.nodes[XA].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        assert await shown.seen("XB", folder) == "1 statements behind"
        assert await shown.seen("XA", folder) == "-"


async def test_proof_travels_as_a_file(tmp_path: Path, shown: Shown) -> None:
    """Listed, exported, checked with a node's folder or with the registrars' key alone."""
    async with served(tmp_path, "XA", "XB") as made:
        folder, file = str(tmp_path / "XA"), str(tmp_path / "split-view")
        proofs = ("registry", "split-view")
        assert "XB" not in await shown.of(*proofs, "list", "--dir", folder)
        await prove(made, XB)
        told = await shown.document(*proofs, "list", "--dir", folder)
        (row,) = told["split_views"]
        assert (row["number"], row["sizes"], row["found_by"]) == (1, [3, 4], "XB")
        assert row["portable"]
        assert "3 and 4" in await shown.of(*proofs, "list", "--dir", folder)
        assert file in await shown.of(*proofs, "export", "1", file, "--dir", folder)
        assert "proven" in await shown.of(*proofs, "verify", file, "--dir", folder)
        (key,) = made.fed.nodes[XB].mirror.view.log_keys()
        assert "proven" in await shown.of(*proofs, "verify", file, "--log-key", key.text)
        (foreign_key,) = made.fed.nodes[XA].mirror.view.member(XB).keys_for(KeyUse.LOG)
        foreign = foreign_key.verifying_for(key.name)
        told = await shown.of(*proofs, "verify", file, "--log-key", foreign.text, code=1)
        assert "[signature_missing]" in told
        told = await shown.of(*proofs, "export", "2", file, "--dir", folder, code=1)
        assert "[split_view_unknown]" in told
        told = await shown.of("registry", "status", "--dir", folder)
        assert "proven: the registrars' key signed two histories; XB showed the other" in told
        told = await shown.of("doctor", "--dir", folder, code=1)
        assert "1 alarms: liaison registry status says which" in told


async def test_altered_mirror_is_found_with_the_daemon_stopped(
    tmp_path: Path, shown: Shown
) -> None:
    """The statement that was edited is named; so is a head that does not fit."""
    async with served(tmp_path, "XA", "XB") as made:
        await made.fed.until(lambda: made.fed.nodes[XA].mirror.size == 3)
    folder = str(tmp_path / "XA")
    with sqlite3.connect(tmp_path / "XA" / "liaison.db") as store:
        (head,) = store.execute("SELECT checkpoint FROM registry_head").fetchone()
        store.execute(
            "UPDATE registry_head SET checkpoint = ?", (head.replace(b"\n3\n", b"\n2\n"),)
        )
    told = await shown.of("registry", "verify", "--dir", folder, code=1)
    assert "ALTERED  the head over the statements does not hold" in told
    with sqlite3.connect(tmp_path / "XA" / "liaison.db") as store:
        store.execute("UPDATE registry_statements SET note = x'00' WHERE number = 2")
    told = await shown.of("registry", "verify", "--dir", folder, code=1)
    assert "2 of 3 statements hold" in told
    assert "ALTERED  statement 2 does not hold" in told
    told = await shown.document("registry", "verify", "--dir", folder, code=1)
    assert (told["verified"], told["statements"], told["stored"]) == (False, 2, 3)
