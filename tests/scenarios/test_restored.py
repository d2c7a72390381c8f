"""A node that was restored from a backup: it signs no shorter history, and its mail comes back."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.errors import ForbiddenError, LiaisonError
from gateway.protocol.audit import EntryKind
from gateway.services.auditing.check import check_audit_log
from gateway.services.sending.reoffering import DAY_S
from gateway.services.witness.log_alarms import LogVerdict
from gateway.store import audit, restorations, split_views
from gateway.store.outbox import showing
from gateway.store.outbox.showing import RecipientState
from gateway.wiring.node import Node
from keys.keyring import Keyring
from keys.registry.origins import log_keys_of
from keys.registry.statement import REGISTRY
from keys.suite import KeyUse, MemberId, digest
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.note import parse_note
from keys.tlog.split_view import SplitView as Proof
from keys.tlog.split_view import verify_split_view
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation, recorded
from tests.scenarios.test_anchoring import (
    act,
    heads,
    quick,
    status,
    to_new_year,
    waiting,
    witnessed,
)
from tests.scenarios.test_exchange import codes, delivered
from tests.scenarios.witnessed import name_witnesses

XA, XB, XC, XD, RO = (MemberId(name) for name in ("XA", "XB", "XC", "XD", "RO"))


@asynccontextmanager
async def witnessed_federation(
    place: Path, *named: str, quorum: int = 2, by: tuple[str, ...] = ("XA", "XC", "XD")
) -> AsyncIterator[Federation]:
    """Yield a federation whose witnesses have seen every log."""
    members = [name.split("@")[0] for name in named]
    async with federation(place, *named, changes=quick(*members)) as fed:
        await name_witnesses(fed, quorum, *by)
        for node in fed.nodes.values():
            await fed.until(lambda n=node: witnessed(n))
        yield fed


async def copied(fed: Federation, member: str, name: str = "yesterday") -> Path:
    """Copy a node's folder, with a database that is whole, as a backup would be."""
    await fed.stop(member)
    target = fed.place / f"{member}.{name}"
    shutil.copytree(fed.place / member, target)
    await fed.start(member)
    return target


async def brought_back(fed: Federation, member: str, backup: Path, **options: Any) -> Node:
    """Put a copy in the place of a node's folder, and start it."""
    if MemberId(member) in fed.nodes:
        await fed.stop(member)
    shutil.rmtree(fed.place / member)
    shutil.copytree(backup, fed.place / member)
    return await fed.start(member, **options)


async def shard(node: Node) -> str:
    """Return the shard that a node's entries go to."""
    told = await status(node)
    return str(told.shard)


async def began_anew(node: Node, name: str) -> bool:
    """Tell whether a node's log goes on in a shard, all of it signed."""
    return not await waiting(node) and await shard(node) == name


async def opening(node: Node) -> tuple[tuple[bytes, ...], str]:
    """Return what the first entry of the newest shard names."""
    found = [item for item in await recorded(node) if item.kind is EntryKind.SHARD_OPENED]
    return found[-1].digests, found[-1].code


async def verifies(node: Node) -> bool:
    """Tell whether a node's whole audit log adds up."""
    await node.workers.audit_log.sequence()
    report = await node.database.read(
        lambda tx: check_audit_log(tx, node.mirror.view, node.keys.member)
    )
    return report.findings == ()


