"""Cases between two nodes: one state on both sides, and what the state does not allow."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete

from gateway.cases.kinds import ALL_KINDS
from gateway.cases.threads.clocks import Task
from gateway.cases.threads.event import Side
from gateway.cases.threads.thread import State
from gateway.cli.demo.story import reply
from gateway.errors import ConflictError
from gateway.services.caller import Caller
from gateway.services.casework.cases import CaseQuery, Cases
from gateway.services.sending.submission import Submission
from gateway.settings import CasesSettings, InstrumentSettings, Role
from gateway.store import messages
from gateway.store.schema import case_folding, threads
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.cases import say, told
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import delivered

XA, XB = MemberId("XA"), MemberId("XB")
VERIFY = "request.verify_value"


async def refused(fed: Federation, sender: str, to: str, kind: str, case: str) -> str:
    """Try to say something; return why that is refused, after a look that nothing was kept."""
    node = fed.nodes[MemberId(sender)]
    before = await node.database.read(messages.counts)
    with pytest.raises(ConflictError) as caught:
        await say(fed, sender, to, kind, case=case)
    assert await node.database.read(messages.counts) == before
    return caught.value.code


async def test_a_state_refuses_what_it_does_not_allow(tmp_path: Path) -> None:
    """At the sender, by name, with nothing kept; and the next number is not lost."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        asked = await told(fed, "XA", "XB", "request.verify_value")
        for sender, to, kind in (
            ("XA", "XB", "case.supplement"),
            ("XA", "XB", "case.close"),
            ("XB", "XA", "case.resume"),
            ("XB", "XA", "case.withdraw"),
            ("XB", "XC", "case.reply"),
            ("XA", "XC", "case.remind"),
        ):
            assert await refused(fed, sender, to, kind, asked.case) == "not_in_this_state"
        answered = await told(fed, "XB", "XA", "case.reply", case=asked.case)
        shown = await fed.read("XB", answered.id)
        assert (shown.seq, shown.in_reply_to) == (1, asked.id)
        assert await refused(fed, "XB", "XA", "case.reply", asked.case) == "not_in_this_state"
        closed = await told(fed, "XA", "XB", "case.close", case=asked.case)
        assert (await fed.read("XA", closed.id)).in_reply_to == answered.id


async def test_one_batch_is_held_against_itself(tmp_path: Path) -> None:
    """The second of two replies is refused though the first is not stored yet."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", "request.verify_value")
        twice = [msgspec.convert(reply(asked.id), Submission)] * 2
        first, second = await fed.nodes[XB].rooms.exchange.submit(twice, OFFICER)
        assert not isinstance(first, Exception)
        assert isinstance(second, ConflictError)
        assert second.code == "not_in_this_state"


async def test_what_would_be_read_too_early_is_refused(tmp_path: Path) -> None:
    """A reply that names the request, after a supplement that its sender has seen."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", "request.verify_value")
        await told(fed, "XA", "XB", "case.remind", case=asked.case)
        await told(fed, "XB", "XA", "case.clarify", case=asked.case)
        supplied = await told(fed, "XA", "XB", "case.supplement", case=asked.case)
        with pytest.raises(ConflictError) as caught:
            await say(fed, "XB", "XA", "case.reply", in_reply_to=asked.id)
        assert (caught.value.code, supplied.id in caught.value.detail) == ("not_the_newest", True)
        answered = await told(fed, "XB", "XA", "case.reply", case=asked.case)
        assert (await fed.read("XB", answered.id)).in_reply_to == supplied.id


