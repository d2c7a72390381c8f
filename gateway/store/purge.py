"""Purge: forget messages that are done and old enough, and let their attachments go.

Done is an own message whose every delivery ended, and a received one that was acknowledged: the
house has it. The audit log keeps its entries.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, select, update

from gateway.store import sealings, threads
from gateway.store.database import Transaction
from gateway.store.messages import IN, OUT
from gateway.store.schema import attached, blobs, message_blobs, messages, outbox

REPEATS_S = 14 * 86_400
"""How long after its expiry a message is kept in any case: a repeat still meets its receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What some of the stored messages, in the order of storing, are to a purge."""

    gone: tuple[int, ...]
    """The rows that may go."""
    unacknowledged: int
    """How many of those that are old enough stay, because nobody has acknowledged them."""
    after: int | None
    """After which row to look on; None where the others are not old enough."""


def look(tx: Transaction, *, after: int, now: int, retention_s: int, limit: int) -> Look:
    """Look at messages after row ``after``, ``limit`` at most."""
    names = ("row_id", "direction", "stored_at", "expires_at", "acknowledged_at")
    statement = select(*(messages.c[name] for name in names)).where(messages.c.row_id > after)
    rows = tx.execute(statement.order_by(messages.c.row_id).limit(limit)).all()
    old = [row for row in rows if row.stored_at <= now - retention_s]
    ended = _ended(tx, [row.row_id for row in old if row.direction == OUT])
    gone: list[int] = []
    unacknowledged = 0
    for row in old:
        done_at = {IN: row.acknowledged_at, OUT: ended.get(row.row_id)}.get(
            row.direction, row.stored_at
        )
        if row.direction == IN and done_at is None:
            unacknowledged += 1
        late = row.expires_at <= now - REPEATS_S
        if late and done_at is not None and done_at <= now - retention_s:
            gone.append(row.row_id)
    whole = len(rows) == limit and len(old) == limit
    return Look(
        gone=tuple(gone),
        unacknowledged=unacknowledged,
        after=rows[-1].row_id if whole else None,
    )


def forget(tx: Transaction, rows: Collection[int]) -> None:
    """Delete messages with their deliveries; attachments that only they name are named no more.

    What is not named is swept as an upload is that no message ever named.
    """
    links = message_blobs.c.message_row.in_(rows)
    named = list(tx.execute(select(message_blobs.c.blob_row).where(links)).scalars())
    tx.execute(delete(message_blobs).where(links))
    tx.execute(delete(attached).where(attached.c.message_row.in_(rows)))
    delivered = select(outbox.c.row_id).where(outbox.c.message_row.in_(rows))
    sealings.forget(tx, list(tx.execute(delivered).scalars()))
    tx.execute(delete(outbox).where(outbox.c.message_row.in_(rows)))
    threads.forget(tx, rows)
    tx.execute(delete(messages).where(messages.c.row_id.in_(rows)))
    if named:
        still = exists().where(message_blobs.c.blob_row == blobs.c.row_id)
        unnamed = update(blobs).where(blobs.c.row_id.in_(named), ~still)
        tx.execute(unnamed.values(named_at=None))


def _ended(tx: Transaction, rows: Collection[int]) -> dict[int, int]:
    """Return when the last delivery of each of these messages ended, for those that all did."""
    statement = (
        select(outbox.c.message_row, func.max(outbox.c.settled_at))
        .where(outbox.c.message_row.in_(rows))
        .group_by(outbox.c.message_row)
        .having(func.count() == func.count(outbox.c.settled_at))
    )
    return {row[0]: row[1] for row in tx.execute(statement)}
