"""What a node cosigned as a witness, the vetoes it holds, and the split views it has seen."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "witnessed_heads",
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name=op.f("pk_witnessed_heads")),
    )
    op.create_table(
        "split_views",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("head_a", sa.LargeBinary(), nullable=False),
        sa.Column("head_b", sa.LargeBinary(), nullable=False),
        sa.Column("pair_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("found_by", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_split_views")),
        sa.UniqueConstraint("pair_digest", name=op.f("uq_split_views_pair_digest")),
    )
    op.create_table(
        "vetoes",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("proposal", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("passed_on_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_vetoes")),
    )
