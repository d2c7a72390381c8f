"""What an administrator does to the audit log in the database is found, and located."""

from collections.abc import Callable

import pytest

from gateway.services.auditing.findings import AuditReport, FindingCode, HeldHead
from gateway.store import audit, cosigned
from gateway.store.cosigned import CosignedHead
from gateway.store.database import Transaction
from keys.registry.origins import Shard
from keys.tlog.note import encode_note, parse_note
from tests.store.conftest import Fresh
from tests.store.logged import Administrator, Logged, logged

SIZES = ((100, True), (200, False), (300, True), (450, False), (600, True))
"""Of which size a head was signed, an hour after the other, and whether witnesses cosigned it."""
Attack = Callable[[Administrator], None]
Found = tuple[str, int | None, int | None]


def grown(tx: Transaction) -> Logged:
    """Return a log of 600 entries: two blocks of 256 with their hashes, and the rest."""
    log = logged()
    log.begin(tx)
    for size, is_cosigned in SIZES:
        log.fill(tx, size)
        if is_cosigned:
            log.witness(tx)
    return log


def found(report: AuditReport) -> list[Found]:
    """Return what was found, the first first."""
    return [(item.code.value, item.first, item.last) for item in report.findings]


def after(fresh: Fresh, attack: Attack, *sizes: int) -> AuditReport:
    """Return what the check finds after an attack; witnesses show their heads of these sizes."""
    reports: list[AuditReport] = []
    with fresh() as database:

        def act(tx: Transaction) -> None:
            log = grown(tx)
            held = [log.held(size) for size in sizes]
            before = log.check(tx, *held)
            assert found(before) == []
            assert [item.verdict for item in before.compared] == ["agrees"] * len(sizes)
            attack(Administrator(log, tx))
            reports.append(log.check(tx, *held))

        database.write_now(act)
    return reports[0]


def edited_leaf(hand: Administrator) -> None:
    """Change an entry and its leaf."""
    hand.edit(150)


def deleted_and_renumbered(hand: Administrator) -> None:
    """Close the gap behind a deleted entry."""
    hand.remove(150)
    hand.shift(151, -1)


def rehashed(hand: Administrator) -> None:
    """Make all hashes anew after an edit, but for the signatures."""
    hand.edit(150)
    hand.rehash()


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (lambda hand: hand.edit(150, leaf=False), [("entry_altered", 150, None)]),
        (lambda hand: hand.put(150, entry=b"no entry"), [("entry_altered", 150, None)]),
        (lambda hand: hand.remove(150), [("entry_missing", 150, None)]),
        (lambda hand: hand.remove(150, 320), [("entry_missing", 150, 320)]),
        (edited_leaf, [("entries_altered", 100, 199)]),
        (rehashed, [("entries_altered", 100, 199), ("frontier_altered", 600, None)]),
        (lambda hand: hand.edit(400), [("entries_altered", 300, 449)]),
        (lambda hand: hand.edit(580), [("entries_altered", 450, 599)]),
        (lambda hand: hand.exchange(150, 160), [("entries_altered", 100, 199)]),
        (
            lambda hand: hand.exchange(150, 400),
            [("entries_altered", 100, 199), ("entries_altered", 300, 449)],
        ),
        (
            deleted_and_renumbered,
            [
                ("entries_altered", 100, 199),
                ("entries_altered", 256, 511),
                ("entry_missing", 599, None),
            ],
        ),
        (
            lambda hand: hand.insert(150),
            [
                ("entries_altered", 100, 199),
                ("entries_altered", 256, 511),
                ("entry_uncovered", 600, None),
            ],
        ),
        (lambda hand: hand.put(150, entry=None), [("erasure_unrecorded", 150, None)]),
        (
            lambda hand: hand.put(150, shard=None),
            [("entry_missing", 150, None), ("entry_uncovered", 150, None)],
        ),
        (lambda hand: hand.put(599, number=700), [
            ("entry_missing", 599, None), ("entry_uncovered", 700, None),
        ]),
        (lambda hand: hand.set_node(1, 0, bytes(32)), [("hashes_altered", 0, 255)]),
        (lambda hand: hand.set_head(600, frontier=bytes(8)), [("frontier_altered", 600, None)]),
        (lambda hand: hand.set_head(200, checkpoint=b"x\n"), [("head_invalid", 200, None)]),
        (lambda hand: hand.set_head(200, size=201), [("head_invalid", 201, None)]),
    ],
)  # fmt: skip
def test_altered_log_is_found_and_located(
    fresh: Fresh, attack: Attack, expected: list[Found]
) -> None:
    """By an entry where its own bytes tell, else between the heads and hashes that hold."""
    assert found(after(fresh, attack)) == expected


def test_entry_that_was_altered_says_what_it_is_now(fresh: Fresh) -> None:
    """Kind and time help who looks for it."""
    (finding,) = after(fresh, lambda hand: hand.edit(150, leaf=False)).findings
    assert finding.code is FindingCode.ENTRY_ALTERED
    assert (finding.shard, finding.kind) == ("2026", "message.accepted")
    assert finding.at > 0


