"""At the start of the only daemon on a database: give back what one that died held."""

from gateway.store import attached, custody, outbox
from gateway.store.database import Transaction


def release(tx: Transaction, now: int) -> None:
    """Make due at once what is under lease: rows, copies, returns, attachments."""
    outbox.release_leases(tx, now)
    custody.release_leases(tx, now)
    attached.release_leases(tx, now)
