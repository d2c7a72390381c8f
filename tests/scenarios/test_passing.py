"""The third-party rule: what was received leaves for another member with consent, or not at all."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.cli.demo.story import request
from gateway.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError
from gateway.faults import FaultsError
from gateway.services.caller import Caller
from gateway.services.sending.submission import Submission, Submitted
from gateway.settings import CeilingSettings, Role
from gateway.store import disclosures, messages
from gateway.store.disclosures import StoredDisclosure
from keys.suite import MemberId
from tests.scenarios.federation import Federation, federation, recorded
from tests.scenarios.handling import control, inform

XA, XB, XC, XD = (MemberId(name) for name in ("XA", "XB", "XC", "XD"))


async def disclosed(fed: Federation, member: MemberId, message: str) -> list[StoredDisclosure]:
    """Return to whom a member passed a message on."""
    sender, _, message_id = message.rpartition("-")
    return await fed.nodes[member].database.read(
        lambda tx: disclosures.of_message(tx, sender, bytes.fromhex(message_id))
    )


async def entries(fed: Federation, member: MemberId, kind: str) -> list[tuple[str, int, str]]:
    """Return (peer, digests, code) of the entries of a kind."""
    return [
        (entry.peer, len(entry.digests), entry.code)
        for entry in await recorded(fed.nodes[member])
        if entry.kind == kind
    ]


async def passes_on(fed: Federation, told: Submitted, to: str = "XC", **changes: Any) -> Submitted:
    """Let XB pass on what it was told."""
    changes = {"forwards": [told.id], "purpose": "assessment"} | changes
    return await inform(fed, "XB", to, **changes)


async def refused(fed: Federation, told: Submitted, to: str = "XC", **changes: Any) -> LiaisonError:
    """Let XB try to pass on; return why it cannot, after a look that nothing was kept."""
    database = fed.nodes[XB].database
    before = await database.read(messages.counts)
    with pytest.raises(LiaisonError) as caught:
        await passes_on(fed, told, to, **changes)
    assert await database.read(messages.counts) == before
    assert await disclosed(fed, XB, told.id) == []
    assert await entries(fed, XB, "message.forwarded") == []
    return caught.value


async def test_nothing_is_passed_on_without_consent(tmp_path: Path) -> None:
    """Refused by name, recorded with who tried and for whom; back to its originator it may go."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        fault = await refused(fed, told)
        assert isinstance(fault, ForbiddenError)
        assert (fault.code, told.id in fault.detail) == ("consent_missing", True)
        assert await entries(fed, XB, "forward.refused") == [("uid:1", 1, "consent_missing XC")]
        assert (await fed.inbox("XC")).messages == []
        await passes_on(fed, told, "XA")
        assert await disclosed(fed, XB, told.id) == []


async def test_with_consent_it_goes_and_is_recorded(tmp_path: Path) -> None:
    """Entry and disclosure name what, to whom and under which consent; asked for, a notice goes."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        given = await control(
            fed, "XA", "XB", "consent.grant", told.id, case=told.case, notice=True
        )
        passed = await passes_on(fed, told)
        (made,) = await disclosed(fed, XB, told.id)
        assert (made.recipient, made.purpose) == ("XC", "assessment")
        assert made.carrier_id.hex() == passed.id.rpartition("-")[2]
        assert (made.consent_id or b"").hex() == given.id.rpartition("-")[2]
        (entry,) = [e for e in await recorded(fed.nodes[XB]) if e.kind == "message.forwarded"]
        assert entry.peer == "XC"
        names = [item.envelope_id for item in (told, passed, given)]
        assert [digest.hex() for digest in entry.digests] == names
        await fed.until(lambda: _notices_sent(fed))
        await fed.until(lambda: _has_notice(fed))
        (notice,) = [m for m in (await fed.inbox("XA")).messages if m.kind == "disclosure.notice"]
        said = (await fed.read("XA", notice.id)).content
        assert (said["message"], said["member"], said["purpose"]) == (told.id, "XC", "assessment")


async def _notices_sent(fed: Federation) -> bool:
    """Send what is due; tell whether all is sent, by this or by the node itself meanwhile."""
    try:
        return await fed.nodes[XB].workers.notices.send() == 0
    except ConflictError:
        return False


async def _has_notice(fed: Federation) -> bool:
    return "disclosure.notice" in [item.kind for item in (await fed.inbox("XA")).messages]


async def test_no_notice_of_what_did_not_arrive_or_was_not_asked_for(tmp_path: Path) -> None:
    """A consent that asks for none gets none; a message that was withdrawn disclosed nothing."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        await passes_on(fed, told)
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case, notice=True)
        fed.cut.add((XB, XC))
        waits = await fed.send(
            "XB", "XC", kind="announcement", forwards=[told.id], purpose="assessment",
            content={"title": "Shoes", "text": "Two prices.", "language": "en",
                     "handling": {"tlp": "AMBER+STRICT", "codes": ["H0", "H2"]}},
            attachments=[],
        )  # fmt: skip
        notices = fed.nodes[XB].workers.notices
        assert await notices.send() == 0
        delivery = fed.nodes[XB].rooms.delivery
        await fed.until(lambda: _withdrawn(delivery, waits.id))
        await notices.send()
        fed.cut.clear()
        assert await notices.send() == 0
        assert not await _has_notice(fed)


async def _withdrawn(delivery: Any, message: str) -> bool:
    try:
        await delivery.withdraw(message, _OPERATOR, None)
    except LiaisonError:
        return False
    return True


