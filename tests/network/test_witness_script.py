"""The script that a stock witness publishes as its test, played against ours over HTTPS.

The steps are those of litewitness (FiloSottile/torchwood) and of transparency-dev/witness: a log
of one leaf, a signature that does not verify, a log that is not known, no proof, a wrong one, the
right one, an old size that is past, a start from nothing. The log is written here by hand, from
the specifications, with none of our code; only its key is a member's.
"""

import asyncio
import base64
import hashlib
import io
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.clock import SystemClock
from keys.keyring import Keyring
from keys.suite import KeyUse
from tests.network.served import XA, Served, served

EMPTY = hashlib.sha256(b"").digest()


def leaf(number: int) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00leaf %d" % number).digest()


def tree(start: int, end: int) -> bytes:
    """Return the hash of the leaves from start to end (RFC 6962, section 2.1)."""
    if end - start <= 1:
        return EMPTY if end == start else leaf(start)
    split = 1 << (end - start - 1).bit_length() - 1
    halves = tree(start, start + split), tree(start + split, end)
    return hashlib.sha256(b"\x01" + b"".join(halves)).digest()


@dataclass
class Log:
    """A log's key, and the name that it signs under."""

    origin: str
    key: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """Return its public key."""
        return self.key.public_key().public_bytes_raw()

    def head(self, size: int, root: bytes | None = None, *, bend: bool = False) -> bytes:
        """Return a signed checkpoint."""
        root = tree(0, size) if root is None else root
        text = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
        signature = bytearray(self.key.sign(text))
        signature[-1] ^= bend
        key_id = hashlib.sha256(self.origin.encode() + b"\n\x01" + self.public).digest()[:4]
        line = f"— {self.origin} {base64.b64encode(key_id + signature).decode()}\n"
        return text + b"\n" + line.encode()


class Witness:
    """Anybody's HTTP client, in front of XA's witness."""

    def __init__(self, made: Served, session: aiohttp.ClientSession) -> None:
        self.made = made
        self.session = session

    async def add(self, old: object, proof: Sequence[bytes], head: bytes) -> tuple[int, str, bytes]:
        """Return status, media type and body of an answer."""
        lines = [f"old {old}", *(base64.b64encode(item).decode() for item in proof), "", ""]
        body = "\n".join(lines).encode() + head
        url = f"{self.made.fed.endpoint('XA')}/add-checkpoint"
        context = self.made.context("XA", None)
        async with self.session.post(url, data=io.BytesIO(body), ssl=context) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def monitored(self, origin: str) -> tuple[int, bytes]:
        """Return status and body of what a monitor asks."""
        name = hashlib.sha256(origin.encode()).hexdigest()
        url = f"{self.made.fed.endpoint('XA')}/{name}/checkpoint"
        async with self.session.get(url, ssl=self.made.context("XA", None)) as answer:
            return answer.status, await answer.read()


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[Witness, Log]]:
    """Yield a witness, and the log of a member XB."""
    async with _asked(tmp_path) as both:
        yield both


@asynccontextmanager
async def _asked(place: Path) -> AsyncIterator[tuple[Witness, Log]]:
    async with served(place, "XA", "XB") as made, aiohttp.ClientSession() as session:
        (record,) = Keyring.parse(made.fed.unlock("XB").body).records(KeyUse.LOG)
        origin = f"mutual.example/XB/audit/{time.gmtime().tm_year}"
        key = Ed25519PrivateKey.from_private_bytes(record.seed)
        yield Witness(made, session), Log(origin, key)


def cosigned(made: Served, head: bytes, lines: bytes) -> int:
    """Return when XA cosigned, by its Ed25519 line, verified by hand."""
    (key,) = made.fed.nodes[XA].mirror.view.members[XA].keys_for(KeyUse.WITNESS)
    name = "mutual.example/XA/witness"
    public = key.verifier.public_key
    key_id = hashlib.sha256(name.encode() + b"\n\x04" + public).digest()[:4]
    found = [line.split(" ") for line in lines.decode().removesuffix("\n").split("\n")]
    assert [item[:2] for item in found] == [["—", name]] * 2
    raw = base64.b64decode(found[0][2])
    at = int.from_bytes(raw[4:12], "big")
    assert raw[:4] == key_id
    text = head.split(b"\n\n")[0] + b"\n"
    message = f"cosignature/v1\ntime {at}\n".encode() + text
    Ed25519PublicKey.from_public_bytes(public).verify(raw[12:], message)
    assert abs(at - SystemClock().now()) < 300
    return at


