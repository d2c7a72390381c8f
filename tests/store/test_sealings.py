"""How rows were sealed before, and what moves rows when keys end and members are suspended."""

from dataclasses import replace

from gateway.store import messages, purge, sealings
from gateway.store.database import Transaction
from gateway.store.messages import SignedAgain, StoredMessage
from gateway.store.outbox import claiming, queueing, settling, showing, signing
from gateway.store.outbox.settling import Custody, Deferral, Settlement
from gateway.store.outbox.showing import RecipientState
from gateway.store.outbox.states import OutboxState
from tests.store.conftest import Fresh
from tests.store.stored import NOW, message, queue

AGAIN = SignedAgain(
    envelope_id=b"again" + bytes(27),
    tbs_digest=b"again" + bytes(27),
    body=b"sealed again",
    storage_key_id=bytes(32),
    wrapped_key=b"wrapped again",
)
KID, OTHER = b"k" * 32, b"o" * 32


def stored(tx: Transaction, number: int) -> StoredMessage:
    """Return a message that was queued."""
    found = messages.find(tx, "XA", message(number).message_id)
    assert found is not None
    return found


def state(tx: Transaction, message_row: int, recipient: str) -> RecipientState:
    """Return the row of a message for a recipient."""
    (found,) = [
        row for row in showing.states(tx, [message_row])[message_row] if row.recipient == recipient
    ]
    return found


def test_row_that_is_sealed_anew_remembers_the_key_it_had(fresh: Fresh) -> None:
    """Once for each key, and nothing for a first stanza or the same key again."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            queue(tx, 1, "XB")
            for kid in (KID, KID, OTHER, KID):
                signing.restanza(tx, 1, kid, b"wrapped")
            earlier = sealings.of_row(tx, 1)
            assert [item.seal_kid for item in earlier] == [KID, OTHER]
            assert {item.envelope_id for item in earlier} == {message(1).envelope_id}
            assert {item.signed for item in earlier} == {b""}

        db.write_now(act)


def test_message_that_is_signed_again_is_queued_and_found_by_both_envelopes(fresh: Fresh) -> None:
    """What is open of it, and what was refused for the key; what is done stays done."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row = queue(tx, 1, "XB", "XC", "XD", "XE")
            claiming.claim(tx, ["XB", "XC", "XD", "XE"], now=NOW, lease_until=NOW + 60)
            for row_id in (1, 2, 3, 4):
                signing.restanza(tx, row_id, KID, b"wrapped")
            first = message(1).envelope_id
            kept = Custody(row_id=2, envelope_id=first, due_at=NOW + 3600, custodian="RO")
            settling.keep(tx, [kept])
            ends = {3: (OutboxState.DELIVERED, ""), 4: (OutboxState.FAILED, "signer_revoked")}
            settling.settle(
                tx,
                [
                    Settlement(row_id=row_id, state=end, at=NOW, code=code)
                    for row_id, (end, code) in ends.items()
                ],
            )
            assert signing.unfinished(tx, NOW) == [row]
            before = stored(tx, 1)
            assert messages.sign_again(tx, before, AGAIN)
            assert not messages.sign_again(tx, before, AGAIN)
            assert signing.sign_again(tx, before, b"s" * 136, NOW + 5) == {"XB", "XC", "XE"}
            for name in ("XB", "XC", "XE"):
                found = state(tx, row, name)
                assert (found.state, found.due_at, found.code, found.custodian) == (
                    "queued", NOW + 5, "", "",
                )  # fmt: skip
                assert found.settled_at is None
            assert state(tx, row, "XD").state == "delivered"
            for envelope_id in (first, AGAIN.envelope_id):
                copy = showing.by_copy(tx, message(1).message_id, envelope_id, "XC")
                assert copy is not None
                assert (copy.row_id, copy.envelope_id) == (2, AGAIN.envelope_id)
            assert showing.by_copy(tx, message(1).message_id, bytes(32), "XC") is None
            assert showing.by_copy(tx, message(1).message_id, first, "XZ") is None
            assert {len(item.signed) for item in sealings.of_row(tx, 2)} == {136}
            # A relay's word for the earlier copy comes late: the row stays queued.
            settling.keep(tx, [kept])
            assert state(tx, row, "XC").state == "queued"
            settling.keep(tx, [replace(kept, envelope_id=AGAIN.envelope_id)])
            assert state(tx, row, "XC").state == "in_custody"
            purge.forget(tx, [row])
            assert sealings.of_row(tx, 2) == []

        db.write_now(act)


def test_what_waited_for_a_member_is_due_when_it_is_resumed(fresh: Fresh) -> None:
    """And what a suspended relay has is queued for another way; nothing else moves."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row = queue(tx, 1, "XB", "XC", "XD")
            claiming.claim(tx, ["XB", "XC", "XD"], now=NOW, lease_until=NOW + 60)
            settling.defer(
                tx,
                [
                    Deferral(row_id=1, due_at=NOW + 900, code="member_suspended"),
                    Deferral(row_id=2, due_at=NOW + 900, code="busy"),
                ],
            )
            envelope_id = message(1).envelope_id
            kept = Custody(row_id=3, envelope_id=envelope_id, due_at=NOW + 3600, custodian="RO")
            settling.keep(tx, [kept])
            queueing.due_now(tx, "member_suspended", NOW + 1)
            assert (state(tx, row, "XB").due_at, state(tx, row, "XB").code) == (NOW + 1, "")
            assert state(tx, row, "XC").due_at == NOW + 900
            queueing.requeue_held_by(tx, [], NOW + 1)
            queueing.requeue_held_by(tx, ["RE"], NOW + 1)
            assert state(tx, row, "XD").state == "in_custody"
            queueing.requeue_held_by(tx, ["RE", "RO"], NOW + 1)
            found = state(tx, row, "XD")
            assert (found.state, found.due_at, found.custodian) == ("queued", NOW + 1, "")

        db.write_now(act)
