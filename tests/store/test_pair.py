"""Two daemons on one PostgreSQL database: what one does, the other neither undoes nor repeats."""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from gateway.clock import SystemClock
from gateway.errors import ConflictError, RejectedError
from gateway.store import audit, audit_reading, drafts, idempotency, messages, news, registry
from gateway.store.database import Database, Transaction
from gateway.store.drafts import DraftState
from gateway.store.engine import MESSAGES, lock
from gateway.store.migrate import upgrade
from gateway.store.news import Topic
from gateway.store.outbox import claiming
from gateway.store.schema import metadata
from keys.tlog.merkle import Frontier
from keys.tlog.nodes import Node, completed_nodes
from tests import postgres
from tests.store.stored import NOW, all_of, message, queue
from tests.store.test_drafts import keep, made

Pair = tuple[Database, Database]


def entry(name: str) -> audit.NewEntry:
    """Return an entry that differs by its name."""
    return audit.NewEntry(entry=name.encode(), leaf_hash=hashlib.sha256(name.encode()).digest())


@dataclass(frozen=True)
class Numbering:
    """What a daemon's sequencer is about to commit."""

    expected: audit.AuditHead | None
    row_ids: list[int]
    nodes: list[Node]
    grown: audit.AuditHead
    opening: audit.Opening | None

    def commit(self, tx: Transaction) -> None:
        """Compare and set."""
        audit.advance(
            tx,
            expected=self.expected,
            row_ids=self.row_ids,
            nodes=self.nodes,
            grown=self.grown,
            opening=self.opening,
        )


async def prepared(database: Database) -> Numbering | None:
    """Read what waits, and compute the head over it; None if nothing waits."""
    head, pending = await database.read(lambda tx: (audit.head(tx), audit.unsequenced(tx, 16)))
    if not pending:
        return None
    leaves = [leaf_hash for _, leaf_hash in pending]
    opening = None
    if head is None:
        shard = audit.AuditShard(number=0, origin="mutual.example/XB/audit/2026", opened_at=1)
        opening = audit.Opening(shard=shard, entry=entry("opened"))
        leaves.insert(0, opening.entry.leaf_hash)
    frontier = Frontier() if head is None else Frontier.parse(head.frontier)
    grown, nodes = completed_nodes(frontier, leaves)
    after = audit.AuditHead(
        shard=0,
        size=grown.size,
        frontier=grown.encode(),
        checkpoint=grown.root(),
        signed_at=grown.size * 3600,  # each in an hour of its own: all are kept
    )
    return Numbering(head, [row_id for row_id, _ in pending], nodes, after, opening)


async def test_of_two_that_number_the_same_entries_one_is_told(pair: Pair) -> None:
    """The slower gets a conflict, and has changed nothing."""
    await pair[0].write(lambda tx: audit.append(tx, [entry("a"), entry("b")]))
    works = [await prepared(database) for database in pair]
    jobs = [
        database.write_unit(work.commit)
        for database, work in zip(pair, works, strict=True)
        if work is not None
    ]
    (told,) = [item for item in await all_of(*jobs) if item is not None]
    assert isinstance(told, ConflictError)
    assert told.code == "audit_head_moved"
    assert [head.size for head in await pair[0].read(lambda tx: audit.heads(tx, 0))] == [3]
    assert len(await pair[0].read(audit.shards)) == 1
    assert await pair[1].read(audit.waiting) == 0


async def test_sequencers_side_by_side_leave_no_gap(pair: Pair) -> None:
    """Both append and number at once: every entry has one place, and each root covers its own."""

    async def live(database: Database, name: str) -> None:
        for number in range(40):
            await database.write(lambda tx, n=number: audit.append(tx, [entry(f"{name}{n}")] * 3))
            if (work := await prepared(database)) is not None:
                with contextlib.suppress(ConflictError):
                    await database.write_unit(work.commit)

    assert await all_of(live(pair[0], "a"), live(pair[1], "b")) == [None, None]
    while (work := await prepared(pair[0])) is not None:
        await pair[0].write_unit(work.commit)
    rows = await pair[1].read(lambda tx: audit_reading.entries(tx, 0, 0, 1000))
    assert [row.number for row in rows] == list(range(241))
    assert len({row.row_id for row in rows}) == 241
    frontier = Frontier()
    for head in await pair[1].read(lambda tx: audit.heads(tx, 0)):
        frontier = frontier.extend([row.leaf_hash for row in rows[frontier.size : head.size]])
        assert (head.size, head.checkpoint) == (frontier.size, frontier.root())
    assert frontier.size == 241


