"""Units: who belongs to one speaks for it alone, and in its cases alone."""

from pathlib import Path
from typing import Any

import msgspec

from gateway.cli.story import request
from gateway.errors import ForbiddenError
from gateway.services.caller import Caller
from gateway.services.casework.cases import CaseQuery
from gateway.services.receiving.inbox import MessageQuery
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
