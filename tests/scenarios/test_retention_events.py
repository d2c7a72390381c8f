"""Events of retention: a review that is due, and what was decided; once, and of no content."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from gateway.cases.threads.retention import RetentionReason
from gateway.services.caller import Caller
from gateway.services.events.chronicle import DEEP_SLACK_S
from gateway.services.events.telling import EventView
from gateway.services.retention.deciding import Keeping
from gateway.settings import EventType, RetentionSettings, Role
from gateway.store.database import Transaction
from keys.suite import MemberId
from tests.scenarios.cases import told
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_events import begun, happened, shown
from tests.scenarios.test_retention import (
    DAY_S,
    EXPIRED,
    FRAUD,
    LATER_S,
    RELEASER,
    RULE,
    VALUATION,
    closed,
    day_of,
    deciding,
    purged,
)  # fmt: skip

XA, XB = MemberId("XA"), MemberId("XB")
DECISIONS = "case.kept,case.held,case.restricted,case.lifted,case.purged"
WHOLE = f"case.review_due,{DECISIONS}"


def ruled(**changes: Any) -> dict[str, Any]:
    """Return settings with a rule, and with events that are kept for as long as a test looks."""
    rule = RetentionSettings(**{"review_months": 1, **changes})
    return {"cases": {"retention": [rule]}, "events": {"kept_days": 366}}


async def dues(fed: Federation, name: MemberId) -> list[int]:
    """Return when reviews fell due, as a member is told by now."""
    return [item.at for item in await happened(fed, name, "case.review_due")]


async def test_a_review_is_told_once_at_both_sides_and_again_at_another_date(
    tmp_path: Path,
) -> None:
    """At its day, through a restart; put off by a day it is told then, and on a hold never."""
    rules = {"XA": ruled(), "XB": ruled(review_months=2)}
    async with federation(tmp_path, "XA", "XB", changes=rules) as fed:
        await begun(fed)
        asked, _ = await closed(fed)
        clock, decide = fed.clocks[XA], deciding(fed)
        assert await dues(fed, XA) == await dues(fed, XB) == []
        for name in fed.nodes:
            fed.clocks[name].ahead_s = 33 * DAY_S
        (due,) = await happened(fed, XA, "case.review_due")
        assert (due.case, due.message, due.member) == (asked.case, asked.id, "XB")
        assert (due.kind, due.code, due.due_at) == ("request.information", "", None)
        (thread,) = (await fed.nodes[XA].rooms.cases.read(asked.case, OFFICER)).threads
        assert due.at == thread.review_at
        assert await dues(fed, XB) == []  # by its own terms later
        fed.clocks[XB].ahead_s = 65 * DAY_S
        assert len(await dues(fed, XB)) == 1
        await fed.stop("XA")
        await fed.start("XA")
        decide = deciding(fed)
        assert await happened(fed, XA, "case.review_due") == [due]

        until = Keeping(reason=RetentionReason.NEEDED, keep_until=day_of(clock.now() + 9 * DAY_S))
        kept = await decide.keep(asked.case, until, OFFICER)
        clock.ahead_s += 8 * DAY_S
        assert await dues(fed, XA) == [due.at]
        clock.ahead_s += 2 * DAY_S
        assert await dues(fed, XA) == [due.at, kept.keep_until]

        hold = Keeping(reason=RetentionReason.PROCEEDINGS, hold=True)
        await decide.keep(asked.case, hold, OFFICER)
        clock.ahead_s += 90 * DAY_S
        assert await dues(fed, XA) == [due.at, kept.keep_until]
        until = Keeping(reason=RetentionReason.NEEDED, keep_until=day_of(clock.now() + DAY_S))
        freed = await decide.keep(asked.case, until, RELEASER)
        clock.ahead_s += 2 * DAY_S
        for _ in range(2):
            assert await dues(fed, XA) == [due.at, kept.keep_until, freed.keep_until]
        told_of = [(item.type, item.code, item.due_at) for item in await happened(fed, XA, WHOLE)]
        assert told_of == [
            (EventType.CASE_REVIEW_DUE, "", None), (EventType.CASE_KEPT, "needed", kept.keep_until),
            (EventType.CASE_REVIEW_DUE, "", None), (EventType.CASE_HELD, "proceedings", None),
            (EventType.CASE_KEPT, "needed", freed.keep_until),
            (EventType.CASE_REVIEW_DUE, "", None),
        ]  # fmt: skip
        assert len(await dues(fed, XB)) == 1


async def test_a_review_that_somebody_put_off_in_time_is_told_at_that_date_alone(
    tmp_path: Path,
) -> None:
    """Kept before its day, held before its day, restricted before its day."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": ruled()}) as fed:
        await begun(fed)
        cases = [(await closed(fed))[0].case for _ in range(3)]
        clock, decide = fed.clocks[XA], deciding(fed)
        day = day_of(clock.now() + 50 * DAY_S)
        until = Keeping(reason=RetentionReason.NEEDED, keep_until=day)
        kept = await decide.keep(cases[0], until, OFFICER)
        hold = Keeping(reason=RetentionReason.ORDERED, hold=True)
        await decide.keep(cases[1], hold, OFFICER)
        await decide.restrict(cases[2], EXPIRED, OFFICER)
        clock.ahead_s = 40 * DAY_S
        assert await dues(fed, XA) == []
        clock.ahead_s = 55 * DAY_S
        (due,) = await happened(fed, XA, "case.review_due")
        assert (due.case, due.at) == (cases[0], kept.keep_until)
        await decide.lift(cases[2], EXPIRED, RELEASER)
        clock.ahead_s += 120
        (_, due) = await happened(fed, XA, "case.review_due")
        decided = (await fed.nodes[XA].rooms.cases.read(cases[2], OFFICER)).retention
        assert decided is not None
        assert (due.case, due.at) == (cases[2], decided.stands_since)


