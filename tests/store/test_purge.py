"""What a purge may take, and what it must leave: on either database."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from gateway.protocol.codec import encode
from gateway.protocol.envelope import parse_header
from gateway.store import attachments, disclosures, marks, messages, purge, schema
from gateway.store.database import Database, Transaction
from gateway.store.disclosures import Disclosure
from gateway.store.marks import Mark, MarkKind
from gateway.store.migrate import upgrade
from gateway.store.outbox import settling, showing
from gateway.store.outbox.settling import Settlement
from gateway.store.outbox.states import OPEN, OutboxState
from tests.store.conftest import Fresh
from tests.store.stored import NOW, message, queue

RETENTION_S = 30 * 86_400
LATER = NOW + 60 * 86_400


def seen(tx: Transaction, now: int = LATER, retention_s: int = RETENTION_S) -> purge.Look:
    """Look at everything."""
    return purge.look(tx, after=0, now=now, retention_s=retention_s, limit=500)


def gone(tx: Transaction, now: int = LATER, retention_s: int = RETENTION_S) -> tuple[int, ...]:
    """Return the rows that may go."""
    return rows_of(seen(tx, now, retention_s))


def rows_of(look: purge.Look) -> tuple[int, ...]:
    """Return the rows that may go by a look."""
    return (*(row for item in look.conversations for row in item.rows), *look.service)


def told(number: int, **changes: Any) -> messages.NewMessage:
    """Return a message of a conversation of its own, in which nothing is asked."""
    name = message(number).message_id
    return message(number, **{"kind": "announcement", "case_id": name} | changes)


def send(tx: Transaction, number: int, *recipients: str, **changes: Any) -> int:
    """Accept such a message for these recipients; return its row."""
    case_id = message(number).message_id
    return queue(tx, number, *recipients, **{"kind": "announcement", "case_id": case_id} | changes)


def receive(
    tx: Transaction, number: int, *, acknowledged_at: int | None = None, **changes: Any
) -> int:
    """Store a received message; return its row."""
    new = told(number, direction=messages.IN, **changes)
    messages.record_incoming(tx, [new])
    stored = messages.find(tx, new.sender, new.message_id)
    assert stored is not None
    if acknowledged_at is not None:
        messages.acknowledge(tx, stored.row_id, acknowledged_at)
    return stored.row_id


@pytest.mark.parametrize("state", list(OutboxState))
def test_own_message_goes_when_all_its_deliveries_ended(fresh: Fresh, state: OutboxState) -> None:
    """One that is still open keeps it, however old."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row = send(tx, 1, "XB", "XC")
            settling.settle(tx, [Settlement(row_id=1, state=OutboxState.DELIVERED, at=NOW)])
            ends = state not in OPEN
            changes = {"state": state.value, "at": NOW if ends else None}
            move = "UPDATE outbox SET state = :state, settled_at = :at WHERE row_id = 2"
            tx.execute(text(move), changes)
            assert gone(tx) == ((row,) if ends else ())

        db.write_now(act)


def test_received_message_stays_until_the_house_has_taken_it(fresh: Fresh) -> None:
    """Acknowledged long enough ago it goes; never acknowledged it stays, and is counted."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            taken = receive(tx, 1, acknowledged_at=NOW + 9)
            receive(tx, 2, acknowledged_at=LATER - RETENTION_S + 1)
            kept = receive(tx, 3)
            ping = message(4, direction=messages.SERVICE)
            messages.record_incoming(tx, [ping])
            look = seen(tx)
            assert (rows_of(look), look.unacknowledged, look.after) == ((taken, 4), 1, None)
            purge.forget(tx, rows_of(look))
            assert gone(tx) == ()
            assert [item.row_id for item in messages.envelopes(tx, 0, 9)] == [2, kept]

        db.write_now(act)


def test_conversation_goes_whole_or_stays(fresh: Fresh) -> None:
    """A consent must not outlive the word that took it back, whichever was acknowledged first."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            of_one = {"case_id": bytes(16)}
            grant = receive(tx, 1, kind="consent.grant", **of_one)
            deny = receive(tx, 2, kind="consent.deny", acknowledged_at=NOW, **of_one)
            assert gone(tx) == ()
            messages.acknowledge(tx, grant, NOW)
            assert gone(tx) == (grant, deny)

        db.write_now(act)


