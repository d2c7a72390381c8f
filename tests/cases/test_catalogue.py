"""The catalogue: every kind of the design, published, labelled, and every field of it checked."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgpack
import msgspec
import pytest
from msgspec import inspect

import gateway
from gateway.cases.content import decode_content, encode_content
from gateway.cases.examples import EXAMPLES, WRITTEN_ON, example_of
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.places import EACH, checked, marked, values_at
from gateway.cases.fields.publishing import codes_in
from gateway.cases.kind import Family, Kind
from gateway.cases.kinds import ALL_KINDS, CATALOGUE
from gateway.errors import RejectedError
from gateway.fault_sentences import SENTENCES
from gateway.faults import FaultsError
from tests.cases.filled import TODAY, filled, replaced, wrong
from tests.outcome import outcome

TABLE = {
    Family.REQUESTS: """request.information request.verify_value request.verify_origin
        request.verify_classification request.verify_document request.verify_export
        request.surveillance request.controlled_delivery request.notification request.enquiry
        request.recovery request.expert_or_witness request.presence""",
    Family.CONDUCT: """case.acknowledge case.clarify case.supplement case.transfer case.conditions
        case.accept_conditions case.decline_conditions case.interim case.partial_reply case.reply
        case.refuse case.postpone case.resume case.extend case.remind case.withdraw case.feedback
        case.close case.reopen""",
    Family.INFORMATION: "information.spontaneous information.automatic information.advance",
    Family.CONTROL: """information.recall information.rectify information.recall_report
        consent.request consent.grant consent.deny disclosure.notice breach.notice""",
    Family.INTELLIGENCE: """intelligence.report intelligence.alert intelligence.liaison_copy
        seizure.report analysis.bulletin analysis.modus_operandi""",
    Family.OPERATIONS: "operation.open operation.join operation.report operation.close",
    Family.CARGO: """cargo.advance_information risk.alert risk.control_request risk.control_result
        image.scan""",
    Family.TRADERS: "trader.status trader.revocation trader.list",
    Family.CAPACITY: "capacity.request capacity.diagnostic announcement",
    Family.SERVICE: "ping restored receipt key_card",
    Family.OWN: "",
}
"""The kinds that the design names."""
DAY = date.fromisoformat(TODAY)
SEEN_BY_SCHEMA = {
    "missing", "unknown_field", "not_text", "not_a_number", "not_a_flag", "not_an_object",
    "not_a_list", "not_one_of", "too_short", "too_long", "too_few", "too_many", "too_small",
    "too_large", "wrong_form", "control_character", "not_a_date",
}  # fmt: skip
"""What the published schema tells too, to a validator of others; the rest takes code lists."""
every_kind = pytest.mark.parametrize("kind", ALL_KINDS.values(), ids=list(ALL_KINDS))


def test_catalogue_has_every_kind_of_the_table() -> None:
    """And each in its family."""
    assert {kind.name: kind.family for kind in ALL_KINDS.values()} == {
        name: family for family, names in TABLE.items() for name in names.split()
    }
    assert set(ALL_KINDS) - set(CATALOGUE) == {"receipt", "key_card"}


@every_kind
def test_schema_is_good_to_a_validator_of_others(kind: Kind) -> None:
    """In both languages; it lets the example pass, and refuses what we refuse."""
    for language in ("en", "fr"):
        schema = kind.schema(language)
        jsonschema_rs.meta.validate(schema)
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for good in (EXAMPLES[kind.name], filled(inspect.type_info(kind.content))):
            assert list(validator.iter_errors(good)) == []
        assert not validator.is_valid({**EXAMPLES[kind.name], "surprise": 1})
        for name in schema["$defs"][kind.content.__name__].get("required", ()):  # type: ignore[index]
            lacking = {key: value for key, value in EXAMPLES[kind.name].items() if key != name}
            assert not validator.is_valid(lacking), name


@every_kind
def test_every_wrong_value_of_every_field_is_named(kind: Kind) -> None:
    """Each alone: its place, its code, and a sentence in either language.

    What a schema can say, the published one says too.
    """
    info = inspect.type_info(kind.content)
    good = filled(info)
    content = kind.validate(good, today=DAY)
    assert kind.passes(content)
    validator = jsonschema_rs.Draft202012Validator(kind.schema("en"), validate_formats=True)
    for at, value, code, told_at in wrong(info):
        if code in SEEN_BY_SCHEMA:
            assert not validator.is_valid(replaced(good, at, value)), (at, value)
        found = outcome(lambda a=at, v=value: kind.validate(replaced(good, a, v), today=DAY))
        assert isinstance(found, FaultsError), (at, value)
        assert [(item.pointer, item.code) for item in found.faults] == [(told_at, code)]
        assert found.faults[0].sentence("en") != found.faults[0].sentence("fr")


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_wrong_value_is_refused_by_who_receives_it(kind: Kind) -> None:
    """A bent node signs it all the same: its bytes are no content, but for what only days tell."""
    info = inspect.type_info(kind.content)
    good = filled(info)
    assert kind.passes(decode_content(kind, encode_content(kind.validate(good))))
    for at, value, code, _ in wrong(info):
        if code not in ("day_past", "day_to_come"):
            found = outcome(decode_content, kind, msgpack.packb(replaced(good, at, value)))
            assert isinstance(found, RejectedError), (at, value)


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=list(CATALOGUE))
def test_all_wrong_fields_are_named_at_once(kind: Kind) -> None:
    """One answer tells of every field."""
    info = inspect.type_info(kind.content)
    broken = {item.encode_name: {"no": "value"} for item in info.fields}  # type: ignore[union-attr]
    if not broken:
        return
    found = outcome(lambda: kind.validate(broken, today=DAY))
    told = {"/" + item.pointer[1:].partition("/")[0] for item in found.faults}
    assert told == {f"/{name}" for name in broken}


@every_kind
def test_example_is_good_whenever_it_is_shown(kind: Kind) -> None:
    """Its coming days come along, and the rest stays; its bytes give it back."""
    assert example_of(kind, WRITTEN_ON) == EXAMPLES[kind.name]
    for today in (WRITTEN_ON, date(2031, 5, 17)):
        content = kind.validate(example_of(kind, today), today=today)
        assert decode_content(kind, encode_content(content)) == content


def test_dates_are_held_against_the_day_of_writing_only() -> None:
    """What was timely when it was written may come late: who receives it does not look."""
    verify = CATALOGUE["request.verify_value"]
    asked: Any = EXAMPLES["request.verify_value"]
    late = date(2028, 1, 1)
    found = outcome(lambda: verify.validate(asked, today=late))
    assert [(item.pointer, item.code) for item in found.faults] == [("/reply_by", "day_past")]
    content = verify.validate(asked)
    assert decode_content(verify, encode_content(content)) == content
    born = asked | {"persons": [{"name": "A. Marn", "born_on": "2029-01-01"}], "goods": 5}
    found = outcome(lambda: verify.validate(born, today=late, pointer="/content"))
    assert {(item.pointer, item.code) for item in found.faults} == {
        ("/content/reply_by", "day_past"),
        ("/content/persons/0/born_on", "day_to_come"),
        ("/content/goods", "not_text"),
    }


def labels_of(kind: Kind) -> Iterator[tuple[str, Label]]:
    """Yield every label that a form for a kind shows."""
    yield kind.name, kind.label
    english, french = kind.schema("en"), kind.schema("fr")
    yield from zip_labels(kind.name, english, french)


def zip_labels(at: str, english: Any, french: Any) -> Iterator[tuple[str, Label]]:
    """Yield titles of two schemas that are the same but for the language."""
    if isinstance(english, dict):
        assert english.keys() == french.keys()
        if isinstance(english.get("title"), str):
            yield at, Label(english["title"], french["title"])
        for name, part in english.items():
            yield from zip_labels(f"{at}/{name}", part, french[name])
        for name in english.get("properties", {}):
            assert english["properties"][name].get("title"), f"{at}/{name} has no label"
        assert not isinstance(english.get("description"), str), at
    elif isinstance(english, list):
        for n, (one, other) in enumerate(zip(english, french, strict=True)):
            yield from zip_labels(f"{at}/{n}", one, other)


SAME = {
    "Arrangement", "Carnet", "Conditions", "Contribution", "Coordination", "Diagnostic",
    "Document", "Expert", "Information", "Message", "Participants", "Questions", "Rectification",
    "Scanner", "Source", "Surveillance", "Urgent", "Voyage",
}  # fmt: skip
"""Words that are the same in French, by intention."""


@every_kind
def test_every_text_that_an_officer_sees_exists_in_french(kind: Kind) -> None:
    """Names of kinds, fields and codes: what is the same in both is so by intention."""
    for at, label in labels_of(kind):
        assert label.en, at
        assert label.fr, at
        assert label.en != label.fr or label.en in SAME, (at, label.en)


def test_every_fault_that_a_content_may_have_has_its_french() -> None:
    """The sentences differ, and say the same limit."""
    assert all(english != french for english, french in SENTENCES.values())


def code_lists() -> set[type[Code]]:
    """Return every code list of the catalogue."""
    return {
        codes for kind in ALL_KINDS.values() for codes in codes_in(inspect.type_info(kind.content))
    }


def test_code_lists_have_names_of_their_own() -> None:
    """So that each can be asked for by its name, and none is published half."""
    lists = code_lists()
    assert len({codes.list_name() for codes in lists}) == len(lists) > 20
    for codes in lists:
        labels = [code.label for code in codes]
        assert (
            len({label.en for label in labels})
            == len({label.fr for label in labels})
            == len(labels)
        )


@every_kind
def test_free_text_says_its_language(kind: Kind) -> None:
    """A content with words of a person names the language they are in."""
    fields = kind.content.__struct_fields__
    texts = [place for place in kind.free_text if place != ("handling", "conditions")]
    assert not texts or "language" in fields


@every_kind
def test_hs_codes_have_room_for_their_edition(kind: Kind) -> None:
    """A code means nothing without the edition that it is from."""
    if checked(kind.content, "hs_code"):
        assert "hs_edition" in kind.content.__struct_fields__


PERSONAL = {"name", "address", "born_on", "identifiers", "lei", "vat", "accounts"}


@every_kind
def test_what_tells_of_a_person_is_marked(kind: Kind) -> None:
    """Whoever drops the marked fields has dropped every name, number and address of a person."""
    full = filled(inspect.type_info(kind.content))
    for place in kind.personal:
        for way, _ in list(values_at(full, place)):
            holder = full
            for part in way[:-1]:
                holder = holder[part]  # type: ignore[index]
            holder[way[-1]] = None  # type: ignore[index]
    left = {
        way for way in names_in(full) if way[-1] in ("born_on", "address", "email", "telephone")
    }
    assert left == set()
    assert not {"persons", "officials", "addressee"} & {
        name for name, value in full.items() if value is not None
    }


def names_in(raw: Any, *way: str) -> Iterator[tuple[str, ...]]:
    """Yield the ways to every value that is there."""
    if isinstance(raw, dict):
        for name, value in raw.items():
            yield from names_in(value, *way, name)
    elif isinstance(raw, list):
        for item in raw:
            yield from names_in(item, *way, EACH)
    elif raw is not None:
        yield way


@every_kind
def test_kind_has_its_defaults(kind: Kind) -> None:
    """A priority that exists, a handling where the content has one, deadlines for requests."""
    assert 0 <= kind.priority <= 9
    assert (kind.handling is None) is ("handling" not in kind.content.__struct_fields__)
    assert (kind.deadlines is not None) is (kind.family is Family.REQUESTS)
    assert kind.version >= 1
    assert marked(kind.content, "x-no-such-mark") == ()
    assert msgspec.json.encode(kind.schema("en"))


def test_specification_has_a_row_for_every_kind() -> None:
    """Its defaults too."""
    spec = Path(gateway.__file__).parent / "protocol" / "SPEC.md"
    section = spec.read_text(encoding="utf-8").split("\n## Kinds\n")[1].split("\n## ")[0]
    rows = [
        tuple(cell.strip(" `") for cell in line.strip("|").split("|"))
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    assert rows == [
        (
            kind.name,
            str(kind.version),
            kind.family.value,
            "yes" if kind.opens_case else "no",
            str(kind.priority),
            " ".join([kind.handling.tlp, *kind.handling.codes]) if kind.handling else "—",
        )
        for kind in ALL_KINDS.values()
    ]
