"""Views compared: two histories are proven, a false word is nobody's proof, and mail goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RejectedError, UnavailableError
from gateway.services.federation import gossip
from gateway.services.federation.check import portable
from gateway.services.federation.gossip import Verdict
from gateway.store import split_views
from gateway.wiring.node import Node
from keys.registry.member import RegistryHead
from keys.registry.statement import REGISTRY
from keys.suite import KeyUse, MemberId
from keys.tlog.merkle import Frontier
from keys.tlog.split_view import verify_split_view
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.histories import ORIGIN, History, admission, signed, statements
from tests.scenarios.test_exchange import codes, delivered

XA, XB, XC = MemberId("XA"), MemberId("XB"), MemberId("XC")
DAY_S = 86_400


def deceive(fed: Federation, member: MemberId, *, size: int | None = None) -> None:
    """Let a node name another registry in all that it signs; what it holds stays as it is."""
    mirror = fed.nodes[member].mirror
    real = mirror.view.frontier
    bits = real.size if size is None else size
    false = Frontier(bits, tuple(b"%032d" % number for number in range(bits.bit_count())))
    mirror._view = replace(mirror.view, frontier=false)


def repent(fed: Federation, member: MemberId) -> None:
    """Let a node name its true registry again."""
    mirror = fed.nodes[member].mirror
    mirror._view = replace(mirror.view, frontier=mirror._history.frontier)


async def proofs(node: Node) -> list[split_views.SplitView]:
    """Return the proofs that a node keeps."""
    return await node.database.read(split_views.listing)


def alarms(node: Node) -> list[tuple[str, Verdict]]:
    """Return a node's alarms."""
    return [(alarm.member, alarm.verdict) for alarm in node.workers.gossip.alarms]


def check(fed: Federation, kept: split_views.SplitView) -> tuple[int, int]:
    """Verify a kept proof with the registrars' key alone; return the sizes of its heads."""
    shown = portable(kept.head_a, kept.head_b, kept.proof)
    assert shown is not None
    keys = fed.nodes[XA].mirror.view.log_keys()
    smaller, larger = verify_split_view(shown, ORIGIN, keys)
    return smaller.size, larger.size


async def refused(fed: Federation, message: str) -> bool:
    """Tell whether a message of XB's has failed for naming another registry."""
    (recipient,) = (await fed.read("XB", message)).recipients
    return recipient.code == "registry_split_view"


@asynccontextmanager
async def forked(place: Path, mine: int, theirs: int) -> AsyncIterator[tuple[Federation, Any]]:
    """Yield a federation in which XB holds another history under the registrars' key than XA.

    From statement 3 on: the true one grows by ``mine`` statements, the other by ``theirs``.
    """
    async with federation(place, "XA", "XB") as fed:
        before = await statements(fed)
        for number in range(mine):
            await fed.nodes[REGISTRY].rooms.registrar.publish(admission(fed, f"XM{number}"))
        for name in (XA, XB):
            await fed.until(lambda m=fed.nodes[name].mirror: m.size == len(before) + mine)
        false = [admission(fed, f"XT{number}") for number in range(theirs)]
        yield fed, signed(fed, [*before, *false])


@pytest.mark.parametrize(("mine", "theirs"), [(2, 2), (3, 1), (1, 3)])
async def test_two_histories_are_proven_by_their_signed_heads(
    tmp_path: Path, mine: int, theirs: int
) -> None:
    """XB names another registry and shows its signed head: refused, and kept as a proof."""
    async with forked(tmp_path, mine, theirs) as (fed, false):
        node = fed.nodes[XA]
        head = node.mirror.view.head
        fed.shown[XB] = false
        deceive(fed, XB, size=3 + min(mine, theirs))
        sent = await fed.send("XB", "XA")
        await fed.until(lambda: node.workers.gossip.alarms)
        assert alarms(node) == [(XB, Verdict.PROVEN)]
        await fed.until(lambda: refused(fed, sent.id))
        (kept,) = await proofs(node)
        assert check(fed, kept) == (3 + min(mine, theirs), 3 + max(mine, theirs))
        assert (kept.found_by, kept.origin) == (XB, ORIGIN)
        told = [item for item in await codes(fed, XA) if item[0] == "split_view.seen"]
        assert told == [
            ("split_view.seen", XB, "registry_split_view"), ("split_view.seen", XB, "proven")
        ]  # fmt: skip
        status = await node.rooms.health.status()
        assert (status.split_views, status.registry_alarms) == (1, 1)
        assert node.mirror.view.head == head
        assert (await fed.inbox("XA")).messages == []


