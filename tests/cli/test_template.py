"""Templates: files that a person fills in, and what is read of them."""

import msgspec
import pytest

from gateway.cases.examples import example_of
from gateway.cases.forms import form_of
from gateway.cases.kinds import CATALOGUE
from gateway.cli.forms.faults import FormFaultsError, check_filled, faults_of, today
from gateway.cli.forms.template import Filled, read_template, write_template
from gateway.faults import FaultsError

VERIFY = CATALOGUE["request.verify_value"]


def written(name: str, **known: object) -> str:
    """Return a template with what is known."""
    return write_template(CATALOGUE[name], known, "liaison case open", "en")


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_empty_template_lacks_what_is_required_and_nothing_else(
    name: str, language: str
) -> None:
    """For every kind: it is TOML, what is empty is left out, and each fault has its line."""
    kind = CATALOGUE[name]
    text = write_template(kind, {}, "liaison case open", language)
    filled = read_template(text, kind)
    faults = faults_of(kind, filled.raw)
    assert {fault.code for fault in faults} <= {"missing"}
    lines = text.splitlines()
    for fault in faults:
        line = filled.line_of(fault.pointer)
        assert line is not None
        assert fault.pointer.rpartition("/")[2] in lines[line - 1]


@pytest.mark.parametrize("name", CATALOGUE)
def test_what_is_known_stands_in_the_template(name: str) -> None:
    """It comes back as it was: what is long with its lines, quotes and all; each part of a list."""
    kind = CATALOGUE[name]
    example = msgspec.to_builtins(example_of(kind, today()))
    parts = next((field for field in form_of(kind) if field.parts and field.many), None)
    if parts is not None and parts.name in example:
        example[parts.name] *= 2
    read = read_template(write_template(kind, example, "x", "en"), kind).raw
    assert kind.validate(read) == kind.validate(example)


def test_values_may_stand_without_quotes() -> None:
    """Dates, amounts and numbers as they are typed, with every digit; blanks around are gone."""
    text = 'reply_by = 2099-01-01\nunit_value = 3.10\nquantity = 4200\ninvoice = " BX "\n'
    read = read_template(text + "urgent = true\n", VERIFY)
    assert read.raw == {
        "reply_by": "2099-01-01", "unit_value": "3.10", "quantity": "4200", "invoice": "BX",
        "urgent": True,
    }  # fmt: skip


def test_what_is_not_understood_is_kept_to_be_told() -> None:
    """A time for a date, a text for a list, a field that there is not, and a part that is none."""
    text = 'reply_by = 2099-01-01T10:00:00Z\ncolour = "red"\npersons = "A"\ncontact = 3\n'
    read = read_template(text, VERIFY)
    found = {(fault.pointer, fault.code) for fault in faults_of(VERIFY, read.raw)}
    assert found >= {
        ("/reply_by", "not_text"), ("/colour", "unknown_field"), ("/persons", "not_a_list"),
        ("/contact", "not_an_object"),
    }  # fmt: skip


def test_handling_that_was_emptied_stays_empty() -> None:
    """Who takes the codes out does not get those of the kind."""
    text = written("request.verify_value").replace('codes = ["H0"]', "codes = []")
    assert read_template(text, VERIFY).raw["handling"] == {"tlp": "AMBER+STRICT"}


def test_faults_come_by_line_with_their_labels() -> None:
    """In lists of blocks each block has its own line; nested text is no table."""
    text = '''facts = """
[persons]
name = 3
"""
[[persons]]
name = "A"
[[persons]]
name = "B"
country = "ZQ"
[links]
containers = ["TCLU4829132", "TCLU4829133"]
'''
    filled: Filled = read_template(text, VERIFY)
    with pytest.raises(FormFaultsError) as caught:
        check_filled(VERIFY, filled.raw, form_of(VERIFY), "en", filled.line_of)
    places = [fault.place for fault in caught.value.faults if fault.code != "missing"]
    assert places == ["line 9, Persons concerned 2 › Country", "line 11, Links › Containers 2"]
    assert [fault.place for fault in caught.value.faults if fault.pointer == "/asking"] == [
        "Administration asking"
    ]
    assert caught.value.code == "validation_failed"


@pytest.mark.parametrize(("text", "line"), [("a = ", "1"), ('a = 1\nb = "', "2"), ("x", "1")])
def test_a_file_that_is_no_toml_is_told_by_its_line(text: str, line: str) -> None:
    """Where reading ended."""
    with pytest.raises(FaultsError) as caught:
        read_template(text, VERIFY)
    assert [(fault.code, fault.limit) for fault in caught.value.faults] == [("not_toml", line)]
