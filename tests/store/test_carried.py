"""What media brought: noted once, refused once, owed until its time is over."""

from gateway.store import carried
from gateway.store.carried import NewCarried
from gateway.store.database import Transaction
from gateway.store.outbox import claiming, settling, showing
from gateway.store.outbox.settling import Settlement
from gateway.store.outbox.states import OutboxState
from tests.store.conftest import Fresh
from tests.store.stored import NOW, message, queue


def copy(number: int, member: str = "XA", stanza: int = 0) -> NewCarried:
    """Return a copy that differs by its number."""
    return NewCarried(
        member=member,
        envelope_id=bytes([number]) * 32,
        message_id=bytes([number]) * 16,
        stanza_digest=bytes([stanza]) * 32,
        keep_until=NOW + number,
    )


def test_copy_is_noted_once_and_its_first_refusal_stays(fresh: Fresh) -> None:
    """However often a medium is read; another stanza is another copy, another member's too."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            carried.note(tx, [])
            carried.note(tx, [copy(1), copy(2)])
            carried.note(tx, [copy(2), copy(2, stanza=9), copy(2, "XC"), copy(3)])
            carried.refuse(tx, [])
            carried.refuse(tx, [(copy(2), b"first"), (copy(7), b"of nothing")])
            carried.refuse(tx, [(copy(2), b"second")])
            found = carried.owed(tx, "XA", after=0, limit=100)
            assert [(item.envelope_id[0], item.stanza_digest[0]) for item in found] == [
                (1, 0), (2, 0), (2, 9), (3, 0),
            ]  # fmt: skip
            assert [item.refusal for item in found] == [None, b"first", None, None]
            assert found[1].message_id == copy(2).message_id

        db.write_now(act)


def test_what_is_owed_comes_in_pages_and_ends(fresh: Fresh) -> None:
    """In the order in which it came; forgotten when nobody can ask for it any more."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            carried.note(tx, [copy(number) for number in range(1, 8)])
            first = carried.owed(tx, "XA", after=0, limit=3)
            rest = carried.owed(tx, "XA", after=first[-1].row_id, limit=100)
            assert [item.envelope_id[0] for item in [*first, *rest]] == list(range(1, 8))
            carried.forget(tx, NOW + 5)
            left = carried.owed(tx, "XA", after=0, limit=100)
            assert [item.envelope_id[0] for item in left] == [6, 7]

        db.write_now(act)


def test_open_rows_are_read_without_a_lease(fresh: Fresh) -> None:
    """For one member, the most urgent first, whatever a lane does with them; not what is done."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number in range(4):
                queue(tx, number, "XB", "XC", priority=number)
            (leased,) = claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60, most=1)
            rows = showing.still_open(tx, "XB", NOW)
            assert rows[0] == leased.row_id
            assert [row.rank for row in claiming.by_rows(tx, rows)] == [6, 7, 8, 9]
            showing.note_export(tx, rows[:2], NOW + 5)
            showing.note_export(tx, [], NOW + 9)
            shown = [row for _, _, row in showing.waiting(tx, 100) if row.recipient == "XB"]
            assert sorted(str(row.exported_at) for row in shown) == sorted(
                [str(NOW + 5), str(NOW + 5), "None", "None"]
            )
            assert {row.state for row in shown} == {OutboxState.QUEUED, OutboxState.SENDING}
            settling.settle(
                tx, [Settlement(row_id=rows[0], state=OutboxState.DELIVERED, at=NOW, receipt=b"r")]
            )
            assert showing.still_open(tx, "XB", NOW) == rows[1:]
            assert showing.still_open(tx, "XB", NOW + 1000) == []
            sent = message(3)
            known = (sent.message_id, sent.envelope_id)
            assert showing.state_of_copy(tx, *known, "XB") is OutboxState.DELIVERED
            assert showing.state_of_copy(tx, *known, "XC") is OutboxState.QUEUED
            assert showing.state_of_copy(tx, *known, "XD") is None

        db.write_now(act)
