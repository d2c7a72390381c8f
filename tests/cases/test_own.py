"""Kinds of a member's own: typed like the rest, and every fault of a file told at the start."""

from datetime import date
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from msgspec import inspect

from gateway.cases.content import decode_content, encode_content
from gateway.cases.examples import example_of
from gateway.cases.kind import Family
from gateway.cases.kinds import ALL_KINDS
from gateway.cases.listing import code_list, list_names
from gateway.cases.own import own_kind
from gateway.fault_sentences import SENTENCES
from gateway.faults import FaultsError
from gateway.services.casework.own_kinds import kinds_with
from tests.cases.filled import TODAY, filled, replaced, wrong
from tests.outcome import outcome

DAY = date.fromisoformat(TODAY)
EXAMPLES = Path(__file__).parents[2] / "config" / "examples" / "kinds.d"
PERMIT = (EXAMPLES / "permit-check.toml").read_text(encoding="utf-8")
LABEL = {"en": "Word", "fr": "Mot"}
TYPES = (
    "line", "passage", "number", "flag", "amount", "day", "past_day", "coming_day", "country",
    "currency", "language", "hs_code", "container", "imo_number", "air_waybill", "lei", "iban",
    "vat", "message",
)  # fmt: skip


def permit(tmp_path: Path) -> Any:
    """Return the kind of the file, as a node reads it."""
    (tmp_path / "permit.toml").write_text(PERMIT, encoding="utf-8")
    return kinds_with(tmp_path)["own.permit_check"]


def test_kind_of_a_file_is_a_kind_like_any_other(tmp_path: Path) -> None:
    """Checked field by field, published, labelled, marked; its bytes come back."""
    kind = permit(tmp_path)
    assert (kind.family, kind.priority, kind.handling.tlp) == (Family.OWN, 6, "GREEN")
    assert (kind.personal, kind.free_text[-1]) == ((("holder",),), ("question",))
    info = inspect.type_info(kind.content)
    good = filled(info)
    assert set(good) >= {"handling", "language", "hs_edition", "permit", "species"}
    for at, value, code, told_at in wrong(info):
        found = outcome(lambda a=at, v=value: kind.validate(replaced(good, a, v), today=DAY))
        assert [(item.pointer, item.code) for item in found.faults] == [(told_at, code)]
    content = kind.validate(good, today=DAY)
    assert decode_content(kind, encode_content(content)) == content
    for language in ("en", "fr"):
        jsonschema_rs.meta.validate(kind.schema(language))
        assert jsonschema_rs.is_valid(kind.schema(language), good)
    assert "Contrôle d'un permis" in str(kind.schema("fr"))
    assert "Ivoire" in str(kind.schema("fr"))


def test_choices_are_a_list_like_any_other(tmp_path: Path) -> None:
    """By the name that the schema says; nothing of what all know is hidden by it."""
    kind = permit(tmp_path)
    (name,) = set(list_names([kind])) - set(list_names())
    assert kind.schema("en")["$defs"]["OwnPermitCheckSpecies"]["x-list"] == name  # type: ignore[index]
    assert [(code, label.fr) for code, label in code_list(name, [kind]).items()] == [
        ("ivory", "Ivoire"), ("coral", "Corail"),
    ]  # fmt: skip
    assert code_list("tlp", [kind]) == code_list("tlp")
    assert outcome(code_list, name).code == "list_not_found"


def test_choices_may_be_called_as_anything_else_is() -> None:
    """The schema has the field's codes, and the handling has its own."""
    choices = [{"code": "a", "label": LABEL}]
    field = {"name": "tlp", "type": "choice", "label": LABEL, "choices": choices}
    kind = own_kind({"name": "own.tlp", "label": LABEL, "fields": [field]})
    for language in ("en", "fr"):
        validator = jsonschema_rs.Draft202012Validator(kind.schema(language))
        assert validator.is_valid({"handling": {"tlp": "RED"}, "tlp": "a"})
        assert not validator.is_valid({"handling": {"tlp": "a"}})
        assert not validator.is_valid({"handling": {}, "tlp": "RED"})
        assert LABEL[language] in str(kind.schema(language))


@pytest.mark.parametrize("most", [None, 4])
@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("name", TYPES)
def test_every_type_of_field_makes_a_content(name: str, required: bool, most: int | None) -> None:
    """One or many, needed or not."""
    field = {"name": "one", "type": name, "label": LABEL, "required": required}
    if most is not None:
        field["most"] = most
    kind = own_kind({"name": "own.one", "label": LABEL, "fields": [field]})
    good = filled(inspect.type_info(kind.content))
    assert kind.passes(kind.validate(good, today=DAY))
    later = date(2030, 1, 1)
    assert kind.passes(kind.validate(example_of(kind, later), today=later))
    lacking = {name: value for name, value in good.items() if name != "one"}
    assert isinstance(outcome(kind.validate, lacking), FaultsError) is required


def test_no_files_are_no_kinds(tmp_path: Path) -> None:
    """Nor is a folder that is not there."""
    (tmp_path / "notes.txt").write_text("not read")
    assert dict(kinds_with(tmp_path)) == dict(kinds_with(tmp_path / "none")) == dict(ALL_KINDS)


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """Each with its file and its place."""
    (tmp_path / "a.toml").write_text("name = ")
    (tmp_path / "b.toml").write_text('name = "case.reply"\nsurprise = 1\n')
    (tmp_path / "c.toml").write_text(
        PERMIT.replace('type = "line"', 'type = "float"', 1).replace('"codes"', '"language"')
    )
    (tmp_path / "d.toml").write_text(PERMIT)
    (tmp_path / "e.toml").write_text(PERMIT)
    (tmp_path / "f.toml").write_bytes(b'name = "\xff"')
    (tmp_path / "g.toml").write_bytes(b"#" * 300_000)
    found = outcome(kinds_with, tmp_path)
    assert isinstance(found, FaultsError)
    assert {(item.pointer, item.code) for item in found.faults} == {
        ("a.toml", "not_toml"),
        ("b.toml/name", "wrong_form"),
        ("b.toml/label", "missing"),
        ("b.toml/fields", "missing"),
        ("b.toml/surprise", "unknown_field"),
        ("c.toml/fields/0/type", "not_one_of"),
        ("c.toml/fields/4/name", "name_taken"),
        ("e.toml/name", "name_taken"),
        ("f.toml", "not_toml"),
        ("g.toml", "too_long"),
    }
    assert all(item.code in SENTENCES for item in found.faults)


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"choices": []}, "/fields/0/choices", "choices_wrong"),
        ({"type": "line"}, "/fields/0/choices", "choices_wrong"),
        ({"most": 0}, "/fields/0/most", "too_small"),
        ({"name": "Name"}, "/fields/0/name", "wrong_form"),
        ({"name": "handling"}, "/fields/0/name", "name_taken"),
        ({"label": {"en": "Word"}}, "/fields/0/label/fr", "missing"),
        ({"label": {"en": "a\x00b", "fr": "Mot"}}, "/fields/0/label/en", "control_character"),
    ],
)
def test_fault_of_a_field_is_named(change: dict[str, Any], pointer: str, code: str) -> None:
    """Where it is; no kind comes of it."""
    field = {
        "name": "one", "type": "choice", "label": LABEL,
        "choices": [{"code": "a", "label": LABEL}],
    }  # fmt: skip
    good = {"name": "own.one", "label": LABEL, "fields": [field]}
    assert own_kind(good).name == "own.one"
    found = outcome(own_kind, {**good, "fields": [{**field, **change}]})
    assert [(item.pointer, item.code) for item in found.faults] == [(pointer, code)]
