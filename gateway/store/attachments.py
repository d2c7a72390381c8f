"""What is known of each sealed attachment: where it lies, what is there, who brought it.

A blob is whole only when ``complete_at`` is set; a partial one is never shown as anything else. One
that no message names expires.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, delete, exists, insert, or_, select, update

from gateway.store import storage_keys
from gateway.store.database import Transaction
from gateway.store.engine import MESSAGES, InsertNew, lock
from gateway.store.schema import (
    blobs,
    draft_blobs,
    message_blobs,
    messages,
    relayed_blobs,
    segments,
)

OWN = ""
"""The origin of what the house itself uploaded."""
UNNAMED_S = 86_400
"""How long a blob that no message names is kept after the last that came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One sealed attachment."""

    row_id: int
    location: str
    blob_id: bytes | None
    origin: str
    sealed_bytes: int
    segment_list: bytes | None
    complete_at: int | None
    upload_id: bytes | None
    storage_key_id: bytes | None
    wrapped_key: bytes | None
    record: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What a finished upload adds: its name, its key (wrapped) and what it is (sealed)."""

    blob_id: bytes
    sealed_bytes: int
    segment_list: bytes
    upload_id: bytes
    storage_key_id: bytes
    wrapped_key: bytes
    record: bytes


_OFFER = InsertNew(blobs, ["blob_id", "origin"])
_HOLD = InsertNew(segments, ["blob_row", "number"])
_COLUMNS = [blobs.c[name] for name in Blob.__dataclass_fields__]


def begin(tx: Transaction, location: str, now: int) -> int:
    """Note that an upload starts at ``location``, so that what a crash leaves is swept."""
    row = {"location": location, "origin": OWN, "sealed_bytes": 0, "stored_at": now}
    key = tx.execute(insert(blobs).values(**row)).inserted_primary_key
    assert key is not None  # noqa: S101 - an insert into a table with a key returns it
    return int(key[0])


def finish(tx: Transaction, row_id: int, upload: Upload, now: int) -> None:
    """Mark an upload as whole. Raises UnavailableError ``storage_key_ended``."""
    lock(tx, MESSAGES)
    storage_keys.check_open(tx, [upload.storage_key_id])
    values = {name: getattr(upload, name) for name in upload.__slots__}
    statement = update(blobs).where(blobs.c.row_id == row_id)
    tx.execute(statement.values(**values, complete_at=now))


def offer(
    tx: Transaction, origin: str, blob_id: bytes, segment_list: bytes, *, sealed_bytes: int,
    location: str, now: int,
) -> Blob:  # fmt: skip
    """Note that a peer offers a blob; return it as it stands, new or partial or whole."""
    row = {
        "origin": origin,
        "blob_id": blob_id,
        "segment_list": segment_list,
        "sealed_bytes": sealed_bytes,
        "location": location,
        "stored_at": now,
    }
    tx.execute(_OFFER.on(tx), row)
    found = incoming(tx, origin, [blob_id])
    return found[blob_id]


def incoming(tx: Transaction, origin: str, blob_ids: Collection[bytes]) -> dict[bytes, Blob]:
    """Return what a peer brought (or has begun to bring) of these blobs."""
    statement = select(*_COLUMNS).where(blobs.c.blob_id.in_(blob_ids), blobs.c.origin == origin)
    return {row["blob_id"]: Blob(**row) for row in tx.execute(statement).mappings()}


def by_rows(tx: Transaction, row_ids: Collection[int]) -> list[Blob]:
    """Return blobs by their rows."""
    statement = select(*_COLUMNS).where(blobs.c.row_id.in_(row_ids))
    return [Blob(**row) for row in tx.execute(statement).mappings()]


def held_segments(tx: Transaction, row_id: int) -> set[int]:
    """Return the numbers of the segments that are stored."""
    statement = select(segments.c.number).where(segments.c.blob_row == row_id)
    return set(tx.execute(statement).scalars())


def hold_segment(tx: Transaction, row_id: int, number: int, now: int) -> None:
    """Note that a segment is stored, after it is durable; its blob's day begins anew."""
    tx.execute(_HOLD.on(tx), {"blob_row": row_id, "number": number})
    tx.execute(update(blobs).where(blobs.c.row_id == row_id).values(stored_at=now))


