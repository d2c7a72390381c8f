"""Nodes set up by hand exchange in both directions, and may be killed at any moment."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random  # noqa: TID251 - reproducible moments of death, no secrets
from typing import Any

import pytest

from gateway.cli.demo.story import FACTS, reply, request
from gateway.errors import LiaisonError
from tests.outcome import outcome
from tests.system.nodes import Nodes, done, liaison, nodes

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

MEGABYTE = 1024 * 1024
LARGE = 50 * MEGABYTE


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two members and their registrar."""
    with nodes(tmp_path_factory.mktemp("pair"), "XA", "XB") as made:
        yield made


def send(made: Nodes, sender: str = "XA", to: str = "XB", attachments: tuple[str, ...] = ()) -> str:
    """Send a request; its name is returned once it is accepted."""
    body = request(list(attachments)) | {"to": [to]}
    return str(made.call(sender, "POST", "/v1/messages", body)["id"])


def carry(made: Nodes, size: int, sender: str, receiver: str) -> bytes:
    """Carry a fresh file across and compare it; return the marker at its both ends."""
    marker = os.urandom(32)
    paper, copy = made.place / "large.bin", made.place / "copy.bin"
    paper.write_bytes(marker + os.urandom(size - 64) + marker)
    wanted = hashlib.sha256(paper.read_bytes()).hexdigest()
    uploaded = made.daemon(sender).upload(paper, "application/pdf", lambda _: None)
    message = send(made, sender, receiver, (uploaded["id"],))
    made.delivered(sender, [message])
    (attachment,) = made.shown(receiver, message)["attachments"]
    done("attachment", "get", attachment["id"], str(copy), "--dir", str(made.folder(receiver)))
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == wanted
    paper.unlink()
    copy.unlink()
    return marker


def test_large_attachments_cross_both_ways_in_constant_memory(pair: Nodes) -> None:
    """Fifty megabytes up, over and down, and back, in the memory that sixteen needed."""
    ways = (("XA", "XB"), ("XB", "XA"))
    for sender, receiver in ways:
        carry(pair, 16 * MEGABYTE, sender, receiver)
    before = {member: pair.peak_bytes(member) for member in ("XA", "XB")}
    markers = [carry(pair, LARGE, sender, receiver) for sender, receiver in ways]
    for member, peak in before.items():
        assert pair.peak_bytes(member) - peak < 40 * MEGABYTE, member
    for file in pair.place.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(marker in content for marker in markers), file


def rotate_all(made: Nodes, member: str) -> Any:
    """Rotate every key of a node: XA's by the command, the others' as a program does."""
    if member == "XA":
        where = ("--dir", str(made.folder(member)))
        return done("key", "rotate", "all", "--rewrap", *where, "--json").json
    uses = ["sign", "log", "witness", "tls", "seal", "storage"]
    return made.call(member, "POST", "/v1/keys/rotate", {"uses": uses, "rewrap": True})


def test_every_key_rotates_under_traffic(pair: Nodes) -> None:
    """While XA sends without pause all keys of all change, twice: none is refused, all verify."""
    before = send(pair)
    sent: list[str] = [before]
    halt = threading.Event()

    def traffic() -> None:
        while not halt.is_set():
            sent.append(send(pair))

    sender = threading.Thread(target=traffic)
    sender.start()
    first: dict[str, str] = {}
    try:
        time.sleep(0.5)
        for _ in range(2):
            for member in ("XA", "XB", "REGISTRY"):
                told = rotate_all(pair, member)
                assert [key["use"] for key in told["keys"]] == [
                    "sign", "log", "witness", "tls", "seal", "storage",
                ]  # fmt: skip
                first.setdefault(member, told["keys"][0]["id"])
            at_rotation = len(sent)
            pair.until(lambda n=at_rotation: len(sent) > n + 5)
    finally:
        halt.set()
        sender.join()
    pair.delivered("XA", sent)
    signers = {pair.shown("XB", message)["signature"] for message in sent}
    assert signers == {"valid"}
    received = pair.inbox("XB")
    assert len(received) == len(set(received))
    assert set(sent) <= set(received)
    for member in ("XA", "XB", "REGISTRY"):
        keys = pair.call(member, "GET", "/v1/keys")["keys"]
        (overtaken,) = [key for key in keys if key["id"] == first[member]]
        assert overtaken["state"] == "retiring"
        report = done("audit", "verify", "--dir", str(pair.folder(member)), "--json").json
        assert report["findings"] == []
    shown = done("key", "list", "--dir", str(pair.folder("XA"))).out
    assert f"sign {first['XA'][:16]} is still used" in shown
    assert "the first to end is" in done("status", "--dir", str(pair.folder("XA"))).out


