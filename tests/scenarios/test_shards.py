"""The audit log of a node: shards by the year, tiles, and proofs from stored hashes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.daemon import open_database
from gateway.errors import ForbiddenError, RejectedError
from gateway.protocol.audit import EntryKind, parse_entry
from gateway.services.auditing.check import check_audit_log
from gateway.services.caller import Caller
from gateway.store import audit
from gateway.store.audit import AuditHead
from gateway.store.database import Transaction
from keys.registry.origins import AuditOrigin, Shard, log_keys_of
from keys.suite import MemberId, digest
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.merkle import leaf_hash, verify_consistency
from keys.tlog.note import parse_note, verify_note
from keys.tlog.proof import parse_proof, verify_proof
from keys.tlog.tiles import parse_bundle, parse_tile
from tests.scenarios.federation import OFFICER, Federation, federation, recorded
from tests.scenarios.test_exchange import delivered

XA, XB = MemberId("XA"), MemberId("XB")
YEAR_S = 366 * 86_400


def this_year(fed: Federation) -> int:
    """Return the year by XA's clock."""
    return datetime.fromtimestamp(fed.clocks[XA].now(), UTC).year


async def test_log_signs_under_its_origin(tmp_path: Path) -> None:
    """The key's name is the log's, as stock tools expect."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        await recorded(node)
        note = await node.rooms.audit_reading.checkpoint(OFFICER)
        origin = str(AuditOrigin("mutual.example", XA, Shard(this_year(fed))))
        assert parse_checkpoint(note).origin == origin
        keys = log_keys_of(node.mirror.view, origin)
        assert verify_note(parse_note(note), keys).signed_by == set(keys)


async def test_a_year_begins_with_a_shard_that_names_the_last_head(tmp_path: Path) -> None:
    """The tree begins anew, the log does not: what was signed last is its first entry."""
    async with federation(tmp_path, "XA") as fed:
        await fed.stop("XA")
        node = await fed.start("XA", run=False)
        before = await recorded(node)
        year = this_year(fed)
        assert before[0].kind is EntryKind.SHARD_OPENED
        assert before[0].digests == ()

        fed.clocks[XA].ahead_s += YEAR_S
        entry = node.workers.ledger.entry(EntryKind.ADMINISTRATOR_ACTED, code="test")
        await node.database.write(lambda tx: audit.append(tx, [entry]))
        after = await recorded(node)

        shards = await node.rooms.audit_reading.shards(OFFICER)
        assert [item.shard for item in shards] == [str(year), str(this_year(fed))]
        opening = after[shards[0].size]
        assert opening.kind is EntryKind.SHARD_OPENED
        assert opening.code == str(year)
        grown = parse_checkpoint(await node.rooms.audit_reading.checkpoint(OFFICER))
        assert grown.origin.endswith(f"/audit/{this_year(fed)}")
        old = await node.rooms.audit_reading.checkpoint(OFFICER, str(year))
        last = parse_checkpoint(old)
        assert last.size == shards[0].size
        assert opening.digests == (last.root, digest(parse_note(old).text))
        report = await node.database.read(lambda tx: check_audit_log(tx, node.mirror.view, XA))
        assert report.findings == ()
        assert report.entries == len(after)

        fed.clocks[XA].ahead_s -= YEAR_S  # back again: the log does not go back
        await node.database.write(lambda tx: audit.append(tx, [entry]))
        await recorded(node)
        assert len(await node.rooms.audit_reading.shards(OFFICER)) == 2


async def test_entry_is_proven_under_the_signed_head(tmp_path: Path) -> None:
    """Whoever has the log's key checks an entry with its proof alone."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        node = fed.nodes[XB]
        await recorded(node)
        envelope_id = bytes.fromhex((await fed.read("XB", sent.id)).envelope_id)
        now = fed.clocks[XB].now()
        (proven,) = await node.rooms.audit_reading.proofs_of(
            envelope_id, {EntryKind.MESSAGE_RECEIVED}, since=now, until=now
        )
        entry = parse_entry(proven.entry)
        assert (entry.kind, entry.peer) == (EntryKind.MESSAGE_RECEIVED, XA)
        proof = parse_proof(proven.proof)
        origin = parse_checkpoint(proof.checkpoint).origin
        keys = log_keys_of(node.mirror.view, origin)
        verify_proof(proof, leaf_hash(proven.entry), origin, keys)
        with pytest.raises(RejectedError) as refused:
            verify_proof(proof, leaf_hash(proven.entry + b"\x00"), origin, keys)
        assert refused.value.code == "inclusion_invalid"
        nothing = await node.rooms.audit_reading.proofs_of(
            envelope_id, {EntryKind.MESSAGE_RECEIVED}, since=now + 5000, until=now + 6000
        )
        assert nothing == []


