"""Identifying: a name, a number or an address is found however it is written, and little else."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.cases.identifying import COMMON, Form, Identifying, compact, plain, words_of

NAME, ADDRESS, TELEPHONE, DATE, WHOLE = Form


def found(value: str, form: Form, line: str) -> bool:
    """Tell whether a line says what names somebody in a value."""
    return Identifying.of([(value, form)]).stand_in(line)


@pytest.mark.parametrize(
    ("value", "form", "line"),
    [
        ("Jean Dupont", NAME, "Warehouse DUPONT"),
        ("Jean Dupont", NAME, "found at Jean's"),
        ("Zoë Müller-Łoś", NAME, "hangar of Muller"),
        ("Zoe Muller", NAME, "zoë's car"),
        ("Sean O'Brien", NAME, "OBrien yard"),
        ("Anne SmithJones", NAME, "Smith-Jones quay"),
        ("Groß", NAME, "house of GROSS"),
        ("Søren Ærø", NAME, "Soren, deck 2"),
        ("Ng Li", NAME, "boat of NgLi"),
        ("王明", NAME, "仓库王明"),
        ("jean.dupont@customs.example", NAME, "desk of Dupont"),
        ("jean.dupont@customs.example", NAME, "Jean Dupont @ customs example"),
        ("passport no X 12 34 567", NAME, "bag tagged X1234567"),
        ("passport no X1234567", NAME, "bag tagged 12-34-567"),
        ("plate AB 123 CD", NAME, "lorry ab-123-cd"),
        ("AB-123-CD", NAME, "lorry AB 123 CD"),
        ("GB82WEST12345698765432", NAME, "account GB82 WEST 1234 5698 7654 32"),
        ("FR40303265045", NAME, "invoice of 40 303 265 045"),
        ("١٢٣٤٥٦", NAME, "bag 123456"),
        ("+33 1 42 27 22 91", TELEPHONE, "call 01.42.27.22.91"),
        ("12345", TELEPHONE, "call 12 345"),
        ("1980-05-17", DATE, "born 17.05.1980"),
        ("1980-05-17", DATE, "born 17/5/1980"),
        ("1980-05-17", DATE, "born 5/17/1980"),
        ("12 rue de la Paix, Aldport", ADDRESS, "behind RUE DE LA PAIX"),
        ("12 rue de la Paix, 75 001 Aldport", ADDRESS, "district 75001"),
        ("4 Quay Street, Aldport", ADDRESS, "at 4, Quay St."),
        ("driver", WHOLE, "Driver's cabin"),
    ],
)
def test_what_names_somebody_is_found(value: str, form: Form, line: str) -> None:
    """In part, in another case, without accents, with other signs between."""
    assert found(value, form, line)


@pytest.mark.parametrize(
    ("value", "form", "line"),
    [
        ("Lee Roy", NAME, "fleece, destroyed"),
        ("Aldria Trading Ltd", NAME, "Trading post, Smith Ltd"),
        ("Jean van der Berg", NAME, "in a van, der Koffer"),
        ("info@customs.example", NAME, "info of the example"),
        ("12 rue de la Paix, Aldport", ADDRESS, "Port of Aldport, au large de la jetée"),
        ("FR40303265045", NAME, "12 cartons, 2026"),
        ("BP 2026", ADDRESS, "harvest of 2026"),
        ("driver and cousin of Jean Dupont", WHOLE, "Driver's cabin"),
        ("+33", TELEPHONE, "33 bags"),
        ("!?", NAME, "anything"),
        ("", NAME, ""),
    ],
)
def test_what_names_nobody_is_not(value: str, form: Form, line: str) -> None:
    """Parts of words, forms of firms, particles, a town alone, a year."""
    assert not found(value, form, line)


def test_a_word_that_is_said_anyway_names_nobody() -> None:
    """A whole value does all the same."""
    known = Identifying.of([("Tobacco Quellmark", NAME)], common=["tobacco"])
    assert not known.stand_in("Tobacco, cut")
    assert known.stand_in("Quellmark, cut")
    assert known.stand_in("tobacco-quellmark")


letters = st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F)
words = st.text(letters, min_size=3, max_size=12).filter(lambda word: len(plain(word)) >= 3)
others = st.text("#!;:, &", min_size=1, max_size=3)


@given(st.lists(words, min_size=1, max_size=4), st.data())
def test_no_word_of_a_name_stands_in_a_line_that_passes(
    name: list[str], data: st.DataObject
) -> None:
    """In whatever case and with whatever around it; but for words that are common."""
    word = data.draw(st.sampled_from(name))
    assume(plain(word) not in COMMON)
    written = data.draw(st.sampled_from([
        word, word.upper(), word.casefold(), plain(word), unicodedata.normalize("NFD", word),
    ]))  # fmt: skip
    line = "".join(("of", data.draw(others), written, data.draw(others), "x"))
    assert found(" ".join(name), Form.NAME, line)


@given(st.text("0123456789", min_size=5, max_size=20), st.data())
def test_a_number_is_found_however_it_is_parted(number: str, data: st.DataObject) -> None:
    """By spaces, dots, dashes or nothing, on both sides."""
    parted = ["".join(digit + data.draw(st.sampled_from(["", " ", ".", "-"])) for digit in number)
              for _ in range(2)]  # fmt: skip
    assert found(f"no {parted[0]}", Form.NAME, f"bag {parted[1]}")


@given(st.text(max_size=30), st.sampled_from([NAME, ADDRESS, WHOLE]), st.text(max_size=10))
def test_a_whole_value_is_found_in_any_line(value: str, form: Form, around: str) -> None:
    """As it is written and however else; three letters or figures are enough."""
    assume(len(compact(value)) >= 3)
    assert found(value, form, f"{around} {value} {around}")
    assert found(value, form, compact(value))


@given(st.lists(words, max_size=4), st.lists(words, max_size=6))
def test_a_line_that_shares_no_word_passes(name: list[str], said: list[str]) -> None:
    """Whatever else it says."""
    value, line = " ".join(name), " ".join(said)
    assume(not set(words_of(value)) & set(words_of(line)))
    assume(not name or compact(value) not in compact(line))
    assert not found(value, Form.NAME, line)
