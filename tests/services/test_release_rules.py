"""Release rules: what waits for a second person, by kind, recipient, handling and what is in it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.handling import Handling, HandlingCode, Tlp
from gateway.services.sending.release_rules import Outgoing, asking
from gateway.settings import ReleaseSettings
from keys.suite import MemberId

XB, XC = MemberId("XB"), MemberId("XC")
AMBER_H2 = Handling(tlp=Tlp.AMBER, codes=(HandlingCode.NO_DISSEMINATION,))


def draft(**changes: Any) -> Outgoing:
    """Return a seizure report to XB, TLP:AMBER and H2, with nothing in it that a rule looks for."""
    plain = {"attachments": False, "personal": False, "forwards": False}
    made = {"kind": "seizure.report", "to": (XB,), "handling": AMBER_H2} | plain | changes
    return Outgoing(**made)


@pytest.mark.parametrize(
    ("rule", "waits"),
    [
        ({}, True),
        ({"kinds": ["seizure"]}, True),
        ({"kinds": ["seizure.report"]}, True),
        ({"kinds": ["request", "seizure.note"]}, False),
        ({"members": ["XB"]}, True),
        ({"members": ["XC"]}, False),
        ({"tlp": "AMBER"}, True),
        ({"tlp": "AMBER+STRICT"}, False),
        ({"codes": ["H1", "H2"]}, True),
        ({"codes": ["H1"]}, False),
        ({"attachments": True}, False),
        ({"personal": True}, False),
        ({"forwards": True}, False),
        ({"kinds": ["seizure"], "tlp": "GREEN", "codes": ["H0"]}, False),
    ],
)
def test_a_rule_asks_for_what_it_names(rule: dict[str, Any], waits: bool) -> None:
    """All that it says must hold."""
    assert (asking([ReleaseSettings(**rule)], draft()) is not None) is waits


@pytest.mark.parametrize("part", ["attachments", "personal", "forwards"])
def test_a_rule_asks_for_what_is_in_a_draft(part: str) -> None:
    """Files, persons, and what others sent."""
    rule = ReleaseSettings(**{part: True})
    assert asking([rule], draft(**{part: True})) == "policy.release 1"


def test_one_recipient_that_a_rule_names_is_enough() -> None:
    """The message goes to all or to none."""
    assert asking([ReleaseSettings(members=["XC"])], draft(to=(XB, XC)))


def test_the_first_rule_that_asks_is_named() -> None:
    """By the name that the house gave it, or by its place."""
    rules = [ReleaseSettings(members=["XC"]), ReleaseSettings(name="values"), ReleaseSettings()]
    assert asking(rules, draft()) == "values"


def test_what_has_no_handling_waits_by_name_alone() -> None:
    """A ping has no traffic light."""
    assert asking([ReleaseSettings()], draft(handling=None))
    assert asking([ReleaseSettings(tlp="GREEN")], draft(handling=None)) is None
    assert asking([ReleaseSettings(codes=["H0"])], draft(handling=None)) is None


@pytest.mark.parametrize("kinds", [[], ["information"]])
def test_a_recall_waits_only_where_it_is_named(kinds: list[str]) -> None:
    """Until it goes, what should not have been sent is read on."""
    recall = draft(kind="information.recall")
    assert asking([ReleaseSettings(kinds=kinds)], recall) is None
    assert asking([ReleaseSettings(kinds=[*kinds, "information.recall"])], recall)


@given(
    to=st.sets(st.sampled_from(["XB", "XC", "XD"]), min_size=1),
    members=st.lists(st.sampled_from(["XB", "XC", "XD"])),
    tlp=st.sampled_from(list(Tlp)),
    least=st.sampled_from([light.value for light in Tlp]),
    parts=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    wanted=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_to_say_more_in_a_rule_is_to_ask_for_less(
    *,
    to: set[str],
    members: list[str],
    tlp: Tlp,
    least: Any,
    parts: tuple[bool, ...],
    wanted: tuple[bool, ...],
) -> None:
    """And a rule that says nothing asks for everything."""
    names = ("attachments", "personal", "forwards")
    sent = draft(
        to=tuple(MemberId(name) for name in to),
        handling=Handling(tlp=tlp),
        **dict(zip(names, parts, strict=True)),
    )
    said = {"members": members, "tlp": least} | dict(zip(names, wanted, strict=True))
    assert asking([ReleaseSettings()], sent)
    if asking([ReleaseSettings(**said)], sent):
        for name in said:
            looser = {key: value for key, value in said.items() if key != name}
            assert asking([ReleaseSettings(**looser)], sent)
