"""The registry as mirrored, and what hangs on it."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from gateway.store.schema.base import metadata

registry_statements = Table(
    "registry_statements",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
)

registry_head = Table(
    "registry_head",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
)

registry_views = Table(
    "registry_views",
    metadata,
    Column("member", String(32), primary_key=True),
    Column("size", BigInteger, nullable=False),
)

vetoes = Table(
    "vetoes",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("member", String(32), nullable=False),
    Column("proposal", LargeBinary(32), nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    Column("passed_on_at", BigInteger),
)

recovery_heads = Table(
    "recovery_heads",
    metadata,
    Column("member", String(32), primary_key=True),
    Column("proposal", LargeBinary(32), nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
)

cards = Table(
    "cards",
    metadata,
    Column("member", String(32), primary_key=True),
    Column("serial", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),
)

card_keys = Table(
    "card_keys",
    metadata,
    Column("key_id", LargeBinary(32), primary_key=True),
    Column("member", String(32), nullable=False),
    Column("signer_kid", LargeBinary(32), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Index(None, "end"),
)
