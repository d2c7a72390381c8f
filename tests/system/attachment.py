"""Carry one large attachment between real nodes, kill some on the way, and account for it.

``python -m tests.system.attachment --size 4GiB --via relay --kills 2``: a file is uploaded at XA
and named by a message to XB. Nodes are killed when so many segments have arrived, and started
again. Prints how fast it went, how many segments travelled of how many there are, and the most
memory that each process took over what it has when idle. ``--policy text_first`` sets what XB
demands before it signs.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp

from gateway.cli.demo.story import request
from gateway.protocol.blob import SEGMENT_BYTES, sealed_blob_bytes
from tests.system.nodes import QUICK, Nodes, nodes

MEBIBYTE = 1024 * 1024
UNITS = {"MiB": MEBIBYTE, "GiB": 1024 * MEBIBYTE}
PATIENCE_S = 1800.0
LOOK_S = 0.02


@dataclass
class Crossing:
    """What came of an attachment on its way."""

    size_bytes: int
    kills: int
    segments: int
    """How many there are, on each hop."""
    begun: dict[str, int] = field(default_factory=dict)
    """How many began to arrive at each node, those that a kill cut off too."""
    stored: dict[str, int] = field(default_factory=dict)
    upload_s: float = 0.0
    delivery_s: float = 0.0
    """From the message's acceptance to its verified receipt, the time of the kills included."""
    upload_mb_a_s: float = 0.0
    delivery_mb_a_s: float = 0.0
    whole_mb_a_s: float = 0.0
    over_idle_mib: dict[str, int] = field(default_factory=dict)
    receipt_verified: bool = False
    contents_equal: bool = False


