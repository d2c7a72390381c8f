"""Tombstones: what stays of a message whose content is destroyed.

The row of the message stays with its header, digests and receipts, so that a repeat still meets its
receipt. Beside it stays what was signed: with the digest of the payload, evidence of it that shows
no content can still be made.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select, tuple_, update

from gateway.store import attachments, idempotency
from gateway.store.database import Transaction
from gateway.store.engine import MESSAGES, lock
from gateway.store.schema import attached, marks, messages, outbox, tombstones

_AT_ONCE = 500
"""Rows that one statement names."""
NO_KEY = bytes(32)
"""The storage key of what has no key any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What a message was."""

    signed: bytes
    """Signer, view and signature, as ``Inner.signed`` (136 bytes)."""
    payload_digest: bytes
    part: bool = False
    """Whether it refused a part only: all that a thread's state takes of a content."""


def find(tx: Transaction, message_row: int) -> Tombstone | None:
    """Return what stays of a message; None for one that could not be opened even before."""
    columns = tombstones.c.signed, tombstones.c.payload_digest, tombstones.c.part
    row = tx.execute(select(*columns).where(tombstones.c.message_row == message_row)).first()
    if row is None:
        return None
    return Tombstone(
        signed=bytes(row.signed), payload_digest=bytes(row.payload_digest), part=row.part
    )


def of_part(tx: Transaction, rows: Collection[int]) -> set[int]:
    """Return which of these purged messages refused a part only."""
    wanted = tombstones.c.message_row.in_(rows), tombstones.c.part
    return {*tx.execute(select(tombstones.c.message_row).where(*wanted)).scalars()}


def bury(tx: Transaction, stones: Mapping[int, Tombstone | None], now: int) -> None:
    """Destroy what messages say, with their keys and attachments; put tombstones in place.

    ``stones`` are by row; None for a message that cannot be opened any more. Disclosures stay: a
    recall goes the same way. So does that a message was given as evidence.
    """
    lock(tx, MESSAGES)
    rows = list(stones)
    for start in range(0, len(rows), _AT_ONCE):
        _bury(tx, rows[start : start + _AT_ONCE], now)
    put = [
        {"message_row": row} | asdict(stone) for row, stone in stones.items() if stone is not None
    ]
    if put:
        tx.execute(insert(tombstones), put)
    idempotency.sweep(tx, now)


def _bury(tx: Transaction, rows: list[int], now: int) -> None:
    attachments.let_go(tx, rows)
    tx.execute(delete(attached).where(attached.c.message_row.in_(rows)))
    tx.execute(update(outbox).where(outbox.c.message_row.in_(rows)).values(wrapped=None))
    names = select(messages.c.sender, messages.c.message_id).where(messages.c.row_id.in_(rows))
    tx.execute(delete(marks).where(tuple_(marks.c.sender, marks.c.message_id).in_(names)))
    nothing = {"body": b"", "wrapped_key": b"", "storage_key_id": NO_KEY, "purged_at": now}
    tx.execute(update(messages).where(messages.c.row_id.in_(rows)).values(**nothing))
