"""Code that is not ours verifies the audit log of a node, as it shows it to its house."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.protocol.audit import EntryKind
from gateway.store import audit
from gateway.wiring.node import Node
from keys.registry.origins import AuditOrigin, log_keys_of
from keys.suite import MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from keys.tlog.note import encode_base64
from keys.tlog.proof import parse_proof
from keys.tlog.tiles import bundle_path, tile_path, tiles_of
from tests.scenarios.federation import OFFICER, Federation, federation, recorded
from tests.scenarios.test_exchange import delivered
from tests.thirdparty.go import Checker, Refused

XA, XB = MemberId("XA"), MemberId("XB")
MORE = 700


async def published(node: Node, folder: Path) -> Checkpoint:
    """Write a node's newest shard as static files; return the head over it."""
    reading = node.rooms.audit_reading
    await node.workers.audit_log.sequence()
    note = await reading.checkpoint(OFFICER)
    head = parse_checkpoint(note)
    shard = head.origin.rpartition("/")[2]
    files = {"checkpoint": note}
    for place in tiles_of(head.size):
        files[f"tile/{tile_path(*place)}"] = await reading.tile(shard, place, OFFICER)
        if place[0] == 0:
            entries = await reading.bundle(shard, place[1:], OFFICER)
            files[f"tile/entries/{bundle_path(*place[1:])}"] = entries
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return head


def vkey_of(fed: Federation, origin: str) -> str:
    """Return the key that the registry names for a log."""
    (key,) = log_keys_of(fed.nodes[XB].mirror.view, origin)
    return key.text


def origin_of(head: Checkpoint, member: MemberId) -> str:
    """Return the origin that another member's log of the same shard has."""
    return str(replace(AuditOrigin.parse(head.origin), member=member))


async def fill(node: Node) -> None:
    """Let a log grow over the end of two tiles."""
    ledger = node.workers.ledger
    entries = [ledger.entry(EntryKind.MESSAGE_READ, peer="uid:0") for _ in range(MORE)]
    await node.database.write(lambda tx: audit.append(tx, entries))


async def test_log_of_a_node_is_verified_whole_as_it_grows(
    checker: Checker, tmp_path: Path
) -> None:
    """Tiles as they are served, entries as they were written; the key is the registry's."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, folder = fed.nodes[XA], tmp_path / "log"
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        before = await published(node, folder)
        log = (before.origin, vkey_of(fed, before.origin))
        assert checker("folder", folder, *log)[0] == f"size {before.size}"
        (tmp_path / "old").write_bytes((folder / "checkpoint").read_bytes())
        await fill(node)
        after = await published(node, folder)
        assert after.size >= before.size + MORE
        assert checker("folder", folder, *log)[0] == f"size {after.size}"
        growth = await node.rooms.audit_reading.consistency(after.origin, before.size, after.size)
        path = tmp_path / "growth"
        path.write_text("".join(f"{encode_base64(item)}\n" for item in growth))
        assert checker("growth", tmp_path / "old", folder / "checkpoint", path, *log) == []
        with pytest.raises(Refused):
            checker("folder", folder, before.origin, vkey_of(fed, origin_of(before, XB)))


async def test_entries_of_both_sides_of_a_delivery_are_proven(
    checker: Checker, tmp_path: Path
) -> None:
    """What XA says that it sent and XB that it received: a file each, and the entry beside it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        (tmp_path / "other").write_bytes(b"another entry")
        for name, kind in ((XA, EntryKind.RECEIPT_HELD), (XB, EntryKind.MESSAGE_RECEIVED)):
            node = fed.nodes[name]
            (recorded_entry,) = [item for item in await recorded(node) if item.kind is kind]
            envelope_id = recorded_entry.digests[0]
            (proven,) = await node.rooms.audit_reading.proofs_of(
                envelope_id, [kind], since=recorded_entry.at, until=recorded_entry.at
            )
            (tmp_path / "proof").write_bytes(proven.proof)
            (tmp_path / "entry").write_bytes(proven.entry)
            origin = parse_checkpoint(parse_proof(proven.proof).checkpoint).origin
            log = (origin, vkey_of(fed, origin))
            assert checker("proof", tmp_path / "proof", tmp_path / "entry", *log) == []
            with pytest.raises(Refused):
                checker("proof", tmp_path / "proof", tmp_path / "other", *log)