async def test_registrar_that_shows_another_history_is_proven_and_not_followed(
    tmp_path: Path,
) -> None:
    """A fork of the same size, then one that is longer: refused by name, kept, nothing changed."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XA")
        node = await fed.start("XA", run=False)
        whole = await statements(fed)
        head, following = node.mirror.view.head, node.workers.following
        for false, code in (
            ([*whole[:-1], admission(fed, "XT")], "registry_split_view"),
            ([*whole[:-1], *(admission(fed, name) for name in ("XT", "XU"))], "registry_mismatch"),
        ):
            fed.shown[REGISTRY] = signed(fed, false)
            with pytest.raises(RejectedError) as caught:
                await following.follow()
            assert caught.value.code == code
            await node.workers.gossip._examine(REGISTRY, None)
            assert node.mirror.view.head == head
        assert [check(fed, kept) for kept in await proofs(node)] == [(3, 3), (3, 4)]
        assert alarms(node) == [(REGISTRY, Verdict.PROVEN)]


async def test_member_whose_word_is_false_is_heard_again(tmp_path: Path) -> None:
    """No signed head for what it named: an alarm about it, no proof, and its next mail is good."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]
        deceive(fed, XB)
        lied = await fed.send("XB", "XA")
        await fed.until(lambda: node.workers.gossip.alarms)
        assert alarms(node) == [(XB, Verdict.MADE_UP)]
        assert await proofs(node) == []
        await fed.until(lambda: refused(fed, lied.id))
        repent(fed, XB)
        sent = await fed.send("XB", "XA")
        await fed.until(lambda: delivered(fed, "XB", sent.id))
        back = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", back.id))
        assert node.workers.views.named(XB) == node.mirror.size


async def test_doubt_about_who_cannot_be_asked_is_an_alarm(tmp_path: Path) -> None:
    """No line to XB, or garbage from it: said as it is, and asked again after a while."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]
        claim = RegistryHead(2, bytes(32))
        fed.cut.add((XA, XB))
        node.workers.views.heard(XB, claim)
        await fed.until(lambda: (XB, Verdict.NOT_SHOWN) in alarms(node))
        fed.cut.clear()
        fed.shown[XB] = History([], b"garbage")
        node.workers.views.heard(XB, claim)
        assert not node.workers.gossip._doubts
        node.workers.gossip._examined[XB] -= gossip.EXAMINE_S
        node.workers.views.heard(XB, claim)
        await fed.until(lambda: (XB, Verdict.MADE_UP) in alarms(node))
        assert await proofs(node) == []


async def test_receipt_with_another_view_settles_and_raises_the_alarm(tmp_path: Path) -> None:
    """XB's receipt names another registry: XA's message is delivered all the same."""
    async with federation(tmp_path, "XA", "XB") as fed:
        deceive(fed, XB)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await fed.until(lambda: alarms(fed.nodes[XA]) == [(XB, Verdict.MADE_UP)])


async def test_larger_view_is_compared_when_ours_is_as_long(tmp_path: Path) -> None:
    """A claim waits; once the registry has grown so far it holds, or its member is doubted."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        await fed.stop("XA")
        node = await fed.start("XA", run=False)
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        views, size = node.workers.views, node.mirror.size
        views.heard(XB, fed.nodes[XB].mirror.view.head)
        views.heard(XC, RegistryHead(size + 2, b"absurd".ljust(32)))
        views.heard(XC, RegistryHead(size + 1, b"false".ljust(32)))
        assert set(views.ahead()) == {XB, XC}
        assert await node.mirror.follow()
        assert views.ahead() == ()
        assert node.workers.gossip._doubts == {XC: RegistryHead(size + 1, b"false".ljust(32))}
        assert views.named(XB) == size + 1


async def test_message_brings_the_registry_while_the_registrar_is_down(tmp_path: Path) -> None:
    """XB's new key is unknown to XA and the registrar silent: XA has it from XB, at once."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XA")
        fed.changes["XA"] = {"registry": {"poll_s": 3600}}
        node = await fed.start("XA")
        await fed.until(lambda: node.mirror.read_at)  # and asks no more for an hour
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.TLS, OFFICER)
        await fed.stop(REGISTRY)
        confirmed_at = fed.nodes[XA].mirror.checked_at
        sent = await fed.send("XB", "XA")
        await fed.until(lambda: delivered(fed, "XB", sent.id))
        mirror = fed.nodes[XA].mirror
        await fed.until(lambda: mirror.size == fed.nodes[XB].mirror.size)
        assert mirror.checked_at == confirmed_at


async def test_what_members_named_outlives_a_restart(tmp_path: Path) -> None:
    """Who is behind is known before the next message: it is kept, and shown with the members."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XB", "XA")
        await fed.until(lambda: delivered(fed, "XB", sent.id))
        named = fed.nodes[XA].workers.views.named(XB)
        assert named == fed.nodes[XB].mirror.size
        await fed.nodes[XA].workers.sweep()
        await fed.stop("XA")
        node = await fed.start("XA")
        await fed.until(lambda: node.workers.views.named(XB) == named)
        shown = {item.member: item.registry_size for item in await node.rooms.members.listing()}
        assert shown == {"REGISTRY": None, "XA": None, "XB": named}


