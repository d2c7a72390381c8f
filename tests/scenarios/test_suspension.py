"""A member is suspended in the middle of traffic, and resumed: nothing is lost or doubled."""

from pathlib import Path

import pytest

from gateway.errors import ForbiddenError, RejectedError, UnavailableError
from gateway.protocol.answer import Accepted, Later, Posted
from gateway.protocol.envelope import parse_envelope
from gateway.protocol.mailbox import Collect
from gateway.services.federation.standing import SUSPENDED, SUSPENDED_S
from gateway.store import messages
from keys.registry.draft import follow, root_signers
from keys.registry.statement import REGISTRY, Chain, Kind
from keys.rootfile import read
from keys.suite import KeyUse, MemberId
from keys.tlog.note import sign_note
from tests.scenarios.federation import OFFICER, Federation, federation, unaware
from tests.scenarios.test_cards import SOON
from tests.scenarios.test_exchange import codes, delivered
from tests.scenarios.test_media import bring, export
from tests.world import Seeded

XA, XB, XC, RO, RE = (MemberId(name) for name in ("XA", "XB", "XC", "RO", "RE"))
EVERYWHERE = dict.fromkeys(("XA", "XB", "XC", "RO", "RE"), SOON)


async def said(fed: Federation, kind: Kind, member: MemberId) -> None:
    """Let the registrars suspend or resume a member."""
    view, now = fed.nodes[REGISTRY].mirror.view, fed.clocks[REGISTRY].now()
    statement = follow(view, kind, member, Chain.ISSUER, at=now)
    file = fed.place / REGISTRY / "offline" / "REGISTRY.root-1-1.key"
    root = read(file, b"pass", entropy=Seeded("root"))
    note = sign_note(statement.text(), root_signers(root))
    await fed.nodes[REGISTRY].rooms.registrar.publish(note)


async def seen(fed: Federation, member: MemberId, *by: MemberId, suspended: bool = True) -> None:
    """Wait until these nodes see it, or all."""
    for name in by or tuple(fed.nodes):
        mirror = fed.nodes[name].mirror
        await fed.until(lambda m=mirror: m.view.members[member].suspended is suspended)


async def suspend(fed: Federation, member: MemberId) -> None:
    """Suspend a member, and wait until everybody sees it."""
    await said(fed, Kind.SUSPEND, member)
    await seen(fed, member)


async def resume(fed: Federation, member: MemberId) -> None:
    """Resume a member, and wait until everybody sees it."""
    await said(fed, Kind.RESUME, member)
    await seen(fed, member, suspended=False)


async def waits(fed: Federation, sender: str, message: str) -> bool:
    """Tell whether a message waits because of a suspension, as its house sees it."""
    (row,) = (await fed.read(sender, message)).recipients
    listed = await fed.nodes[MemberId(sender)].rooms.health.undelivered(OFFICER)
    shown = {item.code for item in listed if item.message == message}
    return (row.state, row.code, shown) == ("queued", SUSPENDED, {SUSPENDED})


async def inbox(fed: Federation, member: str) -> list[str]:
    """Return what a member received, in order of its ids."""
    return sorted(item.id for item in (await fed.inbox(member)).messages)


async def test_suspension_in_the_middle_of_traffic_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    """XB in both directions, directly and with one behind a relay; all of it arrives once after."""
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO", changes=EVERYWHERE) as fed:
        pairs = [("XA", "XB"), ("XB", "XA"), ("XC", "XB"), ("XB", "XC")]
        before = {pair: await fed.send(*pair) for pair in pairs}
        for (sender, _), item in before.items():
            await fed.until(lambda s=sender, i=item.id: delivered(fed, s, i))
        fed.cut = {(XA, XB), (XB, XA), (XC, XB), (XB, RO)}
        under_way = {pair: await fed.send(*pair) for pair in pairs}
        stored = {name: await inbox(fed, name) for name in ("XA", "XB", "XC")}
        await suspend(fed, XB)
        fed.cut.clear()
        for (sender, _), item in under_way.items():
            await fed.until(lambda s=sender, i=item.id: waits(fed, s, i))
        for node in (XA, XC):
            with pytest.raises(RejectedError) as to_it:
                await fed.send(node, "XB")
            assert to_it.value.code == SUSPENDED
        with pytest.raises(ForbiddenError) as by_it:
            await fed.send("XB", "XA")
        assert by_it.value.code == SUSPENDED
        other = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", other.id))
        assert await inbox(fed, "XA") == stored["XA"]
        assert await inbox(fed, "XB") == stored["XB"]
        await resume(fed, XB)
        for name in fed.nodes:  # who asked one that had not heard yet was told: in five minutes
            fed.clocks[name].ahead_s += SUSPENDED_S
        for (sender, _), item in under_way.items():
            await fed.until(lambda s=sender, i=item.id: delivered(fed, s, i))
        for name in ("XA", "XB", "XC"):
            came = [
                item.id
                for sent in (before, under_way)
                for (_, to), item in sent.items()
                if to == name
            ]
            assert await inbox(fed, name) == sorted([*came, *([other.id] if name == "XC" else [])])
        for name in (XA, XB, XC):
            assert "message.failed" not in {kind for kind, _, _ in await codes(fed, name)}


