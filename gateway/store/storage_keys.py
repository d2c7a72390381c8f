"""Storage keys that are given up: what lies under them is wrapped anew, then they end.

| state | meaning | moved by |
| --- | --- | --- |
| `leaving` | an operator wants nothing to lie under it | `leave` |
| `ended` | nothing lies under it, and nothing ever will | `end` |

A key that is not listed is in use. Who stores something checks, in the transaction that stores it,
that its key has not ended meanwhile: a daemon that slept with a wrapped key in its hands must not
commit what nobody could read.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import exists, func, or_, select, update

from gateway.errors import ConflictError, UnavailableError
from gateway.store.database import Transaction
from gateway.store.engine import MESSAGES, lock, put
from gateway.store.schema import blobs, drafts, messages, storage_keys


class StorageKeyState(StrEnum):
    """How far a storage key is given up."""

    LEAVING = "leaving"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedMessage:
    """What of a message is under a storage key."""

    row_id: int
    storage_key_id: bytes
    envelope_id: bytes
    wrapped_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedBlob:
    """What of an upload is under a storage key."""

    row_id: int
    storage_key_id: bytes
    upload_id: bytes
    wrapped_key: bytes
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDraft:
    """What of a draft is under a storage key."""

    row_id: int
    storage_key_id: bytes
    message_id: bytes
    record: bytes


Wrapped = WrappedMessage | WrappedBlob | SealedDraft


_TABLES = {WrappedMessage: messages, WrappedBlob: blobs, SealedDraft: drafts}
# Built once: it runs with every batch that is stored.
_ENDED = select(storage_keys.c.key_id).where(storage_keys.c.state == StorageKeyState.ENDED)


def check_open(tx: Transaction, key_ids: Collection[bytes]) -> None:
    """Let pass what is wrapped under keys that have not ended.

    Raises UnavailableError ``storage_key_ended``.
    """
    ended = {bytes(key_id) for key_id in tx.execute(_ENDED).scalars()}
    if not ended.isdisjoint(key_ids):
        raise UnavailableError(
            "storage_key_ended",
            "the storage key was replaced while this was under way: try again",
            retry_after_s=2,
        )


def leave(tx: Transaction, key_ids: Collection[bytes], now: int) -> None:
    """Note that nothing is to lie under these keys any more; one that has ended stays so."""
    known = set(states(tx))
    for key_id in key_ids:
        if key_id not in known:
            row = {"key_id": key_id, "state": StorageKeyState.LEAVING, "changed_at": now}
            put(tx, storage_keys, row, "key_id")


def states(tx: Transaction) -> dict[bytes, tuple[StorageKeyState, int]]:
    """Return the keys that are given up: how far, and since when."""
    rows = tx.execute(select(storage_keys)).all()
    return {bytes(row.key_id): (StorageKeyState(row.state), row.changed_at) for row in rows}


def newest_message(tx: Transaction) -> int:
    """Return the row of the newest message; 0 without any."""
    return tx.execute(select(func.max(messages.c.row_id))).scalar() or 0


def messages_under(
    tx: Transaction, key_ids: Collection[bytes], after: int, until: int
) -> Sequence[WrappedMessage]:
    """Return the messages of rows ``after`` (excluded) to ``until`` that lie under these keys."""
    columns = [messages.c[name] for name in WrappedMessage.__dataclass_fields__]
    statement = select(*columns).where(
        messages.c.row_id > after,
        messages.c.row_id <= until,
        messages.c.storage_key_id.in_(key_ids),
    )
    return [WrappedMessage(**row) for row in tx.execute(statement).mappings()]


def blobs_under(
    tx: Transaction, key_ids: Collection[bytes], after: int, limit: int
) -> Sequence[WrappedBlob]:
    """Return uploads after row ``after`` whose key and record lie under these keys."""
    columns = [blobs.c[name] for name in WrappedBlob.__dataclass_fields__]
    statement = (
        select(*columns)
        .where(blobs.c.row_id > after, blobs.c.storage_key_id.in_(key_ids))
        .order_by(blobs.c.row_id)
        .limit(limit)
    )
    return [WrappedBlob(**row) for row in tx.execute(statement).mappings()]


def drafts_under(
    tx: Transaction, key_ids: Collection[bytes], after: int, limit: int
) -> Sequence[SealedDraft]:
    """Return drafts after row ``after`` that lie under these keys."""
    columns = [drafts.c[name] for name in SealedDraft.__dataclass_fields__]
    statement = (
        select(*columns)
        .where(drafts.c.row_id > after, drafts.c.storage_key_id.in_(key_ids))
        .order_by(drafts.c.row_id)
        .limit(limit)
    )
    return [SealedDraft(**row) for row in tx.execute(statement).mappings()]


def rewrap(
    tx: Transaction, new: bytes, items: Sequence[tuple[Wrapped, Mapping[str, bytes]]]
) -> None:
    """Put items with what is now under the new key, unless somebody did so meanwhile.

    Raises ConflictError ``storage_key_leaving`` when another daemon gave the new key up too.
    """
    lock(tx, MESSAGES)
    if new in states(tx):
        raise ConflictError("storage_key_leaving", "the storage key is being replaced itself")
    for item, values in items:
        table = _TABLES[type(item)]
        same = table.c.row_id == item.row_id, table.c.storage_key_id == item.storage_key_id
        tx.execute(update(table).where(*same).values(storage_key_id=new, **values))


def end(tx: Transaction, key_id: bytes, after: int, now: int) -> bool:
    """End a key under which nothing lies; tell whether it has ended.

    Messages up to row ``after`` were looked at before, and nobody wraps under it what is stored
    already. Nobody stores meanwhile, and who comes later finds it ended.
    """
    lock(tx, MESSAGES)
    held = or_(
        exists().where(messages.c.row_id > after, messages.c.storage_key_id == key_id),
        exists().where(blobs.c.storage_key_id == key_id),
        exists().where(drafts.c.storage_key_id == key_id),
    )
    if tx.execute(select(held)).scalar():
        return False
    row = {"key_id": key_id, "state": StorageKeyState.ENDED, "changed_at": now}
    put(tx, storage_keys, row, "key_id")
    return True
