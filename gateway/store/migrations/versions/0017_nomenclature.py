"""Editions of the Harmonized System, and their codes."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "hs_editions",
        sa.Column("edition", sa.String(length=4), nullable=False),
        sa.Column("file_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("edition", name=op.f("pk_hs_editions")),
    )
    op.create_table(
        "hs_codes",
        sa.Column("edition", sa.String(length=4), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("description", sa.String(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("edition", "code", name=op.f("pk_hs_codes")),
    )
