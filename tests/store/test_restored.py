"""Mail that a restored recipient is offered again: which rows, what they end as, what is kept."""

import pytest

from gateway.store import cosigned, custody, restorations, way_back
from gateway.store.cosigned import CosignedHead
from gateway.store.custody import CustodyState
from gateway.store.database import Transaction
from gateway.store.outbox import claiming, queueing, settling, showing
from gateway.store.outbox.settling import Settlement
from gateway.store.outbox.showing import RecipientState
from gateway.store.outbox.states import OutboxState
from gateway.store.restorations import Restoration
from tests.store.conftest import Fresh
from tests.store.stored import NOW, queue
from tests.store.test_custody import copy

DELIVERED = OutboxState.DELIVERED


def deliver(tx: Transaction, row: int, at: int, receipt: bytes = b"first") -> None:
    """Settle a row as delivered."""
    settled = Settlement(row_id=row, state=DELIVERED, at=at, receipt=receipt)
    assert settling.settle(tx, [settled]) == {row}


def again(
    tx: Transaction, *, after: int = 0, now: int = NOW, most: int = 500
) -> tuple[int, object]:
    """Offer XB again what it receipted from NOW on."""
    return queueing.offer_again(
        tx, "XB", since=NOW, heard_at=NOW + 50, after=after, now=now, most=most
    )


def state_of(tx: Transaction, message_row: int) -> RecipientState:
    """Return how far a message with one recipient is."""
    (state,) = showing.states(tx, [message_row])[message_row]
    return state


def test_what_was_receipted_since_is_queued_again_and_nothing_else(fresh: Fresh) -> None:
    """Not what is older, expired, of another recipient, open, failed, or offered already."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            rows = {n: queue(tx, n, "XC" if n == 3 else "XB") for n in range(1, 7)}
            deliver(tx, 1, NOW - 1)
            deliver(tx, 2, NOW + 1)
            deliver(tx, 3, NOW + 1)
            failed = Settlement(row_id=4, state=OutboxState.FAILED, at=NOW + 1, code="invalid")
            settling.settle(tx, [failed])
            deliver(tx, 5, NOW + 2)
            assert again(tx, now=NOW + 60) == (2, None)
            states = {n: state_of(tx, row).state for n, row in rows.items()}
            assert states == {
                1: "delivered", 2: "queued", 3: "delivered", 4: "failed", 5: "queued", 6: "queued",
            }  # fmt: skip
            assert again(tx, now=NOW + 60) == (0, None)
            deliver(tx, 2, NOW + 61)
            assert again(tx, now=NOW + 62) == (0, None)  # once for each time that it asks
            claimed = claiming.claim(tx, ["XB"], now=NOW + 60, lease_until=NOW + 90)
            assert [item.row_id for item in claimed] == [5, 6]
            assert again(tx, now=NOW + 2000) == (0, None)

        db.write_now(act)


def test_rows_are_offered_in_steps(fresh: Fresh) -> None:
    """Each step says where the next one begins."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number in range(1, 6):
                queue(tx, number, "XB")
                deliver(tx, number, NOW + 1)
            assert again(tx, most=2) == (2, 2)
            assert again(tx, after=2, most=2) == (2, 4)
            assert again(tx, after=4, most=2) == (1, None)

        db.write_now(act)


