"""Attachments on poor lines: text first, on demand, resumed, refused, lost; and never half."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.protocol.answer import Accepted, PendingBlobs
from gateway.protocol.blob import SEGMENT_BYTES
from gateway.protocol.delivery import CUSTODY_FIRST_S
from gateway.services.receiving.message_view import AttachmentView
from gateway.settings import Fetch
from gateway.store import custody
from keys.suite import MemberId
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import codes, delivered, pieces

XA, XB, XC, XD, RO = (MemberId(name) for name in ("XA", "XB", "XC", "XD", "RO"))
CONTENT = os.urandom(2 * SEGMENT_BYTES + 1_000_000)
"""Three segments."""


def policy(member: str, fetch: str, **changes: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the setting of a member that wants even small attachments later."""
    return {member: {"blobs": {"fetch": Fetch(fetch), "fetch_small_bytes": 0, **changes}}}


async def send(fed: Federation, sender: str, to: str, content: bytes = CONTENT) -> str:
    """Send a message with an attachment; return its name."""
    rooms = fed.nodes[MemberId(sender)].rooms
    up = await rooms.attachments.upload(pieces(content), "a.pdf", "application/pdf", OFFICER)
    return (await fed.send(sender, to, attachments=[up.id])).id


async def attachment(fed: Federation, member: str, message: str) -> AttachmentView:
    """Return how far the attachment of a message is."""
    return (await fed.read(member, message)).attachments[0]


async def is_in(fed: Federation, member: str, message: str, state: str) -> bool:
    """Tell whether the attachment of a message is in this state."""
    return (await attachment(fed, member, message)).state == state


async def read(fed: Federation, member: str, message: str) -> bytes:
    """Read the attachment of a message as the house does."""
    rooms = fed.nodes[MemberId(member)].rooms
    found = await rooms.inbox.attachment(f"{message}.0", OFFICER)
    opened = await rooms.attachments.open(found)
    return b"".join([piece async for piece in opened.read(0, opened.size)])


async def why_not(fed: Federation, member: str, message: str) -> LiaisonError:
    """Try to read an attachment that is not there; return what is said."""
    with pytest.raises(LiaisonError) as caught:
        await read(fed, member, message)
    return caught.value


async def test_text_is_receipted_first_and_its_attachment_follows(tmp_path: Path) -> None:
    """Stored, shown and receipted without it; pending wherever it is shown, then whole."""
    changes = policy("XB", "text_first")
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        fed.fetches_left = 1
        sent = await send(fed, "XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent))
        (answer,) = fed.answers
        assert isinstance(answer, Accepted)
        assert len(answer.wanted) == 1
        await fed.until(lambda: fed.fetches_left == 0)
        (listed,) = (await fed.inbox("XB")).messages
        assert (listed.attachments, listed.attachments_missing) == (1, 1)
        shown = await attachment(fed, "XB", sent)
        assert shown.state == "pending"
        assert shown.held_bytes <= SEGMENT_BYTES < shown.size
        fault = await why_not(fed, "XB", sent)
        assert isinstance(fault, UnavailableError)
        assert (fault.code, (fault.retry_after_s or 0) > 0) == ("attachment_pending", True)
        assert not [kind for kind, _, _ in await codes(fed, XB) if kind == "attachment.received"]
        fed.fetches_left = -1
        await fed.until(lambda: is_in(fed, "XB", sent, "whole"))
        assert await read(fed, "XB", sent) == CONTENT
        assert (await fed.inbox("XB")).messages[0].attachments_missing == 0
        assert ("attachment.received", "XA", "") in await codes(fed, XB)
        assert sorted(fed.fetched) == [0, 1, 2]


async def test_fetching_goes_on_where_a_crash_left_it(tmp_path: Path) -> None:
    """XB dies in the middle, then XA; what is there is not fetched again."""
    changes = policy("XB", "text_first")
    changes["XB"]["delivery"] = {"segments_in_flight": 1}
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        fed.fetches_left = 1
        sent = await send(fed, "XA", "XB")
        await fed.until(lambda: holds(fed, sent, SEGMENT_BYTES))
        await fed.stop("XB")
        fed.fetches_left = 1
        await fed.start("XB")
        await fed.until(lambda: holds(fed, sent, 2 * SEGMENT_BYTES))
        await fed.stop("XA")
        fed.fetches_left = -1
        await fed.start("XA")
        await fed.until(lambda: is_in(fed, "XB", sent, "whole"))
        assert fed.fetched == [0, 1, 2]
        assert await read(fed, "XB", sent) == CONTENT


async def holds(fed: Federation, message: str, length: int) -> bool:
    """Tell whether XB has this much of an attachment."""
    messages = (await fed.inbox("XB")).messages
    return bool(messages) and (await attachment(fed, "XB", message)).held_bytes == length


async def test_copy_that_comes_again_meanwhile_is_not_fetched_twice(tmp_path: Path) -> None:
    """Its lease is shorter than the way of its attachment: every segment travels once."""
    changes = {"RO": {"relay": {"collect_lease_s": 1}}}
    async with federation(tmp_path, "XA", "RO", "XC@RO", changes=changes) as fed:
        incoming, may_come = fed.nodes[XC].gate.incoming, asyncio.Event()
        offer = incoming.offer

        async def held_up(*arguments: Any) -> list[int]:
            missing = await offer(*arguments)
            await may_come.wait()
            return missing

        incoming.offer = held_up
        sent = await send(fed, "XA", "XC")
        await fed.until(lambda: sum(len(found.copies) for _, _, found in fed.collected) > 2)
        may_come.set()
        await fed.until(lambda: delivered(fed, "XA", sent))
        assert sorted(fed.fetched) == [0, 1, 2]


async def test_attachment_on_demand_waits_at_the_relay_until_somebody_asks(tmp_path: Path) -> None:
    """The receipt goes back, the relay keeps the copy; asked for, it comes, and the copy goes."""
    changes = policy("XC", "on_demand")
    async with federation(tmp_path, "XA", "RO", "XC@RO", changes=changes) as fed:
        sent = await send(fed, "XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", sent))
        assert await is_in(fed, "XC", sent, "on_demand")
        await asyncio.sleep(0.2)
        assert fed.fetched == []
        assert mailbox(fed) == 1
        asked = await fed.nodes[XC].rooms.inbox.fetch(f"{sent}.0", OFFICER)
        assert asked.state == "pending"
        await fed.until(lambda: is_in(fed, "XC", sent, "whole"))
        assert await read(fed, "XC", sent) == CONTENT
        await fed.until(lambda: mailbox(fed) == 0)
        assert [entry for entry in await codes(fed, XA) if entry[0] == "receipt.held"]
        again = await fed.nodes[XC].rooms.inbox.fetch(f"{sent}.0", OFFICER)
        assert again.state == "whole"


