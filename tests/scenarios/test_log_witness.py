"""A node as a witness of audit logs: what it cosigns, and what it raises alarms for."""

import asyncio
import base64
from pathlib import Path

from gateway.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError
from gateway.services.federation.check import portable
from gateway.services.gatekeeper import Hop
from gateway.store import split_views, witnessed
from gateway.store.database import Transaction
from gateway.wiring.node import Node
from keys.registry.origins import log_keys_of
from keys.registry.statement import REGISTRY, Chain, Kind
from keys.suite import KeyUse, MemberId
from keys.tlog.cosignature import cosigned_at
from keys.tlog.note import parse_note, verify_note
from keys.tlog.split_view import verify_split_view
from tests.outcome import outcome_of
from tests.scenarios.federation import Federation, federation
from tests.scenarios.logs import Written, log_of
from tests.scenarios.test_exchange import codes
from tests.scenarios.witnessed import publish, request, roots_of, said

XA, XB, XC = (MemberId(name) for name in ("XA", "XB", "XC"))


def asked_by(fed: Federation, caller: str | None = None, name: MemberId = XA) -> Hop:
    """Return a witness as a member reaches it; by default as a stranger."""
    return fed.nodes[name].gate.for_hop(None if caller is None else MemberId(caller))


async def size_of(node: Node, log: Written) -> int | None:
    """Return the size of the newest head of a log that a witness has cosigned."""
    head = await node.database.read(lambda tx: witnessed.newest(tx, log.origin))
    return None if head is None else head.size


async def verdicts(node: Node, member: str = "XB") -> list[str]:
    """Return what is wrong with a member's logs, as a node sees it."""
    return [alarm.verdict for alarm in await node.rooms.log_alarms.recent(member)]


async def recorded(fed: Federation, name: MemberId = XA) -> list[tuple[str, str, str]]:
    """Return what a node's audit log says of other logs: kind, peer and code."""
    kinds = ("log.restarted", "log.doubted", "split_view.seen")
    return [item for item in await codes(fed, name) if item[0] in kinds]


async def test_audit_logs_of_all_members_are_cosigned_in_every_shard(tmp_path: Path) -> None:
    """Also a suspended one's, and the registrars': what it did is to stay provable."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        suspended = said(fed, Kind.SUSPEND, "XC", Chain.ISSUER)
        await publish(fed, suspended, *roots_of(fed, REGISTRY))
        view = fed.nodes[XA].mirror
        await fed.until(lambda: view.view.members[XC].suspended)
        (key,) = view.view.members[XA].keys_for(KeyUse.WITNESS)
        await asked_by(fed).add_checkpoint(await request(fed, 0))  # the registrars' other log
        for member in ("XB", "XC", REGISTRY):
            log = log_of(fed, member)
            later = Written(fed, log.member, str(int(log.shard) + 1)).grown("d")
            for item in (log, later):
                lines = await asked_by(fed).add_checkpoint(item.asked(0))
                assert cosigned_at(item.head() + lines, (key.verifier, key.post_quantum))
            grown = log.grown("e", "f")
            await asked_by(fed).add_checkpoint(grown.asked(3))
            assert await size_of(fed.nodes[XA], log) == 5
            assert await size_of(fed.nodes[XA], later) == 1


async def test_witness_shows_the_newest_head_with_the_lines_that_it_returned(
    tmp_path: Path,
) -> None:
    """The log's own line and both of ours, byte for byte; lines of others are not passed on."""
    async with federation(tmp_path, "XA", "XB") as fed:
        log = log_of(fed, "XB")
        fault = await outcome_of(asked_by(fed).witnessed_checkpoint(log.origin))
        assert isinstance(fault, RejectedError)
        assert fault.code == "not_witnessed"
        stranger = "— mutual.example/XA/witness AAAAAAAA\n".encode()
        asked = log.asked(0)
        asked = AddCheckpoint(old_size=0, proof=(), checkpoint=asked.checkpoint + stranger)
        lines = await asked_by(fed).add_checkpoint(asked)
        assert await asked_by(fed).witnessed_checkpoint(log.origin) == log.head() + lines
        grown = log.grown("d")
        newer = await asked_by(fed).add_checkpoint(grown.asked(3))
        assert await asked_by(fed).witnessed_checkpoint(log.origin) == grown.head() + newer
        again = await asked_by(fed).add_checkpoint(grown.asked(4))
        shown = await asked_by(fed).witnessed_checkpoint(log.origin)
        assert shown == grown.head() + again
        keys = log_keys_of(fed.nodes[XA].mirror.view, log.origin)
        assert {key.name for key in verify_note(parse_note(shown), keys).signed_by} == {log.origin}


