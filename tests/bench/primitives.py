"""What this machine's primitives cost: ``python -m tests.bench.primitives [--quick] [--json]``.

The parts that a confirmed exchange is made of, each alone, so that its cost can be set against
their sum. Files lie in a temporary directory: set TMPDIR to the disk that is meant, for an fsync
in memory costs nothing.
"""

import argparse
import asyncio
import hashlib
import itertools
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import aiohttp
import msgspec
import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.cli import machine
from keys import stream
from tests.bench.report import KIB, MIB, Figure, Result, figure, show, size
from tests.bench.rows import exchange_rows
from tests.bench.timing import Effort, Timing, time_rounds

FULL = Effort(rounds=7, round_s=0.13)
QUICK = Effort(rounds=3, round_s=0.04)

BATCH = 64
WIDTH = 16
PAGE_BYTES = 4096
COST = "µs of CPU"
WAIT = "µs"

_SERVER_START_S = 10.0
_ROW_SQL = "INSERT INTO entry (message_id, due_at, body) VALUES "


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A small struct, of the size of what one node tells another about a message."""

    version: int
    message_id: bytes
    digest: bytes
    member: str
    at: int


def main() -> None:
    """Print the primitives of this machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.primitives", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args()
    show(run(quick=chosen.quick), as_json=chosen.json)


def run(*, quick: bool = False) -> list[Result]:
    """Measure every primitive, one after the other: some 20 seconds, or 3 when ``quick``."""
    effort = QUICK if quick else FULL
    results: list[Result] = [measure(effort) for measure in IN_MEMORY]
    with tempfile.TemporaryDirectory(prefix="liaison-bench-") as place:
        for on_disk in ON_DISK:
            results += on_disk(effort, Path(place))
        results += [measure(effort) for measure in HOPS]
        results += unix_requests(effort, Path(place))
    return results


def ed25519_sign(effort: Effort) -> Figure:
    """Sign 1 KiB."""
    return _cost("Ed25519 sign, 1 KiB", machine.signing_act(), effort)


def ed25519_verify(effort: Effort) -> Figure:
    """Verify the signature over 1 KiB."""
    return _cost("Ed25519 verify, 1 KiB", machine.verifying_act(), effort)


def hpke_wrap(effort: Effort) -> Figure:
    """Wrap a content key to a recipient whose key was met before."""
    return _cost("HPKE hybrid wrap of a content key", machine.wrapping_act(), effort)


def hpke_unwrap(effort: Effort) -> Figure:
    """Unwrap a content key."""
    return _cost("HPKE hybrid unwrap of a content key", machine.unwrapping_act(), effort)


def session_wrap(effort: Effort) -> Figure:
    """Wrap a content key in a session that has begun."""
    return _cost("wrap of a content key in a session", machine.sharing_act(), effort)


def session_unwrap(effort: Effort) -> Figure:
    """Unwrap a content key of a session that was met before."""
    return _cost("unwrap of a content key in a session", machine.shared_act(), effort)


def body_seal(count: int, effort: Effort) -> Figure:
    """Seal a body of ``count`` bytes."""
    return _cost(f"body seal, {size(count)}", machine.body_sealing_act(count), effort)


def body_open(count: int, effort: Effort) -> Figure:
    """Open a sealed body of ``count`` bytes."""
    return _cost(f"body open, {size(count)}", machine.body_opening_act(count), effort)


def sha256(effort: Effort) -> Figure:
    """Hash 1 MiB at a time."""
    return _bulk("SHA-256", partial(hashlib.sha256, os.urandom(MIB)), effort)


def aes_256_gcm(effort: Effort) -> Figure:
    """Encrypt 1 MiB at a time, into a buffer that stays."""
    aead = AESGCM(os.urandom(32))
    into = bytearray(MIB + stream.TAG_BYTES)
    encrypt = partial(aead.encrypt_into, os.urandom(12), os.urandom(MIB), None, into)
    return _bulk("AES-256-GCM", encrypt, effort)


