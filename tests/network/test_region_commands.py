"""What offices of a region do, on the command line: in English and French."""

import inspect
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import gateway
from gateway.cases.examples import example_of
from gateway.cases.fields.labels import Label
from gateway.cases.kinds import CATALOGUE
from gateway.cases.threads import operation_fold
from gateway.cases.trends import Table
from gateway.cli import operation, region, trends
from gateway.services.casework.operation_view import STATES
from gateway.settings import RegionSettings
from keys.registry.statement import MemberRole
from keys.suite import MemberId
from tests.network.served import Served, served
from tests.network.test_registry_commands import Shown, shown
from tests.scenarios.cases import told
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_roles import NO_COMPETENCES, say_role

__all__ = ["shown"]
WEST = RegionSettings(name="west", office="RILO-W", members=["XA", "XZ"])


def written(made: Served, kind: str, **saying: Any) -> dict[str, Any]:
    """Return the example of a kind, as of today."""
    today = datetime.fromtimestamp(made.fed.clocks[MemberId("XA")].now(), UTC).date()
    example: dict[str, Any] = example_of(CATALOGUE[kind], today)
    return example | saying


async def test_an_office_works_by_commands(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a copy, alerts its region, opens an operation, and sees trends."""
    changes = {
        "RILO-W": {"cases": {"regions": [WEST], "trends_least": 1, "trends_least_members": 1}}
    }
    async with served(tmp_path, "XA", "XB", "RILO-W", changes=changes) as made:
        fed = made.fed
        await say_role(fed, "RILO-W", (MemberRole.LIAISON_OFFICE, NO_COMPETENCES))
        for node in fed.nodes.values():
            await fed.until(
                lambda m=node.mirror: (
                    m.view.members[MemberId("RILO-W")].role is MemberRole.LIAISON_OFFICE
                )
            )
        at_office, at_xa = (("--dir", str(tmp_path / name)) for name in ("RILO-W", "XA"))
        sent = await told(fed, "XA", "XB", "seizure.report", attachments=[])
        copied = await shown.document("message", "liaison-copy", sent.id, "--to", "RILO-W", *at_xa)
        await fed.until(lambda: delivered(fed, "XA", copied["id"]))
        refused = await shown.of("message", "liaison-copy", sent.id, "--to", "XB", *at_xa, code=1)
        assert "[not_a_liaison_office]" in refused

        alert = tmp_path / "alert.json"
        alert.write_bytes(msgspec.json.encode(written(made, "intelligence.alert")))
        circulated = await shown.of("region", "alert", "west", "--content", str(alert), *at_office)
        assert "XA" in circulated
        assert "left out: XZ, not in the registry" in circulated
        assert "XZ (not in the registry)" in await shown.of("region", "list", *at_office)
        refused = await shown.of(
            "region", "alert", "south", "--content", str(alert), *at_office, code=1
        )
        assert "[region_not_found]" in refused

        today = datetime.fromtimestamp(fed.clocks[MemberId("XA")].now(), UTC).date()
        opening = {"members": ["XA"], "starts_on": str(today)}
        opening |= {"ends_on": str(today + timedelta(days=9))}
        opened = await told(fed, "RILO-W", "XA", "operation.open", attachments=[], saying=opening)
        joined = await told(fed, "XA", "RILO-W", "operation.join", attachments=[], case=opened.case)
        listed = await shown.of("operation", "list", *at_xa)
        assert opened.id in listed
        assert "SOLE" in listed
        document = await shown.document("operation", "show", opened.id, *at_xa)
        assert (document["joined"], document["group"]) == (["XA"], ["RILO-W", "XA"])
        seen = await shown.of("trends", "--since", "2020-01", *at_office)
        assert "Seizures by HS chapter" in seen
        text = await shown.of("trends", "--since", "2020-01", "--csv", *at_office)
        assert "table,period,key,count,median_days" in text
        document = await shown.document("trends", "--since", "2020-01", *at_office)
        assert (document["least"], document["least_members"]) == (1, 1)
        assert document["note"] in seen
        assert "valid" in await shown.of("trends", "--since", "2020-13", *at_office, code=1)

        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        french = await shown.of("operation", "show", opened.id, *at_xa)
        for part in ("ouverte", "groupe", joined.id, "chaque rapport indique", "Participation"):
            assert part in french
        assert "Saisies par chapitre" in await shown.of("trends", "--since", "2020-01", *at_office)
        assert "bureau de liaison" in await shown.of("region", "list", *at_office)


def test_every_word_has_both_languages() -> None:
    """Of columns, states, and reasons; each reason of the fold has words."""
    words = [*STATES.values()]
    for module in (operation, region, trends):
        for item in vars(module).values():
            if isinstance(item, Label):
                words.append(item)
            elif isinstance(item, dict):
                words += [one for one in item.values() if isinstance(one, Label)]
    assert all(word.en and word.fr for word in words)
    assert {word.en for word in words if word.en == word.fr} == {"message"}
    assert set(trends.TABLES) == set(Table)


def test_every_reason_of_an_operation_is_in_words() -> None:
    """Each code that the fold raises: on the command line, where it marks, and in SPEC."""
    raised = set(re.findall(r'_refused\(\s*"(\w+)"', inspect.getsource(operation_fold)))
    assert set(operation.REFUSED) == raised - {"not_for_outsiders", "not_to_all"}
    spec = (Path(gateway.__file__).parent / "protocol" / "SPEC.md").read_text()
    assert all(f"`{code}`" in spec for code in raised)
