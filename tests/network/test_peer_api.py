"""Real TLS between nodes: who gets in, what it may ask, and when it is shown the door."""

import asyncio
import io
import ssl
from dataclasses import replace
from pathlib import Path

import aiohttp
import msgspec
import pytest

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.network.peer_api import HELD_BYTES_EACH, PeerApi
from gateway.protocol.answer import Posted, encode_batch
from gateway.protocol.audit import EntryKind, parse_entry
from gateway.protocol.blob import SegmentList, encode_segment_list, segment_digest
from gateway.services.turnstile import Turnstile
from gateway.settings import PeerApiSettings, Settings
from keys.certificate import certificate_digest
from keys.keyring import KeyRecord
from keys.registry.card import verify_card
from keys.registry.draft import draft_rotation, node_signer, use_line
from keys.registry.statement import Revocation
from keys.suite import KeyId, KeyUse
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.note import sign_note
from keys.tlog.tiles import parse_bundle
from tests.network.served import XA, XB, Served, fault_of, served, stranger
from tests.scenarios.federation import OFFICER, entries_of
from tests.system.nodes import free_ports

TIGHT = {"XB": {"policy": {"inbound_messages_a_minute": 2}}}
BATCH = encode_batch([Posted((), ("XB",), b"garbage")])


def tls_of(made: Served, member: str) -> KeyRecord:
    """Return the certificate that a node shows."""
    return made.fed.nodes[member].keys.keyring.records(KeyUse.TLS)[-1]


async def delivered(made: Served, message: str) -> bool:
    """Tell whether XA's message is delivered."""
    return await made.fed.state("XA", message) == "delivered"


async def test_message_crosses_real_tls(tmp_path: Path) -> None:
    """Sent, delivered and receipted, with a sealed attachment of three segments."""
    async with served(tmp_path, "XA", "XB") as made:
        content = bytes(range(256)) * 80_000

        async def pieces():  # noqa: ANN202 - an async generator of bytes
            yield content

        rooms = made.fed.nodes[XA].rooms
        up = await rooms.attachments.upload(pieces(), "a.bin", "application/pdf", OFFICER)
        sent = await made.fed.send("XA", "XB", attachments=[up.id])
        await made.fed.until(lambda: delivered(made, sent.id))
        read = await made.fed.read("XB", sent.id)
        inbox = made.fed.nodes[XB].rooms.inbox
        got = await inbox.attachment(read.attachments[0].id, OFFICER)
        opened = await made.fed.nodes[XB].rooms.attachments.open(got)
        assert b"".join([piece async for piece in opened.read(0, opened.size)]) == content
        pong = await made.peers["XA"].member(XB).ping()
        assert pong.member == "XB"
        await made.fed.nodes[XB].workers.audit_log.sequence()
        message_id, envelope_id = sent.id.partition("-")[2], read.envelope_id
        asked = bytes.fromhex(message_id), bytes.fromhex(envelope_id)
        (proven,) = await made.peers["XA"].member(XB).audit_proofs(*asked)
        assert parse_entry(proven.entry).kind is EntryKind.MESSAGE_RECEIVED
        with pytest.raises(RejectedError) as unknown:
            await made.peers["XA"].member(XB).audit_proofs(b"m" * 16, asked[1])
        assert unknown.value.code == "message_unknown"


async def test_stranger_reaches_nothing_that_needs_membership(tmp_path: Path) -> None:
    """No certificate: refused by name. Somebody else's: not even a handshake."""
    async with served(tmp_path, "XA") as made, aiohttp.ClientSession() as session:
        blob = "00" * 32
        needs = (
            ("POST", "envelopes", BATCH), ("PUT", f"blobs/{blob}", b"\x92\x01\x90"),
            ("PUT", f"blobs/{blob}/0", b"x"), ("GET", f"audit/proofs/{blob[:32]}/{blob}", b""),
        )  # fmt: skip
        for method, path, body in needs:
            without = made.context("XA", None)
            async with session.request(
                method, made.url("XA", path), data=body, ssl=without
            ) as answer:
                assert answer.status == 403
                assert (await fault_of(answer)).code == "member_required"
            foreign = made.context("XA", stranger())
            with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
                async with session.request(
                    method, made.url("XA", path), data=body, ssl=foreign
                ) as answer:
                    await answer.read()
        kinds = await entries_of(made.fed.nodes[XA])
        assert not [entry for entry in kinds if entry.kind == "message.received"]


