"""The audit log's entries, shards and heads.

An act appends its entries without a place, in its own transaction; the sequencer gives them one, in
the order of their rows, in the transaction that compares-and-sets the head. Of the heads of an hour
the newest is kept: those that somebody cosigned are kept apart (``store/cosigned.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, select, update

from gateway.errors import ConflictError
from gateway.store.database import Transaction
from gateway.store.engine import SEQUENCER, lock
from gateway.store.rows import InsertRows
from gateway.store.schema import audit_entries, audit_heads, audit_nodes, audit_shards
from keys.tlog.nodes import Node

HEAD_KEPT_S = 3600

# Statements of the fast path are built once: building costs more than running them.
_APPEND = InsertRows(audit_entries, ("entry", "leaf_hash"))
_NODES = InsertRows(audit_nodes, ("shard", "level", "number", "hash"))
_HEADS = select(*(column for column in audit_heads.c if column.name != "row_id"))
_HEAD = _HEADS.order_by(audit_heads.c.shard.desc(), audit_heads.c.size.desc()).limit(1)
_UNSEQUENCED = (
    select(audit_entries.c.row_id, audit_entries.c.leaf_hash)
    .where(audit_entries.c.shard.is_(None), audit_entries.c.number.is_(None))
    .order_by(audit_entries.c.row_id)
    .limit(bindparam("most"))
)
_NUMBER = (
    update(audit_entries)
    .where(
        audit_entries.c.row_id.between(bindparam("first"), bindparam("last")),
        audit_entries.c.number.is_(None),
    )
    .values(shard=bindparam("in_shard"), number=audit_entries.c.row_id + bindparam("offset"))
)
_REPLACE = (
    update(audit_heads)
    .where(audit_heads.c.shard == bindparam("of"), audit_heads.c.size == bindparam("before"))
    .values(
        size=bindparam("grown"),
        frontier=bindparam("edge"),
        checkpoint=bindparam("note"),
        signed_at=bindparam("at"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to append: its bytes and leaf hash (32 bytes)."""

    entry: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """A shard's size, the frontier it grows from, and its signed checkpoint."""

    shard: int
    size: int
    frontier: bytes
    checkpoint: bytes
    signed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditShard:
    """One shard: its number in this node's count, and its origin."""

    number: int
    origin: str
    opened_at: int
    lost_since: int | None = None
    """The time (UTC seconds) of the newest entry held when it began, where later ones were lost:
    this node was restored from a backup. None where it continues the shard before."""
    announced_at: int | None = None
    """When the members were told of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A shard to be opened, with its first entry."""

    shard: AuditShard
    entry: NewEntry


def append(tx: Transaction, entries: Sequence[NewEntry]) -> None:
    """Append entries, in their order, to be sequenced soon."""
    if entries:
        _APPEND.run(tx, [(item.entry, item.leaf_hash) for item in entries])


def unsequenced(tx: Transaction, limit: int) -> list[tuple[int, bytes]]:
    """Return the oldest entries without a place: (row, leaf hash) of each."""
    found = tx.execute(_UNSEQUENCED, {"most": limit})
    return [(row_id, leaf_hash) for row_id, leaf_hash in found]


def waiting(tx: Transaction) -> int:
    """Return how many entries have no place yet."""
    statement = select(func.count()).where(
        audit_entries.c.shard.is_(None), audit_entries.c.number.is_(None)
    )
    return tx.execute(statement.select_from(audit_entries)).scalar() or 0


def head(tx: Transaction) -> AuditHead | None:
    """Return the newest head of the newest shard."""
    row = tx.execute(_HEAD).mappings().first()
    return None if row is None else AuditHead(**row)


def heads(tx: Transaction, shard: int) -> list[AuditHead]:
    """Return the heads kept of a shard, the oldest first."""
    statement = _HEADS.where(audit_heads.c.shard == shard).order_by(audit_heads.c.size)
    return [AuditHead(**row) for row in tx.execute(statement).mappings()]