def complete(tx: Transaction, row_id: int, now: int) -> None:
    """Mark a blob as whole, after all of it was verified."""
    statement = update(blobs).where(blobs.c.row_id == row_id, blobs.c.complete_at.is_(None))
    tx.execute(statement.values(complete_at=now))


def whole(tx: Transaction, blob_id: bytes) -> Blob | None:
    """Return a whole blob, whoever brought it."""
    statement = select(*_COLUMNS).where(
        blobs.c.blob_id == blob_id, blobs.c.complete_at.is_not(None)
    )
    row = tx.execute(statement.limit(1)).mappings().first()
    return None if row is None else Blob(**row)


def uploaded(tx: Transaction, upload_id: bytes) -> Blob | None:
    """Return a whole upload of the house."""
    statement = select(*_COLUMNS).where(
        blobs.c.upload_id == upload_id, blobs.c.complete_at.is_not(None)
    )
    row = tx.execute(statement).mappings().first()
    return None if row is None else Blob(**row)


def name(
    tx: Transaction, origin: str, message: tuple[str, bytes], blob_ids: Collection[bytes], now: int
) -> None:
    """Note that a stored message (sender, message id) names these blobs: they stay as it does."""
    own = blobs.c.blob_id.in_(blob_ids), blobs.c.origin == origin
    tx.execute(update(blobs).where(*own).values(named_at=now))
    number = _row_of(message)
    named = exists().where(
        message_blobs.c.message_row == number, message_blobs.c.blob_row == blobs.c.row_id
    )
    links = select(number, blobs.c.row_id).where(*own, ~named)
    tx.execute(insert(message_blobs).from_select(["message_row", "blob_row"], links))


def unname(tx: Transaction, origin: str, message: tuple[str, bytes], blob_id: bytes) -> None:
    """Note that a message will never have a blob: what is there of it goes within a day."""
    own = blobs.c.blob_id == blob_id, blobs.c.origin == origin
    rows = list(tx.execute(select(blobs.c.row_id).where(*own)).scalars())
    links = message_blobs.c.message_row == _row_of(message), message_blobs.c.blob_row.in_(rows)
    tx.execute(delete(message_blobs).where(*links))
    still = exists().where(message_blobs.c.blob_row == blobs.c.row_id)
    tx.execute(update(blobs).where(*own, ~still).values(named_at=None))


def let_go(tx: Transaction, message_rows: Collection[int]) -> None:
    """Let go of what messages name: what no other message names is swept as if none ever did."""
    links = message_blobs.c.message_row.in_(message_rows)
    named = list(tx.execute(select(message_blobs.c.blob_row).where(links)).scalars())
    tx.execute(delete(message_blobs).where(links))
    if named:
        still = exists().where(message_blobs.c.blob_row == blobs.c.row_id)
        unnamed = update(blobs).where(blobs.c.row_id.in_(named), ~still)
        tx.execute(unnamed.values(named_at=None))


def forget_unnamed(tx: Transaction, now: int) -> list[str]:
    """Forget blobs that nothing named for a day; return where they lie.

    What a relayed envelope or a draft names stays for as long as that is held.
    """
    old = (
        blobs.c.named_at.is_(None),
        blobs.c.stored_at <= now - UNNAMED_S,
        or_(blobs.c.complete_at.is_(None), blobs.c.complete_at <= now - UNNAMED_S),
        ~exists().where(relayed_blobs.c.blob_row == blobs.c.row_id),
        ~exists().where(draft_blobs.c.blob_row == blobs.c.row_id),
    )
    rows = tx.execute(select(blobs.c.row_id, blobs.c.location).where(*old).limit(1000)).all()
    row_ids = [row.row_id for row in rows]
    if not row_ids:
        return []
    tx.execute(delete(segments).where(segments.c.blob_row.in_(row_ids)))
    tx.execute(delete(blobs).where(blobs.c.row_id.in_(row_ids)))
    return [row.location for row in rows]


def _row_of(message: tuple[str, bytes]) -> ScalarSelect[int]:
    sender, message_id = message
    return (
        select(messages.c.row_id)
        .where(messages.c.message_id == message_id, messages.c.sender == sender)
        .scalar_subquery()
    )
