"""The kinds: labels in both languages, every fault at once, checks that really check."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from gateway.cases.content import MAX_CONTENT_BYTES, decode_content, encode_content
from gateway.cases.examples import EXAMPLES
from gateway.cases.fields.codes import CHECKS
from gateway.cases.kinds import CATALOGUE, content_as_json, kind_named
from gateway.cli.demo.story import reply, request
from gateway.errors import RejectedError
from gateway.fault_sentences import SENTENCES
from gateway.faults import Fault, FaultsError
from tests.outcome import outcome

VERIFY, REPLY = CATALOGUE["request.verify_value"], CATALOGUE["case.reply"]
ASKED = request([])["content"]
GOOD = {**EXAMPLES, "request.verify_value": ASKED, "case.reply": reply("XA-0")["content"]}
FORMS = {name: kind for name, kind in CATALOGUE.items() if not kind.ends_at_node}
"""The kinds that a person fills in."""
SAME_IN_FRENCH = {"information.rectify", "capacity.diagnostic"}
"""Kinds whose names are the same word in both languages."""


def faults(changes: dict[str, Any]) -> dict[str, str]:
    """Return the faults of a request with these fields changed: pointer to code."""
    found = outcome(VERIFY.validate, {**ASKED, **changes})
    assert isinstance(found, FaultsError)
    return {fault.pointer: fault.code for fault in found.faults}


def properties(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property of a JSON Schema, the nested ones included."""
    for name, part in (schema.get("properties") or {}).items():
        yield f"{at}/{name}", part
    for name, part in (schema.get("$defs") or {}).items():
        yield from properties(part, f"{at}/{name}")


@pytest.mark.parametrize("kind", FORMS.values(), ids=list(FORMS))
def test_every_field_has_a_label_in_both_languages(kind: Any) -> None:
    """A form can be drawn from the schema, and no French is the English by oversight."""
    english, french = dict(properties(kind.schema("en"))), dict(properties(kind.schema("fr")))
    assert english.keys() == french.keys()
    for name, part in english.items():
        assert part.get("title"), name
        assert french[name]["title"] == part["x-title-fr"], name
    differing = [name for name in english if english[name]["title"] != french[name]["title"]]
    assert len(differing) > len(english) * 0.5


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_kind_is_labelled(kind: Any) -> None:
    """In both languages; whoever wants a third gets English."""
    same = kind.name in SAME_IN_FRENCH
    assert (kind.label.text("fr") == kind.label.text("en")) is same
    assert kind.label.text("de") == kind.label.text("en") != kind.name


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"currency": "ABC"}, {"/currency": "code_unknown"}),
        ({"hs_code": "000000"}, {"/hs_code": "code_unknown"}),
        ({"hs_code": "64039"}, {"/hs_code": "code_unknown"}),
        ({"reply_by": "2027-02-30"}, {"/reply_by": "not_a_date"}),
        ({"quantity": "1e5"}, {"/quantity": "not_an_amount"}),
        ({"quantity": "-1"}, {"/quantity": "not_an_amount"}),
        ({"language": "zz"}, {"/language": "code_unknown"}),
        ({"similar_goods_value": "x"}, {"/similar_goods_value": "not_an_amount"}),
        ({"links": {"vessels": ["9432178"]}}, {"/links/vessels/0": "check_digit"}),
        ({"links": {"containers": ["TCLU4829123"]}}, {"/links/containers/0": "check_digit"}),
        ({"links": {"containers": ["tclu"]}}, {"/links/containers/0": "wrong_form"}),
        ({"persons": []}, {"/persons": "too_few"}),
        ({"persons": [{"name": "x", "country": "ZX"}]}, {"/persons/0/country": "code_unknown"}),
        ({"persons": [{"name": ""}]}, {"/persons/0/name": "too_short"}),
        ({"facts": "x" * 20_001}, {"/facts": "too_long"}),
        ({"facts": 5}, {"/facts": "not_text"}),
        ({"urgent": "yes"}, {"/urgent": "not_a_flag"}),
        ({"measure": "war"}, {"/measure": "not_one_of"}),
        ({"contact": "me"}, {"/contact": "not_an_object"}),
        ({"links": {"declarations": "x"}}, {"/links/declarations": "not_a_list"}),
        ({"handling": {"codes": ["H9"]}}, {"/handling/codes/0": "not_one_of"}),
        ({"a/b~c": 1}, {"/a~1b~0c": "unknown_field"}),
        ({"contact": {"office": "x", "email": "nobody"}}, {"/contact/email": "wrong_form"}),
    ],
)  # fmt: skip
def test_wrong_value_is_named(changes: dict[str, Any], expected: dict[str, str]) -> None:
    """Its place and its fault."""
    assert faults(changes) == expected


