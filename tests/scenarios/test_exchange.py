"""Gateways plugged together in memory: the promise, and what happens to those who break it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from gateway.cli.auditing.words import where
from gateway.cli.demo.story import request
from gateway.daemon import open_database
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.faults import FaultsError
from gateway.protocol.answer import Accepted, Later, Posted, Refused
from gateway.services.auditing.check import check_audit_log
from gateway.services.auditing.search import AuditQuery
from gateway.services.caller import Caller
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.sending.submission import Submission, Submitted
from gateway.settings import Role, Settings, load
from gateway.store import audit
from gateway.store.database import Transaction
from keys.suite import KeyUse, MemberId
from tests.scenarios.federation import OFFICER, Federation, entries_of, federation, unaware

XA, XB, XC = MemberId("XA"), MemberId("XB"), MemberId("XC")


async def delivered(fed: Federation, sender: str, message: str) -> bool:
    """Tell whether a message is delivered."""
    return await fed.state(sender, message) == "delivered"


async def codes(fed: Federation, member: MemberId) -> list[tuple[str, str, str]]:
    """Return (kind, peer, code) of a member's audit log."""
    node = fed.nodes[member]
    await node.workers.audit_log.sequence()
    entries = await entries_of(node)
    return [(entry.kind, entry.peer, entry.code) for entry in entries]


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """Yield content in pieces."""
    for at in range(0, len(content), 100_000):
        yield content[at : at + 100_000]


async def test_message_is_delivered_once_with_a_verified_receipt(tmp_path: Path) -> None:
    """What XA sends is in XB's inbox once, both logs verify, and XA holds XB's receipt."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        page = await fed.inbox("XB")
        assert [item.id for item in page.messages] == [sent.id]
        opened = await fed.read("XB", sent.id)
        assert opened.signature == "valid"
        assert opened.content["invoice"] == "BX-2291"
        shown = await fed.read("XA", sent.id)
        receipt = shown.recipients[0].receipt
        assert receipt is not None
        assert receipt.verified
        for member in (XA, XB):
            node = fed.nodes[member]
            await node.workers.audit_log.sequence()
            report = await node.database.read(
                lambda tx, m=member, n=node: check_audit_log(tx, n.mirror.view, m)
            )
            assert report.findings == ()
            assert report.messages == 1
        kinds = [kind for kind, _, _ in await codes(fed, XB)]
        assert "message.received" in kinds
        assert "message.read" in kinds


async def test_repeat_is_answered_with_the_original_receipt(tmp_path: Path) -> None:
    """A lost answer makes XA post again; XB answers byte for byte the same and stores nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.lose_answers = 2
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        receipts = [answer.receipt for answer in fed.answers if isinstance(answer, Accepted)]
        assert len(receipts) == 3
        assert len(set(receipts)) == 1
        assert len((await fed.inbox("XB")).messages) == 1


