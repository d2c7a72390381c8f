"""A database server that goes away and comes back, under a node that stays."""

import pytest

from gateway.errors import UnavailableError
from gateway.store import messages
from gateway.store.database import Database, Transaction
from gateway.store.migrate import upgrade
from tests import postgres
from tests.outcome import outcome_of
from tests.store.stored import queue


async def test_restarted_server_is_named_while_it_is_away_and_used_when_it_is_back() -> None:
    """Acts fail with a time and change nothing; what was committed is there; the next succeeds."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.server() as server:
        url = server.url(server.create())
        upgrade(url)
        db = Database.open(url)
        try:
            await db.write(lambda tx: queue(tx, 1, "XB"))
            server.stop()
            away = [await outcome_of(db.write(lambda tx: queue(tx, 2, "XB")))]
            away.append(await outcome_of(db.read(messages.counts)))
            for fault in away:
                assert isinstance(fault, UnavailableError)
                assert (fault.code, fault.retry_after_s) == ("database_unreachable", 2)
            server.start()
            assert await until_it_answers(db) == {"out": 1}
            await db.write(lambda tx: queue(tx, 2, "XB"))
            assert await db.read(messages.counts) == {"out": 2}
        finally:
            db.close()


async def until_it_answers(db: Database) -> dict[str, int]:
    """Ask until every connection of the pool that broke was replaced; a few times are enough."""

    def touch(tx: Transaction) -> dict[str, int]:
        return messages.counts(tx)

    for _ in range(10):
        written, read = await outcome_of(db.write(touch)), await outcome_of(db.read(touch))
        if not isinstance(written, UnavailableError) and not isinstance(read, UnavailableError):
            return read
    raise AssertionError("the database did not come back")
