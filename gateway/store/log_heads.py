"""Heads of other members' audit logs as they were shown to this node, each with its proof.

A chain for each log: what was verified once can be verified again from what is stored, by anybody
who is given it.
"""

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select

from gateway.errors import ConflictError
from gateway.store.database import Transaction
from gateway.store.engine import LOG_HEADS, lock
from gateway.store.schema import log_heads

KEPT_EACH = 1_000
"""How many heads are kept of one log: with one in five minutes, those of three days at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """A head of a member's log: root (32 bytes) and the note as signed, with what cosigned it."""

    origin: str
    member: str
    size: int
    root: bytes
    checkpoint: bytes
    proof: bytes
    """The consistency proof from the head before it, 32 bytes a hash; empty for the first."""
    seen_at: int
    shown_by: str


def newest(tx: Transaction, origin: str) -> LogHead | None:
    """Return the largest head of a log that was shown."""
    statement = select(log_heads).where(log_heads.c.origin == origin)
    row = tx.execute(statement.order_by(log_heads.c.size.desc()).limit(1)).mappings().first()
    return None if row is None else LogHead(**row)


def at_size(tx: Transaction, origin: str, size: int) -> LogHead | None:
    """Return the head of a log that was shown at this size."""
    statement = select(log_heads).where(log_heads.c.origin == origin, log_heads.c.size == size)
    row = tx.execute(statement).mappings().first()
    return None if row is None else LogHead(**row)


def chain(tx: Transaction, origin: str) -> list[LogHead]:
    """Return the heads that are kept of a log, the smallest first."""
    statement = select(log_heads).where(log_heads.c.origin == origin)
    rows = tx.execute(statement.order_by(log_heads.c.size)).mappings()
    return [LogHead(**row) for row in rows]


def count(tx: Transaction, origin: str) -> int:
    """Return how many heads are kept of a log."""
    statement = select(func.count()).select_from(log_heads).where(log_heads.c.origin == origin)
    return tx.execute(statement).scalar_one()


def origins_of(tx: Transaction, member: str) -> list[str]:
    """Return the logs of a member of which heads were shown."""
    statement = select(log_heads.c.origin).where(log_heads.c.member == member).distinct()
    return sorted(tx.execute(statement).scalars())


def members(tx: Transaction) -> list[str]:
    """Return the members of whose logs heads were shown."""
    return sorted(tx.execute(select(log_heads.c.member).distinct()).scalars())


def store(tx: Transaction, head: LogHead, *, expected: LogHead | None) -> None:
    """Keep a head that continues ``expected``, the newest one known; let the oldest go.

    Raises ConflictError ``log_head_moved`` where another one came meanwhile.
    """
    lock(tx, LOG_HEADS)
    known = newest(tx, head.origin)
    if known != expected:
        raise ConflictError("log_head_moved", "another head of this log was seen meanwhile")
    tx.execute(insert(log_heads).values({item: getattr(head, item) for item in head.__slots__}))
    first = (
        select(log_heads.c.size)
        .where(log_heads.c.origin == head.origin)
        .order_by(log_heads.c.size.desc())
        .offset(KEPT_EACH - 1)
        .limit(1)
    )
    tx.execute(
        delete(log_heads).where(
            log_heads.c.origin == head.origin,
            log_heads.c.size < func.coalesce(first.scalar_subquery(), 0),
        )
    )