async def test_bootstrap_reads_need_no_certificate(tmp_path: Path) -> None:
    """A node that nobody knows yet reads the registry and cards; they verify themselves."""
    async with served(tmp_path, "XA") as made, aiohttp.ClientSession() as session:
        anyone = made.context("XA", None)
        view = made.fed.nodes[XA].mirror.view

        async def get(path: str) -> bytes:
            async with session.get(made.url("XA", path), ssl=anyone) as answer:
                assert answer.status == 200, path
                return await answer.read()

        member, _, size = msgspec.msgpack.decode(await get("ping"))
        assert (member, size) == ("XA", 2)
        assert parse_checkpoint(await get("registry/checkpoint")).size == 2
        entries = parse_bundle(await get("registry/tile/entries/000.p/2"), 2)
        assert b"kind genesis" in entries[0]
        card = verify_card(await get("card/XA"), view, made.fed.clocks[XA].now())
        assert card.member == "XA"
        mine = certificate_digest(tls_of(made, XA).certificate).hex()
        assert msgspec.msgpack.decode(await get(f"whoami?cert={mine}")) == ["XA"]
        for path, code in (
            (f"whoami?cert={'00' * 32}", "pin_unknown"),
            ("whoami?cert=zz", "name_malformed"),
            ("card/XZ", "card_unknown"),
            ("card/x", "member_id_malformed"),
            ("registry/tile/entries/000.p/9", "not_found"),
            ("registry/tile/entries/../../etc", "not_found"),
            ("registry/tile/entries/x", "tile_path_malformed"),
            ("nothing", "not_found"),
        ):
            async with session.get(made.url("XA", path), ssl=anyone) as answer:
                assert (await fault_of(answer)).code == code, path


async def test_malformed_requests_are_refused_and_the_listener_lives_on(tmp_path: Path) -> None:
    """Each gets its code; the next request is served."""
    async with served(tmp_path, "XA", "XB") as made, aiohttp.ClientSession() as session:
        as_xa = made.context("XB", tls_of(made, XA))
        blob = "ab" * 32
        for method, path, body, code in (
            ("POST", "envelopes", b"\xc1", "encoding_invalid"),
            ("POST", "envelopes", b"", "encoding_invalid"),
            ("POST", "envelopes", bytes(5 * 1024 * 1024), "body_too_large"),
            ("POST", "envelopes", bytes(20 * 1024 * 1024), "body_too_large"),
            ("PUT", f"blobs/{blob}", b"\x92\x01\x90", "encoding_invalid"),
            ("PUT", f"blobs/{blob[:-1]}", b"", "name_malformed"),
            ("PUT", f"blobs/{blob}/0", b"x", "blob_unknown"),
            ("PUT", f"blobs/{blob}/x", b"x", "segment_unknown"),
            ("PUT", f"blobs/{blob}/9999999", b"x", "segment_unknown"),
            ("GET", "envelopes", None, "not_found"),
            ("POST", "registry/statements", b"garbage", "not_the_registrar"),
        ):
            async with session.request(
                method, made.url("XB", path), data=body and io.BytesIO(body), ssl=as_xa
            ) as answer:
                assert (await fault_of(answer)).code == code, (path, code)
        segments = SegmentList(5, (segment_digest(0, b"right"),))
        path = f"blobs/{segments.blob_id.hex()}"
        body = encode_segment_list(segments)
        async with session.put(made.url("XB", path), data=body, ssl=as_xa) as answer:
            assert msgspec.msgpack.decode(await answer.read()) == [0]
        async with session.put(made.url("XB", f"{path}/0"), data=b"wrong", ssl=as_xa) as answer:
            assert (await fault_of(answer)).code == "segment_mismatch"
        async with session.put(made.url("XB", f"{path}/0"), data=b"right", ssl=as_xa) as answer:
            assert answer.status == 204
        async with session.put(made.url("XB", path), data=body, ssl=as_xa) as answer:
            assert msgspec.msgpack.decode(await answer.read()) == []


async def test_statements_from_one_address_are_limited(tmp_path: Path) -> None:
    """Thirty a minute; then a wait is asked for."""
    async with served(tmp_path, "XA") as made, aiohttp.ClientSession() as session:
        codes = set()
        for _ in range(40):
            async with session.post(
                made.url("REGISTRY", "registry/statements"), data=b"x",
                ssl=made.context("REGISTRY", None),
            ) as answer:  # fmt: skip
                codes.add((await fault_of(answer)).code)
        assert codes == {"note_malformed", "rate_limited"}


