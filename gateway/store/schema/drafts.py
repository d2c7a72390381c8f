"""Drafts that wait for a second person, and the attachments that they name."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from gateway.store.schema.base import Row, metadata

drafts = Table(
    "drafts",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("message_id", LargeBinary(16), nullable=False, unique=True),
    Column("case_id", LargeBinary(16), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("drafter", String(64), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("drafted_at", BigInteger, nullable=False),
    Column("release_until", BigInteger, nullable=False),
    Column("decided_by", String(64), nullable=False),
    Column("decided_at", BigInteger),
    Column("draft_digest", LargeBinary(32), nullable=False, unique=True),
    Column("storage_key_id", LargeBinary(32)),
    Column("record", LargeBinary),
    Index(None, "state", "row_id"),
    Index(None, "case_id"),
)

draft_blobs = Table(
    "draft_blobs",
    metadata,
    Column("draft_row", Row, ForeignKey("drafts.row_id"), primary_key=True),
    Column("blob_row", Row, ForeignKey("blobs.row_id"), primary_key=True),
    Index(None, "blob_row"),
)
