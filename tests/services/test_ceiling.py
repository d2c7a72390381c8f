"""Ceiling: what a member lets out, by kind, recipient, traffic light and code."""

from typing import Any

import pytest

from gateway.cases.handling import Handling, HandlingCode, Tlp
from gateway.services.sending.ceiling import check_ceiling
from gateway.settings import CeilingSettings
from keys.suite import MemberId
from tests.outcome import outcome

XB, XC = MemberId("XB"), MemberId("XC")
AMBER_H2 = Handling(tlp=Tlp.AMBER, codes=(HandlingCode.NO_DISSEMINATION,))


def told(rule: dict[str, Any], *to: MemberId, handling: Handling | None = AMBER_H2) -> str:
    """Return why a seizure report may not go; empty where it may."""
    found = outcome(check_ceiling, [CeilingSettings(**rule)], "seizure.report", to, handling)
    return "" if found is None else f"{found.code}: {found.detail}"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({}, ""),
        ({"tlp": "AMBER"}, ""),
        ({"tlp": "GREEN"}, "TLP:AMBER is above TLP:GREEN"),
        ({"tlp": "GREEN", "members": ["XC"]}, ""),
        ({"tlp": "GREEN", "members": ["XB"]}, "XB: TLP:AMBER is above"),
        ({"tlp": "GREEN", "kinds": ["request", "seizure.note"]}, ""),
        ({"tlp": "GREEN", "kinds": ["seizure"]}, "TLP:AMBER is above"),
        ({"tlp": "GREEN", "kinds": ["seizure.report"]}, "TLP:AMBER is above"),
        ({"without_codes": ["H1"]}, ""),
        ({"without_codes": ["H1", "H2"]}, "code H2"),
        ({"forbidden": True}, "nothing of this goes there"),
        ({"forbidden": True, "members": ["XC"]}, ""),
    ],
)
def test_a_rule_forbids_what_it_names(rule: dict[str, Any], why: str) -> None:
    """And nothing else; the reason names recipient, what is too much, and the setting."""
    said = told(rule, XB)
    assert (why in said, bool(said)) == (True, bool(why))
    assert not said or ("above_ceiling" in said and "policy.ceilings" in said)


def test_one_recipient_too_many_is_enough() -> None:
    """The message goes to all or to none."""
    assert "XC" in told({"forbidden": True, "members": ["XC"]}, XB, XC)


def test_what_has_no_handling_is_forbidden_by_name_alone() -> None:
    """A ping has no traffic light."""
    assert told({"tlp": "CLEAR"}, XB, handling=None) == ""
    assert told({"forbidden": True}, XB, handling=None)
