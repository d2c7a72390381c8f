"""The copy of the threads: its order, its pages, and who may write it."""

from dataclasses import asdict
from typing import Any

from gateway.store import messages, purge, threads
from gateway.store.database import Database, Transaction
from gateway.store.threads import NEVER, Folding, ThreadFilter, ThreadRow
from tests.store.conftest import Fresh
from tests.store.stored import NOW, all_of, message, queue

NONE = Folding(0, b"")
TERMS, OTHERS = b"t" * 32, b"o" * 32
FIRST = (0, 0)


def row(number: int, **changes: Any) -> ThreadRow:
    """Return a thread of a case of its own."""
    values: dict[str, Any] = {
        "case_id": number.to_bytes(16, "big"), "asker": "XA", "asked": "XB",
        "request_row": number, "kind": "request.verify_value", "state": "submitted",
        "urgent": number % 2 == 0, "oral_to_be_confirmed": False, "recalled": 0,
        "out_of_order": 0, "opened_at": NOW, "entered_at": NOW, "due_task": "answer",
        "due_by": "XB", "due_at": NOW + 100 - number, "lapses_at": NOW + 200,
    }  # fmt: skip
    return ThreadRow(**values | changes)


def cases_of(rows: list[threads.StoredThread]) -> list[int]:
    """Return the numbers of the threads."""
    return [int.from_bytes(item.case_id, "big") for item in rows]


def listed(tx: Transaction, **wanted: Any) -> list[int]:
    """Return the numbers of the threads that a list shows."""
    return cases_of(threads.page(tx, ThreadFilter(**wanted), after=FIRST, limit=10))


def record(tx: Transaction, rows: list[ThreadRow], before: Folding, after: Folding) -> bool:
    """Put threads in place of what their cases had."""
    return threads.record(tx, {item.case_id for item in rows}, rows, before, after)


def test_what_is_due_first_comes_first(fresh: Fresh) -> None:
    """What is never due comes last; pages follow each other; every filter narrows."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            made = [row(number) for number in (1, 2, 3)]
            made += [row(4, due_at=NEVER, state="closed"), row(5, due_at=NEVER, asker="XC")]
            assert record(tx, made, NONE, Folding(7, TERMS))
            assert threads.folding(tx) == Folding(7, TERMS)
            assert listed(tx) == [3, 2, 1, 4, 5]
            assert listed(tx, states=("closed",)) == [4]
            assert listed(tx, asker="XC") == [5]
            assert listed(tx, asked="XA") == []
            assert listed(tx, due_until=NOW + 98) == [3, 2]
            seen, after = [], FIRST
            while page := threads.page(tx, ThreadFilter(), after=after, limit=2):
                seen += cases_of(page)
                after = page[-1].due_at, page[-1].row_id
            assert seen == [3, 2, 1, 4, 5]
            (found,) = threads.page(tx, ThreadFilter(due_until=NOW + 97), after=FIRST, limit=1)
            assert {**asdict(found), "row_id": 0} == {**asdict(row(3)), "row_id": 0}

        db.write_now(act)


def test_a_case_is_replaced_as_a_whole(fresh: Fresh) -> None:
    """A thread that is not there any more goes; other cases stay."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            assert record(tx, [row(1), row(1, asked="XC"), row(2)], NONE, Folding(3, TERMS))
            again = [row(1, state="answered", due_at=NEVER)]
            assert record(tx, again, Folding(3, TERMS), Folding(4, TERMS))
            assert listed(tx) == [2, 1]
            assert listed(tx, states=("answered",)) == [1]
            assert threads.record(tx, {row(1).case_id}, [], Folding(4, TERMS), Folding(5, TERMS))
            assert listed(tx) == [2]

        db.write_now(act)


def test_who_folded_from_something_older_writes_nothing(fresh: Fresh) -> None:
    """Two daemons on one database: the second begins again from what the first left."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            assert record(tx, [row(1)], NONE, Folding(3, TERMS))
            assert not record(tx, [row(1, state="closed")], NONE, Folding(9, TERMS))
            assert threads.folding(tx) == Folding(3, TERMS)
            assert listed(tx, states=("closed",)) == []

        db.write_now(act)


async def test_two_daemons_fold_in_turn(pair: tuple[Database, Database]) -> None:
    """One of them writes; the other finds that it did."""
    folded = [
        database.write(lambda tx: record(tx, [row(1)], NONE, Folding(3, TERMS)))
        for database in pair
    ]
    assert sorted(await all_of(*folded)) == [False, True]
    assert pair[0].read_now(listed) == [1]


def test_other_terms_begin_from_nothing(fresh: Fresh) -> None:
    """Every date would be computed by what does not hold any more."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            assert record(tx, [row(1), row(2)], NONE, Folding(3, TERMS))
            assert record(tx, [row(2)], Folding(3, TERMS), Folding(1, OTHERS))
            assert listed(tx) == [2]

        db.write_now(act)


def test_messages_are_looked_at_in_the_order_they_were_stored(fresh: Fresh) -> None:
    """With where to go on; what is for the node alone is passed over."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            rows = [queue(tx, number, "XB") for number in (1, 2)]
            messages.record_incoming(
                tx, [message(3, direction=messages.SERVICE), message(4, direction=messages.IN)]
            )
            case = bytes(16)
            assert threads.touched(tx, 0, 1) == ([(rows[0], case, "case.reply")], rows[0])
            found, last = threads.touched(tx, rows[0], 10)
            assert last == messages.newest_row(tx)
            assert found == [(row, case, "case.reply") for row in (rows[1], last)]
            assert threads.touched(tx, last, 10) == ([], last)
            assert len(messages.of_cases(tx, [case])) == 3

        db.write_now(act)


def test_a_forgotten_request_takes_its_thread_along(fresh: Fresh) -> None:
    """The copy holds nothing that the messages do not."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            one, other = (queue(tx, number, "XB") for number in (1, 2))
            made = [row(1, request_row=one), row(2, request_row=other)]
            assert record(tx, made, NONE, Folding(other, TERMS))
            purge.forget(tx, [one])
            assert listed(tx) == [2]

        db.write_now(act)
