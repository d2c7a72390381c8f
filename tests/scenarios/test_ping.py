"""The ping message: the whole way there and back, and nothing for the house."""

import asyncio
from pathlib import Path

import pytest

from gateway.errors import RejectedError
from gateway.protocol.answer import Accepted
from gateway.services.receiving.inbox import MessageQuery
from keys.suite import MemberId
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import codes, delivered

XB, XC = MemberId("XB"), MemberId("XC")
PING = {"kind": "ping", "content": {}}


async def test_ping_is_receipted_and_not_delivered(tmp_path: Path) -> None:
    """Signed, sealed, opened, verified and receipted; neither listed, counted nor woken for."""
    async with federation(tmp_path, "XA", "XB") as fed:
        query = MessageQuery(wait_s=2)
        waiting = asyncio.ensure_future(fed.nodes[XB].rooms.inbox.page(query, OFFICER))
        sent = await fed.send("XA", "XB", **PING)
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        (recipient,) = (await fed.read("XA", sent.id)).recipients
        assert recipient.receipt is not None
        assert recipient.receipt.verified
        assert (await waiting).messages == []
        assert await shown(fed, sent.id) == ([], {}, "message_unknown")
        assert ("message.received", "XA", "") in await codes(fed, XB)
        with pytest.raises(RejectedError) as caught:
            await fed.send("XB", "XA", in_reply_to=sent.id)
        assert caught.value.code == "message_unknown"


async def test_repeated_ping_gets_its_first_receipt(tmp_path: Path) -> None:
    """It is kept for that: lost answers cost nothing, and the house still sees nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.lose_answers = 2
        sent = await fed.send("XA", "XB", **PING)
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        receipts = [answer.receipt for answer in fed.answers if isinstance(answer, Accepted)]
        assert (len(receipts), len(set(receipts))) == (3, 1)
        assert await shown(fed, sent.id) == ([], {}, "message_unknown")


async def test_ping_goes_through_relays_and_its_receipt_comes_back(tmp_path: Path) -> None:
    """The way of a message: a relay cannot tell it from one."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        sent = await fed.send("XA", "XC", **PING)
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert (await fed.inbox("XC")).messages == []


async def shown(fed: Federation, ref: str) -> tuple[list[str], dict[str, int], str]:
    """Return what XB's house can learn of a message: its lists, its counts, the word for it."""
    node = fed.nodes[XB]
    pages = [await node.rooms.inbox.page(MessageQuery(), OFFICER), await fed.inbox("XB")]
    with pytest.raises(RejectedError) as caught:
        await node.rooms.inbox.read(ref, OFFICER)
    listed = [item.id for page in pages for item in page.messages]
    return listed, (await node.rooms.health.status()).messages, caught.value.code
