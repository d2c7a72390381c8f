"""Our own audit log and its witnesses: rounds, quorums, silence, and what a refusal looks like."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.clock import SystemClock
from gateway.errors import RejectedError
from gateway.protocol.audit import EntryKind
from gateway.protocol.witness import AddCheckpoint
from gateway.services.auditing import anchoring
from gateway.store import audit, cosigned
from gateway.store.cosigned import CosignedHead
from gateway.wiring.node import Node
from keys.registry.statement import REGISTRY, Chain, Kind, WitnessSet
from keys.registry.witnessed import witnessed_time
from keys.suite import MemberId, digest
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.note import parse_note
from tests.scenarios.federation import federation, recorded
from tests.scenarios.test_exchange import delivered
from tests.scenarios.witnessed import name_witnesses, publish, roots_of, said

XA, XB, XC, XD = (MemberId(name) for name in ("XA", "XB", "XC", "XD"))
HOUR_S, DAY_S = 3600, 86_400
QUICK: dict[str, dict[str, Any]] = {"audit": {"interval_ms": 20, "witness_s": 1}}


def quick(*members: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return settings with which rounds follow each other each second."""
    return dict.fromkeys([*members, str(REGISTRY)], QUICK)


async def status(node: Node) -> Any:
    """Return how a node's audit log does."""
    return (await node.rooms.health.status()).audit_log


async def witnessed(node: Node) -> bool:
    """Tell whether a quorum vouches for all that a node signed."""
    if await waiting(node):  # looked at first: what waits is signed next
        return False
    told = await status(node)
    return bool(0 < told.size == told.witnessed_size)


async def waiting(node: Node) -> int:
    """Return how many entries have no place yet."""
    return await node.database.read(audit.waiting)


async def heads(node: Node, shard: int = 0) -> list[CosignedHead]:
    """Return the heads that witnesses were asked for."""
    return await node.database.read(lambda tx: cosigned.all_of(tx, shard))


def signers(head: CosignedHead) -> set[str]:
    """Return whose cosignatures stand on a head."""
    names = [line.name for line in parse_note(head.checkpoint).signatures]
    return {name.split("/")[1] for name in names if name.endswith("/witness")}


async def test_every_log_is_witnessed_by_a_quorum_on_one_head(tmp_path: Path) -> None:
    """All witnesses are asked for the same head, a witness itself among them."""
    names = ("XA", "XB", "XC", "XD")
    async with federation(tmp_path, *names, changes=quick(*names)) as fed:
        await name_witnesses(fed, 2, "XA", "XB", "XC")
        sent = await fed.send("XA", "XD")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        for node in fed.nodes.values():
            await fed.until(lambda n=node: witnessed(n))
            newest = (await heads(node))[-1]
            await fed.until(lambda n=node: _all_signed(n, {"XA", "XB", "XC"}))
            newest = (await heads(node))[-1]
            view = node.mirror.view
            at = witnessed_time(newest.checkpoint, view.witnessing(), 2)
            assert newest.witnessed_at == at is not None
            told = await status(node)
            assert (told.unwitnessed_s, told.refused_by, told.trouble) == (0, [], "")


async def _all_signed(node: Node, names: set[str]) -> bool:
    return signers((await heads(node))[-1]) == names


async def test_idle_federation_is_silent(tmp_path: Path) -> None:
    """A cosignature that arrives makes no head due; the entry that names one makes one, once."""
    async with federation(tmp_path, "XA", "XB", changes=quick("XA", "XB")) as fed:
        await name_witnesses(fed, 2, "XA", "XB")
        for node in fed.nodes.values():
            await fed.until(lambda n=node: witnessed(n))
        before = {name: await heads(node) for name, node in fed.nodes.items()}
        calls = fed.calls
        await asyncio.sleep(2.5)  # rounds would follow each other each second
        after = {name: await heads(node) for name, node in fed.nodes.items()}
        assert before == after
        quiet = fed.calls - calls
        assert quiet < 40  # what follows the registry, each second
        node = fed.nodes[XA]
        size = (await status(node)).size
        for days, named in ((0, 0), (1, 1), (2, 1), (9, 1)):
            fed.clocks[XA].ahead_s = days * DAY_S
            await node.workers.anchoring.watch()
            await node.workers.audit_log.sequence()
            kinds = [entry.kind for entry in await recorded(node)]
            assert kinds.count(EntryKind.LOG_WITNESSED) == named
            await fed.until(lambda n=node: witnessed(n))
        told = await status(node)
        assert told.size == size + 1
        entry = next(e for e in await recorded(node) if e.kind is EntryKind.LOG_WITNESSED)
        (named_head,) = [head for head in await heads(node) if head.named_at]
        assert entry.digests == (digest(named_head.checkpoint),)


