"""``liaison audit`` against real nodes: the whole check, and what witnesses hold against it."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.network.local_api import LocalApi
from gateway.protocol.audit import EntryKind
from gateway.protocol.witness import AddCheckpoint
from gateway.store import audit
from keys.registry.origins import AuditOrigin
from keys.suite import MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from tests.network.served import XA, XB, Served, served
from tests.network.test_registry_commands import Shown
from tests.scenarios.federation import OFFICER, recorded
from tests.scenarios.test_exchange import delivered
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
        hand.rehash()
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


async def test_people_read_the_log_in_words(tmp_path: Path, shown: Shown) -> None:
    """Who did what to which message, as whom; page by page, and as a document."""
    async with served(tmp_path, "XA", "XB") as made:
        fed, folder = made.fed, str(tmp_path / "XB")
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await fed.read("XB", sent.id)
        await recorded(fed.nodes[XB])
        told = await shown.of("audit", "show", "--dir", folder, "--message", sent.id)
        first, second = told.splitlines()[1:3]
        assert "read" in first
        assert "as officer" in first
        assert OFFICER.name in first
        assert "received" in second
        assert sent.id in first
        assert sent.id in second
        document = await shown.document(
            "audit", "show", "--dir", folder, "--kind", "message.read", "--since", "2026-01-01"
        )
        assert [entry["message"] for entry in document["entries"]] == [sent.id]
        assert document["next"] is None
        oldest = ("audit", "show", "--dir", folder, "--oldest", "--limit")
        document = await shown.document(*oldest, "2")
        assert [entry["index"] for entry in document["entries"]] == [0, 1]
        following = document["next"]
        document = await shown.document(*oldest, "1", "--next", following)
        assert [entry["index"] for entry in document["entries"]] == [2]
        fault = await shown.of("audit", "show", "--dir", folder, "--kind", "no.kind", code=1)
        assert "/kind" in fault


async def test_entry_is_erased_by_command(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown before it is asked for, recorded, and gone."""
    async with served(tmp_path, "XA", "XB") as made:
        fed, folder = made.fed, str(tmp_path / "XB")
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await fed.read("XB", sent.id)
        await recorded(fed.nodes[XB])
        arguments = ("audit", "show", "--dir", folder, "--kind", "message.read")
        (entry,) = (await shown.document(*arguments))["entries"]
        place = (entry["shard"], str(entry["index"]))
        erase = ("audit", "erase", *place, "--dir", folder, "--reason", "requested")
        monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
        told = await shown.of(*erase, code=2)
        assert "as officer" in told
        told = await shown.of(*erase, "--yes")
        assert entry["leaf"] in told
        assert "backups" in told
        await recorded(fed.nodes[XB])
        assert (await shown.document(*arguments))["entries"] == []
        assert "[entry_erased]" in await shown.of(*erase, "--yes", code=1)
        wrong = ("audit", "erase", entry["shard"], "0", "--dir", folder, "--yes", "--reason")
        assert "[entry_kept]" in await shown.of(*wrong, "requested", code=1)
        assert "/reason" in await shown.of(*wrong, "why not", code=1)
        verified = await shown.of("audit", "verify", "--dir", folder)
        assert "(1 erased" in verified


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


async def fill(made: Served, count: int) -> None:
    """Let XA's log grow."""
    node = made.fed.nodes[XA]
    entries = [
        node.workers.ledger.entry(EntryKind.MESSAGE_READ, peer="uid:7") for _ in range(count)
    ]
    await node.database.write(lambda tx: audit.append(tx, entries))
    await recorded(node)

    async def witnessed() -> bool:
        (shard,) = await node.rooms.audit_reading.shards(OFFICER)
        return shard.witnessed_size >= count

    await made.fed.until(witnessed)


async def test_log_is_exported_as_static_files_again_and_again(
    tmp_path: Path, shown: Shown
) -> None:
    """What is missing is fetched, the outcome is as if all had been; a contradiction is refused."""
    changes = {"XA": {"audit": {"witness_s": 1, "interval_ms": 20}}}
    async with served(tmp_path, "XA", "XB", changes=changes) as made:
        await name_witnesses(made.fed, 1, "XB")
        folder, target = str(tmp_path / "XA"), tmp_path / "log"
        export = ("audit", "export", str(target), "--dir", folder)
        await fill(made, 300)
        await shown.of(*export)
        before = files_of(target)
        await fill(made, 1000)
        (again,) = (await shown.document(*export))["shards"]
        shard, year = str(again["shard"]), f"{again['shard']}/"
        fresh = tmp_path / "fresh"
        document = await shown.document("audit", "export", str(fresh), "--dir", folder)
        (whole,) = document["shards"]
        assert again["entries"] == whole["entries"] > 1000
        assert again["files"] < whole["files"]
        grown = files_of(target)
        kept = {name for name in grown if name != f"{year}checkpoint"}
        assert {name: grown[name] for name in kept} == {
            name: content for name, content in files_of(fresh).items() if name in kept
        }
        assert set(files_of(fresh)) == set(grown)
        assert f"{year}tile/0/000" in before
        assert f"{year}tile/0/000" in grown
        assert [name for name in before if name not in grown]
        assert grown[f"{year}policy"].startswith(b"log mutual.example/XA/audit/")
        assert b"XB/witness" in grown[f"{year}vkeys"]

        bare = tmp_path / "bare"
        await shown.of("audit", "export", str(bare), "--dir", folder, "--no-entries")
        assert not list((bare / shard).rglob("entries"))
        assert (bare / shard / "tile/0/000").read_bytes() == grown[f"{year}tile/0/000"]

        await rewrite(made)
        checkpoint = (target / shard / "checkpoint").read_bytes()
        assert "[export_contradicts]" in await shown.of(*export, code=1)
        assert (target / shard / "checkpoint").read_bytes() == checkpoint
        (bare / shard / "checkpoint").write_bytes(checkpoint.replace(b"/XA/", b"/XZ/", 1))
        arguments = ("audit", "export", str(bare), "--dir", folder)
        assert "[export_of_another_log]" in await shown.of(*arguments, code=1)
