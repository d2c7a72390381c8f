"""Attachments that come after their receipt: claimed, deferred, whole or lost."""

import pytest
from sqlalchemy import update

from gateway.store import attached, attachments, messages
from gateway.store.attached import AttachmentState, NewAttached
from gateway.store.attachments import OWN
from gateway.store.database import Transaction
from gateway.store.outbox.states import OPEN, OutboxState
from gateway.store.schema import outbox as rows
from tests.store.conftest import Fresh
from tests.store.stored import NOW, message, queue

BLOBS = (b"1" * 32, b"2" * 32)


def receive(tx: Transaction, *states: AttachmentState) -> messages.NewMessage:
    """Store a received message that lacks an attachment for each of these states."""
    got = message(7, direction=messages.IN, attachments=len(states))
    messages.record_incoming(tx, [got])
    missing = [
        NewAttached(blob_id=blob_id, origin="RO", state=state, due_at=NOW, expires_at=NOW + 1000)
        for blob_id, state in zip(BLOBS, states, strict=False)
    ]
    attached.record(tx, (got.sender, got.message_id), missing)
    return got


def states_of(tx: Transaction) -> list[tuple[AttachmentState, int, str]]:
    """Return the state, the attempts and the code of each attachment."""
    (found,) = attached.of_messages(tx, [1]).values()
    return [(row.state, row.attempts, row.code) for row in found]


def test_pending_attachment_is_fetched_by_one_until_it_is_whole(fresh: Fresh) -> None:
    """Claimed under a lease, deferred with its reason, ended once."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            got = receive(tx, AttachmentState.PENDING, AttachmentState.ON_DEMAND)
            assert attached.next_due(tx) == NOW
            (item,) = attached.claim(tx, now=NOW, lease_until=NOW + 60, most=9)
            assert (item.blob_id, item.origin, item.envelope_id) == (
                BLOBS[0],
                "RO",
                got.envelope_id,
            )
            assert attached.claim(tx, now=NOW + 59, lease_until=NOW + 90, most=9) == []
            attached.extend_lease(tx, [item.row_id], NOW + 100)
            assert attached.next_due(tx) == NOW + 100
            attached.defer(tx, item.row_id, due_at=NOW + 200, code="peer_unreachable")
            assert states_of(tx)[0] == (AttachmentState.PENDING, 1, "peer_unreachable")
            attached.release_leases(tx, NOW + 1)
            (again,) = attached.claim(tx, now=NOW + 1, lease_until=NOW + 60, most=9)
            assert again.attempts == 1
            wanted = attached.wanted(tx, [got.message_id])
            assert wanted == {got.envelope_id: list(BLOBS)}
            assert attached.end(tx, again.row_id, AttachmentState.WHOLE)
            assert not attached.end(tx, again.row_id, AttachmentState.LOST, "expired")
            attached.ask(tx, again.row_id, NOW)
            assert states_of(tx)[0] == (AttachmentState.WHOLE, 1, "")
            assert attached.wanted(tx, [got.message_id]) == {got.envelope_id: [BLOBS[1]]}
            assert attached.next_due(tx) is None

        db.write_now(act)


def test_attachment_on_demand_waits_until_it_is_asked_for_or_expires(fresh: Fresh) -> None:
    """Nobody fetches it by itself; after its message expired nobody can."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            receive(tx, AttachmentState.ON_DEMAND, AttachmentState.ON_DEMAND)
            assert attached.claim(tx, now=NOW + 999, lease_until=NOW, most=9) == []
            (first, _) = attached.of_messages(tx, [1])[1]
            attached.ask(tx, first.row_id, NOW + 5)
            assert len(attached.claim(tx, now=NOW + 5, lease_until=NOW + 9, most=9)) == 1
            assert attached.claim(tx, now=NOW + 1000, lease_until=NOW + 2000, most=9) == []
            assert attached.expired(tx, NOW + 999) == []
            late = attached.expired(tx, NOW + 1000)
            assert {item.blob_id for item in late} == set(BLOBS)
            for item in late:
                assert attached.end(tx, item.row_id, AttachmentState.LOST, "expired")
            assert attached.expired(tx, NOW + 1000) == []
            assert {state for state, _, _ in states_of(tx)} == {AttachmentState.LOST}

        db.write_now(act)


def test_what_is_here_of_an_attachment_is_counted(fresh: Fresh) -> None:
    """The segments that came from who brings it, and no others."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            got = receive(tx, AttachmentState.PENDING)
            named = got.sender, got.message_id
            for origin, numbers in (("RO", (0, 2)), ("XZ", (1,))):
                blob = attachments.offer(
                    tx, origin, BLOBS[0], b"list", sealed_bytes=9, location=origin, now=NOW
                )
                for number in numbers:
                    attachments.hold_segment(tx, blob.row_id, number, NOW)
            (item,) = attached.of_messages(tx, [1])[1]
            assert item.held_segments == 2
            for _ in range(2):  # an attempt that came to nothing names it too
                attachments.name(tx, "RO", named, [BLOBS[0]], NOW)
            day_after = NOW + attachments.UNNAMED_S
            assert attachments.forget_unnamed(tx, day_after) == ["XZ"]
            attachments.unname(tx, "RO", named, BLOBS[0])
            assert attachments.forget_unnamed(tx, day_after) == ["RO"]

        db.write_now(act)


def test_blob_is_kept_for_a_day_after_the_last_that_came_of_it(fresh: Fresh) -> None:
    """A transfer over a poor line may take longer than a day."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            blob = attachments.offer(
                tx, "RO", BLOBS[0], b"list", sealed_bytes=9, location="place", now=NOW
            )
            attachments.hold_segment(tx, blob.row_id, 0, NOW + 80_000)
            assert attachments.forget_unnamed(tx, NOW + attachments.UNNAMED_S) == []
            day_after = NOW + 80_000 + attachments.UNNAMED_S
            assert attachments.forget_unnamed(tx, day_after) == ["place"]

        db.write_now(act)


@pytest.mark.parametrize("state", list(OutboxState))
def test_recipient_may_fetch_what_was_not_taken_back(fresh: Fresh, state: OutboxState) -> None:
    """It, of this message, and this blob; not once the row was withdrawn or failed."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            queue(tx, 3, "XB")
            sent = message(3)
            blob = attachments.offer(
                tx, OWN, BLOBS[0], b"list", sealed_bytes=9, location="place", now=NOW
            )
            attachments.complete(tx, blob.row_id, NOW)
            attachments.name(tx, OWN, (sent.sender, sent.message_id), [BLOBS[0]], NOW)
            tx.execute(update(rows).values(state=state))
            alive = state in (*OPEN, OutboxState.DELIVERED)
            assert attached.is_sent_to(tx, "XB", sent.envelope_id, BLOBS[0]) is alive
            for recipient, envelope_id, blob_id in (
                ("XC", sent.envelope_id, BLOBS[0]),
                ("XB", bytes(32), BLOBS[0]),
                ("XB", sent.envelope_id, BLOBS[1]),
            ):
                assert not attached.is_sent_to(tx, recipient, envelope_id, blob_id)

        db.write_now(act)