async def test_reading_what_is_on_demand_lets_it_come(tmp_path: Path) -> None:
    """The first who reads is told to come again; the second reads."""
    changes = policy("XB", "on_demand")
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        sent = await send(fed, "XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent))
        assert (await why_not(fed, "XB", sent)).code == "attachment_pending"
        await fed.until(lambda: is_in(fed, "XB", sent, "whole"))
        assert await read(fed, "XB", sent) == CONTENT


def mailbox(fed: Federation) -> int:
    """Return how many copies RO holds for XC."""
    return fed.nodes[RO].database.read_now(lambda tx: custody.usage(tx, "XC"))[0]


async def test_copy_comes_again_to_a_member_that_died_while_it_fetched(tmp_path: Path) -> None:
    """The relay's lease runs out, the repeat gets the same receipt, and the attachment comes."""
    changes = policy("XC", "text_first")
    async with federation(tmp_path, "XA", "RO", "XC@RO", changes=changes) as fed:
        fed.fetches_left = 0
        sent = await send(fed, "XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", sent))
        await fed.stop("XC")
        await fed.start("XC")
        fed.fetches_left = -1
        await fed.until(lambda: is_in(fed, "XC", sent, "whole"))
        assert mailbox(fed) == 1  # nobody remembers to confirm, until the copy comes again
        fed.clocks[RO].ahead_s += 2 * CUSTODY_FIRST_S
        await fed.until(lambda: mailbox(fed) == 0)
        assert len((await fed.inbox("XC")).messages) == 1


async def test_relay_that_pushes_keeps_what_is_still_wanted(tmp_path: Path) -> None:
    """XD has an address and a relay: the text is pushed on, the attachment fetched from there."""
    changes = policy("XD", "text_first")
    async with federation(tmp_path, "XA", "RO", "XD+RO", changes=changes) as fed:
        fed.fetches_left = 0
        sent = await send(fed, "XA", "XD")
        await fed.until(lambda: delivered(fed, "XA", sent))
        (held,) = fed.nodes[RO].database.read_now(custody.contents)
        assert held[:2] == ("XD", 1)
        fed.fetches_left = -1
        await fed.until(lambda: is_in(fed, "XD", sent, "whole"))
        assert await read(fed, "XD", sent) == CONTENT
        fed.clocks[RO].ahead_s += 2 * CUSTODY_FIRST_S
        await fed.until(lambda: fed.nodes[RO].database.read_now(custody.contents) == [])


async def test_who_cannot_be_called_brings_everything_first(tmp_path: Path) -> None:
    """XC has no address: XB, which wants the text first, could fetch nothing from it later."""
    changes = policy("XB", "text_first")
    async with federation(tmp_path, "XB", "RO", "XC@RO", changes=changes) as fed:
        sent = await send(fed, "XC", "XB")
        await fed.until(lambda: delivered(fed, "XC", sent))
        assert [type(item) for item in fed.answers] == [PendingBlobs, Accepted]
        assert fed.fetched == []
        assert await read(fed, "XB", sent) == CONTENT


async def test_small_attachment_comes_with_the_text(tmp_path: Path) -> None:
    """Below the setting nothing is put off."""
    changes = policy("XB", "on_demand", fetch_small_bytes=100_000)
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        sent = await send(fed, "XA", "XB", b"x" * 50_000)
        await fed.until(lambda: delivered(fed, "XA", sent))
        assert await read(fed, "XB", sent) == b"x" * 50_000


