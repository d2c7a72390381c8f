"""How long ``liaison audit verify`` takes over a log of many entries, and how much memory.

``python -m tests.bench.verifying --entries 1000000``
"""

import argparse
import gc
import re
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert

from gateway.services.auditing.check import check_audit_log
from gateway.store import audit
from gateway.store.database import Database, Transaction
from gateway.store.schema import audit_entries, audit_nodes
from keys.tlog.merkle import Frontier
from keys.tlog.nodes import completed_nodes
from tests.store.logged import XA, Logged, entry_of, logged
from tests.store.stored import database

ROWS = 65_536
HEADS = 8_760
"""As many as a year has hours; each is kept."""


def main() -> None:
    """Write a log, check it, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    count = parser.parse_args().entries
    log = logged()
    with tempfile.TemporaryDirectory() as place, database(Path(place)) as opened:
        _write(opened, log, count)
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        before_kib = _peak_kib()
        started = time.perf_counter()
        report = opened.read_now(lambda tx: check_audit_log(tx, log.world.view, XA))
        took_s = time.perf_counter() - started
        grown_kib = _peak_kib() - before_kib
    found = len(report.findings)
    print(  # noqa: T201 - what it is for
        f"{report.entries} entries, {report.checkpoints} heads: {took_s:.1f} s, "
        f"{report.entries / took_s:.0f} a second, {grown_kib / 1024:.0f} MiB more, {found} findings"
    )


def _peak_kib() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


def _write(opened: Database, log: Logged, count: int) -> None:
    opened.write_now(log.begin)
    opened.write_now(lambda tx: log.fill(tx, 2))
    every = max(1, count // HEADS)
    for start in range(2, count, ROWS):
        opened.write_now(
            lambda tx, start=start: _append(tx, log, start, min(start + ROWS, count), every)
        )


def _append(tx: Transaction, log: Logged, start: int, end: int, every: int) -> None:
    """Append entries with their places, hashes and heads, quickly."""
    new = [entry_of(number) for number in range(start, end)]
    tx.execute(
        insert(audit_entries),
        [
            {"shard": 0, "number": start + at, "entry": item.entry, "leaf_hash": item.leaf_hash}
            for at, item in enumerate(new)
        ],
    )
    head = audit.head(tx)
    assert head is not None
    frontier = Frontier.parse(head.frontier)
    while frontier.size < end:
        at, step = frontier.size, min(every, end - frontier.size)
        leaves = [item.leaf_hash for item in new[at - start : at - start + step]]
        frontier, nodes = completed_nodes(frontier, leaves)
        if nodes:
            values = [{"level": n.level, "number": n.number, "hash": n.hash} for n in nodes]
            tx.execute(insert(audit_nodes), [{"shard": 0, **item} for item in values])
        log.at += audit.HEAD_KEPT_S
        note = log.sign(frontier.size, frontier.root())
        row = audit.AuditHead(
            shard=0, size=frontier.size, frontier=frontier.encode(), checkpoint=note,
            signed_at=log.at,
        )  # fmt: skip
        audit._set_head(tx, head, row)
        head = row
        log.last = note
    log.witness(tx)


if __name__ == "__main__":
    main()
