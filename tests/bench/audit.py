"""An audit log that grew old: proofs from its stored hashes, and what one more batch costs it.

The rows are written as the sequencer leaves them, hundreds of thousands a second; then the node's
own sequencer goes on from there. An entry has 160 bytes, as most have.
"""

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from gateway.clock import SystemClock
from gateway.services.auditing.log import ENTRIES_PER_CHECKPOINT, AuditLog, Continued
from gateway.services.auditing.reading import tiled
from gateway.services.ledger import Ledger
from gateway.store import audit
from gateway.store.audit import AuditHead, NewEntry
from gateway.store.database import Database, Transaction
from gateway.store.migrate import upgrade
from keys.registry.origins import Shard
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.tlog.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash
from keys.tlog.nodes import completed_nodes
from keys.tlog.note import ClassicalSigner
from tests.bench.curves import Curve, Point, curve_of, point
from tests.bench.report import Figure
from tests.bench.scale import Scale
from tests.world import FEDERATION

_LONGEST = "longest audit log: "
INCLUSION = f"{_LONGEST}proof that an entry is in it"
CONSISTENCY = f"{_LONGEST}proof that it grew from an earlier size"
SEQUENCED = f"{ENTRIES_PER_CHECKPOINT} entries given their places, and the head signed"
PROOFS = 500
_BATCH = 4096
_ENTRY = os.urandom(160)
_KEY = SigningKey(KeyUse.LOG, bytes(32))
_ENTRIES = "INSERT INTO audit_entries (shard, number, entry, leaf_hash) VALUES (0, ?, ?, ?)"
_NODES = "INSERT INTO audit_nodes (shard, level, number, hash) VALUES (0, ?, ?, ?)"
_HEAD = "UPDATE audit_heads SET size=?, frontier=?, checkpoint=?"
_PROOFS = {INCLUSION: inclusion_proof, CONSISTENCY: consistency_proof}


def old_log(scale: Scale) -> tuple[list[Figure], list[Curve]]:
    """Let a log grow; at each size prove entries and growth, and sequence some batches more."""
    points: dict[str, list[Point]] = {name: [] for name in (*_PROOFS, SEQUENCED)}
    with tempfile.TemporaryDirectory(prefix="liaison-bench-") as place:
        log = _Log.made(Path(place))
        with closing(log.database):
            points[SEQUENCED].append(point(0, SEQUENCED, "ms", log.sequenced_ms(scale.rounds)))
            for size in scale.proven:
                log.fill(size)
                for name, prove in _PROOFS.items():
                    points[name].append(point(size, name, "ms", log.proven_ms(prove)))
                taken = log.sequenced_ms(scale.rounds)
                points[SEQUENCED].append(point(size, SEQUENCED, "ms", taken))
    largest = [points[name][-1].figure for name in _PROOFS]
    return largest, [
        curve_of(name.removeprefix(_LONGEST), "entries in the audit log", found)
        for name, found in points.items()
    ]


class _Alone:
    """Nobody has seen this log: it goes on where the database says."""

    async def next_shard(
        self, head: AuditHead | None, year: int, signed: bytes = b""
    ) -> Continued | None:
        """See ``gateway.services.auditing.log``."""
        del signed
        return Continued(shard=Shard(year), last=b"") if head is None else None


@dataclass(frozen=True, slots=True)
class _Log:
    """A database with nothing in it but an audit log, and the sequencer that writes it."""

    file: Path
    database: Database
    log: AuditLog

    @classmethod
    def made(cls, folder: Path) -> "_Log":
        file = folder / "node.db"
        upgrade(f"sqlite:///{file}")
        database, clock = Database.open(f"sqlite:///{file}"), SystemClock()
        keys = SimpleNamespace(
            member=MemberId("XA"), log_signer=lambda origin, *_: ClassicalSigner(origin, _KEY)
        )
        mirror = SimpleNamespace(view=SimpleNamespace(federation=FEDERATION))
        ledger = Ledger(clock, os.urandom, lambda: 0)
        log = AuditLog(database, keys, mirror, ledger=ledger, continuity=_Alone(), clock=clock)
        return cls(file, database, log)

    def head(self) -> AuditHead:
        """Return the newest head."""
        head = self.database.read_now(audit.head)
        if head is None:
            raise RuntimeError("a log that was sequenced has a head")
        return head

    def proven_ms(self, prove: Callable[..., Sequence[bytes]]) -> list[float]:
        """Return what each of many proofs took, in a snapshot of its own, at random places."""
        head = self.head()

        def proof(place: int) -> Callable[[Transaction], object]:
            arguments = (place, head.size)
            return lambda tx: prove(*arguments, tiled(tx, head.shard, head.size))

        places = [1 + int.from_bytes(os.urandom(8), "big") % (head.size - 1) for _ in range(PROOFS)]
        return [_taken_ms(lambda at=at: self.database.read_now(proof(at))) for at in places]

    def sequenced_ms(self, rounds: int) -> list[float]:
        """Return how long the sequencer is at it, with a full batch that waits each time."""
        batch = [NewEntry(entry=_ENTRY, leaf_hash=leaf_hash(_ENTRY))] * ENTRIES_PER_CHECKPOINT

        async def sequence() -> list[float]:
            taken = []
            for _ in range(1 + rounds):
                await self.database.write_unit(lambda tx: audit.append(tx, batch))
                started = time.perf_counter()
                await self.log.sequence()
                taken.append((time.perf_counter() - started) * 1e3)
            return taken[1:]

        return asyncio.run(sequence())

    def fill(self, size: int) -> None:
        """Write rows as the sequencer would have left them, up to ``size`` entries."""
        head = self.head()
        frontier = Frontier.parse(head.frontier)
        with closing(sqlite3.connect(self.file, isolation_level=None)) as store:
            while frontier.size < size:
                batch = range(frontier.size, min(size, frontier.size + _BATCH))
                leaves = [leaf_hash(number.to_bytes(8, "big")) for number in batch]
                frontier, nodes = completed_nodes(frontier, leaves)
                rows = [(number, _ENTRY, leaf) for number, leaf in zip(batch, leaves, strict=True)]
                kept = [(node.level, node.number, node.hash) for node in nodes]
                store.execute("BEGIN IMMEDIATE").close()
                store.executemany(_ENTRIES, rows).close()
                store.executemany(_NODES, kept).close()
                store.execute("COMMIT").close()
            origin = parse_checkpoint(head.checkpoint).origin
            note = sign_checkpoint(
                Checkpoint(origin, size, frontier.root()), ClassicalSigner(origin, _KEY)
            )
            store.execute(_HEAD, (size, frontier.encode(), note)).close()


def _taken_ms(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1e3
