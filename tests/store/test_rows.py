"""Outbox, inbox, audit log, receipts, keys of requests: what each act may change."""

from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.errors import ConflictError, UnavailableError
from gateway.store import idempotency, messages
from gateway.store.blobs import BlobStore, SegmentFile
from gateway.store.database import Transaction
from gateway.store.outbox import claiming, queueing, settling, showing, signing
from gateway.store.outbox.settling import Deferral, Settlement
from gateway.store.outbox.states import LEGAL, OPEN, OutboxState
from tests.store.conftest import Fresh
from tests.store.stored import NOW, database, message, queue


def test_rows_are_claimed_once_until_their_lease_runs_out(fresh: Fresh) -> None:
    """Two deliverers never hold the same row, and a dead one's rows come back."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number in range(5):
                queue(tx, number, "XB")
            first = claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60)
            assert len(first) == 5
            assert claiming.claim(tx, ["XB"], now=NOW + 59, lease_until=NOW + 120) == []
            assert queueing.requeue_overdue(tx, NOW + 59) == 0
            assert queueing.requeue_overdue(tx, NOW + 60) == 5
            again = claiming.claim(tx, ["XB"], now=NOW + 60, lease_until=NOW + 120)
            assert [row.row_id for row in again] == [row.row_id for row in first]
            claiming.extend_leases(tx, [again[0].row_id], NOW + 500)
            assert queueing.requeue_overdue(tx, NOW + 120) == 4
            assert queueing.release_leases(tx, NOW + 121) == 1
            assert len(claiming.claim(tx, ["XB"], now=NOW + 121, lease_until=NOW + 300)) == 5

        db.write_now(act)


def test_rows_are_handed_on_without_a_claim(fresh: Fresh) -> None:
    """A row that is leased as it is accepted is nobody else's until the lease runs out."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            (row,) = messages.record_outgoing(tx, [message(1)])
            shared = queueing.Queueing(message_row=row, priority=5, now=NOW, expires_at=NOW + 1000)
            leased = queueing.NewRow(
                recipient="XB", seal_kid=None, wrapped=None, lease_until=NOW + 9
            )
            ids = queueing.enqueue(tx, [(shared, leased)])
            assert claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60) == []
            assert queueing.requeue_overdue(tx, NOW + 9) == 1
            (claimed,) = claiming.claim(tx, ["XB"], now=NOW + 9, lease_until=NOW + 60)
            assert claimed == claiming.claimed(ids[row, "XB"], shared, leased, message(1))

        db.write_now(act)


def test_claims_are_fair_urgent_first_and_in_time(fresh: Fresh) -> None:
    """Of several recipients each has its share; priority, then age; nothing that is late."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number in range(20):
                queue(tx, number, "XB", priority=number % 2)
            queue(tx, 50, "XC")
            queue(tx, 51, "XD", now=NOW + 100)
            assert claiming.recipients(tx) == ["XB", "XC", "XD"]
            due = claiming.waiting_recipients(tx, ["XA", "XB", "XC", "XD"])
            assert due == {"XB": NOW, "XC": NOW, "XD": NOW + 100}
            claimed = claiming.claim(tx, ["XB", "XC", "XD"], now=NOW, lease_until=NOW + 60, most=6)
            peers = [row.recipient for row in claimed]
            assert (peers.count("XB"), peers.count("XC"), peers.count("XD")) == (2, 1, 0)
            assert {row.rank for row in claimed if row.recipient == "XB"} == {8}
            rest = claiming.claim(tx, ["XC", "XD"], now=NOW + 100, lease_until=NOW + 160)
            assert {row.recipient for row in rest} == {"XD"}
            small = claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60, most_bytes=1)
            assert len(small) == 1
            assert claiming.claim(tx, ["XB"], now=NOW + 1000, lease_until=NOW + 1060) == []
            assert len(settling.expire(tx, NOW + 1000)) == 22
            assert settling.expire(tx, NOW + 1000) == []

        db.write_now(act)


def test_relays_keep_copies_until_something_comes_back(fresh: Fresh) -> None:
    """In custody with a due time; withdrawn only while it waits; requeued by hand."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row = queue(tx, 1, "XB")
            claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60)
            kept = settling.Custody(
                row_id=1, envelope_id=message(1).envelope_id, due_at=NOW + 3600, custodian="RILO-W"
            )
            assert settling.keep(tx, [kept]) == {1}
            (state,) = showing.states(tx, [row])[row]
            assert (state.state, state.custodian) == ("in_custody", "RILO-W")
            assert queueing.move(tx, [1], OutboxState.WITHDRAWN, NOW) == set()
            assert queueing.requeue_overdue(tx, NOW + 3600) == 1
            found = showing.by_copy(tx, message(1).message_id, message(1).envelope_id, "XB")
            assert found is not None
            assert (found.row_id, found.custodian) == (1, "RILO-W")
            assert showing.by_copy(tx, message(1).message_id, message(1).envelope_id, "XC") is None
            assert queueing.move(tx, [1], OutboxState.WITHDRAWN, NOW) == {1}
            assert claiming.claim(tx, ["XB"], now=NOW + 3600, lease_until=NOW + 9999) == []
            assert settling.expire(tx, NOW + 1000) == []
            assert queueing.move(tx, [1], OutboxState.QUEUED, NOW) == {1}
            assert len(claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60)) == 1

        db.write_now(act)