async def test_alarm_is_recorded_when_the_database_answers_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that fails ends nothing: the doubt is looked into, and what came of it is kept."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]
        monkeypatch.setattr(gossip, "RETRY_S", 0)
        write, failures = node.database.write, ["database_locked"] * 3

        async def failing(act: Any) -> Any:
            if failures and "Gossip" in act.__qualname__:
                raise UnavailableError(failures.pop())
            return await write(act)

        monkeypatch.setattr(node.database, "write", failing)
        node.workers.views.heard(XB, RegistryHead(2, bytes(32)))
        await fed.until(lambda: not failures)

        async def recorded() -> bool:
            return ("split_view.seen", XB, "made_up") in await codes(fed, XA)

        await fed.until(recorded)
        assert alarms(node) == [(XB, Verdict.MADE_UP)]


async def test_old_proof_raises_its_alarm_again_after_a_restart(tmp_path: Path) -> None:
    """For 30 days; the proof itself is kept for good, and the same conflict is kept once."""
    async with forked(tmp_path, 1, 1) as (fed, false):
        fed.shown[XB] = false
        node = fed.nodes[XA]
        for _ in range(2):
            await node.workers.gossip._examine(XB, None)
        assert len(await proofs(node)) == 1
        for ahead_s, expected in ((0, [(XB, Verdict.PROVEN)]), (31 * DAY_S, [])):
            await fed.stop("XA")
            fed.clocks[XA].ahead_s = ahead_s
            node = await fed.start("XA", run=False)
            await node.workers.gossip.load()
            assert alarms(node) == expected
            assert len(await proofs(node)) == 1


async def test_registrar_down_for_days_stops_nothing_but_changes(tmp_path: Path) -> None:
    """Five days: mail, cards and relays go on; a change made after its return reaches everyone."""
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO") as fed:
        await fed.stop(REGISTRY)
        for day in range(1, 6):
            for member in ("XA", "XB", "RO", "XC"):
                fed.clocks[MemberId(member)].ahead_s = day * DAY_S
            for sender, to in (("XA", "XB"), ("XB", "XC"), ("XC", "XA")):
                sent = await fed.send(sender, to)
                await fed.until(lambda s=sender, m=sent.id: delivered(fed, s, m))
        await fed.nodes[XB].workers._keep_fresh()
        assert await fed.nodes[XA].gate.cards.current(XB)
        with pytest.raises(UnavailableError) as caught:
            await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        assert caught.value.code == "rotation_unconfirmed"
        fed.clocks[REGISTRY].ahead_s = 5 * DAY_S
        await fed.start(REGISTRY)
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.TLS, OFFICER)
        size = fed.nodes[REGISTRY].mirror.size
        for node in fed.nodes.values():
            await fed.until(lambda m=node.mirror: m.size == size)


async def test_registrar_restored_from_a_backup_catches_up_before_it_appends(
    tmp_path: Path,
) -> None:
    """Its log went back: members give it the rest, and what it appends continues the one log."""
    async with federation(tmp_path, "XA", "XB") as fed:
        older = await put_back(fed)
        registrar = fed.nodes[REGISTRY]
        assert registrar.mirror.size < older
        await registrar.rooms.registrar.publish(admission(fed, "XD"))
        assert registrar.mirror.size == older + 1
        await fed.until(lambda: fed.nodes[XA].mirror.size == older + 1)
        assert alarms(registrar) == [(REGISTRY, Verdict.ROLLED_BACK)]
        assert alarms(fed.nodes[XA]) in ([], [(REGISTRY, Verdict.ROLLED_BACK)])


async def test_registrar_that_lacks_what_it_signed_appends_nothing(tmp_path: Path) -> None:
    """Members show its own newer head and withhold the statements: refused, and nothing signed."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.until(lambda: fed.nodes[XB].mirror.size == 3)
        whole = await statements(fed)
        held = signed(fed, [*whole, admission(fed, "XX"), admission(fed, "XY")])
        await put_back(fed, run=False)
        for name in (XA, XB):
            fed.shown[name] = History(held.notes[:-1], held.head)
        registrar = fed.nodes[REGISTRY]
        before = registrar.mirror.view.head, await registrar.mirror.checkpoint()
        for _ in range(2):
            with pytest.raises(RejectedError) as caught:
                await registrar.rooms.registrar.publish(admission(fed, "XD"))
            assert caught.value.code == "registry_rollback"
        assert (registrar.mirror.view.head, await registrar.mirror.checkpoint()) == before


async def put_back(fed: Federation, *, run: bool = True) -> int:
    """Grow the registry by one statement and take the registrar's database back before that.

    Return the size that the members have.
    """
    await fed.stop(REGISTRY)
    store = fed.place / REGISTRY / "liaison.db"
    backup = store.read_bytes()
    await fed.start(REGISTRY)
    await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
    size = fed.nodes[REGISTRY].mirror.size
    for name in (XA, XB):
        await fed.until(lambda m=fed.nodes[name].mirror: m.size == size)
    await fed.stop(REGISTRY)
    for leftover in store.parent.glob("liaison.db-*"):
        leftover.unlink()
    store.write_bytes(backup)
    await fed.start(REGISTRY, run=run)
    return size