async def test_peer_over_its_rate_is_told_when_to_come_again(tmp_path: Path) -> None:
    """HTTP 429 with the time, as a header and in the answer; its client takes it for later."""
    async with (
        served(tmp_path, "XA", "XB", changes=TIGHT) as made, aiohttp.ClientSession() as session
    ):  # fmt: skip
        as_xa, url = made.context("XB", tls_of(made, XA)), made.url("XB", "envelopes")
        statuses = []
        while 429 not in statuses:
            async with session.post(url, data=BATCH, ssl=as_xa) as answer:
                statuses.append(answer.status)
                if answer.status == 429:
                    told = await fault_of(answer)
                    assert answer.headers["Retry-After"] == str(told.retry_after_s)
        assert statuses[:2] == [200, 200]
        assert told.code == "rate_limited"
        assert 1 <= told.retry_after_s <= 30
        with pytest.raises(UnavailableError) as caught:
            await made.peers["XA"].member(XB).post_envelopes([Posted((), ("XB",), b"garbage")])
        assert caught.value.code == "rate_limited"
        assert caught.value.retry_after_s


async def test_posts_under_way_are_bounded_before_they_are_read(tmp_path: Path) -> None:
    """A caller with its share in memory, and a node that is full: told apart, nothing is read."""
    async with served(tmp_path, "XA", "XB") as made, aiohttp.ClientSession() as session:
        gate = made.fed.nodes[XB].gate
        api = next(item for item in made.apis if isinstance(item, PeerApi) and item._gate is gate)
        as_xa = made.context("XB", tls_of(made, XA))
        visitor = certificate_digest(tls_of(made, XA).certificate).hex()

        async def told(body: bytes = BATCH) -> tuple[int, str, str]:
            async with session.post(
                made.url("XB", "envelopes"), data=io.BytesIO(body), ssl=as_xa
            ) as answer:
                after = answer.headers.get("Retry-After", "")
                return answer.status, (await fault_of(answer)).code, after

        with api._held.admit(visitor, HELD_BYTES_EACH):
            assert await told(bytes(4 * 1024 * 1024)) == (429, "too_many_at_once", "1")
            sent = await made.fed.send("XB", "XA")  # on connections of XB's own
        await made.fed.until(lambda: api._held.inside == 0)
        api._held = Turnstile(most=HELD_BYTES_EACH, most_each=HELD_BYTES_EACH)
        with api._held.admit("another", HELD_BYTES_EACH):
            assert await told() == (503, "busy", "1")

        async def settled() -> bool:
            return await made.fed.state("XB", sent.id) == "delivered"

        await made.fed.until(settled)


async def test_impostor_is_not_spoken_to(tmp_path: Path) -> None:
    """Who listens at XB's address with another certificate gets no envelope."""
    async with served(tmp_path, "XA", "XB") as made:
        peers = made.peers["XA"]
        wrong = made.fed.endpoint("REGISTRY")
        view = made.fed.nodes[XA].mirror.view
        member = replace(view.members[XB], endpoint=wrong)
        peers._view = lambda: Bent(view, {**view.members, XB: member})
        with pytest.raises(UnavailableError) as caught:
            await peers.member(XB).ping()
        assert caught.value.code == "tls_failed"
        assert "does not list" in caught.value.detail


