"""What the conformance suites and issue threads of other gateways ask of one, as it is here.

``gateway/BEHAVIOURS.md`` says which test shows which behaviour; here are those that no other module
is about.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import msgspec
import pytest
from sqlalchemy import text

from gateway.errors import ConflictError, UnavailableError
from gateway.protocol.answer import Answer, Later, Posted, Refused
from gateway.protocol.mailbox import Collect, Halted, Return
from gateway.protocol.message import Payload
from gateway.services.gatekeeper import Hop
from gateway.services.receiving import inbox
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.relay.collecting import _Mailbox as Mailbox
from gateway.services.sending import drafting
from gateway.store import custody
from keys.registry.statement import REGISTRY, Chain
from keys.suite import KeyUse, MemberId
from tests.scenarios.federation import OFFICER, Federation, federation, unaware
from tests.scenarios.test_detours import again, declaring
from tests.scenarios.test_exchange import codes, delivered, pieces

XA, XB, XC, RO = (MemberId(name) for name in ("XA", "XB", "XC", "RO"))
WEEK_S = 7 * 86_400


def suspend(fed: Federation, member: MemberId, *, seen_by: MemberId) -> None:
    """Let a node see a member suspended."""
    mirror = fed.nodes[seen_by].mirror
    members = dict(mirror.view.members)
    members[member] = replace(members[member], suspended_by=frozenset({Chain.ISSUER}))
    mirror._show(replace(mirror.view, members=MappingProxyType(members)))


async def stored(fed: Federation, member: MemberId) -> list[str]:
    """Return what a member's house sees of what was received."""
    return [item.id for item in (await fed.inbox(member)).messages]


async def first(fed: Federation) -> Posted:
    """Send a message from XA to XB, and return it as it was posted."""
    sent = await fed.send("XA", "XB")
    await fed.until(lambda: delivered(fed, "XA", sent.id))
    return fed.posted[-1][2]


# No receipt, late receipts, receipts for nothing


async def test_sender_stops_when_the_way_of_receipts_is_restored(tmp_path: Path) -> None:
    """Retried while answers are lost; then one delivery, and not one post more."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.lose_answers = 2
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len(fed.posted) == 3
        fed.nodes[XA].gate.seen(XB)
        await asyncio.sleep(1.5)
        assert len(fed.posted) == 3
        assert await stored(fed, XB) == [sent.id]


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_end_is_told_to_who_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """A long poll wakes when a message ends, and the end stays listed with its reason."""
    monkeypatch.setattr(inbox, "LOOK_AGAIN_S", 3600.0)
    async with federation(tmp_path, "XA", "XB") as fed:
        query = MessageQuery(direction="out", state=end, wait_s=60)
        poll = asyncio.ensure_future(fed.nodes[XA].rooms.inbox.page(query, OFFICER))
        if end == "failed":
            fed.bend_answers = lambda _: Refused("content_invalid")
        else:
            fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB", expires_in_s=30)
        if end == "expired":
            fed.clocks[XA].ahead_s = 60
            await fed.nodes[XA].workers.sweep()
        await fed.until(poll.done, 30)
        assert [item.id for item in poll.result().messages] == [sent.id]
        rows = await fed.nodes[XA].rooms.health.undelivered(OFFICER)
        assert [(row.message, row.state) for row in rows] == [(sent.id, end)]
        count = len(fed.posted)
        fed.bend_answers = None
        fed.cut.clear()
        await asyncio.sleep(1.5)
        assert (len(fed.posted), await fed.state("XA", sent.id)) == (count, end)
        reason = ("XB", "content_invalid") if end == "failed" else ("", "expired")
        assert ("message.failed", *reason) in await codes(fed, XA)


async def test_receipt_that_comes_after_the_end_settles_all_the_same(tmp_path: Path) -> None:
    """XB has it, XA had given it up: delivered it is, and the log says both."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]

        def expired_meanwhile(answer: Answer) -> Answer:
            late = text("UPDATE outbox SET state = 'expired', settled_at = 1")
            node.database.write_now(lambda tx: tx.execute(late))
            return answer

        fed.bend_answers = expired_meanwhile
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert ("receipt.held", "XB", "") in await codes(fed, XA)


