"""Copies for liaison offices: what of a content stays, and that nothing personal does."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from gateway.cases.examples import EXAMPLES
from gateway.cases.fields.places import marked, values_at
from gateway.cases.fields.schema import FREE_TEXT, PERSONAL, SAFE
from gateway.cases.kind import Kind
from gateway.cases.kinds import CATALOGUE, content_as_json
from gateway.cases.sanitising import liaison_copy, sanitised
from tests.cases.filled import filled, replaced

NAME = "Oriana Quellmark"
COPY = CATALOGUE["intelligence.liaison_copy"]
every_kind = pytest.mark.parametrize("kind", CATALOGUE.values(), ids=list(CATALOGUE))


def texts_at(info: inspect.Type, check: str, at: str = "", inner: str = "") -> Iterator[str]:
    """Yield the pointers of every text of a filled content that a check looks at."""
    match info:
        case inspect.Metadata():
            yield from texts_at(info.type, check, at, (info.extra or {}).get("check", inner))
        case inspect.UnionType():
            for one in info.types:
                yield from texts_at(one, check, at, inner)
        case inspect.StructType():
            for item in info.fields:
                yield from texts_at(item.type, check, f"{at}/{item.encode_name}")
        case inspect.VarTupleType():
            yield from texts_at(info.item_type, check, f"{at}/0")
        case inspect.StrType() if inner == check:
            yield at


def pointers(kind: Kind, mark: str) -> list[str]:
    """Return the places of a mark in a filled content, as pointers."""
    return ["".join(f"/{'0' if part == '*' else part}" for part in place)
            for place in marked(kind.content, mark)]  # fmt: skip


def copied(kind: Kind, raw: Any) -> dict[str, str]:
    """Return what a copy of a content says, by pointer; the copy is good itself."""
    content = kind.validate(raw)
    copy = liaison_copy(kind, content, "XA-" + "0a" * 16)
    COPY.validate(copy | {"handling": {"tlp": "GREEN"}})
    return {item.field: item.value for item in sanitised(kind, content)}


@every_kind
def test_no_value_of_a_personal_field_survives(kind: Kind) -> None:
    """Whatever stands in it: every place below every mark is filled, and none is copied."""
    raw = filled(inspect.type_info(kind.content))
    told = copied(kind, raw)
    for at in pointers(kind, PERSONAL):
        assert not [field for field in told if field == at or field.startswith(at + "/")]


@every_kind
def test_a_name_survives_in_no_line(kind: Kind) -> None:
    """Put into every text of every field, where the kind has a personal one at all."""
    info = inspect.type_info(kind.content)
    raw = filled(info)
    named = [at for at in texts_at(info, "line") for mark in pointers(kind, PERSONAL)
             if at == mark or at.startswith(mark + "/")]  # fmt: skip
    for at in [*texts_at(info, "line"), *texts_at(info, "lines")]:
        raw = replaced(raw, at, f"seen with {NAME}" if at not in named else NAME.upper())
    told = copied(kind, raw)
    if named:
        assert not [text for text in told.values() if "quellmark" in text.casefold()]
    safe = pointers(kind, SAFE)
    kept = {field for field, text in told.items() if NAME in text}
    assert all(any(field == at or field.startswith(at + "/") for at in safe) for field in kept)


@given(st.sampled_from(sorted(CATALOGUE)), st.text("abcdefghij ", min_size=3, max_size=40))
def test_no_personal_text_stands_in_what_stays(name: str, text: str) -> None:
    """Of whatever text, in whatever kind; but in codes, which name nobody."""
    kind = CATALOGUE[name]
    info = inspect.type_info(kind.content)
    raw = filled(info)
    marks = pointers(kind, PERSONAL)
    lines = [at for at in texts_at(info, "line") if any(at.startswith(mark) for mark in marks)]
    for at in lines:
        raw = replaced(raw, at, text)
    told = copied(kind, raw)
    if lines:
        safe = [value for field, value in told.items()
                if any(field.startswith(at) for at in pointers(kind, SAFE))]  # fmt: skip
        assert not [value for value in safe if text in value]


def test_what_an_office_needs_stays() -> None:
    """Of a seizure: what, where, how, by which way; not who, and no words beside."""
    kind = CATALOGUE["seizure.report"]
    raw: Any = dict(EXAMPLES["seizure.report"])
    raw |= {"persons": [{"name": NAME}], "text": "Words.", "own_reference": "K-1"}
    raw |= {"goods": [{"theme": "tobacco", "description": "Cigarettes", "hs_code": "240220"}]}
    told = copied(kind, raw)
    assert told["/goods/0/hs_code"] == "240220"
    assert told["/goods/0/description"] == "Cigarettes"
    assert told["/seized_on"] == raw["seized_on"]
    assert told["/concealment"] == raw["concealment"]
    assert not {field for field in told if field.startswith(("/persons", "/text", "/own", "/hand"))}
    raw["place"] = f"House of {NAME}"
    assert "/place" not in copied(kind, raw)


def test_a_part_of_what_names_somebody_stands_in_no_line() -> None:
    """A surname, a street, a passport; the town, the role and the goods may be spoken of."""
    kind = CATALOGUE["seizure.report"]
    person = {
        "name": "Oriana Quellmark Tobacco Ltd", "role": "driver and owner", "country": "XA",
        "address": "4 Harbour Road, Aldport", "born_on": "1980-05-17",
        "identifiers": ["passport X 12 34 567"],
    }  # fmt: skip
    raw: Any = dict(EXAMPLES["seizure.report"]) | {"persons": [person]}
    goods = {"theme": "tobacco", "description": "Tobacco, cut", "hs_code": "240220"}
    raw |= {"place": "Port of Aldport", "goods": [goods], "declared_as": "Driver's belongings"}
    told = copied(kind, raw)
    assert [told[at] for at in ("/place", "/goods/0/description", "/declared_as")] == [
        raw["place"], goods["description"], raw["declared_as"],
    ]  # fmt: skip
    for line in (
        "Hangar QUELLMÄRK", "oriana's", "Harbour Road", "bag X-1234567", "17.05.1980",
        "Driver and owner of it",
    ):  # fmt: skip
        assert "/declared_as" not in copied(kind, raw | {"declared_as": line})


def test_a_word_is_common_by_the_codes_that_stay_alone() -> None:
    """A firm that is named after what it sells is told of where no code says as much."""
    kind = CATALOGUE["seizure.report"]
    goods = {"theme": "drugs", "description": "Footwear", "hs_code": "640399"}
    raw: Any = dict(EXAMPLES["seizure.report"]) | {"persons": [{"name": "Footwear Quellmark"}]}
    assert "/goods/0/description" in copied(kind, raw | {"goods": [goods]})
    del goods["hs_code"]
    assert "/goods/0/description" not in copied(kind, raw | {"goods": [goods]})


@every_kind
def test_marks_do_not_contradict_each_other(kind: Kind) -> None:
    """What is safe is neither personal nor a text of several lines."""
    safe = set(marked(kind.content, SAFE))
    assert not safe & {*marked(kind.content, PERSONAL), *marked(kind.content, FREE_TEXT)}
    raw = content_as_json(kind.validate(filled(inspect.type_info(kind.content))))
    assert all(list(values_at(raw, place)) for place in safe)
