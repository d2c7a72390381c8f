"""Back-pressure: who brings too much is told when to come again, and nobody else notices."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.cli.demo.story import request
from gateway.errors import UnavailableError
from gateway.protocol.answer import Accepted, Later
from gateway.protocol.mailbox import Collect
from gateway.services.gatekeeper import COLLECTS_EACH, POSTS_EACH
from gateway.services.relay import collecting
from gateway.services.sending.submission import Submission, Submitted
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import delivered, pieces

XA, XB, XC, RO = (MemberId(name) for name in ("XA", "XB", "XC", "RO"))


async def why(fed: Federation, ref: str) -> tuple[str, str]:
    """Return how far XA's message is, and why no further."""
    (recipient,) = (await fed.read("XA", ref)).recipients
    return recipient.state, recipient.code


async def test_flood_over_the_rate_waits_and_arrives_whole(tmp_path: Path) -> None:
    """Sixty at once pass, the others see why they wait; both operators do; nothing is lost."""
    changes = {"XB": {"policy": {"inbound_messages_a_minute": 60}}}
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        asked = msgspec.convert(request([]) | {"to": ["XB"]}, Submission)
        answers = await fed.nodes[XA].rooms.exchange.submit([asked] * 62, OFFICER)
        sent = [item for item in answers if isinstance(item, Submitted)]
        assert len(sent) == 62

        async def told() -> bool:
            return ("queued", "rate_limited") in [await why(fed, item.id) for item in sent[-8:]]

        await fed.until(told)
        for item in sent:
            await fed.until(lambda item=item: delivered(fed, "XA", item.id))
        received = [item.id for item in (await fed.inbox("XB")).messages]
        assert sorted(received) == sorted(item.id for item in sent)
        status = await fed.nodes[XB].rooms.health.status()
        assert status.limited["XA"] >= 1


async def test_part_of_a_post_passes_and_then_none_of_it(tmp_path: Path) -> None:
    """The first copies are answered, the others told later; a post of which none passes fails."""
    changes = {"XB": {"policy": {"inbound_messages_a_minute": 3}}}
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        gate, posted = fed.nodes[XB].gate.for_hop(XA), fed.posted[0][2]
        answers = await gate.post_envelopes([posted] * 4)
        assert [type(item) for item in answers] == [Accepted, Accepted, Later, Later]
        assert {item.code for item in answers[2:]} == {"rate_limited"}
        assert all(1 <= item.retry_after_s <= 40 for item in answers[2:])
        with pytest.raises(UnavailableError) as caught:
            await gate.post_envelopes([posted])
        assert caught.value.code == "rate_limited"
        assert 1 <= (caught.value.retry_after_s or 0) <= 20


async def test_attachment_over_the_quota_waits_and_lighter_messages_go_on(tmp_path: Path) -> None:
    """Refused before a byte of it came; when the day is over it arrives whole."""
    changes = {"XB": {"policy": {"inbound_bytes_a_day": 500_000}}}
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        rooms, sent = fed.nodes[XA].rooms, []
        for _ in range(2):
            up = await rooms.attachments.upload(
                pieces(os.urandom(300_000)), "a.bin", "application/pdf", OFFICER
            )
            sent.append(await fed.send("XA", "XB", attachments=[up.id]))
            if len(sent) == 1:
                await fed.until(lambda: delivered(fed, "XA", sent[0].id))

        async def told() -> bool:
            return await why(fed, sent[1].id) == ("queued", "quota_exceeded")

        await fed.until(told)
        assert await stored_blobs(fed) == 1
        light = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", light.id))
        assert await told()
        fed.clocks[XB].monotonic = lambda: time.monotonic() + 86_400
        fed.clocks[XA].ahead_s = 4000
        await fed.until(lambda: delivered(fed, "XA", sent[1].id))
        assert await stored_blobs(fed) == 2


async def stored_blobs(fed: Federation) -> int:
    """Return how many attachments lie on XB's disk."""
    return len(list((fed.place / "XB" / "blobs").iterdir()))


