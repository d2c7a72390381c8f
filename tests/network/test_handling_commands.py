"""Passing on, consent, recall and correction by command, in English and French."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.network.local_api import LocalApi
from gateway.settings import Role, RoleGrant
from tests.network.served import Served, served
from tests.network.test_registry_commands import Shown, shown
from tests.scenarios.handling import control, inform

__all__ = ["shown"]
RELEASER = RoleGrant(uid=os.geteuid(), roles=[Role.RELEASER])


def let_release(made: Served) -> None:
    """Let the caller of every socket be a releaser too."""
    for api in made.apis:
        if isinstance(api, LocalApi):
            api._callers._grants = [RELEASER]


def content(place: Path, **said: Any) -> str:
    """Return a file with a content."""
    place.write_text(json.dumps({"language": "en"} | said))
    return str(place)


async def test_passing_on_by_command(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused without consent, and why in French; then consent is asked for, given, and it goes."""
    async with served(tmp_path, "XA", "XB", "XC") as made:
        told = await inform(made.fed, "XA", "XB")
        at = {name: ("--dir", str(tmp_path / name)) for name in ("XA", "XB", "XC")}
        about = content(
            tmp_path / "about.json", title="Shoes", text="Two prices.",
            handling={"tlp": "AMBER+STRICT", "codes": ["H0", "H2"]},
        )  # fmt: skip
        pass_on = (
            "message", "send", "--to", "XC", "--kind", "announcement", "--content", about,
            "--forwarding", told.id[-8:], "--wait", "30",
        )  # fmt: skip
        assert "[missing]" in await shown.of(*pass_on, *at["XB"], code=1)
        pass_on = (*pass_on, "--purpose", "assessment")
        assert "[consent_missing]" in await shown.of(*pass_on, *at["XB"], code=1)
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        refusal = await shown.of(*pass_on, *at["XB"], code=1)
        assert "n'a consenti ni à cette communication" in refusal
        monkeypatch.setenv("LC_ALL", "C")
        for kind, by, to, more in (
            ("consent.request", "XB", "XA", {"reason": "Duties."}),
            ("consent.grant", "XA", "XB", {}),
        ):
            said = content(
                tmp_path / f"{kind}.json", message=told.id, recipient="Customs", member="XC",
                purpose="assessment", **more,
            )  # fmt: skip
            await shown.of(
                "message", "send", "--to", to, "--kind", kind, "--content", said,
                "--case", told.case[-6:], "--wait", "30", *at[by],
            )  # fmt: skip
        assert "delivered" in await shown.of(*pass_on, *at["XB"])


