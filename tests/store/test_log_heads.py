"""What is kept of other members' logs: chains of heads, what was cosigned, and alarms."""

from dataclasses import replace

import pytest

from gateway.errors import ConflictError
from gateway.store import log_alarms, log_heads, witnessed
from gateway.store.log_alarms import LogAlarm
from gateway.store.log_heads import LogHead
from gateway.store.witnessed import CosignedLog
from keys.suite import digest
from tests.store.conftest import Fresh
from tests.store.stored import NOW, all_of

ORIGIN = "mutual.example/XB/audit/2026"


def head(size: int, *, origin: str = ORIGIN, root: int = 0) -> LogHead:
    """Return a head that differs by its size."""
    return LogHead(
        origin=origin, member="XB", size=size, root=bytes([root or size % 251]) * 32,
        checkpoint=b"head %d" % size, proof=b"p" * 32, seen_at=NOW, shown_by="XB",
    )  # fmt: skip


async def test_heads_of_a_log_are_a_chain(fresh: Fresh) -> None:
    """Each on top of the newest; whoever compared with another is told, and nothing is stored."""
    with fresh() as db:
        assert await db.read(lambda tx: log_heads.newest(tx, ORIGIN)) is None
        for item, before in ((head(3), None), (head(7), head(3))):
            await db.write(lambda tx, n=item, b=before: log_heads.store(tx, n, expected=b))
        other = head(2, origin=f"{ORIGIN}.1")
        await db.write(lambda tx: log_heads.store(tx, other, expected=None))
        for wrong in (None, head(3), head(7, root=9)):
            with pytest.raises(ConflictError) as caught:
                await db.write(lambda tx, w=wrong: log_heads.store(tx, head(9), expected=w))
            assert caught.value.code == "log_head_moved"
        assert await db.read(lambda tx: log_heads.chain(tx, ORIGIN)) == [head(3), head(7)]
        assert await db.read(lambda tx: log_heads.at_size(tx, ORIGIN, 3)) == head(3)
        assert await db.read(lambda tx: log_heads.at_size(tx, ORIGIN, 4)) is None
        assert await db.read(lambda tx: log_heads.origins_of(tx, "XB")) == [ORIGIN, other.origin]
        assert await db.read(log_heads.members) == ["XB"]


async def test_of_two_looks_at_once_one_is_kept(fresh: Fresh) -> None:
    """Both compared with the same head."""
    with fresh() as db:
        await db.write(lambda tx: log_heads.store(tx, head(3), expected=None))
        jobs = [
            db.write(lambda tx, s=size: log_heads.store(tx, head(s), expected=head(3)))
            for size in (5, 6, 7)
        ]
        outcomes = await all_of(*jobs)
        assert [item is None for item in outcomes].count(True) == 1
        assert len(await db.read(lambda tx: log_heads.chain(tx, ORIGIN))) == 2


async def test_oldest_heads_go_when_there_are_many(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain begins later, and is still one."""
    monkeypatch.setattr(log_heads, "KEPT_EACH", 3)
    with fresh() as db:
        other = head(1, origin=f"{ORIGIN}.1")
        await db.write(lambda tx: log_heads.store(tx, other, expected=None))
        before = None
        for size in range(1, 8):
            item = head(size)
            await db.write(lambda tx, n=item, b=before: log_heads.store(tx, n, expected=b))
            before = item
        kept = await db.read(lambda tx: log_heads.chain(tx, ORIGIN))
        assert [item.size for item in kept] == [5, 6, 7]
        assert await db.read(lambda tx: log_heads.chain(tx, other.origin)) == [other]


async def test_what_was_cosigned_is_shown_by_the_hash_of_its_origin(fresh: Fresh) -> None:
    """The newest head takes the place of the one before; an older one does not."""
    log = CosignedLog(
        origin=ORIGIN, member="XB", size=5, checkpoint=b"five", began_at=NOW
    )  # fmt: skip
    name = digest(ORIGIN.encode())
    with fresh() as db:
        assert await db.read(lambda tx: witnessed.cosigned(tx, name)) is None
        for changes, shown in (
            ({}, b"five"),
            ({"checkpoint": b"five again", "began_at": NOW + 9}, b"five again"),
            ({"size": 4, "checkpoint": b"four"}, b"five again"),
            ({"size": 9, "checkpoint": b"nine", "began_at": NOW + 99}, b"nine"),
        ):
            item = replace(log, **changes)
            await db.write(lambda tx, i=item: witnessed.keep_cosigned(tx, i))
            assert await db.read(lambda tx: witnessed.cosigned(tx, name)) == shown
        newest = replace(log, size=9, checkpoint=b"nine")
        assert await db.read(lambda tx: witnessed.logs_of(tx, "XB")) == [newest]
        assert await db.read(lambda tx: witnessed.logs_of(tx, "XA")) == []


async def test_alarm_is_kept_once_for_a_log_and_what_was_known_of_it(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever head raised it; of one member so many, and no more."""
    monkeypatch.setattr(log_alarms, "KEPT_EACH", 3)
    known, other, shown = (f"{name}\n\n— x AAAAAAAA\n".encode() for name in "abc")
    alarm = LogAlarm(
        member="XB", origin=ORIGIN, verdict="consistency_invalid", size=7, known=known,
        shown=shown, seen_at=NOW, found_by="XB",
    )  # fmt: skip
    with fresh() as db:
        for changes, new in (
            ({}, True),
            ({}, False),
            ({"size": 8, "shown": other, "seen_at": NOW + 9, "found_by": ""}, False),
            ({"known": other}, True),
            ({"known": None, "verdict": "log_restarted"}, True),
            ({"known": None, "verdict": "log_restarted", "origin": f"{ORIGIN}.1"}, False),
            ({"member": "XC", "known": None, "origin": "mutual.example/XC/audit/2026"}, True),
        ):
            item = replace(alarm, **changes)
            assert await db.write(lambda tx, i=item: log_alarms.record(tx, i)) is new
        kept = await db.read(lambda tx: log_alarms.since(tx, NOW, "XB"))
        assert kept[0] == alarm
        assert [item.verdict for item in kept] == [alarm.verdict, alarm.verdict, "log_restarted"]
        assert len(await db.read(lambda tx: log_alarms.since(tx, NOW))) == 4
        assert await db.read(lambda tx: log_alarms.since(tx, NOW + 1)) == []
