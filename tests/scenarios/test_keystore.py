"""A keystore that operators work on while its daemon runs."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from gateway import workers
from gateway.errors import RejectedError
from keys.keyfile import unlock
from keys.suite import KeyUse, MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import CHEAP, OFFICER, Federation, federation

XA = MemberId("XA")


class Log:
    """What the loops say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def info(self, *_: Any, **__: Any) -> None:
        """Nothing that matters here."""

    def warning(self, event: str, *, code: str = "", **_: Any) -> None:
        """Keep it."""
        self.said.append((event, code))


async def delivered(fed: Federation, message: str) -> bool:
    """Tell whether a message of XA is delivered."""
    return await fed.state("XA", message) == "delivered"


async def test_daemon_goes_on_with_other_slots(tmp_path: Path) -> None:
    """It saves its keys among the slots of now; the passphrase of its own start opens no more."""
    async with federation(tmp_path, "XA", "XB") as fed:
        operator = fed.unlock("XA")
        operator.replace_slot(operator.opened, b"new word", cost=CHEAP)
        drawn = await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SEAL, OFFICER)
        assert (await fed.nodes[XA].rooms.health.ready()).ready
        with pytest.raises(RejectedError) as caught:
            fed.unlock("XA")
        assert caught.value.code == "passphrase_wrong"
        again = unlock(operator.path, b"new word", entropy=os.urandom)
        assert bytes.fromhex(drawn.id) in again.body


async def test_daemon_says_that_its_keystore_was_rekeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its log and in ready; it writes nothing, and carries messages with what it has."""
    log = Log()
    monkeypatch.setattr(workers, "_log", log)
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XA")
        node = await fed.start("XA", run=False)
        operator = fed.unlock("XA")
        operator.rekey([b"pass"])
        written = operator.path.read_bytes()
        fed.running[XA] = asyncio.ensure_future(node.workers.run())
        await fed.until(lambda: ("keystore.unreadable", "keyfile_rekeyed") in log.said)
        report = await node.rooms.health.ready()
        (check,) = [check for check in report.checks if not check.ok]
        assert (report.ready, check.name) == (False, "keys")
        assert "start this anew" in check.detail
        fault = await outcome_of(node.rooms.rotation.rotate(KeyUse.SEAL, OFFICER))
        assert fault.code == "keyfile_rekeyed"
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, sent.id))
        assert operator.path.read_bytes() == written
        await fed.stop("XA")
        await fed.start("XA")
        assert (await fed.nodes[XA].rooms.health.ready()).ready
