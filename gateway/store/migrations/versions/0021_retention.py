"""What stays of a purged message, what was decided about a case, and when threads are reviewed."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, empty, and the columns; threads are folded again with the first list."""
    op.add_column("messages", sa.Column("purged_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "threads",
        sa.Column(
            "review_at", sa.BigInteger(), nullable=False, server_default=sa.text(str(2**53 - 1))
        ),
    )
    op.create_table(
        "tombstones",
        sa.Column("message_row", _row(), nullable=False),
        sa.Column("signed", sa.LargeBinary(length=136), nullable=False),
        sa.Column("payload_digest", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_row"], ["messages.row_id"], name=op.f("fk_tombstones_message_row_messages")
        ),
        sa.PrimaryKeyConstraint("message_row", name=op.f("pk_tombstones")),
    )
    op.create_table(
        "retentions",
        sa.Column("case_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("stands_by", sa.String(length=128), nullable=False),
        sa.Column("stands_since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("keep_until", sa.BigInteger(), nullable=False),
        sa.Column("kept_by", sa.String(length=128), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_reason", sa.String(length=16), nullable=False),
        sa.Column("kept_reference", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_retentions")),
    )
    op.create_index(op.f("ix_retentions_standing_case_id"), "retentions", ["standing", "case_id"])
