"""Events at rest: in the order of their noting, once, and not for ever."""

import asyncio

import pytest

from gateway.settings import EventType
from gateway.store import events
from gateway.store.database import Database
from gateway.store.events import Cursor, NewEvent
from tests.store.conftest import Fresh
from tests.store.stored import NOW


def event(number: int, *, once: bool = False, kind: EventType = EventType.CASE_CHANGED) -> NewEvent:
    """Return an event."""
    return NewEvent(type=kind, at=NOW + number, once=b"%d" % number if once else None, code="x")


def test_events_are_noted_with_their_cursor_and_once(fresh: Fresh) -> None:
    """Whoever comes second with the same step notes nothing."""
    with fresh() as db:
        db.write_now(lambda tx: events.begin(tx, "words", 5))
        db.write_now(lambda tx: events.begin(tx, "words", 99))
        first = [event(1), event(2, once=True)]
        assert db.write_now(lambda tx: events.note(tx, "words", (5, 7), first, NOW))
        assert not db.write_now(lambda tx: events.note(tx, "words", (5, 7), first, NOW))
        assert not db.write_now(lambda tx: events.note(tx, "nothing", (0, 1), first, NOW))
        again = [event(2, once=True), event(3, once=True)]
        assert db.write_now(lambda tx: events.note(tx, "words", (7, 7), again, NOW))
        found = db.read_now(lambda tx: events.page(tx, 0, [*EventType], 10))
        assert [(item.row_id > 0, item.at) for item in found] == [
            (True, NOW + 1), (True, NOW + 2), (True, NOW + 3),
        ]  # fmt: skip
        assert db.read_now(lambda tx: events.known(tx, [b"2", b"3", b"4"])) == {b"2", b"3"}
        assert db.read_now(lambda tx: events.cursor(tx, "words")) == Cursor(position=7)
        other = db.read_now(lambda tx: events.page(tx, 0, [EventType.KEY_EXPIRING], 10))
        assert other == []


def test_what_is_old_or_too_much_goes_and_its_place_is_known(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest stays, so that numbers never begin anew; what is once stays for its time."""
    with fresh() as db:
        db.write_now(lambda tx: events.begin(tx, "words", 0))
        for step in range(6):
            kind = EventType.MESSAGE_RECEIVED if step % 2 else EventType.CASE_OVERDUE
            found = [event(step, kind=kind)]
            db.write_now(
                lambda tx, s=step, f=found: events.note(tx, "words", (s, s + 1), f, NOW + s)
            )
        ids = [item.row_id for item in db.read_now(lambda tx: events.page(tx, 0, [*EventType], 9))]
        assert db.write_now(lambda tx: events.prune(tx, NOW + 1)) == 2
        assert db.read_now(events.gone) == ids[1]
        monkeypatch.setattr(events, "KEPT_MOST", 1)
        assert db.write_now(lambda tx: events.prune(tx, NOW + 1)) == 1
        assert db.read_now(events.gone) == ids[3]
        left = db.read_now(lambda tx: events.page(tx, 0, [*EventType], 9))
        assert [item.row_id for item in left] == [ids[2], ids[4], ids[5]]
        assert db.write_now(lambda tx: events.prune(tx, NOW + 99)) == 2
        assert db.write_now(lambda tx: events.prune(tx, NOW + 99)) == 0
        assert db.read_now(events.newest) == ids[5]


async def test_two_daemons_note_each_event_once(pair: tuple[Database, Database]) -> None:
    """Both look at the same; one of them notes it."""
    one, other = pair
    await one.write(lambda tx: events.begin(tx, "words", 0))
    for step in range(10):
        noted = await asyncio.gather(  # noqa: TID251 - the race is what is tested
            *(
                db.write(lambda tx, s=step: events.note(tx, "words", (s, s + 1), [event(s)], NOW))
                for db in pair
            )
        )
        assert sorted(noted) == [False, True]
    for step in range(10, 20):  # what is found again by its time moves no cursor
        await asyncio.gather(  # noqa: TID251 - the race is what is tested
            *(
                db.write(
                    lambda tx, s=step: events.note(
                        tx, "words", (10, 10), [event(s, once=True)], NOW
                    )
                )
                for db in pair
            )
        )
    found = await other.read(lambda tx: events.page(tx, 0, [*EventType], 99))
    assert [item.at for item in found] == [NOW + step for step in range(20)]
