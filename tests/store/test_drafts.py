"""Drafts at rest: each ends once, whoever decides; what they name stays as long as they do."""

from typing import Any

import pytest

from gateway.errors import UnavailableError
from gateway.store import attachments, drafts, messages, storage_keys
from gateway.store.database import Database, Transaction
from gateway.store.drafts import KEPT_S, UNSENT, DraftFilter, DraftState, NewDraft
from gateway.store.storage_keys import StorageKeyState
from tests.store.conftest import Fresh
from tests.store.stored import NOW, all_of, message

KEY = bytes(32)


def made(number: int, **changes: Any) -> NewDraft:
    """Return a draft that differs by its number."""
    name = message(number)
    values = {
        "message_id": name.message_id, "case_id": bytes(15) + bytes([number]), "kind": "case.reply",
        "drafter": "uid:1", "rule": "replies", "drafted_at": NOW + number,
        "release_until": NOW + 100, "draft_digest": name.envelope_id, "storage_key_id": KEY,
        "record": b"sealed",
    }  # fmt: skip
    return NewDraft(**values | changes)


async def keep(database: Database, *new: NewDraft) -> list[int]:
    """Keep drafts; return their rows."""
    await database.write(lambda tx: drafts.record(tx, [(item, ()) for item in new]))
    found = [await database.read(lambda tx, i=item: drafts.find(tx, i.message_id)) for item in new]
    return [item.row_id for item in found if item is not None]


def decide(row: int, state: DraftState, by: str = "uid:2", **changes: Any) -> Any:
    """Return a decision as a transaction."""
    return lambda tx: drafts.decide(tx, row, state, by=by, at=NOW + 9, **changes)


async def test_a_draft_is_decided_on_once(fresh: Fresh) -> None:
    """The first decision stands; of a released one no record is left."""
    with fresh() as database:
        (row,) = await keep(database, made(1))
        states = [DraftState.RELEASED, *UNSENT]
        told = await all_of(*(database.write(decide(row, state, str(state))) for state in states))
        assert sorted(told) == [False, False, False, True]
        found = await database.read(lambda tx: drafts.find(tx, made(1).message_id))
        assert found is not None
        assert (found.decided_by, found.decided_at) == (str(found.state), NOW + 9)
        assert (found.record is None) is (found.state is DraftState.RELEASED)


async def test_lists_and_numbers(fresh: Fresh) -> None:
    """In the order of drafting, by state, case and kind; what waits is counted, the first named."""
    with fresh() as database:
        rows = await keep(database, *(made(number) for number in (1, 2, 3)))
        await database.write(decide(rows[0], DraftState.DECLINED, sealed=(KEY, b"with a reason")))

        def look(tx: Transaction) -> Any:
            listed = [
                [item.row_id for item in drafts.page(tx, wanted, after=after, limit=9)]
                for wanted, after in (
                    (DraftFilter(states=tuple(DraftState)), 0),
                    (DraftFilter(states=tuple(DraftState)), rows[0]),
                    (DraftFilter(states=[DraftState.DECLINED]), 0),
                    (DraftFilter(states=tuple(DraftState), case_id=made(3).case_id), 0),
                    (DraftFilter(states=tuple(DraftState), kind="case.refuse"), 0),
                )
            ]
            first = drafts.first_waiting(tx)
            in_case = [item.row_id for item in drafts.waiting_in(tx, made(2).case_id)]
            return listed, drafts.count_waiting(tx), first and first.row_id, in_case

        listed, count, first, in_case = await database.read(look)
        assert listed == [rows, rows[1:], rows[:1], rows[2:], []]
        assert (count, first, in_case) == (2, rows[1], [rows[1]])
        found = await database.read(lambda tx: drafts.find(tx, made(1).message_id))
        assert found is not None
        assert found.record == b"with a reason"


async def test_a_draft_ends_when_its_time_is_over_and_goes_later(fresh: Fresh) -> None:
    """Undecided ones expire; unsent ones are kept a month, released ones as long as the message."""
    with fresh() as database:
        rows = await keep(database, made(1), made(2), made(3, release_until=NOW + 500))
        await database.write(decide(rows[0], DraftState.RELEASED))
        await database.write(lambda tx: messages.record_outgoing(tx, [message(1)]))
        ended = await database.write(lambda tx: drafts.expire(tx, NOW + 100))
        assert [item.row_id for item in ended] == [rows[1]]
        assert await database.write(lambda tx: drafts.expire(tx, NOW + 100)) == []
        numbers = {made(number).message_id: number for number in (1, 2, 3)}

        async def left(at: int) -> list[int]:
            def forget(tx: Transaction) -> list[int]:
                drafts.forget(tx, at)
                there = [drafts.find(tx, name) for name in numbers]
                return [numbers[item.message_id] for item in there if item is not None]

            return await database.write(forget)

        assert await left(NOW + 100 + KEPT_S - 1) == [1, 2, 3]
        assert await left(NOW + 100 + KEPT_S) == [1, 3]


async def test_what_a_draft_names_is_not_swept(fresh: Fresh) -> None:
    """Until it is forgotten, however old it is."""
    with fresh() as database:

        def upload(tx: Transaction) -> None:
            row = attachments.begin(tx, "there", NOW)
            blob = attachments.Upload(
                blob_id=bytes(32), sealed_bytes=1, segment_list=b"", upload_id=bytes(16),
                storage_key_id=KEY, wrapped_key=b"", record=b"",
            )  # fmt: skip
            attachments.finish(tx, row, blob, NOW)
            drafts.record(tx, [(made(1), [bytes(32)])])

        await database.write(upload)
        late = NOW + 10 * KEPT_S
        assert await database.write(lambda tx: attachments.forget_unnamed(tx, late)) == []
        await database.write(lambda tx: drafts.expire(tx, late))
        assert await database.write(lambda tx: attachments.forget_unnamed(tx, late)) == []
        await database.write(lambda tx: drafts.forget(tx, late + KEPT_S))
        assert await database.write(lambda tx: attachments.forget_unnamed(tx, late)) == ["there"]


async def test_nothing_lies_under_a_key_that_ended(fresh: Fresh) -> None:
    """A draft holds its key as a message does, and is wrapped anew; none is kept under an ended."""
    with fresh() as database:
        await keep(database, made(1))
        await database.write(lambda tx: storage_keys.leave(tx, [KEY], NOW))
        assert not await database.write(lambda tx: storage_keys.end(tx, KEY, 0, NOW))
        (item,) = await database.read(lambda tx: storage_keys.drafts_under(tx, [KEY], 0, 10))
        new = b"n" * 32
        await database.write(lambda tx: storage_keys.rewrap(tx, new, [(item, {"record": b"anew"})]))
        found = await database.read(lambda tx: drafts.find(tx, made(1).message_id))
        assert found is not None
        assert (found.storage_key_id, found.record) == (new, b"anew")
        assert await database.write(lambda tx: storage_keys.end(tx, KEY, 0, NOW))
        states = await database.read(storage_keys.states)
        assert states[KEY][0] is StorageKeyState.ENDED
        with pytest.raises(UnavailableError):
            await keep(database, made(2))
        with pytest.raises(UnavailableError):
            decided = decide(found.row_id, DraftState.DECLINED, sealed=(KEY, b""))
            await database.write(decided)
