"""What a witness keeps: heads that only grow, whoever races; vetoes; proofs of split views."""

import asyncio
import threading
from dataclasses import replace

import pytest

from gateway.errors import ConflictError
from gateway.store import split_views, vetoes, witnessed
from gateway.store.database import Database, Transaction
from gateway.store.split_views import SplitView
from gateway.store.vetoes import Veto
from gateway.store.witnessed import WitnessedHead
from tests.store.conftest import Fresh
from tests.store.stored import NOW, all_of

ORIGIN = "mutual.example/registry"


def head(size: int, *, root: int = 0, at: int = NOW, origin: str = ORIGIN) -> WitnessedHead:
    """Return a head that differs by its size."""
    return WitnessedHead(
        origin=origin, size=size, root=bytes([root or size]) * 32,
        checkpoint=f"{origin} {size} {root}".encode(), stored_at=at,
    )  # fmt: skip


async def kept(db: Database) -> list[int]:
    """Return the sizes that are stored, up to ten."""
    found = await db.read(lambda tx: [witnessed.at_size(tx, ORIGIN, size) for size in range(11)])
    return [item.size for item in found if item is not None]


async def test_heads_are_kept_one_on_top_of_the_other(fresh: Fresh) -> None:
    """Each that was signed stays; another log's do not count; the newest is the largest."""
    with fresh() as db:
        assert await db.read(lambda tx: witnessed.newest(tx, ORIGIN)) is None
        for new, before in ((head(3), None), (head(7), head(3)), (head(9), head(7))):
            await db.write(lambda tx, n=new, b=before: witnessed.store(tx, n, expected=b))
        other = head(2, origin="mutual.example/XA/audit/2026")
        await db.write(lambda tx: witnessed.store(tx, other, expected=None))
        assert await db.read(lambda tx: witnessed.newest(tx, ORIGIN)) == head(9)
        assert await db.read(lambda tx: witnessed.newest(tx, other.origin)) == other
        assert await kept(db) == [3, 7, 9]


async def test_same_head_is_kept_anew_with_its_later_time(fresh: Fresh) -> None:
    """A head that is cosigned again takes no second place."""
    with fresh() as db:
        await db.write(lambda tx: witnessed.store(tx, head(3), expected=None))
        later = head(3, at=NOW + 60)
        await db.write(lambda tx: witnessed.store(tx, later, expected=head(3)))
        assert await db.read(lambda tx: witnessed.newest(tx, ORIGIN)) == later
        assert await kept(db) == [3]


@pytest.mark.parametrize("expected", [None, head(2), head(3, root=9), head(9)])
async def test_head_on_top_of_another_than_was_compared_is_refused(
    fresh: Fresh, expected: WitnessedHead | None
) -> None:
    """None, an older, another root, one never seen: nothing changes."""
    with fresh() as db:
        await db.write(lambda tx: witnessed.store(tx, head(3), expected=None))
        with pytest.raises(ConflictError) as caught:
            await db.write(lambda tx: witnessed.store(tx, head(5), expected=expected))
        assert caught.value.code == "witnessed_head_moved"
        assert await kept(db) == [3]


async def test_of_callers_that_race_one_is_stored_and_nothing_is_rolled_back(fresh: Fresh) -> None:
    """The race that C2SP names: both compare with 1, the larger is set first, then the smaller."""
    with fresh() as db:
        await db.write(lambda tx: witnessed.store(tx, head(1), expected=None))
        compared = [await db.read(lambda tx: witnessed.newest(tx, ORIGIN)) for _ in range(2)]
        assert compared == [head(1), head(1)]
        await db.write(lambda tx: witnessed.store(tx, head(5), expected=compared[0]))
        with pytest.raises(ConflictError):
            await db.write(lambda tx: witnessed.store(tx, head(3), expected=compared[1]))
        assert await db.read(lambda tx: witnessed.newest(tx, ORIGIN)) == head(5)
        sizes = range(6, 11)
        jobs = [
            db.write(lambda tx, s=size: witnessed.store(tx, head(s), expected=head(5)))
            for size in sizes
        ]
        outcomes = await all_of(*jobs)
        assert [outcome is None for outcome in outcomes].count(True) == 1
        (won,) = [size for size, item in zip(sizes, outcomes, strict=True) if item is None]
        assert await kept(db) == [1, 5, won]


async def test_two_daemons_in_transactions_at_once_store_one_head(
    pair: tuple[Database, Database],
) -> None:
    """Real transactions side by side: the second waits, looks again, and is told."""
    await pair[0].write(lambda tx: witnessed.store(tx, head(1), expected=None))
    meeting = threading.Barrier(2, timeout=20)

    def act(tx: Transaction, size: int) -> None:
        assert witnessed.newest(tx, ORIGIN) == head(1)
        meeting.wait()  # both have compared before either sets
        witnessed.store(tx, head(size), expected=head(1))

    outcomes = await all_of(
        *(
            asyncio.to_thread(db.write_now, lambda tx, s=size: act(tx, s))
            for db, size in zip(pair, (3, 5), strict=True)
        )
    )
    (told,) = [item for item in outcomes if item is not None]
    assert isinstance(told, ConflictError)
    assert len(await kept(pair[0])) == 2


async def test_split_view_is_kept_once_whichever_head_came_first(fresh: Fresh) -> None:
    """The proof is the pair."""
    one, other, third_head = (f"{name}\n\n— x AAAAAAAA\n".encode() for name in ("a", "b", "c"))
    again = one + "— witness AAAAAAAA\n".encode()
    seen = SplitView(origin=ORIGIN, size=7, head_a=one, head_b=other, seen_at=NOW, found_by="XA")
    turned = SplitView(
        origin=ORIGIN, size=7, head_a=other, head_b=again, seen_at=NOW + 9, found_by="XB"
    )
    third = SplitView(
        origin=ORIGIN, size=8, head_a=one, head_b=third_head, seen_at=NOW + 9, found_by="XB"
    )
    with fresh() as db:
        assert await db.read(split_views.count) == 0
        assert await db.write(lambda tx: split_views.record(tx, seen))
        assert not await db.write(lambda tx: split_views.record(tx, turned))
        assert await db.write(lambda tx: split_views.record(tx, third))
        assert await db.read(split_views.listing) == [seen, third]
        assert await db.read(split_views.count) == 2


async def test_veto_waits_until_it_is_passed_on_and_is_held_for_ever(fresh: Fresh) -> None:
    """Once, however often it is handed in."""
    one = Veto(digest=b"1" * 32, member="XA", proposal=b"p" * 32, note=b"first", stored_at=NOW)
    other = Veto(
        digest=b"2" * 32, member="XB", proposal=b"q" * 32, note=b"second", stored_at=NOW + 1
    )
    with fresh() as db:
        assert await db.write(lambda tx: vetoes.keep(tx, one))
        assert not await db.write(lambda tx: vetoes.keep(tx, replace(one, stored_at=NOW + 5)))
        assert await db.write(lambda tx: vetoes.keep(tx, other))
        assert await db.read(vetoes.waiting) == [one, other]
        await db.write(lambda tx: vetoes.passed_on(tx, [one.digest], NOW + 2))
        assert await db.read(vetoes.waiting) == [other]
        assert await db.read(vetoes.held) == [one, other]
