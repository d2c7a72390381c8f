"""The writer thread: what shares a commit, what fails alone, and what a broken disk costs."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from gateway.errors import ConflictError, RejectedError, UnavailableError
from gateway.store import messages
from gateway.store.database import Database, Transaction
from gateway.store.lock import FolderLock
from gateway.store.migrate import upgrade
from gateway.store.schema import metadata
from tests.store.conftest import Fresh
from tests.store.stored import NOW, all_of, database, message


def count(tx: Transaction) -> int:
    """Return how many messages there are."""
    return tx.execute(text("SELECT count(*) FROM messages")).scalar_one()


async def test_acts_that_wait_together_share_a_commit(fresh: Fresh) -> None:
    """Two hundred writers need a few commits, and each has its own answer."""
    commits: list[str] = []
    with fresh(fault=commits.append) as db:
        rows = await all_of(
            *(
                db.write(lambda tx, n=n: messages.record_outgoing(tx, [message(n)]))
                for n in range(200)
            )
        )
        assert sorted(rows) == [[row] for row in range(1, 201)]
        assert commits.count("after_commit") <= 200 // 32 + 2
        assert await db.read(count) == 200


async def test_failing_act_fails_alone(fresh: Fresh) -> None:
    """What it wrote is taken back; its neighbours of the same commit stay."""
    commits: list[str] = []
    with fresh(fault=commits.append) as db:

        def act(tx: Transaction, number: int) -> int:
            row = messages.record_outgoing(tx, [message(number)])
            if number % 3 == 0:
                raise RejectedError("no", "not this one")
            return row

        outcomes = await all_of(*(db.write(lambda tx, n=n: act(tx, n)) for n in range(30)))
        for number, outcome in enumerate(outcomes):
            assert isinstance(outcome, RejectedError) is (number % 3 == 0)
        assert await db.read(count) == 20
        assert len(commits) < 20


async def test_duplicate_fails_alone_and_again(fresh: Fresh) -> None:
    """A constraint that the database holds is an error of that act alone."""
    with fresh() as db:
        same = [db.write(lambda tx: messages.record_outgoing(tx, [message(1)])) for _ in range(5)]
        outcomes = await all_of(
            *same, db.write(lambda tx: messages.record_outgoing(tx, [message(2)]))
        )
        assert sum(isinstance(item, Exception) for item in outcomes) == 4
        assert await db.read(count) == 2


async def test_unit_has_a_commit_of_its_own(fresh: Fresh) -> None:
    """A batch that is large enough alone waits for nobody and keeps the order."""
    commits: list[str] = []
    with fresh(fault=commits.append) as db:
        write, unit = db.write, db.write_unit
        jobs = [
            (unit if n % 2 else write)(lambda tx, n=n: messages.record_outgoing(tx, [message(n)]))
            for n in range(10)
        ]
        assert await all_of(*jobs) == [[row] for row in range(1, 11)]
        assert commits.count("after_commit") == 10


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
async def test_crash_at_the_commit_answers_nobody_who_was_not_stored(
    fresh: Fresh, moment: str
) -> None:
    """Before it nothing is there; after it everything is, though nobody was told."""

    def crash(at: str) -> None:
        if at == moment:
            raise ConnectionAbortedError("the power went")

    with fresh(fault=crash) as db:
        with pytest.raises(ConnectionAbortedError):
            await db.write(lambda tx: messages.record_outgoing(tx, [message(1)]))
        assert await db.read(count) == (moment == "after_commit")


async def test_full_disk_is_named_and_loses_nothing(tmp_path: Path) -> None:
    """A group on a full disk: those that fit are stored and told so; the others are refused."""
    with database(tmp_path) as db:
        pages = await db.write(lambda tx: tx.execute(text("PRAGMA page_count")).scalar_one())
        await db.write(lambda tx: tx.execute(text(f"PRAGMA max_page_count = {pages + 12}")))
        large = 4000
        outcomes = await all_of(
            *(
                db.write(
                    lambda tx, n=n: messages.record_outgoing(tx, [message(n, body=bytes(large))])
                )
                for n in range(40)
            )
        )
        stored = [item for item in outcomes if not isinstance(item, Exception)]
        refused = [item for item in outcomes if isinstance(item, Exception)]
        assert stored
        assert refused
        for fault in refused:
            assert isinstance(fault, UnavailableError)
            assert (fault.code, "disk" in fault.detail) == ("disk_full", True)
        assert await db.read(count) == len(stored)
        await db.write(lambda tx: tx.execute(text(f"PRAGMA max_page_count = {pages + 9999}")))
        await db.write(lambda tx: messages.record_outgoing(tx, [message(99)]))
        assert await db.read(count) == len(stored) + 1


async def test_locked_database_is_named(tmp_path: Path) -> None:
    """Another program holds it: said in words after a wait; when it lets go, work goes on."""
    with database(tmp_path) as db:
        await db.write(lambda tx: tx.execute(text("PRAGMA busy_timeout = 50")))
        other = sqlite3.connect(tmp_path / "liaison.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError) as caught:
            await db.write(lambda tx: messages.record_outgoing(tx, [message(1)]))
        assert caught.value.code == "database_locked"
        assert await db.read(count) == 0
        other.execute("ROLLBACK")
        other.close()
        await db.write(lambda tx: messages.record_outgoing(tx, [message(1)]))


async def test_what_was_promised_of_the_database_is_in_force(tmp_path: Path) -> None:
    """WAL, a sync at every commit, erasing what is deleted, keys between tables; readers read."""
    with database(tmp_path) as db:

        def pragma(tx: Transaction, name: str) -> object:
            return tx.execute(text(f"PRAGMA {name}")).scalar()

        for name, value in (
            ("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1),
        ):  # fmt: skip
            assert await db.write(lambda tx, n=name: pragma(tx, n)) == value
        with pytest.raises(UnavailableError) as caught:
            await db.read(lambda tx: messages.record_outgoing(tx, [message(1)]))
        assert caught.value.code == "database_failed"


async def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    """Nobody waits for ever, and what was answered is there."""
    with database(tmp_path) as db:
        jobs = [
            asyncio.ensure_future(
                db.write(lambda tx, n=n: messages.record_outgoing(tx, [message(n)]))
            )
            for n in range(100)
        ]
        await asyncio.sleep(0)
        await asyncio.to_thread(db.close)
        assert len(await all_of(*jobs)) == 100
    with database(tmp_path) as again:
        assert await again.read(count) == 100


async def test_who_comes_after_the_end_is_told_so(tmp_path: Path) -> None:
    """Neither a read nor a write waits for ever, nor breaks with an error of the library."""
    with database(tmp_path) as db:
        await db.write(lambda tx: messages.record_outgoing(tx, [message(1)]))
        await asyncio.to_thread(db.close)
        for late in (db.read(count), db.write(lambda _: None), db.write_unit(lambda _: None)):
            with pytest.raises(UnavailableError) as caught:
                await late
            assert caught.value.code == "database_closed"


async def test_write_that_meets_the_end_is_told_so(tmp_path: Path) -> None:
    """It came behind the last one that is finished, and before anybody was told."""
    with database(tmp_path) as db:
        await db.write(lambda _: None)
        db._jobs.put(None)
        late = asyncio.ensure_future(db.write(lambda _: None))
        await asyncio.sleep(0)
        await asyncio.to_thread(db.close)
        with pytest.raises(UnavailableError) as caught:
            await late
        assert caught.value.code == "database_closed"


def test_migrations_make_the_schema(tmp_path: Path) -> None:
    """What alembic builds is what the code believes; building again changes nothing."""
    with database(tmp_path) as db:
        upgrade(f"sqlite:///{tmp_path / 'liaison.db'}")
        db.read_now(lambda tx: _same(compare_metadata(MigrationContext.configure(tx), metadata)))


def _same(differences: list[object]) -> None:
    assert differences == []


KILLED_BEFORE_ITS_COMMIT = """
import os, signal, sys
from alembic import command
from gateway.store.migrate import upgrade
whole = command.upgrade
def cut(*arguments):
    whole(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
command.upgrade = cut
upgrade(sys.argv[1])
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migration_that_is_killed_leaves_nothing_and_is_done_again(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Tables and version come together, or not at all."""
    url = f"sqlite:///{tmp_path / 'liaison.db'}"
    if kind == "postgresql":
        server = request.getfixturevalue("postgres_server")
        url = server.url(server.create())
    ran = subprocess.run([sys.executable, "-c", KILLED_BEFORE_ITS_COMMIT, url], check=False)
    assert ran.returncode == -signal.SIGKILL
    with pytest.raises(UnavailableError) as caught:
        Database.open(url)
    assert "of no version" in caught.value.detail
    upgrade(url)
    database = Database.open(url)
    try:
        assert database.read_now(count) == 0
    finally:
        database.close()


def test_database_of_another_version_is_refused(tmp_path: Path) -> None:
    """None at all, and a newer one."""
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(UnavailableError) as caught:
        Database.open(f"sqlite:///{tmp_path / 'empty.db'}")
    assert caught.value.code == "schema_mismatch"
    assert "liaison migrate" in caught.value.detail
    with database(tmp_path) as db:
        db.write_now(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(UnavailableError) as caught:
        Database.open(f"sqlite:///{tmp_path / 'liaison.db'}")
    assert "9999" in caught.value.detail


def test_folder_has_one_daemon(tmp_path: Path) -> None:
    """The second is told who holds it; when the first lets go, it may."""
    with FolderLock(tmp_path):
        with pytest.raises(ConflictError) as caught:
            FolderLock(tmp_path)
        assert caught.value.code == "already_running"
    FolderLock(tmp_path).release()
    assert NOW
