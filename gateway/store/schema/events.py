"""What happened, for systems of the house, and how far each look at it is."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from gateway.store.schema.base import Row, metadata

events = Table(
    "events",
    metadata,
    Column("row_id", Row, primary_key=True),
    Column("type", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("noted_at", BigInteger, nullable=False),
    Column("once", LargeBinary(32), unique=True),
    Column("sender", String(32), nullable=False),
    Column("message_id", LargeBinary(16)),
    Column("case_id", LargeBinary(16)),
    Column("member", String(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("code", String(64), nullable=False),
    Column("due_at", BigInteger),
    Index(None, "noted_at"),
)

event_cursors = Table(
    "event_cursors",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", String(64), nullable=False),
)
