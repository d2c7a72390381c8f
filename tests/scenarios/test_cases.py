"""Cases between two nodes: one state on both sides, and what the state does not allow."""

from pathlib import Path

import msgspec
import pytest

from gateway.cli.story import reply
from gateway.errors import ConflictError
from gateway.services.submission import Submission
from gateway.store import messages
from keys.suite import MemberId
from tests.scenarios.cases import conduct, say, told
from tests.scenarios.federation import OFFICER, Federation, federation

__all__ = ["conduct"]

XA, XB = MemberId("XA"), MemberId("XB")
pytestmark = pytest.mark.usefixtures("conduct")


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


async def test_several_asked_in_one_case_have_threads_of_their_own(tmp_path: Path) -> None:
    """And one is asked later; who is asked already is not asked again."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        asked = await told(fed, "XA", "XB", "request.verify_value")
        await told(fed, "XA", "XC", "request.verify_value", case=asked.case)
        await told(fed, "XC", "XA", "case.refuse", case=asked.case)
        assert await refused(fed, "XC", "XA", "case.acknowledge", asked.case)
        assert await refused(fed, "XA", "XB", "request.verify_value", asked.case)
        await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