async def test_what_is_decided_between_two_looks_is_told_as_it_stands(tmp_path: Path) -> None:
    """Restricted and lifted again: that it is open; as a state is told that a case came into."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await begun(fed)
        asked, _ = await closed(fed)
        async with fed.nodes[XA].workers.chronicle._turn:  # nobody looks meanwhile
            await deciding(fed).restrict(asked.case, EXPIRED, OFFICER)
            await deciding(fed).lift(asked.case, EXPIRED, RELEASER)
        assert await shown(fed, XA, WHOLE) == [("case.lifted", "expired")]


async def test_what_is_decided_is_told_once_and_to_who_may_know(tmp_path: Path) -> None:
    """To officers, auditors and releasers, of a unit its own; a restart between changes nothing."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": ruled(), "XB": ruled()}) as fed:
        await begun(fed)
        asked, _ = await closed(fed)
        clock = fed.clocks[XA]
        await deciding(fed).restrict(asked.case, EXPIRED, OFFICER)
        await fed.stop("XA")  # before anybody looked
        await fed.start("XA")
        restricted = [("case.restricted", "expired")]
        for _ in range(2):
            assert await shown(fed, XA, WHOLE) == restricted
        clock.ahead_s = LATER_S
        await deciding(fed).lift(asked.case, EXPIRED, RELEASER)
        assert (await shown(fed, XA, DECISIONS))[1:] == [("case.lifted", "expired")]
        clock.ahead_s += 5
        await purged_again(fed, asked.case)
        story = [*restricted, ("case.lifted", "expired"), *restricted, ("case.purged", "expired")]
        assert await shown(fed, XA, DECISIONS) == story
        await fed.stop("XA")
        await fed.start("XA")
        assert await shown(fed, XA, DECISIONS) == story
        assert await shown(fed, XB, DECISIONS) == []

        auditor = Caller(name="uid:3", roles=frozenset({Role.AUDITOR}))
        operator = Caller(name="uid:2", roles=frozenset({Role.OPERATOR}))
        other = Caller(name="uid:8", roles=frozenset({Role.RELEASER}), unit="fraud")
        for by, seen in (
            (RELEASER, 4), (auditor, 4), (VALUATION, 4), (FRAUD, 0), (other, 0), (operator, 0),
        ):  # fmt: skip
            found = await happened(fed, XA, DECISIONS, by=by)
            assert (by, len(found)) == (by, seen)
            assert {item.case for item in found} <= {asked.case}