async def test_receipt_that_a_relay_brings_late_settles_an_expired_message(tmp_path: Path) -> None:
    """Its way back was cut until the message had expired at its sender."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        fed.cut.add((RO, XA))
        sent = await fed.send("XA", "XC")

        async def arrived() -> bool:
            return sent.id in await stored(fed, XC)

        await fed.until(arrived)
        fed.clocks[XA].ahead_s = WEEK_S + 60
        await fed.nodes[XA].workers.sweep()
        assert await fed.state("XA", sent.id) == "expired"
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_return_of_something_never_sent_is_refused_and_recorded(tmp_path: Path) -> None:
    """RO speaks of a message that XA never wrote: nothing moves but the log."""
    async with federation(tmp_path, "XA", "RO") as fed:
        before = (await fed.nodes[XA].rooms.health.status()).outbox
        made_up = Return(bytes(32), bytes(16), XC, bytes(32), Halted("mailbox_full"))
        await fed.nodes[XA].gate.for_hop(RO).post_returns([made_up])
        assert ("receipt.refused", "RO", "receipt_unknown") in await codes(fed, XA)
        assert (await fed.nodes[XA].rooms.health.status()).outbox == before


# Duplicates


async def test_duplicate_after_expiry_still_gets_the_first_receipt(tmp_path: Path) -> None:
    """For as long as retries can last: what was accepted is not refused for being late."""
    async with federation(tmp_path, "XA", "XB") as fed:
        posted = await first(fed)
        fed.clocks[XB].ahead_s = WEEK_S + 13 * 86_400
        await fed.nodes[XB].workers.sweep()
        assert await fed.nodes[XB].gate.for_hop(XA).post_envelopes([posted]) == fed.answers


async def test_duplicate_of_a_refused_message_is_refused_again(tmp_path: Path) -> None:
    """And recorded again; nothing of it is stored."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.clocks[XA].ahead_s = 600
        await fed.send("XA", "XB")
        await fed.until(lambda: fed.answers)
        posted = fed.posted[0][2]
        again_answered = await fed.nodes[XB].gate.for_hop(XA).post_envelopes([posted])
        assert again_answered == [Refused("created_in_future")]
        refused = ("message.refused", "XA", "created_in_future")
        assert (await codes(fed, XB)).count(refused) == 2
        assert await stored(fed, XB) == []


async def test_same_id_from_two_senders_is_two_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id is a sender's own: neither can take a name from the other."""
    monkeypatch.setattr(drafting, "draw_id", lambda now, entropy: bytes(15) + b"1")
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        sent = [(name, (await fed.send(name, "XB")).id) for name in ("XA", "XC")]
        for name, ref in sent:
            await fed.until(lambda name=name, ref=ref: delivered(fed, name, ref))
        assert {ref.partition("-")[2] for _, ref in sent} == {bytes(15).hex() + "31"}
        assert sorted(await stored(fed, XB)) == sorted(ref for _, ref in sent)


# What is refused, each with its own reason


@pytest.mark.parametrize("times", [0, 2])
async def test_more_or_fewer_attachments_than_declared_are_refused(
    tmp_path: Path, times: int
) -> None:
    """Named twice in the header, or not at all: recorded, and nothing stored."""
    async with federation(tmp_path, "XA", "XB") as fed:
        posted = await with_attachment(fed)
        before = await stored(fed, XB)
        more = await again(fed, posted, named=bytes(16), drafted=declaring(times))
        answers = await fed.nodes[XB].gate.for_hop(XA).post_envelopes([more])
        assert answers == [Refused("invalid")]
        assert ("message.refused", "XA", "blobs_mismatch") in await codes(fed, XB)
        assert await stored(fed, XB) == before


