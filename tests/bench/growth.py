"""How the cost of an exchange grows with members, recipients and the audit log."""

import os
import statistics
import time
from collections.abc import Sequence

import aiohttp

from gateway.clock import SystemClock
from gateway.daemon import SETTINGS_FILE, open_database
from gateway.protocol.audit import EntryKind
from gateway.services.ledger import Ledger
from gateway.settings import load
from gateway.store import audit
from tests.bench import driver
from tests.bench.crowd import enlarge, recipients
from tests.bench.curves import Curve, Point, curve_of, point
from tests.bench.driver import Sent
from tests.bench.exchange import CATCH_UP_S, Round, batch_rounds, run_rounds
from tests.bench.federation import cpu_s, memory_bytes
from tests.bench.ratios import COST
from tests.bench.report import MIB, Figure, figure
from tests.bench.scale import Scale
from tests.bench.standing import CALM_S, restart
from tests.system.nodes import Nodes

EXCHANGE = "CPU of an exchange"
CHUNK = 10_000
LOOK_S = 1.0
READS = 20
CATCH_UP_MOST_S = 3_600.0


def members(made: Nodes, scale: Scale) -> tuple[list[Figure], list[Curve]]:
    """Let the registry grow: an exchange, a restart, and memory with ever more members."""
    costs: list[Point] = []
    starts: list[Point] = []
    memory: list[Point] = []
    there = 0
    for size in scale.members:
        enlarge(made, there, size - there)
        there = size
        taken = [restart(made, "XB") for _ in range(scale.rounds)]
        starts.append(point(size, "ready after a restart", "s", taken))
        time.sleep(CALM_S)
        held = memory_bytes(made.running["XB"].pid) / MIB
        memory.append(point(size, "memory of an idle node", "MiB", [held]))
        costs.append(_exchange(made, size, scale))
    largest = starts[-1].figure
    name = "restart with the largest registry: until ready"
    return [figure(name, "s", [largest.low, largest.median, largest.high])], [
        curve_of(EXCHANGE, "members in the registry", costs),
        curve_of("ready after a restart", "members in the registry", starts),
        curve_of("memory of an idle node", "members in the registry", memory),
    ]


def log_entries(made: Nodes, scale: Scale) -> tuple[list[Figure], list[Curve]]:
    """Let XA's audit log grow: an exchange, a restart, and reading old entries."""
    costs: list[Point] = []
    starts: list[Point] = []
    reads: list[Point] = []
    for size in scale.log_entries:
        _fill_log(made, size)
        taken = [restart(made, "XA") for _ in range(scale.rounds)]
        starts.append(point(size, "ready after a restart", "s", taken))
        times = [_read_entries_s(made, size) * 1e3 for _ in range(READS)]
        reads.append(point(size, "1,000 old entries read", "ms", times))
        costs.append(_exchange(made, size, scale))
    return [], [
        curve_of(EXCHANGE, "entries in the audit log", costs),
        curve_of("ready after a restart", "entries in the audit log", starts),
        curve_of("1,000 old entries read", "entries in the audit log", reads),
    ]


def recipients_a_message(made: Nodes, scale: Scale) -> tuple[list[Figure], list[Curve]]:
    """Send to ever more recipients at once: what each copy costs its sender and its recipient."""
    sender: list[Point] = []
    receiver: list[Point] = []
    with recipients(made, max(scale.recipients)) as (names, crowd):
        for size in scale.recipients:
            count = max(driver.LINES, scale.batch // size)
            rounds, theirs = _to_many(made, names[:size], crowd, count, scale.rounds)
            copies = count * size
            ours = [one.cpu_s["XA"] / copies * 1e6 for one in rounds]
            sender.append(point(size, "sender", COST, ours))
            receiver.append(point(size, "recipient", COST, [theirs / copies * 1e6]))
    return [], [
        curve_of("CPU of the sender for a copy", "recipients a message", sender),
        curve_of("CPU of its recipient for a copy", "recipients a message", receiver),
    ]


def _exchange(made: Nodes, size: int, scale: Scale) -> Point:
    rounds = batch_rounds(made, scale.batch, scale.rounds)
    costs = [sum(one.cpu_s.values()) / one.sent.count * 1e6 for one in rounds]
    return point(size, EXCHANGE, COST, costs)


def _to_many(
    made: Nodes, names: Sequence[str], crowd: int, count: int, rounds: int
) -> tuple[list[Round], float]:
    """Send rounds to all of ``names``; return them, and the crowd's CPU of an average round."""
    line = driver.submission(to=names)
    used: list[float] = []

    async def send(session: aiohttp.ClientSession, number: int) -> Sent:
        before = cpu_s(crowd)
        done = await driver.in_batches(session, line, number, copies=len(names))
        used.append(cpu_s(crowd) - before)
        return done

    taken = run_rounds(made, send, count, rounds, members=["XA"])
    return taken, statistics.median(used[1:])


def _fill_log(made: Nodes, size: int) -> None:
    """Append entries to XA's log while it is stopped, up to ``size``; it sequences them itself."""
    lacking = size - made.call("XA", "GET", "/v1/status")["audit_size"]
    made.stop("XA")
    settings = load(made.folder("XA") / SETTINGS_FILE)
    database = open_database(settings)
    ledger = Ledger(SystemClock(), os.urandom, lambda: 0)
    try:
        for start in range(0, lacking, CHUNK):
            entries = [
                ledger.entry(EntryKind.MESSAGE_READ, peer="uid:0", digests=(os.urandom(32),))
                for _ in range(min(CHUNK, lacking - start))
            ]
            database.write_now(lambda tx, some=entries: audit.append(tx, some))
    finally:
        database.close()
    made.start("XA")
    made.until(lambda: _is_sequenced(made), CATCH_UP_MOST_S)
    time.sleep(CATCH_UP_S)


def _is_sequenced(made: Nodes) -> bool:
    time.sleep(LOOK_S)
    return made.call("XA", "GET", "/v1/status")["audit_waiting"] == 0


def _read_entries_s(made: Nodes, size: int) -> float:
    start = size // 2
    started = time.perf_counter()
    path = f"/v1/audit/entries?start={start}&end={start + 1000}"
    found = made.call("XA", "GET", path)["entries"]
    if not found:
        raise RuntimeError("the log has fewer entries than were appended")
    return time.perf_counter() - started
