"""Units: who belongs to one speaks for it alone, and in its cases alone."""

from pathlib import Path
from typing import Any

import msgspec

from gateway.cli.demo.story import request
from gateway.errors import ForbiddenError
from gateway.services.auditing.search import AuditQuery
from gateway.services.caller import Caller
from gateway.services.casework.cases import CaseQuery
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.receiving.names import NamesQuery
from gateway.services.sending.submission import Submission, Submitted
from gateway.settings import Role
from gateway.store import messages
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import Federation, federation
from tests.scenarios.test_exchange import delivered

XA, XB = MemberId("XA"), MemberId("XB")
VALUE, ORIGIN = (
    Caller(name=f"uid:{number}", roles=frozenset({Role.OFFICER}), unit=unit)
    for number, unit in ((11, "value"), (12, "origin"))
)


async def submit(fed: Federation, caller: Caller, **changes: Any) -> Any:
    """Let a caller of XA ask XB; return the answer or the error."""
    body = request([]) | changes
    ask = msgspec.convert(body, Submission)
    (answer,) = await fed.nodes[XA].rooms.exchange.submit([ask], caller)
    return answer


async def test_a_unit_speaks_for_itself_and_in_its_own_cases(tmp_path: Path) -> None:
    """Neither in another's name nor in another's case; nothing is kept of the attempt."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await submit(fed, VALUE)
        assert isinstance(asked, Submitted)
        await fed.until(lambda: delivered(fed, "XA", asked.id))
        before = await fed.nodes[XA].database.read(messages.counts)
        content = {"language": "en"}
        for caller, changes in (
            (VALUE, {"unit": "origin"}),
            (ORIGIN, {"kind": "case.remind", "content": content, "case": asked.case}),
            (ORIGIN, {"kind": "case.remind", "content": content, "in_reply_to": asked.id}),
        ):
            fault = await submit(fed, caller, **changes)
            assert isinstance(fault, ForbiddenError)
            assert fault.code == "unit_mismatch"
        assert await fed.nodes[XA].database.read(messages.counts) == before
        reminded = await submit(
            fed, VALUE, kind="case.remind", content=content, case=asked.case, unit="value"
        )
        assert isinstance(reminded, Submitted)


async def test_a_unit_sees_its_own_alone(tmp_path: Path) -> None:
    """In lists of messages and cases, opened, as evidence, and when it is to be taken."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await submit(fed, VALUE)
        rooms = fed.nodes[XA].rooms
        for caller, seen in ((VALUE, [asked.id]), (ORIGIN, [])):
            page = await rooms.inbox.page(MessageQuery(), caller)
            assert [item.id for item in page.messages] == seen
            cases = await rooms.cases.page(CaseQuery(), caller)
            assert len(cases.threads) == len(seen)
        for act in (
            rooms.inbox.read(asked.id, ORIGIN),
            rooms.inbox.acknowledge(asked.id, ORIGIN),
            rooms.cases.read(asked.case, ORIGIN),
            rooms.evidence.export(asked.id, ORIGIN, is_open=False),
        ):
            fault = await outcome_of(act)
            assert isinstance(fault, ForbiddenError)
            assert fault.code == "unit_mismatch"


async def test_a_unit_is_told_no_names_of_others(tmp_path: Path) -> None:
    """Neither by its auditor's search of the log, nor by the digits of an id."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await submit(fed, VALUE)
        rooms, log = fed.nodes[XA].rooms, fed.nodes[XA].workers.audit_log
        await log.sequence()
        for unit, seen in (("value", {asked.id, ""}), ("origin", {""}), (None, {asked.id, ""})):
            roles = frozenset({Role.AUDITOR})
            auditor = Caller(name="uid:13", roles=roles, unit=unit)
            page = await rooms.audit_search.find(AuditQuery(), auditor)
            assert {entry.message for entry in page.entries} == seen
            for query in (AuditQuery(message=asked.id), AuditQuery(case=asked.case)):
                found = await outcome_of(rooms.audit_search.find(query, auditor))
                if unit == "origin":
                    assert isinstance(found, ForbiddenError)
                    assert found.code == "unit_mismatch"
                else:
                    assert {entry.message for entry in found.entries} == {asked.id}
            for of, name in (("case", asked.case), ("message", asked.id.rpartition("-")[2])):
                for part in (name[:12], name[-6:], name[-5:], name):
                    query = NamesQuery(of=of, part=part)
                    names = (await rooms.names.find(query, auditor)).names
                    whole = asked.case if of == "case" else asked.id
                    assert names == ([whole] if unit != "origin" else [])
        fault = await outcome_of(rooms.names.find(query, Caller(name="uid:9", roles=frozenset())))
        assert isinstance(fault, ForbiddenError)
        assert (await rooms.names.find(NamesQuery(of="case", part="ffff"), VALUE)).names == []
        other = NamesQuery(of="message", part=asked.id[-6:], sender="XB")
        assert (await rooms.names.find(other, VALUE)).names == []
