"""How rows of the outbox were sealed before: what a receipt may name that comes late.

A row is sealed anew when its recipient shows another card, and signed again when the key that
signed its message is revoked. The recipient may have taken the earlier copy, and its receipt be
under way.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select

from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import sealings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """An envelope and a sealing key that a copy for one recipient went out with."""

    outbox_row: int
    recipient: str
    envelope_id: bytes
    tbs_digest: bytes
    seal_kid: bytes
    signed: bytes = b""
    """Of a signature that was replaced: signer, view and signature, as ``Inner.signed``."""


_NEW = InsertNew(sealings, ["outbox_row", "envelope_id", "seal_kid"])
_COLUMNS = [sealings.c[name] for name in Sealing.__dataclass_fields__]


def record(tx: Transaction, earlier: Sequence[Sealing]) -> None:
    """Remember how rows were sealed until now."""
    if earlier:
        tx.execute(_NEW.on(tx), [asdict(item) for item in earlier])


def of_row(tx: Transaction, outbox_row: int) -> list[Sealing]:
    """Return how a row was sealed before, the earliest first."""
    statement = select(*_COLUMNS).where(sealings.c.outbox_row == outbox_row)
    found = tx.execute(statement.order_by(sealings.c.row_id))
    return [Sealing(**row) for row in found.mappings()]


def row_of(tx: Transaction, envelope_id: bytes, recipient: str) -> int | None:
    """Return the row whose copy once was in this envelope."""
    statement = select(sealings.c.outbox_row).where(
        sealings.c.envelope_id == envelope_id, sealings.c.recipient == recipient
    )
    return tx.execute(statement.limit(1)).scalar()


def forget(tx: Transaction, outbox_rows: Collection[int]) -> None:
    """Forget it of rows that are purged."""
    tx.execute(delete(sealings).where(sealings.c.outbox_row.in_(outbox_rows)))