@pytest.mark.parametrize("receipt", [b"first", b"second"])
def test_first_receipt_stays_and_another_is_kept_beside_it(fresh: Fresh, receipt: bytes) -> None:
    """The first says when it was delivered; the same one again is no other."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row = queue(tx, 1, "XB")
            deliver(tx, 1, NOW + 1)
            again(tx)
            deliver(tx, 1, NOW + 100, receipt)
            kept = state_of(tx, row)
            assert (kept.state, kept.receipt, kept.settled_at) == (DELIVERED, b"first", NOW + 100)
            assert kept.receipt_again == (None if receipt == b"first" else receipt)
            queueing.offer_again(
                tx, "XB", since=NOW, heard_at=NOW + 200, after=0, now=NOW + 200, most=9
            )
            deliver(tx, 1, NOW + 300, b"third")
            kept = state_of(tx, row)
            assert (kept.receipt, kept.receipt_again) == (b"first", b"third")

        db.write_now(act)


@pytest.mark.parametrize("ending", ["refused", "expired", "withdrawn"])
def test_row_that_was_delivered_ends_as_delivered(fresh: Fresh, ending: str) -> None:
    """Whatever comes of the offer, the first receipt is held; the code says what came of it."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row = queue(tx, 1, "XB")
            deliver(tx, 1, NOW + 1)
            again(tx)
            match ending:
                case "refused":
                    refusal = Settlement(
                        row_id=1, state=OutboxState.FAILED, at=NOW + 9, code="invalid", receipt=b"r"
                    )
                    assert settling.settle(tx, [refusal]) == {1}
                case "expired":
                    assert settling.expire(tx, NOW + 1000) == []
                case _:
                    assert queueing.move(tx, [1], OutboxState.WITHDRAWN, NOW + 9) == {1}
            kept = state_of(tx, row)
            assert (kept.state, kept.receipt, kept.receipt_again) == (DELIVERED, b"first", None)
            assert kept.code == ("invalid" if ending == "refused" else "")
            assert kept.settled_at is not None

        db.write_now(act)


def test_relay_forgets_what_became_of_copies_for_who_lost_them(fresh: Fresh) -> None:
    """Of that recipient alone; then a copy that comes again is held again."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            custody.take(tx, [copy(1), copy(1, "XD")], NOW)
            custody.hand_on(tx, [1, 2], custodian="XC", due_at=NOW + 9)
            way_back.bring_back(tx, [1, 2], b"delivered", NOW)
            assert way_back.forget_outcomes(tx, "XC") == 1
            assert way_back.forget_outcomes(tx, "XC") == 0
            (forgot,) = custody.find(tx, copy(1).envelope_id, "XC")
            (kept,) = custody.find(tx, copy(1).envelope_id, "XD")
            assert (forgot.outcome, kept.outcome) == (None, b"delivered")
            assert way_back.returning_to(tx, NOW) == ["XA"]
            custody.revive(tx, forgot, b"header", b"body", NOW)
            (held,) = custody.find(tx, copy(1).envelope_id, "XC")
            assert held.state is CustodyState.HELD

        db.write_now(act)


def test_newest_restoration_of_a_member_is_kept_and_its_progress(fresh: Fresh) -> None:
    """One that came meanwhile begins by itself, whatever the one before it says."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            first = Restoration(
                member="XB", shard="2026.1", since=1, until=2, heard_at=3, due_at=3, position=0
            )
            assert restorations.find(tx, "XB") is None
            restorations.keep(tx, first)
            restorations.step(tx, first, 17)
            found = restorations.find(tx, "XB")
            assert found is not None
            assert found.position == 17
            second = Restoration(
                member="XB", shard="2026.2", since=4, until=5, heard_at=6, due_at=9, position=0
            )
            restorations.keep(tx, second)
            restorations.step(tx, first, None)
            assert restorations.listing(tx) == [second]

        db.write_now(act)


def test_heads_that_an_entry_names_are_never_thinned(fresh: Fresh) -> None:
    """Nor the newest; what was asked for and never cosigned goes."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for size, at in ((1, 10), (2, 20), (3, None), (4, 30), (5, None)):
                cosigned.store(
                    tx,
                    CosignedHead(
                        shard=0, size=size, checkpoint=b"c", witnessed_at=at, stored_at=size,
                        named_at=size if size == 2 else None,
                    ),
                )  # fmt: skip
            assert cosigned.waiting_since(tx, 0, 4) == 5
            assert cosigned.thin(tx, before=9, every_s=3600) == 2
            assert [head.size for head in cosigned.all_of(tx, 0)] == [1, 2, 5]
            named, last = cosigned.named(tx), cosigned.last(tx)
            assert named is not None
            assert last is not None
            assert (named.size, last.size) == (2, 5)
            newest = cosigned.newest(tx, 0)
            assert newest is not None
            assert newest.size == 2
            assert cosigned.newest(tx, 0, stored_by=1) == cosigned.at_size(tx, 0, 1)
            asked = cosigned.newest_asked(tx, 0)
            assert asked is not None
            assert asked.size == 5
            assert cosigned.newest_asked(tx, 1) is None

        db.write_now(act)
