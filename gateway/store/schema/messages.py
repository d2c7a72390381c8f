"""Messages and their deliveries, and what follows from handling."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
)

from gateway.store.schema.base import Row, metadata, partial

messages = Table(
    "messages",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("direction", String(3), nullable=False),
    Column("sender", String(32), nullable=False),
    Column("on_behalf_of", String(32), nullable=False, server_default=""),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("case_id", LargeBinary(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("in_reply_to", String(65), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attachments", Integer, nullable=False),
    Column("envelope_id", LargeBinary(32), nullable=False),
    Column("tbs_digest", LargeBinary(32), nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("storage_key_id", LargeBinary(32), nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("acknowledged_at", BigInteger),
    Column("receipt", LargeBinary),
    Column("purged_at", BigInteger),
    UniqueConstraint("message_id", "sender"),
    Index(None, "case_id", "sender", "seq"),
    Index(None, "direction", "row_id"),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("message_row", Row, ForeignKey("messages.row_id"), primary_key=True),
    Column("signed", LargeBinary(136), nullable=False),
    Column("payload_digest", LargeBinary(32), nullable=False),
    Column("part", Boolean, nullable=False, server_default=false()),
)

outbox = Table(
    "outbox",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("message_row", Row, ForeignKey("messages.row_id"), nullable=False),
    Column("recipient", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("custodian", String(32), nullable=False),
    Column("seal_kid", LargeBinary(32)),
    Column("wrapped", LargeBinary),
    Column("settled_at", BigInteger),
    Column("receipt", LargeBinary),
    Column("exported_at", BigInteger),
    Column("offered_again_at", BigInteger),
    Column("receipt_again", LargeBinary),
    UniqueConstraint("message_row", "recipient"),
    Index(None, "recipient", "state", "rank", "due_at"),
    Index(None, "settled_at", "expires_at"),
    partial("ix_outbox_leased", "due_at", "state IN ('sending', 'in_custody')"),
    partial("ix_outbox_dead", "row_id", "state IN ('failed', 'expired', 'withdrawn')"),
)

sealings = Table(
    "sealings",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("outbox_row", Row, ForeignKey("outbox.row_id"), nullable=False),
    Column("recipient", String(32), nullable=False),
    Column("envelope_id", LargeBinary(32), nullable=False),
    Column("tbs_digest", LargeBinary(32), nullable=False),
    Column("seal_kid", LargeBinary(32), nullable=False),
    Column("signed", LargeBinary(136), nullable=False),
    UniqueConstraint("outbox_row", "envelope_id", "seal_kid"),
    Index(None, "envelope_id", "recipient"),
)

restorations = Table(
    "restorations",
    metadata,
    Column("member", String(32), primary_key=True),
    Column("shard", String(16), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("position", BigInteger),
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("sender", String(32), nullable=False),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("envelope_id", LargeBinary(32), nullable=False),
    Column("recipient", String(32), nullable=False),
    Column("carrier_id", LargeBinary(16), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("consent_id", LargeBinary(16)),
    Column("disclosed_at", BigInteger, nullable=False),
    Column("notice_due_at", BigInteger),
    UniqueConstraint("carrier_id", "sender", "message_id", "recipient"),
    Index(None, "sender", "message_id"),
    partial("ix_disclosures_due", "notice_due_at", "notice_due_at IS NOT NULL"),
)

marks = Table(
    "marks",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("sender", String(32), nullable=False),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("marked_by", LargeBinary(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    UniqueConstraint("sender", "marked_by"),
    Index(None, "sender", "message_id"),
    partial("ix_marks_due", "due_at", "due_at IS NOT NULL"),
)

exhibited = Table(
    "exhibited",
    metadata,
    Column("sender", String(32), primary_key=True),
    Column("message_id", LargeBinary(16), primary_key=True),
    Column("since", BigInteger, nullable=False),
)
