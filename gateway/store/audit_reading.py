"""Read the audit log: its entries, and the hashes from which proofs and tiles are made."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from gateway.errors import RejectedError
from gateway.store.database import Transaction
from gateway.store.schema import audit_entries, audit_nodes

_LEAVES = (
    select(audit_entries.c.leaf_hash)
    .where(
        audit_entries.c.shard == bindparam("of"),
        audit_entries.c.number >= bindparam("start"),
        audit_entries.c.number < bindparam("end"),
    )
    .order_by(audit_entries.c.number)
)
_NODES = (
    select(audit_nodes.c.hash)
    .where(
        audit_nodes.c.shard == bindparam("of"),
        audit_nodes.c.level == bindparam("height"),
        audit_nodes.c.number >= bindparam("start"),
        audit_nodes.c.number < bindparam("end"),
    )
    .order_by(audit_nodes.c.number)
)
_ENTRIES = (
    select(audit_entries)
    .where(
        audit_entries.c.shard == bindparam("of"),
        audit_entries.c.number >= bindparam("start"),
        audit_entries.c.number < bindparam("end"),
    )
    .order_by(audit_entries.c.number)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry in its place: the ``number``-th of a shard; its bytes are None once erased."""

    row_id: int
    shard: int
    number: int
    entry: bytes | None
    leaf_hash: bytes


def entries(tx: Transaction, shard: int, start: int, end: int) -> list[StoredEntry]:
    """Return the entries ``start`` to ``end`` (exclusive) of a shard, as far as they are there."""
    found = tx.execute(_ENTRIES, {"of": shard, "start": start, "end": end})
    return [StoredEntry(**row) for row in found.mappings()]


def hashes(tx: Transaction, shard: int, level: int, start: int, count: int) -> Sequence[bytes]:
    """Return stored hashes of a tile level: leaves at 0, then one for each 256 of the level below.

    Raises RejectedError ``audit_damaged`` where one is missing.
    """
    place = {"of": shard, "start": start, "end": start + count}
    statement = _NODES if level else _LEAVES
    if level:
        place["height"] = level
    found = tx.execute(statement, place).scalars().all()
    if len(found) != count:
        raise RejectedError(
            "audit_damaged",
            "hashes of the audit log are missing from the database: liaison audit verify",
        )
    return found


def node(tx: Transaction, shard: int, level: int, number: int) -> bytes | None:
    """Return one stored inner hash, None where there is none."""
    place = {"of": shard, "height": level, "start": number, "end": number + 1}
    return tx.execute(_NODES, place).scalar()
