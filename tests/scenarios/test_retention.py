"""Retention: a case that is over is reviewed, restricted, and purged to a tombstone."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.cases.kinds import ALL_KINDS
from gateway.cases.threads.retention import CaseState, RetentionReason, Standing
from gateway.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.services.auditing.check import check_audit_log
from gateway.services.caller import Caller
from gateway.services.casework.cases import CaseQuery
from gateway.services.casework.events import read_events
from gateway.services.casework.folding import folded_threads
from gateway.services.handling.quarantine import OpeningReason
from gateway.services.retention.deciding import CaseDecided, Deciding, Keeping, Ruling
from gateway.services.sending.submission import Submitted
from gateway.settings import RetentionSettings, Role
from gateway.store import disclosures, marks, messages
from gateway.store.database import Transaction
from gateway.store.messages import StoredMessage
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.cases import told
from tests.scenarios.federation import OFFICER, Federation, entries_of, federation
from tests.scenarios.handling import control, inform, uploaded
from tests.scenarios.test_passing import entries, passes_on
from tests.scenarios.test_recall import recall, report

XA, XB = MemberId("XA"), MemberId("XB")
RELEASER = Caller(name="uid:9", roles=frozenset({Role.RELEASER}))
BOTH = Caller(name="uid:1", roles=frozenset({Role.OFFICER, Role.RELEASER}))
VALUATION = Caller(name="uid:5", roles=frozenset({Role.OFFICER}), unit="valuation")
FRAUD = Caller(name="uid:6", roles=frozenset({Role.OFFICER}), unit="fraud")
EXPIRED = Ruling(reason=RetentionReason.EXPIRED, reference="F-2027/118")
DAY_S = 86_400
LATER_S = 120 * DAY_S
RULE = {"review_months": 1, "restricts": True, "purge_months": 2}


async def closed(fed: Federation, file: bytes = b"invoice" * 99) -> tuple[Submitted, Submitted]:
    """Play a case to its end, with a file in the answer; all of it is acknowledged."""
    asked = await told(fed, "XA", "XB", "request.information", unit="valuation")
    files = [await uploaded(fed, "XB", file)]
    answer = await told(fed, "XB", "XA", "case.reply", case=asked.case, attachments=files)
    await told(fed, "XA", "XB", "case.close", case=asked.case)
    for name in (XA, XB):
        for item in (await fed.inbox(name)).messages:
            await fed.nodes[name].rooms.inbox.acknowledge(item.id, OFFICER)
    return asked, answer


def deciding(fed: Federation, name: str = "XA") -> Deciding:
    """Return what decides at a member."""
    return fed.nodes[MemberId(name)].rooms.deciding


async def purged(fed: Federation, case: str, name: str = "XA") -> CaseDecided:
    """Restrict and purge a case, by two persons, when nobody needs it any more."""
    fed.clocks[MemberId(name)].ahead_s = LATER_S
    await deciding(fed, name).restrict(case, EXPIRED, OFFICER)
    done = await deciding(fed, name).purge(case, EXPIRED, RELEASER)
    fed.clocks[MemberId(name)].ahead_s = 0
    return done


async def refused(act: Awaitable[object], kind: type[LiaisonError] = ConflictError) -> str:
    """Return the code by which something is refused."""
    fault = await outcome_of(act)
    assert isinstance(fault, kind), fault
    return fault.code


async def nothing_due(fed: Federation, name: MemberId) -> bool:
    """Tell whether a node has done all that recalls ask of it."""
    return not await fed.nodes[name].database.read(lambda tx: marks.due(tx, 9))


async def stored(fed: Federation, name: MemberId, ref: str) -> StoredMessage:
    """Return a message as it is stored."""
    sender, _, message_id = ref.rpartition("-")
    found = await fed.nodes[name].database.read(
        lambda tx: messages.find(tx, sender, bytes.fromhex(message_id))
    )
    assert found is not None
    return found


def bytes_in(folder: Path) -> bytes:
    """Return all that a node has on its disk."""
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


async def test_restricted_case_is_open_to_a_releaser_with_a_reason(tmp_path: Path) -> None:
    """Text, attachment and open evidence; the reading is recorded; nothing more is said in it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked, answer = await closed(fed)
        rooms = fed.nodes[XA].rooms
        done = await rooms.deciding.restrict(asked.case, EXPIRED, OFFICER)
        assert (done.standing, done.messages) == (Standing.RESTRICTED, 3)
        for act in (
            rooms.inbox.read(asked.id, OFFICER),
            rooms.inbox.read(answer.id, OFFICER, reason=OpeningReason.REVIEW),
            rooms.inbox.attachment(f"{answer.id}.0", OFFICER),
            rooms.evidence.export(answer.id, OFFICER, is_open=True),
            told(fed, "XA", "XB", "case.feedback", case=asked.case),
            told(fed, "XA", "XB", "request.information", case=asked.case),
        ):
            assert await refused(act, ForbiddenError) == "case_restricted"
        await rooms.inbox.read(answer.id, RELEASER, reason=OpeningReason.COURT)
        await rooms.inbox.attachment(f"{answer.id}.0", RELEASER, OpeningReason.COURT)
        assert (await entries(fed, XA, "message.read"))[-2:] == [
            ("uid:9", 1, "releaser court"), ("uid:9", 2, "releaser court"),
        ]  # fmt: skip
        assert await entries(fed, XA, "case.restricted") == [("uid:1", 1, "expired")]
        (row,) = (await rooms.cases.page(CaseQuery(state=CaseState.RESTRICTED), OFFICER)).threads
        assert (row.case, row.kind, row.state) == (asked.case, "request.information", "restricted")
        everything = await rooms.cases.page(CaseQuery(state=CaseState.CLOSED), OFFICER)
        assert everything.threads == []


