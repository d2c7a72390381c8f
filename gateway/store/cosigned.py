"""This node's own audit heads that witnesses are asked to cosign, with what they said of them.

A head stands here from the moment at which they are first asked: all are asked for the same one, by
whichever daemon of this member.
"""

from dataclasses import dataclass

from sqlalchemy import delete, func, select

from gateway.store.database import Transaction
from gateway.store.engine import SEQUENCER, lock
from gateway.store.schema import cosigned_heads

_LAST = (
    select(cosigned_heads)
    .order_by(cosigned_heads.c.shard.desc(), cosigned_heads.c.size.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignedHead:
    """A head with its cosignatures so far; ``witnessed_at`` (UTC seconds) is None without one."""

    shard: int
    size: int
    checkpoint: bytes
    witnessed_at: int | None
    stored_at: int
    named_at: int | None = None
    """When an entry of the log named it by its digest; it is not changed after that."""


def newest(tx: Transaction, shard: int, *, stored_by: int | None = None) -> CosignedHead | None:
    """Return the newest head of a shard that a quorum cosigned, asked for by then."""
    statement = (
        select(cosigned_heads)
        .where(cosigned_heads.c.shard == shard, cosigned_heads.c.witnessed_at.is_not(None))
        .order_by(cosigned_heads.c.size.desc())
    )
    if stored_by is not None:
        statement = statement.where(cosigned_heads.c.stored_at <= stored_by)
    row = tx.execute(statement.limit(1)).mappings().first()
    return None if row is None else CosignedHead(**row)


def last(tx: Transaction) -> CosignedHead | None:
    """Return the newest head that the witnesses were asked for, cosigned or not."""
    row = tx.execute(_LAST).mappings().first()
    return None if row is None else CosignedHead(**row)


def newest_asked(tx: Transaction, shard: int) -> CosignedHead | None:
    """Return the newest head of a shard that the witnesses were asked for, cosigned or not."""
    statement = select(cosigned_heads).where(cosigned_heads.c.shard == shard)
    row = tx.execute(statement.order_by(cosigned_heads.c.size.desc()).limit(1)).mappings().first()
    return None if row is None else CosignedHead(**row)


def named(tx: Transaction) -> CosignedHead | None:
    """Return the newest head that an entry of the log names."""
    order = cosigned_heads.c.shard.desc(), cosigned_heads.c.size.desc()
    statement = select(cosigned_heads).where(cosigned_heads.c.named_at.is_not(None))
    row = tx.execute(statement.order_by(*order).limit(1)).mappings().first()
    return None if row is None else CosignedHead(**row)


def waiting_since(tx: Transaction, shard: int, after: int) -> int | None:
    """Return when the witnesses were first asked for a head of a shard larger than ``after``."""
    statement = select(func.min(cosigned_heads.c.stored_at)).where(
        cosigned_heads.c.shard == shard, cosigned_heads.c.size > after
    )
    return tx.execute(statement).scalar()


def covering(tx: Transaction, shard: int, number: int) -> CosignedHead | None:
    """Return the first head that a quorum cosigned over the entry at ``number`` of a shard."""
    statement = (
        select(cosigned_heads)
        .where(
            cosigned_heads.c.shard == shard,
            cosigned_heads.c.size > number,
            cosigned_heads.c.witnessed_at.is_not(None),
        )
        .order_by(cosigned_heads.c.size)
    )
    row = tx.execute(statement.limit(1)).mappings().first()
    return None if row is None else CosignedHead(**row)


def all_of(tx: Transaction, shard: int) -> list[CosignedHead]:
    """Return every head kept of a shard, the smallest first."""
    statement = (
        select(cosigned_heads)
        .where(cosigned_heads.c.shard == shard)
        .order_by(cosigned_heads.c.size)
    )
    return [CosignedHead(**row) for row in tx.execute(statement).mappings()]


def at_size(tx: Transaction, shard: int, size: int) -> CosignedHead | None:
    """Return the head of a shard at this size, if the witnesses were asked to cosign it."""
    statement = select(cosigned_heads).where(
        cosigned_heads.c.shard == shard, cosigned_heads.c.size == size
    )
    row = tx.execute(statement).mappings().first()
    return None if row is None else CosignedHead(**row)


def store(tx: Transaction, head: CosignedHead) -> None:
    """Keep a head with the cosignatures that it has now, instead of what was kept of it.

    The caller has merged both, in this transaction: daemons on one database take turns.
    """
    same = (cosigned_heads.c.shard == head.shard, cosigned_heads.c.size == head.size)
    tx.execute(delete(cosigned_heads).where(*same))
    tx.execute(
        cosigned_heads.insert().values(
            shard=head.shard,
            size=head.size,
            checkpoint=head.checkpoint,
            witnessed_at=head.witnessed_at,
            stored_at=head.stored_at,
            named_at=head.named_at,
        )
    )


def take_turns(tx: Transaction) -> None:
    """Keep other daemons of this member out until the commit, while cosignatures are merged."""
    lock(tx, SEQUENCER)


def thin(tx: Transaction, *, before: int, every_s: int) -> int:
    """Of the heads stored before ``before``, keep the first with a quorum of every ``every_s``.

    The newest of them stays in any case, and so do those that an entry names. Return how many went.
    """
    columns = (cosigned_heads.c[name] for name in ("shard", "size", "witnessed_at", "named_at"))
    statement = (
        select(*columns)
        .where(cosigned_heads.c.stored_at < before)
        .order_by(cosigned_heads.c.shard, cosigned_heads.c.size)
    )
    rows = tx.execute(statement).all()
    newest = {row.shard: row.size for row in rows}
    kept = set(newest.items())
    kept |= {(row.shard, row.size) for row in rows if row.named_at is not None}
    spans: set[tuple[int, int]] = set()
    for row in rows:
        if row.witnessed_at is not None:
            span = (row.shard, row.witnessed_at // every_s)
            if span not in spans:
                kept.add((row.shard, row.size))
            spans.add(span)
    gone = [row for row in rows if (row.shard, row.size) not in kept]
    for row in gone:
        tx.execute(
            delete(cosigned_heads).where(
                cosigned_heads.c.shard == row.shard, cosigned_heads.c.size == row.size
            )
        )
    return len(gone)