@pytest.mark.parametrize(("before", "after"), list(product(OutboxState, OutboxState)))
def test_only_legal_transitions_happen(
    fresh: Fresh, before: OutboxState, after: OutboxState
) -> None:
    """Every pair of states: it moves where the table says so, and stays otherwise."""
    with fresh() as db:

        def act(tx: Transaction) -> tuple[set[int], str]:
            queue(tx, 1, "XB")
            tx.execute(text("UPDATE outbox SET state = :state"), {"state": before.value})
            moved = settling.settle(tx, [Settlement(row_id=1, state=after, at=NOW)])
            return moved, tx.execute(text("SELECT state FROM outbox")).scalar_one()

        moved, state = db.write_now(act)
        legal = after in LEGAL[before]
        assert moved == ({1} if legal else set())
        assert state == (after if legal else before)


def test_every_state_is_in_the_table_and_open_ones_end() -> None:
    """From every open state each final one that makes sense can be reached."""
    assert set(LEGAL) == set(OutboxState)
    for state in OPEN:
        reached, rest = set(), [state]
        while rest:
            for following in LEGAL[rest.pop()] - reached:
                reached.add(following)
                rest.append(following)
        assert {OutboxState.DELIVERED, OutboxState.EXPIRED} <= reached


def test_deferred_rows_wait_and_count_their_failures(fresh: Fresh) -> None:
    """Due later, with the reason."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row = queue(tx, 1, "XB")
            claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60)
            settling.defer(tx, [Deferral(row_id=1, due_at=NOW + 30, code="peer_unreachable")])
            (state,) = showing.states(tx, [row])[row]
            assert (state.state, state.attempts, state.code) == ("queued", 1, "peer_unreachable")
            assert claiming.claim(tx, ["XB"], now=NOW + 29, lease_until=NOW + 90) == []
            claiming.claim(tx, ["XB"], now=NOW + 30, lease_until=NOW + 60)
            signing.restanza(tx, 1, b"k" * 32, b"w")
            settling.defer(tx, [Deferral(row_id=1, due_at=NOW, code="busy", failed=False)])
            (claimed,) = claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60)
            assert (claimed.attempts, claimed.seal_kid, claimed.wrapped) == (1, b"k" * 32, b"w")
            assert showing.counts(tx)["sending"] == 1
            ((sender, _, waiting),) = showing.waiting(tx, 10)
            assert (sender, waiting.recipient) == ("XA", "XB")

        db.write_now(act)


def test_incoming_messages_are_kept_once(fresh: Fresh) -> None:
    """The same name twice in a batch, and again later: the first stays."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            batch = [message(n, direction="in") for n in (1, 2, 1)]
            assert len(messages.record_incoming(tx, batch)) == 2
            other = message(1, direction="in", body=b"another text")
            assert messages.record_incoming(tx, [other]) == set()
            assert messages.record_incoming(tx, []) == set()
            kept = messages.find(tx, "XA", message(1).message_id)
            assert kept.body == b"sealed"
            assert messages.find(tx, "XB", message(1).message_id) is None
            assert messages.acknowledge(tx, kept.row_id, NOW)
            assert not messages.acknowledge(tx, kept.row_id, NOW + 1)
            assert messages.last_seq(tx, bytes(16), "XA") == 2
            assert messages.counts(tx) == {"in": 2}

        db.write_now(act)


def test_pages_show_every_message_once(fresh: Fresh) -> None:
    """In the order of arrival, narrowed by a filter."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number in range(7):
                messages.record_outgoing(tx, [message(number, case_id=bytes([number % 2]) * 16)])
            seen, after = [], 0
            while found := messages.page(tx, messages.MessageFilter(), after=after, limit=3):
                seen += [item.seq for item in found]
                after = found[-1].row_id
            assert seen == list(range(7))
            odd = messages.MessageFilter(case_id=bytes([1]) * 16)
            assert [item.seq for item in messages.page(tx, odd, after=0, limit=9)] == [1, 3, 5]

        db.write_now(act)


def test_answers_to_named_requests_are_kept_a_day(fresh: Fresh) -> None:
    """The same request gets its answer, another under the same key a conflict."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            assert idempotency.find(tx, "uid:1", "k", b"d" * 32) is None
            idempotency.record(tx, "uid:1", "k", b"d" * 32, answer=b"yes", now=NOW)
            assert idempotency.find(tx, "uid:1", "k", b"d" * 32) == b"yes"
            assert idempotency.find(tx, "uid:2", "k", b"d" * 32) is None
            with pytest.raises(ConflictError):
                idempotency.find(tx, "uid:1", "k", b"e" * 32)
            assert idempotency.sweep(tx, NOW + 86_399) == 0
            assert idempotency.sweep(tx, NOW + 86_400) == 1

        db.write_now(act)


