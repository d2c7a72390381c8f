"""The settings that the newest process of this node was started with, by their digest."""

from sqlalchemy import select

from gateway.store.database import Transaction
from gateway.store.engine import put
from gateway.store.schema import configurations


def change(tx: Transaction, digest: bytes, version: str) -> bool:
    """Keep what is in force now; tell whether it is another than before."""
    columns = configurations.c.digest, configurations.c.version
    before = tx.execute(select(*columns)).first()
    if before is not None and tuple(before) == (digest, version):
        return False
    put(tx, configurations, {"only": 1, "digest": digest, "version": version}, "only")
    return True