async def test_attachment_that_is_not_what_was_signed_is_refused(tmp_path: Path) -> None:
    """The blob is whole and opens, and yet it is another one."""
    async with federation(tmp_path, "XA", "XB") as fed:
        posted = await with_attachment(fed)
        before = await stored(fed, XB)

        def other(payload: Payload) -> Payload:
            (attachment,) = payload.attachments
            wrong = msgspec.structs.replace(attachment, plain_digest=bytes(32))
            return msgspec.structs.replace(payload, attachments=(wrong,))

        another = await again(fed, posted, named=bytes(16), bend=other)
        answers = await fed.nodes[XB].gate.for_hop(XA).post_envelopes([another])
        assert answers == [Refused("invalid")]
        assert ("message.refused", "XA", "attachment_invalid") in await codes(fed, XB)
        assert await stored(fed, XB) == before


async def test_blob_that_never_comes_stores_nothing(tmp_path: Path) -> None:
    """Fewer attachments brought than declared: pending, not half a message."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.bend_segment = lambda segment: bytes(len(segment))
        up = await upload(fed)
        sent = await fed.send("XA", "XB", attachments=[up])

        async def says_why() -> bool:
            return (await fed.read("XA", sent.id)).recipients[0].code == "segment_mismatch"

        await fed.until(says_why)
        assert await stored(fed, XB) == []
        fed.bend_segment = None
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_suspended_member_is_not_heard_directly_nor_through_a_relay(tmp_path: Path) -> None:
    """The recipient takes nothing that a suspended sender signed, whoever brings it."""
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO") as fed:
        suspend(fed, XA, seen_by=XB)
        await fed.send("XA", "XB")
        await fed.until(lambda: fed.answers)
        assert fed.answers[0] == Later("member_suspended", 300)
        assert ("message.refused", "XA", "member_suspended") in await codes(fed, XB)
        suspend(fed, XA, seen_by=XC)
        sent = await fed.send("XA", "XC")

        async def refused() -> bool:
            return ("message.refused", "RO", "member_suspended") in await codes(fed, XC)

        await fed.until(refused)
        (recipient,) = (await fed.read("XA", sent.id)).recipients
        assert recipient.state == "in_custody"
        assert await stored(fed, XB) == await stored(fed, XC) == []


async def test_expired_message_is_refused(tmp_path: Path) -> None:
    """It was under way too long: recorded, and nothing stored."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.clocks[XB].ahead_s = WEEK_S + 60
        await fed.send("XA", "XB")
        await fed.until(lambda: fed.answers)
        assert fed.answers == [Refused("envelope_expired")]
        assert ("message.refused", "XA", "envelope_expired") in await codes(fed, XB)
        assert await stored(fed, XB) == []


# Relays


async def test_relay_refuses_what_is_off_its_route_by_name(tmp_path: Path) -> None:
    """Each rule of SPEC "Routes": answered by its code, recorded where it is final, not held."""
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO") as fed:
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        posted = next(item for _, to, item in fed.posted if to == RO)
        ro = fed.nodes[RO]
        gate = ro.gate.for_hop(XA)
        held = await held_copies(fed)
        for copy, answer in (
            (changed(posted, hops=("RO",)), Refused("route_loop")),
            (changed(posted, hops=("XB", "XA")), Refused("too_many_hops")),
            (changed(posted, hops=("XB",)), Refused("hops_wrong")),
            (changed(posted, to=("XB",)), Refused("not_addressed")),
        ):
            assert await gate.post_envelopes([copy]) == [answer]
            assert ("message.refused", "XA", answer.code) in await codes(fed, RO)
        fed.clocks[RO].ahead_s = WEEK_S + 60
        assert await gate.post_envelopes([posted]) == [Refused("envelope_expired")]
        fed.clocks[RO].ahead_s = 0
        suspend(fed, XC, seen_by=RO)
        assert await gate.post_envelopes([posted]) == [Later("member_suspended", 300)]
        assert await held_copies(fed) == held


