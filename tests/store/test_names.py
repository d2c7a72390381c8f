"""Messages and cases by some digits, and marks: the same on either database."""

from dataclasses import replace

import pytest

from gateway.store import marks, message_names, messages
from gateway.store.database import Transaction
from gateway.store.marks import Mark, MarkKind
from tests.store.conftest import Fresh
from tests.store.stored import NOW, message

CASES = ["0abc" + "1" * 26 + "5d", "0abd" + "1" * 26 + "5e", "fabc" + "1" * 26 + "5d"]


@pytest.mark.parametrize(
    ("digits", "found"),
    [
        ("0abc", [0]),
        ("0ab", [1, 0]),
        ("abc1", []),
        ("5d", [2, 0]),
        ("15d", [2, 0]),
        ("0a", [1, 0]),
        ("1", []),
        (CASES[2], [2]),
        ("f" * 32, []),
    ],
)
def test_a_case_is_found_by_its_first_or_last_digits(
    fresh: Fresh, digits: str, found: list[int]
) -> None:
    """The newest first; half a byte counts; what is in the middle does not; nor service's own."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number, case in enumerate(CASES):
                messages.record_outgoing(tx, [message(number, case_id=bytes.fromhex(case))])
            hidden = bytes.fromhex("0abc" + "0" * 28)
            messages.record_incoming(
                tx, [message(9, case_id=hidden, direction=messages.SERVICE, receipt=b"receipt")]
            )
            named = message_names.in_part(tx, "case_id", digits, limit=9)
            assert [CASES.index(item.case_id.hex()) for item in named] == found
            assert len(message_names.in_part(tx, "case_id", digits, limit=1)) == min(1, len(found))

        db.write_now(act)


def test_a_mark_whose_id_is_taken_breaks_nothing(fresh: Fresh) -> None:
    """Who reports chooses the id: the first mark stays, and what comes beside it is stored."""
    mark = Mark(
        sender="XA", message_id=b"a" * 16, kind=MarkKind.RECALLED, marked_by=b"r" * 16,
        verdict="", heard_at=NOW, due_at=NOW,
    )  # fmt: skip
    with fresh() as db:

        def act(tx: Transaction) -> None:
            marks.record(tx, mark)
            marks.record(tx, replace(mark, kind=MarkKind.REPORTED, verdict="objected"))
            marks.record(tx, replace(mark, message_id=b"b" * 16, marked_by=b"s" * 16))
            (kept,) = marks.of_message(tx, "XA", mark.message_id)
            assert (kept.kind, kept.verdict) == (MarkKind.RECALLED, "")
            names = [("XA", b"a" * 16), ("XA", b"b" * 16), ("XB", b"a" * 16)]
            assert marks.recalls_of(tx, names) == {
                names[0]: [b"r" * 16], names[1]: [b"s" * 16],
            }  # fmt: skip
            assert marks.recalls_of(tx, []) == {}

        db.write_now(act)
