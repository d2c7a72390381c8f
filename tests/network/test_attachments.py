"""Attachments over real sockets: what is not here says so, and what is too large is refused."""

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import aiohttp

from gateway.cli.demo.story import request
from gateway.protocol.blob import SEGMENT_BYTES, SegmentList, encode_segment_list, segment_digest
from gateway.settings import Fetch
from keys.suite import KeyUse
from tests.network.served import XA, Served, fault_of, served
from tests.system.nodes import liaison

CONTENT = os.urandom(SEGMENT_BYTES + 300_000)
HEADERS = {"X-Filename": "a.pdf", "Content-Type": "application/pdf"}


async def send(made: Served) -> str:
    """Send a message with an attachment from XA to XB; return its name once it is delivered."""
    async with made.house("XA") as xa:
        async with xa.post("/v1/attachments", data=io.BytesIO(CONTENT), headers=HEADERS) as answer:
            uploaded = (await answer.json())["id"]
        async with xa.post("/v1/messages", json=request([uploaded])) as answer:
            sent = str((await answer.json())["id"])

    async def is_delivered() -> bool:
        return await made.fed.state("XA", sent) == "delivered"

    await made.fed.until(is_delivered)
    return sent


async def command(made: Served, *arguments: str) -> tuple[int, str]:
    """Run a command at XB; return its exit code and what it printed."""
    folder = str(made.fed.place / "XB")
    ran = await asyncio.to_thread(liaison, *arguments, "--dir", folder)
    assert "Traceback" not in ran.err
    return ran.code, ran.out + ran.err


async def shown(made: Served, sent: str) -> dict[str, Any]:
    """Return the attachment of a message as XB's API shows it."""
    async with made.house("XB") as xb, xb.get(f"/v1/messages/{sent}") as answer:
        (attachment,) = (await answer.json())["attachments"]
        return dict(attachment)


async def test_attachment_that_is_not_here_says_so_everywhere(tmp_path: Path) -> None:
    """In lists, opened, read, and by command; asked for, it comes, and everywhere it is whole."""
    changes = {"XB": {"blobs": {"fetch": Fetch.ON_DEMAND}}}
    async with served(tmp_path, "XA", "XB", changes=changes) as made:
        sent = await send(made)
        assert (await shown(made, sent))["state"] == "on_demand"
        code, printed = await command(made, "message", "show", sent)
        assert (code, "NOT HERE: on_demand, 0 bytes" in printed) == (0, True)
        code, printed = await command(made, "inbox", "list")
        assert (code, "received incomplete" in printed) == (0, True)
        outgoing = made.fed.nodes[XA].gate.outgoing
        outgoing._blobs, kept = None, outgoing._blobs  # XA breaks while it answers
        async with made.house("XB") as xb:
            path = f"/v1/attachments/{sent}.0"
            async with xb.get(path, headers={"Range": "bytes=0-99"}) as answer:
                told = await answer.json()
                assert (answer.status, told["code"]) == (503, "attachment_pending")
                assert int(answer.headers["Retry-After"]) == told["retry_after_s"] > 0
            copy = tmp_path / "copy"
            code, printed = await command(made, "attachment", "get", f"{sent}.0", str(copy))
            assert (code, "attachment_pending" in printed) == (3, True)
            assert not copy.exists()
            code, printed = await command(made, "attachment", "fetch", f"{sent}.0")
            assert (code, "pending" in printed) == (3, True)
            outgoing._blobs = kept

            async def is_whole() -> bool:
                await asyncio.sleep(0.2)  # it takes half a minute: who asks all the time is busy
                return bool((await shown(made, sent))["state"] == "whole")

            await made.fed.until(is_whole)
            async with xb.get(path) as answer:
                assert await answer.read() == CONTENT
            async with xb.post(f"{path}/fetch") as answer:
                told = await answer.json()
                assert (answer.status, told["state"], told["code"]) == (202, "whole", "")
                assert told["held_bytes"] == told["size"] == len(CONTENT)
        code, printed = await command(made, "attachment", "fetch", f"{sent}.0")
        assert (code, f"{len(CONTENT)} of {len(CONTENT)} bytes" in printed) == (0, True)
        code, printed = await command(made, "message", "list")
        assert (code, "incomplete" in printed) == (0, False)


async def test_upload_over_the_limit_is_refused_as_soon_as_it_is_seen(tmp_path: Path) -> None:
    """By its length, before it is read; without a length, where it crosses the limit."""
    changes = {"XA": {"blobs": {"max_attachment_bytes": 1_000_000}}}
    async with served(tmp_path, "XA", changes=changes) as made, made.house("XA") as xa:

        async def pieces():  # noqa: ANN202 - an async generator of bytes
            for _ in range(20):
                yield bytes(100_000)

        for body in (io.BytesIO(bytes(1_000_001)), pieces()):
            async with xa.post("/v1/attachments", data=body, headers=HEADERS) as answer:
                told = await answer.json()
                assert (answer.status, told["code"]) == (413, "attachment_too_large")
                assert "blobs.max_attachment_bytes" in told["detail"]
        assert not list((tmp_path / "XA" / "blobs").iterdir())
        async with xa.post("/v1/attachments", data=bytes(1_000_000), headers=HEADERS) as answer:
            assert answer.status == 201


async def test_segment_of_the_wrong_length_is_refused_by_name(tmp_path: Path) -> None:
    """Without a length, too short, too long: nothing of it is kept."""
    async with served(tmp_path, "XA", "XB") as made, aiohttp.ClientSession() as session:
        as_xa = made.context("XB", made.fed.nodes[XA].keys.keyring.records(KeyUse.TLS)[-1])
        segments = SegmentList(5, (segment_digest(0, b"right"),))
        path = made.url("XB", f"blobs/{segments.blob_id.hex()}")
        async with session.put(path, data=encode_segment_list(segments), ssl=as_xa) as answer:
            assert answer.status == 200

        async def pieces():  # noqa: ANN202 - an async generator of bytes
            yield b"right"

        for body, code in (
            (pieces(), "length_missing"),
            (b"righ", "segment_mismatch"),
            (b"rightly", "segment_mismatch"),
            (io.BytesIO(bytes(SEGMENT_BYTES + 1)), "body_too_large"),
        ):
            async with session.put(f"{path}/0", data=body, ssl=as_xa) as answer:
                assert (await fault_of(answer)).code == code
        (location,) = (tmp_path / "XB" / "blobs").iterdir()
        assert not list(location.iterdir())
        envelope = made.url("XB", f"envelopes/{'00' * 32}/blobs/{segments.blob_id.hex()}")
        for asked in (envelope, f"{envelope}/0"):
            async with session.get(asked, ssl=as_xa) as answer:
                assert (await fault_of(answer)).code == "blob_unknown"
            async with session.get(asked, ssl=made.context("XB", None)) as answer:
                assert (await fault_of(answer)).code == "member_required"
