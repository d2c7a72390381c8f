"""``liaison audit`` against real nodes: the whole check, and what witnesses hold against it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.network.local_api import LocalApi
from gateway.protocol.witness import AddCheckpoint
from keys.registry.origins import AuditOrigin
from keys.suite import MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from tests.network.served import XA, XB, Served, served
from tests.network.test_registry_commands import Shown
from tests.scenarios.federation import OFFICER, recorded
from tests.scenarios.witnessed import name_witnesses
from tests.store.logged import Administrator, Logged


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """Return a way to run commands and see what they print."""
    return Shown(capsys)


async def witnessed_by(made: Served, witness: MemberId) -> int:
    """Let a witness cosign XA's newest head; return its size."""
    node = made.fed.nodes[XA]
    await recorded(node)
    head = await node.rooms.audit_reading.checkpoint(OFFICER)
    asked = AddCheckpoint(old_size=0, proof=(), checkpoint=head)
    await made.fed.nodes[witness].gate.for_hop(None).add_checkpoint(asked)
    return parse_checkpoint(head).size


async def rewrite(made: Served) -> None:
    """Let XA's administrator change entry 1, and sign all anew by the node's own key."""
    node = made.fed.nodes[XA]
    head = await node.rooms.audit_reading.newest_head()
    assert head is not None
    origin = parse_checkpoint(head.checkpoint).origin
    signer = node.keys.log_signer(origin, node.mirror.view, made.fed.clocks[XA].now())

    def sign(size: int, root: bytes) -> bytes:
        return sign_checkpoint(Checkpoint(origin, size, root), signer)

    log = cast("Logged", SimpleNamespace(number=0, sign=sign))

    def act(tx: Any) -> None:
        hand = Administrator(log, tx)
        hand.edit(1)
        hand.resign()
        hand.forget_witnesses()

    await node.database.write(act)


async def silence(made: Served, member: str) -> None:
    """Let a node listen no more."""
    path = made.fed.place / member / "api.sock"
    place = next(
        at for at, api in enumerate(made.apis) if isinstance(api, LocalApi) and api._path == path
    )
    await made.apis[place - 1].stop()


async def test_verify_asks_the_witnesses_and_says_when_nobody_was_asked(
    tmp_path: Path, shown: Shown
) -> None:
    """Whoever signs another history with the node's own key is told of by what they hold."""
    async with served(tmp_path, "XA", "XB", "XC") as made:
        folder = str(tmp_path / "XA")
        told = await shown.of("audit", "verify", "--dir", folder)
        assert "no witness was asked: the registry names none" in told
        await name_witnesses(made.fed, 2, "XB", "XC")
        size = await witnessed_by(made, XB)
        told = await shown.of("audit", "verify", "--dir", folder)
        year = AuditOrigin.parse((await head_of(made)).origin).shard
        assert f"XB holds {year} at {size} entries: it agrees" in told
        assert "XC knows no head of this log" in told
        assert told.rstrip().endswith("verified")
        assert "--offline" in await shown.of("audit", "verify", "--dir", folder, "--offline")

        await silence(made, "XC")
        await rewrite(made)
        assert "verified" in await shown.of("audit", "verify", "--dir", folder, "--offline")
        told = await shown.of("audit", "verify", "--dir", folder, code=1)
        first, second = told.splitlines()[:2]
        assert first.startswith(f"ALTERED  audit entries 0 to {size - 1} of {year}: this node's")
        assert first.endswith("(held by XB)")
        assert "who rewrote the log held its key" in second
        assert "IT IS ANOTHER HISTORY" in told
        assert "XC did not answer (gateway_unreachable)" in told
        document = await shown.document("audit", "verify", "--dir", folder, code=1)
        assert not document["verified"]
        assert document["findings"][0]["code"] == "history_resigned"
        assert document["findings"][0]["last"] == size - 1
        assert document["witnesses"] == {
            "asked": True,
            "named": ["XB", "XC"],
            "heads": [{"member": "XB", "shard": str(year), "size": size, "verdict": "differs"}],
            "silent": [{"member": "XC", "code": "gateway_unreachable"}],
        }


async def head_of(made: Served) -> Checkpoint:
    """Return XA's newest head."""
    return parse_checkpoint(await made.fed.nodes[XA].rooms.audit_reading.checkpoint(OFFICER))
