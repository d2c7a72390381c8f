"""Fields that contradict each other: told where they are, to who writes them."""

from typing import Any

import pytest

from gateway.cases.content import decode_content, encode_content
from gateway.cases.examples import EXAMPLES, WRITTEN_ON
from gateway.cases.kinds import CATALOGUE
from gateway.faults import FaultsError
from tests.outcome import outcome

SURVEILLANCE = CATALOGUE["request.surveillance"]
OTHER = {"tlp": "RED", "codes": ["H0", "H3"]}


def faults(name: str, **changes: Any) -> dict[str, tuple[str, str]]:
    """Return what is wrong with an example with these fields changed."""
    raw, kind = {**EXAMPLES[name], **changes}, CATALOGUE[name]
    found = outcome(lambda: kind.validate(raw, today=WRITTEN_ON, pointer="/content"))
    return {item.pointer: (item.code, item.limit) for item in getattr(found, "faults", ())}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("request.surveillance", {"starts_on": "2027-01-02", "ends_on": "2027-01-01"}),
        ("operation.open", {"starts_on": "2027-01-02", "ends_on": "2027-01-01"}),
        ("request.information", {"period_from": "2026-01-02", "period_until": "2026-01-01"}),
        ("analysis.bulletin", {"period_from": "2026-01-02", "period_until": "2026-01-01"}),
    ],
)
def test_what_ends_before_it_begins_is_refused(name: str, changes: dict[str, str]) -> None:
    """The same day is good; one that is no date has that for its only fault."""
    first, last = changes
    assert faults(name, **changes) == {f"/content/{last}": ("ends_early", f"/content/{first}")}
    assert faults(name, **{first: changes[last], last: changes[last]}) == {}
    malformed = changes | {first: "tomorrow"}
    assert faults(name, **malformed) == {f"/content/{first}": ("not_a_date", "")}


def test_span_within_a_list_is_named() -> None:
    """With its place; others of the list are good."""
    (good,) = EXAMPLES["trader.list"]["traders"]
    bad = good | {"valid_until": "2024-04-30"}
    assert faults("trader.list", traders=[good, bad, 5]) == {
        "/content/traders/1/valid_until": ("ends_early", "/content/traders/1/valid_from"),
        "/content/traders/2": ("not_an_object", ""),
    }


def test_other_conditions_are_said_in_words() -> None:
    """H3 alone tells the recipient nothing."""
    for name in ("announcement", "request.enquiry"):
        told = {"/content/handling/conditions": ("conditions_missing", "")}
        assert faults(name, handling=OTHER) == told
        assert faults(name, handling=OTHER | {"conditions": ""}) == told
        assert faults(name, handling=OTHER | {"conditions": "To be destroyed in a year."}) == {}


def test_recipient_reads_what_a_sender_let_pass() -> None:
    """Neither is a reason to refuse a message for ever."""
    raw = {**EXAMPLES["request.surveillance"], "handling": OTHER, "ends_on": "2026-12-02"}
    content = SURVEILLANCE.validate(raw)
    assert decode_content(SURVEILLANCE, encode_content(content)) == content
    assert isinstance(outcome(lambda: SURVEILLANCE.validate(raw, today=WRITTEN_ON)), FaultsError)