async def test_restored_node_signs_no_shorter_history_and_goes_on_in_a_new_shard(
    tmp_path: Path,
) -> None:
    """It finds out before its first signature; the shard names the newest head cosigned."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        for _ in range(3):
            await fed.send("XB", "XA")
        node = fed.nodes[XB]
        await fed.until(lambda: witnessed(node))
        lost = (await heads(node))[-1]
        year = await shard(node)
        node = await brought_back(fed, "XB", backup)
        before = await node.database.read(audit.head)
        await fed.until(lambda: began_anew(node, f"{year}.1"))
        last = parse_checkpoint(lost.checkpoint)
        named = (last.root, digest(parse_note(lost.checkpoint).text)), year
        assert await opening(node) == named
        old = await node.database.read(lambda tx: audit.heads(tx, 0)[-1])
        assert before is not None
        assert (old.size, old.checkpoint) == (before.size, before.checkpoint)
        assert old.size < last.size
        assert await verifies(node)
        await fed.until(lambda: witnessed(node))
        for name in (XA, XC, XD):
            alarms = await fed.nodes[name].rooms.log_alarms.recent("XB")
            assert [alarm.verdict for alarm in alarms] == [LogVerdict.RESTARTED]
        assert await fed.nodes[XA].database.read(split_views.count) == 0
        told = await status(node)
        assert (told.trouble, told.refused_by) == ("", [])
        assert told.restarted_at is not None
        await fed.stop("XB")
        node = await fed.start("XB")  # and does not begin another at the next start
        await act(node)
        await fed.until(lambda: began_anew(node, f"{year}.1"))
        await fed.until(lambda: witnessed(node))
        assert await shard(node) == f"{year}.1"


async def test_nothing_is_signed_until_every_quorum_was_met(tmp_path: Path) -> None:
    """An administrator restores yesterday's backup, cuts the witnesses off, and goes on."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        await fed.send("XB", "XA")
        await fed.until(lambda: witnessed(fed.nodes[XB]))
        year = await shard(fed.nodes[XB])
        fed.cut |= {(XB, XC), (XB, XD)}  # of three with a quorum of two, two must be heard
        node = await brought_back(fed, "XB", backup)
        before = await node.database.read(audit.head)
        sent = await fed.send("XB", "XA")
        await fed.until(lambda: delivered(fed, "XB", sent.id))
        await fed.until(lambda: node.workers.audit_log.trouble is not None)
        fault = await outcome_of(node.workers.audit_log.sequence())
        assert isinstance(fault, LiaisonError)
        assert fault.code == "witnesses_unheard"
        assert await node.database.read(audit.head) == before
        assert await waiting(node)
        told = await status(node)
        assert "1 of the 2 witnesses that must be heard first" in told.trouble
        report = await node.rooms.health.ready()
        assert report.ready  # entries wait, traffic does not
        (detail,) = (check.detail for check in report.checks if check.name == "audit log")
        assert detail == told.trouble
        fed.cut.clear()
        await fed.until(lambda: began_anew(node, f"{year}.1"))
        assert await verifies(node)


async def test_backup_from_before_witnesses_were_named_waits_for_the_registry(
    tmp_path: Path,
) -> None:
    """Its mirror names no witnesses; it is not believed before it was read again."""
    async with federation(tmp_path, "XA", "XB", changes=quick("XA", "XB")) as fed:
        backup = await copied(fed, "XB")
        await name_witnesses(fed, 1, "XA")
        await fed.send("XB", "XA")
        await fed.until(lambda: witnessed(fed.nodes[XB]))
        year = await shard(fed.nodes[XB])
        fed.cut |= {(XB, name) for name in (REGISTRY, XA)}
        node = await brought_back(fed, "XB", backup)
        await act(node)
        await fed.until(lambda: node.workers.audit_log.trouble is not None)
        told = await status(node)
        assert told.trouble.startswith("witnesses_unheard: the registry")
        fed.cut.clear()
        await fed.until(lambda: began_anew(node, f"{year}.1"))


async def test_restored_twice_and_each_time_another_shard_begins(tmp_path: Path) -> None:
    """The first that no witness knows, though the database has heard of none of them."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        await fed.send("XB", "XA")
        node = fed.nodes[XB]
        await fed.until(lambda: witnessed(node))
        year = await shard(node)
        for number in (1, 2, 3):
            node = await brought_back(fed, "XB", backup)
            await fed.until(lambda n=node, at=number: began_anew(n, f"{year}.{at}"))
            await fed.until(lambda n=node: witnessed(n))
            assert await verifies(node)
        assert (await opening(node))[1] == f"{year}.2"


async def test_restored_across_a_new_year(tmp_path: Path) -> None:
    """What was cosigned since stands in the new year's shard: the log goes on behind that."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        year = int(await shard(fed.nodes[XB]))
        for name in fed.nodes:
            fed.clocks[name].ahead_s = to_new_year(year)
        node = fed.nodes[XB]
        await act(node)
        await fed.until(lambda: began_anew(node, str(year + 1)))
        await fed.until(lambda: witnessed(node))
        node = await brought_back(fed, "XB", backup)
        await act(node)
        await fed.until(lambda: began_anew(node, f"{year + 1}.1"))
        assert (await opening(node))[1] == str(year + 1)
        assert await verifies(node)


