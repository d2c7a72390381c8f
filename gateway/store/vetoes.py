"""Vetoes against recoveries, as they were handed in, until the registrar has them and after."""

from collections.abc import Sequence

from sqlalchemy import select, update

from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import vetoes

_KEEP = InsertNew(vetoes, ("digest",), returning=(vetoes.c.digest,))


def keep(tx: Transaction, member: str, digest: bytes, note: bytes, now: int) -> bool:
    """Keep a verified veto; tell whether it is new."""
    row = {"digest": digest, "member": member, "note": note, "stored_at": now}
    return tx.execute(_KEEP.on(tx), row).first() is not None


def held(tx: Transaction) -> list[bytes]:
    """Return every veto held, the oldest first."""
    statement = select(vetoes.c.note).order_by(vetoes.c.stored_at, vetoes.c.digest)
    return list(tx.execute(statement).scalars())


def waiting(tx: Transaction) -> list[tuple[bytes, bytes]]:
    """Return the vetoes that the registrar does not have yet: digest and note."""
    statement = (
        select(vetoes.c.digest, vetoes.c.note)
        .where(vetoes.c.passed_on_at.is_(None))
        .order_by(vetoes.c.stored_at, vetoes.c.digest)
    )
    return [(row.digest, row.note) for row in tx.execute(statement)]


def passed_on(tx: Transaction, digests: Sequence[bytes], now: int) -> None:
    """Note that the registrar has them."""
    tx.execute(update(vetoes).where(vetoes.c.digest.in_(digests)).values(passed_on_at=now))