async def test_attachment_that_never_came_is_lost_with_a_reason(tmp_path: Path) -> None:
    """The message stays, what is missing is said, and what came of it does not lie about."""
    changes = policy("XB", "text_first")
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        fed.fetches_left = 1
        sent = await send(fed, "XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent))
        fed.clocks[XB].ahead_s += 8 * 86_400
        await fed.nodes[XB].workers.sweep()
        await fed.until(lambda: is_in(fed, "XB", sent, "lost"))
        shown = await attachment(fed, "XB", sent)
        assert shown.code == "expired"
        fault = await why_not(fed, "XB", sent)
        assert isinstance(fault, RejectedError)
        assert (fault.code, "expired" in fault.detail) == ("attachment_lost", True)
        assert ("attachment.lost", "XA", "expired") in await codes(fed, XB)
        (listed,) = (await fed.inbox("XB")).messages
        assert listed.attachments_missing == 1
        fed.clocks[XB].ahead_s += 2 * 86_400

        async def swept() -> bool:
            await fed.nodes[XB].workers.sweep()
            return not list((tmp_path / "XB" / "blobs").iterdir())

        await fed.until(swept)


async def test_attachment_that_its_sender_has_no_more_is_lost_by_name(tmp_path: Path) -> None:
    """Who brought it has it no more: that is final, and said."""
    changes = policy("XB", "on_demand")
    async with federation(tmp_path, "XA", "XB", changes=changes) as fed:
        sent = await send(fed, "XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent))
        gate = fed.nodes[XA].gate
        for hop in (XB, MemberId("REGISTRY")):
            with pytest.raises(RejectedError) as caught:
                await gate.for_hop(hop).blob_segments(bytes(32), bytes(32))
            assert caught.value.code == "blob_unknown"
        forget = text("DELETE FROM message_blobs")
        await fed.nodes[XA].database.write(lambda tx: tx.execute(forget))
        assert (await why_not(fed, "XB", sent)).code == "attachment_pending"
        await fed.until(lambda: is_in(fed, "XB", sent, "lost"))
        assert (await attachment(fed, "XB", sent)).code == "blob_unknown"


@pytest.mark.parametrize("refuser", ["XB", "RO"])
async def test_attachment_over_the_limit_ends_the_row_by_name(tmp_path: Path, refuser: str) -> None:
    """The recipient's limit, or a relay's: failed at once with the reason, and nothing stored."""
    names = ("XA", "XB") if refuser == "XB" else ("XA", "RO", "XC@RO")
    to = "XB" if refuser == "XB" else "XC"
    changes = {refuser: {"blobs": {"max_attachment_bytes": 1_000_000}}}
    async with federation(tmp_path, *names, changes=changes) as fed:
        sent = await send(fed, "XA", to, b"x" * 2_000_000)

        async def failed() -> bool:
            return await fed.state("XA", sent) == "failed"

        await fed.until(failed)
        (row,) = (await fed.read("XA", sent)).recipients
        assert row.code == "attachment_too_large"
        assert (await fed.inbox(to)).messages == []
        assert len(fed.posted) == 1
        assert not list((tmp_path / refuser / "blobs").iterdir())
        with pytest.raises(RejectedError) as caught:
            await send(fed, refuser, "XA", b"x" * 2_000_000)
        assert caught.value.code == "attachment_too_large"
        assert not list((tmp_path / refuser / "blobs").iterdir())


async def test_crash_before_the_last_commit_leaves_no_whole_attachment(tmp_path: Path) -> None:
    """All segments lie on the disk, the commit that says so is lost: not whole; then it is."""
    async with federation(tmp_path, "XA", "XB") as fed:
        warm = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        await fed.stop("XB")
        lost: list[str] = []

        def fault(where: str) -> None:
            segments = list((tmp_path / "XB" / "blobs").glob("*/0000?"))
            if where == "before_commit" and len(segments) == 3 and not lost:
                lost.append(where)
                raise UnavailableError("database_failed", "the power is cut")

        await fed.start("XB", fault=fault)
        sent = await send(fed, "XA", "XB")
        await fed.until(lambda: lost)
        assert [item.id for item in (await fed.inbox("XB")).messages] == [warm.id]
        await fed.until(lambda: delivered(fed, "XA", sent))
        assert hashlib.sha256(await read(fed, "XB", sent)).digest() == (
            hashlib.sha256(CONTENT).digest()
        )


async def test_upload_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    """The house goes away in the middle: no segment stays, and nothing can be named."""
    async with federation(tmp_path, "XA") as fed:

        async def broken():  # noqa: ANN202 - an async generator of bytes
            yield CONTENT[: SEGMENT_BYTES + 100]
            raise ConnectionError("gone")

        with pytest.raises(ConnectionError):
            await fed.nodes[XA].rooms.attachments.upload(
                broken(), "a.pdf", "application/pdf", OFFICER
            )
        assert not list((tmp_path / "XA" / "blobs").iterdir())
