"""What is kept of decisions about cases and of purged messages: on either database."""

from dataclasses import replace

from gateway.cases.threads.retention import FOREVER, Standing
from gateway.store import (
    attachments,
    disclosures,
    event_sources,
    idempotency,
    marks,
    messages,
    purge,
    threads,
    tombstones,
)
from gateway.store import retentions as kept
from gateway.store.database import Transaction
from gateway.store.disclosures import Disclosure
from gateway.store.marks import Mark, MarkKind
from gateway.store.outbox import settling, showing
from gateway.store.outbox.settling import Settlement
from gateway.store.outbox.states import OutboxState
from gateway.store.retentions import Retention
from gateway.store.threads import NEVER, Folding, ThreadFilter, ThreadRow
from gateway.store.tombstones import Tombstone
from tests.store.conftest import Fresh
from tests.store.stored import NOW, message, queue

CASE = bytes(16)
STONE = Tombstone(signed=b"s" * 136, payload_digest=b"d" * 32)
DAY_S = 86_400


def case(number: int) -> bytes:
    """Return a case's id."""
    return number.to_bytes(16, "big")


def thread(number: int, asked: str = "XB", **changes: object) -> ThreadRow:
    """Return a closed thread of a case."""
    row = ThreadRow(
        case_id=case(number), asker="XA", asked=asked, request_row=number, kind="request.enquiry",
        state="closed", urgent=True, oral_to_be_confirmed=False, recalled=1, out_of_order=1,
        opened_at=NOW, entered_at=NOW, due_task="", due_by="", due_at=NEVER, lapses_at=NEVER,
    )  # fmt: skip
    return replace(row, **changes)


def fold(tx: Transaction, *rows: ThreadRow) -> None:
    """Store threads."""
    before = threads.folding(tx)
    cases = {row.case_id for row in rows}
    assert threads.record(tx, cases, rows, before, Folding(before.row + 1, b"t" * 32))


def test_case_is_reviewed_when_all_of_its_threads_are_due_and_nobody_kept_it(fresh: Fresh) -> None:
    """Kept, held, restricted and purged ones are not listed; those of either state are apart."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            due = {"review_at": NOW}
            fold(
                tx, *(thread(number, **due) for number in range(1, 7)), thread(7, **due),
                thread(7, "XC", review_at=NOW + 1), thread(8), thread(6, "XC", **due),
            )  # fmt: skip
            for number, changes in {
                2: {"keep_until": NOW}, 3: {"keep_until": NOW + 1}, 4: {"keep_until": FOREVER},
                5: {"standing": Standing.RESTRICTED}, 6: {"standing": Standing.PURGED},
            }.items():  # fmt: skip
                kept.record(tx, Retention(case_id=case(number), unit="", **changes))
            assert threads.to_review(tx, NOW, b"", 9) == [case(1), case(2)]
            assert threads.to_review(tx, NOW, case(1), 9) == [case(2)]
            assert threads.to_review(tx, NOW + 1, b"", 9) == [case(1), case(2), case(3), case(7)]
            assert threads.to_review(tx, NOW - 1, b"", 9) == []
            assert [item.case_id for item in kept.standing(tx, Standing.PURGED, b"", 9)] == [
                case(6)
            ]

            def listed(**wanted: object) -> list[bytes]:
                found = threads.page(tx, ThreadFilter(**wanted), after=(0, 0), limit=99)  # type: ignore[arg-type]
                return [item.case_id for item in found]

            assert listed(standing=Standing.RESTRICTED) == [case(5)]
            assert listed(standing=Standing.PURGED) == [case(6), case(6)]
            assert set(listed(states=["closed"])) == {case(number) for number in (1, 2, 3, 4, 7, 8)}
            assert set(listed(review_until=NOW)) == {case(1), case(2)}

        db.write_now(act)


def test_a_review_falls_due_at_the_last_of_its_dates(fresh: Fresh) -> None:
    """Its day, the end of its keeping, or its lifting; of what came in a span of time, by pages."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            due = {"review_at": NOW - 9}
            fold(
                tx, *(thread(number, **due) for number in range(1, 7)), thread(7, **due),
                thread(7, "XC", review_at=NOW - 5), thread(8, review_at=NOW + 1), thread(9),
            )  # fmt: skip
            for number, changes in {
                2: {"keep_until": NOW - 2}, 3: {"stands_since": NOW - 3},
                4: {"keep_until": NOW + 1}, 5: {"keep_until": FOREVER},
                6: {"standing": Standing.RESTRICTED, "stands_since": NOW - 1},
            }.items():  # fmt: skip
                kept.record(tx, Retention(case_id=case(number), unit="", **changes))
            due_at = {1: NOW - 9, 2: NOW - 2, 3: NOW - 3, 7: NOW - 5}
            whole = [(case(number), at) for number, at in due_at.items()]
            assert threads.fell_due_for_review(tx, (NOW - 10, NOW), b"", 9) == whole
            assert threads.fell_due_for_review(tx, (NOW - 10, NOW), b"", 2) == whole[:2]
            assert threads.fell_due_for_review(tx, (NOW - 10, NOW), case(2), 9) == whole[2:]
            assert threads.fell_due_for_review(tx, (NOW - 9, NOW), b"", 9) == whole[1:]
            assert threads.fell_due_for_review(tx, (NOW - 3, NOW), b"", 9) == whole[1:2]
            assert threads.fell_due_for_review(tx, (NOW, NOW), b"", 9) == []

        db.write_now(act)