async def test_replay_by_a_third_member_is_refused_and_recorded(tmp_path: Path) -> None:
    """XC captured an envelope: posting it gets XC nothing, before and after XB has it."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        captured = fed.posted[0][2]
        answers = await fed.nodes[XB].gate.for_hop(XC).post_envelopes([captured])
        assert answers == [Refused("not_on_route")]
        assert ("message.refused", "XC", "not_on_route") in await codes(fed, XB)
        assert len((await fed.inbox("XB")).messages) == 1
        fed.cut.add((XA, XB))
        again = await fed.send("XA", "XB")
        await fed.until(lambda: len(fed.posted) > 1)
        fresh = fed.posted[-1][2]
        answers = await fed.nodes[XB].gate.for_hop(XC).post_envelopes([fresh])
        assert answers == [Refused("not_on_route")]
        assert len((await fed.inbox("XB")).messages) == 1
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", again.id))


async def test_message_waits_for_a_dead_peer_and_survives_restarts(tmp_path: Path) -> None:
    """Accepted while XB is down, kept over XA's own crash, delivered once when both are back."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XB")
        calls = fed.calls
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: fed.calls > calls)
        await fed.stop("XA")
        await fed.start("XB")
        await fed.start("XA")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len((await fed.inbox("XB")).messages) == 1


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
async def test_crash_at_the_receivers_commit_loses_and_doubles_nothing(
    tmp_path: Path, moment: str
) -> None:
    """XB dies at the commit of what it received; after its restart the message is there once."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XB")
        armed = []

        def fault(point: str) -> None:
            if armed and point == moment:
                armed.clear()
                raise RuntimeError("the machine died")

        await fed.start("XB", fault=fault)
        await fed.until(lambda: fed.nodes[XB].mirror.known)
        armed.append(1)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: not armed)
        await fed.stop("XB")
        await fed.start("XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len((await fed.inbox("XB")).messages) == 1


async def test_sign_key_rotates_under_traffic(tmp_path: Path) -> None:
    """No message is refused while the key changes, and old messages still verify."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        sent = []

        async def traffic() -> None:
            for _ in range(20):
                sent.append(await fed.send("XA", "XB"))
                await asyncio.sleep(0.01)

        going = asyncio.ensure_future(traffic())
        rotated = await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        await going
        for item in sent:
            await fed.until(lambda i=item: delivered(fed, "XA", i.id))
        assert not [answer for answer in fed.answers if isinstance(answer, Refused)]
        last = await fed.read("XB", sent[-1].id)
        assert (last.signed_by, last.signature) == (rotated.id, "valid")
        old = await fed.read("XB", first.id)
        assert old.signed_by != rotated.id
        assert old.signature == "valid"


async def test_seal_and_tls_keys_rotate(tmp_path: Path) -> None:
    """After XB's new card XA seals to it; a new certificate is registered beside the old one."""
    async with federation(tmp_path, "XA", "XB") as fed:
        before = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", before.id))
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SEAL, OFFICER)
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.TLS, OFFICER)
        assert len(fed.nodes[XB].mirror.view.members[XB].keys_for(KeyUse.TLS)) == 2
        after = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", after.id))
        with pytest.raises(RejectedError) as caught:
            await fed.nodes[XB].rooms.rotation.rotate(KeyUse.ROOT, OFFICER)
        assert caught.value.code == "use_not_rotatable"


async def test_attachment_arrives_whole_and_a_bent_one_never(tmp_path: Path) -> None:
    """Twenty megabytes cross in segments; a segment altered on the way is refused."""
    async with federation(tmp_path, "XA", "XB") as fed:
        content = os.urandom(20_000_000)
        rooms = fed.nodes[XA].rooms
        uploaded = await rooms.attachments.upload(
            pieces(content), "rechnung.pdf", "application/pdf", OFFICER
        )
        fed.bend_segment = lambda segment: bytes([segment[0] ^ 1]) + segment[1:]
        sent = await fed.send("XA", "XB", attachments=[uploaded.id])
        await asyncio.sleep(0.3)
        assert (await fed.inbox("XB")).messages == []
        fed.bend_segment = None
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        shown = await fed.read("XB", sent.id)
        assert shown.attachments[0].size == len(content)
        theirs = fed.nodes[XB].rooms
        attachment = await theirs.inbox.attachment(shown.attachments[0].id, OFFICER)
        opened = await theirs.attachments.open(attachment)
        assert b"".join([piece async for piece in opened.read(0, opened.size)]) == content
        middle = [piece async for piece in opened.read(8_388_000, 8_400_000)]
        assert b"".join(middle) == content[8_388_000:8_400_000]
        for wrong in ("XA-00.0", f"{sent.id}.7", f"{sent.id}.x"):
            with pytest.raises(RejectedError):
                await theirs.inbox.attachment(wrong, OFFICER)


