"""Large cases: kept and grown by what came since, and what is said of them as of small ones."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from gateway.cases.threads.thread import RECALL, State, is_event
from gateway.protocol.message import parse_message_ref
from gateway.services.casework import conduct, folding, known_cases
from gateway.services.casework.cases import CaseQuery
from gateway.store import messages, schema
from gateway.store.database import Transaction
from gateway.store.schema import case_folding
from keys.suite import MemberId
from tests.scenarios.cases import say, told
from tests.scenarios.federation import OFFICER, federation
from tests.scenarios.test_cases import refused

XB = MemberId("XB")


async def test_a_large_case_is_kept_and_read_anew_where_something_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said since is looked at alone, and refuses what it must; nothing gone counts."""
    monkeypatch.setattr(known_cases, "LARGE", 2)
    monkeypatch.setattr(known_cases, "KEPT", 1)
    looked: list[int] = []
    plain = conduct.read_events

    def counting(tx: Transaction, keys: Any, kinds: Any, found: list[Any], opens: Any) -> Any:
        looked.append(len(found))
        return plain(tx, keys, kinds, found, opens)

    monkeypatch.setattr(conduct, "read_events", counting)
    async with federation(tmp_path, "XA", "XB") as fed:
        asked = await told(fed, "XA", "XB", "request.verify_value")
        for kind in ("case.acknowledge", "case.interim", "case.interim", "case.clarify"):
            last = await told(fed, "XB", "XA", kind, case=asked.case)
        assert looked == [1, 2, 1, 1]
        assert await refused(fed, "XB", "XA", "case.reply", asked.case) == "not_in_this_state"
        node = fed.nodes[XB]

        def forget_last(tx: Transaction) -> None:
            found = messages.find(tx, *parse_message_ref(last.id))
            assert found is not None
            tx.execute(delete(schema.outbox).where(schema.outbox.c.message_row == found.row_id))
            tx.execute(delete(schema.messages).where(schema.messages.c.row_id == found.row_id))

        await node.database.write(forget_last)
        looked.clear()
        await say(fed, "XB", "XA", "case.interim", case=asked.case)
        assert looked == [4]
        other = await told(fed, "XA", "XB", "request.verify_value")
        for _ in range(3):
            await told(fed, "XB", "XA", "case.partial_reply", case=other.case)
        looked.clear()
        await say(fed, "XB", "XA", "case.interim", case=asked.case)
        assert looked == [5]


async def test_a_case_is_folded_once_however_many_steps_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its copy is made from the beginning, a message at a time; what comes after is folded too."""
    opened: list[int] = []
    plain = folding.read_events

    def counting(tx: Transaction, keys: Any, kinds: Any, found: list[Any]) -> Any:
        opened.append(len(found))
        return plain(tx, keys, kinds, found)

    async with federation(tmp_path, "XA", "XB") as fed:
        cases = fed.nodes[XB].rooms.cases
        asked = await told(fed, "XA", "XB", "request.verify_value")
        for kind in ("case.acknowledge", "case.interim", "case.partial_reply"):
            await told(fed, "XB", "XA", kind, case=asked.case)
        monkeypatch.setattr(folding, "FOLDED_AT_ONCE", 1)
        monkeypatch.setattr(folding, "read_events", counting)
        whole = [await cases.page(CaseQuery(), OFFICER)]
        await fed.nodes[XB].database.write(lambda tx: tx.execute(delete(case_folding)))
        opened.clear()
        whole.append(await cases.page(CaseQuery(), OFFICER))
        assert sorted(opened, reverse=True)[:2] == [4, 0]
        assert whole[0] == whole[1]
        await told(fed, "XB", "XA", "case.reply", case=asked.case)
        (thread,) = (await cases.page(CaseQuery(), OFFICER)).threads
        assert thread.state == State.ANSWERED


async def test_the_copy_of_a_large_case_grows_by_what_came_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not opened from the beginning again, and the list says what a whole fold does."""
    monkeypatch.setattr(known_cases, "LARGE", 2)
    opened: list[int] = []
    plain = folding.read_events

    def counting(tx: Transaction, keys: Any, kinds: Any, found: list[Any]) -> Any:
        opened.append(sum(is_event(item.kind) for item in found))
        return plain(tx, keys, kinds, found)

    async with federation(tmp_path, "XA", "XB") as fed:
        cases = fed.nodes[XB].rooms.cases
        asked = await told(fed, "XA", "XB", "request.verify_value")
        last = await told(fed, "XB", "XA", "case.acknowledge", case=asked.case)
        await cases.page(CaseQuery(), OFFICER)
        monkeypatch.setattr(folding, "read_events", counting)
        kinds = ("case.interim", RECALL, "case.partial_reply", "case.reply")
        for before, kind in enumerate(kinds, 2):
            taking = {"in_reply_to": last.id, "saying": {"message": last.id, "attachments": []}}
            changes: dict[str, Any] = taking if kind == RECALL else {}
            last = await told(fed, "XB", "XA", kind, case=asked.case, **changes)
            opened.clear()
            (listed,) = (await cases.page(CaseQuery(), OFFICER)).threads
            assert max(opened, default=0) < before
            (whole,) = (await cases.read(asked.case, OFFICER)).threads
            for name in listed.__struct_fields__:
                assert getattr(listed, name) == getattr(whole, name)
