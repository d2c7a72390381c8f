"""Run acts on the database: one writer with group commit, and readers on snapshots.

Acts that wait together share one commit, each in its own savepoint: a failing act fails alone. A
caller is answered only after the commit that holds its work. Where the database gives up the whole
transaction (a full disk), nobody of the group is answered and its members run again one by one.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, NoReturn, TypeVar

from sqlalchemy import Connection, inspect, text
from sqlalchemy.event import listens_for
from sqlalchemy.exc import DBAPIError

from gateway.errors import LiaisonError, UnavailableError
from gateway.store.engine import (
    SAVEPOINTS_MAX,
    empty_journal,
    is_passing,
    reader_engine,
    translation,
    writer_engine,
)
from gateway.store.schema import REVISION

_T = TypeVar("_T")

Transaction = Connection
"""What an act works on; it never commits by itself."""

FaultHook = Callable[[str], None]
"""Called at ``before_commit`` and ``after_commit``, so that tests can crash there."""

READERS = 4
REPEATS = 3


class _Job(Generic[_T]):
    """One act on its way through the writer."""

    __slots__ = ("act", "failure", "first", "future", "loop", "result", "unit")

    def __init__(
        self,
        act: Callable[[Transaction], _T],
        *,
        unit: bool,
        first: Callable[[], None] | None = None,
    ) -> None:
        self.act = act
        self.first = first
        self.unit = unit
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[_T] = self.loop.create_future()
        self.result: _T | None = None
        self.failure: BaseException | None = None

    def answer(self) -> None:
        if self.future.done():
            return
        if self.failure is not None:
            self.future.set_exception(self.failure)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # set where not failed


class _GroupLostError(Exception):
    """The database dropped the whole transaction, not just one act."""


class Database:
    """One node's database."""

    def __init__(self, url: str, *, fault: FaultHook | None = None) -> None:
        self.url = url
        self.writer_pid = 0
        """The server's process that writes for us: what it tells is no news here."""
        self.commits = 0
        """How many groups of acts were committed: who read at the same number read the same."""
        self._fault = fault or (lambda _: None)
        self._writer = writer_engine(url)
        self._reader = reader_engine(url, READERS)
        self._group_max = SAVEPOINTS_MAX[self._writer.dialect.name]
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-read")
        self._thread: threading.Thread | None = None
        self._is_closed = False
        if self.is_shared:
            listens_for(self._writer, "connect")(self._connected)

    @property
    def is_shared(self) -> bool:
        """Tell whether other daemons may use this database too."""
        return self._writer.dialect.name == "postgresql"

    @classmethod
    def open(cls, url: str, *, fault: FaultHook | None = None) -> "Database":
        """Open an existing database of this version's schema.

        Raises UnavailableError ``schema_mismatch``, ``database_locked`` or ``database_failed``.
        """
        database = cls(url, fault=fault)
        try:
            found = database.read_now(_revision)
        except LiaisonError:
            database.close()
            raise
        if found != REVISION:
            database.close()
            raise UnavailableError(
                "schema_mismatch",
                f"the database has the schema {found or 'of no version'}, this version needs "
                f"{REVISION}: run liaison migrate",
            )
        return database

    async def write(self, act: Callable[[Transaction], _T]) -> _T:
        """Run an act; it may share its commit with others that wait with it.

        Raises UnavailableError ``database_closed`` once this is closed, as all do.
        """
        return await self._enqueue(_Job(act, unit=False))

    async def write_unit(
        self, act: Callable[[Transaction], _T], *, first: Callable[[], None] | None = None
    ) -> _T:
        """Run an act with a commit of its own: for batches that are large enough alone.

        ``first`` is what the batch costs before its transaction begins (sealing, opening): done in
        the same thread, since one hop for a whole batch is the cheapest.
        """
        return await self._enqueue(_Job(act, unit=True, first=first))

    async def read(self, act: Callable[[Transaction], _T]) -> _T:
        """Run a reading act on a snapshot."""
        loop = asyncio.get_running_loop()
        try:
            reading = loop.run_in_executor(self._readers, self.read_now, act)
        except RuntimeError as fault:
            if self._is_closed:
                raise _closed() from fault
            raise
        return await reading

    async def scrub(self) -> bool:
        """Let what was deleted be in no journal any more; tell whether readers let go of it."""
        loop = asyncio.get_running_loop()
        for _ in range(REPEATS):
            if await loop.run_in_executor(self._readers, empty_journal, self._reader):
                return True
        return False

    def read_now(self, act: Callable[[Transaction], _T]) -> _T:
        """Run a reading act in this thread."""
        with _translated(), self._reader.begin() as tx:
            return act(tx)

    def write_now(self, act: Callable[[Transaction], _T]) -> _T:
        """Run an act in this thread: for the command line, while no daemon runs."""
        with _translated(), self._writer.begin() as tx:
            return act(tx)

    def close(self) -> None:
        """Finish what is queued, then close; who comes later is told so."""
        self._is_closed = True
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            while not self._jobs.empty():
                if (late := self._jobs.get()) is not None:
                    late.failure = _closed()
                    _tell([late])
        self._readers.shutdown()
        self._reader.dispose()
        self._writer.dispose()

    async def _enqueue(self, job: _Job[_T]) -> _T:
        if self._is_closed:
            raise _closed()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="store-write", daemon=True)
            self._thread.start()
        self._jobs.put(job)
        return await job.future

    def _connected(self, raw: Any, _: object) -> None:
        self.writer_pid = raw.info.backend_pid

    def _run(self) -> None:
        waiting: list[_Job[Any]] = []
        while True:
            job = waiting.pop() if waiting else self._jobs.get()
            if job is None:
                return
            group = [job]
            stop = False
            while not job.unit and len(group) < self._group_max:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    stop = True
                    break
                if following.unit:
                    waiting.append(following)
                    break
                group.append(following)
            self._commit_group(group)
            if stop:
                return

    def _commit_group(self, group: Sequence[_Job[Any]], repeats: int = REPEATS) -> None:
        try:
            for job in group:
                if job.first is not None:
                    job.first()
                    job.first = None
            self._attempt_group(group)
        except Exception as failure:  # noqa: BLE001 - whatever broke the commit, somebody waits
            if len(group) > 1:
                for job in group:
                    self._commit_group([job])
                return
            if is_passing(failure) and repeats:
                self._commit_group(group, repeats - 1)
                return
            group[0].failure = translation(failure)
        _tell(group)

    def _attempt_group(self, group: Sequence[_Job[Any]]) -> None:
        with self._writer.begin() as tx:
            for job in group:
                job.result, job.failure = None, None
                if len(group) == 1:
                    job.result = job.act(tx)
                else:
                    _attempt(tx, job)
            self._fault("before_commit")
        self.commits += 1
        self._fault("after_commit")


def _attempt(tx: Transaction, job: _Job[Any]) -> None:
    savepoint = tx.begin_nested()
    try:
        job.result = job.act(tx)
        savepoint.commit()
    except Exception as failure:
        raw = tx.connection.dbapi_connection
        if raw is None or not getattr(raw, "in_transaction", True):
            raise _GroupLostError from failure
        savepoint.rollback()
        job.failure = translation(failure)


def _tell(jobs: Sequence[_Job[Any]]) -> None:
    for loop in {job.loop for job in jobs}:
        if not loop.is_closed():
            loop.call_soon_threadsafe(_answer, [job for job in jobs if job.loop is loop])


def _answer(jobs: Sequence[_Job[Any]]) -> None:
    for job in jobs:
        job.answer()


def _closed() -> UnavailableError:
    return UnavailableError("database_closed", "this node is ending", retry_after_s=5)


def _revision(tx: Transaction) -> str | None:
    if not inspect(tx).has_table("alembic_version"):
        return None
    return tx.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as failure:
        _raise(translation(failure), failure)


def _raise(failure: BaseException, cause: BaseException) -> NoReturn:
    raise failure from cause
