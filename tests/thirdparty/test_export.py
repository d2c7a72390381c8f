"""Code that is not ours verifies what ``liaison audit export`` wrote, from those files alone."""

import asyncio
from pathlib import Path

import pytest

from gateway.cli.app import run
from gateway.protocol.audit import EntryKind
from gateway.services.auditing.erasing import Erasure, ErasureReason
from gateway.store import audit
from keys.tlog.checkpoint import parse_checkpoint
from tests.network.served import XA, served
from tests.scenarios.federation import OFFICER, recorded
from tests.scenarios.witnessed import name_witnesses
from tests.thirdparty.go import Checker, Refused

MORE = 600
SOON = {"XA": {"audit": {"witness_s": 1, "interval_ms": 20}}}


async def test_exported_log_is_verified_by_its_own_keys_and_policy(
    checker: Checker, tmp_path: Path
) -> None:
    """Tiles and entries under a head that the quorum cosigned; an erased entry is withheld."""
    async with served(tmp_path, "XA", "XB", changes=SOON) as made:
        await name_witnesses(made.fed, 1, "XB")
        node, target = made.fed.nodes[XA], tmp_path / "log"
        entries = [
            node.workers.ledger.entry(EntryKind.MESSAGE_READ, peer="uid:7") for _ in range(MORE)
        ]
        await node.database.write(lambda tx: audit.append(tx, entries))
        await recorded(node)
        (shard,) = await node.rooms.audit_reading.shards(OFFICER)
        erasure = Erasure(shard=shard.shard, index=300, reason=ErasureReason.RETENTION)
        await node.rooms.erasing.erase(erasure, OFFICER)
        await recorded(node)

        async def witnessed() -> bool:
            (shard,) = await node.rooms.audit_reading.shards(OFFICER)
            return shard.witnessed_size > MORE

        await made.fed.until(witnessed)
        arguments = ["audit", "export", str(target), "--dir", str(tmp_path / "XA")]
        assert await asyncio.to_thread(run, arguments) == 0
        place = target / shard.shard
        vkey = (place / "vkeys").read_text().splitlines()[0]
        size = parse_checkpoint((place / "checkpoint").read_bytes()).size
        told = checker("folder", place, shard.origin, vkey)
        assert told[0] == f"size {size}"
        assert told[-1] == "withheld 1"
        checker("policy", place / "policy", place / "checkpoint")
        tile = place / "tile/0/001"
        tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
        with pytest.raises(Refused):
            checker("folder", place, shard.origin, vkey)