async def test_missing_quorum_stops_no_traffic_and_is_an_alarm_after_an_hour(
    tmp_path: Path,
) -> None:
    """Logged, not yet witnessed; once the witnesses are back all of it is, by one head."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=quick("XA", "XB", "XC")) as fed:
        await name_witnesses(fed, 2, "XB", "XC")
        node = fed.nodes[XA]
        await fed.until(lambda: witnessed(node))
        await fed.stop("XC")
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await fed.until(lambda: _asked_beyond(node))
        told = await status(node)
        assert told.witnessed_size < told.size
        assert told.trouble == ""
        fed.clocks[XA].ahead_s = 2 * HOUR_S
        await node.workers.anchoring.watch()
        assert (await status(node)).unwitnessed_s >= 2 * HOUR_S
        assert (await node.rooms.health.ready()).ready
        fed.clocks[XA].ahead_s = 0
        await fed.start("XC")
        await fed.send("XA", "XB")
        node.workers.anchoring._asking._grown(node.mirror.view)
        await fed.until(lambda: witnessed(node))
        assert (await status(node)).unwitnessed_s == 0


async def _asked_beyond(node: Node) -> bool:
    newest = (await heads(node))[-1]
    told = await status(node)
    return newest.size == told.size > told.witnessed_size and signers(newest) == {"XB"}


async def test_dead_and_hanging_witnesses_delay_nobody(tmp_path: Path) -> None:
    """A quorum of the others is enough, within the round."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD", changes=quick("XA", "XB")) as fed:
        await name_witnesses(fed, 2, "XA", "XB", "XC", "XD")
        await fed.stop("XC")
        never = asyncio.Event()

        async def hang(asked: AddCheckpoint, found_by: str = "") -> bytes:
            await never.wait()
            return b""

        fed.nodes[XD].gate.witnessing.add_checkpoint = hang
        for _ in range(3):
            await fed.send("XA", "XB")
            await fed.until(lambda: witnessed(fed.nodes[XA]))
        assert signers((await heads(fed.nodes[XA]))[-1]) == {"XA", "XB"}
        never.set()


async def test_round_survives_a_crash_and_is_asked_for_again(tmp_path: Path) -> None:
    """The head of the round stands in the database before anybody is asked for it."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=quick("XA", "XB", "XC")) as fed:
        await name_witnesses(fed, 2, "XB", "XC")
        for name in (XB, XC):
            fed.cut.add((XA, name))
        await fed.send("XA", "XB")
        node = fed.nodes[XA]
        await fed.until(lambda: _last_is_bare(node))
        asked = (await heads(node))[-1]
        await fed.stop("XA")
        fed.cut.clear()
        node = await fed.start("XA")
        await fed.until(lambda: witnessed(node))
        kept = {head.size: head for head in await heads(node)}
        assert asked.size in kept


async def _last_is_bare(node: Node) -> bool:
    found = await heads(node)
    return bool(found) and not signers(found[-1])


async def test_refusal_of_a_witness_is_loud_and_the_others_are_asked_on(tmp_path: Path) -> None:
    """A witness alone can say no and prove nothing: status and doctor say who; a quorum goes on."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=quick("XA", "XB", "XC")) as fed:
        await name_witnesses(fed, 1, "XB", "XC")
        node = fed.nodes[XA]
        await fed.until(lambda: witnessed(node))

        async def refuse(asked: AddCheckpoint, found_by: str = "") -> bytes:
            if "/XA/audit/" in parse_checkpoint(asked.checkpoint).origin:
                raise RejectedError("consistency_invalid", "no")
            return await honest(asked, found_by)

        witnessing = fed.nodes[XC].gate.witnessing
        honest, witnessing.add_checkpoint = witnessing.add_checkpoint, refuse
        await fed.send("XA", "XB")
        await fed.until(lambda: _refused(node, "XC"))
        await fed.send("XA", "XB")
        await fed.until(lambda: witnessed(node))
        assert signers((await heads(node))[-1]) == {"XB"}
        told = await status(node)
        assert told.shard == (await status(fed.nodes[XB])).shard  # no other shard was begun
        witnessing.add_checkpoint = honest
        node.workers.anchoring._asking._grown(node.mirror.view)
        await fed.until(lambda: _refused(node))


async def _refused(node: Node, *names: str) -> bool:
    return [item.split(":")[0] for item in (await status(node)).refused_by] == [*names]


async def test_last_head_of_a_year_is_witnessed_too(tmp_path: Path) -> None:
    """A shard that was closed between two rounds has its last entries covered like the others."""
    async with federation(tmp_path, "XA", "XB", changes=quick("XA", "XB")) as fed:
        await name_witnesses(fed, 1, "XB")
        node = fed.nodes[XA]
        await fed.until(lambda: witnessed(node))
        fed.cut.add((XA, XB))
        await act(node)
        await fed.until(lambda: _none_waits(node))
        year = int((await status(node)).shard)
        for name in (XA, XB):
            fed.clocks[name].ahead_s = to_new_year(year)
        await act(node)
        await fed.until(lambda: node.workers.audit_log.trouble is not None)
        assert node.workers.audit_log.trouble.code == "witnesses_unheard"
        assert (await status(node)).shard == str(year)
        fed.cut.clear()
        node.workers.anchoring._asking._grown(node.mirror.view)
        await fed.until(lambda: _shard_is(node, str(year + 1)))
        await fed.until(lambda: witnessed(node))
        await fed.until(lambda: _last_is_witnessed(node, 0))


