"""Two members without any line between them exchange everything by files alone."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import text

from gateway.cli.demo.story import reply
from gateway.errors import ForbiddenError, LiaisonError, RejectedError, UnavailableError
from gateway.protocol.mailbox import Delivered, Rejected
from gateway.protocol.medium import (
    BlobOffer,
    BlobSegment,
    CarriedCopy,
    CarriedReturn,
    Heading,
    LeftOut,
    MediumReader,
    MediumWriter,
    RegistryCheckpoint,
    RegistryStatement,
)
from gateway.services.auditing.check import check_audit_log
from gateway.services.caller import Caller
from gateway.services.media.tally import Imported, NotTaken
from gateway.store import carried
from keys.registry.statement import Chain
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import XA, XB, XC, codes, pieces

DAY_S = 86_400


def part(fed: Federation, *members: str) -> None:
    """Cut every line between these members."""
    fed.cut |= {(MemberId(a), MemberId(b)) for a in members for b in members if a != b}


async def export(fed: Federation, sender: str, to: str) -> bytes:
    """Return the medium that a member writes for another."""
    medium = fed.nodes[MemberId(sender)].rooms.exporting.export(to, OFFICER)
    return b"".join([piece async for piece in medium])


async def bring(fed: Federation, to: str, medium: bytes) -> Imported:
    """Let a member read a medium."""
    return await fed.nodes[MemberId(to)].rooms.importing.take(pieces(medium), OFFICER)


async def carry(fed: Federation, sender: str, to: str) -> Imported:
    """Carry a fresh medium across."""
    return await bring(fed, to, await export(fed, sender, to))


async def parted(fed: Federation) -> None:
    """Cut the line between XA and XB; XA holds XB's key card all the same, by a medium."""
    part(fed, "XA", "XB")
    assert (await carry(fed, "XB", "XA")).faults == {}


def records(medium: bytes) -> list[Any]:
    """Return what is on a whole medium."""
    reader = MediumReader()
    found = reader.update(medium)
    reader.finish()
    return list(found)


def only(kind: type, medium: bytes) -> list[Any]:
    """Return a medium's records of one kind."""
    return [record for record in records(medium) if isinstance(record, kind)]


def rewritten(medium: bytes, change: Callable[[list[Any]], list[Any]]) -> bytes:
    """Return a medium with other records: whole, as whoever carries it could write it."""
    writer = MediumWriter()
    heading, *others = change(records(medium)[:-1])
    return b"".join([writer.begin(heading), *map(writer.write, others), writer.end()])


async def received(fed: Federation, member: str) -> list[str]:
    """Return the names of what a member has in its inbox."""
    return [item.id for item in (await fed.inbox(member)).messages]


async def owed(fed: Federation, member: str, to: str) -> list[carried.Carried]:
    """Return what a member notes that media brought from another."""
    database = fed.nodes[MemberId(member)].database
    return await database.read(lambda tx: carried.owed(tx, to, after=0, limit=1000))


async def test_case_goes_both_ways_by_files_alone(tmp_path: Path) -> None:
    """Request, attachment, reply and every receipt: no call between the two is ever made."""
    content = os.urandom(9_000_000)
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        xa, xb = fed.nodes[XA].rooms, fed.nodes[XB].rooms
        up = await xa.attachments.upload(pieces(content), "a.pdf", "application/pdf", OFFICER)
        asked = await fed.send("XA", "XB", attachments=[up.id])
        told = await carry(fed, "XA", "XB")
        assert (told.member, told.fault, told.accepted, told.not_taken) == ("XA", "", 1, [])
        assert await fed.state("XA", asked.id) != "delivered"
        shown = await fed.read("XB", asked.id)
        assert shown.signature == "valid"
        attachment = await xb.inbox.attachment(shown.attachments[0].id, OFFICER)
        opened = await xb.attachments.open(attachment)
        assert b"".join([piece async for piece in opened.read(0, opened.size)]) == content
        answered = await fed.send("XB", "XA", **reply(asked.id))
        back = await carry(fed, "XB", "XA")
        assert (back.accepted, back.settled, back.faults) == (1, 1, {})
        assert await fed.state("XA", asked.id) == "delivered"
        assert (await fed.read("XA", asked.id)).recipients[0].receipt.verified
        last = await carry(fed, "XA", "XB")
        assert (last.accepted, last.settled) == (0, 1)
        assert await fed.state("XB", answered.id) == "delivered"
        assert fed.answers == []
        for member, other in ((XA, "XB"), (XB, "XA")):
            acts = [entry for entry in await codes(fed, member) if entry[0].startswith("admin")]
            assert ("administrator.acted", "uid:1", f"export {other}") in acts
            assert ("administrator.acted", "uid:1", f"import {other}") in acts