def test_decisions_are_found_by_their_time(fresh: Fresh) -> None:
    """In order, those of one second by their case; what was never decided so is none."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            times = ((3, 0), (3, 9), (1, 0), (0, 5))
            for number, (stands_since, kept_at) in enumerate(times):
                made = Retention(
                    case_id=case(number), unit="", stands_since=stands_since, kept_at=kept_at
                )
                kept.record(tx, made)

            def found(name: kept.DecisionTime, at: int, after: bytes = b"") -> list[bytes]:
                return [item.case_id for item in kept.decided(tx, name, (at, after), 9)]

            assert found("stands_since", -5) == [case(2), case(0), case(1)]
            assert found("stands_since", 3, case(0)) == [case(1)]
            assert [len(kept.decided(tx, "stands_since", (0, b""), most)) for most in (1, 2)] == [
                1, 2,
            ]  # fmt: skip
            assert found("kept_at", 6) == [case(1)]

        db.write_now(act)


def test_a_case_is_told_of_by_its_first_message(fresh: Fresh) -> None:
    """With who is in its threads; of none that is forgotten."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number in (1, 2, 3):
                queue(tx, number, "XB", case_id=case(number % 2))  # type: ignore[arg-type]
            fold(tx, thread(1), thread(1, "XC"))
            names = event_sources.case_names(tx, {case(0), case(1), case(2)})
            first = {number: message(number).message_id for number in (1, 2)}
            assert {case_id: item.message_id for case_id, item in names.items()} == {
                case(1): first[1], case(0): first[2],
            }  # fmt: skip
            assert names[case(1)].members == {"XA", "XB", "XC"}
            assert (names[case(0)].members, names[case(0)].kind) == (frozenset(), "case.reply")
            assert event_sources.case_names(tx, set()) == {}

        db.write_now(act)