def test_receipts_given_are_kept_for_repeats(fresh: Fresh) -> None:
    """Found by message and envelope; given once, even where the attachments came later."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            batch = [message(1, direction="in", receipt=b"signed"), message(2, direction="in")]
            messages.record_incoming(tx, batch)
            names = [(item.message_id, item.envelope_id) for item in batch]
            found = messages.known(tx, [*names, (b"n" * 16, b"e" * 32)])
            assert {item.receipt for item in found.values()} == {b"signed", None}
            assert messages.known(tx, [(batch[0].message_id, b"e" * 32)]) == {}
            for receipt in (b"later", b"twice"):
                for item in found.values():
                    messages.give_receipt(tx, item.row_id, receipt)
            again = messages.known(tx, names)
            assert {item.receipt for item in again.values()} == {b"signed", b"later"}

        db.write_now(act)


def written(store: BlobStore, number: int, *pieces: bytes) -> None:
    """Write a segment of the blob at ``place``."""
    file = store.begin("place", number)
    for piece in pieces:
        file.write(piece)
    file.keep()


def test_segments_are_whole_or_missing(tmp_path: Path) -> None:
    """Written, read in part, deleted; what is gone or cut short is said to be so."""
    store = BlobStore(tmp_path / "blobs")
    assert (tmp_path / "blobs").stat().st_mode & 0o777 == 0o700
    written(store, 0, b"first ", b"", b"segment")
    written(store, 1, b"second")
    assert store.read("place", 0, 6, 13) == b"segment"
    written(store, 1, b"again")
    assert store.read("place", 1, 0, 5) == b"again"
    assert store.free_bytes() > 0
    for number, start, end in ((2, 0, 1), (0, 50, 60), (0, 6, 14)):
        with pytest.raises(UnavailableError) as caught:
            store.read("place", number, start, end)
        assert caught.value.code == "blob_missing"
    store.delete("place")
    store.delete("place")
    with pytest.raises(UnavailableError):
        store.read("place", 0, 0, 1)


def test_part_of_a_segment_never_has_its_name(tmp_path: Path) -> None:
    """Not before it is kept; what a crash left is tidied away, what was kept stays."""
    store = BlobStore(tmp_path / "blobs")
    written(store, 0, b"whole")
    for end in (lambda file: file._file.close(), SegmentFile.drop):  # a crash; one given up
        file = store.begin("place", 1)
        file.write(b"some of it")
        end(file)
        with pytest.raises(UnavailableError):
            store.read("place", 1, 0, 4)
    assert len(list((tmp_path / "blobs" / "place").iterdir())) == 2
    store.tidy("place")
    assert [item.name for item in (tmp_path / "blobs" / "place").iterdir()] == ["00000"]


def test_full_disk_refuses_a_segment_by_name(tmp_path: Path) -> None:
    """A place that cannot be written to is named; nothing half stays readable."""
    store = BlobStore(tmp_path / "blobs")
    (tmp_path / "blobs" / "place").write_text("a file where a folder should be")
    with pytest.raises(UnavailableError) as caught:
        store.begin("place", 0)
    assert caught.value.code == "disk_full"


def test_row_of_a_copy_is_found_by_its_message_and_not_among_the_recipients(
    tmp_path: Path,
) -> None:
    """What comes back is looked up by two indexes that end, however long the recipient's queue."""
    with database(tmp_path) as db:

        def act(tx: Transaction) -> list[str]:
            queue(tx, 1, "XC", "XB")
            queue(tx, 2, "XC")
            wanted = message(2)
            found = showing.by_copy(tx, wanted.message_id, wanted.envelope_id, "XC")
            assert found is not None
            assert found.message_id == wanted.message_id
            assert showing.by_copy(tx, wanted.message_id, wanted.envelope_id, "XB") is None
            assert showing.by_copy(tx, wanted.message_id, bytes(32), "XC") is None
            compiled = showing._OF_COPY.compile(dialect=tx.dialect)
            named = {"message_id": b"", "envelope_id": b"", "recipient": ""}
            values = compiled.construct_params(named)
            asked = tuple(values[name] for name in compiled.positiontup or ())
            plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled.string}", asked)
            return [row[3] for row in plan]

        steps = db.write_now(act)
        assert any("(message_row=? AND recipient=?)" in step for step in steps), steps
        assert any("(message_id=?)" in step for step in steps), steps
        assert not any("SCAN" in step and "SUBQUERY" not in step for step in steps), steps
