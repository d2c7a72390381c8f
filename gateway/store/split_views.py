"""Split views: two signed heads of one log that cannot both be true, kept as they were signed."""

from dataclasses import dataclass

from sqlalchemy import func, select

from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import split_views
from keys.suite import digest
from keys.tlog.note import parse_note

_RECORD = InsertNew(split_views, ("pair_digest",), returning=(split_views.c.row_id,))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitView:
    """The two notes, the size of the second, who showed it, and what shows that they conflict."""

    origin: str
    size: int
    head_a: bytes
    head_b: bytes
    seen_at: int
    found_by: str
    proof: bytes | None = None
    """For heads of different sizes: the root of the second's log at the first's size, and the
    consistency proof, 32 bytes each; None where nobody had the leaves."""


def record(tx: Transaction, seen: SplitView) -> bool:
    """Keep the proof; tell whether it is new.

    It is not where the same two heads were kept before, in either order and whoever cosigned them.
    """
    first, second = sorted(digest(parse_note(head).text) for head in (seen.head_a, seen.head_b))
    row = {
        "origin": seen.origin,
        "size": seen.size,
        "head_a": seen.head_a,
        "head_b": seen.head_b,
        "pair_digest": digest(first, second),
        "seen_at": seen.seen_at,
        "found_by": seen.found_by,
        "proof": seen.proof,
    }
    return tx.execute(_RECORD.on(tx), row).first() is not None


def listing(tx: Transaction, since: int = 0) -> list[SplitView]:
    """Return all proofs, or those seen since a time, the oldest first."""
    columns = [column for column in split_views.c if column.name not in ("row_id", "pair_digest")]
    statement = select(*columns).where(split_views.c.seen_at >= since)
    statement = statement.order_by(split_views.c.row_id)
    return [SplitView(**row) for row in tx.execute(statement).mappings()]


def count(tx: Transaction, origin: str | None = None) -> int:
    """Return how many proofs are held, of one log or of all."""
    statement = select(func.count()).select_from(split_views)
    if origin is not None:
        statement = statement.where(split_views.c.origin == origin)
    return tx.execute(statement).scalar_one()
