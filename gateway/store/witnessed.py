"""The heads that this node has cosigned as a witness, of every log: all of them, for ever.

A head is stored before it is signed, and only on top of the newest one: whoever compared with an
older one is told, and nothing is rolled back. The lines that were returned are kept on the newest
head of each log, for whoever asks what this witness has seen of it.
"""

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from gateway.errors import ConflictError
from gateway.store.database import Transaction
from gateway.store.engine import WITNESS, lock
from gateway.store.schema import cosigned_logs, witnessed_heads
from keys.suite import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedHead:
    """A head of a log: size, root (32 bytes), and the whole note as its log signed it."""

    origin: str
    size: int
    root: bytes
    checkpoint: bytes
    stored_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignedLog:
    """A log as this witness knows it: the newest head, with the lines that it returned on it."""

    origin: str
    member: str
    """Whose log it is."""
    size: int
    checkpoint: bytes
    began_at: int
    """When the first head of this log was cosigned here."""


def newest(tx: Transaction, origin: str) -> WitnessedHead | None:
    """Return the largest head of a log that was stored, None for a log never seen."""
    found = newest_of(tx, origin, 1)
    return found[0] if found else None


def newest_of(tx: Transaction, origin: str, most: int) -> list[WitnessedHead]:
    """Return the newest heads of a log that were stored, at most so many, the largest first."""
    statement = (
        select(witnessed_heads)
        .where(witnessed_heads.c.origin == origin)
        .order_by(witnessed_heads.c.size.desc())
        .limit(most)
    )
    return [WitnessedHead(**row) for row in tx.execute(statement).mappings()]


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


def keep_cosigned(tx: Transaction, log: CosignedLog) -> None:
    """Keep the newest head of a log with the lines on it; an older one changes nothing."""
    lock(tx, WITNESS)
    name = digest(log.origin.encode())
    known = tx.execute(
        select(cosigned_logs.c.size).where(cosigned_logs.c.origin_digest == name)
    ).scalar()
    if known is None:
        values = {item: getattr(log, item) for item in CosignedLog.__slots__}
        tx.execute(insert(cosigned_logs).values(origin_digest=name, **values))
    elif known <= log.size:
        tx.execute(
            update(cosigned_logs)
            .where(cosigned_logs.c.origin_digest == name)
            .values(size=log.size, checkpoint=log.checkpoint)
        )


def cosigned(tx: Transaction, origin_digest: bytes) -> bytes | None:
    """Return the newest head of a log with our lines on it, by the SHA-256 of its origin."""
    statement = select(cosigned_logs.c.checkpoint).where(
        cosigned_logs.c.origin_digest == origin_digest
    )
    return tx.execute(statement).scalar()


def members(tx: Transaction) -> list[str]:
    """Return the members of whose logs heads were cosigned."""
    return sorted(tx.execute(select(cosigned_logs.c.member).distinct()).scalars())


def logs_of(tx: Transaction, member: str) -> list[CosignedLog]:
    """Return the logs of a member of which heads were cosigned, by their origins."""
    columns = [column for column in cosigned_logs.c if column.name != "origin_digest"]
    statement = select(*columns).where(cosigned_logs.c.member == member)
    rows = tx.execute(statement.order_by(cosigned_logs.c.origin)).mappings()
    return [CosignedLog(**row) for row in rows]


def _mark(head: WitnessedHead | None) -> tuple[int, bytes] | None:
    return None if head is None else (head.size, head.root)
