"""``add-checkpoint`` over real TLS, as any tool of C2SP speaks it; and the pinned line."""

import base64
import hashlib
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from gateway.errors import RejectedError, UnavailableError
from gateway.network.peer_api import CHECKPOINTS_A_MINUTE
from gateway.protocol.witness import AddCheckpoint, SizeDiffersError, encode_add_checkpoint
from keys.registry.statement import REGISTRY
from keys.suite import KeyUse
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.cosignature import cosigned_at
from keys.tlog.merkle import verify_consistency
from keys.tlog.note import parse_note
from tests.network.served import XA, Served, fault_of, served
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, unaware
from tests.scenarios.logs import log_of
from tests.scenarios.witnessed import forged, grow, known, name_witnesses, request

STOCK = {"User-Agent": "tlog/1.0", "Content-Type": "application/octet-stream"}


class Asked:
    """Anybody's HTTP client, in front of XA's witness."""

    def __init__(self, made: Served, session: aiohttp.ClientSession) -> None:
        self.made = made
        self.session = session

    async def post(self, body: bytes, member: str = "XA") -> tuple[int, str, bytes]:
        """Return status, media type and body of an answer."""
        async with self.session.post(
            f"{self.made.fed.endpoint(member)}/add-checkpoint",
            data=io.BytesIO(body), headers=STOCK, ssl=self.made.context(member, None),
        ) as answer:  # fmt: skip
            return answer.status, answer.headers["Content-Type"], await answer.read()

    async def code(self, body: bytes) -> tuple[int, str]:
        """Return status and code of a refusal."""
        async with self.session.post(
            f"{self.made.fed.endpoint('XA')}/add-checkpoint",
            data=io.BytesIO(body), ssl=self.made.context("XA", None),
        ) as answer:  # fmt: skip
            return answer.status, (await fault_of(answer)).code


def _standing(made: Served) -> Callable[[], float]:
    """Return a clock at which what was used up of a minute's measure does not grow again."""
    at = made.fed.clocks[XA].monotonic()
    return lambda: at


async def test_add_checkpoint_answers_as_c2sp_says(tmp_path: Path) -> None:
    """Written by hand from the specification: each status, with its body where there is one."""
    async with served(tmp_path, "XA") as made, aiohttp.ClientSession() as session:
        asked = Asked(made, session)
        fed = made.fed
        view = fed.nodes[REGISTRY].mirror.view
        head = await fed.nodes[REGISTRY].mirror.checkpoint()
        text = parse_note(head).text.decode()
        status, media, body = await asked.post(b"old 0\n\n" + head)
        assert (status, media) == (200, "text/plain; charset=utf-8")
        lines = body.decode().split("\n")
        assert [line.split(" ")[:2] for line in lines] == [
            *([["—", "mutual.example/XA/witness"]] * 2), [""],
        ]  # fmt: skip
        (key,) = view.members[XA].keys_for(KeyUse.WITNESS)
        at = cosigned_at(head + body, (key.verifier, key.post_quantum))
        assert at == int.from_bytes(base64.b64decode(lines[0].split(" ")[2])[4:12], "big")
        size = view.head.size
        assert await asked.post(b"old 0\n\n" + head) == (
            409, "text/x.tlog.size", f"{size}\n".encode(),
        )  # fmt: skip
        assert (await asked.post(f"old {size}\n\n".encode() + head))[0] == 200
        await grow(fed)
        grown = await request(fed, size)
        for body, answer in (
            (b"old 0\n" + head, (400, "add_checkpoint_malformed")),
            (b"", (400, "add_checkpoint_malformed")),
            (b"old 00\n\n" + head, (400, "add_checkpoint_malformed")),
            (b"old 0\n\nno note", (400, "note_malformed")),
            (
                b"old 0\n\n" + head.replace(b"\n\n", b"\nextension\n\n"),
                (400, "checkpoint_malformed"),
            ),
            (f"old {size + 9}\n\n".encode() + head, (400, "old_size_too_large")),
            (b"old 0\n\n" + head.replace(b"/registry\n", b"/other\n"), (404, "log_unknown")),
            (f"old 0\n\n{text}\n— stranger AAAAAAAA\n".encode(), (403, "checkpoint_not_signed")),
            (
                b"old 0\n\n" + head.replace(f"\n{size}\n".encode(), f"\n{size + 1}\n".encode()),
                (403, "checkpoint_not_signed"),
            ),
            (_body(size, (), grown.checkpoint), (422, "consistency_invalid")),
            (
                _body(size, [*grown.proof, bytes(32)], grown.checkpoint),
                (422, "consistency_invalid"),
            ),
            (_body(size, (), forged(fed, size, bytes(32))), (422, "consistency_invalid")),
            (_body(0, (), forged(fed, 0, bytes(32))), (409, "")),
            (_body(0, [bytes(32)] * 64, head), (400, "add_checkpoint_malformed")),
            (bytes(300_000), (413, "body_too_large")),
        ):
            if answer[0] == 409:
                assert (await asked.post(body))[::2] == (409, f"{size}\n".encode())
            else:
                assert await asked.code(body) == answer
        assert await known(fed, "XA") == size
        assert (await asked.post(encode_add_checkpoint(grown)))[0] == 200
        assert await known(fed, "XA") == size + 1


