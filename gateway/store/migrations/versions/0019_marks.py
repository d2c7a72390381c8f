"""What senders took back or corrected, and what was given as evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "marks",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("marked_by", sa.LargeBinary(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_marks")),
        sa.UniqueConstraint("sender", "marked_by", name=op.f("uq_marks_sender_marked_by")),
    )
    op.create_index(op.f("ix_marks_sender_message_id"), "marks", ["sender", "message_id"])
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_marks_due", "marks", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "exhibited",
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "message_id", name=op.f("pk_exhibited")),
    )