async def test_hostile_posts_are_refused_each_with_its_reason(tmp_path: Path) -> None:
    """Garbage, a foreign address, an altered body: refused and recorded, nothing stored."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        to_xc = fed.posted[0][2]
        altered = Posted((), ("XB",), to_xc.envelope[:-1] + bytes([to_xc.envelope[-1] ^ 1]))
        gate = fed.nodes[XB].gate.for_hop(XA)
        misled = Posted((), ("XB",), to_xc.envelope)
        answers = await gate.post_envelopes([Posted((), ("XB",), b"garbage"), misled, altered])
        assert answers == [
            Refused("encoding_invalid"), Refused("not_addressed"), Refused("not_addressed")
        ]  # fmt: skip
        answers = (
            await fed.nodes[XC]
            .gate.for_hop(XA)
            .post_envelopes([Posted((), ("XC",), altered.envelope)])
        )
        assert answers == [Refused("invalid")]
        assert ("message.refused", "XA", "body_invalid") in await codes(fed, XC)
        assert (await fed.inbox("XB")).messages == []
        with pytest.raises(ForbiddenError) as caught:
            await fed.nodes[XB].gate.for_hop(None).post_envelopes([to_xc])
        assert caught.value.code == "member_required"
        with pytest.raises(ForbiddenError) as unknown:
            fed.nodes[XB].gate.standing(bytes(32))
        assert unknown.value.code == "pin_unknown"


async def test_clock_ten_minutes_ahead_is_refused_with_its_reason(tmp_path: Path) -> None:
    """A sender whose clock runs ten minutes ahead is told so, and the message says why."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.clocks[XA].ahead_s = 600
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: fed.answers == [Refused("created_in_future")])
        assert (await fed.inbox("XB")).messages == []

        async def refused() -> bool:
            (recipient,) = (await fed.read("XA", sent.id)).recipients
            return (recipient.state, recipient.code) == ("failed", "created_in_future")

        await fed.until(refused)


async def test_newer_registry_makes_the_receiver_catch_up(tmp_path: Path) -> None:
    """XB does not know XA's new key yet: it answers later, follows the registry, then accepts."""
    async with federation(tmp_path, "XA", "XB") as fed:
        with unaware(fed.nodes[XB]):
            await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
            sent = await fed.send("XA", "XB")
            await fed.until(lambda: any(isinstance(item, Later) for item in fed.answers))
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_submission_is_checked_before_anything_is_kept(tmp_path: Path) -> None:
    """Unknown members, kinds, cases and wrong contents are refused; the outbox stays empty."""
    async with federation(tmp_path, "XA", "XB") as fed:
        for changes, code in (
            ({"to": ["XZ"]}, "member_unknown"),
            ({"to": ["XA"]}, "recipient_not_possible"),
            ({"to": ["XB", "XB"]}, "validation_failed"),
            ({"kind": "request.everything"}, "kind_unknown"),
            ({"content": {}}, "validation_failed"),
            ({"case": "00" * 16}, "case_unknown"),
            ({"in_reply_to": "XB-" + "0" * 32}, "message_unknown"),
            ({"in_reply_to": "XB"}, "message_ref_malformed"),
            ({"attachments": ["00" * 16]}, "attachment_unknown"),
            ({"expires_in_s": 10**9}, "validation_failed"),
            ({"kind": "case.reply", "content": {}}, "validation_failed"),
        ):
            with pytest.raises(LiaisonError) as caught:
                await fed.send("XA", "XB", **changes)
            assert caught.value.code == code, changes
            if isinstance(caught.value, FaultsError):
                assert all(fault.sentence("fr") for fault in caught.value.faults)
        status = await fed.nodes[XA].rooms.health.status()
        assert sum(status.outbox.values()) == 0