async def test_a_recall_answers_what_it_takes_back(tmp_path: Path) -> None:
    """Whether that is said twice, or once; a recall that says two things is refused."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", VERIFY)
        answered = await told(fed, "XB", "XA", "case.reply", case=asked.case)
        saying = {"message": answered.id}
        two = say(fed, "XB", "XA", "information.recall", in_reply_to=asked.id, saying=saying)
        fault = await outcome_of(two)
        assert [(item.pointer, item.code) for item in fault.faults] == [
            ("/in_reply_to", "conflict")
        ]
        recalled = await told(fed, "XB", "XA", "information.recall", saying=saying)
        assert (await fed.read("XB", recalled.id)).in_reply_to == answered.id
        for member in (XA, XB):
            (thread,) = (await fed.nodes[member].rooms.cases.read(asked.case, OFFICER)).threads
            assert (thread.state, thread.recalled) == (State.ANSWERED, [answered.id])
            assert "recalled" in thread.flags


async def test_several_asked_in_one_case_have_threads_of_their_own(tmp_path: Path) -> None:
    """And one is asked later; who is asked already is not asked again."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        asked = await told(fed, "XA", "XB", "request.verify_value")
        await told(fed, "XA", "XC", "request.verify_value", case=asked.case)
        await told(fed, "XC", "XA", "case.refuse", case=asked.case, saying={"part": False})
        assert await refused(fed, "XC", "XA", "case.acknowledge", asked.case)
        assert await refused(fed, "XA", "XB", "request.verify_value", asked.case)
        await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)


async def seen(fed: Federation, member: str, case: str) -> list[tuple[str, str, str, list[str]]]:
    """Return (asker, asked, state, names in order) of each thread of a case, as a member has it."""
    shown = await fed.nodes[MemberId(member)].rooms.cases.read(case, OFFICER)
    return [
        (item.asker, item.asked, item.state, [said.id for said in item.messages])
        for item in shown.threads
    ]


async def test_both_sides_see_one_state(tmp_path: Path) -> None:
    """Step by step, from the request to its closing, in the case and in the list."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", "request.verify_value")
        for sender, to, kind, state in (
            ("XB", "XA", "case.acknowledge", State.IN_PROGRESS),
            ("XB", "XA", "case.clarify", State.INCOMPLETE),
            ("XA", "XB", "case.supplement", State.IN_PROGRESS),
            ("XB", "XA", "case.conditions", State.CONDITIONS),
            ("XA", "XB", "case.accept_conditions", State.IN_PROGRESS),
            ("XB", "XA", "case.partial_reply", State.PARTIAL),
            ("XB", "XA", "case.postpone", State.POSTPONED),
            ("XB", "XA", "case.resume", State.PARTIAL),
            ("XB", "XA", "case.reply", State.ANSWERED),
            ("XA", "XB", "case.close", State.CLOSED),
        ):
            await told(fed, sender, to, kind, case=asked.case)
            here, there = await seen(fed, "XA", asked.case), await seen(fed, "XB", asked.case)
            assert here == there
            assert here[0][:3] == ("XA", "XB", state)
            for member in (XA, XB):
                page = await fed.nodes[member].rooms.cases.page(CaseQuery(show="all"), OFFICER)
                assert [item.state for item in page.threads] == [state]
        assert len(here[0][3]) == 11


async def test_both_sides_see_what_is_no_state(tmp_path: Path) -> None:
    """That a request was delivered, and that it lies with the authority that is competent."""

    async def flags(case: str) -> list[list[str]]:
        found = []
        for member in ("XA", "XB"):
            cases = fed.nodes[MemberId(member)].rooms.cases
            (thread,) = (await cases.read(case, OFFICER)).threads
            found.append(thread.flags)
        return found

    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", "request.information", saying={"urgent": False})
        for sender, to, kind, seen in (
            ("", "", "", ["delivered"]),
            ("XB", "XA", "case.acknowledge", []),
            ("XB", "XA", "case.transfer", ["transferred"]),
            ("XB", "XA", "case.interim", ["transferred"]),
            ("XB", "XA", "case.reply", []),
        ):
            if kind:
                await told(fed, sender, to, kind, case=asked.case)
            assert await flags(asked.case) == [seen, seen]


async def test_what_crosses_is_kept_on_both_sides(tmp_path: Path) -> None:
    """A withdrawal and a reply pass each other: one state, one mark, both receipted."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", "request.verify_value")
        await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
        fed.cut |= {(XA, XB), (XB, XA)}
        answered = await say(fed, "XB", "XA", "case.reply", case=asked.case)
        withdrawn = await say(fed, "XA", "XB", "case.withdraw", case=asked.case)
        fed.cut.clear()
        for sender, sent in (("XB", answered), ("XA", withdrawn)):
            await fed.until(lambda s=sender, m=sent.id: delivered(fed, s, m))
        for member in (XA, XB):
            (thread,) = (await fed.nodes[member].rooms.cases.read(asked.case, OFFICER)).threads
            assert thread.state == State.WITHDRAWN
            assert [said.id for said in thread.messages if said.out_of_order] == [answered.id]
            assert thread.out_of_order == 1


