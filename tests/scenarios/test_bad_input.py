"""What a bent node signs all the same: refused and recorded, or kept without effect; no more."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from gateway.cases.examples import EXAMPLES
from gateway.cases.threads.thread import State
from gateway.errors import LiaisonError
from gateway.services.casework import conduct
from gateway.services.casework.cases import CaseQuery
from gateway.services.sending import drafting
from gateway.store import messages
from gateway.store.database import Transaction
from gateway.store.outbox import showing
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.cases import say, told
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.handling import control, inform
from tests.scenarios.test_passing import entries
from tests.scenarios.test_roles import ended

XA, XB, XC = (MemberId(name) for name in ("XA", "XB", "XC"))
ASK = "request.verify_value"
WRONG: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "wrong": lambda said: said | {"hs_code": "000000"},
    "not of its type": lambda said: said | {"facts": 5},
    "missing": lambda said: {name: said[name] for name in said if name != "facts"},
    "unknown field": lambda said: said | {"surprise": 1},
    "too long": lambda said: said | {"facts": "x" * 20_001},
    "no language": lambda said: said | {"language": "zz"},
    "control character": lambda said: said | {"facts": "bell\x07"},
    "turned text": lambda said: said | {"legal_basis": "Art. 4\u202e"},
    "impossible day": lambda said: said | {"reply_by": "2027-02-30"},
    "other digits": lambda said: said | {"reply_by": "٢٠٢٧-٠١-٠١"},
    "other calendar": lambda said: said | {"reply_by": "2570-01-01"},
}


@pytest.fixture
def bent(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let nodes say what the state of a case does not allow; who receives still looks."""
    monkeypatch.setattr(conduct, "admitted", lambda _, said: said)
    return monkeypatch


async def held(fed: Federation, member: MemberId) -> tuple[object, ...]:
    """Return what a member holds: how many messages, and where each thread stands."""
    node = fed.nodes[member]
    threads = (await node.rooms.cases.page(CaseQuery(show="all"), OFFICER)).threads
    stand = [(one.case, one.asker, one.asked, one.state, one.due, one.flags) for one in threads]
    return await node.database.read(messages.counts), stand


async def failed(fed: Federation, message: str) -> str:
    """Wait until what XA cannot read itself has failed; return why."""
    message_id = bytes.fromhex(message.rpartition("-")[2])

    def look(tx: Transaction) -> tuple[str, str]:
        stored = messages.find(tx, "XA", message_id)
        assert stored is not None
        (row,) = showing.states(tx, [stored.row_id])[stored.row_id]
        return row.state.value, row.code

    async def has() -> bool:
        return (await fed.nodes[XA].database.read(look))[0] == "failed"

    await fed.until(has)
    return (await fed.nodes[XA].database.read(look))[1]


async def test_no_content_that_the_kind_does_not_allow(
    tmp_path: Path, bent: pytest.MonkeyPatch
) -> None:
    """Each refused for ever by its recipient, and recorded with who signed it; nothing kept."""
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", ASK)
        before = await held(fed, XB)
        for number, (_, bend) in enumerate(WRONG.items(), start=1):
            written = msgpack.packb(bend(dict(EXAMPLES[ASK])))
            bent.setattr(drafting, "encode_content", lambda _, written=written: written)
            sent = await say(fed, "XA", "XB", ASK)
            assert await failed(fed, sent.id) == "content_invalid"
            refusals = await entries(fed, XB, "message.refused")
            assert refusals == [("XA", 2, "content_invalid")] * number
        assert await held(fed, XB) == before
        assert [item.id for item in (await fed.inbox("XB")).messages] == [asked.id]


async def test_what_the_state_does_not_allow_is_kept_and_moves_nothing(
    tmp_path: Path, bent: pytest.MonkeyPatch
) -> None:
    """On both sides alike: the state, what is due, and one mark for each."""
    del bent
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", ASK)
        await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
        before = [await held(fed, member) for member in (XA, XB)]
        strays = [
            await told(fed, sender, to, kind, case=asked.case)
            for sender, to, kind in (
                ("XA", "XB", "case.close"),
                ("XA", "XB", "case.reply"),
                ("XB", "XA", "case.resume"),
                ("XB", "XA", "case.withdraw"),
            )
        ]
        for member, (_, stood) in zip((XA, XB), before, strict=True):
            counts, stands = await held(fed, member)
            assert stands == stood
            assert counts == {"in": 3, "out": 3}
            (thread,) = (await fed.nodes[member].rooms.cases.read(asked.case, OFFICER)).threads
            assert thread.state == State.IN_PROGRESS.value
            marked = {item.id for item in thread.messages if item.out_of_order}
            assert marked == {item.id for item in strays}


async def test_a_word_in_a_case_that_nobody_opened(
    tmp_path: Path, bent: pytest.MonkeyPatch
) -> None:
    """Refused by name where it is written; of a bent node it is kept, and opens nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        before = [await held(fed, member) for member in (XA, XB)]
        for where, code in (
            ({"case": "0" * 32}, "case_unknown"),
            ({"in_reply_to": f"XB-{'0' * 32}"}, "message_unknown"),
            ({}, "validation_failed"),
        ):
            fault = await outcome_of(say(fed, "XA", "XB", "case.reply", **where))
            assert isinstance(fault, LiaisonError)
            assert fault.code == code
        assert [await held(fed, member) for member in (XA, XB)] == before
        nowhere = os.urandom(16)

        async def case(*_: object) -> bytes:
            return nowhere

        bent.setattr(drafting.Drafting, "_case", case)
        stray = await told(fed, "XA", "XB", "case.reply", case=nowhere.hex())
        shown = await fed.nodes[XB].rooms.cases.read(nowhere.hex(), OFFICER)
        assert shown.threads == []
        assert [item.id for item in shown.others] == [stray.id]
        assert (await held(fed, XB))[1] == []


async def test_a_consent_that_another_signs(tmp_path: Path, bent: pytest.MonkeyPatch) -> None:
    """Refused by its own node; a bent one's by who gets it, recorded, and it allows nothing."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        info = await inform(fed, "XA", ["XB", "XC"])
        before = await held(fed, XB)
        for kind in ("consent.grant", "consent.deny"):
            fault = await outcome_of(control(fed, "XC", "XB", kind, info.id, case=info.case))
            assert isinstance(fault, LiaisonError)
            assert fault.code == "consent_not_own"
        bent.setattr(drafting, "check_own", lambda *_: None)
        for kind in ("consent.grant", "consent.deny"):
            content = {
                "message": info.id, "language": "en", "recipient": "Customs", "member": "XC",
                "purpose": "assessment",
            }  # fmt: skip
            sent = await fed.send(
                "XC", "XB", kind=kind, content=content, case=info.case, attachments=[]
            )
            assert await ended(fed, "XC", sent.id) == "consent_not_own"
        assert await entries(fed, XB, "message.refused") == [("XC", 2, "consent_not_own")] * 2
        assert await held(fed, XB) == before
