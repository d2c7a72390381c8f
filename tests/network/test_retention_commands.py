"""``liaison case review``, ``restrict``, ``lift`` and ``purge``: what is printed, and refused."""

import os
from pathlib import Path

import pytest

from gateway.network.local_api import LocalApi
from gateway.settings import RetentionSettings, Role, RoleGrant
from tests.network.served import XA, Served, served
from tests.network.test_registry_commands import Shown, shown
from tests.scenarios.federation import OFFICER
from tests.scenarios.test_retention import DAY_S, EXPIRED, closed, day_of

__all__ = ["shown"]
RULE = RetentionSettings(review_months=0)


def grant(made: Served, *roles: Role) -> None:
    """Let who runs the tests have roles at XA, beside those of the daemon's user."""
    for api in made.apis:
        if isinstance(api, LocalApi) and api._path.parent.name == "XA":
            granted = [RoleGrant(uid=os.geteuid(), roles=list(roles))]
            api._callers._grants = granted


async def test_an_officer_reviews_and_a_releaser_purges(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the list of what is due to the tombstone; in French too."""
    changes = {"XA": {"cases": {"retention": [RULE]}}}
    async with served(tmp_path, "XA", "XB", changes=changes) as made:
        asked, answer = await closed(made.fed)
        case, folder = asked.case, ("--dir", str(tmp_path / "XA"))
        assert case not in await shown.of("case", "list", "--for-review", *folder)
        made.fed.clocks[XA].ahead_s = 2 * DAY_S
        listed = await shown.of("case", "list", "--for-review", *folder)
        assert "to be reviewed" in next(line for line in listed.splitlines() if case in line)

        order = ("--reason", "proceedings", "--reference", "T-9/27", *folder)
        told = await shown.of("case", "review", case, "--hold", *order)
        assert "kept without end, on a legal hold" in told
        assert "proceedings or an appeal (T-9/27)" in told
        assert case not in await shown.of("case", "list", "--for-review", *folder)
        day = day_of(made.fed.clocks[XA].now() + 9 * DAY_S)
        told = await shown.of("case", "review", case, *order, code=1)
        assert "/keep_until" in told
        told = await shown.of("case", "review", case, "--keep-until", day, *order, code=1)
        assert "[role_missing]" in told
        grant(made, Role.RELEASER)
        await shown.of("case", "review", case, "--keep-until", day, *order)

        told = await shown.of("case", "restrict", case, *order)
        assert f"case {case}: restricted (3 messages)" in told
        told = await shown.of("case", "show", case, *folder)
        assert "Retention: restricted since" in told
        assert "[case_restricted]" in told
        assert "[not_in_this_state]" in await shown.of(
            "case", "feedback", case, "--language", "en", *folder, code=1
        )
        assert "restricted" in await shown.of("message", "list", "--case", case, *folder)
        await shown.of("case", "lift", case, *order)
        assert "[case_restricted]" not in await shown.of("case", "show", case, *folder)

        made.fed.clocks[XA].ahead_s = 600 * DAY_S
        await made.fed.nodes[XA].rooms.deciding.restrict(case, EXPIRED, OFFICER)
        why = ("--reason", "expired", *folder)
        document = await shown.document("case", "purge", case, *why)
        assert (document["standing"], document["messages"]) == ("purged", 3)
        listed = await shown.of("case", "list", "--state", "purged", *folder)
        assert case in listed
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        told = await shown.of("case", "show", case, *folder)
        for text in ("Conservation : purgé depuis", "c'était", "récépissé de remise de XA"):
            assert text in told
        told = await shown.of("message", "show", answer.id, *folder, code=1)
        assert "ce que disait ce message a été détruit ici" in told
        told = await shown.of("case", "purge", case, *why, code=1)
        assert "[case_purged]" in told


REFUSED: list[tuple[str, object, int, str]] = [
    ("{case}/purge", {"reason": "expired"}, 403, "role_missing"),
    ("{case}/restrict", {}, 422, "validation_failed"),
    ("{case}/restrict", {"reason": "expired", "reference": "\x07"}, 422, "validation_failed"),
    ("{case}/restrict", [1], 422, "validation_failed"),
    ("{case}/review", {"reason": "needed", "keep_until": "1999-01-01"}, 422, "validation_failed"),
    ("00000000000000000000000000000000/restrict", {"reason": "expired"}, 404, "case_not_found"),
    ("..%2F..%2Fetc/restrict", {"reason": "expired"}, 404, "case_not_found"),
    ("{case}/restrict", {"reason": "expired"}, 409, "case_runs"),
]


async def test_malformed_orders_are_refused_by_the_socket(tmp_path: Path) -> None:
    """Each with its code; nothing is decided."""
    async with served(tmp_path, "XA", "XB") as made:
        asked = await made.fed.send("XA", "XB")
        async with made.house("XA") as house:
            for path, body, status, code in REFUSED:
                answer = await house.post(f"/v1/cases/{path.format(case=asked.case)}", json=body)
                problem = await answer.json()
                assert (answer.status, problem["code"]) == (status, code), path
            answer = await house.post(f"/v1/cases/{asked.case}/restrict", data=b"\xff{")
            assert (await answer.json())["code"] == "json_malformed"
            shown = await (await house.get(f"/v1/cases/{asked.case}")).json()
        assert shown["retention"] is None