async def purged_again(fed: Federation, case: str) -> None:
    """Restrict and purge a case now, and look in between."""
    await deciding(fed).restrict(case, EXPIRED, OFFICER)
    await fed.nodes[XA].workers.chronicle.look()
    await deciding(fed).purge(case, EXPIRED, RELEASER)


async def test_a_node_of_an_older_version_begins_with_what_is_decided_since(
    tmp_path: Path,
) -> None:
    """Its other looks stand where they were; what was decided before is no news."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await begun(fed)
        asked, _ = await closed(fed)
        hold = Keeping(reason=RetentionReason.ORDERED, hold=True)
        await deciding(fed).keep(asked.case, hold, OFFICER)
        await deciding(fed).restrict(asked.case, EXPIRED, OFFICER)
        before = await happened(fed, XA, "message.received,message.delivered")

        def age(tx: Transaction) -> None:
            """Let nothing be there of what this version brought."""
            tx.execute(text("DELETE FROM event_cursors WHERE name IN ('decided', 'kept')"))
            tx.execute(text("DELETE FROM events WHERE type IN ('case.held', 'case.restricted')"))

        node = fed.nodes[XA]
        async with node.workers.chronicle._turn:  # nobody looks meanwhile
            fed.clocks[XA].ahead_s = 2 * DEEP_SLACK_S
            await node.database.write(age)
        assert await shown(fed, XA, WHOLE) == []
        await deciding(fed).lift(asked.case, EXPIRED, RELEASER)
        assert await shown(fed, XA, WHOLE) == [("case.lifted", "expired")]
        assert await happened(fed, XA, "message.received,message.delivered") == before


async def test_the_event_of_a_purge_names_no_more_than_the_tombstone(tmp_path: Path) -> None:
    """Who, whom, which kind and when; what comes afterwards tells of no state."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await begun(fed)
        asked, _ = await closed(fed)
        await fed.nodes[XB].workers.chronicle.look()
        done = await purged(fed, asked.case, "XB")
        (event,) = await happened(fed, XB, "case.purged")
        shown_case = await fed.nodes[XB].rooms.cases.read(asked.case, OFFICER)
        assert shown_case.retention is not None
        assert event == EventView(
            id=event.id, type=EventType.CASE_PURGED, at=shown_case.retention.stands_since,
            message=shown_case.tombstones[0].id, case=done.case, member="XA",
            kind=shown_case.threads[0].kind, code="expired",
        )  # fmt: skip
        before = await shown(fed, XB, "case.changed")
        await told(fed, "XA", "XB", "case.reopen", case=asked.case)
        assert await shown(fed, XB, "case.changed") == before


async def test_what_becomes_of_a_case_by_itself_is_told(tmp_path: Path) -> None:
    """Its review or its restriction, whichever comes first; its purge; and its opening again."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": ruled(**RULE)}) as fed:
        await begun(fed)
        asked, _ = await closed(fed)
        again, _ = await closed(fed)
        for name in (XA, XB):
            await deciding(fed, name).restrict(again.case, EXPIRED, OFFICER)
            fed.clocks[name].ahead_s = 2
        await begun(fed)
        await told(fed, "XA", "XB", "case.reopen", case=again.case)
        for name in (XA, XB):
            assert await shown(fed, name, WHOLE) == [
                ("case.restricted", "expired"), ("case.lifted", "reopened"),
            ]  # fmt: skip
        walk = fed.nodes[XA].workers.retention.walk
        fed.clocks[XA].ahead_s = 33 * DAY_S
        assert (await shown(fed, XA, WHOLE))[2:] == [("case.review_due", "")]
        assert await walk() == (1, 0)
        assert (await shown(fed, XA, WHOLE))[3:] == [("case.restricted", "expired")]
        fed.clocks[XA].ahead_s = 130 * DAY_S
        assert await walk() == (0, 1)
        for _ in range(2):
            last = (await happened(fed, XA, WHOLE))[4:]
            assert [(item.type, item.code) for item in last] == [(EventType.CASE_PURGED, "expired")]
        assert {item.case for item in last} == {asked.case}
