"""Threads as they were folded last, what was decided about cases, and the nomenclature."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from gateway.store.schema.base import Row, metadata

threads = Table(
    "threads",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("case_id", LargeBinary(16), nullable=False),
    Column("asker", String(32), nullable=False),
    Column("asked", String(32), nullable=False),
    Column("request_row", Row, nullable=False),
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
    Column("remind_at", BigInteger, nullable=False, server_default=text(str(2**53 - 1))),
    Column("review_at", BigInteger, nullable=False, server_default=text(str(2**53 - 1))),
    UniqueConstraint("case_id", "asker", "asked"),
    Index(None, "due_at", "row_id"),
    Index(None, "request_row"),
    Index(None, "remind_at"),
    Index(None, "lapses_at"),
    Index(None, "review_at"),
)

case_folding = Table(
    "case_folding",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("folded_row", Row, nullable=False),
    Column("terms", LargeBinary(32), nullable=False),
)

retentions = Table(
    "retentions",
    metadata,
    Column("case_id", LargeBinary(16), primary_key=True),
    Column("unit", String(64), nullable=False),
    Column("standing", String(16), nullable=False),
    Column("stands_by", String(128), nullable=False),
    Column("stands_since", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("reference", String(64), nullable=False),
    Column("keep_until", BigInteger, nullable=False),
    Column("kept_by", String(128), nullable=False),
    Column("kept_at", BigInteger, nullable=False),
    Column("kept_reason", String(16), nullable=False),
    Column("kept_reference", String(64), nullable=False),
    Index(None, "standing", "case_id"),
    Index(None, "stands_since"),
    Index(None, "kept_at"),
    Index(None, "keep_until"),
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