async def test_roles_and_units_are_denied_by_default(tmp_path: Path) -> None:
    """Who has no role gets nothing, and a unit sees its own messages only."""
    nobody = Caller(name="uid:9", roles=frozenset())
    unit = Caller(name="uid:2", roles=frozenset({Role.OFFICER}), unit="valuation")
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        mine = await fed.send("XA", "XB", unit="valuation")
        rooms = fed.nodes[XA].rooms
        for act in (
            rooms.inbox.read(sent.id, nobody),
            rooms.inbox.page(MessageQuery(), nobody),
            rooms.exchange.submit([], nobody),
            rooms.rotation.rotate(KeyUse.SIGN, nobody),
            rooms.audit_search.find(AuditQuery(), nobody),
            rooms.health.undelivered(nobody),
        ):
            with pytest.raises(ForbiddenError) as caught:
                await act
            assert caught.value.code == "role_missing"
        with pytest.raises(ForbiddenError) as foreign:
            await rooms.inbox.read(sent.id, unit)
        assert foreign.value.code == "unit_mismatch"
        page = await rooms.inbox.page(MessageQuery(), unit)
        assert [item.id for item in page.messages] == [mine.id]


async def test_idempotency_key_gives_the_same_answer(tmp_path: Path) -> None:
    """The same request with the same key is accepted once; another request with it is refused."""
    async with federation(tmp_path, "XA", "XB") as fed:
        exchange = fed.nodes[XA].rooms.exchange
        one = msgspec.convert(request([]), Submission)
        first = await exchange.submit([one], OFFICER, idempotency_key="k")
        again = await exchange.submit([one], OFFICER, idempotency_key="k")
        assert first == again
        other = msgspec.convert({**request([]), "priority": 1}, Submission)
        with pytest.raises(LiaisonError) as caught:
            await exchange.submit([other], OFFICER, idempotency_key="k")
        assert caught.value.code == "idempotency_key_reused"


async def test_expired_message_ends_visibly(tmp_path: Path) -> None:
    """A message that could not be delivered in time is expired, and says so."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB", expires_in_s=5)
        fed.clocks[XA].ahead_s = 60
        await fed.nodes[XA].workers.sweep()
        assert await fed.state("XA", sent.id) == "expired"


async def test_batch_is_posted_together_and_signed_once(tmp_path: Path) -> None:
    """A hundred messages submitted together cross in few posts and are all delivered."""
    async with federation(tmp_path, "XA", "XB") as fed:
        batch = [msgspec.convert(request([]), Submission) for _ in range(100)]
        answers = await fed.nodes[XA].rooms.exchange.submit(batch, OFFICER)
        assert all(isinstance(answer, Submitted) for answer in answers)

        async def all_delivered() -> bool:
            status = await fed.nodes[XA].rooms.health.status()
            return status.outbox["delivered"] == 100

        await fed.until(all_delivered)
        assert len((await fed.inbox("XB")).messages) == 100
        waiting = await fed.nodes[XB].database.read(audit.waiting)
        assert waiting >= 0


async def test_altered_log_and_message_are_found(tmp_path: Path) -> None:
    """One altered byte in an entry, a checkpoint or a stored message is found and located."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        node = fed.nodes[XB]
        await fed.stop("XB")

        database = open_database(load(tmp_path / "XB" / "gateway.toml"))
        view = node.mirror.view

        year = datetime.fromtimestamp(fed.clocks[XB].now(), UTC).year

        def check() -> tuple[str, ...]:
            report = database.read_now(lambda tx: check_audit_log(tx, view, XB))
            return tuple(where(finding, "en") for finding in report.findings)

        assert check() == ()
        database.write_now(
            lambda tx: tx.execute(text("UPDATE messages SET body = CAST(body || x'00' AS BLOB)"))
        )
        assert check() == (f"message {sent.id}",)
        database.write_now(lambda tx: tx.execute(text("DELETE FROM messages")))
        database.write_now(
            lambda tx: tx.execute(
                text("UPDATE audit_entries SET leaf_hash = zeroblob(32) WHERE number = 1")
            )
        )
        assert f"audit entry 1 of {year}" in check()
        database.write_now(lambda tx: tx.execute(text("DELETE FROM audit_entries WHERE number=1")))
        assert f"audit entry 1 of {year}" in check()
        database.close()


