"""Others' logs: what was cosigned, seen, and found wrong."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from gateway.store.schema.base import Row, metadata

witnessed_heads = Table(
    "witnessed_heads",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
)

cosigned_logs = Table(
    "cosigned_logs",
    metadata,
    Column("origin_digest", LargeBinary(32), primary_key=True),
    Column("origin", String(255), nullable=False),
    Column("member", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Index(None, "member"),
)

log_heads = Table(
    "log_heads",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("member", String(32), nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("proof", LargeBinary, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("shown_by", String(32), nullable=False),
    Index(None, "member"),
)

log_alarms = Table(
    "log_alarms",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("member", String(32), nullable=False),
    Column("origin", String(255), nullable=False),
    Column("verdict", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("known", LargeBinary),
    Column("shown", LargeBinary, nullable=False),
    Column("alarm_digest", LargeBinary(32), nullable=False, unique=True),
    Column("seen_at", BigInteger, nullable=False),
    Column("found_by", String(128), nullable=False),
    Index(None, "member"),
)

split_views = Table(
    "split_views",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("origin", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("head_a", LargeBinary, nullable=False),
    Column("head_b", LargeBinary, nullable=False),
    Column("pair_digest", LargeBinary(32), nullable=False, unique=True),
    Column("seen_at", BigInteger, nullable=False),
    Column("found_by", String(128), nullable=False),
    Column("proof", LargeBinary),
)