async def test_clock_that_was_ahead_makes_no_fork_after_a_restore(tmp_path: Path) -> None:
    """A shard of the next year was begun too early; the restored log goes on behind it."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        year = int(await shard(fed.nodes[XB]))
        fed.clocks[XB].ahead_s = to_new_year(year)
        node = fed.nodes[XB]
        await act(node)
        await fed.until(lambda: began_anew(node, str(year + 1)))
        await fed.until(lambda: witnessed(node))
        fed.clocks[XB].ahead_s = 0
        await act(node)
        await fed.until(lambda: began_anew(node, str(year + 1)))
        node = await brought_back(fed, "XB", backup)
        await act(node)
        await fed.until(lambda: began_anew(node, f"{year + 1}.1"))
        assert (await opening(node))[1] == str(year + 1)


async def test_rewritten_log_is_proven_before_it_goes_on(tmp_path: Path) -> None:
    """Somebody rewrote entries and signed them with our key: both heads are kept, and convict."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        await fed.send("XB", "XA")
        node = fed.nodes[XB]
        await fed.until(lambda: witnessed(node))
        size, year = (await status(node)).size, await shard(node)
        everybody = {(XB, name) for name in (XA, XC, XD)}
        fed.cut |= everybody
        node = await brought_back(fed, "XB", backup, run=False)

        async def believes(*_: Any) -> None:
            return None

        node.workers.audit_log._continuity.next_shard = believes  # type: ignore[method-assign]
        while (await status(node)).size < size + 2:
            await act(node)
            await node.workers.audit_log.sequence()
        await fed.stop("XB")
        fed.cut.clear()
        node = await fed.start("XB")
        await act(node)
        await fed.until(lambda: began_anew(node, f"{year}.1"))
        (seen, *_) = await node.database.read(split_views.listing)
        root, *proof = [seen.proof[at : at + 32] for at in range(0, len(seen.proof), 32)]
        shown = Proof(seen.head_a, seen.head_b, root, tuple(proof))
        keys = log_keys_of(node.mirror.view, seen.origin)
        smaller, larger = verify_split_view(shown, seen.origin, keys)
        assert smaller.size <= size < larger.size
        for name in (XA, XC, XD):  # and each of them was shown what it had not cosigned
            alarms = await fed.nodes[name].rooms.log_alarms.recent("XB")
            verdicts = {alarm.verdict for alarm in alarms}
            assert verdicts & {LogVerdict.NOT_CONTINUED, LogVerdict.PROVEN}, name
        await fed.until(lambda: witnessed(node))


