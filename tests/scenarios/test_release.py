"""Two-person release: what policy asks a second person for goes when that person lets it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.cli.demo.story import request
from gateway.errors import ConflictError, ForbiddenError, RejectedError
from gateway.faults import FaultsError, convert
from gateway.services.caller import Caller
from gateway.services.casework.cases import CaseQuery
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.sending.releasing import Declining
from gateway.services.sending.submission import Submission
from gateway.settings import CeilingSettings, ReleaseSettings, Role
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.cases import say, told
from tests.scenarios.federation import OFFICER, Federation, federation, recorded
from tests.scenarios.releasing import (
    BOTH,
    DRAFTER,
    REQUESTS,
    SECOND,
    THIRD,
    XA,
    XB,
    asks,
    draft,
    entries,
    held,
    state_of,
    stored,
    waiting,
)
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_suspension import resume, suspend

DAY_S = 86_400
NO = Declining(reason="The bank details are missing.")


async def test_what_policy_names_waits_and_goes_when_it_is_released(tmp_path: Path) -> None:
    """Nothing of it leaves before; then it is a message as any other, and says who let it go."""
    async with federation(tmp_path, "XA", "XB", changes=asks()) as fed:
        rooms, posted = fed.nodes[XA].rooms, len(fed.posted)
        polled = asyncio.ensure_future(
            rooms.inbox.page(MessageQuery(state="awaiting_release", wait_s=30), SECOND)
        )
        await asyncio.sleep(0)
        made = await held(fed)
        (seen,) = (await polled).messages
        assert (seen.id, seen.direction, seen.state, seen.to) == (
            made.id, "draft", "awaiting_release", ["XB"],
        )  # fmt: skip
        assert made.release is not None
        assert seen.release is not None
        assert (seen.release.rule, seen.release.drafted_by) == ("requests", "uid:11")
        opened = await rooms.inbox.read(made.id, SECOND)
        assert (opened.content["invoice"], opened.signature) == ("BX-2291", "")
        assert (await stored(fed), len(fed.posted)) == (({}, 1), posted)
        assert (await fed.inbox("XB")).messages == []
        (listed,) = await rooms.health.undelivered(OFFICER)
        assert (listed.state, listed.recipient, listed.code) == (
            "awaiting_release", "XB", "requests",
        )  # fmt: skip
        status = await rooms.health.status()
        assert (status.outbox["awaiting_release"], status.release_waits_longest) == (1, made.id)

        fed.clocks[XA].ahead_s = fed.clocks[XB].ahead_s = 3 * DAY_S
        await fed.nodes[XA].workers.following.follow()
        done = await rooms.releasing.release(made.id, SECOND)
        assert (done.state, done.drafted_by, done.decided_by) == ("released", "uid:11", "uid:12")
        await fed.until(lambda: delivered(fed, "XA", made.id))
        sent = await fed.read("XA", made.id)
        assert (sent.case, sent.direction, sent.signature) == (made.case, "out", "valid")
        assert sent.created_at >= seen.created_at + 3 * DAY_S  # its life began with its release
        assert sent.release is not None
        assert (sent.release.state, sent.release.decided_by) == ("released", "uid:12")
        (came,) = (await fed.inbox("XB")).messages
        assert came.id == made.id
        assert await waiting(fed) == []
        assert await entries(fed) == [
            ("message.drafted", "uid:11", "requests"),
            ("message.released", "uid:12", "uid:11"),
        ]
        read = [item for item in await recorded(fed.nodes[XA]) if item.kind == "message.read"]
        assert ("uid:12", "releaser") in [(item.peer, item.code) for item in read]


async def test_who_may_not_release_changes_nothing(tmp_path: Path) -> None:
    """The drafter by any spelling, who lacks the role, another unit; what is no draft."""
    async with federation(tmp_path, "XA", "XB", changes=asks()) as fed:
        rooms = fed.nodes[XA].rooms
        free = await draft(fed, kind="information.spontaneous", content=_told())
        came = await fed.send("XB", "XA")
        await fed.until(lambda: delivered(fed, "XB", came.id))
        made = await held(fed, unit="value")
        before = await stored(fed)
        spelt = Caller(name="UID:11", roles=BOTH)
        officer = Caller(name="uid:20", roles=frozenset({Role.OFFICER, Role.OPERATOR}))
        elsewhere = Caller(name="uid:21", roles=BOTH, unit="origin")
        unknown = f"XA-{'0' * 32}"
        foreign = made.id.replace("XA-", "XB-")
        wanted: list[tuple[str, Caller, str]] = [
            (made.id, DRAFTER, "released_by_drafter"), (made.id, spelt, "released_by_drafter"),
            (made.id, officer, "role_missing"), (made.id, elsewhere, "unit_mismatch"),
            (unknown, SECOND, "message_unknown"), (foreign, SECOND, "message_unknown"),
            (free.id, SECOND, "nothing_to_release"), (came.id, SECOND, "nothing_to_release"),
            ("XA-nothing", SECOND, "message_ref_malformed"),
        ]  # fmt: skip
        for ref, caller, code in wanted:
            fault = await outcome_of(rooms.releasing.release(ref, caller))
            assert (fault.code, ref) == (code, ref)
            fault = await outcome_of(rooms.releasing.decline(ref, NO, caller))
            assert (fault.code, ref) == (code, ref)
        assert await stored(fed) == before
        fault = await outcome_of(rooms.inbox.read(made.id, elsewhere))
        assert fault.code == "unit_mismatch"
        assert await waiting(fed, elsewhere) == []
        assert len(await waiting(fed, Caller(name="uid:9", roles=BOTH, unit="value"))) == 1
        refused = [entry[1:] for entry in await entries(fed) if entry[0] == "release.refused"]
        assert refused == [
            ("uid:11", "released_by_drafter"), ("UID:11", "released_by_drafter"),
            ("uid:20", "role_missing"), ("uid:21", "unit_mismatch"),
        ]  # fmt: skip


async def test_what_is_not_released_ends_visibly(tmp_path: Path) -> None:
    """Turned down with a reason, taken back, or out of time: it never went, and says why."""
    async with federation(tmp_path, "XA", "XB", changes=asks(release_within_s=DAY_S)) as fed:
        rooms, workers = fed.nodes[XA].rooms, fed.nodes[XA].workers
        declined, back, late = [await held(fed) for _ in range(3)]
        done = await rooms.releasing.decline(declined.id, NO, SECOND)
        assert (done.state, done.recipients[0].state) == ("declined", "declined")
        again = await rooms.releasing.decline(declined.id, Declining(reason="Other."), THIRD)
        assert again == done
        seen = await rooms.inbox.read(declined.id, DRAFTER)
        assert seen.release is not None
        assert (seen.state, seen.release.reason, seen.release.decided_by) == (
            "declined", NO.reason, "uid:12",
        )  # fmt: skip
        fault = await outcome_of(rooms.releasing.withdraw(back.id, DRAFTER, "XB"))
        assert fault.code == "draft_is_whole"
        moved = await rooms.releasing.withdraw(back.id, DRAFTER, None)
        assert moved is not None
        assert (moved.state, moved.recipients) == ("withdrawn", ["XB"])
        fed.clocks[XA].ahead_s = DAY_S + 60
        await workers.following.follow()
        fault = await outcome_of(rooms.releasing.release(late.id, SECOND))
        assert fault.code == "draft_expired"
        await workers.sweep()
        assert [await state_of(fed, item.id) for item in (declined, back, late)] == [
            "declined", "withdrawn", "expired",
        ]  # fmt: skip
        for item in (declined, back, late):
            for act in (
                rooms.releasing.release(item.id, SECOND),
                rooms.releasing.withdraw(item.id, DRAFTER, None),
            ):
                assert (await outcome_of(act)).code == "nothing_to_release"
        assert await stored(fed) == ({}, 0)
        rows = await rooms.health.undelivered(OFFICER)
        assert [row.state for row in rows] == ["declined", "withdrawn", "expired"]
        assert [item.id for item in await waiting(fed, state="declined")] == [declined.id]
        assert len(await waiting(fed, state=None, direction="draft")) == 3
        assert [entry for entry in await entries(fed) if "refused" not in entry[0]][3:] == [
            ("release.declined", "uid:12", "uid:11"), ("draft.ended", "uid:11", "withdrawn"),
            ("draft.ended", "", "expired"),
        ]  # fmt: skip
        fed.clocks[XA].ahead_s = 40 * DAY_S
        await workers.sweep()
        assert (await outcome_of(rooms.inbox.read(declined.id, DRAFTER))).code == "message_unknown"


@pytest.mark.parametrize("reason", ["", "   ", "\n", "a\x07b", "x" * 2001, 7, None])
def test_a_reason_is_words(reason: Any) -> None:
    """Whoever drafted it reads them."""
    with pytest.raises(FaultsError):
        convert({"reason": reason}, Declining)


async def test_everything_is_looked_at_once_more_when_it_is_released(tmp_path: Path) -> None:
    """A member that is suspended, a ceiling that was lowered: it waits on, and that is recorded."""
    async with federation(tmp_path, "XA", "XB", changes=asks()) as fed:
        made = await held(fed)
        await suspend(fed, XB)
        fault = await outcome_of(fed.nodes[XA].rooms.releasing.release(made.id, SECOND))
        assert isinstance(fault, RejectedError)
        assert fault.code == "member_suspended"
        assert (await stored(fed), await state_of(fed, made.id)) == (({}, 1), "awaiting_release")
        await resume(fed, XB)

        await fed.stop("XA")
        fed.changes["XA"]["policy"]["ceilings"] = [CeilingSettings(kinds=["request"], tlp="GREEN")]
        fed.changes["XA"]["policy"]["release"] = []
        await fed.start("XA")
        releasing = fed.nodes[XA].rooms.releasing
        await fed.until(lambda: fed.nodes[XA].mirror.known)
        fault = await outcome_of(releasing.release(made.id, SECOND))
        assert isinstance(fault, ForbiddenError)
        assert (fault.code, await stored(fed)) == ("above_ceiling", ({}, 1))
        assert [entry for entry in await entries(fed) if entry[0] == "release.refused"] == [
            ("release.refused", "uid:12", "member_suspended"),
            ("release.refused", "uid:12", "above_ceiling"),
        ]
        await fed.stop("XA")
        fed.changes["XA"]["policy"]["ceilings"] = []
        await fed.start("XA")  # no rule asks any more: what waits still waits
        assert await state_of(fed, made.id) == "awaiting_release"
        await fed.nodes[XA].rooms.releasing.release(made.id, SECOND)
        await fed.until(lambda: delivered(fed, "XA", made.id))


async def test_a_case_goes_by_what_was_sent_alone(tmp_path: Path) -> None:
    """A request that waits opens nothing; a reply that waits is overtaken, and then refused."""
    rules = [REQUESTS, ReleaseSettings(name="answers", kinds=["case.reply", "case.refuse"])]
    changes = asks() | asks(*rules, member="XB")
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        xa, xb = fed.nodes[XA].rooms, fed.nodes[XB].rooms
        asked = await held(fed)
        follows = {"kind": "case.remind", "content": {"language": "en"}}
        for where in ({"case": asked.case}, {"in_reply_to": asked.id}):
            fault = await draft(fed, **follows, **where)
            assert isinstance(fault, ConflictError)
            assert (fault.code, asked.id in fault.detail) == ("awaits_release", True)
        shown = await xa.cases.read(asked.case, OFFICER)
        assert (shown.threads, [item.id for item in shown.drafts]) == ([], [asked.id])
        page = await xa.cases.page(CaseQuery(), OFFICER)
        assert (page.threads, [item.opens for item in page.drafts]) == ([], [True])
        await xa.releasing.release(asked.id, SECOND)
        await fed.until(lambda: delivered(fed, "XA", asked.id))

        await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
        reply = await say(fed, "XB", "XA", "case.reply", case=asked.case)
        assert reply.release is not None
        assert await _states(fed, asked.case) == ["in_progress", "in_progress"]
        with pytest.raises(ConflictError) as caught:
            await say(fed, "XB", "XA", "case.refuse", case=asked.case)
        assert (caught.value.code, "waits" in caught.value.detail) == ("not_in_this_state", True)
        await told(fed, "XB", "XA", "case.interim", case=asked.case)  # needs nobody, and goes
        await told(fed, "XA", "XB", "case.remind", case=asked.case)
        await xb.releasing.release(reply.id, SECOND)
        await fed.until(lambda: delivered(fed, "XB", reply.id))
        assert await _states(fed, asked.case) == ["answered", "answered"]
        one, other = [
            (await fed.nodes[name].rooms.cases.read(asked.case, OFFICER)).threads[0]
            for name in (XA, XB)
        ]
        assert [item.id for item in one.messages] == [item.id for item in other.messages]
        assert (one.messages[-1].id, one.out_of_order) == (reply.id, 0)

        last = await say(fed, "XB", "XA", "case.reply", case=(await _second(fed)).case)
        await told(fed, "XA", "XB", "case.withdraw", case=last.case)
        fault = await outcome_of(xb.releasing.release(last.id, SECOND))
        assert (fault.code, last.release is None) == ("not_in_this_state", False)
        assert (await stored(fed, XB))[1] == 1
        assert await _states(fed, last.case) == ["withdrawn", "withdrawn"]


async def test_two_at_once_release_it_once(tmp_path: Path) -> None:
    """Both are told that it went; an idempotency key is answered as it was, whatever came since."""
    async with federation(tmp_path, "XA", "XB", changes=asks()) as fed:
        rooms = fed.nodes[XA].rooms
        ask = msgspec.convert(request([]), Submission)
        (made,) = await rooms.exchange.submit([ask], DRAFTER, idempotency_key="k")
        assert [made] == await rooms.exchange.submit([ask], DRAFTER, idempotency_key="k")
        assert len(await waiting(fed)) == 1
        one, other = await _both(
            rooms.releasing.release(made.id, SECOND), rooms.releasing.release(made.id, THIRD)
        )
        assert one.state == other.state == "released"
        assert one.decided_by == other.decided_by
        await rooms.releasing.release(made.id, THIRD)
        assert (await outcome_of(rooms.releasing.release(made.id, DRAFTER))).code == (
            "released_by_drafter"
        )
        assert [made] == await rooms.exchange.submit([ask], DRAFTER, idempotency_key="k")
        await fed.until(lambda: delivered(fed, "XA", made.id))
        assert len((await fed.inbox("XB")).messages) == 1
        assert await stored(fed) == ({"out": 1}, 0)
        kinds = [entry[0] for entry in await entries(fed)]
        assert kinds.count("message.released") == 1

        lost, kept = await held(fed), await held(fed)
        decided = await _both(
            rooms.releasing.release(lost.id, SECOND), rooms.releasing.decline(lost.id, NO, THIRD)
        )
        outcomes = {getattr(item, "state", getattr(item, "code", "")) for item in decided}
        assert outcomes in ({"released", "nothing_to_release"}, {"declined", "nothing_to_release"})
        assert await state_of(fed, kept.id) == "awaiting_release"
        one, other = await _both(
            rooms.releasing.decline(kept.id, NO, SECOND),
            rooms.releasing.decline(kept.id, NO, THIRD),
        )
        assert one == other
        assert one.state == "declined"
        kinds = [entry[0] for entry in await entries(fed)]
        assert kinds.count("release.declined") == 1 + ("declined" in outcomes)


async def test_who_is_slower_learns_what_became_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody decided between the look and the commit: refused by its state, and recorded."""
    async with federation(tmp_path, "XA", "XB", changes=asks()) as fed:
        releasing = fed.nodes[XA].rooms.releasing
        decide = releasing._decide
        faster: list[Callable[[], Awaitable[object]]] = []

        async def late(*args: Any) -> bool:
            if faster:
                await faster.pop()()
            return await decide(*args)

        monkeypatch.setattr(releasing, "_decide", late)
        lost = await held(fed)
        faster.append(lambda: releasing.release(lost.id, THIRD))
        fault = await outcome_of(releasing.decline(lost.id, NO, SECOND))
        assert (fault.code, "it is released" in fault.detail) == ("nothing_to_release", True)
        assert [entry for entry in await entries(fed) if entry[0] == "release.refused"]
        assert await state_of(fed, lost.id) != "declined"

        taken = await held(fed)
        faster.append(lambda: releasing.release(taken.id, SECOND))
        assert await releasing.withdraw(taken.id, DRAFTER, None) is None  # it is a message by now
        turned = await held(fed)
        faster.append(lambda: releasing.decline(turned.id, NO, SECOND))
        fault = await outcome_of(releasing.withdraw(turned.id, DRAFTER, None))
        assert (fault.code, "it is declined" in fault.detail) == ("nothing_to_release", True)
        kinds = [entry[0] for entry in await entries(fed)]
        assert kinds.count("message.released") == 2
        assert kinds.count("release.declined") == 1
        assert "draft.ended" not in kinds


