"""Threads: a copy of what cases fold to, for lists of what is due."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, empty: they are filled from the messages when somebody asks."""
    op.create_table(
        "threads",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("case_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("asker", sa.String(length=32), nullable=False),
        sa.Column("asked", sa.String(length=32), nullable=False),
        sa.Column("request_row", _row(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("oral_to_be_confirmed", sa.Boolean(), nullable=False),
        sa.Column("recalled", sa.Integer(), nullable=False),
        sa.Column("out_of_order", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("due_task", sa.String(length=16), nullable=False),
        sa.Column("due_by", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_threads")),
        sa.UniqueConstraint(
            "case_id", "asker", "asked", name=op.f("uq_threads_case_id_asker_asked")
        ),
    )
    op.create_index(op.f("ix_threads_due_at_row_id"), "threads", ["due_at", "row_id"])
    op.create_index(op.f("ix_threads_request_row"), "threads", ["request_row"])
    op.create_table(
        "case_folding",
        sa.Column("only", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("folded_row", _row(), nullable=False),
        sa.Column("terms", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_case_folding")),
    )
