"""Operations between nodes: a closed group until its end, one state on every member."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.cases.examples import example_of
from gateway.cases.kinds import CATALOGUE
from gateway.errors import ConflictError, LiaisonError
from gateway.faults import FaultsError
from gateway.services.casework import known_cases
from gateway.services.casework import operations as conduct_service
from gateway.services.casework.operation_view import OperationDetail
from gateway.services.casework.operations import OperationQuery
from gateway.services.sending.submission import Submission, Submitted
from gateway.store import messages
from keys.registry.statement import REGISTRY
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_roles import OFFICE

RILO = MemberId("RILO-W")
GROUP = ("RILO-W", "XA", "XB")


def content(fed: Federation, kind: str, **saying: Any) -> dict[str, Any]:
    """Return the example of a kind of operations, with other things said."""
    today = datetime.fromtimestamp(fed.clocks[RILO].now(), UTC).date()
    written: dict[str, Any] = example_of(CATALOGUE[kind], today) | saying
    if kind == "operation.open":
        written |= {"members": list(GROUP)} | saying
        written |= {"ends_on": str(today + timedelta(days=10)), "starts_on": str(today)} | saying
    return written


async def say(
    fed: Federation, sender: str, kind: str, case: str | None = None, /, **changes: Any
) -> Submitted:
    """Say something to the rest of the group, and see it arrive."""
    to = changes.pop("to", [name for name in GROUP if name != sender])
    said = Submission(
        to=to, kind=kind, content=content(fed, kind, **changes.pop("saying", {})), case=case,
        **changes,
    )  # fmt: skip
    (sent,) = await fed.nodes[MemberId(sender)].rooms.exchange.submit([said], OFFICER)
    if isinstance(sent, Exception):
        raise sent
    await fed.until(lambda: delivered(fed, sender, sent.id))
    return sent


async def refused(
    fed: Federation, sender: str, kind: str, case: str | None = None, /, **changes: Any
) -> LiaisonError:
    """Try to say something; return why it is refused, after a look that nothing was kept."""
    node = fed.nodes[MemberId(sender)]
    before = await node.database.read(messages.counts)
    found = await outcome_of(say(fed, sender, kind, case, **changes))
    assert isinstance(found, LiaisonError)
    assert await node.database.read(messages.counts) == before
    return found


async def seen(fed: Federation, member: str, ref: str) -> OperationDetail:
    """Return an operation as a member has it."""
    return await fed.nodes[MemberId(member)].rooms.operations.read(ref, OFFICER)


async def pass_days(fed: Federation, days: int) -> None:
    """Let days go by, until every node has heard of the registry again."""
    for clock in fed.clocks.values():
        clock.ahead_s += days * 86_400
    fed.nodes[REGISTRY].mirror.confirm()
    await fed.nodes[REGISTRY].rooms.registrar.keep_head_signed()
    for name, node in fed.nodes.items():
        if name != REGISTRY:
            await node.mirror.follow()


async def test_a_group_works_together_until_its_end(tmp_path: Path) -> None:
    """Opened, joined, reported, over, closed: the same on all, each refusal by name."""
    async with federation(tmp_path, "XA", "XB", "XC", "RILO-W", roles={"RILO-W": OFFICE}) as fed:
        opened = await say(fed, "RILO-W", "operation.open")
        case = opened.case
        assert (await refused(fed, "XA", "operation.report", case)).code == "not_joined"
        joined = await say(fed, "XA", "operation.join", case)
        assert (await fed.read("XB", joined.id)).in_reply_to == opened.id
        assert (await refused(fed, "XA", "operation.join", case)).code == "joined_already"
        found = await refused(fed, "XA", "operation.report", case, to=["RILO-W", "XC"])
        assert found.code == "not_for_outsiders"
        assert (await refused(fed, "XB", "operation.join", case, to=["XA"])).code == "not_to_all"
        found = await refused(fed, "XA", "operation.report", case, saying={"stated": []})
        assert isinstance(found, FaultsError)
        assert [(item.pointer, item.code) for item in found.faults] == [
            ("/content/stated", "template_lacks")
        ] * 2
        await say(fed, "XA", "operation.report", in_reply_to=joined.id)
        assert (await refused(fed, "XA", "operation.close", case)).code == "not_the_opener"
        await pass_days(fed, 11)
        for kind in ("operation.report", "operation.join"):
            assert (await refused(fed, "XB", kind, case)).code == "operation_over"
        for member in GROUP:
            operations = fed.nodes[MemberId(member)].rooms.operations
            assert (await operations.page(OperationQuery(), OFFICER)).operations == []
            (listed,) = (await operations.page(OperationQuery(show="all"), OFFICER)).operations
            assert (listed.state, listed.id) == ("over", opened.id)
        await say(fed, "RILO-W", "operation.close", case)
        assert (await refused(fed, "RILO-W", "operation.close", case)).code == "operation_closed"
        views = [await seen(fed, member, opened.id) for member in GROUP]
        for view in views:
            assert (view.state, view.joined, view.reports, view.controls) == (
                "closed",
                ["XA"],
                1,
                41,
            )
            assert [item.id for item in view.messages] == [item.id for item in views[0].messages]
        assert isinstance(await outcome_of(seen(fed, "XC", opened.id)), LiaisonError)


async def test_an_opening_goes_to_whom_it_invites(tmp_path: Path) -> None:
    """To all of them, to nobody else, for days in their order."""
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}) as fed:
        today = datetime.fromtimestamp(fed.clocks[RILO].now(), UTC).date()
        for changes, pointer, code in (
            ({"saying": {"members": ["XA"]}}, "/to/1", "not_invited"),
            ({"to": ["XA"]}, "/content/members/2", "invited_unasked"),
            (
                {"saying": {"starts_on": str(today + timedelta(days=20))}},
                "/content/ends_on",
                "ends_early",
            ),
        ):
            found = await refused(fed, "RILO-W", "operation.open", **changes)
            assert isinstance(found, FaultsError)
            assert [(item.pointer, item.code) for item in found.faults] == [(pointer, code)]
        request = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", request.id))
        found = await refused(fed, "XB", "operation.join", request.case)
        assert isinstance(found, ConflictError)
        assert found.code == "operation_unknown"


async def test_of_a_large_operation_a_report_is_held_against_what_moves_it_alone(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """The reports of before are not opened, an answer to one of them is of its operation too."""
    monkeypatch.setattr(known_cases, "LARGE", 2)
    opened_kinds: list[str] = []
    plain = conduct_service.opened_content

    def noting(keys: Any, kinds: Any, item: Any) -> Any:
        opened_kinds.append(item.kind)
        return plain(keys, kinds, item)

    monkeypatch.setattr(conduct_service, "opened_content", noting)
    async with federation(tmp_path, "XA", "XB", "RILO-W", roles={"RILO-W": OFFICE}) as fed:
        opened = await say(fed, "RILO-W", "operation.open")
        await say(fed, "XA", "operation.join", opened.case)
        first = await say(fed, "XA", "operation.report", opened.case)
        second = await say(fed, "XA", "operation.report", in_reply_to=first.id)
        assert set(opened_kinds) == {"operation.open"}
        assert (await fed.read("XA", second.id)).in_reply_to == opened.id
        assert (await seen(fed, "RILO-W", opened.id)).reports == 2
        await say(fed, "RILO-W", "operation.close", opened.case)
        found = await refused(fed, "XA", "operation.report", opened.case)
        assert found.code == "operation_closed"


async def test_what_a_bent_node_says_moves_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    """An outsider's report and a second opening of the same case: kept, marked, of no effect."""
    async with federation(tmp_path, "XA", "XB", "XC", "RILO-W", roles={"RILO-W": OFFICE}) as fed:
        opened = await say(fed, "RILO-W", "operation.open")
        await say(fed, "XA", "operation.join", opened.case)
        before = await seen(fed, "XB", opened.id)
        monkeypatch.setattr(conduct_service, "check_admits", lambda *_: None)
        monkeypatch.setattr(conduct_service, "_check_opening", lambda *_: None)
        rival = await say(fed, "XA", "operation.open", opened.case)
        report = await say(
            fed, "XB", "operation.report", in_reply_to=opened.id, to=["RILO-W", "XA"]
        )
        for member in GROUP:
            view = await seen(fed, member, opened.id)
            assert (view.joined, view.reports, view.state) == (before.joined, 0, "open")
            assert [item.code for item in view.messages if item.id == report.id] == ["not_joined"]
            assert (await seen(fed, member, rival.id)).joined == []
