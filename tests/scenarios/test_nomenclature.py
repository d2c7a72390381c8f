"""A node that has loaded a nomenclature holds HS codes against it, and says which edition."""

from pathlib import Path
from typing import Any

import pytest

from gateway.cli.demo.story import request
from gateway.errors import ForbiddenError, RejectedError
from gateway.faults import FaultsError
from gateway.services.caller import Caller
from gateway.services.casework.nomenclature import Nomenclature
from gateway.settings import Role
from keys.suite import MemberId, digest
from tests.cases.test_nomenclature import SMALL
from tests.scenarios.federation import OFFICER, Federation, federation, recorded

XA = MemberId("XA")
ASKED = request([])["content"]


def nomenclature(fed: Federation) -> Nomenclature:
    """Return XA's."""
    return fed.nodes[XA].rooms.code_lists.nomenclature


async def edition_sent(fed: Federation, **changes: Any) -> str | None:
    """Send a request from XA to XB; return the edition that XB reads."""
    sent = await fed.send("XA", "XB", content=ASKED | changes)

    async def came() -> bool:
        return await fed.state("XA", sent.id) == "delivered"

    await fed.until(came)
    edition: str | None = (await fed.read("XB", sent.id)).content.get("hs_edition")
    return edition


async def faults(fed: Federation, **changes: Any) -> dict[str, tuple[str, str]]:
    """Return what is wrong with a request: code and limit by pointer."""
    with pytest.raises(FaultsError) as refused:
        await fed.send("XA", "XB", content=ASKED | changes)
    return {fault.pointer: (fault.code, fault.limit) for fault in refused.value.faults}


async def test_codes_are_held_against_the_newest_edition(tmp_path: Path) -> None:
    """Without one by form and chapter; with one by code, and the edition goes along."""
    async with federation(tmp_path, "XA", "XB") as fed:
        assert await edition_sent(fed, hs_code="640398") is None
        assert await faults(fed, hs_edition="2022") == {
            "/content/hs_edition": ("edition_unknown", "2022")
        }
        taken = await nomenclature(fed).take(SMALL.encode(), "2022", OFFICER)
        assert (taken.codes, taken.sha256) == (4, digest(SMALL.encode()).hex())
        assert await edition_sent(fed) == "2022"
        assert await edition_sent(fed, hs_code="6403999012") == "2022"
        assert await edition_sent(fed, hs_code="9905", links={}) is None
        assert await faults(
            fed, hs_code="640398", links={"hs_codes": ["6404", "640411"]}, currency="ABC"
        ) == {
            "/content/hs_code": ("code_unknown", "HS 2022"),
            "/content/links/hs_codes/1": ("code_unknown", "HS 2022"),
            "/content/currency": ("code_unknown", "ISO 4217"),
        }
        newer = SMALL.replace("640399", "640398")
        await nomenclature(fed).take(newer.encode(), "2028", OFFICER)
        assert await faults(fed) == {
            "/content/hs_code": ("code_unknown", "HS 2028"),
            "/content/links/hs_codes/0": ("code_unknown", "HS 2028"),
        }
        assert await edition_sent(fed, hs_edition="2022") == "2022"
        shown = await fed.nodes[XA].rooms.code_lists.codes("hs", "fr", edition="2022", under="6403")
        assert [item.code for item in shown.codes] == ["6403", "640399"]
        assert [item.edition for item in await nomenclature(fed).editions()] == ["2028", "2022"]


async def test_edition_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A file with a fault changes nothing; a good one leaves nothing of the one before."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await nomenclature(fed).take(SMALL.encode(), "2022", OFFICER)
        for bad in (b"", b"\xff", SMALL.replace(",6404,", ",640,").encode()):
            with pytest.raises(RejectedError, match=r"no UTF-8|columns|no code"):
                await nomenclature(fed).take(bad, "2022", OFFICER)
        with pytest.raises(FaultsError):
            await nomenclature(fed).take(SMALL.encode(), "MMXX", OFFICER)
        clerk = Caller(name="uid:7", roles=frozenset({Role.OFFICER}))
        with pytest.raises(ForbiddenError):
            await nomenclature(fed).take(SMALL.encode(), "2022", clerk)
        assert await edition_sent(fed) == "2022"
        fewer = "hscode,description\n64,Footwear\n"
        await nomenclature(fed).take(fewer.encode(), "2022", OFFICER)
        assert set(await faults(fed)) == {"/content/hs_code", "/content/links/hs_codes/0"}
        acts = [
            (entry.peer, entry.digests, entry.code)
            for entry in await recorded(fed.nodes[XA])
            if entry.code.startswith("codes")
        ]
        assert acts == [
            (OFFICER.name, (digest(SMALL.encode()),), "codes hs 2022"),
            (OFFICER.name, (digest(fewer.encode()),), "codes hs 2022"),
        ]


async def test_another_daemons_import_is_seen(tmp_path: Path) -> None:
    """Within a minute, and after a restart at once."""
    async with federation(tmp_path, "XA", "XB") as fed:
        assert await edition_sent(fed) is None
        node = fed.nodes[XA]
        other = Nomenclature(node.database, node.delivery._ledger, fed.clocks[XA])
        await other.take(SMALL.encode(), "2022", OFFICER)
        assert await edition_sent(fed) is None
        nomenclature(fed)._looked_at -= 61  # type: ignore[operator]
        assert await edition_sent(fed) == "2022"
        await fed.stop("XA")
        await fed.start("XA")
        assert await edition_sent(fed) == "2022"