async def test_message_without_a_card_is_left_out_and_named(tmp_path: Path) -> None:
    """Nobody told XA what to seal to; one medium from XB, and the message goes."""
    async with federation(tmp_path, "XA", "XB") as fed:
        part(fed, "XA", "XB")
        sent = await fed.send("XA", "XB")
        medium = await export(fed, "XA", "XB")
        assert only(CarriedCopy, medium) == []
        assert [item.code for item in only(LeftOut, medium)] == ["card_unknown"]
        told = await bring(fed, "XB", medium)
        left_out = NotTaken(message=sent.id, state="left_out", code="card_unknown")
        assert (told.accepted, told.not_taken) == (0, [left_out])
        (row,) = await fed.nodes[XA].rooms.health.undelivered(OFFICER)
        assert row.exported_at is None
        await carry(fed, "XB", "XA")
        assert (await carry(fed, "XA", "XB")).accepted == 1
        assert await received(fed, "XB") == [sent.id]
        (row,) = await fed.nodes[XA].rooms.health.undelivered(OFFICER)
        assert row.state in ("queued", "sending")
        assert row.exported_at is not None


async def test_media_may_come_twice_and_in_any_order(tmp_path: Path) -> None:
    """The newer first, the older after it, both again: once in the inbox, one receipt for ever."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        first = await fed.send("XA", "XB")
        older = await export(fed, "XA", "XB")
        second = await fed.send("XA", "XB")
        newer = await export(fed, "XA", "XB")
        told = [await bring(fed, "XB", medium) for medium in (newer, older, older, newer)]
        assert [(item.accepted, item.repeated) for item in told] == [(2, 0), (0, 1), (0, 1), (0, 2)]
        assert sorted(await received(fed, "XB")) == sorted([first.id, second.id])
        back = await export(fed, "XB", "XA")
        assert len(only(CarriedReturn, back)) == 2
        assert [(await bring(fed, "XA", back)).settled for _ in range(2)] == [2, 2]
        receipts = {(await fed.read("XA", item.id)).recipients[0].receipt.sha256
                    for item in (first, second)}  # fmt: skip
        await bring(fed, "XB", older)
        await carry(fed, "XB", "XA")
        again = {(await fed.read("XA", item.id)).recipients[0].receipt.sha256
                 for item in (first, second)}  # fmt: skip
        assert receipts == again
        assert [kind for kind, _, _ in await codes(fed, XA)].count("receipt.held") == 2
        assert [kind for kind, _, _ in await codes(fed, XB)].count("message.received") == 2
        assert only(CarriedCopy, await export(fed, "XA", "XB")) == []


async def test_damaged_and_cut_media_give_what_is_whole(tmp_path: Path) -> None:
    """A hurt message costs itself alone, is held against nobody, and comes with a good medium."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        sent = [(await fed.send("XA", "XB")).id for _ in range(3)]
        medium = await export(fed, "XA", "XB")
        envelope = only(CarriedCopy, medium)[0].envelope
        at = medium.index(envelope) + len(envelope) // 2
        hurt = await bring(fed, "XB", medium[:at] + bytes([medium[at] ^ 1]) + medium[at + 1 :])
        assert (hurt.fault, hurt.accepted, hurt.faults) == ("", 2, {"record_damaged": 1})
        assert len(await received(fed, "XB")) == 2
        assert [kind for kind, _, _ in await codes(fed, XB)].count("message.refused") == 0
        assert len(await owed(fed, "XB", "XA")) == 2
        last = medium.index(only(CarriedCopy, medium)[2].envelope)
        cut = await bring(fed, "XB", medium[: last + 100])
        assert (cut.fault, cut.accepted, cut.repeated) == ("medium_cut_short", 1, 1)
        nonsense = medium[: last + 100] + b"\xff" * 100_000
        assert (await bring(fed, "XB", nonsense)).faults == {"record_damaged": 1}
        trailing = await bring(fed, "XB", medium + b"x")
        assert (trailing.fault, trailing.repeated) == ("medium_malformed", 3)
        for nothing in (b"", b"PK\x03\x04" * 1000, medium[:60]):
            with pytest.raises(RejectedError) as caught:
                await bring(fed, "XB", nothing)
            assert caught.value.code == "medium_malformed"
        assert sorted(await received(fed, "XB")) == sorted(sent)
        assert (await carry(fed, "XB", "XA")).settled == 3


