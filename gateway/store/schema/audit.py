"""This node's own audit log."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, UniqueConstraint

from gateway.store.schema.base import Row, metadata

audit_shards = Table(
    "audit_shards",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("origin", String(255), nullable=False, unique=True),
    Column("opened_at", BigInteger, nullable=False),
    Column("lost_since", BigInteger),
    Column("announced_at", BigInteger),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("shard", Integer),
    Column("number", BigInteger),
    Column("entry", LargeBinary),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    UniqueConstraint("shard", "number"),
)

audit_nodes = Table(
    "audit_nodes",
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("signed_at", BigInteger, nullable=False),
    UniqueConstraint("shard", "size"),
)

cosigned_heads = Table(
    "cosigned_heads",
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("witnessed_at", BigInteger),
    Column("stored_at", BigInteger, nullable=False),
    Column("named_at", BigInteger),
)