async def test_published_script_of_a_stock_witness(asked: tuple[Witness, Log]) -> None:
    """Step by step, with the status and the body that the specification gives to each."""
    witness, log = asked
    other = Log(log.origin.replace("XB", "XZ"), log.key)
    wrong = bytearray(leaf(2))
    wrong[-2] ^= 16
    one, three, five = log.head(1), log.head(3), log.head(5)
    from_one, from_three = (
        [leaf(1), leaf(2)],
        [leaf(2), leaf(3), tree(0, 2), leaf(4)],
    )
    refused = (403, 404, 422, 400)
    known: bytes | None = None
    for step, (old, proof, head, status) in enumerate(
        (
            (0, [], one, 200),
            (1, from_one, log.head(3, bend=True), 403),
            (1, from_one, other.head(3), 404),
            (1, [], three, 422),
            (1, [leaf(1), bytes(wrong)], three, 422),
            (1, [*from_one, leaf(3)], three, 422),
            (3, from_one, one, 400),
            (1, from_one, three, 200),
            (1, [leaf(1), tree(2, 4), leaf(4)], five, 409),
            (3, from_three, five, 200),
            (0, [], five, 409),
            (5, [], five, 200),
            (5, [], log.head(5, bytes(32)), 422),
            (5, [leaf(1)], five, 422),
            (0, [leaf(1)], log.head(6), 409),
            ("05", [], five, 400),
            ("-1", [], five, 400),
            ("", [], five, 400),
        )
    ):
        got, media, body = await witness.add(old, proof, head)
        assert (step, got) == (step, status)
        if status == 200:
            cosigned(witness.made, head, body)
            known = head + body
        elif status == 409:
            assert media == "text/x.tlog.size"
            assert body in (b"3\n", b"5\n")
            assert body == b"3\n" if step < 9 else b"5\n"
        else:
            assert status in refused
        assert await witness.monitored(log.origin) == (200, known)
    assert (await witness.monitored(other.origin))[0] == 404


async def test_empty_log_is_the_hash_of_nothing(asked: tuple[Witness, Log]) -> None:
    """A head of size 0 has one root; a log that begins with it may grow."""
    witness, log = asked
    assert (await witness.add(0, [], log.head(0, bytes(32))))[0] == 422
    assert (await witness.add(0, [leaf(0)], log.head(0)))[0] == 422
    assert (await witness.monitored(log.origin))[0] == 404
    for _ in range(2):
        status, _, lines = await witness.add(0, [], log.head(0))
        assert status == 200
        cosigned(witness.made, log.head(0), lines)
    assert (await witness.add(0, [leaf(0)], log.head(2)))[0] == 422
    assert (await witness.add(0, [], log.head(2)))[0] == 200


async def test_race_that_would_roll_back_a_log(asked: tuple[Witness, Log]) -> None:
    """Both are checked against one leaf; the longer one is stored first, the shorter is told so."""
    witness, log = asked
    assert (await witness.add(0, [], log.head(1)))[0] == 200
    witnessing = witness.made.fed.nodes[XA].gate.witnessing
    checked, go_on, store = asyncio.Event(), asyncio.Event(), witnessing._store

    async def stalled(*given: object) -> int:
        witnessing._store = store
        checked.set()
        await go_on.wait()
        return await store(*given)

    witnessing._store = stalled
    slow = asyncio.ensure_future(witness.add(1, [leaf(1), leaf(2)], log.head(3)))
    await checked.wait()
    longer = log.head(5)
    status, _, lines = await witness.add(1, [leaf(1), tree(2, 4), leaf(4)], longer)
    assert status == 200
    go_on.set()
    assert await slow == (409, "text/x.tlog.size", b"5\n")
    assert await witness.monitored(log.origin) == (200, longer + lines)


async def test_lines_of_keys_that_the_witness_does_not_know_are_passed_over(
    asked: tuple[Witness, Log],
) -> None:
    """A checkpoint may bring more signatures: another witness's, or of a key under our own name."""
    witness, log = asked
    stranger = base64.b64encode(b"\x01\x02\x03\x04" + bytes(72)).decode()
    for name in ("witness.example/w1", "mutual.example/XA/witness", log.origin):
        head = log.head(1) + f"— {name} {stranger}\n".encode()
        status, _, lines = await witness.add(0 if name[0] == "w" else 1, [], head)
        assert status == 200
        cosigned(witness.made, log.head(1), lines)
        assert await witness.monitored(log.origin) == (200, log.head(1) + lines)
