"""The way back of copies that a relay held: what became of them, until the previous hop knows."""

from collections.abc import Collection

from sqlalchemy import exists, func, select, update

from gateway.store.custody import COLUMNS, HeldCopy, copy_of
from gateway.store.database import Transaction
from gateway.store.schema import custody


def bring_back(tx: Transaction, row_ids: Collection[int], outcome: bytes, now: int) -> int:
    """Keep what became of copies, for their previous hops; return how many learned it new."""
    statement = update(custody).where(
        custody.c.row_id.in_(row_ids),
        (custody.c.outcome.is_(None)) | (custody.c.outcome != outcome),
    )
    return tx.execute(statement.values(outcome=outcome, return_due_at=now)).rowcount


def returns_for(
    tx: Transaction, hop: str, *, now: int, again_at: int, most: int = 64
) -> list[HeldCopy]:
    """Return what became of copies of ``hop``, due to be told; not again before ``again_at``."""
    statement = (
        select(*COLUMNS)
        .where(custody.c.previous_hop == hop, custody.c.return_due_at <= now)
        .order_by(custody.c.return_due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    found = [copy_of(row) for row in tx.execute(statement).mappings()]
    if found:
        told = custody.c.row_id.in_([item.row_id for item in found])
        tx.execute(update(custody).where(told).values(return_due_at=again_at))
    return found


def forget_outcomes(tx: Transaction, recipient: str) -> int:
    """Forget what became of copies for a recipient that lost what it had; return of how many.

    A copy that comes again is then taken again. What a previous hop was still to be told is not
    told any more: it posts again by itself.
    """
    statement = update(custody).where(
        custody.c.recipient == recipient, custody.c.outcome.is_not(None)
    )
    return tx.execute(statement.values(outcome=None, return_due_at=None)).rowcount


def returned(tx: Transaction, row_ids: Collection[int]) -> None:
    """Note that the previous hop knows what became of these copies."""
    tx.execute(update(custody).where(custody.c.row_id.in_(row_ids)).values(return_due_at=None))


def return_now(tx: Transaction, row_ids: Collection[int]) -> None:
    """Note that telling the previous hop failed: it is due at once, when the hop is back."""
    waiting = custody.c.row_id.in_(row_ids), custody.c.return_due_at.is_not(None)
    tx.execute(update(custody).where(*waiting).values(return_due_at=0))


def returning_to(tx: Transaction, now: int) -> list[str]:
    """Return the hops that are still to be told something."""
    found: list[str] = []
    after = ""
    while True:
        following = select(func.min(custody.c.previous_hop)).where(custody.c.previous_hop > after)
        name = tx.execute(following).scalar()
        if name is None:
            return found
        due = exists().where(custody.c.previous_hop == name, custody.c.return_due_at <= now)
        if tx.execute(select(due)).scalar():
            found.append(name)
        after = name
