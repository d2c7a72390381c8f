"""Events: each thing once, at both sides, for who may know of it, through restarts."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import RejectedError
from gateway.services.caller import Caller
from gateway.services.events.chronicle import KEY_LEAD_S
from gateway.services.events.telling import EventQuery, EventsGoneError, EventView
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.sending.releasing import Declining
from gateway.settings import EventType, Role
from gateway.store import events
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.cases import told
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.releasing import DRAFTER, SECOND, asks, held
from tests.scenarios.test_suspension import resume, suspend

XA, XB, XC = MemberId("XA"), MemberId("XB"), MemberId("XC")
VERIFY = "request.verify_value"
DAY = 86_400


async def happened(
    fed: Federation, member: MemberId, types: str = "", *, after: str = "0", by: Caller = OFFICER
) -> Sequence[EventView]:
    """Return what a member is told of by now."""
    telling = fed.nodes[member].rooms.telling
    query = EventQuery(after=after, types=types, for_s=0)
    start = await telling.start(query, None, by)
    return [view async for _, page in telling.follow(start, query, by) for view in page]


async def shown(fed: Federation, member: MemberId, types: str = "") -> list[tuple[str, str]]:
    """Return types and codes of what a member is told of by now."""
    return [(item.type.value, item.code) for item in await happened(fed, member, types)]


async def begun(fed: Federation) -> None:
    """Let every node's chronicle begin."""
    for node in fed.nodes.values():
        await node.workers.chronicle.look()


async def test_what_happens_is_told_once_at_both_sides(tmp_path: Path) -> None:
    """Received here, delivered there, where the case stands; after a restart nothing is again."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await begun(fed)
        asked = await told(fed, XA, XB, VERIFY)
        await told(fed, XB, XA, "case.acknowledge", case=asked.case)
        first = await happened(fed, XB, "message.received,case.changed")
        await told(fed, XA, XB, "case.remind", case=asked.case)
        kinds = "message.received,message.delivered,case.changed,case.reminded"
        assert sorted(await shown(fed, XA, kinds)) == [
            ("case.changed", "in_progress"), ("case.reminded", ""),
            ("message.delivered", ""), ("message.delivered", ""), ("message.received", ""),
        ]  # fmt: skip
        before = await happened(fed, XB, kinds)
        assert [(item.type.value, item.message) for item in first] == [
            ("message.received", asked.id), ("case.changed", asked.id),
        ]  # fmt: skip
        assert {item.case for item in before} == {asked.case}
        assert {item.member for item in before} == {"XA"}
        assert len({item.id for item in before}) == len(before) == 5
        await fed.stop("XB")
        await fed.start("XB")
        assert await happened(fed, XB, kinds) == before
        assert await happened(fed, XB, kinds, after=before[-2].id) == before[-1:]
        content = {"message", "case", "id", "type", "at", "member", "kind", "code", "due_at"}
        assert set(EventView.__struct_fields__) == content


async def test_events_are_for_who_may_know_of_them(tmp_path: Path) -> None:
    """A unit of its own cases, an operator of keys and members; who has no role of nothing."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        await begun(fed)
        asked = await told(fed, XA, XB, VERIFY, unit="value")
        await suspend(fed, XC)
        await resume(fed, XC)
        value, origin = (
            Caller(name=f"uid:{unit}", roles=frozenset({Role.OFFICER}), unit=unit)
            for unit in ("value", "origin")
        )
        standing = ["member.suspended", "member.resumed"]
        kinds = ",".join(["case.changed", "message.delivered", *standing])
        for by, seen in (
            (OFFICER, ["case.changed", "message.delivered", *standing]),
            (value, ["case.changed", "message.delivered", *standing]),
            (origin, standing),
            (Caller(name="uid:2", roles=frozenset({Role.OPERATOR})), standing),
            (Caller(name="uid:3", roles=frozenset({Role.RELEASER})), []),
        ):
            found = [item.type.value for item in await happened(fed, XA, kinds, by=by)]
            assert sorted(found) == sorted(seen), by
        assert [item.message for item in await happened(fed, XA, kinds, by=value)][:2] == [
            asked.id
        ] * 2
        nobody = Caller(name="uid:9", roles=frozenset())
        fault = await outcome_of(happened(fed, XA, by=nobody))
        assert fault.code == "role_missing"