async def test_crash_between_store_and_signature_leaves_the_head_before(tmp_path: Path) -> None:
    """What was never signed is not shown; asked again, it is signed, and then shown."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, log = fed.nodes[XA], log_of(fed, "XB")
        lines = await asked_by(fed).add_checkpoint(log.asked(0))
        keep, grown = witnessed.keep_cosigned, log.grown("d")

        def crash(*_: object) -> None:
            raise ConflictError("crashed", "the power went")

        witnessed.keep_cosigned = crash
        try:
            fault = await outcome_of(asked_by(fed).add_checkpoint(grown.asked(3)))
        finally:
            witnessed.keep_cosigned = keep
        assert isinstance(fault, LiaisonError)
        assert await size_of(node, log) == 4
        assert await asked_by(fed).witnessed_checkpoint(log.origin) == log.head() + lines
        fault = await outcome_of(asked_by(fed).add_checkpoint(grown.asked(3)))
        assert isinstance(fault, SizeDiffersError)
        again = await asked_by(fed).add_checkpoint(grown.asked(fault.size))
        assert await asked_by(fed).witnessed_checkpoint(log.origin) == grown.head() + again


async def test_log_of_a_stranger_or_under_another_key_is_not_cosigned(tmp_path: Path) -> None:
    """Another federation, another member's key, a name in another form, an unknown algorithm."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        log, other = log_of(fed, "XB"), log_of(fed, "XC")
        text, line = log.head().split(b"\n\n")
        raw = base64.b64decode(line.split()[2])
        unknown = b" ".join([*line.split()[:2], base64.b64encode(b"\xff" * 4 + raw[4:])]) + b"\n"
        for head, code in (
            (log.head().replace(b"mutual.example/XB/", b"other.example/XB/"), "log_unknown"),
            (log.head().replace(b"/XB/audit/", b"/XQ/audit/"), "log_unknown"),
            (log.head().replace(b"/audit/2", b"/audit/02"), "log_unknown"),
            (text + b"\n\n" + other.head().split(b"\n\n")[1], "checkpoint_not_signed"),
            (text + b"\n\n" + unknown, "checkpoint_not_signed"),
            (log.head().replace(b"\n3\n", b"\n03\n"), "checkpoint_malformed"),
            (log.head().replace(b"\n3\n", b"\n4\n"), "checkpoint_not_signed"),
            (log.head() + line + b"\n", "note_malformed"),
            (text + b"\n\n" + line + line, "checkpoint_not_signed"),
        ):
            asked = AddCheckpoint(old_size=0, proof=(), checkpoint=head)
            fault = await outcome_of(asked_by(fed).add_checkpoint(asked))
            assert (fault.code, head) == (code, head)
        assert await size_of(fed.nodes[XA], log) is None
        assert await recorded(fed) == []