async def test_keys_are_drawn_once_and_never_lost(tmp_path: Path) -> None:
    """Rotations at the same moment wait for each other; what one drew, the other keeps."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        rotation, epochs = node.rooms.rotation, Settings().policy.epochs
        assert len(node.keys.keyring.records(KeyUse.SEAL)) == epochs
        before = set(node.keys.keyring.records(KeyUse.SEAL))
        async with asyncio.TaskGroup() as group:
            for use in (KeyUse.SEAL, KeyUse.SIGN, KeyUse.TLS, KeyUse.SEAL):
                group.create_task(rotation.rotate(use, OFFICER))
            group.create_task(rotation.keep_card_fresh())
        held = node.keys.keyring
        assert len(held.records(KeyUse.SEAL)) == 3 * epochs
        assert before <= set(held.records(KeyUse.SEAL))
        assert len(held.records(KeyUse.SIGN)) == len(held.records(KeyUse.TLS)) == 2
        assert fed.unlock(XA).body == held.encode()


async def test_node_that_waits_for_admission_draws_no_sealing_keys(tmp_path: Path) -> None:
    """However long it waits; nothing could sign its card."""
    fed = Federation(tmp_path)
    fed.found("XA")
    try:
        await fed.start("REGISTRY")
        node = await fed.start("XA")
        await fed.until(lambda: node.mirror.known)
        for _ in range(3):
            with pytest.raises(LiaisonError) as caught:
                await node.rooms.rotation.keep_card_fresh()
            assert caught.value.code == "not_admitted"
        assert node.keys.keyring.records(KeyUse.SEAL) == ()
    finally:
        await fed.stop("XA")
        await fed.stop("REGISTRY")


async def test_nearly_full_disk_refuses_new_work_and_finishes_what_was_accepted(
    tmp_path: Path,
) -> None:
    """Said by name; what was promised before is delivered, and with room again work goes on."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB")
        blobs = fed.nodes[XA].workers.blobs
        blobs.free_bytes = lambda: 1_000_000
        with pytest.raises(LiaisonError) as caught:
            await fed.send("XA", "XB")
        assert (caught.value.code, "disk" in caught.value.detail) == ("disk_full", True)
        with pytest.raises(LiaisonError) as upload:
            await fed.nodes[XA].rooms.attachments.upload(pieces(b"x"), "a", "text/plain", OFFICER)
        assert upload.value.code == "disk_full"
        report = await fed.nodes[XA].rooms.health.ready()
        assert [check.name for check in report.checks if not check.ok] == ["disk"]
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        del blobs.free_bytes
        again = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", again.id))


async def test_full_database_at_the_receiver_defers_and_then_delivers(tmp_path: Path) -> None:
    """XB's disk is really full for a while: XA keeps the message and brings it later, once."""
    async with federation(tmp_path, "XA", "XB") as fed:
        database = fed.nodes[XB].database

        def limit(pages: int) -> Callable[[Transaction], object]:
            return lambda tx: tx.execute(text(f"PRAGMA max_page_count = {pages}")).scalar()

        await database.write(limit(1))
        content = request([])["content"] | {"facts": "x" * 20_000, "enquiries_made": "y" * 20_000}
        sent = await fed.send("XA", "XB", content=content)
        await fed.until(lambda: len(fed.posted) > 0)
        await asyncio.sleep(0.5)
        assert not await delivered(fed, "XA", sent.id)
        await database.write(limit(1_000_000))
        fed.clocks[XA].ahead_s = 60  # XB asked for half a minute
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert [item.id for item in (await fed.inbox("XB")).messages] == [sent.id]
