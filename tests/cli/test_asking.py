"""Questions at a terminal: each field with its label, each fault at once, nothing asked twice."""

import io
from typing import Any

import pytest
import typer

from gateway.cases.kind import Kind
from gateway.cases.kinds import CATALOGUE
from gateway.cli.forms.asking import Interview
from gateway.cli.forms.faults import faults_of
from gateway.cli.terminal import asking
from gateway.cli.terminal.asking import confirm

REQUIRED = (
    "Customs of Aldria", "Valuation", "", "Customs of Berenia", "Article 4", "1", "The value.", "",
    "Section 41.", "", "3.10 a pair.", "and 15 elsewhere.", "", "None yet.", "",
    "Calzatura", "", "n", "AL-1", "en", "assessment", "2099-01-01", "BX-2291", "Shoes", "640399",
    "4200", "pair", "USD", "3.10", "13020",
)  # fmt: skip


def interview(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, *answers: str, **known: Any
) -> Interview:
    """Return an interview whose answers are typed already."""
    typed = iter(answers)
    monkeypatch.setattr(asking, "read", lambda _: next(typed).strip())
    return Interview(kind, dict(known), "en")


def test_a_whole_request_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parts within parts, lines, choices by number or by name; what comes out is good."""
    asked = interview(monkeypatch, CATALOGUE["request.verify_value"], *REQUIRED)
    asked.required()
    assert faults_of(CATALOGUE["request.verify_value"], asked.raw) == ()
    assert asked.raw["facts"] == "3.10 a pair.\nand 15 elsewhere."
    assert asked.raw["measure"] == "verification"
    assert asked.raw["persons"] == [{"name": "Calzatura"}]
    told = capsys.readouterr()
    assert "* Contact point" not in told.out
    assert "Persons concerned 1" in told.err
    assert "* Reply by (date, YYYY-MM-DD, from today on)" in told.err


def test_what_is_known_is_not_asked_and_faults_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the label of the field; the same field is asked again, and no other."""
    asked = interview(
        monkeypatch, CATALOGUE["case.extend"],
        "tomorrow", "", "2099-02-30", "2099-02-28", "", "Archives.", "",
        language="en",
    )  # fmt: skip
    asked.required()
    assert asked.raw == {"language": "en", "due_on": "2099-02-28", "reason": "Archives."}
    told = capsys.readouterr().err
    assert told.count("! New date: This must be a date that exists") == 2
    assert "! New date: This field is required." in told
    assert "! Reason: This field is required." in told


def test_other_fields_are_chosen_from_a_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several codes at once, flags, lists a line each; what stays empty is as if not chosen."""
    kind = CATALOGUE["request.verify_value"]
    asked = interview(
        monkeypatch, kind,
        "99", "1", "1", "red", "1", "1,H2", "", # handling: traffic light, then codes
        "1", "2", "TCLU4829133", "", "TCLU4829132", "", "", # links: a container
        "2", "maybe", "y", # urgent
        "1", "", "", # special procedure, left empty
        "",
    )  # fmt: skip
    asked.optional()
    assert asked.raw == {
        "handling": {"tlp": "RED", "codes": ["H0", "H2"]},
        "links": {"containers": ["TCLU4829132"]},
        "urgent": True,
    }
    told = capsys.readouterr().err
    assert "Handling (AMBER+STRICT, H0 unless changed)" in told
    assert "! Containers 1: The check digit is wrong" in told
    assert "Please answer y/n." in told


def test_an_optional_part_that_stays_empty_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an empty part nor an empty item of a list is kept."""
    supplement = CATALOGUE["case.supplement"]
    asked = interview(monkeypatch, supplement, "3", "A", "", "y", "B", "", "n", "3", "", "")
    asked.optional()
    assert asked.raw == {"persons": [{"name": "A"}, {"name": "B"}]}
    empty = interview(monkeypatch, supplement, "4", "", "")
    empty.optional()
    assert empty.raw == {}


def test_numbers_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is none is told, and asked again."""
    kind = CATALOGUE["information.recall_report"]
    fields = [field for field in Interview(kind, {}, "en")._fields if field.name == "readers"]
    asked = interview(monkeypatch, kind, "many", "2")
    asked._ask(fields[0], asked.raw, "")
    assert asked.raw == {"readers": 2}


def test_yes_and_no_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default where nothing is typed, if there is one."""
    typed = iter(["", "oui", "", "N"])
    monkeypatch.setattr(asking, "read", lambda _: next(typed))
    assert confirm("", "fr", default=None)
    assert confirm("", "fr", default=True)
    assert not confirm("", "en", default=True)


def test_the_end_of_input_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions go to standard error; who leaves has sent nothing."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(typer.Abort):
        asking.read("")
