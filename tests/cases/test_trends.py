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
    NOT_SHOWN,
    SEIZURE,
    Cell,
    Least,
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
THREE = Least(items=3, members=1)


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
    shown = cells(seized, [], THREE)
    assert [(cell.table, cell.key, cell.count) for cell in shown] == [
        (Table.SEIZURES, "", 9), (Table.ROUTES, "XB>XA", 4), (Table.CONCEALMENT, "parcel", 4),
    ]  # fmt: skip
    assert cells(seized[:2], [], THREE) == []
    assert [cell.count for cell in cells(seized[:7], [], THREE)] == [7, 4, 3, 4, 3]


def by(*members: str, told_by: str = "", **changes: Any) -> list[Seized]:
    """Return a seizure of each member, told by itself unless by another."""
    return [
        Seized(month="2026-11", member=name, told_by=told_by or name, **changes) for name in members
    ]


def test_what_a_few_members_did_is_not_shown() -> None:
    """However much it was: neither their cells, nor what would be left for them of a month."""
    least = Least(items=3, members=2)
    alone = by(*["XA"] * 10, route="XB>XA")
    assert cells(alone, [], least) == []
    assert cells(alone, [], Least(items=3, members=1))[0].count == 10
    mixed = alone + by("XB", "XC", "XD", route="XC>XD")
    shown = cells(mixed, [], least)
    assert [(cell.table, cell.count) for cell in shown] == [(Table.SEIZURES, 13)]
    assert [cell.count for cell in cells([*mixed, *by("XB", "XC")], [], least)] == [15, 3]


def test_copies_make_no_more_members_than_tell_them() -> None:
    """Of what is copied by others, of whom it is and who says so both count."""
    least = Least(items=3, members=2)
    copied = by("XA", "XA", "XA", told_by="XB")
    assert cells([*copied, *by("XA")], [], least) == []  # two tell of one
    assert cells(by("XA", "XC", "XD", told_by="XB"), [], least) == []  # one tells of three
    assert cells([*copied, *by("XC")], [], least)[0].count == 4


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
    (cell,) = cells([], spans, Least(items=3, members=9))
    assert (cell.key, cell.count, cell.median_days) == ("XB", 3, "2.0")


seizures = st.lists(
    st.builds(
        Seized,
        month=st.sampled_from(["2026-10", "2026-11"]),
        chapters=st.frozensets(st.sampled_from(["24", "64", "71"])),
        route=st.sampled_from(["", "XB>XA", "?>XA", "XC>XA"]),
        concealment=st.sampled_from(["", "body", "parcel"]),
        member=st.sampled_from(["XA", "XB", "XC", "XD"]),
        told_by=st.sampled_from(["XA", "XB", "XC"]),
    ),
    max_size=40,
)
leasts = st.builds(Least, items=st.integers(1, 5), members=st.integers(1, 3))


def enough(found: list[Seized], least: Least) -> bool:
    """Tell whether seizures are enough, of and by enough members."""
    members = {item.member for item in found}, {item.told_by for item in found}
    return len(found) >= least.items and min(map(len, members)) >= least.members


@given(seizures, leasts)
def test_no_cell_is_smaller_than_it_may_be(seized: list[Seized], least: Least) -> None:
    """In any mixture; and each shown cell has the true number."""
    for cell in cells(seized, [], least):
        month = [item for item in seized if item.month == cell.period]
        of = [item for item in month if (cell.table, cell.key) in item.counted()]
        assert cell.count == len(of)
        assert enough(of, least)


@given(seizures, leasts)
def test_what_is_left_of_a_month_is_enough(seized: list[Seized], least: Least) -> None:
    """Whoever takes the cells of a table from its month learns nothing that is not shown."""
    shown = cells(seized, [], least)
    for month in (cell for cell in shown if cell.table is Table.SEIZURES):
        for table in (Table.ROUTES, Table.CONCEALMENT):
            keys = {(cell.table, cell.key) for cell in shown
                    if (cell.table, cell.period) == (table, month.period)}  # fmt: skip
            left = [item for item in seized
                    if item.month == month.period and keys.isdisjoint(item.counted())]  # fmt: skip
            assert not left or enough(left, least)


@given(seizures, leasts)
def test_a_cell_is_of_a_month_that_is_shown(seized: list[Seized], least: Least) -> None:
    """So that no sum of cells tells of a month that is too small."""
    shown = cells(seized, [], least)
    months = {cell.period for cell in shown if cell.table is Table.SEIZURES}
    assert {cell.period for cell in shown} == months


@given(st.text(max_size=20))
def test_no_text_begins_a_formula(text: str) -> None:
    """Whatever it is, a reader of CSV gets it back, marked where it must be."""
    shown = encode_csv([Cell(table=Table.ROUTES, period="2026-11", key=text, count=3)], THREE)
    header, row, *rules = csv.reader(StringIO(shown, newline=""))
    assert tuple(header) == COLUMNS
    assert [(rule[0], *rule[2:4]) for rule in rules] == [
        (NOT_SHOWN, "fewer_than", "3"), (NOT_SHOWN, "fewer_members_than", "1"),
    ]  # fmt: skip
    assert row[2] == plain(text)
    assert not row[2].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row[2].removeprefix("'") in (text, text.removeprefix("'"))