async def test_two_hundred_posts_at_once_do_not_hold_up_another_member(tmp_path: Path) -> None:
    """A few are taken, the others told when to come again; XC's message arrives meanwhile."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        sent = [await fed.send(name, "XB") for name in ("XA", "XC")]
        for sender, item in zip(("XA", "XC"), sent, strict=True):
            await fed.until(lambda s=sender, i=item: delivered(fed, s, i.id))
        posted = next(item for caller, _, item in fed.posted if caller == XA)
        gate = fed.nodes[XB].gate.for_hop(XA)
        flood = [
            asyncio.ensure_future(outcome_of(gate.post_envelopes([posted] * 64)))
            for _ in range(200)
        ]
        other = await fed.send("XC", "XB")
        await fed.until(lambda: delivered(fed, "XC", other.id))
        ended = [await task for task in flood]
        refused = [item for item in ended if isinstance(item, UnavailableError)]
        assert len(ended) - len(refused) == POSTS_EACH
        assert {(item.code, item.retry_after_s) for item in refused} == {("too_many_at_once", 1)}
        assert fed.nodes[XB].gate.posts.inside == 0
        assert len((await fed.inbox("XB")).messages) == 3


async def test_mailbox_has_few_collectors_at_a_time(tmp_path: Path) -> None:
    """Long polls hold memory: the fifth is told to come again."""
    async with federation(tmp_path, "RO", "XC@RO") as fed:
        await fed.stop("XC")
        gate = fed.nodes[RO].gate
        mailbox = gate.for_hop(XC)
        polls = [
            asyncio.ensure_future(mailbox.collect(Collect(20, (), ())))
            for _ in range(COLLECTS_EACH)
        ]
        await fed.until(lambda: gate.collects.inside == COLLECTS_EACH)
        with pytest.raises(UnavailableError) as caught:
            await mailbox.collect(Collect(0, (), ()))
        assert caught.value.code == "too_many_at_once"
        for poll in polls:
            poll.cancel()
        await asyncio.wait(polls)
        assert (await mailbox.collect(Collect(0, (), ()))).copies == ()


async def test_nothing_more_is_collected_while_many_attachments_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held in memory is bounded: the mailbox keeps the rest until there is room."""
    monkeypatch.setattr(collecting, "FETCHES_WAITING", 0)
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        incoming, may_come = fed.nodes[XC].gate.incoming, asyncio.Event()
        offer = incoming.offer

        async def held_up(*arguments: Any) -> list[int]:
            await may_come.wait()
            return await offer(*arguments)

        incoming.offer = held_up
        up = await fed.nodes[XA].rooms.attachments.upload(
            pieces(os.urandom(300_000)), "a.bin", "application/pdf", OFFICER
        )
        heavy = await fed.send("XA", "XC", attachments=[up.id])
        await fed.until(lambda: fed.collected)
        light = await fed.send("XA", "XC")

        async def in_custody() -> bool:
            return await fed.state("XA", light.id) == "in_custody"

        await fed.until(in_custody)
        await asyncio.sleep(0.3)
        assert sum(len(found.copies) for _, _, found in fed.collected) == 1
        may_come.set()
        for item in (heavy, light):
            await fed.until(lambda item=item: delivered(fed, "XA", item.id))


async def test_nearly_full_disk_at_the_receiver_defers_what_is_new(tmp_path: Path) -> None:
    """New messages are told later, with a time; what was accepted before gets its receipt."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        blobs = fed.nodes[XB].workers.blobs
        blobs.free_bytes = lambda: 1_000_000
        gate = fed.nodes[XB].gate.for_hop(XA)
        repeat = await gate.post_envelopes([fed.posted[0][2]])
        assert repeat == fed.answers
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: len(fed.answers) == 2)
        assert fed.answers[1] == Later("busy", 60)
        assert [item.id for item in (await fed.inbox("XB")).messages] == [first.id]
        del blobs.free_bytes
        fed.clocks[XA].ahead_s = 90
        await fed.until(lambda: delivered(fed, "XA", sent.id))
