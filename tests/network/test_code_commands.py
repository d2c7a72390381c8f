"""``liaison codes``: lists, and a nomenclature that is brought, by the command."""

from pathlib import Path

import pytest

from tests.cases.test_nomenclature import SMALL
from tests.network.served import served
from tests.network.test_registry_commands import Shown, shown

__all__ = ["shown"]


async def test_lists_are_shown_and_a_nomenclature_is_brought(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the language of the locale; the edition stands beside the list."""
    file = tmp_path / "hs.csv"
    file.write_text(SMALL, encoding="utf-8")
    async with served(tmp_path, "XA"):
        folder = ("--dir", str(tmp_path / "XA"))
        names = (await shown.of("codes", "list", *folder)).splitlines()
        assert {"countries", "refusal_ground", "hs  -"} <= set(names)
        assert "Not competent" in await shown.of("codes", "list", "refusal_ground", *folder)
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        assert "Incompétence" in await shown.of("codes", "list", "refusal_ground", *folder)
        assert "[list_not_found]" in await shown.of("codes", "list", "hs", *folder, code=1)
        brought = ("codes", "import", "hs", str(file), "--edition", "2022", *folder)
        assert "SH 2022  4" in await shown.of(*brought)
        assert (await shown.document(*brought))["codes"] == 4
        assert "hs  2022" in await shown.of("codes", "list", *folder)
        listed = await shown.document("codes", "list", "hs", "--under", "6403", *folder)
        assert [item["code"] for item in listed["codes"]] == ["6403", "640399"]


async def test_what_is_no_nomenclature_is_refused(tmp_path: Path, shown: Shown) -> None:
    """Nothing is stored, and the line is named."""
    file = tmp_path / "hs.csv"
    file.write_text(SMALL.replace("640399", "64039"), encoding="utf-8")
    async with served(tmp_path, "XA"):
        folder = ("--dir", str(tmp_path / "XA"))
        told = await shown.of(
            "codes", "import", "hs", str(file), "--edition", "2022", *folder, code=1
        )
        assert "line 4" in told
        assert "[nomenclature_malformed]" in told
        other = ("codes", "import", "colours", str(file), "--edition", "2022", *folder)
        assert "[list_not_found]" in await shown.of(*other, code=1)
        assert "hs  -" in await shown.of("codes", "list", *folder)