async def test_what_recalls_and_reopens_may_be_said_in_a_restricted_case(tmp_path: Path) -> None:
    """Opened again it is open to its unit on both sides, and that is recorded."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked, answer = await closed(fed)
        for name in (XA, XB):
            await deciding(fed, name).restrict(asked.case, EXPIRED, OFFICER)
            fed.clocks[name].ahead_s = 2
        await recall(fed, "XB", "XA", answer)
        assert (await report(fed, "XB", "XA"))["verdict"] == "complied"
        await told(fed, "XA", "XB", "case.reopen", case=asked.case)
        for name in (XA, XB):
            await fed.read(name, asked.id)
            shown = await fed.nodes[name].rooms.cases.read(asked.case, OFFICER)
            assert [thread.state for thread in shown.threads] == ["in_progress"]
            assert await entries(fed, name, "case.lifted") == [("XA", 1, "reopened")]


async def test_nothing_is_left_of_a_purged_case_but_its_tombstone(tmp_path: Path) -> None:
    """Not in the database, its journal or the attachments; the log still verifies."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked, answer = await closed(fed)
        node = fed.nodes[XA]
        before = [await stored(fed, XA, item.id) for item in (asked, answer)]
        secrets = [one for item in before for one in (item.wrapped_key, item.body[:64])]
        parts = [file for file in (tmp_path / "XA" / "blobs").rglob("0*") if file.is_file()]
        sealed = [file.read_bytes()[:64] for file in parts]
        held = bytes_in(tmp_path / "XA")
        assert sealed
        assert all(one in held for one in (*secrets, *sealed))

        assert (await purged(fed, asked.case)).standing is Standing.PURGED

        held = bytes_in(tmp_path / "XA")
        assert not any(one in held for one in (*secrets, *sealed))
        for item, was in zip((asked, answer), before, strict=True):
            assert await refused(fed.read("XA", item.id), RejectedError) == "message_purged"
            left = await stored(fed, XA, item.id)
            assert (left.body, left.wrapped_key, left.tbs_digest) == (b"", b"", was.tbs_digest)
            with pytest.raises(LiaisonError):
                node.keys.storage_key(left.storage_key_id)
        shown = await node.rooms.cases.read(asked.case, OFFICER)
        assert [thread.state for thread in shown.threads] == ["purged"]
        assert [item.id for item in shown.tombstones][:2] == [asked.id, answer.id]
        assert [item.tbs_digest for item in shown.tombstones][:2] == [
            item.tbs_digest.hex() for item in before
        ]
        assert [[one.member for one in item.receipts] for item in shown.tombstones] == [
            ["XB"], ["XA"], ["XB"],
        ]  # fmt: skip
        assert shown.retention is not None
        assert (shown.retention.stands_by, shown.retention.reference) == ("uid:9", "F-2027/118")
        (row,) = (await node.rooms.cases.page(CaseQuery(state=CaseState.PURGED), OFFICER)).threads
        assert (row.case, row.asker, row.asked, row.due) == (asked.case, "XA", "XB", None)
        assert await entries(fed, XA, "case.purged") == [("uid:9", 3, "expired")]
        cases = node.rooms.cases
        assert (await cases.read(asked.case, VALUATION)).tombstones
        listed = await cases.page(CaseQuery(state=CaseState.PURGED), VALUATION)
        assert [one.case for one in listed.threads] == [asked.case]
        assert await refused(cases.read(asked.case, FRAUD), ForbiddenError) == "unit_mismatch"
        await node.workers.audit_log.sequence()
        checked = await node.database.read(lambda tx: check_audit_log(tx, node.mirror.view, XA))
        assert checked.findings == ()


