"""What shows that two heads exclude each other, and what members named of the registry."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("split_views", sa.Column("proof", sa.LargeBinary(), nullable=True))
    op.create_table(
        "registry_views",
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_registry_views")),
    )
