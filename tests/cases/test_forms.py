"""Forms: what a person fills in, made of the types of contents alone."""

from collections.abc import Iterable, Iterator

import pytest

from gateway.cases.forms import Field, Shape, form_of, label_at
from gateway.cases.kinds import CATALOGUE
from gateway.cases.listing import HS, code_list

VERIFY = form_of(CATALOGUE["request.verify_value"])


def every(fields: Iterable[Field]) -> Iterator[Field]:
    """Yield fields with those inside them."""
    for field in fields:
        yield field
        yield from every(field.parts)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_kind_has_a_form_in_both_languages(name: str) -> None:
    """Each field with a label, what is needed first, and choices or parts where it has them."""
    fields = form_of(CATALOGUE[name])
    needed = [field.required for field in fields]
    assert needed == sorted(needed, reverse=True)
    for field in every(fields):
        assert field.label.en
        assert field.label.fr
        assert (field.shape is Shape.CHOICE) == bool(field.choices)
        assert (field.shape is Shape.PART) == bool(field.parts)
        assert field.list_name in ("", HS) or code_list(field.list_name)
        assert field.name != "hs_edition"


def test_a_field_says_its_bounds() -> None:
    """Form, length, number of items, side of today, the list of its codes, and its default."""
    by_name = {field.name: field for field in VERIFY}
    assert (by_name["reply_by"].shape, by_name["reply_by"].day) == (Shape.DATE, "coming")
    assert (by_name["invoice"].shape, by_name["invoice"].max_chars) == (Shape.LINE, 200)
    assert (by_name["facts"].shape, by_name["facts"].required) == (Shape.LINES, True)
    assert by_name["unit_value"].shape is Shape.AMOUNT
    assert by_name["currency"].list_name == "currencies"
    assert by_name["urgent"].default is False
    persons = by_name["persons"]
    assert (persons.many, persons.least, persons.most) == (True, 1, 50)
    handling = by_name["handling"]
    assert (handling.required, handling.parts[0].default) == (False, "AMBER+STRICT")


def test_a_place_is_called_by_its_labels() -> None:
    """In the language that is asked for, counted from one; what the form lacks, by its name."""
    assert label_at(VERIFY, "/persons/1/name", "en") == "Persons concerned 2 › Name"
    assert label_at(VERIFY, "/persons/0/accounts/2", "fr") == (
        "Personnes concernées 1 › Comptes (IBAN) 3"
    )
    assert label_at(VERIFY, "/colour/0", "fr") == "colour 1"
    assert label_at(VERIFY, "", "en") == ""