async def test_tiles_and_consistency_come_from_stored_hashes(tmp_path: Path) -> None:
    """Over the border of a tile; and what is not there is refused by name."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        reading = node.rooms.audit_reading
        await recorded(node)
        early = parse_checkpoint(await reading.checkpoint(OFFICER))
        entries = [node.workers.ledger.entry(EntryKind.ADMINISTRATOR_ACTED) for _ in range(700)]
        await node.database.write(lambda tx: audit.append(tx, entries))
        await recorded(node)
        late = parse_checkpoint(await reading.checkpoint(OFFICER))
        proof = await reading.consistency(late.origin, early.size, late.size)
        verify_consistency(early.size, late.size, proof, early.root, late.root)

        shard = str(this_year(fed))
        bundle = parse_bundle(await reading.bundle(shard, (1, 256), OFFICER), 256)
        leaves = parse_tile(await reading.tile(shard, (0, 1, 256), OFFICER), 256)
        assert [leaf_hash(item) for item in bundle] == leaves
        assert len(parse_tile(await reading.tile(shard, (1, 0, 2), OFFICER), 2)) == 2
        for act, code in (
            (reading.tile(shard, (0, 9, 1), OFFICER), "tile_unknown"),
            (reading.tile(shard, (1, 0, 3), OFFICER), "tile_unknown"),
            (reading.bundle(shard, (2, 256), OFFICER), "tile_unknown"),
            (reading.tile("1999", (0, 0, 1), OFFICER), "shard_unknown"),
            (reading.checkpoint(OFFICER, "1999"), "shard_unknown"),
            (reading.consistency(late.origin, 1, late.size + 999), "size_unknown"),
            (reading.consistency("mutual.example/XB/audit/2026", 1, 2), "shard_unknown"),
        ):
            with pytest.raises(RejectedError) as refused:
                await act
            assert refused.value.code == code
        nobody = Caller(name="uid:3", roles=frozenset())
        for denied in (
            reading.tile(shard, (0, 0, 1), nobody),
            reading.bundle(shard, (0, 1), nobody),
            reading.shards(nobody),
            reading.checkpoint(nobody),
        ):
            with pytest.raises(ForbiddenError):
                await denied


async def test_sequencer_signs_nothing_over_a_damaged_frontier(tmp_path: Path) -> None:
    """What the database holds is held against the signed head, before anything is added to it."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        await recorded(node)

        def damage(tx: Transaction) -> AuditHead:
            head = audit.head(tx)
            assert head is not None
            bent = head.frontier[:8] + bytes(32) + head.frontier[40:]
            tx.exec_driver_sql("UPDATE audit_heads SET frontier = ?", (bent,))
            audit.append(tx, [node.workers.ledger.entry(EntryKind.ADMINISTRATOR_ACTED)])
            return head

        await fed.stop("XA")
        database = open_database(fed.settings("XA"))
        head = database.write_now(damage)
        database.close()
        node = await fed.start("XA", run=False)
        with pytest.raises(RejectedError) as refused:
            await node.workers.audit_log.sequence()
        assert refused.value.code == "audit_damaged"
        assert node.workers.audit_log.trouble is refused.value
        after = await node.rooms.audit_reading.newest_head()
        assert after is not None
        assert after.checkpoint == head.checkpoint


async def test_idle_log_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what this process commits brings entries, so until then there is nothing to read."""
    async with federation(tmp_path, "XA") as fed:
        await fed.stop("XA")
        node = await fed.start("XA", run=False)
        log, looked = node.workers.audit_log, list[None]()
        while await log.keep_up():
            pass
        sequence = log.sequence

        async def look() -> int:
            looked.append(None)
            return await sequence()

        monkeypatch.setattr(log, "sequence", look)
        assert [await log.keep_up() for _ in range(3)] == [0, 0, 0]
        assert len(looked) <= 1  # behind its own commit
        looked.clear()
        log.doubt()
        await log.keep_up()
        assert looked
        looked.clear()
        entry = node.workers.ledger.entry(EntryKind.ADMINISTRATOR_ACTED, code="test")
        await node.database.write(lambda tx: audit.append(tx, [entry]))
        await fed.until(log.keep_up)
        assert looked
