"""Storage keys that are given up: nothing is left under one, and nothing comes after its end."""

import threading

import pytest

from gateway.errors import ConflictError, UnavailableError
from gateway.store import attachments, messages, storage_keys
from gateway.store.database import Database, Transaction
from gateway.store.storage_keys import StorageKeyState
from tests.store.conftest import Fresh
from tests.store.stored import NOW, message

OLD, NEW = b"o" * 32, b"n" * 32


def upload(tx: Transaction, key_id: bytes, place: str = "") -> int:
    """Store an upload under a key; return its row."""
    row_id = attachments.begin(tx, place or key_id.hex()[:32], NOW)
    finished = attachments.Upload(
        blob_id=key_id, sealed_bytes=9, segment_list=b"list", upload_id=key_id[:16],
        storage_key_id=key_id, wrapped_key=b"wrapped", record=b"record",
    )  # fmt: skip
    attachments.finish(tx, row_id, finished, NOW)
    return row_id


def test_what_lies_under_a_key_is_found_in_steps_and_moved(fresh: Fresh) -> None:
    """Messages and uploads of that key alone; what somebody moved before stays as he left it."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            batch = [message(n, storage_key_id=(OLD, NEW)[n % 2]) for n in range(6)]
            rows = messages.record_outgoing(tx, batch)
            blob = upload(tx, OLD)
            upload(tx, NEW)
            newest = storage_keys.newest_message(tx)
            assert newest == max(rows)
            found = storage_keys.messages_under(tx, [OLD], 0, newest)
            assert [item.row_id for item in found] == rows[::2]
            assert storage_keys.messages_under(tx, [OLD], rows[0], rows[2]) == found[1:2]
            (held,) = storage_keys.blobs_under(tx, [OLD], 0, 9)
            assert (held.row_id, held.record) == (blob, b"record")
            assert storage_keys.blobs_under(tx, [OLD], blob, 9) == []
            storage_keys.rewrap(
                tx, NEW,
                [(found[0], {"wrapped_key": b"anew"}),
                 (held, {"wrapped_key": b"anew", "record": b"anew"})],
            )  # fmt: skip
            storage_keys.rewrap(tx, NEW, [(found[0], {"wrapped_key": b"too late"})])
            moved = messages.find(tx, "XA", batch[0].message_id)
            assert moved is not None
            assert (moved.storage_key_id, moved.wrapped_key) == (NEW, b"anew")
            assert storage_keys.blobs_under(tx, [OLD], 0, 9) == []
            left = storage_keys.messages_under(tx, [OLD], 0, newest)
            assert [item.row_id for item in left] == rows[2::2]

        db.write_now(act)


def test_key_ends_once_nothing_lies_under_it(fresh: Fresh) -> None:
    """Not before; then what comes under it is refused, and nothing of it is kept."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            storage_keys.leave(tx, [OLD], NOW)
            storage_keys.leave(tx, [OLD], NOW + 9)
            assert storage_keys.states(tx) == {OLD: (StorageKeyState.LEAVING, NOW)}
            messages.record_incoming(tx, [message(1, direction="in", storage_key_id=OLD)])
            upload(tx, OLD)
            assert not storage_keys.end(tx, OLD, 0, NOW)
            (found,) = storage_keys.messages_under(tx, [OLD], 0, storage_keys.newest_message(tx))
            storage_keys.rewrap(tx, NEW, [(found, {})])
            assert not storage_keys.end(tx, OLD, 0, NOW), "the upload lies there still"
            (held,) = storage_keys.blobs_under(tx, [OLD], 0, 9)
            storage_keys.rewrap(tx, NEW, [(held, {})])
            assert storage_keys.end(tx, OLD, 0, NOW + 1)
            storage_keys.leave(tx, [OLD], NOW + 2)
            assert storage_keys.states(tx) == {OLD: (StorageKeyState.ENDED, NOW + 1)}

        db.write_now(act)
        late = message(2, storage_key_id=OLD)

        def out(tx: Transaction) -> object:
            return messages.record_outgoing(tx, [message(3), late])

        def into(tx: Transaction) -> object:
            return messages.record_incoming(tx, [late])

        for act_late in (out, into, lambda tx: upload(tx, OLD, "late")):
            with pytest.raises(UnavailableError) as caught:
                db.write_now(act_late)
            assert caught.value.code == "storage_key_ended"
        assert db.read_now(storage_keys.newest_message) == 1


def test_nothing_is_wrapped_under_a_key_that_is_given_up_itself(fresh: Fresh) -> None:
    """Two daemons that rotate one after the other do not pass messages in a circle."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            messages.record_outgoing(tx, [message(1, storage_key_id=OLD)])
            storage_keys.leave(tx, [OLD, NEW], NOW)
            (found,) = storage_keys.messages_under(tx, [OLD], 0, 1)
            with pytest.raises(ConflictError) as caught:
                storage_keys.rewrap(tx, NEW, [(found, {"wrapped_key": b"anew"})])
            assert caught.value.code == "storage_key_leaving"
            assert storage_keys.messages_under(tx, [OLD], 0, 1) == [found]

        db.write_now(act)


def test_other_daemon_cannot_store_between_the_look_and_the_end(
    pair: tuple[Database, Database],
) -> None:
    """What it stores waits for the end, and is refused by it."""
    one, other = pair
    refused: list[str] = []

    def store_late() -> None:
        try:
            other.write_now(
                lambda tx: messages.record_outgoing(tx, [message(1, storage_key_id=OLD)])
            )
        except UnavailableError as fault:
            refused.append(fault.code)

    thread = threading.Thread(target=store_late)

    def act(tx: Transaction) -> None:
        assert storage_keys.end(tx, OLD, 0, NOW)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it waits"

    one.write_now(act)
    thread.join()
    assert refused == ["storage_key_ended"]