async def test_what_a_relay_holds_for_a_suspended_member_stays_in_its_mailbox(
    tmp_path: Path,
) -> None:
    """It is not given out, nor taken any more; the member collects it when it is resumed."""
    async with federation(tmp_path, "XA", "RO", "XC@RO", changes=EVERYWHERE) as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        await fed.stop("XC")
        sent = await fed.send("XA", "XC")

        async def in_custody() -> bool:
            return await fed.state("XA", sent.id) == "in_custody"

        await fed.until(in_custody)
        posted = fed.posted[-1][2]
        await suspend(fed, XC)
        gate = fed.nodes[RO].gate
        with pytest.raises(ForbiddenError) as collected:
            await gate.for_hop(XC).collect(Collect(0, (), ()))
        assert collected.value.code == SUSPENDED
        assert await gate.for_hop(XA).post_envelopes([posted]) == [Later(SUSPENDED, 300)]
        with pytest.raises(UnavailableError) as card:
            await gate.for_hop(None).card(XC)
        assert card.value.code == "card_unknown"
        await fed.start("XC")
        await seen(fed, XC, XC)
        assert await inbox(fed, "XC") == [warm.id]
        assert await fed.state("XA", sent.id) == "in_custody"
        await resume(fed, XC)
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert await inbox(fed, "XC") == sorted([warm.id, sent.id])


async def test_message_of_a_suspended_member_is_put_off_by_any_route_and_recorded_once(
    tmp_path: Path,
) -> None:
    """XA does not know yet: directly XB does not open it, through a relay XC puts it off."""
    changes = EVERYWHERE | {"RO": SOON | {"relay": {"collect_lease_s": 1}}}
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO", changes=changes) as fed:
        for member in ("XB", "XC"):
            warm = await fed.send("XA", member)
            await fed.until(lambda m=warm.id: delivered(fed, "XA", m))
        with unaware(fed.nodes[XA], fed.nodes[RO]):
            await said(fed, Kind.SUSPEND, XA)
            await seen(fed, XA, XB, XC)
            sent = [await fed.send("XA", member) for member in ("XB", "XC")]
            posted = [item for _, to, item in fed.posted if to == XB][-1:]

            async def recorded(member: MemberId, hop: str) -> int:
                return (await codes(fed, member)).count(("message.refused", hop, SUSPENDED))

            await fed.until(lambda: _all(recorded(XB, "XA"), recorded(XC, "RO")))
            posted = [item for _, to, item in fed.posted if to == XB][-1:]
            for _ in range(2):
                answers = await fed.nodes[XB].gate.for_hop(XA).post_envelopes(posted)
                assert answers == [Later(SUSPENDED, 300)]
            await fed.until(lambda: sum(bool(found.copies) for _, _, found in fed.collected) > 2)
            assert await recorded(XB, "XA") == await recorded(XC, "RO") == 1
        await said(fed, Kind.RESUME, XA)
        await seen(fed, XA, suspended=False)
        for item in sent:
            await fed.until(lambda m=item.id: delivered(fed, "XA", m))
        assert len(await inbox(fed, "XB")) == len(await inbox(fed, "XC")) == 2


async def _all(*counts: object) -> bool:
    return all([await count for count in counts])