async def test_the_list_begins_with_what_is_due_first(tmp_path: Path) -> None:
    """With who must act and when; late ones alone when asked for; nothing is due once answered."""
    async with federation(tmp_path, "XA", "XB") as fed:
        rooms = fed.nodes[XA].rooms
        urgent = await told(fed, "XA", "XB", VERIFY, saying={"urgent": True, "made_orally": True})
        usual = await told(fed, "XA", "XB", VERIFY)
        done = await told(fed, "XA", "XB", VERIFY)
        await told(fed, "XB", "XA", "case.reply", case=done.case)
        page = await rooms.cases.page(CaseQuery(), OFFICER, "fr")
        assert [item.case for item in page.threads] == [urgent.case, usual.case, done.case]
        first, _, third = page.threads
        assert first.due is not None
        assert (first.due.task, first.due.label, first.due.by, first.due.at) == (
            Task.ACKNOWLEDGE, "accuser réception", "XB", first.opened_at + 8 * 3600,
        )  # fmt: skip
        oral = "oral_to_be_confirmed"
        assert [item.flags for item in page.threads] == [
            ["urgent", oral, "delivered"], ["delivered"], [],
        ]  # fmt: skip
        assert (third.state_label, third.due) == ("réponse donnée", None)
        (detail,) = (await rooms.cases.read(urgent.case, OFFICER)).threads
        told_at = [(item.to, item.at - first.opened_at) for item in detail.reminders]
        assert told_at == [("XB", 4 * 3600), ("XB", 8 * 3600), ("XA", 8 * 3600)]
        assert [item.is_late for item in detail.reminders] == [False, True, True]
        fed.clocks[XA].ahead_s = 8 * 3600 + 60
        late = await rooms.cases.page(CaseQuery(show="overdue"), OFFICER)
        assert [(item.case, item.flags) for item in late.threads] == [
            (urgent.case, ["urgent", oral, "overdue", "delivered"])
        ]
        fed.clocks[XA].ahead_s = 200 * 86_400
        late = await rooms.cases.page(CaseQuery(role=Side.ASKER), OFFICER)
        assert ["lapsed" in item.flags for item in late.threads] == [True, True, False]
        assert not (await rooms.cases.page(CaseQuery(role=Side.ASKED), OFFICER)).threads


async def test_pages_follow_each_other(tmp_path: Path) -> None:
    """Every thread once, whatever the size of a page."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = [await say(fed, "XA", "XB", VERIFY) for _ in range(5)]
        found, cursor = [], None
        for _ in range(3):
            query = CaseQuery(limit=2, cursor=cursor)
            page = await fed.nodes[XA].rooms.cases.page(query, OFFICER)
            found += [item.case for item in page.threads]
            cursor = page.cursor
        assert sorted(found) == sorted(item.case for item in sent)
        page = await fed.nodes[XA].rooms.cases.page(CaseQuery(cursor=cursor), OFFICER)
        assert (page.threads, page.cursor) == ([], cursor)


async def test_the_copy_is_made_again_from_the_messages(tmp_path: Path) -> None:
    """By other terms, or after it was lost: the same threads, with other dates."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", VERIFY, saying={"reply_by": "2099-12-31"})
        await told(fed, "XB", "XA", "case.acknowledge", case=asked.case, saying={"due_on": None})
        node = fed.nodes[XA]
        (before,) = (await node.rooms.cases.page(CaseQuery(), OFFICER)).threads
        await node.database.write(lambda tx: tx.execute(delete(threads)))
        await node.database.write(lambda tx: tx.execute(delete(case_folding)))
        assert (await node.rooms.cases.page(CaseQuery(), OFFICER)).threads == [before]
        longer = InstrumentSettings(name="XA–XB agreement", members=["XA", "XB"], execute_months=9)
        cases = CasesSettings(instruments=[longer])
        again = Cases(
            node.database,
            node.keys,
            outlined=lambda _: None,
            kinds=ALL_KINDS,
            clock=fed.clocks[XA],
            settings=cases,
        )
        (after,) = (await again.page(CaseQuery(), OFFICER)).threads
        assert before.due is not None
        assert after.due is not None
        assert (after.state, after.case) == (before.state, before.case)
        assert 270 < (after.due.at - after.opened_at) / 86_400 < 280
        assert 89 < (before.due.at - before.opened_at) / 86_400 < 94


