"""At the start of the only daemon on a database: give back what one that died held."""

from gateway.store import attached, custody
from gateway.store.database import Transaction
from gateway.store.outbox import queueing


def release(tx: Transaction, now: int) -> None:
    """Make due at once what is under lease: rows, copies, returns, attachments."""
    queueing.release_leases(tx, now)
    custody.release_leases(tx, now)
    attached.release_leases(tx, now)
