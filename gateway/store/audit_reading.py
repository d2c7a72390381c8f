"""Read the audit log: its entries, and the hashes from which proofs and tiles are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

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

_PLACED = _ENTRIES.with_only_columns(
    audit_entries.c.number, audit_entries.c.entry, audit_entries.c.leaf_hash
)
_WAITING = (
    select(audit_entries.c.row_id, audit_entries.c.entry, audit_entries.c.leaf_hash)
    .where(
        audit_entries.c.shard.is_(None),
        audit_entries.c.number.is_(None),
        audit_entries.c.row_id > bindparam("after"),
    )
    .order_by(audit_entries.c.row_id)
    .limit(bindparam("most"))
)
_NUMBERED_NODES = _NODES.with_only_columns(audit_nodes.c.number, audit_nodes.c.hash)


class Row(NamedTuple):
    """An entry as it lies there: its number, or its row while it has no place."""

    number: int
    entry: bytes | None
    leaf_hash: bytes


class Occupied(NamedTuple):
    """Which numbers of a shard are taken; a part is None where entries lack half of a place."""

    shard: int | None
    lowest: int | None
    highest: int | None


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


def rows(tx: Transaction, shard: int, start: int, end: int) -> list[Row]:
    """Return the entries ``start`` to ``end`` (exclusive) of a shard that are there, quickly."""
    found = tx.execute(_PLACED, {"of": shard, "start": start, "end": end})
    return [Row(*row) for row in found]


def waiting(tx: Transaction, after: int, limit: int) -> list[Row]:
    """Return entries without a place after row ``after``, by their rows."""
    return [Row(*row) for row in tx.execute(_WAITING, {"after": after, "most": limit})]


def nodes(tx: Transaction, shard: int, level: int, start: int, end: int) -> dict[int, bytes]:
    """Return the stored inner hashes ``start`` to ``end`` (exclusive) of a level, by number."""
    place = {"of": shard, "height": level, "start": start, "end": end}
    return {number: bytes(stored) for number, stored in tx.execute(_NUMBERED_NODES, place)}


def occupied(tx: Transaction) -> list[Occupied]:
    """Return which places are taken, by shard; of entries that have neither part of one nothing."""
    number = audit_entries.c.number
    statement = (
        select(audit_entries.c.shard, func.min(number), func.max(number))
        .where(audit_entries.c.shard.is_not(None) | number.is_not(None))
        .group_by(audit_entries.c.shard, number.is_(None))
    )
    return [Occupied(*row) for row in tx.execute(statement)]


def number_from(tx: Transaction, shard: int, start: int) -> int | None:
    """Return the first number of a shard that is taken, from ``start`` on."""
    number = audit_entries.c.number
    statement = select(func.min(number)).where(audit_entries.c.shard == shard, number >= start)
    return tx.execute(statement).scalar()