async def test_no_row_is_claimed_by_both(pair: Pair) -> None:
    """What one holds is passed over by the other without waiting."""
    await pair[0].write(lambda tx: [queue(tx, number, "XB") for number in range(100)])

    async def claim(database: Database) -> list[int]:
        claimed: list[int] = []
        while found := await database.write(
            lambda tx: claiming.claim(tx, ["XB"], now=NOW, lease_until=NOW + 60, most=7)
        ):
            claimed += [row.row_id for row in found]
        return claimed

    one, other = await all_of(claim(pair[0]), claim(pair[1]))
    assert len(one + other) == len({*one, *other}) == 100


async def test_release_and_refusal_of_one_draft_wait_for_each_other(pair: Pair) -> None:
    """Who releases stores a message too, who declines seals anew: neither holds what one wants."""
    new = made(1)
    (row,) = await keep(pair[0], new)
    begun, goes_on = threading.Event(), threading.Event()
    tried: list[DraftState] = []

    def release(tx: Transaction) -> bool:
        tried.append(DraftState.RELEASED)
        done = drafts.decide(tx, row, DraftState.RELEASED, by="uid:2", at=NOW)
        begun.set()
        goes_on.wait(0.2)  # the other is on its way
        lock(tx, MESSAGES)
        return done

    def decline(tx: Transaction) -> bool:
        tried.append(DraftState.DECLINED)
        sealed = new.storage_key_id, b"with a reason"
        return drafts.decide(tx, row, DraftState.DECLINED, by="uid:3", at=NOW, sealed=sealed)

    async def late() -> bool:
        await asyncio.to_thread(begun.wait, 10)
        return await pair[1].write(decline)

    assert await all_of(pair[0].write(release), late()) == [True, False]
    assert tried == [DraftState.RELEASED, DraftState.DECLINED]  # neither was undone and repeated
    assert not await pair[1].read(lambda tx: drafts.waiting_in(tx, new.case_id))


async def test_copy_that_both_receive_goes_in_once(pair: Pair) -> None:
    """The other is told that its name is taken, when the first has committed."""
    again = [message(number, direction=messages.IN) for number in range(20)]
    took = await all_of(
        *(db.write_unit(lambda tx: messages.record_incoming(tx, again)) for db in pair)
    )
    assert sorted(map(len, took)) == [0, 20]
    assert await pair[0].read(messages.counts) == {"in": 20}


async def test_key_of_a_request_is_answered_once(pair: Pair) -> None:
    """The same request at both daemons at once: one is stored, the other is told that it is."""

    def act(tx: Transaction) -> None:
        idempotency.record(tx, "uid:1", "k", bytes(32), answer=b"[]", now=NOW)

    outcomes = await all_of(*(db.write(act) for db in pair))
    (told,) = [item for item in outcomes if item is not None]
    assert isinstance(told, ConflictError)
    assert told.code == "idempotency_key_busy"


async def test_registry_mirror_never_goes_back(pair: Pair) -> None:
    """A daemon that is behind neither appends what is there nor puts an older head over it."""
    one, other = pair
    await one.write(lambda tx: registry.grow(tx, 0, [b"first", b"second"], b"head 2", NOW))
    for notes in ([b"first"], []):
        with pytest.raises(ConflictError) as caught:
            await other.write(lambda tx, n=notes: registry.grow(tx, 0, n, b"head 1", NOW + 1))
        assert caught.value.code == "registry_moved"
    outcomes = await all_of(
        *(db.write(lambda tx: registry.grow(tx, 2, [b"third"], b"head 3", NOW + 2)) for db in pair)
    )
    assert sum(isinstance(item, ConflictError) for item in outcomes) == 1
    assert await other.read(registry.all_statements) == [b"first", b"second", b"third"]
    assert await one.read(registry.head) == b"head 3"


