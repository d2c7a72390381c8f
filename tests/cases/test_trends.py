"""Trends: what is counted, what is too small to be shown, and a CSV that a spreadsheet can open."""

import csv
from io import StringIO
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.examples import EXAMPLES
from gateway.cases.families.intelligence import Copied, LiaisonCopy, Seizure
from gateway.cases.kinds import CATALOGUE
from gateway.cases.sanitising import liaison_copy
from gateway.cases.threads.thread import REQUEST, fold
from gateway.cases.trends import (
    COLUMNS,
    SEIZURE,
    Cell,
    Seized,
    Table,
    Took,
    cells,
    encode_csv,
    plain,
    seizure_copied,
    seizure_in,
    times_of,
)
from tests.cases.told import PAIR, tell

MESSAGE = "XA-" + "0a" * 16
GREEN = {"handling": {"tlp": "GREEN"}}


def report(**saying: Any) -> Seizure:
    """Return a report of a seizure."""
    raw = dict(EXAMPLES[SEIZURE]) | {
        "seized_on": "2026-11-28",
        "concealment": "vehicle",
        "goods": [
            {"theme": "tobacco", "description": "Cigarettes", "hs_code": code}
            for code in ("240220", "240290", "640399")
        ],
        "route": {"departure": "XB", "destination": "XA"},
    }  # fmt: skip
    content = CATALOGUE[SEIZURE].validate(raw | saying)
    assert isinstance(content, Seizure)
    return content


def test_a_report_and_its_copy_count_the_same() -> None:
    """A copy has all that is counted; nothing else of the report is."""
    content = report()
    raw = liaison_copy(CATALOGUE[SEIZURE], content, MESSAGE) | GREEN
    copy = msgspec.convert(raw, LiaisonCopy)
    assert seizure_in(content) == Seized(
        month="2026-11", chapters=frozenset({"24", "64"}), route="XB>XA", concealment="vehicle"
    )
    assert seizure_copied(copy) == seizure_in(content)


@pytest.mark.parametrize(
    ("field", "value", "lost"),
    [
        ("/goods/0/hs_code", "=1+1", "chapters"),
        ("/goods/0/hs_code", "99x", "chapters"),
        ("/route/departure", "=A1", "route"),
        ("/route/destination", "ZX", "route"),
        ("/concealment", "@cmd", "concealment"),
        ("/seized_on", "2026-13-01", "month"),
        ("/seized_on", "=now()", "month"),
    ],
)
def test_a_forged_copy_brings_no_text_of_its_own(field: str, value: str, lost: str) -> None:
    """What its sender wrote there is no code of ours: it is not counted."""
    fields = [Copied(field=field, value=value)]
    if lost != "month":
        fields.append(Copied(field="/seized_on", value="2026-11-28"))
    copy = msgspec.convert(
        {"message": MESSAGE, "kind": SEIZURE, "version": 1, "fields": fields, **GREEN},
        LiaisonCopy, from_attributes=True,
    )  # fmt: skip
    found = seizure_copied(copy)
    assert found == (None if lost == "month" else Seized(month="2026-11"))
    assert seizure_copied(msgspec.structs.replace(copy, kind="request.enquiry")) is None


def test_small_cells_are_not_shown() -> None:
    """Nor anything by which one could tell how small they are."""
    seized = [Seized(month="2026-11", route="XB>XA", concealment="parcel")] * 4
    seized += [Seized(month="2026-11", route="XD>XA", concealment="vehicle")] * 3
    seized += [Seized(month="2026-11", route="XC>XA", concealment="body")] * 2
    shown = cells(seized, [], 3)
    assert [(cell.table, cell.key, cell.count) for cell in shown] == [
        (Table.SEIZURES, "", 9), (Table.ROUTES, "XB>XA", 4), (Table.CONCEALMENT, "parcel", 4),
    ]  # fmt: skip
    assert cells(seized[:2], [], 3) == []
    assert [cell.count for cell in cells(seized[:7], [], 3)] == [7, 4, 3, 4, 3]  # nothing is left


def test_days_are_counted_from_the_request_to_the_first_word_and_the_answer() -> None:
    """By the threads themselves; what moved nothing is no word."""
    folded = fold(PAIR, tell(REQUEST, "case.acknowledge", "case.interim", "case.reply"))
    found = list(times_of(folded))
    assert [(item.table, item.member, item.seconds) for item in found] == [
        (Table.ACKNOWLEDGED, "XB", 1), (Table.ANSWERED, "XB", 3),
    ]  # fmt: skip
    assert list(times_of(fold(PAIR, []))) == []
    assert list(times_of(fold(PAIR, tell(REQUEST)))) == []
    spans = [Took(Table.ANSWERED, "2026-11", "XB", days * 86_400) for days in (1, 2, 9)]
    (cell,) = cells([], spans, 3)
    assert (cell.key, cell.count, cell.median_days) == ("XB", 3, "2.0")


seizures = st.lists(
    st.builds(
        Seized,
        month=st.sampled_from(["2026-10", "2026-11"]),
        chapters=st.frozensets(st.sampled_from(["24", "64", "71"])),
        route=st.sampled_from(["", "XB>XA", "?>XA"]),
        concealment=st.sampled_from(["", "body"]),
    ),
    max_size=30,
)


@given(seizures, st.integers(1, 5))
def test_no_cell_is_smaller_than_it_may_be(seized: list[Seized], least: int) -> None:
    """In any mixture; and each shown cell has the true number."""
    for cell in cells(seized, [], least):
        assert cell.count >= least
        assert cell.count == sum(
            (cell.table, cell.key) in item.counted() and item.month == cell.period
            for item in seized
        )


@given(st.text(max_size=20))
def test_no_text_begins_a_formula(text: str) -> None:
    """Whatever it is, a reader of CSV gets it back, marked where it must be."""
    shown = encode_csv([Cell(table=Table.ROUTES, period="2026-11", key=text, count=3)])
    header, row = csv.reader(StringIO(shown, newline=""))
    assert tuple(header) == COLUMNS
    assert row[2] == plain(text)
    assert not row[2].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row[2].removeprefix("'") in (text, text.removeprefix("'"))
