"""What a relay holds: each copy once, its envelope while one needs it, the way back for all."""

import hashlib
from typing import Any

from sqlalchemy import func, select

from gateway.store import attachments, custody, way_back
from gateway.store.custody import CustodyState, NewCopy
from gateway.store.database import Transaction
from gateway.store.schema import relayed
from tests.store.conftest import Fresh
from tests.store.stored import NOW


def copy(number: int, recipient: str = "XC", hop: str = "XA", **changes: Any) -> NewCopy:
    """Return a copy of envelope ``number``."""
    name = hashlib.sha256(str(number).encode()).digest()
    values = {
        "envelope_id": name, "message_id": name[:16], "recipient": recipient,
        "previous_hop": hop, "hops": (),
        "stanza_digest": hashlib.sha256(f"{recipient}{number}".encode()).digest(),
        "seal_kid": b"k" * 32, "wrapped": b"w", "sealed_bytes": 100, "priority": 5,
        "expires_at": NOW + 1000, "receipt": b"receipt", "header": b"header", "body": b"body",
    }  # fmt: skip
    return NewCopy(**values | changes)


def envelopes(tx: Transaction) -> int:
    """Return how many envelopes are kept."""
    return tx.execute(select(func.count()).select_from(relayed)).scalar_one()


def test_copies_are_taken_once_and_share_their_envelope(fresh: Fresh) -> None:
    """Again by the same hop: known. By another hop, or with another stanza: another copy."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            name = copy(1).envelope_id
            both = [copy(1), copy(1, "XD")]
            assert custody.take(tx, both, NOW) == {(name, "XC"), (name, "XD")}
            assert custody.take(tx, both, NOW) == set()
            assert custody.take(tx, [copy(1, hop="XB")], NOW) == {(name, "XC")}
            garbage = copy(1, stanza_digest=b"g" * 32)
            assert custody.take(tx, [garbage], NOW) == {(name, "XC")}
            assert envelopes(tx) == 1
            assert custody.usage(tx, "XC") == (3, 300)
            assert custody.contents(tx) == [("XC", 3, 300), ("XD", 1, 100)]
            assert custody.take(tx, [], NOW) == set()
            assert custody.waiting_recipients(tx) == {"XC": NOW, "XD": NOW}

        db.write_now(act)


def test_copies_are_claimed_once_and_let_go_by_signature(fresh: Fresh) -> None:
    """A lease that runs out gives them back; the last copy takes the envelope with it."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            custody.take(tx, [copy(1), copy(1, "XD"), copy(2, priority=9)], NOW)
            claimed = custody.claim(tx, ["XC"], now=NOW, lease_until=NOW + 300)
            assert [item.envelope_id for item in claimed] == [
                copy(2).envelope_id, copy(1).envelope_id,
            ]  # fmt: skip
            assert claimed[0].body == b"body"
            assert custody.claim(tx, ["XC"], now=NOW, lease_until=NOW + 300) == []
            assert custody.hold_overdue(tx, NOW + 299) == 0
            assert custody.hold_overdue(tx, NOW + 300) == 2
            rows = [item.row_id for item in claimed]
            (again,) = custody.claim(tx, ["XC"], now=NOW + 300, lease_until=NOW + 600, most=1)
            custody.hold_again(tx, [again.row_id], due_at=NOW + 400, code="busy")
            moved = custody.hand_on(tx, rows, custodian="XC", due_at=NOW)
            assert {item.row_id for item in moved} == set(rows)
            assert custody.hand_on(tx, rows, custodian="XC", due_at=NOW) == []
            assert envelopes(tx) == 1
            assert custody.usage(tx, "XC") == (0, 0)
            (other,) = custody.find(tx, copy(1).envelope_id, "XD")
            custody.end(tx, [other.row_id], "content_invalid")
            assert envelopes(tx) == 0
            (kept,) = custody.find(tx, copy(2).envelope_id, "XC", previous_hop="XA")
            assert (kept.state, kept.custodian) == (CustodyState.HANDED_ON, "XC")

        db.write_now(act)