def _body(old_size: int, proof: object, checkpoint: bytes) -> bytes:
    lines = [f"old {old_size}", *(base64.b64encode(item).decode() for item in proof), ""]
    return "".join(line + "\n" for line in lines).encode() + checkpoint


async def test_empty_tree_has_the_root_of_nothing(tmp_path: Path) -> None:
    """A head of size 0 is cosigned with that root alone."""
    async with served(tmp_path, "XA") as made, aiohttp.ClientSession() as session:
        asked = Asked(made, session)
        wrong = _body(0, (), forged(made.fed, 0, bytes(32)))
        assert await asked.code(wrong) == (422, "consistency_invalid")
        empty = base64.b64decode("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
        right = forged(made.fed, 0, empty)
        assert await asked.code(_body(0, [bytes(32)], right)) == (422, "consistency_invalid")
        assert (await asked.post(_body(0, (), right)))[0] == 200
        assert await known(made.fed, "XA") == 0


async def test_witness_is_asked_by_the_registrars_node(tmp_path: Path) -> None:
    """Over the same route, by our own client: named, cosigned, mirrored."""
    async with served(tmp_path, "XA", "XB") as made:
        await name_witnesses(made.fed, 2, "XA", "XB")
        await grow(made.fed)
        size = made.fed.nodes[REGISTRY].mirror.size
        for node in made.fed.nodes.values():
            await made.fed.until(lambda m=node.mirror: m.size == size and m.witnessed_at)
        peer = made.peers["XB"].member(XA)
        stale = AddCheckpoint(old_size=0, proof=(), checkpoint=await node.mirror.checkpoint())
        fault = await outcome_of(peer.add_checkpoint(stale))
        assert isinstance(fault, SizeDiffersError)
        assert fault.size == size
        asked = AddCheckpoint(old_size=size, proof=(), checkpoint=stale.checkpoint)
        lines = await peer.add_checkpoint(asked)
        assert lines.count(b"mutual.example/XA/witness ") == 2


async def test_newest_head_is_shown_to_anybody_with_the_lines_returned(tmp_path: Path) -> None:
    """By the hash of its origin, in one form; by our own client too."""
    async with served(tmp_path, "XA", "XB") as made, aiohttp.ClientSession() as session:
        asked, log = Asked(made, session), log_of(made.fed, "XB")
        name = hashlib.sha256(log.origin.encode()).hexdigest()
        address = f"{made.fed.endpoint('XA')}/{name}/checkpoint"
        context = made.context("XA", None)
        async with session.get(address, ssl=context) as answer:
            assert (answer.status, (await fault_of(answer)).code) == (404, "not_witnessed")
        status, _, lines = await asked.post(encode_add_checkpoint(log.asked(0)))
        assert status == 200
        async with session.get(address, ssl=context) as answer:
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert await answer.read() == log.head() + lines
        peer = made.peers["XB"].member(XA)
        assert await peer.witnessed_checkpoint(log.origin) == log.head() + lines
        fault = await outcome_of(peer.witnessed_checkpoint(f"{log.origin}.1"))
        assert (type(fault), fault.code) == (RejectedError, "not_witnessed")
        for wrong in (name.upper(), name[:-1], f"{name}0"):
            url = f"{made.fed.endpoint('XA')}/{wrong}/checkpoint"
            async with session.get(url, ssl=context) as answer:
                assert (answer.status, (await fault_of(answer)).code) == (404, "not_found")


async def test_strangers_do_not_use_up_what_a_member_may_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share an address; its certificate has a measure of its own, and is one of a witness."""
    async with served(tmp_path, "XA", "XB") as made, aiohttp.ClientSession() as session:
        asked, log = Asked(made, session), log_of(made.fed, "XB")
        monkeypatch.setattr(made.fed.clocks[XA], "monotonic", _standing(made))
        for _ in range(CHECKPOINTS_A_MINUTE + 5):
            status, _, _ = await asked.post(b"garbage")
        assert status == 429
        peer = made.peers["XB"].member(XA)
        assert (await peer.add_checkpoint(log.asked(0))).count(b"/XA/witness ") == 2
        other = log_of(made.fed, "XB", log.shard, "a", "b", "c", "d").asked(3)
        wrong = AddCheckpoint(old_size=3, proof=(bytes(32),), checkpoint=other.checkpoint)
        fault = await outcome_of(peer.add_checkpoint(wrong))
        assert fault.code == "consistency_invalid"
        (alarm,) = await made.fed.nodes[XA].rooms.log_alarms.recent("XB")
        assert (alarm.verdict, alarm.found_by) == ("consistency_invalid", "XB")


async def test_witness_that_does_not_know_a_certificate_is_asked_without_one(
    tmp_path: Path,
) -> None:
    """It is behind: it learns of the registry by what it is asked to cosign."""
    async with served(tmp_path, "XA") as made:
        node = made.fed.nodes[XA]
        with unaware(node):
            await made.fed.nodes[REGISTRY].rooms.rotation.rotate(KeyUse.TLS, OFFICER)
            made.fed.clocks[REGISTRY].ahead_s += 400
            size = node.mirror.size
            await made.peers[REGISTRY].member(XA).add_checkpoint(await request(made.fed, 0))
            assert (node.mirror.size, await known(made.fed, "XA")) == (size, size + 1)


async def test_head_of_an_audit_log_and_how_it_grew_are_shown_to_members(tmp_path: Path) -> None:
    """Over the pinned line; strangers are told that it is not for them."""
    async with served(tmp_path, "XA", "XB") as made, aiohttp.ClientSession() as session:
        fed, peer = made.fed, made.peers["XB"].member(XA)
        old = parse_checkpoint(await peer.audit_checkpoint())
        await fed.send("XA", "XB")
        await fed.nodes[XA].workers.audit_log.sequence()
        new = parse_checkpoint(await peer.audit_checkpoint())
        assert new.origin == old.origin
        assert new.size > old.size
        proof = await peer.audit_consistency(old.origin, old.size, new.size)
        verify_consistency(old.size, new.size, proof, old.root, new.root)
        for origin, sizes, code in (
            (f"{old.origin}.7", (1, 1), "shard_unknown"),
            (old.origin, (1, 10**9), "size_unknown"),
            (old.origin, (-1, 1), "size_unknown"),
        ):
            fault = await outcome_of(peer.audit_consistency(origin, *sizes))
            assert (type(fault), fault.code) == (RejectedError, code)
        seen = await fed.nodes["XB"].workers.watching.look(XA)
        assert (seen.origin, seen.size >= new.size) == (new.origin, True)
        context = made.context("XA", None)
        for path, code in (
            ("audit/checkpoint", "member_required"),
            ("audit/consistency/2026/1/1", "member_required"),
            ("audit/consistency/2026.0/1/1", "shard_malformed"),
            ("audit/consistency/2026/01/1", "size_unknown"),
        ):
            async with session.get(made.url("XA", path), ssl=context) as answer:
                assert (await fault_of(answer)).code == code


async def test_too_many_checkpoints_from_one_address_are_put_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements have a measure of their own."""
    async with served(tmp_path, "XA") as made, aiohttp.ClientSession() as session:
        asked = Asked(made, session)
        head = await made.fed.nodes[REGISTRY].mirror.checkpoint()
        body = b"old 0\n\n" + head
        monkeypatch.setattr(made.fed.clocks[XA], "monotonic", _standing(made))
        statuses = Counter([(await asked.post(body))[0] for _ in range(CHECKPOINTS_A_MINUTE + 1)])
        assert statuses == {200: 1, 409: CHECKPOINTS_A_MINUTE - 1, 429: 1}
        assert await asked.code(body) == (429, "rate_limited")
        peer = made.peers["XA"].registrar()
        fault = await outcome_of(peer.post_statement(b"garbage"))
        assert fault.code == "note_malformed"


async def test_only_the_pinned_registrar_confirms_the_registry(tmp_path: Path) -> None:
    """Somebody else in its place shows the same bytes: they are kept, and prove no freshness."""
    async with served(tmp_path, "XA", "XB") as made:
        fed = made.fed
        mirror = fed.nodes[XA].mirror
        await mirror.follow()
        confirmed = mirror.checked_at
        assert confirmed > 0
        made.peers["XA"]._registrar_url = fed.endpoint("XB")  # answers, under its own certificate
        fed.clocks[XA].ahead_s = 1000
        assert (await made.peers["XA"].registrar(pinned=False).registry_checkpoint()) != b""
        with pytest.raises(UnavailableError) as caught:
            await made.peers["XA"].registrar().registry_checkpoint()
        assert caught.value.code == "tls_failed"
        await grow(fed)
        size = fed.nodes[REGISTRY].mirror.size
        await fed.until(lambda: fed.nodes["XB"].mirror.size == size)
        await mirror.follow()
        assert mirror.size == size
        assert parse_checkpoint(await mirror.checkpoint()).size == size
        assert mirror.checked_at < confirmed + 1000
        made.peers["XA"]._registrar_url = fed.endpoint(REGISTRY)
        await mirror.follow()
        assert mirror.checked_at >= confirmed + 1000


async def test_vetoes_and_statements_of_strangers_are_told_apart_over_http(tmp_path: Path) -> None:
    """A member's node takes vetoes alone."""
    async with served(tmp_path, "XA") as made:
        note = (await made.fed.nodes[REGISTRY].mirror.entries(1, 2))[0]
        fault = await outcome_of(made.peers["XA"].member(XA).post_statement(note))
        assert fault.code == "not_the_registrar"