async def test_dates_are_told_once_at_both_sides_and_move_with_the_case(tmp_path: Path) -> None:
    """Due soon, overdue, lapsed; another date is told anew, and an answer ends it."""
    patient = {"registry": {"refuse_after_s": 60 * DAY}}
    async with federation(tmp_path, "XA", "XB", changes={"XA": patient, "XB": patient}) as fed:
        await begun(fed)
        dates = "case.due_soon,case.overdue,case.lapsed"
        asked = await told(fed, XA, XB, VERIFY)

        def pass_days(count: int) -> None:
            for name in fed.nodes:
                fed.clocks[name].ahead_s += count * DAY

        assert await shown(fed, XA, dates) == []
        pass_days(10)
        overdue = [("case.overdue", "acknowledge")]
        for name in (XA, XB, XA, XB):
            assert await shown(fed, name, dates) == overdue
        (late,) = await happened(fed, XA, dates)
        assert (late.member, late.case, late.message) == ("XB", asked.case, asked.id)
        await told(fed, XB, XA, "case.acknowledge", case=asked.case)
        new = (datetime.fromtimestamp(fed.clocks[XB].now(), UTC) + timedelta(days=10)).date()
        await told(fed, XB, XA, "case.extend", case=asked.case, saying={"due_on": new.isoformat()})
        pass_days(4)
        for name in (XA, XB):
            assert await shown(fed, name, dates) == [*overdue, ("case.due_soon", "answer")]
        pass_days(8)
        late_too = [("case.overdue", "answer"), ("case.lapsed", "answer")]
        for name in (XA, XB, XA):
            assert (await shown(fed, name, dates))[2:] == late_too
        await told(fed, XB, XA, "case.reply", case=asked.case)
        pass_days(3)
        for name in (XA, XB):
            assert len(await shown(fed, name, dates)) == 4
            assert (await shown(fed, name, "case.changed"))[-1] == ("case.changed", "answered")


async def test_what_is_over_and_what_ends_soon_is_told(tmp_path: Path) -> None:
    """A message that expired, one that was withdrawn, a key before its end."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await begun(fed)
        fed.cut = {(XA, XB)}
        gone = await fed.send("XA", "XB", expires_in_s=1)
        taken = await fed.send("XA", "XB")

        async def queued() -> bool:
            return await fed.state("XA", taken.id) == "queued"

        await fed.until(queued)
        await fed.nodes[XA].rooms.delivery.withdraw(taken.id, OFFICER)
        fed.clocks[XA].ahead_s += 5
        await fed.nodes[XA].workers.sweep()
        ended = await happened(fed, XA, "message.expired,message.withdrawn")
        assert sorted((item.type.value, item.message) for item in ended) == [
            ("message.expired", gone.id), ("message.withdrawn", taken.id),
        ]  # fmt: skip
        report = fed.nodes[XA].rooms.key_report
        end = min(report.ends().values())
        fed.clocks[XA].ahead_s += end - KEY_LEAD_S - fed.clocks[XA].now() + 1
        last = max((item.id for item in ended), key=int)
        soon = await happened(fed, XA, "key.expiring", after=last)
        assert end in {item.due_at for item in soon}
        assert await happened(fed, XA, "key.expiring", after=last) == soon


async def test_what_is_not_kept_any_more_is_said(tmp_path: Path) -> None:
    """410 names where to go on; so does an id that is still to come."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await begun(fed)
        for _ in range(3):
            await told(fed, XB, XA, VERIFY)
        whole = await happened(fed, XA)
        node = fed.nodes[XA]
        gone = await node.database.write(lambda tx: events.prune(tx, fed.clocks[XA].now() + 1))
        assert gone == len(whole) - 1
        for after, place in (("0", int(whole[-2].id)), ("99999", int(whole[-1].id))):
            fault = await outcome_of(happened(fed, XA, after=after))
            assert isinstance(fault, EventsGoneError)
            assert (fault.code, fault.go_on_after) == ("events_gone", str(place))
        assert await happened(fed, XA, after=whole[-2].id) == whole[-1:]
        for wrong in ("message.receivd", "message.received;case.changed"):
            assert isinstance(await outcome_of(happened(fed, XA, wrong)), RejectedError)


@pytest.mark.parametrize("kind", EventType)
def test_every_type_has_its_listeners(kind: EventType) -> None:
    """By role; nobody is told by default."""
    from gateway.services.events.telling import SEEN_BY  # noqa: PLC0415 - the table under test

    assert SEEN_BY[kind]