async def test_message_marked_purged_by_hand_is_found(tmp_path: Path) -> None:
    """Who empties a row without the log saying so is told of, as of any other change."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await inform(fed, "XA", "XB")
        node, item = fed.nodes[XA], await stored(fed, XA, sent.id)
        change = text("UPDATE messages SET purged_at = 1, body = :empty WHERE row_id = :row")
        asked = {"empty": b"", "row": item.row_id}
        await node.database.write(lambda tx: tx.execute(change, asked))
        await node.workers.audit_log.sequence()
        checked = await node.database.read(lambda tx: check_audit_log(tx, node.mirror.view, XA))
        assert [item.code for item in checked.findings] == ["message_altered"]


async def test_purged_message_meets_its_receipt_and_proves_what_it_was(tmp_path: Path) -> None:
    """A repeat is not stored again; evidence that shows no content is still made."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked, answer = await closed(fed)
        posted = [item for caller, _, item in fed.posted if caller == XB]
        receipts = [item for item in fed.answers if getattr(item, "receipt", b"")]
        for name in ("XA", "XB"):
            await purged(fed, asked.case, name)
        again = await fed.nodes[XA].gate.for_hop(XB).post_envelopes(posted)
        assert set(again) <= set(receipts)
        evidence = fed.nodes[XA].rooms.evidence
        assert await evidence.export(answer.id, OFFICER, is_open=False)
        assert await evidence.export(asked.id, OFFICER, is_open=False)
        act = evidence.export(answer.id, OFFICER, is_open=True)
        assert await refused(act, RejectedError) == "message_purged"
        code = await refused(told(fed, "XA", "XB", "case.reopen", case=asked.case))
        assert code == "case_purged"


