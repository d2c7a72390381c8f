"""The first cosigned head over each recovery."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "recovery_heads",
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("proposal", sa.LargeBinary(length=32), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_recovery_heads")),
    )