def test_the_page_of_the_operator_lists_every_type() -> None:
    """Each once, with when it is told."""
    page = (Path(__file__).parents[2] / "gateway" / "OPERATIONS.md").read_text(encoding="utf-8")
    table = page.partition("| type | told when |")[2].partition("\n\n")[0]
    first = "\n".join(line.split("|")[1] for line in table.splitlines()[2:])
    listed, noun = [], ""
    for said, verb in re.findall(r"`([a-z]*)\.([a-z_]+)`", first):
        noun = said or noun
        listed.append(f"{noun}.{verb}")
    assert sorted(listed) == sorted(EventType)


async def test_the_node_reminds_by_itself_where_it_is_told_to(tmp_path: Path) -> None:
    """Once for each date, in the unit of the request; not where a person did, nor as the asked."""
    patient = {"registry": {"refuse_after_s": 60 * DAY}, "cases": {"remind_after_days": 2}}
    async with federation(tmp_path, "XA", "XB", changes={"XA": patient, "XB": patient}) as fed:
        await begun(fed)
        asked = await told(fed, XA, XB, VERIFY, unit="value")
        other = await told(fed, XA, XB, VERIFY)

        async def remind() -> list[str]:
            for name in (XA, XB):
                await fed.nodes[name].workers.chronicle.look()
                await fed.nodes[name].workers.reminding.remind()
            page = await fed.nodes[XA].rooms.inbox.page(
                MessageQuery(kind="case.remind", direction="out"), OFFICER
            )
            return [item.case for item in page.messages]

        assert await remind() == []
        for name in fed.nodes:
            fed.clocks[name].ahead_s += 10 * DAY
        await told(fed, XA, XB, "case.remind", case=other.case)
        for _ in range(3):
            assert sorted(await remind()) == sorted([other.case, asked.case])
        value = Caller(name="uid:7", roles=frozenset({Role.OFFICER}), unit="value")
        seen = await fed.nodes[XA].rooms.inbox.page(MessageQuery(kind="case.remind"), value)
        assert [item.case for item in seen.messages] == [asked.case]
        status = await fed.nodes[XB].rooms.health.status()
        assert (status.cases.overdue, status.cases.overdue_here, status.cases.due) == (2, 2, 0)
        await told(fed, XB, XA, "case.reply", case=other.case)
        await told(fed, XB, XA, "case.acknowledge", case=asked.case)
        await fed.nodes[XA].workers.chronicle.look()
        status = await fed.nodes[XA].rooms.health.status()
        assert (status.cases.overdue, status.cases.due, status.cases.lapsed) == (0, 1, 0)
        assert len(await remind()) == 2


async def test_what_waits_for_a_second_person_is_told_to_who_may_release(tmp_path: Path) -> None:
    """That it waits and what became of it, once; in a unit of its own alone."""
    async with federation(tmp_path, "XA", "XB", changes=asks()) as fed:
        await begun(fed)
        kinds = "message.awaiting_release,message.released,message.declined,message.withdrawn"
        rooms = fed.nodes[XA].rooms
        first, second, third = [await held(fed, unit="value") for _ in range(3)]
        waiting = [(EventType.MESSAGE_AWAITING_RELEASE, item.id) for item in (first, second, third)]

        async def seen(by: Caller) -> list[tuple[EventType, str]]:
            return [(item.type, item.message) for item in await happened(fed, XA, kinds, by=by)]

        assert await seen(SECOND) == waiting
        await rooms.releasing.release(first.id, SECOND)
        await rooms.releasing.decline(second.id, Declining(reason="No."), SECOND)
        await rooms.releasing.withdraw(third.id, DRAFTER, None)
        value, origin = (
            Caller(name=f"uid:{unit}", roles=frozenset({Role.RELEASER}), unit=unit)
            for unit in ("value", "origin")
        )
        ended = {
            (EventType.MESSAGE_RELEASED, first.id), (EventType.MESSAGE_DECLINED, second.id),
        }  # fmt: skip
        assert {*await seen(value)} == {*waiting, *ended}
        assert await seen(origin) == []
        assert {*await seen(DRAFTER)} == {
            *waiting, *ended, (EventType.MESSAGE_WITHDRAWN, third.id),
        }  # fmt: skip
        assert len(await seen(DRAFTER)) == 6