async def test_database_that_goes_back_beneath_a_running_node_is_found_out(tmp_path: Path) -> None:
    """The process knows what it signed, whether or not a witness does."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        node = fed.nodes[XB]
        year = await shard(node)
        fed.cut |= {(XB, name) for name in (XA, XC, XD)}
        before = await node.database.read(audit.head)
        assert before is not None
        await act(node)
        await fed.until(lambda: _size_is(node, before.size + 1))

        def back(tx: Any) -> None:
            tx.execute(text("DELETE FROM audit_entries WHERE number >= :n"), {"n": before.size})
            newest = "(SELECT max(size) FROM audit_heads)"  # more than one may be kept
            tx.execute(text(f"DELETE FROM audit_heads WHERE size < {newest}"))  # noqa: S608
            named = {"size": before.size, "edge": before.frontier, "note": before.checkpoint}
            tx.execute(
                text("UPDATE audit_heads SET size=:size, frontier=:edge, checkpoint=:note"), named
            )

        await node.database.write(back)
        fed.cut.clear()
        await act(node)
        await fed.until(lambda: began_anew(node, f"{year}.1"))


async def _size_is(node: Node, size: int) -> bool:
    return (await status(node)).size == size


async def test_log_key_that_the_restored_keystore_lacks_is_asked_for_in_words(
    tmp_path: Path,
) -> None:
    """Nothing can be signed, nobody need be asked, and a new key ends it."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.LOG, OFFICER)
        late = fed.settings("XB").policy.sign_overlap_s + 60
        for name in fed.nodes:
            fed.clocks[name].ahead_s = late
        node = await brought_back(fed, "XB", backup)
        await act(node)
        await fed.until(lambda: node.workers.audit_log.trouble is not None)
        trouble = node.workers.audit_log.trouble
        assert trouble is not None
        if trouble.code == "witnesses_unheard":
            await fed.until(lambda: node.workers.audit_log.trouble.code == "log_key_missing")
        assert "liaison key rotate log" in (await status(node)).trouble
        assert Keyring.parse(fed.unlock("XB").body).records(KeyUse.LOG)
        await node.rooms.rotation.rotate(KeyUse.LOG, OFFICER)
        await fed.until(lambda: _signs(node))


async def _signs(node: Node) -> bool:
    return node.workers.audit_log.trouble is None and not await waiting(node)


async def test_mail_that_was_receipted_and_lost_comes_back_once(tmp_path: Path) -> None:
    """From everybody who holds a receipt, directly and through a relay; the rest is not doubled."""
    async with witnessed_federation(
        tmp_path, "XA", "XB@RO", "XC", "XD", "RO", by=("XA", "XC", "XD")
    ) as fed:
        kept = [await fed.send(name, "XB") for name in ("XA", "XC")]
        for name, sent in zip(("XA", "XC"), kept, strict=True):
            await fed.until(lambda n=name, s=sent: delivered(fed, n, s.id))
        backup = await copied(fed, "XB")
        await asyncio.sleep(2)  # the clock has seconds, and what is lost is later
        lost = [await fed.send(name, "XB") for name in ("XA", "XC", "XA")]
        for name, sent in zip(("XA", "XC", "XA"), lost, strict=True):
            await fed.until(lambda n=name, s=sent: delivered(fed, n, s.id))
        first = await receipts(fed, "XA")
        await fed.until(lambda: witnessed(fed.nodes[XB]))
        await asyncio.sleep(2)
        node = await brought_back(fed, "XB", backup)
        assert await _holds(fed, sorted(item.id for item in kept))
        wanted = sorted(item.id for item in [*kept, *lost])
        await fed.until(lambda: _holds(fed, wanted))
        for name, sent in zip(("XA", "XC", "XA"), lost, strict=True):
            await fed.until(lambda n=name, s=sent: delivered(fed, n, s.id))
        assert sorted(item.id for item in (await fed.inbox("XB")).messages) == wanted
        assert await receipts(fed, "XA") == first  # the first receipt says when it was delivered
        again = await rows(fed, "XA")
        assert sum(row.receipt_again is not None for row in again) == 2
        told = [item for item in await recorded(fed.nodes[XA]) if item.code == await shard(node)]
        assert {(item.kind, item.peer) for item in told} >= {(EntryKind.LOG_RESTARTED, "XB")}
        for name in (XA, XB, XC, XD, RO):
            await fed.until(lambda n=fed.nodes[name]: witnessed(n))
            assert await verifies(fed.nodes[name])


async def _holds(fed: Federation, wanted: list[str]) -> bool:
    return sorted(item.id for item in (await fed.inbox("XB")).messages) == wanted


async def rows(fed: Federation, member: str) -> list[RecipientState]:
    """Return a member's deliveries to XB that were offered again, or may be."""

    def read(tx: Any) -> list[RecipientState]:
        found = tx.execute(text("SELECT row_id FROM messages WHERE direction = 'out'")).scalars()
        states = showing.states(tx, list(found))
        return [row for group in states.values() for row in group if row.recipient == "XB"]

    return await fed.nodes[MemberId(member)].database.read(read)