@pytest.mark.parametrize("case", ["not a relay", "nobody's relay"])
async def test_relay_serves_only_whom_it_is_to_serve(tmp_path: Path, case: str) -> None:
    """Later, not never: the registry, or the setting, may change."""
    changes = {"XB": {"relay": {"enabled": case != "not a relay"}}}
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO", changes=changes) as fed:
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        posted = next(item for _, to, item in fed.posted if to == RO)
        (answer,) = await fed.nodes[XB].gate.for_hop(XA).post_envelopes([posted])
        assert isinstance(answer, Later)
        assert answer.code == "not_served"
        assert not await fed.nodes[XB].database.read(custody.contents)


async def test_relay_never_delivers_past_expiry(tmp_path: Path) -> None:
    """XC comes back too late: its mailbox is empty, and the sender sees the message expired."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        await fed.stop("XC")
        sent = await fed.send("XA", "XC")

        async def in_custody() -> bool:
            return await fed.state("XA", sent.id) == "in_custody"

        await fed.until(in_custody)
        fed.clocks[RO].ahead_s = fed.clocks[XA].ahead_s = WEEK_S + 60
        asked = Collect(0, (), ())
        assert (await fed.nodes[RO].gate.for_hop(XC).collect(asked)).copies == ()
        for name in (RO, XA):
            await fed.nodes[name].workers.sweep()
        assert not await fed.nodes[RO].database.read(custody.contents)
        assert await fed.state("XA", sent.id) == "expired"


async def test_second_relay_is_used_while_the_first_is_down(tmp_path: Path) -> None:
    """Whichever is tried first, the other takes the message."""
    async with federation(tmp_path, "XA", "RO", "RE", "XC@RO,RE") as fed:
        for down in ("RO", "RE"):
            fed.cut.add((XA, MemberId(down)))
            sent = await fed.send("XA", "XC")
            await fed.until(lambda sent=sent: delivered(fed, "XA", sent.id))
            fed.cut.clear()
            fed.nodes[XA].gate.seen(MemberId(down))
        assert len(await stored(fed, XC)) == 2


async def test_relay_with_a_nearly_full_disk_defers_what_is_new(tmp_path: Path) -> None:
    """It keeps what it has and takes no more; with room again the message goes through."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        blobs = fed.nodes[RO].workers.blobs
        blobs.free_bytes = lambda: 1_000_000
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: fed.answers)
        assert fed.answers[0] == Later("busy", 60)
        assert await held_copies(fed) == []
        del blobs.free_bytes
        fed.clocks[XA].ahead_s = 90
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_receiver_whose_clock_is_behind_refuses_what_seems_to_come_from_the_future(
    tmp_path: Path,
) -> None:
    """Its own fault, and it is told by the same name; nothing is stored."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.clocks[XA].ahead_s = 3600  # an hour after the keys were made
        fed.clocks[XB].ahead_s = 3000
        await fed.send("XA", "XB")
        await fed.until(lambda: fed.answers)
        assert fed.answers == [Refused("created_in_future")]
        report = await fed.nodes[XA].rooms.health.ping("XB", OFFICER)
        assert -605 <= report.clock_difference_s <= -595
        assert await stored(fed, XB) == []


# Requeue, pulls, syncs, what is down


async def test_requeue_keeps_the_bytes_and_not_past_expiry(tmp_path: Path) -> None:
    """The same envelope leaves again; what has expired is to be sent anew."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await first(fed)
        fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB")

        async def waits() -> bool:
            return len(fed.posted) > 1 and await fed.state("XA", sent.id) == "queued"

        await fed.until(waits)
        rooms = fed.nodes[XA].rooms
        await rooms.delivery.withdraw(sent.id, OFFICER)
        count = len(fed.posted)
        await rooms.delivery.requeue(sent.id, OFFICER)
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert {fed.posted[1][2].envelope} == {item.envelope for _, _, item in fed.posted[count:]}
        fed.cut.add((XA, XB))
        late = await fed.send("XA", "XB")
        await fed.until(lambda: fed.state("XA", late.id))
        fed.clocks[XA].ahead_s = WEEK_S + 60
        with pytest.raises(ConflictError) as caught:
            await rooms.delivery.requeue(late.id, OFFICER)
        assert caught.value.code == "message_expired"