def msgpack_encode(effort: Effort) -> Figure:
    """Encode a small struct."""
    encode = partial(msgspec.msgpack.Encoder().encode, _entry())
    return _cost("msgpack encode, small struct", encode, effort)


def msgpack_decode(effort: Effort) -> Figure:
    """Decode a small struct."""
    encoded = msgspec.msgpack.encode(_entry())
    decode = partial(msgspec.msgpack.Decoder(Entry).decode, encoded)
    return _cost("msgpack decode, small struct", decode, effort)


def json_decode(effort: Effort) -> Figure:
    """Decode a JSON object of 1 KiB into a plain dict."""
    fields = {f"field_{number:02}": f"value {number:032}" for number in range(18)}
    fields["note"] = "x" * (KIB - len(msgspec.json.encode(fields)) - len(',"note":""'))
    encoded = msgspec.json.encode(fields)
    if len(encoded) != KIB:
        raise RuntimeError(f"the document has {len(encoded)} bytes")
    return _cost("JSON decode, 1 KiB", partial(msgspec.json.Decoder().decode, encoded), effort)


def fsync_append(effort: Effort, place: Path) -> list[Figure]:
    """Append 4 KiB to a file and fsync it."""
    with machine.appending_act(place / "appended", PAGE_BYTES) as append:
        timing = time_rounds(append, effort)
    return [figure("fsync of a 4 KiB append", "/s", timing.rates())]


def sqlite_commits(effort: Effort, place: Path) -> list[Figure]:
    """Commit one row: commits a second, and the CPU of each."""
    timing = _sqlite(effort, place / "single.db", 1)
    name = "SQLite, WAL, FULL, 1 KiB row and 2 indexes, 1 a commit"
    return [figure(name, "commits/s", timing.rates()), figure(name, COST, timing.costs_us())]


def sqlite_rows(effort: Effort, place: Path) -> list[Figure]:
    """Commit 64 rows that one statement inserts: rows a second, and the CPU of each."""
    timing = _sqlite(effort, place / "batched.db", BATCH)
    name = f"SQLite, WAL, FULL, 1 KiB row and 2 indexes, {BATCH} a commit"
    return [figure(name, "rows/s", timing.rates()), figure(name, COST, timing.costs_us())]


def thread_hop(effort: Effort) -> Figure:
    """Go to a thread and back, one at a time."""

    async def hops() -> None:
        for _ in range(BATCH):
            await asyncio.to_thread(_nothing)

    return _hop("thread hop, one at a time", hops, effort)


def thread_hops(effort: Effort) -> Figure:
    """Go to a thread and back, 64 at once."""

    async def hops() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(BATCH):
                group.create_task(asyncio.to_thread(_nothing))

    return _hop(f"thread hop, {BATCH} at once", hops, effort)


def unix_requests(effort: Effort, place: Path) -> list[Figure]:
    """Post 1 KiB over a Unix socket, 16 at a time: requests a second, and the server's CPU."""
    path = place / "answering.sock"
    with _answering(path), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rounds = runner.run(_asked(path, effort))
    rates, costs = zip(*rounds, strict=True)
    name = f"aiohttp over a Unix socket, 1 KiB, {WIDTH} at a time"
    return [figure(name, "requests/s", rates), figure(f"{name}: the server", COST, costs)]


IN_MEMORY: tuple[Callable[[Effort], Figure], ...] = (
    ed25519_sign,
    ed25519_verify,
    hpke_wrap,
    hpke_unwrap,
    session_wrap,
    session_unwrap,
    partial(body_seal, KIB),
    partial(body_open, KIB),
    partial(body_seal, MIB),
    partial(body_open, MIB),
    sha256,
    aes_256_gcm,
    msgpack_encode,
    msgpack_decode,
    json_decode,
)
ON_DISK: tuple[Callable[[Effort, Path], list[Figure]], ...] = (
    fsync_append,
    sqlite_commits,
    sqlite_rows,
    exchange_rows,
)
HOPS: tuple[Callable[[Effort], Figure], ...] = (thread_hop, thread_hops)


