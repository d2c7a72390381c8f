"""Receipts that this node gave: kept byte for byte, to answer every repeat with the original."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from gateway.store.database import Transaction
from gateway.store.schema import receipts

REPEATS_S = 14 * 86_400
"""How long after a message's expiry a repeat of it is still answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenReceipt:
    """A receipt as it was sent."""

    envelope_id: bytes
    recipient: str
    kind: str
    receipt: bytes
    keep_until: int


def record(tx: Transaction, given: Sequence[GivenReceipt]) -> None:
    """Keep receipts, in the transaction of what they attest."""
    if given:
        rows = [{name: getattr(item, name) for name in item.__slots__} for item in given]
        tx.execute(insert(receipts).returning(receipts.c.row_id), rows).all()


def find(
    tx: Transaction, envelope_ids: Collection[bytes], recipient: str, kind: str
) -> dict[bytes, bytes]:
    """Return the receipts given for these envelopes."""
    statement = select(receipts.c.envelope_id, receipts.c.receipt).where(
        receipts.c.envelope_id.in_(envelope_ids),
        receipts.c.recipient == recipient,
        receipts.c.kind == kind,
    )
    return {row.envelope_id: row.receipt for row in tx.execute(statement)}


def sweep(tx: Transaction, now: int) -> int:
    """Delete receipts that no repeat can ask for any more; return how many."""
    return tx.execute(delete(receipts).where(receipts.c.keep_until <= now)).rowcount
