"""The heads that this node has cosigned as a witness, of every log: all of them, for ever.

A head is stored before it is signed, and only on top of the newest one: whoever compared with an
older one is told, and nothing is rolled back.
"""

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from gateway.errors import ConflictError
from gateway.store.database import Transaction
from gateway.store.engine import WITNESS, lock
from gateway.store.schema import witnessed_heads


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedHead:
    """A head of a log: size, root (32 bytes), and the whole note as its log signed it."""

    origin: str
    size: int
    root: bytes
    checkpoint: bytes
    stored_at: int


def newest(tx: Transaction, origin: str) -> WitnessedHead | None:
    """Return the largest head of a log that was stored, None for a log never seen."""
    statement = (
        select(witnessed_heads)
        .where(witnessed_heads.c.origin == origin)
        .order_by(witnessed_heads.c.size.desc())
    )
    row = tx.execute(statement.limit(1)).mappings().first()
    return None if row is None else WitnessedHead(**row)


def at_size(tx: Transaction, origin: str, size: int) -> WitnessedHead | None:
    """Return the head of a log that was stored at this size."""
    statement = select(witnessed_heads).where(
        witnessed_heads.c.origin == origin, witnessed_heads.c.size == size
    )
    row = tx.execute(statement).mappings().first()
    return None if row is None else WitnessedHead(**row)


def store(tx: Transaction, head: WitnessedHead, *, expected: WitnessedHead | None) -> None:
    """Compare and set: keep ``head`` where the newest one still is ``expected``.

    A head of the same size and root is kept anew with its later time.

    Raises ConflictError ``witnessed_head_moved``.
    """
    lock(tx, WITNESS)
    known = newest(tx, head.origin)
    if _mark(known) != _mark(expected):
        raise ConflictError("witnessed_head_moved", "another head was cosigned meanwhile")
    values = {"root": head.root, "checkpoint": head.checkpoint, "stored_at": head.stored_at}
    if known is not None and known.size == head.size:
        tx.execute(
            update(witnessed_heads)
            .where(witnessed_heads.c.origin == head.origin, witnessed_heads.c.size == head.size)
            .values(**values)
        )
    else:
        tx.execute(insert(witnessed_heads).values(origin=head.origin, size=head.size, **values))


def _mark(head: WitnessedHead | None) -> tuple[int, bytes] | None:
    return None if head is None else (head.size, head.root)
