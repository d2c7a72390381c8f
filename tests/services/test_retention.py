"""For how long a case is kept by an order: a day to come, or a legal hold."""

from typing import Any

import pytest

from gateway.cases.fields.codes import CHECKS
from gateway.cases.threads.retention import FOREVER, RetentionReason
from gateway.faults import FaultsError, convert
from gateway.services.retention.deciding import Keeping, Ruling, kept_until
from tests.store.stored import NOW

GOOD = {"reason": "needed"}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "missing"),
        ({"keep_until": "2020-01-01"}, "day_past"),
        ({"keep_until": "2027-02-30"}, "not_a_date"),
        ({"keep_until": "9999-12-31"}, "year_unlikely"),
        ({"keep_until": "2099-01-01", "hold": True}, "conflict"),
    ],
)
def test_a_day_that_is_none_is_refused(asked: dict[str, Any], code: str) -> None:
    """With its place."""
    with pytest.raises(FaultsError) as caught:
        kept_until(Keeping(reason=RetentionReason.NEEDED, **asked), NOW)
    assert [(item.pointer, item.code) for item in caught.value.faults] == [("/keep_until", code)]


def test_a_day_counts_until_its_end_and_a_hold_for_ever() -> None:
    """In UTC."""
    day = Keeping(reason=RetentionReason.NEEDED, keep_until="2026-09-22")
    assert kept_until(day, NOW) == NOW - NOW % 86_400 + 2 * 86_400
    assert kept_until(Keeping(reason=RetentionReason.NEEDED, hold=True), NOW) == FOREVER


@pytest.mark.parametrize(
    ("order", "raw", "pointer", "code"),
    [
        (Ruling, {}, "/reason", "missing"),
        (Ruling, {"reason": ""}, "/reason", "not_one_of"),
        (Ruling, {"reason": "because"}, "/reason", "not_one_of"),
        (Ruling, GOOD | {"reference": "a\x07b"}, "/reference", "control_character"),
        (Ruling, GOOD | {"reference": "a\u202eb"}, "/reference", "control_character"),
        (Ruling, GOOD | {"reference": "x" * 65}, "/reference", "too_long"),
        (Ruling, GOOD | {"hold": True}, "/hold", "unknown_field"),
        (Keeping, GOOD | {"keep_until": "tomorrow"}, "/keep_until", "wrong_form"),
        (
            Keeping,
            GOOD | {"keep_until": "\u0662\u0660\u0662\u0667-01-01"},
            "/keep_until",
            "wrong_form",
        ),
        (Keeping, GOOD | {"hold": "yes"}, "/hold", "not_a_flag"),
    ],
)
def test_an_order_that_is_malformed_is_refused(
    order: type, raw: dict[str, Any], pointer: str, code: str
) -> None:
    """Before anything is looked up."""
    with pytest.raises(FaultsError) as caught:
        convert(raw, order, checks=CHECKS)
    assert [(item.pointer, item.code) for item in caught.value.faults] == [(pointer, code)]