def test_all_faults_are_named_at_once() -> None:
    """Missing, unknown, malformed and unchecked: one answer tells all."""
    broken = {name: value for name, value in ASKED.items() if name != "legal_basis"}
    broken |= {"surprise": 1, "currency": "ABC", "hs_code": "x", "reply_by": "tomorrow"}
    broken["links"] = {"containers": ["TCLU4829132", "TCLU4829123"]}
    found = outcome(VERIFY.validate, broken)
    assert {fault.pointer for fault in found.faults} == {
        "/legal_basis", "/surprise", "/currency", "/hs_code", "/reply_by", "/links/containers/1",
    }  # fmt: skip


def test_every_fault_has_its_sentence_in_both_languages() -> None:
    """And they differ."""
    for code, (english, french) in SENTENCES.items():
        fault = Fault(pointer="/x", code=code, limit="7")
        assert fault.sentence() == english.format(limit="7")
        assert fault.sentence("fr") == french.format(limit="7") != fault.sentence("en")
        assert ("{limit}" in english) is ("{limit}" in french)


def test_every_check_that_a_field_names_exists() -> None:
    """A misspelt check would check nothing."""

    def named(info: Any, seen: set[type]) -> Iterator[str]:
        match info:
            case inspect.Metadata():
                if info.extra:
                    yield info.extra["check"]
                yield from named(info.type, seen)
            case inspect.StructType() if info.cls not in seen:
                seen.add(info.cls)
                for item in info.fields:
                    yield from named(item.type, seen)
            case inspect.UnionType():
                for kind in info.types:
                    yield from named(kind, seen)
            case inspect.VarTupleType():
                yield from named(info.item_type, seen)
            case _:
                return

    used = {
        check
        for kind in CATALOGUE.values()
        for check in named(inspect.type_info(kind.content), set())
    }
    assert used == set(CHECKS)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("container", "TCLU4829132", "TCLU4829131"),
        ("imo_number", "9432177", "9432171"),
        ("country", "FR", "ZX"),
        ("country", "XA", "OO"),
        ("country", "EU", "UK"),
        ("currency", "XOF", "FFF"),
        ("language", "fr", "qq"),
        ("hs_code", "0101", "0001"),
        ("hs_code", "9901", "010"),
        ("date", "2028-02-29", "2027-02-29"),
        ("date", "2027-01-01", "20270101"),
        ("date", "2027-01-01", "２０２７-01-01"),
        ("date", "2027-01-01", "٢٠٢٧-٠١-٠١"),
        ("date", "2027-01-01", "2570-01-01"),
        ("date", "2027-01-01", "1448-07-22"),
        ("air_waybill", "172-12345675", "172-12345676"),
        ("lei", "5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R13"),
        ("iban", "GB82WEST12345698765432", "GB82WEST12345698765433"),
        ("iban", "FR1420041010050500013M02606", "FR1420041010050500013M02607"),
        ("vat", "FR40303265045", "FR41303265045"),
        ("vat", "EL094259216", "EL094259217"),
        ("vat", "XA12345", "DE136695977"),
        ("line", "Société « Alda »\u00a0: 3", "two\nlines"),
        ("line", "مرحبا", "a\u202eb"),
        ("lines", "two\nlines\tand more\r\n", "bell\x07"),
        ("lines", "", "\x85"),
        ("amount", "0", "00"),
        ("amount", "13020.0001", "1.00001"),
        ("amount", "999999999999999", "9999999999999999"),
    ],
)
def test_checks_know_good_from_bad(check: str, good: str, bad: str) -> None:
    """By published lists and check digits."""
    assert CHECKS[check](good, "/x") is None
    fault = CHECKS[check](bad, "/x")
    assert fault is not None
    assert (fault.pointer, fault.code in SENTENCES) == ("/x", True)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_content_comes_back_from_its_bytes(name: str) -> None:
    """The one form, and the values that were given."""
    kind = kind_named(name)
    content = kind.validate(GOOD[name])
    encoded = encode_content(content)
    assert decode_content(kind, encoded) == content
    shown = msgspec.json.decode(msgspec.json.encode(content_as_json(content)))
    assert kind.validate(shown) == content
    for field, value in GOOD[name].items():
        if not isinstance(value, dict):
            assert shown[field] == value