async def test_medium_of_others_is_refused_whole(tmp_path: Path) -> None:
    """For another member, one's own, of nobody known, of a suspended one: nothing changes."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        await parted(fed)
        await fed.send("XA", "XB")
        medium = await export(fed, "XA", "XB")

        def said_by(sender: str, to: str) -> bytes:
            return rewritten(medium, lambda found: [Heading(sender, to, 5), *found[1:]])

        view = fed.nodes[XB].mirror.view
        shunned = replace(view.members[XC], suspended_by=frozenset({Chain.ISSUER}))
        changed = replace(view, members=MappingProxyType({**view.members, XC: shunned}))
        fed.nodes[XB].mirror._view = changed
        for stray, code in (
            (said_by("XA", "XC"), "medium_of_another_member"),
            (said_by("XB", "XB"), "medium_of_another_member"),
            (said_by("XZ", "XB"), "member_unknown"),
            (said_by("XC", "XB"), "member_suspended"),
        ):
            with pytest.raises(RejectedError) as caught:
                await bring(fed, "XB", stray)
            assert caught.value.code == code
        for to, code in (
            ("XZ", "member_unknown"), ("XB", "recipient_not_possible"), ("XC", "member_suspended"),
        ):  # fmt: skip
            with pytest.raises(RejectedError) as caught:
                await export(fed, "XB", to)
            assert caught.value.code == code
        nobody = Caller(name="uid:9", roles=frozenset())
        rooms = fed.nodes[XB].rooms
        for act in (rooms.exporting.export, rooms.importing.take):
            with pytest.raises(ForbiddenError):
                await act("XA" if act == rooms.exporting.export else pieces(medium), nobody)
        assert await received(fed, "XB") == []
        assert await owed(fed, "XB", "XC") == await owed(fed, "XB", "XA") == []


async def test_false_heading_ends_nobody_elses_message(tmp_path: Path) -> None:
    """XA's copy in XC's name: refused as on a line, and no word of it is signed for anybody."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        await parted(fed)
        sent = await fed.send("XA", "XB")
        medium = await export(fed, "XA", "XB")
        false = rewritten(medium, lambda found: [Heading("XC", "XB", 5), *found[1:]])
        told = await bring(fed, "XB", false)
        assert told.not_taken == [
            NotTaken(message=sent.id.replace("XA", "XC"), state="refused", code="not_on_route")
        ]
        assert told.faults == {"card_of_another_member": 1}
        assert ("message.refused", "XC", "not_on_route") in await codes(fed, XB)
        assert only(CarriedReturn, await export(fed, "XB", "XC")) == []
        assert (await bring(fed, "XB", medium)).accepted == 1
        assert (await carry(fed, "XB", "XA")).settled == 1