def resigned(hand: Administrator) -> None:
    """Edit an entry, make every hash anew, and sign every head again with the node's own key."""
    rehashed(hand)
    hand.resign()


def truncated(hand: Administrator) -> None:
    """Cut off what came after 400 entries, and sign the rest."""
    hand.truncate(400)


def test_history_signed_anew_by_its_own_key_is_found_by_the_heads_that_witnesses_cosigned(
    fresh: Fresh,
) -> None:
    """Located between two of them."""
    assert found(after(fresh, resigned)) == [("history_resigned", 100, 299)]


def test_shorter_history_is_found_by_the_larger_head_that_witnesses_cosigned(fresh: Fresh) -> None:
    """What it lacks is named."""
    assert found(after(fresh, truncated))[0] == ("history_cut", 400, 599)


@pytest.mark.parametrize(
    ("attack", "expected"),
    [(resigned, ("history_resigned", 0, 299)), (truncated, ("history_cut", 400, 599))],
)
def test_history_signed_anew_without_a_trace_is_found_by_asking_the_witnesses(
    fresh: Fresh, attack: Attack, expected: Found
) -> None:
    """The database alone adds up: that is why they are asked."""
    with fresh() as database:

        def act(tx: Transaction) -> None:
            log = grown(tx)
            held = log.held(300 if attack is resigned else 600)
            attack(Administrator(log, tx))
            Administrator(log, tx).forget_witnesses()
            assert found(log.check(tx)) == []
            report = log.check(tx, held)
            assert found(report) == [expected]
            assert report.findings[0].subject == "W0"
            assert [item.verdict for item in report.compared] == ["differs"]

        database.write_now(act)


def test_head_that_witnesses_are_only_asked_for_is_no_more_than_our_own(fresh: Fresh) -> None:
    """It tells nothing of when the history was still the one that they hold."""
    with fresh() as database:

        def act(tx: Transaction) -> None:
            log = grown(tx)
            held, hand = log.held(600), Administrator(log, tx)
            resigned(hand)
            hand.forget_witnesses()
            head = audit.head(tx)
            assert head is not None
            cosigned.store(
                tx,
                CosignedHead(
                    shard=head.shard, size=600, checkpoint=head.checkpoint,
                    witnessed_at=None, stored_at=log.at,
                ),
            )  # fmt: skip
            assert found(log.check(tx, held)) == [("history_resigned", 0, 599)]

        database.write_now(act)


def test_cosigned_head_without_its_cosignatures_is_found(fresh: Fresh) -> None:
    """What is kept as witnessed must be so."""

    def strip(hand: Administrator) -> None:
        note = parse_note(hand.log.signed[600])
        hand.set_cosigned(600, checkpoint=encode_note(note.text, note.signatures))

    report = after(fresh, strip)
    assert found(report) == [("quorum_unproven", 600, None)]
    assert report.witnessed == 2


def test_head_that_no_key_of_ours_signed_is_no_proof(fresh: Fresh) -> None:
    """Whoever answers in a witness's place raises no alarm."""
    with fresh() as database:

        def act(tx: Transaction) -> None:
            log = grown(tx)
            strange = parse_note(log.signed[300])
            note = encode_note(strange.text.replace(b"300", b"200"), strange.signatures)
            shown = [HeldHead(by="W0", origin=log.origin, checkpoint=item) for item in (note, b"x")]
            report = log.check(tx, *shown)
            assert found(report) == []
            assert [item.verdict for item in report.compared] == ["unsigned"]

        database.write_now(act)


def test_shards_name_each_other(fresh: Fresh) -> None:
    """A shard that is taken out, and an opening that names another head, are found."""
    with fresh() as database:

        def act(tx: Transaction) -> None:
            log = grown(tx)
            log.next_shard(Shard(2027))
            log.fill(tx, 50)
            log.next_shard(Shard(2028))
            log.fill(tx, 20)
            report = log.check(tx)
            assert found(report) == []
            assert (report.entries, report.checkpoints) == (670, 10)

            tx.exec_driver_sql("DELETE FROM audit_shards WHERE number = 1")
            report = log.check(tx)
            assert ("shard_misfit", 0, None) in found(report)
            assert {item.shard for item in report.findings} == {"2028", ""}

        database.write_now(act)


def test_what_a_restore_lost_is_no_alteration(fresh: Fresh) -> None:
    """Where the log began anew, and says so, witnesses may hold more of the shard before."""
    with fresh() as database:

        def act(tx: Transaction) -> None:
            log = grown(tx)
            more = log.held(600)
            hand = Administrator(log, tx)
            hand.truncate(400)
            hand.forget_witnesses()
            hand.set_head(300, checkpoint=log.signed[300])
            assert found(log.check(tx, more))[0] == ("history_cut", 400, 599)
            tx.exec_driver_sql("DELETE FROM audit_nodes WHERE number > 0")
            log.next_shard(Shard(2026, 1))
            log.fill(tx, 20)
            report = log.check(tx, more)
            assert found(report) == []
            assert [item.verdict for item in report.compared] == ["restarted"]

        database.write_now(act)