@contextlib.asynccontextmanager
async def listening(database: Database) -> AsyncIterator[asyncio.Queue[tuple[Topic, list[str]]]]:
    """Yield what is heard from other daemons, once the line is open."""
    heard: asyncio.Queue[tuple[Topic, list[str]]] = asyncio.Queue()

    async def hear(topic: Topic, names: list[str]) -> None:
        heard.put_nowait((topic, names))

    task = asyncio.ensure_future(news.listen(database, SystemClock(), hear))
    try:
        assert [await heard.get() for _ in Topic] == [(topic, []) for topic in Topic]
        yield heard
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_what_one_commits_the_other_hears(pair: Pair) -> None:
    """With the commit or not at all, for whom it is, and never what it did itself."""
    one, other = pair

    def given_up(tx: Transaction) -> None:
        queue(tx, 1, "XB")
        raise RejectedError("no", "not this one")

    async with listening(other) as heard:
        await all_of(one.write(given_up))
        await other.write(lambda tx: queue(tx, 2, "XD"))
        await one.write(lambda tx: queue(tx, 3, "XC", "XB"))
        await one.write(
            lambda tx: messages.record_incoming(tx, [message(4, direction=messages.IN)])
        )
        many = [f"X{number:031}" for number in range(256)]
        await one.write(lambda tx: queue(tx, 5, *many))
        expected = [(Topic.OUTBOX, ["XB", "XC"]), (Topic.MESSAGES, []), (Topic.OUTBOX, [])]
        assert [await heard.get() for _ in expected] == expected


async def test_line_that_broke_is_opened_again_and_all_may_be_new(pair: Pair) -> None:
    """The server ended it: after the gap every topic is heard once, and then what is new."""
    one, other = pair
    async with listening(other) as heard:
        ended = text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        assert await one.write(lambda tx: tx.execute(ended).scalar_one()) == 1
        assert [await heard.get() for _ in Topic] == [(topic, []) for topic in Topic]
        await one.write(lambda tx: queue(tx, 1, "XB"))
        assert await heard.get() == (Topic.OUTBOX, ["XB"])


async def test_two_migrate_one_database_at_once(postgres_server: postgres.Server) -> None:
    """Daemons installed together, each told to migrate: one does it, the other finds it done."""
    url = postgres_server.url(postgres_server.create())
    with ThreadPoolExecutor(2) as both:
        jobs = [asyncio.wrap_future(both.submit(upgrade, url)) for _ in range(2)]
        assert await all_of(*jobs) == [None, None]
    database = Database.open(url)
    try:
        same = database.read_now(
            lambda tx: compare_metadata(MigrationContext.configure(tx), metadata)
        )
        assert same == []
    finally:
        database.close()


@pytest.mark.parametrize("writers", [("XA", "XA"), ("XA", "XB")])
async def test_a_number_in_a_case_is_used_by_one_daemon_alone(
    pair: Pair, writers: tuple[str, str]
) -> None:
    """Both drafted it and look before they store: who comes second sees what the first stored."""

    def say(number: int, sender: str) -> Callable[[Transaction], bool]:
        def commit(tx: Transaction) -> bool:
            if messages.newest_seqs(tx, sender, [bytes(16)]).get(bytes(16), 0) >= 4:
                return False
            messages.record_outgoing(tx, [message(number, sender=sender, seq=4)])
            return True

        return commit

    jobs = [
        database.write(say(number, sender))
        for number, (database, sender) in enumerate(zip(pair, writers, strict=True))
    ]
    assert sorted(await all_of(*jobs)) == ([False, True] if len(set(writers)) == 1 else [True] * 2)