async def test_what_is_recalled_opens_for_a_reason_by_command(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message and its file; whose sender corrected something shows by which message."""
    async with served(tmp_path, "XA", "XB") as made:
        told = await inform(made.fed, "XA", "XB", file=b"mistake" * 99)
        folder = ("--dir", str(tmp_path / "XB"))
        fix = {"case": told.case, "corrections": [{"field": "/facts", "value": "One price."}]}
        fixed = await control(made.fed, "XA", "XB", "information.rectify", told.id, **fix)
        assert f"rectified by {fixed.id}, " in await shown.of("message", "show", told.id, *folder)
        seen = await shown.of("case", "show", told.case[-6:], *folder)
        assert seen.count(f"rectified by {fixed.id}, ") == 1
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        assert f"rectifié par {fixed.id}, " in await shown.of("message", "show", told.id, *folder)
        monkeypatch.setenv("LC_ALL", "C")
        back = {"case": told.case, "reason": "sent_by_mistake"}
        await control(made.fed, "XA", "XB", "information.recall", told.id, **back)
        file, name = tmp_path / "file", f"{told.id[-8:]}.0"
        get, fetch = ("attachment", "get", name, str(file)), ("attachment", "fetch", name)
        for command in (get, fetch, ("message", "show", told.id)):
            assert "[information_recalled]" in await shown.of(*command, *folder, code=1)
        let_release(made)
        for command in (get, fetch, ("message", "show", told.id)):
            refused = await shown.of(*command, *folder, code=1)
            assert "[information_recalled]" in refused
            opened = await shown.of(*command, "--reason", "review", *folder)
            assert opened
        assert file.read_bytes() == b"mistake" * 99
        refused = await shown.of("attachment", "fetch", name, "--reason", "idle", *folder, code=1)
        assert "/reason" in refused


async def test_names_in_short_by_command(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first or last digits do; of several it is said which, of none that there is none."""
    async with served(tmp_path, "XA", "XB") as made:
        folder = ("--dir", str(tmp_path / "XB"))
        one, other = [await inform(made.fed, "XA", "XB") for _ in range(2)]
        for part in (one.id[-8:], f"XA-{one.id[-8:]}", one.id.rpartition("-")[2]):
            assert one.id in await shown.of("message", "show", part, *folder)
        both = one.id.rpartition("-")[2][:4]  # of the time, which is that of the other too
        told = await shown.of("message", "show", both, *folder, code=1)
        assert "[name_ambiguous]" in told
        assert one.id in told
        assert other.id in told
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        told = await shown.of("case", "show", both, *folder, code=1)
        assert "peut être l'un de ceux-ci" in told
        assert one.case in told
        assert "il n'y a pas de dossier" in await shown.of("case", "show", "f" * 9, *folder, code=1)
        monkeypatch.setenv("LC_ALL", "C")
        assert "[message_unknown]" in await shown.of("message", "show", "f" * 9, *folder, code=1)
        await shown.of("inbox", "acknowledge", one.id[-8:], *folder)
        listed = await shown.document("message", "list", "--case", one.case[-8:], *folder)
        assert [item["id"] for item in listed["messages"]] == [one.id]


async def test_what_was_sent_is_recalled_and_rectified_by_command(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To all who got it, in its case; what cannot be is told, in French too."""
    async with served(tmp_path, "XA", "XB", "XC") as made:
        told = await inform(made.fed, "XA", ["XB", "XC"], file=b"mistake" * 99)
        folder, name = ("--dir", str(tmp_path / "XA")), told.id[-8:]
        wait = ("--wait", "30", *folder)
        right = ("--field", "/facts", "--value", "One price.", "--field", "/subject")
        refused = await shown.of("message", "rectify", name, *right, *folder, code=1)
        assert "each --field needs its --value: 2 and 1" in refused
        fixed = await shown.document(
            "message", "rectify", name, *right, "--value", "Boots", "--explanation", "Typing.",
            *wait,
        )  # fmt: skip
        assert [item["state"] for item in fixed["recipients"]] == ["delivered"] * 2
        because = ("--reason", "sent_by_mistake")
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        refused = await shown.of(
            "message", "recall", name, *because, "--only", "b.pdf", *folder, code=1
        )
        assert f"{told.id} n'a pas de pièce jointe b.pdf" in refused
        monkeypatch.setenv("LC_ALL", "C")
        await shown.of("message", "recall", name, *because, "--only", "0", *wait)
        seen = await shown.of("message", "show", name, "--dir", str(tmp_path / "XC"))
        assert f"rectified by {fixed['id']}, " in seen
        assert "recalled by XA-" in seen
        back = await shown.document("message", "recall", name, *because, *wait)
        assert sorted(item["member"] for item in back["recipients"]) == ["XB", "XC"]
        new = await shown.of("inbox", "--dir", str(tmp_path / "XC"))
        assert "Spontaneous information (recalled, rectified)" in " ".join(new.split())
        closed = await shown.of("message", "show", name, "--dir", str(tmp_path / "XC"), code=1)
        assert "[information_recalled]" in closed
        again = await shown.of("message", "recall", back["id"], *because, *folder, code=1)
        assert "[recall_final]" in again
