"""Evidence from running nodes: what each side can show, to whom, and what is written of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cases.families.lists import IntendedUse
from gateway.errors import ForbiddenError, RejectedError
from gateway.evidence.file import parse_evidence
from gateway.evidence.judgement import Judgement, Verdict
from gateway.evidence.judging import judge_file
from gateway.protocol.answer import Later
from gateway.protocol.audit import ProvenEntry
from gateway.services.caller import Caller
from gateway.settings import Role
from keys.registry.draft import parse_fingerprint
from keys.suite import MemberId
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import codes, delivered
from tests.scenarios.test_resigning import replaced, signed_again
from tests.scenarios.witnessed import name_witnesses

XA, XB, XC = MemberId("XA"), MemberId("XB"), MemberId("XC")
AUDITOR = Caller(name="uid:7", roles=frozenset({Role.AUDITOR}))
QUICK = {name: {"audit": {"interval_ms": 20, "witness_s": 1}} for name in ("XA", "XB")}
OPERATOR = Caller(name="uid:8", roles=frozenset({Role.OPERATOR}))


async def witness_log(fed: Federation, member: MemberId) -> None:
    """Wait until a quorum has cosigned a head over everything that a member has recorded."""
    node = fed.nodes[member]
    await node.workers.audit_log.sequence()
    head = await node.rooms.audit_reading.newest_head()
    assert head is not None

    async def covered() -> bool:
        cosigned = await node.rooms.audit_reading.newest_cosigned()
        return cosigned is not None and cosigned.size >= head.size

    await fed.until(covered)


async def exported(
    fed: Federation,
    member: MemberId,
    message: str,
    *,
    is_open: bool = True,
    caller: Caller = OFFICER,
) -> bytes:
    """Return a member's evidence of a message, for a use that its handling does not exclude."""
    evidence, use = fed.nodes[member].rooms.evidence, IntendedUse.ASSESSMENT
    return await evidence.export(message, caller, is_open=is_open, purpose=use)


def judged(fed: Federation, file: bytes) -> Judgement:
    """Judge a file by the federation's anchor alone."""
    return judge_file(file, parse_fingerprint(fed.anchor))


def shown(judgement: Judgement) -> set[tuple[str, str]]:
    """Return which entries evidence shows."""
    return {(item.member, item.what) for item in judgement.facts.entries}


ALL = {("XA", "message.accepted"), ("XA", "receipt.held"), ("XB", "message.received")}


async def test_both_sides_export_evidence_that_is_valid(tmp_path: Path) -> None:
    """Each with the other's entries; the same file again, and the read recorded."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=QUICK) as fed:
        await name_witnesses(fed, 2, "XB", "XC")
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        for member in (XA, XB):
            await witness_log(fed, member)
        for member in (XA, XB):
            before = await codes(fed, member)
            file = await exported(fed, member, sent.id)
            judgement = judged(fed, file)
            assert judgement.verdict is Verdict.VALID, judgement.findings
            assert shown(judgement) == ALL
            assert judgement.findings == ()
            assert await exported(fed, member, sent.id) == file
            closed = await exported(fed, member, sent.id, is_open=False, caller=AUDITOR)
            assert judged(fed, closed).verdict is Verdict.VALID
            assert parse_evidence(closed)[0].payload is None
            recorded = (await codes(fed, member))[len(before) :]
            assert recorded.count(("evidence.exported", "uid:1", "open assessment")) == 2
            assert recorded.count(("evidence.exported", "uid:7", "closed")) == 1
            assert recorded.count(("message.read", "uid:1", "officer")) == 2
            assert ("message.read", "uid:7", "auditor") not in recorded


async def test_other_side_that_is_gone_or_lies_is_left_out(tmp_path: Path) -> None:
    """What does not prove itself has no place in a file; the report says what is missing."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=QUICK) as fed:
        await name_witnesses(fed, 1, "XC")
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        for member in (XA, XB):
            await witness_log(fed, member)

        def swapped(proven: Sequence[ProvenEntry]) -> Sequence[ProvenEntry]:
            return [ProvenEntry(item.entry, proven[0].proof[:-3]) for item in proven]

        fed.bend_proofs = swapped
        lied = judged(fed, await exported(fed, XA, sent.id))
        fed.bend_proofs = None
        fed.cut.update({(XA, XB), (XB, XA)})
        for member, left in (
            (XA, {("XB", "message.received")}),
            (XB, ALL - {("XB", "message.received")}),
        ):
            judgement = judged(fed, await exported(fed, member, sent.id))
            assert judgement.verdict is Verdict.VALID
            assert shown(judgement) == ALL - left
            assert {item.code for item in judgement.findings} == {"entry_missing"}
        assert shown(lied) == ALL - {("XB", "message.received")}


