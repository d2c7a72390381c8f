"""``liaison case``: what an officer sees of cases, in English and French."""

from pathlib import Path

import pytest

from gateway.services.casework import conduct as conduct_service
from tests.network.served import served
from tests.network.test_registry_commands import Shown, shown
from tests.scenarios.cases import told

__all__ = ["shown"]
VERIFY = "request.verify_value"


async def test_an_officer_sees_what_is_due(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the list, in the case, as JSON, and in French."""
    async with served(tmp_path, "XA", "XB") as made:
        asked = await told(made.fed, "XA", "XB", VERIFY, saying={"urgent": True})
        await told(made.fed, "XB", "XA", "case.acknowledge", case=asked.case)
        folder = ("--dir", str(tmp_path / "XB"))
        line = next(
            line
            for line in (await shown.of("case", "list", *folder)).splitlines()
            if asked.case in line
        )
        for text in ("XA → XB", "in progress", "XB: answer", "urgent"):
            assert text in line
        assert asked.case not in await shown.of("case", "list", "--overdue", *folder)
        assert asked.case not in await shown.of("case", "list", "--role", "asker", *folder)
        assert asked.case in await shown.of("case", "list", "--role", "asked", "--all", *folder)
        listed = await shown.document("case", "list", "--state", "in_progress", *folder)
        assert [item["due"]["task"] for item in listed["threads"]] == ["answer"]
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        told_french = await shown.of("case", "show", asked.case, *folder)
        for text in ("en cours", "XB : répondre", "urgente", "rectifications possibles", "soumise"):
            assert text in told_french
        assert asked.id in told_french
        assert "dossier" in await shown.of("case", "list", *folder)
        document = await shown.document("case", "show", asked.case, *folder)
        assert [item["state"] for item in document["threads"][0]["messages"]] == [
            "submitted", "in_progress",
        ]  # fmt: skip
        told_fault = await shown.of("case", "show", "00" * 16, *folder, code=1)
        assert "[case_not_found]" in told_fault


async def test_what_moved_nothing_is_marked(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a node that does not ask the state; what belongs to no request stands beside them."""
    async with served(tmp_path, "XA", "XB", "XC") as made:
        asked = await told(made.fed, "XA", "XB", VERIFY)
        folder = ("--dir", str(tmp_path / "XB"))
        assert "Beside" not in await shown.of("case", "show", asked.case, *folder)
        monkeypatch.setattr(conduct_service, "admitted", lambda _, said: said)
        await told(made.fed, "XB", "XA", "case.resume", case=asked.case)
        stray = await told(made.fed, "XB", "XC", "case.reply", case=asked.case)
        assert "1 out of order" in await shown.of("case", "list", *folder)
        seen = await shown.of("case", "show", asked.case, *folder)
        assert seen.count("out of order") == 2
        assert stray.id in seen.partition("Beside the threads")[2]