@pytest.mark.parametrize("kind", ["request.information", "case.close"])
def test_case_in_which_something_was_asked_stays(fresh: Fresh, kind: str) -> None:
    """With all that was said beside it: its fold would be another without any of them."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            of_one = {"case_id": bytes(16), "acknowledged_at": NOW}
            receive(tx, 1, kind=kind, **of_one)
            receive(tx, 2, kind="information.recall", **of_one)
            other = receive(tx, 3, kind="information.recall", acknowledged_at=NOW)
            assert gone(tx) == (other,)

        db.write_now(act)


def test_what_was_noted_goes_with_the_last_that_it_is_about(fresh: Fresh) -> None:
    """A disclosure stays while the message that passed it on is here; a recall while it is due."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            theirs, recall = (
                receive(tx, number, acknowledged_at=NOW, sender="XB") for number in (1, 2)
            )
            carrier = send(tx, 3, "XC")
            name, marked_by, carrier_id = (message(number).message_id for number in (1, 2, 3))
            made = {"sender": "XB", "message_id": name, "heard_at": NOW, "due_at": NOW}
            recalled = Mark(kind=MarkKind.RECALLED, marked_by=marked_by, verdict="complied", **made)
            marks.record(tx, recalled)
            marks.exhibit(tx, "XB", name, NOW)
            passed = Disclosure(
                sender="XB", message_id=name, envelope_id=bytes(32), recipient="XC",
                carrier_id=carrier_id, purpose="assessment", consent_id=None, disclosed_at=NOW,
                notice_due_at=None,
            )  # fmt: skip
            disclosures.record(tx, [passed])

            purge.forget(tx, [theirs])
            assert not marks.is_exhibited(tx, "XB", name)
            assert len(marks.due(tx, 9)) == 1
            assert len(disclosures.in_carriers(tx, [carrier_id])) == 1
            purge.forget(tx, [carrier])
            assert disclosures.of_message(tx, "XB", name) == []
            purge.forget(tx, [recall])
            assert marks.of_message(tx, "XB", name) == []

        db.write_now(act)


def test_repeat_meets_its_receipt_for_fourteen_days_after_expiry(fresh: Fresh) -> None:
    """Whatever the retention time."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row = receive(tx, 1, acknowledged_at=NOW)
            until = NOW + 1000 + 14 * 86_400
            assert gone(tx, now=until - 1, retention_s=1) == ()
            assert gone(tx, now=until, retention_s=1) == (row,)

        db.write_now(act)


def test_purge_goes_step_by_step_and_stops_at_the_first_that_is_young(fresh: Fresh) -> None:
    """Each step looks at a few; after the last that is old enough there is nothing to look at."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number in range(5):
                receive(tx, number, acknowledged_at=NOW)
            young = told(9, direction=messages.IN, stored_at=LATER)
            messages.record_incoming(tx, [young])
            asked = {"now": LATER, "retention_s": RETENTION_S, "limit": 2}
            steps = [purge.look(tx, after=at, **asked) for at in (0, 2, 4)]
            assert [rows_of(step) for step in steps] == [(1, 2), (3, 4), (5,)]
            assert [step.after for step in steps] == [2, 4, None]

        db.write_now(act)


def test_deliveries_go_with_their_message_and_attachments_with_the_last_that_names_them(
    fresh: Fresh,
) -> None:
    """Two messages name one blob: it is let go with the second of them, and swept."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            blob = attachments.offer(
                tx, "XB", b"b" * 32, b"list", sealed_bytes=9, location="place", now=NOW
            )
            attachments.complete(tx, blob.row_id, NOW)
            rows = [receive(tx, number, acknowledged_at=NOW) for number in (1, 2)]
            for number in (1, 2):
                named = "XA", message(number).message_id
                attachments.name(tx, "XB", named, [b"b" * 32], NOW)
            sent = queue(tx, 3, "XB")
            settling.settle(tx, [Settlement(row_id=1, state=OutboxState.DELIVERED, at=NOW)])
            purge.forget(tx, [rows[0], sent])
            assert showing.states(tx, [sent]) == {}
            assert attachments.forget_unnamed(tx, LATER) == []
            purge.forget(tx, [rows[1]])
            assert attachments.forget_unnamed(tx, LATER) == ["place"]
            assert list(messages.envelopes(tx, 0, 9)) == []

        db.write_now(act)


def test_links_are_made_for_what_is_stored_already(tmp_path: Path) -> None:
    """A database of the version before learns which message names which attachment."""
    url = f"sqlite:///{tmp_path / 'liaison.db'}"
    upgrade(url, "0002")
    header = encode((1, 1, bytes(16), NOW, ("XB",), 5, ((b"b" * 32, 9),)))
    assert parse_header(header).blobs
    old = Database(url)
    try:

        def fill(tx: Transaction) -> None:
            values = asdict(message(1, header=header, attachments=1))
            del values["on_behalf_of"]  # the version before had none
            tx.execute(insert(schema.messages).values(values))
            blob = attachments.offer(
                tx, "", b"b" * 32, b"list", sealed_bytes=9, location="place", now=NOW
            )
            tx.execute(text("UPDATE blobs SET named_at = 1, complete_at = 1"))
            assert blob.row_id == 1

        old.write_now(fill)
    finally:
        old.close()
    upgrade(url)
    new = Database.open(url)
    try:
        links = new.read_now(lambda tx: tx.execute(text("SELECT * FROM message_blobs")).all())
        (kept,) = new.read_now(
            lambda tx: messages.page(tx, messages.MessageFilter(), after=0, limit=9)
        )
    finally:
        new.close()
    assert [tuple(link) for link in links] == [(1, 1)]
    assert kept.on_behalf_of == ""