async def test_what_comes_in_a_purged_case_is_kept_out_of_order(tmp_path: Path) -> None:
    """And goes the same way once it is done."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked, _ = await closed(fed)
        await purged(fed, asked.case, "XB")
        again = await told(fed, "XA", "XB", "case.reopen", case=asked.case)
        rooms = fed.nodes[XB].rooms
        (thread,) = (await rooms.cases.read(asked.case, OFFICER)).threads
        assert thread.state == "purged"
        assert [item.id for item in thread.messages if item.out_of_order] == [again.id]
        assert (await fed.read("XB", again.id)).content["language"] == "en"
        walk = fed.nodes[XB].workers.retention.walk
        fed.clocks[XB].ahead_s = LATER_S
        assert await walk() == (0, 0)
        await rooms.inbox.acknowledge(again.id, OFFICER)
        assert await walk() == (0, 1)
        assert await walk() == (0, 0)
        assert await refused(fed.read("XB", again.id), RejectedError) == "message_purged"


async def test_recall_of_what_was_purged_goes_on_and_is_answered(tmp_path: Path) -> None:
    """Along the disclosures, which stay; it says that it had been purged."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        informed = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", informed.id, case=informed.case)
        passed = await passes_on(fed, informed)
        for item in (await fed.inbox("XB")).messages:
            await fed.nodes[XB].rooms.inbox.acknowledge(item.id, OFFICER)
        await purged(fed, informed.case, "XB")
        fault = await outcome_of(passes_on(fed, informed))
        assert isinstance(fault, RejectedError)
        assert fault.code == "message_purged"
        await recall(fed, "XA", "XB", informed)
        said = await report(fed, "XA", "XB")
        assert (said["verdict"], list(said["passed_to"])) == ("complied", ["XC"])
        assert "purged" in str(said["ground"])
        assert await entries(fed, XB, "message.recalled") == [("XA", 2, "purged")]
        act = fed.nodes[MemberId("XC")].rooms.inbox.read(passed.id, OFFICER)
        assert await refused(act, ForbiddenError) == "information_recalled"
        sender, _, message_id = informed.id.rpartition("-")
        found = await fed.nodes[XB].database.read(
            lambda tx: disclosures.of_message(tx, sender, bytes.fromhex(message_id))
        )
        assert len(found) == 1
        await fed.until(lambda: nothing_due(fed, XB))


async def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    """Unknown and running cases, one person alone, another unit, holds, what is under way."""
    async with federation(tmp_path, "XA", "XB") as fed:
        decide, clock = deciding(fed), fed.clocks[XA]
        for case in ("0" * 32, "../etc", "zz", ""):
            code = await refused(decide.restrict(case, EXPIRED, OFFICER), RejectedError)
            assert code == "case_not_found"
        runs = await told(fed, "XA", "XB", "request.information")
        assert await refused(decide.restrict(runs.case, EXPIRED, OFFICER)) == "case_runs"

        asked, _ = await closed(fed)
        assert await refused(decide.purge(asked.case, EXPIRED, RELEASER)) == "case_not_restricted"
        for act in (decide.restrict, decide.keep):
            keep: Any = Keeping(reason=RetentionReason.NEEDED, hold=True)
            order = keep if act == decide.keep else EXPIRED
            assert await refused(act(asked.case, order, FRAUD), ForbiddenError) == "unit_mismatch"
        act = decide.lift(asked.case, EXPIRED, RELEASER)
        assert await refused(act) == "case_not_restricted"
        await decide.restrict(asked.case, EXPIRED, OFFICER)
        assert await refused(decide.restrict(asked.case, EXPIRED, OFFICER)) == "case_stands_so"
        act = decide.lift(asked.case, EXPIRED, OFFICER)
        assert await refused(act, ForbiddenError) == "role_missing"
        await decide.lift(asked.case, EXPIRED, RELEASER)
        await fed.read("XA", asked.id)
        await decide.restrict(asked.case, EXPIRED, BOTH)
        act = decide.purge(asked.case, EXPIRED, OFFICER)
        assert await refused(act, ForbiddenError) == "role_missing"
        assert await refused(decide.purge(asked.case, EXPIRED, RELEASER)) == "case_runs"
        clock.ahead_s = LATER_S
        act = decide.purge(asked.case, EXPIRED, BOTH)
        assert await refused(act, ForbiddenError) == "second_person_needed"

        hold = Keeping(reason=RetentionReason.PROCEEDINGS, reference="T-9/27", hold=True)
        assert (await decide.keep(asked.case, hold, VALUATION)).held
        assert await refused(decide.purge(asked.case, EXPIRED, RELEASER)) == "case_kept"
        day = Keeping(reason=RetentionReason.MISTAKEN, keep_until=day_of(clock.now() + 9 * DAY_S))
        assert (
            await refused(decide.keep(asked.case, day, OFFICER), ForbiddenError) == "role_missing"
        )
        assert not (await decide.keep(asked.case, day, RELEASER)).held
        assert await refused(decide.purge(asked.case, EXPIRED, RELEASER)) == "case_kept"
        clock.ahead_s += 11 * DAY_S
        await decide.purge(asked.case, EXPIRED, RELEASER)
        for act in (decide.purge, decide.restrict, decide.lift):
            assert await refused(act(asked.case, EXPIRED, RELEASER)) == "case_purged"
        assert await refused(decide.keep(asked.case, hold, OFFICER)) == "case_purged"
        assert await entries(fed, XA, "case.reviewed") == [
            ("uid:5", 1, "hold proceedings"), ("uid:9", 1, f"keep {day.keep_until} mistaken"),
        ]  # fmt: skip
        assert len(await entries(fed, XA, "case.restricted")) == 2
        assert await entries(fed, XA, "case.lifted") == [("uid:9", 1, "expired")]


