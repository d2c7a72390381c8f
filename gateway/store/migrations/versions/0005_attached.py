"""Attachments of received messages that come after their receipt."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _partial(name: str, table: str, column: str, where: str) -> None:
    chosen = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=chosen, postgresql_where=chosen)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "attached",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("message_row", _row(), nullable=False),
        sa.Column("blob_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("origin", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_row"], ["messages.row_id"], name=op.f("fk_attached_message_row")
        ),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_attached")),
        sa.UniqueConstraint("message_row", "blob_id", name=op.f("uq_attached_message_row_blob_id")),
    )
    _partial("ix_attached_pending", "attached", "due_at", "state = 'pending'")
    _partial("ix_attached_open", "attached", "expires_at", "state IN ('pending', 'on_demand')")
