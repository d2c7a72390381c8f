"""For what content may be used: H0 and H1 at the exit, when passed on and as open evidence."""

from pathlib import Path
from typing import Any

import pytest

from gateway.cases.families.lists import IntendedUse
from gateway.errors import ForbiddenError
from gateway.faults import FaultsError
from gateway.services.sending.submission import Submitted
from gateway.store import marks
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.handling import control, inform
from tests.scenarios.test_passing import disclosed, entries, passes_on, refused

XA, XB, XC = (MemberId(name) for name in ("XA", "XB", "XC"))
JUDICIAL, OTHER = IntendedUse.JUDICIAL_PROCEEDINGS, IntendedUse.OTHER_PURPOSES
USES = {"H0": OTHER, "H1": JUDICIAL}


def under(code: str, tlp: str = "AMBER") -> dict[str, Any]:
    """Return a change to contents that gives them one code."""
    return {"saying": {"handling": {"tlp": tlp, "codes": [code]}}}


@pytest.mark.parametrize("code", USES)
async def test_what_a_code_excludes_goes_with_consent_alone(tmp_path: Path, code: str) -> None:
    """Whatever the traffic light: refused and recorded; for any other purpose it goes."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told, use = await inform(fed, "XA", "XB", **under(code)), USES[code].value
        fault = await refused(fed, told, purpose=use, **under(code))
        assert fault.code == "consent_missing"
        assert await entries(fed, XB, "forward.refused") == [("uid:1", 1, "consent_missing XC")]
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case)
        assert (await refused(fed, told, purpose=use, **under(code))).code == "consent_missing"
        await control(fed, "XA", "XB", "consent.grant", told.id, case=told.case, purpose=use)
        await passes_on(fed, told, purpose=use, **under(code))
        await passes_on(fed, told, **under(code))
        made = await disclosed(fed, XB, told.id)
        assert [item.purpose for item in made] == [use, "assessment"]
        assert [item.consent_id is None for item in made] == [False, False]


async def test_a_file_under_a_code_needs_a_purpose(tmp_path: Path) -> None:
    """It is found by itself: for what it is passed on has to be said all the same."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        file = b"invoice" * 99
        told = await inform(fed, "XA", "XB", file=file, **under("H1"))
        again: dict[str, Any] = {"forwards": [], "file": file, **under("H1")}
        fault = await refused(fed, told, purpose=None, **again)
        assert isinstance(fault, FaultsError)
        assert [(item.pointer, item.code) for item in fault.faults] == [("/purpose", "missing")]
        assert (await refused(fed, told, purpose=JUDICIAL.value, **again)).code == "consent_missing"
        await passes_on(fed, told, **again)


async def export(fed: Federation, told: Submitted, use: IntendedUse) -> object:
    """Let XB give a message out as open evidence; return the file, or why not."""
    evidence = fed.nodes[XB].rooms.evidence
    return await outcome_of(evidence.export(told.id, OFFICER, is_open=True, purpose=use))


@pytest.mark.parametrize("code", USES)
async def test_open_evidence_is_a_use(tmp_path: Path, code: str) -> None:
    """Refused without the originator's consent to this member; closed, it says nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        told, use = await inform(fed, "XA", "XB", **under(code)), USES[code]
        fault = await export(fed, told, use)
        assert isinstance(fault, ForbiddenError)
        assert fault.code == "consent_missing"
        assert await entries(fed, XB, "read.refused") == [("uid:1", 1, "consent_missing")]
        assert await entries(fed, XB, "evidence.exported") == []
        sender, _, number = told.id.rpartition("-")
        assert not await fed.nodes[XB].database.read(
            lambda tx: marks.is_exhibited(tx, sender, bytes.fromhex(number))
        )
        await fed.nodes[XB].rooms.evidence.export(told.id, OFFICER, is_open=False)
        assert isinstance(await export(fed, told, IntendedUse.ASSESSMENT), bytes)
        await control(
            fed, "XA", "XB", "consent.grant", told.id, case=told.case, purpose=use.value,
            member="XB",
        )  # fmt: skip
        assert isinstance(await export(fed, told, use), bytes)
        assert [code for _, _, code in await entries(fed, XB, "evidence.exported")] == [
            "closed", "open assessment", f"open {use.value}",
        ]  # fmt: skip
        assert isinstance(
            await fed.nodes[XA].rooms.evidence.export(told.id, OFFICER, is_open=True), bytes
        )


async def test_what_passed_something_on_is_no_way_around(tmp_path: Path) -> None:
    """Evidence of our own message shows what came from others: their codes hold."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        told = await inform(fed, "XA", "XB", **under("H1"))
        passed = await passes_on(fed, told, **under("H1"))
        assert isinstance(await export(fed, passed, JUDICIAL), ForbiddenError)
        assert isinstance(await export(fed, passed, IntendedUse.ASSESSMENT), bytes)
