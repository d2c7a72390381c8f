"""What the rows of exchanges cost the database alone: bare statements on the node's own tables.

Two databases, as the sender and the recipient have them; three commits a batch: accepted, received,
settled. Statements are of many rows, and next to nothing but them is timed.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import chain, count
from pathlib import Path

from gateway.store.migrate import upgrade
from tests.bench.report import Figure, figure
from tests.bench.timing import Effort, time_rounds

BATCH = 64
NAME = f"SQLite, WAL, FULL: all rows of an exchange, {BATCH} a commit"
_PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON",
    "wal_autocheckpoint=10000", "cache_size=-32768",
)  # fmt: skip
_SETTLE = "UPDATE outbox SET state='delivered', settled_at=?, receipt=? WHERE row_id=?"
_NUMBER = "UPDATE audit_entries SET shard=0, number=row_id WHERE row_id BETWEEN ? AND ?"


def exchange_rows(effort: Effort, place: Path) -> list[Figure]:
    """Store what 64 exchanges leave on both sides: exchanges a second, and the CPU of each."""
    numbers = count(1, BATCH)
    receipt, key = os.urandom(500), os.urandom(1228)
    entry, leaf = os.urandom(160), os.urandom(32)
    with ExitStack() as stack:
        sender, recipient = (
            stack.enter_context(_database(place / f"{name}.db")) for name in ("sender", "recipient")
        )

        def exchanges() -> None:
            first = next(numbers)
            rows = range(first, first + BATCH)
            sent = [_message(row, "out", None) for row in rows]
            received = [{**message, "direction": "in", "receipt": receipt} for message in sent]
            with _commit(sender):
                _insert(sender, "messages", sent)
                _insert(sender, "outbox", [_outbox(row, key) for row in rows])
                _append(sender, 2 * first - 1, entry, leaf)
            with _commit(recipient):
                _insert(recipient, "messages", received)
                _append(recipient, first, entry, leaf)
            with _commit(sender):
                sender.executemany(_SETTLE, [(first, receipt, row) for row in rows]).close()
                _append(sender, 2 * first - 1 + BATCH, entry, leaf)

        timing = time_rounds(exchanges, effort, units=BATCH)
    return [
        figure(NAME, "exchanges/s", timing.rates()),
        figure(NAME, "µs of CPU", timing.costs_us()),
    ]


@contextmanager
def _database(file: Path) -> Iterator[sqlite3.Connection]:
    """Yield a new database with the node's tables, opened as the node opens it."""
    upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as store:
        for pragma in _PRAGMAS:
            store.execute(f"PRAGMA {pragma}").close()
        yield store


@contextmanager
def _commit(store: sqlite3.Connection) -> Iterator[None]:
    store.execute("BEGIN IMMEDIATE").close()
    yield
    store.execute("COMMIT").close()


def _insert(store: sqlite3.Connection, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows of the same columns by one statement; columns left out have no value."""
    columns = rows[0].keys()
    places = ", ".join([f"({', '.join('?' * len(columns))})"] * len(rows))
    text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {places}"  # noqa: S608 - ours
    store.execute(text, tuple(chain.from_iterable(row.values() for row in rows))).close()


def _append(store: sqlite3.Connection, first: int, entry: bytes, leaf: bytes) -> None:
    """Append the audit entries of a batch, and number them as the sequencer does."""
    rows = range(first, first + BATCH)
    entries = [{"row_id": row, "entry": entry, "leaf_hash": leaf} for row in rows]
    _insert(store, "audit_entries", entries)
    store.execute(_NUMBER, (first, first + BATCH - 1)).close()


def _message(row: int, direction: str, receipt: bytes | None) -> Mapping[str, object]:
    """Return a message of 1 KiB as a row; its ids lead with the time, as the node's do."""
    leading = (row // 1000).to_bytes(5, "big")
    random = os.urandom(128)
    return {
        "row_id": row,
        "direction": direction,
        "sender": "XA",
        "on_behalf_of": "",
        "message_id": leading + random[:11],
        "kind": "request.verify_value",
        "case_id": leading + random[11:22],
        "seq": 1,
        "in_reply_to": "",
        "created_at": row,
        "stored_at": row,
        "expires_at": row,
        "priority": 1,
        "attachments": 0,
        "envelope_id": random[:32],
        "tbs_digest": random[32:64],
        "header": random[:80],
        "body": random * 12,
        "storage_key_id": random[64:96],
        "wrapped_key": random[:88],
        "acknowledged_at": None,
        "receipt": receipt,
    }


def _outbox(row: int, wrapped: bytes) -> Mapping[str, object]:
    return {
        "row_id": row,
        "message_row": row,
        "recipient": "XB",
        "state": "sending",
        "rank": 6,
        "due_at": row,
        "expires_at": row,
        "attempts": 0,
        "code": "",
        "custodian": "",
        "seal_kid": wrapped[:32],
        "wrapped": wrapped,
        "settled_at": None,
        "receipt": None,
    }
