"""What the case became while a message was written: nothing goes that should not, seen from now."""

import copy
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cases.examples import example_of
from gateway.cases.kinds import CATALOGUE
from gateway.errors import ConflictError, LiaisonError
from gateway.services.sending.drafting import Drafting
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.submission import Submission
from gateway.store import messages
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.cases import told
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.handling import control, inform
from tests.scenarios.test_passing import disclosed, passes_on
from tests.scenarios.test_recall import recall

XB = MemberId("XB")


def second_daemon(fed: Federation, member: MemberId) -> Exchange:
    """Return what accepts messages in another daemon of a member, on the same database."""
    first = fed.nodes[member].rooms.exchange
    other = copy.copy(first)
    other._waiting, other._worker = deque(), None
    other._drafting = copy.copy(first._drafting)
    other._drafting._seqs = {}
    other._drafting._conduct = copy.copy(first._drafting._conduct)
    other._drafting._conduct._drafted = []
    return other


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, exchange: Exchange, happens: Callable[[], Awaitable[object]]
) -> None:
    """Let something happen once, after an exchange has drafted and before it stores."""
    draft, waits = Drafting.draft, [happens]

    async def slow(self: Drafting, *args: object) -> object:
        found = await draft(self, *args)  # type: ignore[arg-type]
        if self is exchange._drafting and waits:
            await waits.pop()()
        return found

    monkeypatch.setattr(Drafting, "draft", slow)


async def kept(fed: Federation) -> dict[str, int]:
    """Return how many messages XB holds, by direction."""
    return await fed.nodes[XB].database.read(messages.counts)


async def test_two_daemons_do_not_both_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second is told, and nothing of it is kept; looking again it sees why."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", "request.information")
        today = datetime.fromtimestamp(fed.clocks[XB].now(), UTC).date()
        content = dict(example_of(CATALOGUE["case.reply"], today))
        reply = Submission(to=["XA"], kind="case.reply", content=content, case=asked.case)
        other = second_daemon(fed, XB)
        meanwhile(monkeypatch, fed.nodes[XB].rooms.exchange, lambda: other.submit([reply], OFFICER))
        fault = await outcome_of(told(fed, "XB", "XA", "case.refuse", case=asked.case))
        assert isinstance(fault, ConflictError)
        assert fault.code == "overtaken"
        assert await kept(fed) == {"in": 1, "out": 1}
        again = await outcome_of(told(fed, "XB", "XA", "case.refuse", case=asked.case))
        assert isinstance(again, LiaisonError)
        assert again.code == "not_in_this_state"


async def test_what_is_recalled_meanwhile_is_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recall that crosses with a forward wins, up to the moment that the forward is stored."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        info = await inform(fed, "XA", "XB")
        await control(fed, "XA", "XB", "consent.grant", info.id, case=info.case)
        exchange = fed.nodes[XB].rooms.exchange
        meanwhile(monkeypatch, exchange, lambda: recall(fed, "XA", "XB", info))
        fault = await outcome_of(passes_on(fed, info))
        assert isinstance(fault, ConflictError)
        assert fault.code == "overtaken"
        assert await disclosed(fed, XB, info.id) == []
        assert (await fed.inbox("XC")).messages == []
        again = await outcome_of(passes_on(fed, info))
        assert isinstance(again, LiaisonError)
        assert again.code == "information_recalled"