async def test_copies_that_are_not_for_us_are_refused_and_nothing_is_owed(tmp_path: Path) -> None:
    """Garbage, and a copy for XC: each by its reason, beside a good one."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        await parted(fed)
        part(fed, "XA", "XC")
        await carry(fed, "XC", "XA")
        sent, foreign = await fed.send("XA", "XB"), await fed.send("XA", "XC")
        (stray,) = only(CarriedCopy, await export(fed, "XA", "XC"))
        medium = rewritten(
            await export(fed, "XA", "XB"), lambda found: [*found, stray, CarriedCopy(b"garbage")]
        )
        told = await bring(fed, "XB", medium)
        assert told.accepted == 1
        assert told.not_taken == [
            NotTaken(message=foreign.id, state="refused", code="not_addressed"),
            NotTaken(message="", state="refused", code="encoding_invalid"),
        ]
        assert len(await owed(fed, "XB", "XA")) == 1
        assert await received(fed, "XB") == [sent.id]


async def test_forged_and_foreign_receipts_settle_nothing(tmp_path: Path) -> None:
    """Garbage, another message's receipt, a refusal of another copy, what was never sent."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        sent = [await fed.send("XA", "XB") for _ in range(2)]
        await carry(fed, "XA", "XB")
        true = await export(fed, "XB", "XA")
        one, other = (record.item for record in only(CarriedReturn, true))
        swap = _replaced
        forged = [
            swap(one, outcome=Delivered(b"garbage")),
            swap(one, outcome=other.outcome),
            swap(one, outcome=Rejected(b"garbage")),
            swap(one, message_id=bytes(16)),
            swap(one, recipient="XC"),
        ]
        false = rewritten(true, lambda found: [found[0], *(CarriedReturn(item) for item in forged)])
        told = await bring(fed, "XA", false)
        assert (told.settled, told.faults) == (0, {"receipt_refused": 3, "receipt_unknown": 2})
        assert [await fed.state("XA", item.id) for item in sent].count("delivered") == 0
        refused = [code for kind, _, code in await codes(fed, XA) if kind == "receipt.refused"]
        assert sorted(refused) == [
            "encoding_invalid", "receipt_sealed_wrong", "receipt_sealed_wrong",
            "receipt_unknown", "receipt_unknown",
        ]  # fmt: skip
        assert (await bring(fed, "XA", true)).settled == 2


def _replaced(item: Any, **changes: Any) -> Any:
    names = item.__struct_fields__
    return type(item)(*({name: getattr(item, name) for name in names} | changes).values())


async def test_receipt_by_a_medium_settles_what_had_expired(tmp_path: Path) -> None:
    """XB had it in time; the way back took longer than the message's life, and then too long."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        late = await fed.send("XA", "XB", expires_in_s=3600)
        await carry(fed, "XA", "XB")
        fed.clocks[XA].ahead_s = fed.clocks[XB].ahead_s = 2 * 3600
        await fed.nodes[XA].workers.sweep()
        assert await fed.state("XA", late.id) == "expired"
        assert only(CarriedCopy, await export(fed, "XA", "XB")) == []
        assert (await carry(fed, "XB", "XA")).settled == 1
        assert await fed.state("XA", late.id) == "delivered"
        fed.clocks[XB].ahead_s = 3600 + 14 * DAY_S - 600
        await fed.nodes[XB].workers.sweep()
        assert len(await owed(fed, "XB", "XA")) == 1
        fed.clocks[XB].ahead_s += 1200
        await fed.nodes[XB].workers.sweep()
        assert await owed(fed, "XB", "XA") == []


async def test_refusal_travels_back_signed_and_always_the_same(tmp_path: Path) -> None:
    """XA's clock is wrong: XB refuses by signature, and XA's message says why."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        fed.clocks[XA].ahead_s = 600
        sent = await fed.send("XA", "XB")
        medium = await export(fed, "XA", "XB")
        for _ in range(2):
            told = await bring(fed, "XB", medium)
            assert [(item.state, item.code) for item in told.not_taken] == [
                ("refused", "created_in_future")
            ]
        backs = [only(CarriedReturn, await export(fed, "XB", "XA")) for _ in range(2)]
        assert backs[0] == backs[1]
        assert len(backs[0]) == 1
        assert (await carry(fed, "XB", "XA")).settled == 1
        (recipient,) = (await fed.read("XA", sent.id)).recipients
        assert (recipient.state, recipient.code) == ("failed", "created_in_future")
        # The clock is right again, and the operator queues it once more: it is taken.
        fed.clocks[XA].ahead_s = 0
        fed.clocks[XB].ahead_s = 600
        await fed.nodes[XA].rooms.delivery.requeue(sent.id, OFFICER)
        assert (await carry(fed, "XA", "XB")).accepted == 1
        assert (await carry(fed, "XB", "XA")).settled == 1
        assert await fed.state("XA", sent.id) == "delivered"