async def test_rollback_in_a_race_of_two_requests_is_not_cosigned(tmp_path: Path) -> None:
    """The shorter head is held between its check and its store, until the longer one is signed."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, log = fed.nodes[XA], log_of(fed, "XB")
        await asked_by(fed).add_checkpoint(log.asked(0))
        longer = log.grown("d", "e")
        checked, go_on = asyncio.Event(), asyncio.Event()
        witnessing = node.gate.witnessing
        store = witnessing._store

        async def stalled(*given: object) -> int:
            witnessing._store = store
            checked.set()
            await go_on.wait()
            return await store(*given)

        witnessing._store = stalled
        slow = asyncio.ensure_future(outcome_of(asked_by(fed).add_checkpoint(longer.asked(3, 4))))
        await checked.wait()
        lines = await asked_by(fed).add_checkpoint(longer.asked(3))
        go_on.set()
        fault = await slow
        assert isinstance(fault, SizeDiffersError)
        assert fault.size == 5
        assert await size_of(node, log) == 5
        assert await asked_by(fed).witnessed_checkpoint(log.origin) == longer.head() + lines


async def test_late_answer_does_not_take_the_place_of_a_newer_one(tmp_path: Path) -> None:
    """Two heads are signed one after the other, and their lines are kept the other way round."""
    async with federation(tmp_path, "XA", "XB") as fed:
        log, longer = log_of(fed, "XB"), log_of(fed, "XB").grown("d")
        witnessing = fed.nodes[XA].gate.witnessing
        keep, held = witnessing._keep, []

        async def late(*given: object) -> None:
            held.append(given)

        witnessing._keep = late
        await asked_by(fed).add_checkpoint(log.asked(0))
        witnessing._keep = keep
        lines = await asked_by(fed).add_checkpoint(longer.asked(3))
        await keep(*held[0])
        assert await asked_by(fed).witnessed_checkpoint(log.origin) == longer.head() + lines


async def test_two_heads_of_one_size_are_a_proof_whoever_brings_them(tmp_path: Path) -> None:
    """One history to this witness before, another now, by a stranger, also behind the newest."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, log = fed.nodes[XA], log_of(fed, "XB")
        await asked_by(fed, "XB").add_checkpoint(log.asked(0))
        await asked_by(fed, "XB").add_checkpoint(log.grown("d").asked(3))
        other = log_of(fed, "XB", log.shard, "a", "b", "rewritten")
        for _ in range(2):
            fault = await outcome_of(asked_by(fed).add_checkpoint(other.asked(0)))
            assert isinstance(fault, SizeDiffersError)
        (proof,) = await node.database.read(split_views.listing)
        assert (proof.origin, proof.size, proof.found_by) == (log.origin, 3, "")
        assert (proof.head_a, proof.head_b) == (log.head(), other.head())
        assert await recorded(fed) == [("split_view.seen", "XB", "consistency_invalid")]
        assert await verdicts(node) == ["proven"]
        assert await verdicts(node, "XA") == []
        assert node.gate.mirror.view.members[XB].suspended is False
        await node.workers.gossip.load()
        assert node.workers.gossip.alarms == []  # nothing is wrong with the registry


async def test_own_head_that_continues_nothing_is_an_alarm(tmp_path: Path) -> None:
    """Brought by the member itself, without a proof that holds; from a stranger it says nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, log = fed.nodes[XA], log_of(fed, "XB", "", "a", "b", "c", "d")
        await asked_by(fed, "XB").add_checkpoint(log.asked(0))
        other = log_of(fed, "XB", log.shard, "a", "b", "rewritten", "d", "and more")
        for caller, raised in ((None, 0), ("XA", 0), ("XB", 1), ("XB", 1)):
            fault = await outcome_of(asked_by(fed, caller).add_checkpoint(other.asked(4)))
            assert isinstance(fault, RejectedError)
            assert fault.code == "consistency_invalid"
            assert len(await recorded(fed)) == raised
        assert await recorded(fed) == [("log.doubted", "XB", "consistency_invalid")]
        assert await size_of(node, log) == 4
        (alarm,) = await node.rooms.log_alarms.recent("XB")
        assert (alarm.verdict, alarm.size, alarm.found_by) == ("consistency_invalid", 5, "XB")
        assert await node.database.read(split_views.count) == 0
        assert (await node.rooms.health.status()).log_alarms == 1


async def test_rewritten_log_proves_itself_to_its_witness(tmp_path: Path) -> None:
    """Its proof leads to its head from another root than was cosigned, whoever brings it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, log = fed.nodes[XA], log_of(fed, "XB")
        await asked_by(fed, "XB").add_checkpoint(log.asked(0))
        other = log_of(fed, "XB", log.shard, "a", "rewritten", "c", "d", "e")
        for caller in (None, "XB"):
            fault = await outcome_of(asked_by(fed, caller).add_checkpoint(other.asked(3)))
            assert fault.code == "consistency_invalid"
        (kept,) = await node.database.read(split_views.listing)
        alone = portable(kept.head_a, kept.head_b, kept.proof)
        keys = log_keys_of(node.mirror.view, log.origin)
        smaller, larger = verify_split_view(alone, log.origin, keys)
        assert (smaller.size, larger.size) == (3, 5)
        assert await recorded(fed) == [("split_view.seen", "XB", "consistency_invalid")]
        assert await verdicts(node) == ["proven"]
        assert await size_of(node, log) == 3


