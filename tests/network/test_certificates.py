"""Certificates change on both sides of open connections, and no exchange fails."""

import asyncio
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from gateway.errors import ForbiddenError, LiaisonError
from gateway.network import peer_connections
from gateway.network.peer_api import PeerApi
from gateway.protocol.answer import Posted, encode_batch
from gateway.protocol.mailbox import Collect, encode_collect
from keys.certificate import certificate_digest
from keys.suite import KeyId, KeyUse, MemberId
from tests.network.served import XA, XB, Served, served
from tests.scenarios.federation import OFFICER, unaware

LEAD_S, OVERLAP_S = 60, 30
POLICY = {"policy": {"tls_lead_s": LEAD_S, "sign_overlap_s": OVERLAP_S}}
SHORT = dict.fromkeys(("REGISTRY", "XA", "XB"), POLICY)
ATTACHED = 40_000_000
BATCH = encode_batch([Posted((), ("XB",), b"garbage")])


async def pieces():  # noqa: ANN201 - an async generator of bytes
    """Yield an attachment."""
    content = os.urandom(1_000_000)
    for _ in range(ATTACHED // len(content)):
        yield content


@dataclass
class Streams:
    """Requests without a pause, both ways between XA and XB."""

    made: Served
    came: Counter[str] = field(default_factory=Counter)
    halt: asyncio.Event = field(default_factory=asyncio.Event)
    going: list[asyncio.Future[None]] = field(default_factory=list)

    def begin(self, *names: str) -> None:
        """Let some run."""
        self.going += [asyncio.ensure_future(self._run(name)) for name in names]

    async def end(self) -> None:
        """Let each succeed once more, and end; raise what went wrong with any."""
        after = Counter(self.came)
        await self.made.fed.until(lambda: all(self.came[name] > after[name] for name in after))
        self.halt.set()
        await asyncio.gather(*self.going)  # noqa: TID251 - each raises its own

    async def _run(self, name: str) -> None:
        while not self.halt.is_set():
            for caller, to in (("XA", XB), ("XB", XA)):
                peer = self.made.peers[caller].member(to)
                if name == "ping":
                    await peer.ping()
                else:
                    await peer.collect(Collect(wait_s=2, confirmations=(), settled=()))
                self.came[f"{name} {caller}"] += 1
            await asyncio.sleep(0.01)


async def delivered(made: Served, message: str) -> None:
    """Wait until XA's message is delivered."""

    async def done() -> bool:
        return await made.fed.state("XA", message) == "delivered"

    await made.fed.until(done)


async def rotated(made: Served, member: MemberId) -> None:
    """Give a node a new certificate, and wait until all know it."""
    await made.fed.nodes[member].rooms.rotation.rotate(KeyUse.TLS, OFFICER)
    size = made.fed.nodes[member].mirror.size
    for node in made.fed.nodes.values():
        await made.fed.until(lambda m=node.mirror: m.size >= size)


def pass_by(made: Served, seconds: int) -> None:
    """Let time pass for all at once."""
    for member in made.fed.nodes:
        made.fed.clocks[member].ahead_s += seconds


def api_of(made: Served, member: str) -> PeerApi:
    """Return a node's listener for peers."""
    gate = made.fed.nodes[member].gate
    return next(api for api in made.apis if isinstance(api, PeerApi) and api._gate is gate)


async def test_certificates_change_without_a_failed_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream of requests both ways, long polls and 40 MB on the way: until the old ones end."""
    monkeypatch.setattr(peer_connections, "END_OVER_S", 0.1)
    async with served(tmp_path, "XA", "XB", changes=SHORT) as made:
        streams = Streams(made)
        old = {m: made.fed.nodes[m].keys.keyring.records(KeyUse.TLS)[-1] for m in (XA, XB)}

        streams.begin("ping", "ping", "poll")
        upload = made.fed.nodes[XA].rooms.attachments.upload
        paper = await upload(pieces(), "a.bin", "application/octet-stream", OFFICER)
        sent = [(await made.fed.send("XA", "XB", attachments=[paper.id])).id]
        for member in (XA, XB):
            await rotated(made, member)
        for passed_s in (0, LEAD_S + 1, OVERLAP_S):
            pass_by(made, passed_s)
            for _ in range(5):
                sent.append((await made.fed.send("XA", "XB")).id)
                await asyncio.sleep(0.1)
        view, now = made.fed.nodes[XA].mirror.view, made.fed.clocks[XA].now()
        assert all(view.keys[KeyId(record.key_id)].end < now for record in old.values())
        apis = {member: api_of(made, member) for member in (XA, XB)}
        await made.fed.until(
            lambda: (
                not any(apis[name].connections.open_under(old[name].key_id) for name in (XA, XB))
            )
        )
        await streams.end()
        for message in sent:
            await delivered(made, message)
            (recipient,) = (await made.fed.read("XA", message)).recipients
            assert recipient.attempts <= 2, "an attachment is asked for once, and nothing else"
        assert Counter(item.id for item in (await made.fed.inbox("XB")).messages) == Counter(sent)


async def test_connection_under_an_old_certificate_ends_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way when the certificate ends is answered; then the connection is closed."""
    monkeypatch.setattr(peer_connections, "END_OVER_S", 0.1)
    async with served(tmp_path, "XA", "XB", changes=SHORT) as made:
        record = made.fed.nodes[XA].keys.keyring.records(KeyUse.TLS)[-1]
        theirs = made.fed.nodes[XB].keys.keyring.records(KeyUse.TLS)[-1]
        async with aiohttp.ClientSession() as session:
            as_xa = made.context("XB", record)

            async def post(path: str, body: bytes) -> int:
                async with session.post(made.url("XB", path), data=body, ssl=as_xa) as answer:
                    await answer.read()
                    return answer.status

            assert await post("envelopes", BATCH) == 200
            assert api_of(made, "XB").connections.open_under(theirs.key_id) >= 1
            await rotated(made, XA)
            asked = encode_collect(Collect(wait_s=3, confirmations=(), settled=()))
            began = asyncio.ensure_future(post("collect", asked))
            gate = made.fed.nodes[XB].gate
            await made.fed.until(lambda: gate.collects.inside == 1)
            pass_by(made, LEAD_S + OVERLAP_S + 1)
            assert await began == 200  # it began before the end, and ends after it
            with pytest.raises((aiohttp.ClientError, OSError)):
                await post("envelopes", BATCH)
        with pytest.raises(ForbiddenError):
            gate.standing(certificate_digest(record.certificate))
        assert (await made.peers["XA"].member(XB).ping()).member == XB


async def test_peer_that_does_not_know_the_new_certificate_is_shown_the_old_one(
    tmp_path: Path,
) -> None:
    """XB cannot read the registry: XA's messages reach it all the same, as long as that lasts."""
    async with served(tmp_path, "XA", "XB") as made:
        xb = made.fed.nodes[XB]
        with unaware(xb):
            size = xb.mirror.size
            await made.fed.nodes[XA].rooms.rotation.rotate(KeyUse.TLS, OFFICER)
            for member in (XA, XB):
                made.fed.clocks[member].ahead_s = 301
            view, now = made.fed.nodes[XA].mirror.view, made.fed.clocks[XA].now()
            newest = made.fed.nodes[XA].keys.tls(view, now)
            assert made.peers["XA"].contexts.shown_to(XB, view, now) == newest
            with pytest.raises(LiaisonError) as caught:
                await made.peers["XA"].member(XB).ping()
            assert caught.value.code == "tls_failed"
            assert (await made.peers["XA"].member(XB).ping()).member == XB
            await delivered(made, (await made.fed.send("XA", "XB")).id)
            assert xb.mirror.size == size
        made.fed.clocks[XA].ahead_s = 3 * 86_400
        now = made.fed.clocks[XA].now()
        assert (
            made.peers["XA"].contexts.shown_to(XB, view, now) == newest
        )  # there is no other one left


async def test_new_certificate_is_taken_from_a_peer_whose_clock_is_ahead(tmp_path: Path) -> None:
    """XA begins to show it four minutes before it is due by XB's clock: both ways go on."""
    async with served(tmp_path, "XA", "XB") as made:
        old = made.fed.nodes[XA].keys.keyring.records(KeyUse.TLS)[-1]
        await made.fed.nodes[XA].rooms.rotation.rotate(KeyUse.TLS, OFFICER)
        mirrors = [node.mirror for node in made.fed.nodes.values()]
        await made.fed.until(lambda: len({mirror.size for mirror in mirrors}) == 1)
        made.fed.clocks[XA].ahead_s, made.fed.clocks[XB].ahead_s = 301, 61
        view, now = made.fed.nodes[XA].mirror.view, made.fed.clocks[XA].now()
        shown = made.peers["XA"].contexts.shown_to(XB, view, now)
        assert shown.key_id != old.key_id
        assert not view.keys[KeyId(shown.key_id)].good_at(made.fed.clocks[XB].now())
        assert (await made.peers["XA"].member(XB).ping()).member == XB
        assert (await made.peers["XB"].member(XA).ping()).member == XA
        assert made.peers["XA"].contexts.shown_to(XB, view, now) == shown
        await delivered(made, (await made.fed.send("XA", "XB")).id)