_OF_A_UNIT = Caller(name="uid:3", roles=frozenset({Role.OFFICER}), unit="valuation")
_OPERATOR = Caller(name="uid:2", roles=frozenset({Role.OPERATOR, Role.OFFICER}))


async def test_consent_that_is_none(tmp_path: Path) -> None:
    """Forged by a third party, for another recipient, purpose or message, denied, or recalled."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        told = await inform(fed, "XA", "XB")
        other = await inform(fed, "XA", "XB", case=told.case)
        case = told.case
        await control(fed, "XA", "XC", "consent.request", told.id, case=case, reason="Duties.")
        with pytest.raises(RejectedError) as forged:
            await control(fed, "XC", "XB", "consent.grant", told.id, case=case)
        assert forged.value.code == "consent_not_own"
        await control(fed, "XA", "XB", "consent.grant", other.id, case=case)
        await control(fed, "XA", "XB", "consent.grant", told.id, case=case, member="XD")
        await control(fed, "XA", "XB", "consent.grant", told.id, case=case, purpose="risk_analysis")
        assert (await refused(fed, told)).code == "consent_missing"
        assert (await refused(fed, told, purpose="judicial_proceedings")).code == "consent_missing"
        await control(fed, "XA", "XB", "consent.grant", told.id, case=case)
        await control(fed, "XA", "XB", "consent.deny", told.id, case=case)
        assert (await refused(fed, told)).code == "consent_missing"


async def test_the_same_file_is_found_by_itself(tmp_path: Path) -> None:
    """A received file attached anew needs consent, named or not; our own, sent back, does not."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        ours, theirs = b"ours" * 999, b"their" * 999
        await inform(fed, "XB", "XA", file=ours)
        told = await inform(fed, "XA", "XB", file=theirs)
        await inform(fed, "XA", "XB", file=ours)
        for _ in range(2):
            fault = await refused(fed, told, forwards=[], purpose=None, file=theirs)
            assert fault.code == "consent_missing"
        await inform(fed, "XB", "XC", file=ours)
        await inform(fed, "XB", "XC", file=b"other" * 999)
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        await passes_on(fed, told, forwards=[], file=theirs)
        assert [item.recipient for item in await disclosed(fed, XB, told.id)] == ["XC"]


async def test_what_was_passed_on_keeps_its_originator(tmp_path: Path) -> None:
    """To name our own message that passed it on does not wash it."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        told = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        passed = await passes_on(fed, told)
        with pytest.raises(ForbiddenError) as caught:
            await passes_on(fed, passed, "XD")
        assert (caught.value.code, told.id in caught.value.detail) == ("consent_missing", True)
        assert len(await disclosed(fed, XB, told.id)) == 1


async def test_what_is_open_goes_without_consent_and_is_recorded_too(tmp_path: Path) -> None:
    """A recall must find its way; who was a recipient already has it."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        told = await inform(fed, "XA", ["XB", "XD"], saying={"handling": {"tlp": "GREEN"}})
        await inform(fed, "XB", ["XC", "XD"], forwards=[told.id], purpose="assessment")
        (made,) = await disclosed(fed, XB, told.id)
        assert (made.recipient, made.consent_id) == ("XC", None)
        assert await entries(fed, XB, "message.forwarded") == [("XC", 2, "")]


async def test_what_cannot_be_passed_on_at_all(tmp_path: Path) -> None:
    """Without a purpose, unknown, or of another unit: told which, nothing kept."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        fault = await refused(fed, told, purpose=None)
        assert isinstance(fault, FaultsError)
        assert [item.pointer for item in fault.faults] == ["/purpose"]
        fault = await refused(fed, told, forwards=[f"XA-{'0' * 32}"])
        assert isinstance(fault, RejectedError)
        assert fault.code == "message_unknown"
        assert (await refused(fed, told, forwards=["XA"])).code == "message_ref_malformed"
        ask = msgspec.convert(
            request([]) | {"to": ["XC"], "forwards": [told.id], "purpose": "assessment"}, Submission
        )
        (unit,) = await fed.nodes[XB].rooms.exchange.submit([ask], _OF_A_UNIT)
        assert isinstance(unit, ForbiddenError)
        assert unit.code == "unit_mismatch"
        assert await entries(fed, XB, "forward.refused") == [("uid:3", 1, "unit_mismatch")]


async def test_what_is_passed_on_keeps_its_handling(tmp_path: Path) -> None:
    """A weaker traffic light, or a code less, is refused and recorded, with consent too."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        for handling in ({"tlp": "AMBER", "codes": ["H0", "H2"]}, {"tlp": "RED", "codes": ["H2"]}):
            fault = await refused(fed, told, saying={"handling": handling})
            assert fault.code == "handling_weaker"
        assert await entries(fed, XB, "forward.refused") == [("uid:1", 1, "handling_weaker")]
        await passes_on(fed, told)


async def test_the_ceiling_of_a_member_holds(tmp_path: Path) -> None:
    """Whatever others allow: nothing is kept; what is under it goes."""
    rules = [CeilingSettings(kinds=["information"], members=["XC"], tlp="GREEN")]
    changes = {"XB": {"policy": {"ceilings": rules}}}
    async with federation(tmp_path, "XA", "XB", "XC", changes=changes) as fed:
        told = await inform(fed, "XA", "XB")
        assert (await refused(fed, told, forwards=[])).code == "above_ceiling"
        await inform(fed, "XB", "XA")
        await inform(fed, "XB", "XC", saying={"handling": {"tlp": "GREEN"}})