async def test_cases_are_shown_to_who_may_see_them(tmp_path: Path) -> None:
    """A unit sees its own; who has no role sees none; and what is not here is not found."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fraud = await told(fed, "XA", "XB", VERIFY, unit="fraud")
        await told(fed, "XA", "XB", VERIFY, unit="origin")
        cases = fed.nodes[XA].rooms.cases
        caller = Caller(name="uid:7", roles=frozenset({Role.OFFICER}), unit="fraud")
        page = await cases.page(CaseQuery(), caller)
        assert [item.case for item in page.threads] == [fraud.case]
        assert (await cases.read(fraud.case, caller)).case == fraud.case
        other = Caller(name="uid:8", roles=frozenset({Role.OFFICER}), unit="origin")
        nobody = Caller(name="uid:9", roles=frozenset())
        for who, case, code in (
            (other, fraud.case, "unit_mismatch"),
            (nobody, fraud.case, "role_missing"),
            (OFFICER, "00" * 16, "case_not_found"),
            (OFFICER, "no case", "case_not_found"),
        ):
            assert (await outcome_of(cases.read(case, who))).code == code
        assert (await outcome_of(cases.page(CaseQuery(), nobody))).code == "role_missing"


async def test_what_cannot_be_opened_still_counts(tmp_path: Path) -> None:
    """A kind that is not known here any more: the state stands, by what lies in the clear."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", VERIFY)
        await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
        before = await seen(fed, "XA", asked.case)
        node = fed.nodes[XA]
        fewer = {name: kind for name, kind in ALL_KINDS.items() if not name.startswith("case.")}
        settings = CasesSettings()
        forgetful = Cases(
            node.database,
            node.keys,
            outlined=lambda _: None,
            kinds=fewer,
            clock=fed.clocks[XA],
            settings=settings,
        )
        (thread,) = (await forgetful.read(asked.case, OFFICER)).threads
        assert (thread.state, [item.id for item in thread.messages]) == before[0][2:]
        assert thread.messages[1].label == "case.acknowledge"


async def test_messages_beside_the_threads_are_shown(tmp_path: Path) -> None:
    """XB sees the request to XC in its case, and nothing of what XC says."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        asked = await told(fed, "XA", "XB", VERIFY, to=["XB", "XC"])
        refusal = await told(
            fed, "XC", "XA", "case.refuse", case=asked.case, saying={"part": False}
        )
        states = {item[1]: item[2] for item in await seen(fed, "XA", asked.case)}
        assert states == {"XB": State.SUBMITTED, "XC": State.REFUSED}
        shown = await fed.nodes[XB].rooms.cases.read(asked.case, OFFICER)
        assert [(item.asked, item.out_of_order) for item in shown.threads] == [("XB", 0)]
        await told(fed, "XB", "XC", VERIFY, case=asked.case)
        assert [item[:3] for item in await seen(fed, "XB", asked.case)] == [
            ("XA", "XB", State.SUBMITTED), ("XB", "XC", State.SUBMITTED),
        ]  # fmt: skip
        shown = await fed.nodes[XA].rooms.cases.read(asked.case, OFFICER)
        assert refusal.id in [said.id for said in shown.threads[1].messages]
        assert shown.others == []