async def receipts(fed: Federation, member: str) -> list[bytes | None]:
    """Return the first receipts of a member's deliveries to XB."""
    return [row.receipt for row in await rows(fed, member)]


async def test_house_cannot_say_that_its_node_was_restored(tmp_path: Path) -> None:
    """A kind that nodes send of themselves."""
    async with federation(tmp_path, "XA", "XB") as fed:
        content = {"since": 1, "until": 2, "shard": "2026.1", "size": 3}
        with pytest.raises(ForbiddenError) as caught:
            await fed.send("XA", "XB", kind="restored", content=content)
        assert caught.value.code == "kind_reserved"
        assert await fed.nodes[XB].database.read(restorations.listing) == []


async def test_second_restore_within_a_day_is_acted_on_when_the_day_is_over(
    tmp_path: Path,
) -> None:
    """Nobody can have everything sent again and again; and nothing is lost for it."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        await asyncio.sleep(2)
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        await fed.until(lambda: witnessed(fed.nodes[XB]))
        await brought_back(fed, "XB", backup)
        await fed.until(lambda: _holds(fed, [first.id]))
        await fed.until(lambda: delivered(fed, "XA", first.id))
        await fed.until(lambda: witnessed(fed.nodes[XB]))
        node = fed.nodes[XA]
        (one,) = await node.database.read(restorations.listing)
        assert one.position is None
        await brought_back(fed, "XB", backup)
        await fed.until(lambda: _heard_again(node, one))
        (two,) = await node.database.read(restorations.listing)
        assert (two.due_at, two.position) == (one.due_at + DAY_S, 0)
        await node.workers.reoffering.offer()
        assert await fed.state("XA", first.id) == "delivered"
        assert (await fed.inbox("XB")).messages == []
        for name in fed.nodes:
            fed.clocks[name].ahead_s = DAY_S + 60
        await node.workers.reoffering.offer()
        await fed.until(lambda: _holds(fed, [first.id]))


async def _heard_again(node: Node, before: restorations.Restoration) -> bool:
    (newest,) = await node.database.read(restorations.listing)
    return newest.shard != before.shard


async def test_receipt_of_a_time_that_was_lost_settles_nothing_through_others(
    tmp_path: Path,
) -> None:
    """A relay may bring it late: the row is offered again, and the refusal recorded."""
    async with federation(tmp_path, "XA", "RO", "XB@RO") as fed:
        node = fed.nodes[XA]
        now = fed.clocks[XA].now()
        node.workers.reoffering._gaps["XB"] = now - 60, now + 600
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: _outdated(fed))
        assert await fed.state("XA", sent.id) != "delivered"
        node.workers.reoffering._gaps.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert [item.id for item in (await fed.inbox("XB")).messages] == [sent.id]


async def _outdated(fed: Federation) -> bool:
    return ("receipt.refused", "XB", "receipt_outdated") in await codes(fed, XA)


async def test_members_of_any_number_are_told_once(tmp_path: Path) -> None:
    """A crash after they were told, and before that was noted, tells nobody twice."""
    async with witnessed_federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        backup = await copied(fed, "XB")
        await act(fed.nodes[XB])
        await fed.until(lambda: witnessed(fed.nodes[XB]))
        node = await brought_back(fed, "XB", backup)
        await fed.until(lambda: _announced(node))
        await node.database.write(
            lambda tx: tx.execute(text("UPDATE audit_shards SET announced_at = NULL"))
        )
        await node.workers.restoring.announce()
        assert await _announced(node)
        sent = await node.database.read(
            lambda tx: tx.execute(text("SELECT count(*) FROM messages WHERE kind = 'restored'"))
            .scalar_one()
        )  # fmt: skip
        assert sent == 1
        for name in (XA, XC, XD):
            await fed.until(lambda n=name: _told(fed, n))


async def _announced(node: Node) -> bool:
    return (await status(node)).announced_at is not None


async def _told(fed: Federation, name: MemberId) -> bool:
    restarted = [item for item in await codes(fed, name) if item[0] == "log.restarted"]
    return bool(restarted)
