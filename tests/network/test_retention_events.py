"""Events of retention over the socket, by the command, and to a system that they are posted to."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cases.threads.retention import RetentionReason
from gateway.services.events import chronicle
from gateway.services.retention.deciding import Keeping
from gateway.settings import RetentionSettings
from tests.network.served import XA, served
from tests.network.test_events import STREAM, begun, next_of, told_of
from tests.network.test_registry_commands import Shown, shown
from tests.network.test_webhooks import hooked, house, settings
from tests.scenarios.federation import OFFICER
from tests.scenarios.test_retention import (
    DAY_S,
    EXPIRED,
    LATER_S,
    RELEASER,
    closed,
    day_of,
    deciding,
    purged,
)  # fmt: skip

__all__ = ["shown"]
CHANGES = {
    "XA": {
        "cases": {"retention": [RetentionSettings(review_months=0)]},
        "events": {"kept_days": 366},
    }
}


async def test_a_stream_tells_of_a_case_until_it_is_purged(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it happens, by what is asked for; the command says the same in either language."""
    monkeypatch.setattr(chronicle, "SOON_S", 0.05)
    async with served(tmp_path, "XA", "XB", changes=CHANGES) as made, made.house("XA") as xa:
        await begun(made)
        asked, _ = await closed(made.fed)
        clock, decide = made.fed.clocks[XA], deciding(made.fed)
        clock.ahead_s = 2 * DAY_S
        kinds = "case.review_due,case.kept,case.held,case.restricted,case.lifted,case.purged"
        async with xa.get(f"/v1/events?types={kinds}", headers=STREAM) as answer:
            stream = told_of(answer)
            found = [await next_of(stream)]
            day = day_of(clock.now() + 9 * DAY_S)
            keep = Keeping(reason=RetentionReason.NEEDED, keep_until=day)
            kept = await decide.keep(asked.case, keep, OFFICER)
            found.append(await next_of(stream))
            hold = Keeping(reason=RetentionReason.PROCEEDINGS, reference="T-9/27", hold=True)
            clock.ahead_s += 1
            await decide.keep(asked.case, hold, OFFICER)
            found.append(await next_of(stream))
            clock.ahead_s += 1
            await decide.keep(asked.case, keep, RELEASER)
            found.append(await next_of(stream))
            await decide.restrict(asked.case, EXPIRED, OFFICER)
            found.append(await next_of(stream))
            await decide.lift(asked.case, EXPIRED, RELEASER)
            found.append(await next_of(stream))
            clock.ahead_s = LATER_S
            await decide.restrict(asked.case, EXPIRED, OFFICER)
            found.append(await next_of(stream))
            await decide.purge(asked.case, EXPIRED, RELEASER)
            found.append(await next_of(stream))
        assert [(item["type"], item.get("code", "")) for item in found] == [
            ("case.review_due", ""), ("case.kept", "needed"), ("case.held", "proceedings"),
            ("case.kept", "needed"), ("case.restricted", "expired"), ("case.lifted", "expired"),
            ("case.restricted", "expired"), ("case.purged", "expired"),
        ]  # fmt: skip
        assert {(item["case"], item["message"], item["member"]) for item in found} == {
            (asked.case, asked.id, "XB")
        }
        assert [item.get("due_at") for item in found[1:4]] == [
            kept.keep_until, None, kept.keep_until,
        ]  # fmt: skip
        assert set(found[-1]) == {"id", "type", "at", "message", "case", "member", "kind", "code"}

        folder = ("--after", "0", "--for", "0", "--dir", str(tmp_path / "XA"))
        printed = await shown.of("events", "--type", "case.purged", *folder)
        assert f"case purged: the time for keeping it is over  XB  {found[-1]['kind']}" in printed
        printed = await shown.of("events", *folder)
        assert "case to be reviewed  XB" in printed
        assert "case on a legal hold: proceedings or an appeal  XB" in printed
        assert f"until {datetime.fromtimestamp(kept.keep_until or 0, UTC):%Y-%m-%d}" in printed
        printed = await shown.of("events", "--type", "case.held", *folder, "--json")
        (event,) = (json.loads(line) for line in printed.splitlines() if line.startswith("{"))
        assert event == found[2]
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        printed = await shown.of("events", *folder)
        assert "dossier purgé : la durée de conservation est échue" in printed
        assert "dossier à réexaminer" in printed


async def test_a_purge_is_posted_to_who_asked_for_it(tmp_path: Path) -> None:
    """By the same names as everywhere, and nothing else."""
    async with house() as system:
        changes = settings(tmp_path, system.port, types=("case.purged",))
        async with hooked(tmp_path, changes) as fed:
            asked, _ = await closed(fed)
            await purged(fed, asked.case)
            await fed.until(lambda: system.came)
            (posted,) = system.bodies()
            assert (posted["type"], posted["data"]["case"]) == ("case.purged", asked.case)
            assert posted["data"]["code"] == "expired"
