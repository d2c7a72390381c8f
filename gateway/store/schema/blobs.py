"""Attachments: what is stored, and to which message it belongs."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from gateway.store.schema.base import Row, metadata, partial

blobs = Table(
    "blobs",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("location", String(32), nullable=False, unique=True),
    Column("blob_id", LargeBinary(32)),
    Column("origin", String(32), nullable=False),
    Column("sealed_bytes", BigInteger, nullable=False),
    Column("segment_list", LargeBinary),
    Column("stored_at", BigInteger, nullable=False),
    Column("complete_at", BigInteger),
    Column("named_at", BigInteger),
    Column("upload_id", LargeBinary(16), unique=True),
    Column("storage_key_id", LargeBinary(32)),
    Column("wrapped_key", LargeBinary),
    Column("record", LargeBinary),
    UniqueConstraint("blob_id", "origin"),
    Index(None, "named_at", "stored_at"),
    Index(None, "sealed_bytes"),
)

message_blobs = Table(
    "message_blobs",
    metadata,
    Column("message_row", Row, ForeignKey("messages.row_id"), primary_key=True),
    Column("blob_row", Row, ForeignKey("blobs.row_id"), primary_key=True),
    Index(None, "blob_row"),
)

segments = Table(
    "segments",
    metadata,
    Column("blob_row", Row, ForeignKey("blobs.row_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
)

attached = Table(
    "attached",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("message_row", Row, ForeignKey("messages.row_id"), nullable=False),
    Column("blob_id", LargeBinary(32), nullable=False),
    Column("origin", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    UniqueConstraint("message_row", "blob_id"),
    partial("ix_attached_pending", "due_at", "state = 'pending'"),
    partial("ix_attached_open", "expires_at", "state IN ('pending', 'on_demand')"),
)