async def test_older_tls_is_refused(tmp_path: Path) -> None:
    """1.3 alone."""
    async with served(tmp_path, "XA") as made:
        context = made.context("XA", None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(
                "127.0.0.1", made.fed.ports["XA"], ssl=context, server_hostname=""
            )


async def test_removed_pin_stops_a_kept_alive_connection(tmp_path: Path) -> None:
    """XA's certificate is revoked while a connection is open: no further request passes."""
    async with served(tmp_path, "XA", "XB") as made:
        async with aiohttp.ClientSession() as session:
            record = tls_of(made, XA)
            as_xa = made.context("XB", record)

            async def post() -> int:
                async with session.post(
                    made.url("XB", "envelopes"), data=BATCH, ssl=as_xa
                ) as answer:
                    await answer.read()
                    return answer.status

            assert await post() == await post() == 200
            assert len(session.connector._conns) == 1
            node = made.fed.nodes[XA]
            view, now = node.mirror.view, made.fed.clocks[XA].now()
            statement = draft_rotation(view, view.member(XA), at=now, uses=[])
            statement = replace(statement, revocations=(Revocation(KeyId(record.key_id), now),))
            (sign,) = node.keys.keyring.records(KeyUse.SIGN)
            note = sign_note(statement.text(), [node_signer(view.federation, XA, sign)])
            await made.fed.nodes["REGISTRY"].rooms.registrar.publish(note)
            mirror = made.fed.nodes[XB].mirror
            await made.fed.until(lambda: mirror.view.head.size == view.head.size + 1)
            with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
                await post()
        with pytest.raises(LiaisonError) as caught:
            await made.peers["XA"].member(XB).ping()
        assert caught.value.code in ("tls_failed", "not_admitted")


async def test_new_certificate_works_without_a_restart(tmp_path: Path) -> None:
    """Rotated on both sides while connections are open; the old ones serve their overlap."""
    async with served(tmp_path, "XA", "XB") as made:
        before = {member: tls_of(made, member).key_id for member in (XA, XB)}
        for member in (XA, XB):
            await made.fed.nodes[member].rooms.rotation.rotate(KeyUse.TLS, OFFICER)
            made.fed.clocks[member].ahead_s = 0
        for node in made.fed.nodes.values():
            await made.fed.until(lambda m=node.mirror: m.view.head.size == 5)
        sent = await made.fed.send("XA", "XB")
        await made.fed.until(lambda: delivered(made, sent.id))
        for clock in made.fed.clocks.values():
            clock.ahead_s = 400
        for member in (XA, XB):
            node = made.fed.nodes[member]
            now = made.fed.clocks[member].now()
            assert node.keys.tls(node.mirror.view, now).key_id != before[member]
        again = await made.fed.send("XA", "XB")
        await made.fed.until(lambda: delivered(made, again.id))
        line = use_line("mutual.example", XA, tls_of(made, XA))
        assert made.fed.nodes[XB].gate.standing(line.pin) == XA


async def test_who_cannot_be_reached_is_told_of_in_plain_words(tmp_path: Path) -> None:
    """Nobody listens, or somebody who speaks no TLS: no word of the library's objects."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready to take your letters\r\n")

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with served(tmp_path, "XA") as made, server:
        told = []
        for port in (*free_ports(1), server.sockets[0].getsockname()[1]):
            made.peers["XA"]._registrar_url = f"https://127.0.0.1:{port}"
            with pytest.raises(UnavailableError) as caught:
                await made.peers["XA"].registrar().ping()
            told.append((caught.value.code, caught.value.detail.replace(str(port), "PORT")))
    assert told == [
        ("peer_unreachable", "https://127.0.0.1:PORT does not answer: Connection refused"),
        ("tls_failed", "no TLS with REGISTRY at https://127.0.0.1:PORT: wrong version number"),
    ]


async def test_retry_goes_to_the_new_endpoint(tmp_path: Path) -> None:
    """XB moves while a message for it waits: its statement says where, and the retry goes there."""
    async with served(tmp_path, "XA", "XB") as made:
        old = next(
            item
            for item in made.apis
            if isinstance(item, PeerApi) and item._gate is made.fed.nodes[XB].gate
        )
        await old.stop()
        made.apis.remove(old)
        sent = await made.fed.send("XA", "XB")

        async def waits() -> bool:
            (recipient,) = (await made.fed.read("XA", sent.id)).recipients
            return recipient.code in ("peer_unreachable", "connection_broken")

        await made.fed.until(waits)
        (port,) = free_ports(1)
        node = made.fed.nodes[XB]
        moved = PeerApi(node.gate, node.keys, replace_setting(made.fed.settings("XB"), port))
        await moved.start()
        made.apis.append(moved)
        view, now = node.mirror.view, made.fed.clocks[XB].now()
        statement = draft_rotation(view, view.member(XB), at=now, uses=[])
        statement = replace(statement, endpoint=f"https://127.0.0.1:{port}")
        (sign,) = node.keys.keyring.records(KeyUse.SIGN)
        note = sign_note(statement.text(), [node_signer(view.federation, XB, sign)])
        await made.fed.nodes["REGISTRY"].rooms.registrar.publish(note)
        await made.fed.until(lambda: delivered(made, sent.id))
        assert [item.id for item in (await made.fed.inbox("XB")).messages] == [sent.id]


def replace_setting(settings: Settings, port: int) -> PeerApiSettings:
    """Return a listener's settings, at another port."""
    return msgspec.structs.replace(settings.peer_api, port=port)


class Bent:
    """A view in which a member listens elsewhere."""

    def __init__(self, view: object, members: dict) -> None:
        self._view = view
        self.members = members

    def __getattr__(self, name: str) -> object:
        return getattr(self._view, name)
