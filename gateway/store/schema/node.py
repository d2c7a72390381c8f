"""What the node remembers of itself and of its callers."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from gateway.store.schema.base import metadata

storage_keys = Table(
    "storage_keys",
    metadata,
    Column("key_id", LargeBinary(32), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

configurations = Table(
    "configurations",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("version", String(64), nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_digest", LargeBinary(32), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    Index(None, "stored_at"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("label", String(32), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("roles", String(64), nullable=False),
    Column("unit", String(64)),
    Column("created_by", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)
