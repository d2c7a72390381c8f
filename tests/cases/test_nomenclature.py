"""The nomenclature: read whole or not at all, and what it covers."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.fields.hs_chapters import HS_CHAPTERS
from gateway.cases.kinds import CATALOGUE
from gateway.cases.nomenclature import HsRow, codes_in, covers, parse_nomenclature
from gateway.errors import RejectedError
from tests.outcome import outcome

PUBLIC = Path(__file__).parents[2].parent / "shared" / "data" / "hs" / "hs2022.csv"
"""The edition of 2022 as it is published, where there is a copy beside the checkout."""
SMALL = """section,hscode,description,parent,level
XII,64,"Footwear, gaiters",TOTAL,2
XII,6403,"Footwear, of leather",64,4
XII,640399,"Footwear, of leather, other",6403,6
XII,6404,Footwear of textile,64,4
TOTAL,TOTAL,All,TOTAL,0
"""


def test_table_is_read() -> None:
    """Chapters, headings and subheadings; a total is none of them."""
    assert parse_nomenclature("\ufeff" + SMALL) == [
        HsRow("64", "Footwear, gaiters"),
        HsRow("6403", "Footwear, of leather"),
        HsRow("640399", "Footwear, of leather, other"),
        HsRow("6404", "Footwear of textile"),
    ]


@pytest.mark.parametrize(
    ("changed", "to", "told"),
    [
        ("hscode", "code", "line 1"),
        ("640399", "64039", "line 4"),
        ("640399", "64o399", "line 4"),
        ("640399", "6403", "line 4: 6403 stands twice"),
        ("XII,64,", "XII,65,", "line 3: 6403 stands before 64"),
        ("Footwear of textile", "", "line 5"),
        ("Footwear of textile", "a\x07b", "line 5"),
        ("Footwear of textile", "x" * 1001, "line 5"),
        ('"Footwear, of leather"', '"Footwear, of leather', "line"),
        (",6404,", ",٦٤٠٤,", "line 5"),
    ],
)
def test_fault_of_a_table_is_told_with_its_line(changed: str, to: str, told: str) -> None:
    """And nothing of it is taken."""
    fault: Any = outcome(parse_nomenclature, SMALL.replace(changed, to, 1))
    assert fault.code == "nomenclature_malformed"
    assert told in fault.detail


@pytest.mark.parametrize(
    "text", ["", "\n", "hscode,description\n", "hscode,description\nTOTAL,All"]
)
def test_table_without_codes_is_refused(text: str) -> None:
    """An empty edition would refuse every code."""
    assert outcome(parse_nomenclature, text).code == "nomenclature_malformed"


@given(st.text(max_size=200))
def test_any_text_is_refused(text: str) -> None:
    """Nothing but a table is read as one."""
    for noise in (text, f"hscode,description\n{text}"):
        read = outcome(parse_nomenclature, noise)
        assert isinstance(read, RejectedError) or all(row.code.isdecimal() for row in read)


def test_huge_table_is_refused() -> None:
    """It is no nomenclature."""
    rows = "\n".join(
        f"{n:06},x" if n % 100 else f"{n // 10000:02},x" for n in range(10_000, 50_000)
    )
    assert outcome(parse_nomenclature, f"hscode,description\n{rows}").code == (
        "nomenclature_malformed"
    )


@pytest.mark.parametrize(
    ("code", "covered"),
    [
        ("6403", True), ("640399", True), ("64039990", True), ("6403999012", True),
        ("6404", True), ("640411", False), ("6405", False), ("640391", False), ("64040000", False),
    ],
)  # fmt: skip
def test_code_is_held_by_its_international_part(code: str, covered: bool) -> None:
    """Four digits, or six; what a state adds is its own."""
    codes = frozenset(row.code for row in parse_nomenclature(SMALL))
    assert covers(codes, code) is covered


def test_codes_of_a_content_are_found_wherever_they_are() -> None:
    """With the way to each; what is malformed or national is left to others."""
    raw = {
        "hs_code": "640399",
        "links": {"hs_codes": ["6404", "x", 5, "9901", "64"]},
        "goods": {"hs_code": "640399"},
    }
    assert list(codes_in(CATALOGUE["request.verify_value"], raw)) == [
        (("hs_code",), "640399"),
        (("links", "hs_codes", 0), "6404"),
    ] or list(codes_in(CATALOGUE["request.verify_value"], raw)) == [
        (("links", "hs_codes", 0), "6404"),
        (("hs_code",), "640399"),
    ]
    assert list(codes_in(CATALOGUE["case.close"], raw)) == []


@pytest.mark.skipif(not PUBLIC.exists(), reason=f"no copy of the edition of 2022 at {PUBLIC}")
def test_edition_of_2022_is_read_whole() -> None:
    """5,613 subheadings, 1,229 headings, and the chapters that have labels here."""
    rows = parse_nomenclature(PUBLIC.read_text(encoding="utf-8"))
    lengths = [len(row.code) for row in rows]
    assert [lengths.count(length) for length in (2, 4, 6)] == [97, 1229, 5613]
    chapters = {row.code for row in rows if len(row.code) == 2}
    assert chapters - {"99"} <= set(HS_CHAPTERS)
    codes = frozenset(row.code for row in rows)
    assert covers(codes, "640399")
    assert not covers(codes, "640398")