def test_key_is_revoked_by_command(pair: Nodes) -> None:
    """Replaced in the same breath; from before, and of roots, the command says who can."""
    where = ("--dir", str(pair.folder("XA")))
    told = done("key", "revoke", "log", "--reason", "suspected", *where).out
    assert "is revoked from" in told
    assert "is in use from" in told
    pair.delivered("XA", [send(pair)])
    for arguments, code in (
        (("rotate", "root"), "use_not_rotatable"),
        (("revoke", "root"), "use_not_revocable"),
        (("revoke", "sign", "--since", "2020-01-01T00:00:00Z"), "revocation_back_dated"),
        (("revoke", "sign", "--since", "yesterday"), "time_malformed"),
        (("revoke", "0123456789abcdef"), "key_unknown"),
    ):
        refused = liaison("key", *arguments, *where)
        assert (refused.code, code in refused.err) == (1, True), refused.err


def test_reply_comes_back_in_the_same_case(pair: Nodes) -> None:
    """XB answers in French, through the commands of people."""
    asked = send(pair)
    pair.delivered("XA", [asked])
    answered = pair.call("XB", "POST", "/v1/messages", reply(asked))["id"]
    pair.delivered("XB", [answered])
    shown = pair.shown("XA", answered)
    assert (shown["in_reply_to"], shown["case"]) == (asked, pair.shown("XA", asked)["case"])
    listed = done("inbox", "list", "--dir", str(pair.folder("XA"))).out
    assert "XB" in listed


def test_ping_proves_the_whole_way_and_leaves_nothing_in_the_inbox(pair: Nodes) -> None:
    """By itself, and as the doctor's last step."""
    before = pair.inbox("XB")
    folder = str(pair.folder("XA"))
    reached = done("ping", "XB", "--dir", folder, "--json").json
    assert (reached["member"], reached["state"], reached["code"]) == ("XB", "delivered", "")
    assert "XB delivered" in done("ping", "XB", "--dir", folder).out
    assert "exchange with XB" in done("doctor", "XB", "--dir", folder).out
    assert pair.inbox("XB") == before


def test_nothing_readable_lies_on_any_disk(pair: Nodes) -> None:
    """Databases, journals, blobs, logs, keystores: none holds a word of what was said."""
    message = send(pair)
    pair.delivered("XA", [message])
    pair.call("XB", "GET", f"/v1/messages/{message}")
    seen = 0
    for file in pair.place.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            seen += 1
            for secret in (FACTS.encode(), b"25XA0000417", b"Calzatura", b"open sesame"):
                assert secret not in content or file.name == "passphrase", (file, secret)
    assert seen > 20


def kill_and_count(made: Nodes, *, rounds: int, seed: int) -> None:
    """Send while one of the two is killed again and again; then count."""
    moments = Random(seed)  # noqa: S311 - the same
    accepted: list[str] = []
    for number in range(rounds):
        victim = ("XA", "XB")[number % 2]
        halt = threading.Event()

        def traffic(halt: threading.Event = halt) -> None:
            while not halt.is_set():
                answer = outcome(send, made)
                if isinstance(answer, LiaisonError):
                    return
                accepted.append(answer)

        sender = threading.Thread(target=traffic)
        sender.start()
        time.sleep(moments.uniform(0.05, 0.6))
        made.kill(victim)
        time.sleep(moments.uniform(0.0, 0.3))
        halt.set()
        sender.join()
        made.start(victim)
    assert len(accepted) >= rounds
    made.delivered("XA", accepted, 120)
    received = made.inbox("XB")
    assert len(received) == len(set(received))
    assert set(accepted) <= set(received)
    # What was on its way into XA when XA died was accepted, or is not there at all.
    for message in set(received) - set(accepted):
        assert made.shown("XA", message)["state"] == "delivered"


def test_killed_nodes_lose_and_double_nothing(tmp_path: Path) -> None:
    """Sender and receiver in turn, between accept and delivery; both logs verify after it."""
    with nodes(tmp_path, "XA", "XB") as made:
        kill_and_count(made, rounds=4, seed=1)
        for member in ("XA", "XB"):
            assert made.stop(member) == 0
            report = done("audit", "verify", "--dir", str(made.folder(member)), "--json").json
            assert report["findings"] == []


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_killed_nodes_lose_and_double_nothing_for_long(tmp_path: Path) -> None:
    """The same, a hundred times."""
    with nodes(tmp_path, "XA", "XB") as made:
        kill_and_count(made, rounds=100, seed=2)


def test_message_accepted_for_a_dead_peer_survives_its_senders_death(tmp_path: Path) -> None:
    """XB is down, XA accepts and is killed; both come back; it is there once."""
    with nodes(tmp_path, "XA", "XB") as made:
        send(made)
        made.until(lambda: len(made.inbox("XB")) == 1)
        made.kill("XB")
        message = send(made)
        made.kill("XA")
        made.start("XB")
        made.start("XA")
        made.delivered("XA", [message])
        assert made.inbox("XB").count(message) == 1
        (recipient,) = made.shown("XA", message)["recipients"]
        assert recipient["receipt"]["verified"] is True
