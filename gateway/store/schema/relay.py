"""What is carried and kept for others, and what our relays carry for us."""

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

relayed = Table(
    "relayed",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("envelope_id", LargeBinary(32), nullable=False, unique=True),
    Column("header", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

custody = Table(
    "custody",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("relayed_row", Row, ForeignKey("relayed.row_id")),
    Column("envelope_id", LargeBinary(32), nullable=False),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("recipient", String(32), nullable=False),
    Column("previous_hop", String(32), nullable=False),
    Column("hops", String(70), nullable=False),
    Column("stanza_digest", LargeBinary(32), nullable=False),
    Column("seal_kid", LargeBinary(32), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("sealed_bytes", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("custodian", String(32), nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("outcome", LargeBinary),
    Column("return_due_at", BigInteger),
    UniqueConstraint("envelope_id", "recipient", "stanza_digest", "previous_hop"),
    Index(None, "recipient", "state", "rank", "due_at"),
    Index(None, "previous_hop", "return_due_at"),
    Index(None, "expires_at"),
    partial("ix_custody_leased", "due_at", "state = 'leased'"),
    partial("ix_custody_held", "expires_at", "relayed_row IS NOT NULL"),
    Index(None, "relayed_row"),
)

relayed_blobs = Table(
    "relayed_blobs",
    metadata,
    Column("relayed_row", Row, ForeignKey("relayed.row_id"), primary_key=True),
    Column("blob_row", Row, ForeignKey("blobs.row_id"), primary_key=True),
    Index(None, "blob_row"),
)

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("recipient", String(32), primary_key=True),
    Column("copies", BigInteger, nullable=False),
    Column("sealed_bytes", BigInteger, nullable=False),
)

carried = Table(
    "carried",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("member", String(32), nullable=False),
    Column("envelope_id", LargeBinary(32), nullable=False),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("stanza_digest", LargeBinary(32), nullable=False),
    Column("refusal", LargeBinary),
    Column("keep_until", BigInteger, nullable=False),
    UniqueConstraint("member", "envelope_id", "stanza_digest"),
    Index(None, "keep_until"),
)
