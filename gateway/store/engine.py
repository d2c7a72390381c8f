"""The two databases: how each is opened, begun, locked, and what its errors mean.

SQLite is the embedded default, one process. PostgreSQL lets several daemons of one member share a
store. Everything that differs between them is here; the rest of the store is one text.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Literal

from sqlalchemy import Column, Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.expression import Executable

from gateway.errors import UnavailableError

BUSY_TIMEOUT_MS: Final = 5_000
SAVEPOINTS_MAX: Final = {"sqlite": 64, "postgresql": 32}
"""How many acts share a commit; PostgreSQL slows down above."""

_POSTGRES_OPTIONS = " ".join(
    f"-c {option}"
    for option in (
        "synchronous_commit=on",
        f"lock_timeout={BUSY_TIMEOUT_MS}",
        "idle_in_transaction_session_timeout=15000",  # a frozen daemon must not hold the others up
    )
)


def writer_engine(url: str) -> Engine:
    """Return the engine of the one writing connection."""
    if url.startswith("sqlite:"):
        pragmas = ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"]
        pragmas += [
            "wal_autocheckpoint=10000",
            "cache_size=-32768",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ]
        return _sqlite(url, pragmas, begin="BEGIN IMMEDIATE", size=1)
    return _postgres(url, size=1, isolation="READ COMMITTED")


def reader_engine(url: str, size: int) -> Engine:
    """Return the engine of the reading connections: each transaction sees one snapshot."""
    if url.startswith("sqlite:"):
        pragmas = [f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=ON"]
        return _sqlite(url, pragmas, begin="BEGIN", size=size)
    return _postgres(url, size=size, isolation="REPEATABLE READ", read_only=True)


def _sqlite(url: str, pragmas: Sequence[str], *, begin: str, size: int) -> Engine:
    engine = create_engine(url, poolclass=QueuePool, pool_size=size, max_overflow=0)

    @event.listens_for(engine, "connect")
    def connected(raw: Any, _: object) -> None:
        raw.isolation_level = None  # sqlite3 must not begin or commit by itself
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres(
    url: str,
    *,
    size: int,
    isolation: Literal["READ COMMITTED", "REPEATABLE READ"],
    read_only: bool = False,
) -> Engine:
    try:
        return create_engine(
            url.replace("postgresql:", "postgresql+psycopg:", 1),
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            isolation_level=isolation,
            execution_options={"postgresql_readonly": read_only},
            connect_args={"options": _POSTGRES_OPTIONS, "connect_timeout": 5},
        )
    except ModuleNotFoundError as fault:
        raise UnavailableError(
            "driver_missing",
            "the driver for PostgreSQL is not installed: pip install 'liaison-gateway[postgresql]'",
        ) from fault


def empty_journal(engine: Engine) -> bool:
    """Move SQLite's journal into the database and cut it to nothing: it held earlier pages.

    Tell whether it was: a reader at work keeps what it needs, and the next call takes it. A server
    keeps and recycles its journals by settings of its own.
    """
    if engine.dialect.name != "sqlite":
        return True
    raw = engine.raw_connection()
    try:
        rows = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError:  # somebody writes
        return False
    finally:
        raw.close()
    return not rows[0][0]


class InsertNew:
    """INSERT … ON CONFLICT DO NOTHING, built once for either database."""

    def __init__(
        self, table: Table, key: Sequence[str], *, returning: Sequence[Column[Any]] = ()
    ) -> None:
        """``key`` names the unique columns; of a row that is there already nothing is returned."""
        self._statements: dict[str, Executable | ReturningInsert[Any]] = {}
        for dialect in (sqlite, postgresql):
            statement = dialect.insert(table).on_conflict_do_nothing(index_elements=list(key))
            self._statements[dialect.dialect.name] = (
                statement.returning(*returning) if returning else statement
            )

    def on(self, tx: Connection) -> Any:
        """Return the statement for the database of ``tx``."""
        return self._statements[tx.dialect.name]


def put(tx: Connection, table: Table, row: dict[str, Any], key: str, *, newer: str = "") -> None:
    """Insert a row, or overwrite the one with the same ``key``: only an older one, by ``newer``."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(**row)
    where = table.c[newer] < row[newer] if newer else None
    tx.execute(statement.on_conflict_do_update(index_elements=[key], set_=row, where=where))


def lock(tx: Connection, name: int) -> None:
    """Until the commit, keep other daemons on the same database out of what ``name`` guards.

    SQLite has one writer anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(name)))


MESSAGES: Final = 0x4C1A_0001
"""Who adds messages: their rows become visible in the order of their numbers, or a reader's cursor
would pass by one that is committed late."""
SEQUENCER: Final = 0x4C1A_0002
"""Who numbers the entries of the audit log."""
CUSTODY: Final = 0x4C1A_0004
"""Who adds or drops envelopes that copies in custody share."""
MIGRATION: Final = 0x4C1A_0003
"""Who changes the schema."""
REGISTRY: Final = 0x4C1A_0005
"""Who lets the registry mirror grow, or adds cosignatures to its head."""
WITNESS: Final = 0x4C1A_0006
"""Who is about to cosign as this member's witness."""
LOG_HEADS: Final = 0x4C1A_0008
"""Who links a head of a member's log to the newest one that was seen."""
CARDS: Final = 0x4C1A_0007
"""Who decides which key card of a member is the newest."""

CASES: Final = 0x4C1A_0011
"""Who brings the copy of the threads up to date."""
EVENTS: Final = 0x4C1A_0012
"""Who notes events: their rows become visible in the order of their numbers."""


def is_passing(failure: BaseException) -> bool:
    """Tell whether the same transaction may well succeed when it is run again at once."""
    state = getattr(getattr(failure, "orig", None), "sqlstate", None)
    return state in ("40001", "40P01")  # serialization failure, deadlock


def translation(failure: BaseException) -> BaseException:
    """Say in our words what the database says in its own."""
    if not isinstance(failure, DBAPIError):
        return failure
    if hasattr(failure.orig, "sqlstate") or failure.connection_invalidated:
        return _postgres_translation(failure)
    return _sqlite_translation(failure) if isinstance(failure, OperationalError) else failure


def _sqlite_translation(failure: OperationalError) -> UnavailableError:
    name = getattr(failure.orig, "sqlite_errorname", "")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")):  # the latter as it is opened
        return _disk_full()
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return UnavailableError(
            "database_locked",
            "the database is locked by another program for more than 5 seconds: end that program",
            retry_after_s=5,
        )
    return UnavailableError(
        "database_failed", f"the database cannot be used: {failure.orig}", retry_after_s=5
    )


def _postgres_translation(failure: DBAPIError) -> BaseException:
    state = getattr(failure.orig, "sqlstate", None) or "08006"
    match state[:2]:
        case "53" if state == "53100":
            return _disk_full()
        case "08" | "57" | "53":
            return UnavailableError(
                "database_unreachable",
                f"the database server does not answer: {_first_line(failure)}",
                retry_after_s=2,
            )
        case "40" | "55":
            return UnavailableError(
                "database_busy",
                f"the database is busy with another daemon: {_first_line(failure)}",
                retry_after_s=2,
            )
        case "23":  # a constraint: the act's own affair
            return failure
    return UnavailableError(
        "database_failed", f"the database cannot be used: {_first_line(failure)}", retry_after_s=5
    )


def _disk_full() -> UnavailableError:
    return UnavailableError(
        "disk_full",
        "the disk with the database is full: nothing was accepted; free some space",
        retry_after_s=30,
    )


def _first_line(failure: DBAPIError) -> str:
    return str(failure.orig).strip().partition("\n")[0]