def test_what_became_of_a_copy_goes_back_until_it_is_known(fresh: Fresh) -> None:
    """Told once, and again when nobody says that it is durable there; news replace it."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            custody.take(tx, [copy(1), copy(1, hop="XB")], NOW)
            rows = [item.row_id for item in custody.find(tx, copy(1).envelope_id, "XC")]
            custody.hand_on(tx, rows, custodian="XC", due_at=NOW)
            assert way_back.bring_back(tx, rows, b"sealed", NOW) == 2
            assert way_back.bring_back(tx, rows, b"sealed", NOW) == 0
            assert way_back.returning_to(tx, NOW) == ["XA", "XB"]
            (told,) = way_back.returns_for(tx, "XA", now=NOW, again_at=NOW + 60)
            assert told.outcome == b"sealed"
            assert way_back.returns_for(tx, "XA", now=NOW + 59, again_at=NOW + 90) == []
            assert len(way_back.returns_for(tx, "XA", now=NOW + 60, again_at=NOW + 90)) == 1
            way_back.return_now(tx, [told.row_id])
            assert len(way_back.returns_for(tx, "XA", now=NOW + 60, again_at=NOW + 90)) == 1
            custody.release_leases(tx, NOW + 61)  # a daemon died while it told XA
            assert len(way_back.returns_for(tx, "XA", now=NOW + 61, again_at=NOW + 90)) == 1
            way_back.returned(tx, [told.row_id])
            assert way_back.returning_to(tx, NOW + 999) == ["XB"]

        db.write_now(act)


def test_copy_that_was_handed_on_can_be_held_again(fresh: Fresh) -> None:
    """It is posted again, since nothing came back; what expired is forgotten after a day."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            custody.take(tx, [copy(1)], NOW)
            (held,) = custody.find(tx, copy(1).envelope_id, "XC")
            custody.revive(tx, held, b"header", b"body", NOW)
            assert custody.usage(tx, "XC") == (1, 100)
            custody.hand_on(tx, [held.row_id], custodian="XC", due_at=NOW)
            custody.revive(tx, held, b"header", b"body", NOW)
            assert custody.usage(tx, "XC") == (1, 100)
            (again,) = custody.claim(tx, ["XC"], now=NOW, lease_until=NOW + 60)
            assert (again.header, again.custodian) == (b"header", "")
            custody.extend_leases(tx, [again.row_id], NOW + 2000)
            (late,) = custody.expire(tx, NOW + 1000)
            assert late.row_id == held.row_id
            assert envelopes(tx) == 0
            assert custody.expire(tx, NOW + 1000 + custody.LATE_S) == []
            assert custody.find(tx, copy(1).envelope_id, "XC") == []

        db.write_now(act)


def test_attachments_stay_as_long_as_their_envelope(fresh: Fresh) -> None:
    """Named by what is relayed, they are not swept; afterwards they are."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            blob = attachments.offer(
                tx, "XA", b"b" * 32, b"list", sealed_bytes=9, location="place", now=NOW
            )
            attachments.complete(tx, blob.row_id, NOW)
            custody.take(tx, [copy(1)], NOW)
            custody.link_blobs(tx, copy(1).envelope_id, [blob.row_id])
            custody.link_blobs(tx, copy(1).envelope_id, [blob.row_id])
            custody.link_blobs(tx, copy(9).envelope_id, [blob.row_id])
            assert custody.linked_blobs(tx, copy(1).envelope_id) == [blob.row_id]
            assert [item.location for item in attachments.by_rows(tx, [blob.row_id])] == ["place"]
            day_after = NOW + attachments.UNNAMED_S
            assert attachments.forget_unnamed(tx, day_after) == []
            (held,) = custody.find(tx, copy(1).envelope_id, "XC")
            custody.hand_on(tx, [held.row_id], custodian="XC", due_at=NOW)
            assert attachments.forget_unnamed(tx, day_after) == ["place"]

        db.write_now(act)