@dataclass
class _Scales:
    """Weighs processes: the most each ever held, over what it held at first."""

    made: Nodes
    idle: dict[str, int] = field(default_factory=dict)
    over: dict[str, int] = field(default_factory=dict)
    halt: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look until told to halt; a process that was killed is looked at until then."""
        while not self.halt.wait(LOOK_S):
            for name in self.idle:
                with contextlib.suppress(KeyError, OSError, StopIteration):
                    peak = self.made.peak_bytes(name)
                    self.over[name] = max(self.over.get(name, 0), peak - self.idle[name])


def cross(
    place: Path, *, size: int, via_relay: bool, kills: int, policy: str = "before_receipt"
) -> Crossing:
    """Carry an attachment of ``size`` bytes and return its account."""
    members = ("XA", "RO", "XB@RO") if via_relay else ("XA", "XB")
    names = [item.partition("@")[0] for item in members]
    account = Crossing(
        size_bytes=size, kills=kills, segments=-(-sealed_blob_bytes(size) // SEGMENT_BYTES)
    )
    settings = {**QUICK, "LIAISON_BLOBS__FETCH": policy, "LIAISON_LOGS__LEVEL": "debug"}
    with nodes(place, *members, settings=settings) as made:
        warm = made.call("XA", "POST", "/v1/messages", request([]))["id"]
        made.delivered("XA", [warm])
        time.sleep(1)
        with _weighed(made, names, account):
            wanted = _carry(made, account, _plan(account.segments, kills, via_relay=via_relay))
        socket = made.folder("XB") / "api.sock"
        found = asyncio.run(_digest_of(socket, str(_attachment(made)["id"])))
        account.contents_equal = found == wanted
        for name in names:
            log = (place / f"{name}.log").read_text()
            account.begun[name] = log.count('"segment.coming"')
            account.stored[name] = log.count('"segment.stored"')
    return account


def _plan(segments: int, kills: int, *, via_relay: bool) -> list[tuple[str, int, str]]:
    """Say when to kill whom: once so many segments have arrived at a node."""
    ways = [("XB", ("XA", "XB"))]
    if via_relay:
        ways = [("RO", ("RO", "XA")), ("XB", ("XB", "RO"))]
    plan = []
    for turn, (at, victims) in enumerate(ways):
        share = len(range(turn, kills, len(ways)))
        plan += [
            (at, max(1, segments * (number + 1) // (share + 1)), victims[number % 2])
            for number in range(share)
        ]
    return plan


def _carry(made: Nodes, account: Crossing, plan: list[tuple[str, int, str]]) -> str:
    """Upload, send and kill; return the digest of what was sent."""
    paper = made.place / "paper.bin"
    state = hashlib.sha256()
    with paper.open("wb") as file:
        for start in range(0, account.size_bytes, MEBIBYTE):
            piece = os.urandom(min(MEBIBYTE, account.size_bytes - start))
            state.update(piece)
            file.write(piece)
    begun = time.perf_counter()
    uploaded = made.daemon("XA").upload(paper, "application/pdf", lambda _: None)
    account.upload_s = time.perf_counter() - begun
    paper.unlink()
    begun = time.perf_counter()
    sent = made.call("XA", "POST", "/v1/messages", request([uploaded["id"]]))["id"]
    for at, count, victim in plan:
        made.until(lambda at=at, count=count: _stored(made, at) >= count, PATIENCE_S)
        made.kill(victim)
        made.start(victim)
    made.delivered("XA", [sent], PATIENCE_S)
    made.until(lambda: _attachment(made)["state"] == "whole", PATIENCE_S)
    account.delivery_s = time.perf_counter() - begun
    (recipient,) = made.shown("XA", sent)["recipients"]
    account.receipt_verified = recipient["receipt"]["verified"]
    megabytes = account.size_bytes / 1e6
    account.upload_mb_a_s = megabytes / account.upload_s
    account.delivery_mb_a_s = megabytes / account.delivery_s
    account.whole_mb_a_s = megabytes / (account.upload_s + account.delivery_s)
    return state.hexdigest()


@contextlib.contextmanager
def _weighed(made: Nodes, names: list[str], account: Crossing) -> Iterator[None]:
    scales = _Scales(made, idle={name: _resident_bytes(made, name) for name in names})
    thread = threading.Thread(target=scales.watch)
    thread.start()
    try:
        yield
    finally:
        scales.halt.set()
        thread.join()
    account.over_idle_mib = {name: over // MEBIBYTE for name, over in scales.over.items()}


def _resident_bytes(made: Nodes, name: str) -> int:
    status = Path(f"/proc/{made.running[name].pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found.group(1)) * 1024


def _stored(made: Nodes, name: str) -> int:
    return (made.place / f"{name}.log").read_text().count('"segment.stored"')


def _attachment(made: Nodes) -> dict[str, object]:
    """Return the attachment of XB's last message."""
    (attachment,) = made.shown("XB", made.inbox("XB")[-1])["attachments"]
    return dict(attachment)


async def _digest_of(socket: Path, attachment: str) -> str:
    """Read an attachment through a node's API, and keep nothing of it."""
    path = f"http://liaison/v1/attachments/{attachment}"
    connector = aiohttp.UnixConnector(str(socket))
    timeout = aiohttp.ClientTimeout(total=None)
    state = hashlib.sha256()
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
        session.get(path) as answer,
    ):
        assert answer.status == 200
        async for piece in answer.content.iter_any():
            state.update(piece)
    return state.hexdigest()


def _size(text: str) -> int:
    number, unit = text[:-3], text[-3:]
    return int(number) * UNITS[unit]


def main() -> None:
    """Carry one attachment and print the account."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=_size, default=_size("256MiB"))
    parser.add_argument("--via", choices=("direct", "relay"), default="direct")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--policy", default="before_receipt")
    parser.add_argument("--dir", type=Path, help="where to make the nodes' folders")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liaison-attachment-", dir=asked.dir) as place:
        account = cross(
            Path(place), size=asked.size, via_relay=asked.via == "relay", kills=asked.kills,
            policy=asked.policy,
        )  # fmt: skip
    shown = {
        name: round(value, 1) if isinstance(value, float) else value
        for name, value in asdict(account).items()
    }
    print(json.dumps(shown, indent=2))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
