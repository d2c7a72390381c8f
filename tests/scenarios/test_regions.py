"""Alerts of a liaison office to its region, between nodes."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.cases.examples import example_of
from gateway.cases.families.lists import IntendedUse
from gateway.cases.kinds import CATALOGUE
from gateway.errors import LiaisonError
from gateway.services.regions.circulating import AlertOrder
from gateway.settings import RegionSettings
from gateway.store import messages
from keys.registry.draft import follow
from keys.registry.statement import REGISTRY, Chain, Kind
from keys.suite import MemberId
from keys.tlog.note import sign_note
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.handling import arrived
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_passing import disclosed
from tests.scenarios.test_roles import OFFICE

WEST = RegionSettings(name="west", office="RILO-W", members=["XA", "XB", "RILO-W", "XZ"])
EMPTY = RegionSettings(name="empty", office="RILO-W", members=["XZ"])
OTHER = RegionSettings(name="other", office="XA", members=["XB"])
CHANGES = {name: {"cases": {"regions": [WEST, EMPTY, OTHER]}} for name in ("RILO-W", "XA")}
RILO = MemberId("RILO-W")


def alert(fed: Federation) -> AlertOrder:
    """Return an alert."""
    today = datetime.fromtimestamp(fed.clocks[RILO].now(), UTC).date()
    return AlertOrder(content=example_of(CATALOGUE["intelligence.alert"], today))


async def test_an_alert_reaches_all_of_the_region(tmp_path: Path) -> None:
    """In one message to all who can get it; who is unknown, then suspended, is told of."""
    async with federation(
        tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}, changes=CHANGES
    ) as fed:
        node = fed.nodes[RILO]
        sent = await node.rooms.circulating.alert("west", alert(fed), OFFICER)
        await fed.until(lambda: delivered(fed, "RILO-W", sent.id))
        assert [item.member for item in sent.recipients] == ["XA", "XB"]
        assert [(item.member, item.code) for item in sent.left_out] == [("XZ", "member_unknown")]
        for member in ("XA", "XB"):
            (shown,) = (await fed.inbox(member)).messages
            assert (shown.id, shown.to, shown.kind) == (sent.id, ["XA", "XB"], "intelligence.alert")
        view = fed.nodes[REGISTRY].mirror.view
        said = follow(
            view, Kind.SUSPEND, MemberId("XB"), Chain.ISSUER, at=fed.clocks[REGISTRY].now()
        )
        await fed.publish(sign_note(said.text(), fed.registrar_root()))
        await node.mirror.follow()
        sent = await node.rooms.circulating.alert("west", alert(fed), OFFICER)
        assert [item.member for item in sent.recipients] == ["XA"]
        assert {(item.member, item.code) for item in sent.left_out} == {
            ("XB", "member_suspended"),
            ("XZ", "member_unknown"),
        }
        listed = {item.name: item for item in node.rooms.circulating.regions(OFFICER)}
        assert listed["west"].left_out == sent.left_out


async def test_only_its_office_circulates_to_a_region(tmp_path: Path) -> None:
    """Not a member of it, nor one that calls itself an office; nothing is kept."""
    async with federation(
        tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}, changes=CHANGES
    ) as fed:
        for member, region, code in (
            ("XA", "west", "not_our_region"),
            ("XA", "other", "not_our_region"),
            ("RILO-W", "other", "not_our_region"),
            ("RILO-W", "south", "region_not_found"),
            ("RILO-W", "empty", "nobody_in_region"),
        ):
            node = fed.nodes[MemberId(member)]
            found = await outcome_of(node.rooms.circulating.alert(region, alert(fed), OFFICER))
            assert isinstance(found, LiaisonError)
            assert found.code == code
            assert await node.database.read(messages.counts) == {}


async def test_an_alert_passes_nothing_on_without_consent(tmp_path: Path) -> None:
    """What an office was told stays under its originator's rule; what may go is recorded."""
    async with federation(
        tmp_path, "XA", "XB", "XC", "RILO-W", roles={"RILO-W": OFFICE}, changes=CHANGES
    ) as fed:
        node, report = fed.nodes[RILO], {"kind": "intelligence.report"}
        today = datetime.fromtimestamp(fed.clocks[RILO].now(), UTC).date()
        content = example_of(CATALOGUE["intelligence.report"], today)
        for tlp, may in (("AMBER+STRICT", False), ("AMBER", True)):
            handling = {"handling": {"tlp": tlp, "codes": ["H0"]}}
            told = await arrived(fed, "XC", "RILO-W", content=content | handling, **report)
            order = msgspec.structs.replace(
                alert(fed), forwards=[told.id], purpose=IntendedUse.RISK_ANALYSIS, **handling
            )
            order.content.pop("handling", None)
            found = await outcome_of(node.rooms.circulating.alert("west", order, OFFICER))
            if may:
                assert [item.member for item in found.recipients] == ["XA", "XB"]
            else:
                assert isinstance(found, LiaisonError)
                assert found.code == "consent_missing"
            made = await disclosed(fed, RILO, told.id)
            assert [item.recipient for item in made] == (["XA", "XB"] if may else [])