def test_unknown_kind_is_refused() -> None:
    """With those that may be meant; what no message can be is none either."""
    fault = outcome(kind_named, "case.repply")
    assert (fault.code, "case.reply" in fault.detail) == ("kind_unknown", True)
    for name in ("", "receipt", "key_card", "x" * 5000):
        assert outcome(kind_named, name).code == "kind_unknown"


def packed(pairs: list[tuple[Any, Any]]) -> bytes:
    """Return msgpack of a map as it stands, whatever its keys."""
    head = (
        bytes([0x80 | len(pairs)]) if len(pairs) < 16 else b"\xde" + len(pairs).to_bytes(2, "big")
    )
    return head + b"".join(msgpack.packb(part) for pair in pairs for part in pair)


@pytest.mark.parametrize("case", [
    "twice", "order", "number key", "bin", "ext", "timestamp", "float", "long form", "tail",
    "default written", "no map", "nothing", "nil key", "huge",
])  # fmt: skip
def test_bytes_that_no_sender_writes_are_refused(case: str) -> None:
    """Each rule of SPEC "Content"."""
    raw = msgspec.to_builtins(REPLY.validate(GOOD["case.reply"]))
    pairs = list(raw.items())
    good = encode_content(REPLY.validate(GOOD["case.reply"]))
    text = ("own_reference", raw["own_reference"])
    at = pairs.index(text)
    encoded = {
        "twice": packed([*pairs, text]),
        "order": packed(pairs[::-1]),
        "number key": packed([*pairs, (5, 5)]),
        "bin": packed([*pairs[:at], ("own_reference", b"x"), *pairs[at + 1 :]]),
        "ext": packed([*pairs, ("x", msgpack.ExtType(5, b"x"))]),
        "timestamp": packed([*pairs, ("x", msgpack.Timestamp(1))]),
        "float": packed([*pairs[:at], ("own_reference", 1.5), *pairs[at + 1 :]]),
        "long form": b"\xde\x00" + bytes([good[0] & 15]) + good[1:],
        "tail": good + b"\x00",
        "default written": packed([*pairs, ("not_answered", None)]),
        "no map": b"\x90",
        "nothing": b"",
        "nil key": packed([*pairs, (None, 1)]),
        "huge": bytes(MAX_CONTENT_BYTES + 1),
    }[case]
    fault = outcome(decode_content, REPLY, encoded)
    assert isinstance(fault, RejectedError)
    assert fault.code in ("content_invalid", "validation_failed")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(noise: bytes) -> None:
    """Nothing but a content is read as one."""
    assert isinstance(outcome(decode_content, VERIFY, noise), RejectedError)


@given(st.data())
def test_altered_content_is_refused_or_another_content(data: st.DataObject) -> None:
    """A flipped byte never reads as the same content."""
    content = REPLY.validate(GOOD["case.reply"])
    good = encode_content(content)
    at = data.draw(st.integers(0, len(good) - 1))
    altered = bytearray(good)
    altered[at] ^= 1 << data.draw(st.integers(0, 7))
    read = outcome(decode_content, REPLY, bytes(altered))
    assert isinstance(read, RejectedError) or (read != content and encode_content(read) == altered)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(ASKED, json)))
def test_any_json_is_a_request_or_has_named_faults(drawn: dict[str, Any]) -> None:
    """Whatever a form sends, the walk and msgspec agree on whether it is good."""
    read = outcome(VERIFY.validate, {**ASKED, **drawn})
    if isinstance(read, FaultsError):
        assert all(fault.code in SENTENCES for fault in read.faults)
    else:
        assert isinstance(read, VERIFY.content)


def test_contents_that_the_readme_shows_are_good() -> None:
    """Who copies them from there is not refused."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    question, answer = (
        msgspec.json.decode(block.split("```")[0]) for block in readme.split("```json\n")[1:]
    )
    assert VERIFY.validate(question).invoice == "BX-2291"
    assert REPLY.validate(answer).language == "fr"
