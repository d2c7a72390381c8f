"""The audit log in shards, with its inner hashes, and the heads that witnesses cosigned."""

import sqlalchemy as sa
from alembic import op

from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.merkle import Frontier
from keys.tlog.nodes import completed_nodes

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ROWS = 4096
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make what there is the first shard, and of its heads keep the newest."""
    op.create_table(
        "audit_shards",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_shards")),
        sa.UniqueConstraint("origin", name=op.f("uq_audit_shards_origin")),
    )
    op.create_table(
        "audit_nodes",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("shard", "level", "number", name=op.f("pk_audit_nodes")),
    )
    op.create_table(
        "cosigned_heads",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("witnessed_at", sa.BigInteger(), nullable=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "size", name=op.f("pk_cosigned_heads")),
    )
    newest = _newest_head()
    with op.batch_alter_table("audit_entries") as table:
        table.add_column(sa.Column("shard", sa.Integer(), nullable=True))
        table.alter_column("entry", existing_type=sa.LargeBinary(), nullable=True)
        table.drop_constraint(op.f("uq_audit_entries_number"), type_="unique")
        table.create_unique_constraint(op.f("uq_audit_entries_shard_number"), ["shard", "number"])
    op.drop_table("audit_heads")
    op.create_table(
        "audit_heads",
        sa.Column("row_id", _BIG, nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_audit_heads")),
        sa.UniqueConstraint("shard", "size", name=op.f("uq_audit_heads_shard_size")),
    )
    if newest is not None:
        _fill(*newest)


def _newest_head() -> tuple[int, bytes, bytes] | None:
    statement = "SELECT size, frontier, checkpoint FROM audit_heads ORDER BY size DESC LIMIT 1"
    row = op.get_bind().execute(sa.text(statement)).first()
    return None if row is None else (row[0], bytes(row[1]), bytes(row[2]))


def _fill(size: int, frontier: bytes, checkpoint: bytes) -> None:
    connection = op.get_bind()
    run = connection.execute
    origin = parse_checkpoint(checkpoint).origin
    run(sa.text("INSERT INTO audit_shards VALUES (0, :origin, 0)"), {"origin": origin})
    run(sa.text("UPDATE audit_entries SET shard = 0 WHERE number IS NOT NULL"))
    run(
        sa.text(
            "INSERT INTO audit_heads (shard, size, frontier, checkpoint, signed_at)"
            " VALUES (0, :size, :frontier, :checkpoint, 0)"
        ),
        {"size": size, "frontier": frontier, "checkpoint": checkpoint},
    )
    grown = Frontier()
    leaves = (
        "SELECT leaf_hash FROM audit_entries WHERE number >= :a AND number < :b ORDER BY number"
    )
    for start in range(0, size, _ROWS):
        rows = run(sa.text(leaves), {"a": start, "b": start + _ROWS}).all()
        grown, nodes = completed_nodes(grown, [bytes(row[0]) for row in rows])
        if nodes:
            values = [{"l": item.level, "n": item.number, "h": item.hash} for item in nodes]
            run(sa.text("INSERT INTO audit_nodes VALUES (0, :l, :n, :h)"), values)