async def test_pull_that_finds_nothing_new_is_one_request(tmp_path: Path) -> None:
    """Of a mailbox, and of the registry."""
    async with federation(tmp_path, "RO", "XC@RO") as fed:
        for name in ("XC", "RO"):
            await fed.stop(name)
        await fed.start("RO", run=False)
        node = await fed.start("XC", run=False)
        calls = fed.calls
        assert await node.mirror.follow() is False
        assert fed.calls == calls + 1
        async with asyncio.TaskGroup() as group:
            collecting = node.workers.collecting
            assert await collecting.collect(RO, Mailbox(), group, wait_s=0) == 0
        assert fed.calls == calls + 2


async def test_partial_sync_never_looks_complete(tmp_path: Path) -> None:
    """A source that shows fewer statements than it claims: nothing of it is believed."""
    async with federation(tmp_path, "XA", "XB") as fed:
        mirror = fed.nodes[XA].mirror
        fed.cut.add((XA, REGISTRY))
        before = mirror.size, mirror.checked_at
        with unaware(fed.nodes[XA]), pytest.raises(UnavailableError) as caught:
            await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
            await mirror.follow(Short(fed.nodes[REGISTRY].gate.for_hop(None)))
        assert caught.value.code == "registry_incomplete"
        assert (mirror.size, mirror.checked_at) == before
        assert await mirror.follow(fed.nodes[REGISTRY].gate.for_hop(None))
        assert mirror.size == before[0] + 1


class Short:
    """A registrar that claims more than it shows."""

    def __init__(self, registrar: Hop) -> None:
        self._registrar = registrar

    async def registry_checkpoint(self) -> bytes:
        """Claim everything."""
        return await self._registrar.registry_checkpoint()

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """Show nothing."""
        return ()


async def test_traffic_goes_on_without_the_registrar_for_a_week(tmp_path: Path) -> None:
    """Then new messages are refused, by name, until it confirms the registry again."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop(REGISTRY)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        fed.clocks[XA].ahead_s = WEEK_S + 60
        with pytest.raises(UnavailableError) as caught:
            await fed.send("XA", "XB")
        assert (caught.value.code, caught.value.retry_after_s) == ("registry_stale", 60)
        report = await fed.nodes[XA].rooms.health.ready()
        assert [check.name for check in report.checks if not check.ok] == ["registry"]
        await fed.start(REGISTRY)

        async def fresh() -> bool:
            return (await fed.nodes[XA].rooms.health.ready()).ready

        await fed.until(fresh)


def changed(posted: Posted, **changes: tuple[str, ...]) -> Posted:
    """Return a post on another way."""
    return msgspec.structs.replace(posted, **changes)


async def held_copies(fed: Federation) -> list[tuple[str, int, int]]:
    """Return what RO's mailboxes hold."""
    return await fed.nodes[RO].database.read(custody.contents)


async def upload(fed: Federation) -> str:
    """Upload a file at XA."""
    rooms = fed.nodes[XA].rooms
    up = await rooms.attachments.upload(pieces(b"x" * 100_000), "a.bin", "text/plain", OFFICER)
    return up.id


async def with_attachment(fed: Federation) -> Posted:
    """Send a message with an attachment from XA to XB; return it as it was posted."""
    sent = await fed.send("XA", "XB", attachments=[await upload(fed)])
    await fed.until(lambda: delivered(fed, "XA", sent.id))
    return fed.posted[-1][2]