async def test_message_that_comes_while_a_case_is_purged_is_not_lost(tmp_path: Path) -> None:
    """What was read does not fit any more: it looks again, and the new one keeps the case."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked, _ = await closed(fed)
        fed.clocks[XB].ahead_s = LATER_S
        await deciding(fed, "XB").restrict(asked.case, EXPIRED, OFFICER)
        fed.clocks[XB].ahead_s = 0
        burying = deciding(fed, "XB")._burying
        read = burying.stones

        async def late(found: Any) -> Any:
            stones = await read(found)
            await told(fed, "XA", "XB", "information.recall", case=asked.case,
                       saying={"message": asked.id}, in_reply_to=asked.id)  # fmt: skip
            fed.clocks[XB].ahead_s = LATER_S
            burying.stones = read  # type: ignore[method-assign]
            return stones

        burying.stones = late  # type: ignore[method-assign]
        code = await refused(deciding(fed, "XB").purge(asked.case, EXPIRED, RELEASER))
        assert code == "case_under_way"
        assert (await stored(fed, XB, asked.id)).body


async def test_a_refusal_of_a_part_stays_one_when_it_is_purged(tmp_path: Path) -> None:
    """The case went as it went: who holds it whole, its list and what is counted say the same."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", "request.information")
        for seconds, kind, saying in (
            (9, "case.acknowledge", {}), (2 * DAY_S, "case.refuse", {"part": True}),
            (5 * DAY_S, "case.reply", {}),
        ):  # fmt: skip
            for name in (XA, XB):
                fed.clocks[name].ahead_s = seconds
            await told(fed, "XB", "XA", kind, case=asked.case, saying=saying)
        await told(fed, "XA", "XB", "case.close", case=asked.case)
        for item in (await fed.inbox("XA")).messages:
            await fed.nodes[XA].rooms.inbox.acknowledge(item.id, OFFICER)
        month = datetime.fromtimestamp(fed.clocks[XA].now() - 9 * DAY_S, UTC).strftime("%Y-%m")
        counted = [await fed.nodes[name].rooms.trends.times(month, "9999-12") for name in (XA, XB)]
        before = await went(fed, XA, asked.case)

        await purged(fed, asked.case)

        assert await went(fed, XA, asked.case) == before == await went(fed, XB, asked.case)
        assert await fed.nodes[XA].rooms.trends.times(month, "9999-12") == counted[0] == counted[1]
        assert [cell.median_days for cell in counted[0]] == ["0.0", "5.0"]