async def test_proofs_are_for_who_has_a_part_in_the_message(tmp_path: Path) -> None:
    """Neither a stranger, nor a third member, nor for another envelope."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=QUICK) as fed:
        sent = await fed.send("XA", "XB")
        other = await fed.send("XA", "XC")
        for item in (sent, other):
            await fed.until(lambda m=item.id: delivered(fed, "XA", m))
        message_id = bytes.fromhex(sent.id.partition("-")[2])
        envelope_id = bytes.fromhex((await fed.read("XA", sent.id)).envelope_id)
        foreign = bytes.fromhex((await fed.read("XA", other.id)).envelope_id)
        for asked, hop, count in ((XA, XB, 2), (XB, XA, 1)):
            await fed.nodes[asked].workers.audit_log.sequence()
            gate = fed.nodes[asked].gate.for_hop(hop)
            assert len(await gate.audit_proofs(message_id, envelope_id)) == count
            for wrong in ((message_id, foreign), (b"m" * 16, envelope_id)):
                with pytest.raises(RejectedError, match="between us"):
                    await gate.audit_proofs(*wrong)
            with pytest.raises(RejectedError, match="between us"):
                await fed.nodes[asked].gate.for_hop(XC).audit_proofs(message_id, envelope_id)
            with pytest.raises(ForbiddenError) as caught:
                await fed.nodes[asked].gate.for_hop(None).audit_proofs(message_id, envelope_id)
            assert caught.value.code == "member_required"


async def test_evidence_is_for_officers_of_the_unit_and_auditors(tmp_path: Path) -> None:
    """Whoever may not read a message gets no evidence of it, open or closed."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB", unit="valuation")
        of_it = Caller(name="uid:3", roles=frozenset({Role.OFFICER}), unit="valuation")
        other = replace(of_it, unit="origin")
        assert await exported(fed, XA, sent.id, caller=of_it)
        for caller, code in ((other, "unit_mismatch"), (OPERATOR, "role_missing")):
            for is_open in (True, False):
                with pytest.raises(ForbiddenError) as caught:
                    await exported(fed, XA, sent.id, is_open=is_open, caller=caller)
                assert caught.value.code == code
        with pytest.raises(RejectedError) as unknown:
            await exported(fed, XA, "XA-" + "0" * 32)
        assert unknown.value.code == "message_unknown"
        exports = [entry for entry in await codes(fed, XA) if entry[0] == "evidence.exported"]
        assert exports == [("evidence.exported", "uid:3", "open assessment")]


async def test_evidence_without_witnesses_is_signed_only(tmp_path: Path) -> None:
    """A federation that names none has nobody to say when."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        for member in (XA, XB):
            await fed.nodes[member].workers.audit_log.sequence()
        judgement = judged(fed, await exported(fed, XA, sent.id))
        assert judgement.verdict is Verdict.SIGNED_ONLY
        assert {item.code for item in judgement.findings} >= {"witnesses_missing"}
        assert shown(judgement) == ALL


@pytest.mark.parametrize("arrived", [True, False], ids=["before", "after"])
async def test_evidence_of_what_was_signed_again_is_of_what_the_receipt_is_for(
    tmp_path: Path, *, arrived: bool
) -> None:
    """What XB took before the key was revoked was signed by that key, and seen in time."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=QUICK) as fed:
        await name_witnesses(fed, 1, "XC")
        if arrived:
            fed.bend_answers = lambda answer: Later("busy", 1)
        else:
            fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB")
        if arrived:
            await fed.until(lambda: has(fed, XB, sent.id))
        for member in (XA, XB):
            await witness_log(fed, member)
        await replaced(fed, XA)
        await signed_again(fed, XA, 1)
        fed.bend_answers = None
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        for member in (XA, XB):
            await witness_log(fed, member)
        sender = "message.accepted" if arrived else "message.signed_again"
        for member in (XA, XB):
            judgement = judged(fed, await exported(fed, member, sent.id))
            assert judgement.verdict is Verdict.VALID, judgement.findings
            assert shown(judgement) == (ALL - {("XA", "message.accepted")}) | {("XA", sender)}
            assert len(judgement.facts.receipts) == 1


async def has(fed: Federation, member: MemberId, message: str) -> bool:
    """Tell whether a member has received a message."""
    return message in {item.id for item in (await fed.inbox(member)).messages}


async def test_evidence_speaks_of_one_recipient_where_asked(tmp_path: Path) -> None:
    """Of two recipients, each with a receipt of its own."""
    async with federation(tmp_path, "XA", "XB", "XC", changes=QUICK) as fed:
        sent = await fed.send("XA", "XB", to=["XB", "XC"])
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await fed.nodes[XA].workers.audit_log.sequence()
        evidence = fed.nodes[XA].rooms.evidence
        both = parse_evidence(await evidence.export(sent.id, OFFICER, is_open=True))[0]
        assert [item.recipient for item in both.delivered] == ["XB", "XC"]
        file = await evidence.export(sent.id, OFFICER, is_open=True, recipient="XC")
        assert [item.recipient for item in parse_evidence(file)[0].delivered] == ["XC"]
