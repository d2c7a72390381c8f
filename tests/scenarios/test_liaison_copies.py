"""Copies for liaison offices between nodes: by hand, by policy, and what is never copied."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.cases.examples import example_of
from gateway.cases.kinds import CATALOGUE
from gateway.cases.sanitising import COPY
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.faults import FaultsError
from gateway.services.regions.copying import CopyOrder
from gateway.services.sending.submission import Submitted
from gateway.settings import LiaisonOfficeSettings, Role
from gateway.store import messages
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_roles import OFFICE

XA, XB = MemberId("XA"), MemberId("XB")
ROLES = {"RILO-W": OFFICE}
WEST = CopyOrder(to=["RILO-W"])


async def sent(fed: Federation, kind: str, sender: str = "XA", **changes: Any) -> Submitted:
    """Send the example of a kind from XA to XB, and see it arrive."""
    today = datetime.fromtimestamp(fed.clocks[XA].now(), UTC).date()
    content = example_of(CATALOGUE[kind], today) | changes.pop("saying", {})
    to = "XB" if sender == "XA" else "XA"
    message = await fed.send(sender, to, kind=kind, content=content, attachments=[], **changes)
    await fed.until(lambda: delivered(fed, sender, message.id))
    return message


async def copied(fed: Federation, member: str, ref: str, order: CopyOrder = WEST) -> Submitted:
    """Let a member's node copy a message."""
    return await fed.nodes[MemberId(member)].rooms.copies.copy(ref, order, OFFICER)


async def refused(fed: Federation, member: str, ref: str, order: CopyOrder = WEST) -> LiaisonError:
    """Try to copy; return why that is refused, after a look that nothing was kept."""
    node = fed.nodes[MemberId(member)]
    before = await node.database.read(messages.counts)
    found = await outcome_of(copied(fed, member, ref, order))
    assert isinstance(found, LiaisonError)
    assert await node.database.read(messages.counts) == before
    return found


async def reported(fed: Federation, member: str) -> bool:
    """Tell whether a member has heard what became of its recall."""
    kinds = {item.kind for item in (await fed.inbox(member)).messages}
    return "information.recall_report" in kinds


async def test_an_office_gets_what_names_nobody(tmp_path: Path) -> None:
    """Of a message sent, and of one received; beside it in its case, and with no attachment."""
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles=ROLES) as fed:
        people = {"persons": [{"name": "Oriana Quellmark"}], "handling": {"tlp": "AMBER"}}
        seizure = await sent(fed, "seizure.report", saying=people)
        for member in ("XA", "XB"):
            copy = await copied(fed, member, seizure.id)
            await fed.until(lambda m=member, c=copy.id: delivered(fed, m, c))
            shown = await fed.read("RILO-W", copy.id)
            assert (shown.kind, shown.case, shown.in_reply_to) == (COPY, seizure.case, seizure.id)
            assert (shown.content["message"], shown.content["kind"]) == (
                seizure.id,
                "seizure.report",
            )
            assert shown.content["handling"]["tlp"] == "GREEN"
            assert shown.attachments == []
            assert "Quellmark" not in str(shown.content)
            assert "/goods/0/description" in {item["field"] for item in shown.content["fields"]}


async def test_what_may_not_be_copied_is_refused_by_name(tmp_path: Path) -> None:
    """Nothing is kept of the attempt."""
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles=ROLES) as fed:
        kept = await sent(fed, "seizure.report")
        red = await sent(fed, "intelligence.report", saying={"handling": {"tlp": "RED"}})
        found = await refused(fed, "XB", kept.id)
        assert isinstance(found, ForbiddenError)
        assert found.code == "consent_missing"
        assert (await refused(fed, "XA", red.id)).code == "handling_forbids_copy"
        own = await copied(fed, "XA", kept.id)
        assert isinstance(await refused(fed, "XA", own.id), RejectedError)
        for name in ("XB", "XZ"):
            found = await refused(fed, "XA", kept.id, CopyOrder(to=[name]))
            assert isinstance(found, FaultsError)
            assert found.faults[0].code == "not_a_liaison_office"
        assert (await refused(fed, "XA", "XA-" + "00" * 16)).code == "message_unknown"
        open_one = await sent(fed, "request.verify_value")
        await sent(
            fed,
            "information.recall",
            saying={"message": open_one.id},
            in_reply_to=open_one.id,
        )
        await fed.until(lambda: reported(fed, "XA"))
        for member in ("XA", "XB"):
            found = await refused(fed, member, open_one.id)
            assert isinstance(found, ForbiddenError)
            assert found.code == "information_recalled"


async def test_nobody_writes_a_copy_by_hand(tmp_path: Path) -> None:
    """What the node has not made by schema may say anything."""
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles=ROLES) as fed:
        today = datetime.fromtimestamp(fed.clocks[XA].now(), UTC).date()
        content = example_of(CATALOGUE[COPY], today)
        found = await outcome_of(fed.send("XA", "RILO-W", kind=COPY, content=content))
        assert isinstance(found, ForbiddenError)
        assert found.code == "kind_reserved"
        assert await fed.nodes[XA].database.read(messages.counts) == {}


async def test_only_officers_of_the_unit_copy(tmp_path: Path) -> None:
    """An auditor does not, nor an officer of another unit."""
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles=ROLES) as fed:
        message = await sent(fed, "seizure.report", unit="North")
        copies = fed.nodes[XA].rooms.copies
        auditor = replace(OFFICER, roles=frozenset({Role.AUDITOR}))
        for caller, code in (
            (auditor, "role_missing"),
            (replace(OFFICER, unit="South"), "unit_mismatch"),
        ):
            with pytest.raises(ForbiddenError) as caught:
                await copies.copy(message.id, WEST, caller)
            assert caught.value.code == code
        copy = await copies.copy(message.id, WEST, replace(OFFICER, unit="North"))
        assert (await fed.read("XA", copy.id)).unit == "North"


async def test_policy_copies_once_whatever_happens(tmp_path: Path) -> None:
    """What it names, at the next look, and not again after a start; RED stays where it is."""
    policy = LiaisonOfficeSettings(office="RILO-W", kinds=["seizure.report", "intelligence"])
    changes = {"XA": {"cases": {"liaison_offices": [policy]}}}
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles=ROLES, changes=changes) as fed:
        await sent(fed, "request.verify_value")
        await sent(fed, "intelligence.report", saying={"handling": {"tlp": "RED"}})
        seizure = await sent(fed, "seizure.report")
        copies = fed.nodes[XA].rooms.copies
        await copies.look()

        async def held() -> list[str]:
            return [item.in_reply_to for item in (await fed.inbox("RILO-W")).messages]

        await fed.until(held)
        copies._looked_at = None  # as after a start
        await copies.look()
        later = await sent(fed, "seizure.report")
        await copies.look()

        async def both() -> bool:
            return len(await held()) == 2

        await fed.until(both)
        assert await held() == [seizure.id, later.id]
