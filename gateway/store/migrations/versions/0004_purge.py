"""Which message names which attachment: a purge lets go what only purged messages name."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from gateway.protocol.envelope import parse_header

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the links, and make those of the messages that are stored."""
    row = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "message_blobs",
        sa.Column("message_row", row, nullable=False),
        sa.Column("blob_row", row, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_row"], ["messages.row_id"], name=op.f("fk_message_blobs_message_row")
        ),
        sa.ForeignKeyConstraint(
            ["blob_row"], ["blobs.row_id"], name=op.f("fk_message_blobs_blob_row")
        ),
        sa.PrimaryKeyConstraint("message_row", "blob_row", name=op.f("pk_message_blobs")),
    )
    op.create_index(op.f("ix_message_blobs_blob_row"), "message_blobs", ["blob_row"])
    database = op.get_bind()
    stored = sa.text("SELECT row_id, header FROM messages WHERE attachments > 0")
    _link(database, database.execute(stored).all())


def _link(database: sa.Connection, stored: Iterable[sa.Row[Any]]) -> None:
    link = sa.text(
        "INSERT INTO message_blobs (message_row, blob_row) SELECT :message_row, row_id FROM blobs "
        "WHERE blob_id = :blob_id AND named_at IS NOT NULL"
    )
    for row in stored:
        for blob_id in {blob.blob_id for blob in parse_header(row.header).blobs}:
            database.execute(link, {"message_row": row.row_id, "blob_id": blob_id})