async def test_copy_sealed_to_a_key_that_is_gone_comes_anew(tmp_path: Path) -> None:
    """XB says so by signature, its new card travels with that, and the next medium is good."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        sent = await fed.send("XA", "XB")
        xb = fed.nodes[XB]
        old = [record.key_id for record in xb.keys.keyring.records(KeyUse.SEAL)]
        await xb.rooms.rotation.rotate(KeyUse.SEAL, OFFICER)
        xb.keys.keyring = xb.keys.keyring.without(*old)
        told = await carry(fed, "XA", "XB")
        assert told.not_taken == [NotTaken(message=sent.id, state="later", code="stale_card")]
        back = await carry(fed, "XB", "XA")
        assert (back.settled, back.faults) == (0, {"stale_card": 1})
        assert (await carry(fed, "XA", "XB")).accepted == 1
        assert (await carry(fed, "XB", "XA")).settled == 1
        assert await fed.state("XA", sent.id) == "delivered"


async def test_registry_travels_with_the_medium(tmp_path: Path) -> None:
    """XB is cut off from the registrar too: it learns of XA's new key, and of nothing false."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        registrar = MemberId("REGISTRY")
        old = await export(fed, "XA", "XB")
        fed.cut.add((XB, registrar))
        await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        sent = await fed.send("XA", "XB")
        medium = await export(fed, "XA", "XB")
        mirror, log = fed.nodes[XB].mirror, fed.nodes[registrar]
        before = (mirror.size, mirror.checked_at)
        signer = log.keys.log_signer(log.mirror.view.origin, log.mirror.view, fed.clocks[XB].now())
        lie = RegistryCheckpoint(
            sign_checkpoint(Checkpoint(mirror.view.origin, mirror.size, bytes(32)), signer)
        )
        last = len(only(RegistryStatement, medium)) - 1

        def without(number: int) -> Callable[[list[Any]], list[Any]]:
            return lambda found: [item for item in found if getattr(item, "number", None) != number]

        def with_lie(found: list[Any]) -> list[Any]:
            return [found[0], lie, *found[1:]]

        gap = await bring(fed, "XB", rewritten(medium, without(last)))
        assert gap.faults == {"registry_incomplete": 1, "signature_missing": 1}  # XA's new card
        assert gap.not_taken == [NotTaken(message=sent.id, state="later", code="registry_behind")]
        split = await bring(fed, "XB", rewritten(old, with_lie))
        assert split.faults == {"registry_split_view": 1}
        assert (mirror.size, mirror.checked_at) == before
        told = await bring(fed, "XB", medium)
        assert (told.statements, told.accepted, told.faults) == (1, 1, {})
        assert (mirror.size, mirror.checked_at) == (before[0] + 1, before[1])
        again = await bring(fed, "XB", old)
        assert (again.statements, again.faults) == (0, {})
        await fed.stop("XB")
        node = await fed.start("XB", run=False)
        assert (node.mirror.size, node.mirror.checked_at) == (before[0] + 1, before[1])


