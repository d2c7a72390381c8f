"""Members without an address: everything reaches them through relays, and relays learn nothing."""

import asyncio
from pathlib import Path

from gateway.protocol.mailbox import Collect, Collected, Confirmation
from gateway.services.relay.collecting import _Mailbox
from keys.suite import KeyUse, MemberId
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import codes, delivered

XA, XC, RO, RE = (MemberId(name) for name in ("XA", "XC", "RO", "RE"))


async def test_member_without_an_address_sends_and_receives(tmp_path: Path) -> None:
    """XC answers for itself by outbound calls alone: message, receipt, reply, receipt."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        (got,) = (await fed.inbox("XC")).messages
        assert got.id == sent.id
        shown = await fed.read("XA", sent.id)
        assert shown.recipients[0].receipt.verified
        assert all(to != XC for _, to, _ in fed.posted)
        reply = await fed.send("XC", "XA")
        await fed.until(lambda: delivered(fed, "XC", reply.id))
        entries = await codes(fed, RO)
        assert ("custody.taken", "XA", "") in entries


async def test_two_relays_carry_a_message_and_its_receipt(tmp_path: Path) -> None:
    """XA hands everything to its own relay RE, which hands it to XC's relay RO."""
    changes = {"XA": {"delivery": {"through_relay": True}}}
    async with federation(tmp_path, "XA@RE", "RE", "RO", "XC@RO", changes=changes) as fed:
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        ways = {(caller, to) for caller, to, _ in fed.posted}
        assert ways == {(XA, RE), (RE, RO)}
        (copy,) = [copy for _, _, found in fed.collected for copy in found.copies]
        assert copy.hops == ("RE", "RO")


async def test_one_envelope_is_fanned_out_as_thin_copies(tmp_path: Path) -> None:
    """Three recipients behind one relay: the body travels to it once."""
    async with federation(tmp_path, "XA", "RO", "XC@RO", "XD@RO", "XE@RO") as fed:
        sent = await fed.send("XA", "XC", to=["XC", "XD", "XE"])
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        (posted,) = [item for caller, to, item in fed.posted if (caller, to) == (XA, RO)]
        assert posted.to == ("XC", "XD", "XE")
        for member in ("XC", "XD", "XE"):
            assert [item.id for item in (await fed.inbox(member)).messages] == [sent.id]


async def test_relay_itself_sends_to_whom_it_serves(tmp_path: Path) -> None:
    """The liaison office's own message waits in the mailbox that it keeps."""
    async with federation(tmp_path, "RO", "XC@RO") as fed:
        sent = await fed.send("RO", "XC")
        await fed.until(lambda: delivered(fed, "RO", sent.id))


async def test_mailbox_waits_for_a_member_that_is_away(tmp_path: Path) -> None:
    """In custody meanwhile; a relay that dies holds it still; expiry is visible."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        first = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        await fed.stop("XC")
        sent = await fed.send("XA", "XC")

        async def in_custody() -> bool:
            return await fed.state("XA", sent.id) == "in_custody"

        await fed.until(in_custody)
        await fed.stop("RO")
        await fed.start("RO")
        await fed.start("XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len((await fed.inbox("XC")).messages) == 2


async def test_mailbox_full_reaches_the_sender(tmp_path: Path) -> None:
    """The sender sees why it waits; when there is room, it goes through."""
    changes = {"RO": {"relay": {"mailbox_copies": 1, "full_retry_s": 1}}}
    async with federation(tmp_path, "XA", "RO", "XC@RO", changes=changes) as fed:
        first = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        await fed.stop("XC")
        sent = [await fed.send("XA", "XC") for _ in range(2)]

        async def said() -> bool:
            rows = [(await fed.read("XA", item.id)).recipients[0] for item in sent]
            return {(row.state, row.code) for row in rows} >= {("queued", "mailbox_full")}

        await fed.until(said)
        await fed.start("XC")
        for item in sent:
            await fed.until(lambda item=item: delivered(fed, "XA", item.id))


async def test_receipt_on_its_way_back_survives_the_relay(tmp_path: Path) -> None:
    """XA is away when the receipt comes; the relay dies; XA learns it afterwards."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        fed.cut.add((RO, XA))
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: _has(fed, "XC", sent.id))
        await fed.stop("RO")
        fed.cut.clear()
        await fed.start("RO")
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_two_collectors_never_get_the_same_copy(tmp_path: Path) -> None:
    """A lease each; what is not confirmed comes again, to one of them."""
    changes = {"RO": {"relay": {"collect_lease_s": 2}}}
    async with federation(tmp_path, "XA", "RO", "XC@RO", changes=changes) as fed:
        first = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        await fed.stop("XC")
        sent = [await fed.send("XA", "XC") for _ in range(20)]
        for item in sent:
            await fed.until(lambda item=item: _in_custody(fed, item.id))
        mailbox = fed.nodes[RO].gate.for_hop(XC)
        asked = Collect(0, (), ())
        found: list[Collected] = []
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(mailbox.collect(asked)) for _ in range(4)]
        found = [task.result() for task in tasks]
        names = [copy.envelope for item in found for copy in item.copies]
        assert len(names) == len(set(names)) == 20
        await fed.start("XC")
        for item in sent:
            await fed.until(lambda item=item: delivered(fed, "XA", item.id))
        assert len((await fed.inbox("XC")).messages) == 21


async def test_stale_card_comes_back_through_the_relay(tmp_path: Path) -> None:
    """XC cannot open what came: its signed word goes back, and XA wraps anew."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        first = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        xc = fed.nodes[XC]
        old = [record.key_id for record in xc.keys.keyring.records(KeyUse.SEAL)]
        await xc.rooms.rotation.rotate(KeyUse.SEAL, OFFICER)
        xc.keys.keyring = xc.keys.keyring.without(*old)
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_relay_is_asked_again_when_it_does_not_answer(tmp_path: Path) -> None:
    """Down, then back: nothing is lost, and nothing comes twice."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        fed.cut.add((XA, RO))
        sent = [await fed.send("XA", "XC") for _ in range(5)]
        await asyncio.sleep(1.5)
        fed.cut.clear()
        for item in sent:
            await fed.until(lambda item=item: delivered(fed, "XA", item.id))
        assert len((await fed.inbox("XC")).messages) == 6


async def _has(fed: Federation, member: str, message: str) -> bool:
    return message in [item.id for item in (await fed.inbox(member)).messages]


async def _in_custody(fed: Federation, message: str) -> bool:
    return await fed.state("XA", message) == "in_custody"


def test_calls_side_by_side_leave_no_confirmation_unsaid() -> None:
    """Both say the same, and both end: what came up meanwhile is still to be said."""
    first, later = Confirmation(b"first", b""), Confirmation(b"later", b"")
    mailbox = _Mailbox(confirmations=[first])
    mailbox.forget([first], [])
    mailbox.confirmations.append(later)
    mailbox.forget([first], [])
    assert mailbox.confirmations == [later]
