"""Code lists: every one has both labels, and what is checked is what is listed."""

from typing import Any

import pytest

from gateway.cases.fields.codes import CHECKS
from gateway.cases.fields.hs_chapters import HS_CHAPTERS
from gateway.cases.listing import code_list, list_names
from tests.outcome import outcome

CHECKED = {"countries": "country", "currencies": "currency", "languages": "language"}


@pytest.mark.parametrize("name", list_names())
def test_every_code_can_be_read_in_both_languages(name: str) -> None:
    """And no two codes of a closed list read the same."""
    codes = code_list(name)
    assert len(codes) > 1
    for code, label in codes.items():
        assert code, name
        assert label.en, name
        assert label.fr, name


@pytest.mark.parametrize(("name", "check"), CHECKED.items())
def test_what_is_listed_passes_its_check(name: str, check: str) -> None:
    """Every code of the list, the European Union's among them."""
    codes = code_list(name)
    assert all(CHECKS[check](code, "/x") is None for code in codes)


@pytest.mark.parametrize(
    ("name", "code", "en", "fr"),
    [
        ("countries", "DE", "Germany", "Allemagne"),
        ("countries", "EU", "European Union", "Union européenne"),
        ("currencies", "USD", "US Dollar", "Dollar américain"),
        ("languages", "de", "German", "Allemand"),
        ("hs_chapters", "64", "Footwear", "Chaussures"),
        ("tlp", "RED", "The named recipients only", "Les destinataires nommés uniquement"),
        ("refusal_ground", "not_held", "The information is not held",
         "L'information n'est pas détenue"),
        ("transport_mode", "4", "By air", "Par air"),
        ("incoterm", "FOB", "Free on board", "Franco à bord"),
    ],
)  # fmt: skip
def test_code_is_labelled(name: str, code: str, en: str, fr: str) -> None:
    """As people of either language call it."""
    label = code_list(name)[code]
    assert (label.text("en"), label.text("fr")) == (en, fr)


def test_chapters_are_those_of_the_nomenclature() -> None:
    """97 of them, no label twice."""
    assert list(HS_CHAPTERS) == [f"{number:02}" for number in range(1, 98)]
    for language in ("en", "fr"):
        assert len({label.text(language) for label in HS_CHAPTERS.values()}) == 97


def test_unknown_list_is_refused() -> None:
    """With those that are known."""
    fault: Any = outcome(code_list, "colours")
    assert (fault.code, "countries" in fault.detail) == ("list_not_found", True)
