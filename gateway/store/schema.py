"""The tables. Which columns are clear at rest is said in SPEC "At rest".

Times are UTC seconds; ids and digests are bytes; states are the words of the vocabulary.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

REVISION: Final = "0019"
"""The newest migration; ``serve`` compares it without loading alembic."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Row = BigInteger().with_variant(Integer, "sqlite")


def _partial(name: str, column: str, where: str) -> Index:
    """Return an index of few rows: it costs nothing where a row is not among them."""
    return Index(name, column, sqlite_where=text(where), postgresql_where=text(where))


messages = Table(
    "messages",
    metadata,
    Column("row_id", _Row, primary_key=True),
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
    UniqueConstraint("message_id", "sender"),
    Index(None, "case_id", "sender", "seq"),
    Index(None, "direction", "row_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("row_id", _Row, primary_key=True),
    Column("message_row", _Row, ForeignKey("messages.row_id"), nullable=False),
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
    _partial("ix_outbox_leased", "due_at", "state IN ('sending', 'in_custody')"),
    _partial("ix_outbox_dead", "row_id", "state IN ('failed', 'expired', 'withdrawn')"),
)

sealings = Table(
    "sealings",
    metadata,
    Column("row_id", _Row, primary_key=True),
    Column("outbox_row", _Row, ForeignKey("outbox.row_id"), nullable=False),
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

relayed = Table(
    "relayed",
    metadata,
    Column("row_id", _Row, primary_key=True),
    Column("envelope_id", LargeBinary(32), nullable=False, unique=True),
    Column("header", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

custody = Table(
    "custody",
    metadata,
    Column("row_id", _Row, primary_key=True),
    Column("relayed_row", _Row, ForeignKey("relayed.row_id")),
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
    _partial("ix_custody_leased", "due_at", "state = 'leased'"),
    _partial("ix_custody_held", "expires_at", "relayed_row IS NOT NULL"),
    Index(None, "relayed_row"),
)

relayed_blobs = Table(
    "relayed_blobs",
    metadata,
    Column("relayed_row", _Row, ForeignKey("relayed.row_id"), primary_key=True),
    Column("blob_row", _Row, ForeignKey("blobs.row_id"), primary_key=True),
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
    Column("row_id", _Row, primary_key=True),
    Column("member", String(32), nullable=False),
    Column("envelope_id", LargeBinary(32), nullable=False),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("stanza_digest", LargeBinary(32), nullable=False),
    Column("refusal", LargeBinary),
    Column("keep_until", BigInteger, nullable=False),
    UniqueConstraint("member", "envelope_id", "stanza_digest"),
    Index(None, "keep_until"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("row_id", _Row, primary_key=True),
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
    Column("message_row", _Row, ForeignKey("messages.row_id"), primary_key=True),
    Column("blob_row", _Row, ForeignKey("blobs.row_id"), primary_key=True),
    Index(None, "blob_row"),
)

segments = Table(
    "segments",
    metadata,
    Column("blob_row", _Row, ForeignKey("blobs.row_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
)

attached = Table(
    "attached",
    metadata,
    Column("row_id", _Row, primary_key=True),
    Column("message_row", _Row, ForeignKey("messages.row_id"), nullable=False),
    Column("blob_id", LargeBinary(32), nullable=False),
    Column("origin", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    UniqueConstraint("message_row", "blob_id"),
    _partial("ix_attached_pending", "due_at", "state = 'pending'"),
    _partial("ix_attached_open", "expires_at", "state IN ('pending', 'on_demand')"),
)

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
    Column("row_id", _Row, primary_key=True),
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
    Column("row_id", _Row, primary_key=True),
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
    Column("row_id", _Row, primary_key=True),
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
    Column("row_id", _Row, primary_key=True),
    Column("origin", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("head_a", LargeBinary, nullable=False),
    Column("head_b", LargeBinary, nullable=False),
    Column("pair_digest", LargeBinary(32), nullable=False, unique=True),
    Column("seen_at", BigInteger, nullable=False),
    Column("found_by", String(128), nullable=False),
    Column("proof", LargeBinary),
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

threads = Table(
    "threads",
    metadata,
    Column("row_id", _Row, primary_key=True),
    Column("case_id", LargeBinary(16), nullable=False),
    Column("asker", String(32), nullable=False),
    Column("asked", String(32), nullable=False),
    Column("request_row", _Row, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("oral_to_be_confirmed", Boolean, nullable=False),
    Column("recalled", Integer, nullable=False),
    Column("out_of_order", Integer, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("due_task", String(16), nullable=False),
    Column("due_by", String(32), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("lapses_at", BigInteger, nullable=False),
    UniqueConstraint("case_id", "asker", "asked"),
    Index(None, "due_at", "row_id"),
    Index(None, "request_row"),
)

case_folding = Table(
    "case_folding",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("folded_row", _Row, nullable=False),
    Column("terms", LargeBinary(32), nullable=False),
)

hs_editions = Table(
    "hs_editions",
    metadata,
    Column("edition", String(4), primary_key=True),
    Column("file_digest", LargeBinary(32), nullable=False),
    Column("codes", Integer, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
)

hs_codes = Table(
    "hs_codes",
    metadata,
    Column("edition", String(4), primary_key=True),
    Column("code", String(6), primary_key=True),
    Column("description", String(1000), nullable=False),
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("row_id", _Row, primary_key=True),
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
    _partial("ix_disclosures_due", "notice_due_at", "notice_due_at IS NOT NULL"),
)

marks = Table(
    "marks",
    metadata,
    Column("row_id", _Row, primary_key=True),
    Column("sender", String(32), nullable=False),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("marked_by", LargeBinary(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    UniqueConstraint("sender", "marked_by"),
    Index(None, "sender", "message_id"),
    _partial("ix_marks_due", "due_at", "due_at IS NOT NULL"),
)

exhibited = Table(
    "exhibited",
    metadata,
    Column("sender", String(32), primary_key=True),
    Column("message_id", LargeBinary(16), primary_key=True),
    Column("since", BigInteger, nullable=False),
)