async def test_shorter_head_of_a_log_is_told_the_size_and_nothing_more(tmp_path: Path) -> None:
    """An old head comes late, or again: no alarm, and no signature."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, log = fed.nodes[XA], log_of(fed, "XB").grown("d", "e")
        await asked_by(fed, "XB").add_checkpoint(log.asked(0))
        for old in (0, 1, 4):
            fault = await outcome_of(asked_by(fed, "XB").add_checkpoint(log.asked(old, 4)))
            assert isinstance(fault, SizeDiffersError)
            assert fault.size == 5
        assert await recorded(fed) == []
        assert await size_of(node, log) == 5


async def test_log_that_began_anew_is_cosigned_and_an_alarm(tmp_path: Path) -> None:
    """A restart, and a year that is not this one; once each; the year's turn is none."""
    async with federation(tmp_path, "XA", "XB") as fed:
        log = log_of(fed, "XB")
        for shard in (log.shard, f"{log.shard}.1", f"{log.shard}.2", str(int(log.shard) + 9)):
            begun = log_of(fed, "XB", shard)
            await asked_by(fed, "XB").add_checkpoint(begun.asked(0, 2))
            await asked_by(fed, "XB").add_checkpoint(begun.asked(2))
            assert await size_of(fed.nodes[XA], begun) == 3
            if shard == log.shard:
                assert await recorded(fed) == []
        codes_seen = [item for item in await recorded(fed) if item[0] == "log.restarted"]
        assert codes_seen == [
            ("log.restarted", "XB", f"{log.shard}.1"),
            ("log.restarted", "XB", f"{log.shard}.2"),
            ("log.restarted", "XB", str(int(log.shard) + 9)),
        ]
        assert await verdicts(fed.nodes[XA]) == ["log_restarted"] * 3


async def test_closed_shard_that_goes_on_is_an_alarm(tmp_path: Path) -> None:
    """Its last head may come late; one more says that two nodes write in that member's name."""
    async with federation(tmp_path, "XA", "XB") as fed:
        log = log_of(fed, "XB")
        await asked_by(fed, "XB").add_checkpoint(log.asked(0))
        fed.clocks[XA].ahead_s += 10
        begun = log_of(fed, "XB", f"{log.shard}.1")
        await asked_by(fed, "XB").add_checkpoint(begun.asked(0))
        fed.clocks[XA].ahead_s += 10
        last = log.grown("last")
        await asked_by(fed, "XB").add_checkpoint(last.asked(3))
        assert [item[0] for item in await recorded(fed)] == ["log.restarted"]
        for entry, old in (("more", 4), ("and more", 5)):
            last = last.grown(entry)
            await asked_by(fed, "XB").add_checkpoint(last.asked(old))
        assert await recorded(fed) == [
            ("log.restarted", "XB", f"{log.shard}.1"),
            ("log.doubted", "XB", "closed_shard_grew"),
        ]
        assert await size_of(fed.nodes[XA], log) == 6


async def test_alarm_is_kept_with_the_head_that_it_is_about(tmp_path: Path) -> None:
    """Where the commit fails neither is: the log that began anew is still to be seen."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node, begun = fed.nodes[XA], log_of(fed, "XB", "2026.3")
        write, asking = node.database.write, asyncio.current_task()

        async def fail(act: object) -> object:
            if asyncio.current_task() is not asking:
                return await write(act)

            def failing(tx: Transaction) -> object:
                act(tx)
                raise ForbiddenError("crashed", "the power went")

            return await write(failing)

        node.database.write = fail
        fault = await outcome_of(asked_by(fed, "XB").add_checkpoint(begun.asked(0)))
        node.database.write = write
        assert fault.code == "crashed"
        assert (await size_of(node, begun), await recorded(fed)) == (None, [])
        await asked_by(fed, "XB").add_checkpoint(begun.asked(0))
        assert len(await recorded(fed)) == 1
