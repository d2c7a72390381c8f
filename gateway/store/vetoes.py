"""Vetoes against recoveries, as they were handed in, until the registrar has them and after."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import vetoes

_KEEP = InsertNew(vetoes, ("digest",), returning=(vetoes.c.digest,))
_VETOES = select(
    vetoes.c.digest, vetoes.c.member, vetoes.c.proposal, vetoes.c.note, vetoes.c.stored_at
).order_by(vetoes.c.stored_at, vetoes.c.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Veto:
    """A member's veto: the note's digest, and that of the recovery it stands against (32 bytes)."""

    digest: bytes
    member: str
    proposal: bytes
    note: bytes
    stored_at: int


def keep(tx: Transaction, veto: Veto) -> bool:
    """Keep a verified veto; tell whether it is new."""
    row = {
        "digest": veto.digest,
        "member": veto.member,
        "proposal": veto.proposal,
        "note": veto.note,
        "stored_at": veto.stored_at,
    }
    return tx.execute(_KEEP.on(tx), row).first() is not None


def held(tx: Transaction) -> list[Veto]:
    """Return every veto held, the oldest first."""
    return [Veto(**row) for row in tx.execute(_VETOES).mappings()]


def waiting(tx: Transaction) -> list[Veto]:
    """Return the vetoes that the registrar does not have yet."""
    statement = _VETOES.where(vetoes.c.passed_on_at.is_(None))
    return [Veto(**row) for row in tx.execute(statement).mappings()]


def passed_on(tx: Transaction, digests: Sequence[bytes], now: int) -> None:
    """Note that the registrar has them."""
    tx.execute(update(vetoes).where(vetoes.c.digest.in_(digests)).values(passed_on_at=now))
