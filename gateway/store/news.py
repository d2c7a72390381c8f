"""News between daemons on one PostgreSQL database: what one commits, the others look at at once.

A notice is part of the transaction that it speaks of: it comes with the commit, or not at all. It
says only where to look, and whoever misses one looks there now and then anyway. A SQLite database
has one daemon, and no notices.
"""

from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import Final, NoReturn

from sqlalchemy import bindparam, func, select

from gateway.clock import Clock
from gateway.logs import logger
from gateway.store.database import Database, Transaction

CHANNEL: Final = "liaison"
PAYLOAD_MOST: Final = 7_900
"""A little less than what the server takes."""
RECONNECT_S: Final = 2.0
LOOK_S: Final = 30.0
"""How often a silent line is tried: a server that went away does not always say so."""

_TELL = select(func.pg_notify(CHANNEL, bindparam("payload")))
_log = logger()


class Topic(StrEnum):
    """Where there is something new."""

    MESSAGES = "messages"
    """Stored or settled: those who wait for a list look again."""
    OUTBOX = "outbox"
    """Rows were queued for the recipients named; none is named where they are too many."""
    CUSTODY = "custody"
    """Copies for the recipients named were taken, as above."""
    RETURNS = "returns"
    """It is known what became of copies."""
    REGISTRY = "registry"
    """The mirror grew."""
    TOKENS = "tokens"
    """One was made or revoked."""
    EVENTS = "events"
    """Some were noted."""


_TOPICS = {topic.value: topic for topic in Topic}
"""A daemon of another version may tell of others."""

Heard = Callable[[Topic, list[str]], Awaitable[None]]


def tell(tx: Transaction, topic: Topic, names: Iterable[str] = ()) -> None:
    """Let the other daemons know, when this commits."""
    if tx.dialect.name == "postgresql":
        payload = " ".join([topic, *sorted(set(names))])
        tx.execute(_TELL, {"payload": payload if len(payload) <= PAYLOAD_MOST else topic.value})


async def listen(database: Database, clock: Clock, heard: Heard) -> NoReturn:
    """Pass on what other daemons tell, until cancelled; after a gap, everything may be new."""
    import psycopg  # noqa: PLC0415 - the driver is an extra

    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                database.url, autocommit=True, connect_timeout=5
            ) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                for topic in Topic:
                    await heard(topic, [])
                while True:
                    async for notice in connection.notifies(timeout=LOOK_S):
                        word, *names = notice.payload.split(" ")
                        if notice.pid != database.writer_pid and word in _TOPICS:
                            await heard(_TOPICS[word], names)
                    await connection.execute("SELECT 1")
        except psycopg.Error as failure:
            _log.warning("news.missed", detail=str(failure).strip().partition("\n")[0])
            await clock.sleep(RECONNECT_S)