def _cost(name: str, call: Callable[[], object], effort: Effort) -> Figure:
    return figure(name, COST, time_rounds(call, effort).costs_us())


def _bulk(name: str, call: Callable[[], object], effort: Effort) -> Figure:
    """Time a call that works through 1 MiB."""
    rates = time_rounds(call, effort, units=MIB).rates()
    return figure(f"{name}, 1 MiB at a time", "GB/s", [rate / 1e9 for rate in rates])


def _hop(name: str, hops: Callable[[], Awaitable[None]], effort: Effort) -> Figure:
    """Time ``hops``, which goes to a thread and back ``BATCH`` times."""

    async def once() -> None:
        await hops()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        timing = time_rounds(lambda: runner.run(once()), effort, units=BATCH)
    return figure(name, WAIT, timing.waits_us())


def _nothing() -> None:
    pass


def _entry() -> Entry:
    return Entry(1, os.urandom(16), os.urandom(32), "XB", 1_700_000_000)


def _sqlite(effort: Effort, path: Path, rows: int) -> Timing:
    """Time a row's part of commits of ``rows`` rows, each of 1 KiB with two indexes.

    Identifiers grow with time, as the node's own do: random ones would measure page misses.
    """
    body = os.urandom(KIB)
    numbers = itertools.count(1)
    statement = _ROW_SQL + ", ".join(["(?, ?, ?)"] * rows)

    def batch() -> list[bytes | int]:
        return [
            value
            for number in itertools.islice(numbers, rows)
            for value in (number.to_bytes(8, "big") + os.urandom(8), number // 100, body)
        ]

    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=10000"):
            store.execute(f"PRAGMA {pragma}").close()
        store.executescript(
            """
            CREATE TABLE entry (
                row_id INTEGER PRIMARY KEY, message_id BLOB NOT NULL, due_at INTEGER NOT NULL,
                body BLOB NOT NULL
            );
            CREATE UNIQUE INDEX entry_message_id ON entry (message_id);
            CREATE INDEX entry_due_at ON entry (due_at);
            """
        )

        def commit() -> None:
            store.execute("BEGIN IMMEDIATE")
            store.execute(statement, batch())
            store.execute("COMMIT")

        return time_rounds(commit, effort, units=rows)


@contextmanager
def _answering(path: Path) -> Iterator[None]:
    """Run the server in a process of its own while the block lasts."""
    script = Path(__file__).with_name("answering.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(path)], stdin=subprocess.PIPE
    ) as server:
        try:
            _await_server(server, path)
            yield
        finally:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()


def _await_server(server: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.monotonic() + _SERVER_START_S
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket(socket.AF_UNIX) as trial:
            if trial.connect_ex(str(path)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("the server did not start")


async def _asked(path: Path, effort: Effort) -> list[tuple[float, float]]:
    """Return, for each round, requests a second and the server's µs of CPU for one."""
    connector = aiohttp.UnixConnector(path=str(path), limit=WIDTH)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(
        "http://answering", connector=connector, timeout=timeout
    ) as session:
        await _asked_round(session, effort.round_s)
        return [await _asked_round(session, effort.round_s) for _ in range(effort.rounds)]


async def _asked_round(session: aiohttp.ClientSession, round_s: float) -> tuple[float, float]:
    body = os.urandom(KIB)
    done = itertools.count()
    cpu_s = await _server_cpu_s(session)
    started = time.perf_counter()

    async def ask() -> None:
        while time.perf_counter() - started < round_s:
            async with session.post("/messages", data=body) as answer:
                answer.raise_for_status()
                await answer.read()
            next(done)

    async with asyncio.TaskGroup() as group:
        for _ in range(WIDTH):
            group.create_task(ask())
    taken = time.perf_counter() - started
    count = next(done)
    return count / taken, (await _server_cpu_s(session) - cpu_s) / count * 1e6


async def _server_cpu_s(session: aiohttp.ClientSession) -> float:
    async with session.get("/cpu") as answer:
        return float(await answer.text())


if __name__ == "__main__":
    main()
