"""Heads of other members' audit logs as they were shown to this node, each with its proof.

A chain for each log: what was verified once can be verified again from what is stored, by anybody
who is given it.
"""

from dataclasses import dataclass

from sqlalchemy import select

from gateway.store.database import Transaction
from gateway.store.schema import log_heads


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