async def test_node_joins_and_exchanges_without_any_line(tmp_path: Path) -> None:
    """XA reaches nobody, ever: a file brings the registry, then a message goes and is settled."""
    registrar = MemberId("REGISTRY")
    fed = Federation(tmp_path, changes={"XA": {"registry": {"refuse_after_s": 10**10}}})
    fed.found("XA", "XB")
    part(fed, "XA", "XB", "REGISTRY")
    try:
        await fed.start("REGISTRY")
        await fed.admit("XA")
        await fed.admit("XB")
        fed.cut -= {(XB, registrar), (registrar, XB)}
        xa, xb = await fed.start("XA"), await fed.start("XB")
        await fed.until(lambda: xb.mirror.size == 3)
        await fed.until(lambda: xb.gate.cards.current(XB))
        with pytest.raises(UnavailableError) as caught:
            await export(fed, "XA", "XB")
        assert caught.value.code == "registry_unknown"
        assert (await carry(fed, "REGISTRY", "XA")).statements == 3
        assert xa.mirror.checked_at == 0
        await xa.rooms.rotation.keep_card_fresh()
        await carry(fed, "XB", "XA")
        sent = await fed.send("XA", "XB")
        assert (await carry(fed, "XA", "XB")).accepted == 1
        assert (await carry(fed, "XB", "XA")).settled == 1
        assert await fed.state("XA", sent.id) == "delivered"
    finally:
        for member in list(fed.nodes):
            await fed.stop(member)


async def test_registrar_takes_no_registry_from_a_medium(tmp_path: Path) -> None:
    """Its own is the one; what XA carries of it is passed by."""
    async with federation(tmp_path, "XA") as fed:
        medium = await export(fed, "XA", "REGISTRY")
        mirror = fed.nodes[MemberId("REGISTRY")].mirror
        before = mirror.size
        told = await bring(fed, "REGISTRY", medium)
        assert (told.statements, told.faults, mirror.size) == (0, {}, before)
        assert (await carry(fed, "REGISTRY", "XA")).faults == {}


async def test_attachments_travel_in_segments_that_are_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Swapped, bent, dropped or lying segments cost their message until a good medium comes."""
    for module in ("protocol.blob", "services.blobs.segments", "services.blobs.plaintext"):
        monkeypatch.setattr(f"gateway.{module}.SEGMENT_BYTES", 64 * 1024)
    contents = [os.urandom(200_000), os.urandom(300_000)]
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        rooms = fed.nodes[XA].rooms
        ups = [
            (await rooms.attachments.upload(pieces(item), "a.bin", "a/bin", OFFICER)).id
            for item in contents
        ]
        both = await fed.send("XA", "XB", attachments=ups)
        one = await fed.send("XA", "XB", attachments=ups[:1])
        medium = await export(fed, "XA", "XB")
        assert len(only(BlobOffer, medium)) == 2
        segments = only(BlobSegment, medium)
        assert len(segments) == 4 + 5
        first, second = segments[0], segments[-1]

        def hostile(found: list[Any]) -> list[Any]:
            bent = {
                id(first): BlobSegment(first.blob_id, 0, second.segment),
                id(second): BlobSegment(second.blob_id, 99, second.segment),
            }
            stray = [
                BlobSegment(bytes(32), 0, b"of nothing"),
                BlobOffer(bytes(32), found[found.index(only_offer)].segment_list),
            ]
            swapped = [
                next((new for old, new in ((first, bent[id(first)]), (second, bent[id(second)]))
                      if old == item), item)
                for item in found
            ]  # fmt: skip
            return [*swapped[:1], *stray, *swapped[1:]]

        only_offer = only(BlobOffer, medium)[0]
        told = await bring(fed, "XB", rewritten(medium, hostile))
        assert told.faults == {
            "blob_unknown": 1, "blob_mismatch": 1, "segment_mismatch": 1, "segment_unknown": 1,
        }  # fmt: skip
        assert {(item.message, item.state) for item in told.not_taken} == {
            (both.id, "pending"), (one.id, "pending"),
        }  # fmt: skip
        assert await received(fed, "XB") == []
        cut = await bring(fed, "XB", medium[: medium.index(segments[6].segment) + 5])
        assert (cut.fault, cut.accepted + cut.repeated) == ("medium_cut_short", 0)
        assert (await bring(fed, "XB", medium)).accepted == 2
        theirs = fed.nodes[XB].rooms
        shown = await fed.read("XB", both.id)
        for view, content in zip(shown.attachments, contents, strict=True):
            opened = await theirs.attachments.open(await theirs.inbox.attachment(view.id, OFFICER))
            assert b"".join([piece async for piece in opened.read(0, opened.size)]) == content
        assert (await carry(fed, "XB", "XA")).settled == 2


async def test_attachment_that_is_lost_on_disk_leaves_its_message_out(tmp_path: Path) -> None:
    """It is named with the reason, and the others go."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        rooms = fed.nodes[XA].rooms
        up = await rooms.attachments.upload(pieces(os.urandom(9)), "a.bin", "a/bin", OFFICER)
        lost = await fed.send("XA", "XB", attachments=[up.id])
        good = await fed.send("XA", "XB")
        locations = await fed.nodes[XA].database.read(
            lambda tx: list(tx.execute(text("SELECT location FROM blobs")).scalars())
        )
        for location in locations:
            fed.nodes[XA].workers.blobs.delete(location)
        told = await carry(fed, "XA", "XB")
        assert told.accepted == 1
        assert told.not_taken == [NotTaken(message=lost.id, state="left_out", code="blob_missing")]
        assert await received(fed, "XB") == [good.id]