def shards(tx: Transaction) -> list[AuditShard]:
    """Return all shards, the oldest first."""
    statement = select(audit_shards).order_by(audit_shards.c.number)
    return [AuditShard(**row) for row in tx.execute(statement).mappings()]


def announced(tx: Transaction, number: int, now: int) -> None:
    """Note that the members were told what was lost before a shard began."""
    shard = audit_shards.c.number == number
    tx.execute(update(audit_shards).where(shard).values(announced_at=now))


def total(tx: Transaction) -> int:
    """Return how many entries have a place, in all shards together."""
    newest = select(func.max(audit_heads.c.size).label("size")).group_by(audit_heads.c.shard)
    return tx.execute(select(func.sum(newest.subquery().c.size))).scalar() or 0


def erase(tx: Transaction, row_id: int) -> None:
    """Delete the bytes of an entry; its leaf stays."""
    tx.execute(update(audit_entries).where(audit_entries.c.row_id == row_id).values(entry=None))


def advance(
    tx: Transaction,
    *,
    expected: AuditHead | None,
    row_ids: Sequence[int],
    nodes: Sequence[Node],
    grown: AuditHead,
    opening: Opening | None = None,
) -> None:
    """Give the entries ``row_ids`` their places and set the head over them.

    Only if the newest head still is ``expected``; with ``opening``, in a shard of their own.
    Raises ConflictError ``audit_head_moved``.
    """
    lock(tx, SEQUENCER)
    current = head(tx)
    if _mark(current) != _mark(expected):
        raise ConflictError(
            "audit_head_moved", "somebody else gave entries of the audit log a place"
        )
    first = 0 if expected is None else expected.size
    if opening is not None:
        first = _open(tx, opening)
    numbered = first
    for low, high in _runs(row_ids):
        place = {"first": low, "last": high, "in_shard": grown.shard, "offset": numbered - low}
        numbered += tx.execute(_NUMBER, place).rowcount
    if numbered != first + len(row_ids) or numbered != grown.size:
        raise ConflictError("audit_head_moved", "an entry was given a place by somebody else")
    _NODES.run(tx, [(grown.shard, item.level, item.number, item.hash) for item in nodes])
    _set_head(tx, expected, grown)


def _open(tx: Transaction, opening: Opening) -> int:
    shard = opening.shard
    tx.execute(
        insert(audit_shards).values(
            number=shard.number,
            origin=shard.origin,
            opened_at=shard.opened_at,
            lost_since=shard.lost_since,
        )
    )
    tx.execute(
        insert(audit_entries).values(
            shard=shard.number,
            number=0,
            entry=opening.entry.entry,
            leaf_hash=opening.entry.leaf_hash,
        )
    )
    return 1


def _set_head(tx: Transaction, expected: AuditHead | None, grown: AuditHead) -> None:
    if expected is not None and _same_hour(expected, grown):
        tx.execute(
            _REPLACE,
            {
                "of": expected.shard,
                "before": expected.size,
                "grown": grown.size,
                "edge": grown.frontier,
                "note": grown.checkpoint,
                "at": grown.signed_at,
            },
        )
        return
    tx.execute(
        insert(audit_heads).values(
            shard=grown.shard,
            size=grown.size,
            frontier=grown.frontier,
            checkpoint=grown.checkpoint,
            signed_at=grown.signed_at,
        )
    )


def _same_hour(one: AuditHead, other: AuditHead) -> bool:
    hours = one.signed_at // HEAD_KEPT_S, other.signed_at // HEAD_KEPT_S
    return one.shard == other.shard and hours[0] == hours[1]


def _mark(head: AuditHead | None) -> tuple[int, int, bytes] | None:
    return None if head is None else (head.shard, head.size, head.checkpoint)


def _runs(row_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Cut rising row ids into runs without a gap: (first, last) of each."""
    runs: list[tuple[int, int]] = []
    for row_id in row_ids:
        if runs and row_id == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], row_id)
        else:
            runs.append((row_id, row_id))
    return runs