async def test_suspended_relay_is_not_used_and_what_it_holds_goes_another_way(
    tmp_path: Path,
) -> None:
    """XC collects at RE instead, and senders go there; with no other relay they wait."""
    async with federation(tmp_path, "XA", "RO", "RE", "XC@RO,RE", changes=EVERYWHERE) as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        await fed.stop("XC")
        sent = await fed.send("XA", "XC")

        async def custodian() -> bool:
            return await fed.state("XA", sent.id) == "in_custody"

        await fed.until(custodian)
        (first,) = {to for _, to, _ in fed.posted}
        (second,) = {RO, RE} - {first}
        await suspend(fed, first)
        await fed.until(lambda: second in {to for _, to, _ in fed.posted})
        await fed.start("XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await suspend(fed, second)
        last = await fed.send("XA", "XC")
        posts = len(fed.posted)
        assert fed.nodes[XA].workers.lanes[0]._hop(XC) is None
        await resume(fed, first)
        await fed.until(lambda: delivered(fed, "XA", last.id))
        assert {to for _, to, _ in fed.posted[posts:]} == {first}
        assert len(await inbox(fed, "XC")) == 3


async def test_suspended_member_keeps_its_keys_and_follows_the_registry(tmp_path: Path) -> None:
    """It rotates, and is served what needs no certificate; it draws no card that nobody takes."""
    async with federation(tmp_path, "XA", "XB", changes=EVERYWHERE) as fed:
        await suspend(fed, XB)
        node = fed.nodes[XB]
        rotated = await node.rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        signer = node.keys.signer(node.mirror.view, fed.clocks[XB].now())
        assert rotated.id == signer.key_id.hex()
        held = len(node.keys.keyring.records(KeyUse.SEAL))
        with pytest.raises(UnavailableError) as seal:
            await node.rooms.rotation.rotate(KeyUse.SEAL, OFFICER)
        assert seal.value.code == SUSPENDED
        await node.rooms.rotation.keep_card_fresh()
        assert len(node.keys.keyring.records(KeyUse.SEAL)) == held
        line = fed.nodes[XA].gate.for_hop(XB)
        assert (await line.ping()).member == XA
        assert await line.registry_checkpoint()
        for refused in (line.post_card(b""), line.post_returns([]), line.offer_blob(b"", b"")):
            with pytest.raises(ForbiddenError) as caught:
                await refused
            assert caught.value.code == SUSPENDED
        status = await node.rooms.health.status()
        report = await node.rooms.health.ready()
        assert status.suspended
        assert [check.name for check in report.checks if not check.ok] == ["standing"]
        await resume(fed, XB)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_media_of_a_suspended_member_wait_too(tmp_path: Path) -> None:
    """It writes none and takes none; the same file is good again after it is resumed."""
    async with federation(tmp_path, "XA", "XB", changes=EVERYWHERE) as fed:
        await fed.nodes[XA].gate.cards.fetch(XB)
        fed.cut.update({(XA, XB), (XB, XA)})
        sent = await fed.send("XA", "XB")
        medium = await export(fed, "XA", "XB")
        await suspend(fed, XB)
        for act in (export(fed, "XA", "XB"), export(fed, "XB", "XA"), bring(fed, "XB", medium)):
            with pytest.raises(RejectedError) as caught:
                await act
            assert caught.value.code == SUSPENDED
        assert await inbox(fed, "XB") == []
        await resume(fed, XB)
        assert (await bring(fed, "XB", medium)).accepted == 1
        assert (await bring(fed, "XA", await export(fed, "XB", "XA"))).settled == 1
        assert await delivered(fed, "XA", sent.id)


async def test_receipt_of_a_suspended_member_counts_when_it_is_resumed(tmp_path: Path) -> None:
    """XB took the message, and was suspended before XA heard of it."""
    async with federation(tmp_path, "XA", "XB", changes=EVERYWHERE) as fed:
        warm = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        fed.bend_answers = lambda answer: Later("busy", 1)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: fed.answers[1:])
        fed.cut.add((XA, XB))
        await suspend(fed, XB)
        (row_id,) = await fed.nodes[XA].delivery.still_open(XB)
        (load,) = await fed.nodes[XA].delivery.copies([row_id])
        posted = fed.posted[-1][2]
        given = await fed.nodes[XB].database.read(lambda tx: messages.find(tx, XA, _id(posted)))
        assert given is not None
        await fed.nodes[XA].delivery.settle(XB, [load], [Accepted(given.receipt)])
        assert await waits(fed, "XA", sent.id)
        fed.bend_answers = None
        fed.cut.clear()
        await resume(fed, XB)
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len(await inbox(fed, "XB")) == 2


def _id(posted: Posted) -> bytes:
    return parse_envelope(posted.envelope).header.message_id
