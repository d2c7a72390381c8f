"""The audit log's entries and heads.

An act appends its entries without a number, in its own transaction; the sequencer numbers them in
the order of their rows, in the transaction that compares-and-sets the head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, select, update

from gateway.errors import ConflictError
from gateway.store.database import Transaction
from gateway.store.engine import SEQUENCER, lock
from gateway.store.rows import InsertRows
from gateway.store.schema import audit_entries, audit_heads

# Statements of the fast path are built once: building costs more than running them.
_APPEND = InsertRows(audit_entries, ("entry", "leaf_hash"))
_HEAD = select(audit_heads).order_by(audit_heads.c.size.desc()).limit(1)
_UNSEQUENCED = (
    select(audit_entries.c.row_id, audit_entries.c.leaf_hash)
    .where(audit_entries.c.number.is_(None))
    .order_by(audit_entries.c.row_id)
    .limit(bindparam("most"))
)
_NUMBER = (
    update(audit_entries)
    .where(
        audit_entries.c.row_id.between(bindparam("first"), bindparam("last")),
        audit_entries.c.number.is_(None),
    )
    .values(number=audit_entries.c.row_id + bindparam("offset"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to append: its bytes and leaf hash (32 bytes)."""

    entry: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry with its row; ``number`` is its place in the log, None until it is sequenced."""

    row_id: int
    number: int | None
    entry: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The log's size, the frontier it grows from, and its signed checkpoint."""

    size: int
    frontier: bytes
    checkpoint: bytes


def append(tx: Transaction, entries: Sequence[NewEntry]) -> None:
    """Append entries, in their order, to be sequenced soon."""
    if entries:
        _APPEND.run(tx, [(item.entry, item.leaf_hash) for item in entries])


def unsequenced(tx: Transaction, limit: int) -> list[tuple[int, bytes]]:
    """Return the oldest entries without a number: (row, leaf hash) of each."""
    found = tx.execute(_UNSEQUENCED, {"most": limit})
    return [(row_id, leaf_hash) for row_id, leaf_hash in found]


def head(tx: Transaction) -> AuditHead | None:
    """Return the newest head."""
    row = tx.execute(_HEAD).mappings().first()
    return None if row is None else AuditHead(**row)


def heads(tx: Transaction) -> list[AuditHead]:
    """Return all heads, the oldest first."""
    statement = select(audit_heads).order_by(audit_heads.c.size)
    return [AuditHead(**row) for row in tx.execute(statement).mappings()]


def advance(
    tx: Transaction, *, expected_size: int, row_ids: Sequence[int], grown: AuditHead
) -> None:
    """Give the entries ``row_ids`` their numbers and set the head over them.

    Only if the head still has ``expected_size``. Raises ConflictError ``audit_head_moved``.
    """
    lock(tx, SEQUENCER)
    current = tx.execute(select(func.max(audit_heads.c.size))).scalar() or 0
    if current != expected_size or grown.size != expected_size + len(row_ids):
        raise ConflictError("audit_head_moved", f"the audit log has {current} entries by now")
    numbered = 0
    for first, last in _runs(row_ids):
        place = {"first": first, "last": last, "offset": expected_size + numbered - first}
        numbered += tx.execute(_NUMBER, place).rowcount
    if numbered != len(row_ids):
        raise ConflictError("audit_head_moved", "an entry was numbered by somebody else")
    tx.execute(
        insert(audit_heads).values(
            size=grown.size, frontier=grown.frontier, checkpoint=grown.checkpoint
        )
    )


def _runs(row_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Cut rising row ids into runs without a gap: (first, last) of each."""
    runs: list[tuple[int, int]] = []
    for row_id in row_ids:
        if runs and row_id == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], row_id)
        else:
            runs.append((row_id, row_id))
    return runs


def entries(tx: Transaction, start: int, end: int) -> list[StoredEntry]:
    """Return the sequenced entries ``start`` to ``end`` (exclusive)."""
    statement = (
        select(audit_entries)
        .where(audit_entries.c.number >= start, audit_entries.c.number < end)
        .order_by(audit_entries.c.number)
    )
    return [StoredEntry(**row) for row in tx.execute(statement).mappings()]


def waiting(tx: Transaction) -> int:
    """Return how many entries have no number yet."""
    statement = select(func.count()).where(audit_entries.c.number.is_(None))
    return tx.execute(statement.select_from(audit_entries)).scalar() or 0