async def test_full_disk_stops_an_import_and_keeps_what_came(tmp_path: Path) -> None:
    """Said by name; with room again the same medium brings the rest."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        rooms = fed.nodes[XA].rooms
        up = await rooms.attachments.upload(pieces(os.urandom(9)), "a.bin", "a/bin", OFFICER)
        await fed.send("XA", "XB", attachments=[up.id])
        medium = await export(fed, "XA", "XB")
        blobs = fed.nodes[XB].workers.blobs
        blobs.free_bytes = lambda: 1_000_000
        with pytest.raises(UnavailableError) as caught:
            await bring(fed, "XB", medium)
        assert caught.value.code == "disk_full"
        assert await received(fed, "XB") == []
        del blobs.free_bytes
        assert (await bring(fed, "XB", medium)).accepted == 1


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
async def test_crash_at_any_commit_of_an_import_loses_and_doubles_nothing(
    tmp_path: Path, moment: str
) -> None:
    """XB dies at its first, second … commit; what it has it owes, and the same medium ends it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        rooms = fed.nodes[XA].rooms
        up = await rooms.attachments.upload(pieces(os.urandom(9)), "a.bin", "a/bin", OFFICER)
        sent = [await fed.send("XA", "XB", attachments=[up.id]), await fed.send("XA", "XB")]
        medium = await export(fed, "XA", "XB")
        died = 0
        while True:
            await fed.stop("XB")
            armed = [None] * (died + 1)

            def fault(point: str, armed: list[None] = armed) -> None:
                if armed and point == moment:
                    armed.pop()
                    if not armed:
                        raise RuntimeError("the machine died")

            node = await fed.start("XB", fault=fault, run=False)
            try:
                told = await bring(fed, "XB", medium)
                armed.clear()
            except RuntimeError:
                died += 1
                stored = await received(fed, "XB")
                await fed.stop("XB")
                await fed.start("XB", run=False)
                returns = only(CarriedReturn, await export(fed, "XB", "XA"))
                assert len(returns) == len(stored) == len(set(stored))
                continue
            break
        assert died >= 5
        assert told.accepted + told.repeated == 2
        assert sorted(await received(fed, "XB")) == sorted(item.id for item in sent)
        assert (await carry(fed, "XB", "XA")).settled == 2
        await node.workers.audit_log.sequence()
        report = await node.database.read(lambda tx: check_audit_log(tx, node.mirror.view, XB))
        assert report.findings == ()


async def test_medium_meets_what_went_over_the_line(tmp_path: Path) -> None:
    """Exported, then delivered by the line that came back: one message, and its own receipt."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await parted(fed)
        sent = await fed.send("XA", "XB")
        medium = await export(fed, "XA", "XB")
        fed.cut.clear()

        async def arrived() -> bool:
            return await fed.state("XA", sent.id) == "delivered"

        await fed.until(arrived)
        told = await bring(fed, "XB", medium)
        assert (told.accepted, told.repeated, await received(fed, "XB")) == (0, 1, [sent.id])
        assert (await carry(fed, "XB", "XA")).faults == {}
        with pytest.raises(LiaisonError):
            await fed.nodes[XA].rooms.delivery.withdraw(sent.id, OFFICER)