async def went(fed: Federation, name: MemberId, case: str) -> list[tuple[str, str, bool]]:
    """Return how a case went at a member, by the fold of what it holds."""
    node = fed.nodes[name]

    def look(tx: Transaction) -> list[tuple[str, str, bool]]:
        stored_there = messages.of_cases(tx, [bytes.fromhex(case)])
        events = read_events(tx, node.keys, ALL_KINDS, stored_there)
        (folded,) = folded_threads([*events.values()], name)
        return [(said.event.name, str(said.state), said.out_of_order) for said in folded.said]

    return await node.database.read(look)


async def test_rule_restricts_and_purges_by_itself(tmp_path: Path) -> None:
    """Listed for review first; kept or held nothing happens; each step after its months."""
    rules = {"cases": {"retention": [RetentionSettings(kinds=["request"], **RULE)]}}
    async with federation(tmp_path, "XA", "XB", changes={"XA": rules}) as fed:
        asked, _ = await closed(fed)
        held, _ = await closed(fed)
        node, clock, due = fed.nodes[XA], fed.clocks[XA], CaseQuery(review="due")
        walk = node.workers.retention.walk
        hold = Keeping(reason=RetentionReason.PROCEEDINGS, hold=True)
        await deciding(fed).keep(held.case, hold, OFFICER)
        assert (await node.rooms.cases.page(due, OFFICER)).threads == []
        assert await walk() == (0, 0)

        clock.ahead_s = 33 * DAY_S
        (row,) = (await node.rooms.cases.page(due, OFFICER)).threads
        assert (row.case, row.state, row.flags) == (asked.case, "closed", ["review_due"])
        until = Keeping(reason=RetentionReason.NEEDED, keep_until=day_of(clock.now() + 9 * DAY_S))
        await deciding(fed).keep(asked.case, until, OFFICER)
        assert (await node.rooms.cases.page(due, OFFICER)).threads == []
        assert await walk() == (0, 0)

        clock.ahead_s = 45 * DAY_S
        assert await walk() == (1, 0)
        assert await walk() == (0, 0)
        clock.ahead_s = 110 * DAY_S
        assert await walk() == (0, 1)
        assert await entries(fed, XA, "case.restricted") == [("", 1, "expired")]
        assert await entries(fed, XA, "case.purged") == [("", 3, "expired")]
        await fed.read("XA", held.id)
        kinds = {item.kind for item in await entries_of(node)}
        assert EntryKind.CASE_REVIEWED in kinds


async def test_crash_between_cases_leaves_the_rest_for_the_next_walk(tmp_path: Path) -> None:
    """Each case is a commit of its own."""
    rules = {"cases": {"retention": [RetentionSettings(**RULE)]}}
    async with federation(tmp_path, "XA", "XB", changes={"XA": rules}) as fed:
        cases = {(await closed(fed))[0].case for _ in range(2)}
        node, clock = fed.nodes[XA], fed.clocks[XA]
        clock.ahead_s = 33 * DAY_S
        assert await node.workers.retention.walk() == (2, 0)
        clock.ahead_s = 130 * DAY_S
        burying = deciding(fed)._burying
        read, left = burying.stones, [1]

        async def once(found: Any) -> Any:
            if not left:
                raise RuntimeError("crash")
            left.pop()
            return await read(found)

        burying.stones = once  # type: ignore[method-assign]
        with pytest.raises(RuntimeError):
            await node.workers.retention.walk()
        burying.stones = read  # type: ignore[method-assign]
        shown = await node.rooms.cases.page(CaseQuery(state=CaseState.PURGED), OFFICER)
        assert len(shown.threads) == 1
        assert await node.workers.retention.walk() == (0, 1)
        shown = await node.rooms.cases.page(CaseQuery(state=CaseState.PURGED), OFFICER)
        assert {row.case for row in shown.threads} == cases


def day_of(at: int) -> str:
    """Return the day of a time, in UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()