def test_buried_threads_say_who_asked_whom_and_when(fresh: Fresh) -> None:
    """Nothing of how it was asked."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            fold(tx, thread(1, review_at=NOW), thread(2))
            threads.bury(tx, case(1))
            buried, other = threads.page(tx, ThreadFilter(), after=(0, 0), limit=9)
            assert (buried.state, buried.urgent, buried.recalled) == ("purged", False, 0)
            assert (buried.asked, buried.opened_at, buried.review_at) == ("XB", NOW, NEVER)
            assert (other.state, other.urgent) == ("closed", True)

        db.write_now(act)


def test_what_keeps_a_case_from_being_purged(fresh: Fresh) -> None:
    """A delivery that is open, a message nobody took, a recall that is owed an answer, a repeat."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            queue(tx, 1, "XB")
            new = message(2, direction=messages.IN, sender="XB", expires_at=NOW + 5)
            messages.record_incoming(tx, [new])
            assert kept.under_way(tx, CASE, repeats_s=9) == ("unsettled", 0)
            settling.settle(tx, [Settlement(row_id=1, state=OutboxState.DELIVERED, at=NOW)])
            assert kept.under_way(tx, CASE, repeats_s=9) == ("unacknowledged", 0)
            messages.acknowledge(tx, 2, NOW)
            recall = Mark(
                sender="XB", message_id=new.message_id, kind=MarkKind.RECALLED, marked_by=CASE,
                verdict="complied", heard_at=NOW, due_at=NOW,
            )  # fmt: skip
            marks.record(tx, recall)
            assert kept.under_way(tx, CASE, repeats_s=9) == ("recall", 0)
            marks.settle(tx, 1)
            assert kept.under_way(tx, CASE, repeats_s=9) == ("repeats", NOW + 1009)

        db.write_now(act)


def test_buried_message_keeps_its_receipts_and_digests(fresh: Fresh) -> None:
    """Key, body, stanza, attachment and marks go; disclosures and what was exhibited stay."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            row, other = queue(tx, 1, "XB"), queue(tx, 2, "XB")
            settled = Settlement(row_id=1, state=OutboxState.DELIVERED, at=NOW, receipt=b"receipt")
            settling.settle(tx, [settled])
            blob = attachments.offer(
                tx, "", b"b" * 32, b"list", sealed_bytes=9, location="place", now=NOW
            )
            attachments.complete(tx, blob.row_id, NOW)
            name = message(1).message_id
            attachments.name(tx, "", ("XA", name), [b"b" * 32], NOW)
            marks.exhibit(tx, "XA", name, NOW)
            mark = Mark(
                sender="XA", message_id=name, kind=MarkKind.RECALLED, marked_by=CASE, verdict="",
                heard_at=NOW, due_at=None,
            )  # fmt: skip
            marks.record(tx, mark)
            passed = Disclosure(
                sender="XA", message_id=name, envelope_id=bytes(32), recipient="XC",
                carrier_id=message(2).message_id, purpose="", consent_id=None, disclosed_at=NOW,
                notice_due_at=None,
            )  # fmt: skip
            disclosures.record(tx, [passed])
            idempotency.record(tx, "uid:1", "key", bytes(32), answer=b"ids", now=NOW)

            tombstones.bury(tx, {row: STONE}, NOW + DAY_S)

            buried, whole = messages.by_rows(tx, [row, other])
            assert (buried.body, buried.wrapped_key, buried.purged_at) == (b"", b"", NOW + DAY_S)
            assert (buried.tbs_digest, buried.header) == (message(1).tbs_digest, b"header")
            assert whole.body == b"sealed"
            assert tombstones.find(tx, row) == STONE
            assert tombstones.find(tx, other) is None
            (delivery,) = showing.states(tx, [row])[row]
            assert delivery.receipt == b"receipt"
            assert attachments.forget_unnamed(tx, NOW + DAY_S) == ["place"]
            assert marks.of_message(tx, "XA", name) == []
            assert marks.is_exhibited(tx, "XA", name)
            assert len(disclosures.of_message(tx, "XA", name)) == 1
            assert idempotency.find(tx, "uid:1", "key", bytes(32)) is None

        db.write_now(act)


def test_decided_conversation_is_not_deleted_by_its_age(fresh: Fresh) -> None:
    """A hold stops it, and so does that it was restricted or purged: its tombstone stays."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            for number in (1, 2, 3):
                new = message(
                    number, direction=messages.IN, kind="announcement", case_id=case(number)
                )
                messages.record_incoming(tx, [new])
                messages.acknowledge(tx, number, NOW)
            kept.record(tx, Retention(case_id=case(1), unit="", keep_until=FOREVER))
            kept.record(tx, Retention(case_id=case(2), unit="", standing=Standing.PURGED))
            seen = purge.look(tx, after=0, now=NOW + 99 * DAY_S, retention_s=1, limit=9)
            assert [item.case_id for item in seen.conversations] == [case(3)]

        db.write_now(act)