async def test_of_a_batch_each_goes_or_waits_for_itself(tmp_path: Path) -> None:
    """In one commit; what is wrong with one keeps no other."""
    rule = ReleaseSettings(kinds=["request"], members=["XB"])
    async with federation(tmp_path, "XA", "XB", "XC", changes=asks(rule)) as fed:
        rooms = fed.nodes[XA].rooms
        wanted = [{"to": ["XB"]}, {"to": ["XC"]}, {"to": ["XQ"]}, {"to": ["XC", "XB"]}]
        asked = [msgspec.convert(request([]) | one, Submission) for one in wanted]
        answers = await rooms.exchange.submit(asked, DRAFTER)
        told_ = [getattr(one, "code", None) or one.recipients[0].state for one in answers]
        assert told_ == ["awaiting_release", "queued", "member_unknown", "awaiting_release"]
        assert answers[0].release.rule == "policy.release 1"
        for one in (answers[0], answers[3]):
            await rooms.releasing.release(one.id, SECOND)
            await fed.until(lambda one=one: delivered(fed, "XA", one.id))
        assert len((await fed.inbox("XC")).messages) == 2


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
async def test_a_crash_at_the_release_loses_and_doubles_nothing(
    tmp_path: Path, moment: str
) -> None:
    """It waits on, or it went; the repeat ends it either way."""
    async with federation(tmp_path, "XA", "XB", changes=asks()) as fed:
        await fed.stop("XA")
        armed: list[int] = []

        def fault(point: str) -> None:
            if armed and point == moment:
                armed.clear()
                raise RuntimeError("the machine died")

        await fed.start("XA", fault=fault, run=False)  # nothing but this commits
        made = await held(fed)
        armed.append(1)
        with pytest.raises(RuntimeError):
            await fed.nodes[XA].rooms.releasing.release(made.id, SECOND)
        await fed.stop("XA")
        await fed.start("XA")
        await fed.until(lambda: fed.nodes[XA].mirror.known)
        assert (await fed.nodes[XA].rooms.releasing.release(made.id, SECOND)).state == "released"
        await fed.until(lambda: delivered(fed, "XA", made.id))
        assert (len((await fed.inbox("XB")).messages), await stored(fed)) == (1, ({"out": 1}, 0))


def _told(**said: Any) -> dict[str, Any]:
    content = {"language": "en", "legal_basis": "Agreement, Art. 9", "subject": "Shoes"}
    return content | {"facts": "Invoices of two prices."} | said


async def _states(fed: Federation, case: str) -> list[str]:
    """Return where a case stands on both sides."""

    async def state(name: MemberId) -> str:
        return (await fed.nodes[name].rooms.cases.read(case, OFFICER)).threads[0].state.value

    return [await state(XA), await state(XB)]


async def _second(fed: Federation) -> Any:
    """Return a request of XA that was released, and that XB acknowledged."""
    asked = await held(fed)
    await fed.nodes[XA].rooms.releasing.release(asked.id, SECOND)
    await fed.until(lambda: delivered(fed, "XA", asked.id))
    await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
    return asked


async def _both(*acts: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*map(outcome_of, acts))  # noqa: TID251 - outcomes wanted