async def _none_waits(node: Node) -> bool:
    return not await waiting(node)


async def _shard_is(node: Node, shard: str) -> bool:
    return (await status(node)).shard == shard


async def _last_is_witnessed(node: Node, shard: int) -> bool:
    newest = await node.database.read(lambda tx: audit.heads(tx, shard)[-1])
    kept = {head.size: head for head in await heads(node, shard)}
    return newest.size in kept and kept[newest.size].witnessed_at is not None


def to_new_year(year: int) -> int:
    """Return how far ahead of now, in seconds, the year after ``year`` has begun."""
    start = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    return start + 60 - SystemClock().now()


async def act(node: Node) -> None:
    """Do something that an audit log records."""
    entry = node.workers.ledger.entry(EntryKind.KEY_USED)
    await node.database.write(lambda tx: audit.append(tx, [entry]))


async def test_witness_set_that_is_named_later_cosigns_what_was_there(tmp_path: Path) -> None:
    """Until then a log is signed and not witnessed, and nothing is late."""
    async with federation(tmp_path, "XA", "XB", changes=quick("XA", "XB")) as fed:
        node = fed.nodes[XA]
        await fed.until(lambda: _none_waits(node))
        told = await status(node)
        assert (told.witnessed_size, told.witnessed_at, told.unwitnessed_s) == (0, None, 0)
        chosen = WitnessSet(1, (XB,))
        statement = said(fed, Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=chosen)
        await publish(fed, statement, *roots_of(fed, REGISTRY))
        await fed.until(lambda: witnessed(node))


async def test_late_cosignature_changes_no_head_that_an_entry_names(tmp_path: Path) -> None:
    """The digest in the log is of what is kept."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=quick("XA", "XB", "XC")) as fed:
        await name_witnesses(fed, 1, "XB", "XC")
        fed.cut.add((XA, XC))
        await fed.send("XA", "XB")
        node = fed.nodes[XA]
        await fed.until(lambda: witnessed(node))
        fed.clocks[XA].ahead_s = anchoring.NAMED_AFTER_S + 60
        await node.workers.anchoring.watch()
        (named,) = [head for head in await heads(node) if head.named_at]
        assert signers(named) <= {"XB", "XC"}
        lines = parse_note((await heads(fed.nodes[XB]))[-1].checkpoint).signatures
        await node.workers.anchoring._keep(named, lines)
        assert named in await heads(node)


async def test_old_heads_are_thinned(tmp_path: Path) -> None:
    """All of two days, then the first of each hour, and what an entry names for ever."""
    async with federation(tmp_path, "XA", "XB", changes=quick("XA", "XB")) as fed:
        await name_witnesses(fed, 1, "XB")
        node = fed.nodes[XA]
        await fed.until(lambda: witnessed(node))
        (first, *_) = await heads(node)

        def fill(tx: Any) -> None:
            for size in range(10_000, 10_010):
                at = first.stored_at + size - 10_000
                cosigned.store(tx, replace(first, size=size, witnessed_at=at, stored_at=at))

        await node.database.write(fill)
        fed.clocks[XA].ahead_s = 3 * DAY_S
        await node.workers.anchoring.watch()
        left = await heads(node)
        assert len(left) <= 4
        assert left[-1].size == 10_009


async def test_entries_wait_loudly(tmp_path: Path) -> None:
    """A damaged log is in the status, in the health and in the doctor's words at once."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]
        await fed.until(lambda: _none_waits(node))
        size = (await status(node)).size

        def move(tx: Any, by: int) -> None:
            newest = "WHERE size = (SELECT max(size) FROM audit_heads)"
            tx.exec_driver_sql(f"UPDATE audit_heads SET size = size + ? {newest}", (by,))  # noqa: S608

        await node.database.write(lambda tx: move(tx, 1))
        await fed.send("XA", "XB")
        await fed.until(lambda: node.workers.audit_log.trouble is not None)
        told = await status(node)
        assert told.trouble.startswith("audit_damaged: ")
        report = await node.rooms.health.ready()
        assert [check.name for check in report.checks if not check.ok] == ["audit log"]
        await node.database.write(lambda tx: move(tx, -1))
        await fed.until(lambda: _signed_beyond(node, size))
        assert (await status(node)).trouble == ""


async def _signed_beyond(node: Node, size: int) -> bool:
    return (await status(node)).size > size
