"""What a restore needs: where a log lost entries, to whom mail is offered again, both receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("audit_shards", sa.Column("lost_since", sa.BigInteger(), nullable=True))
    op.add_column("audit_shards", sa.Column("announced_at", sa.BigInteger(), nullable=True))
    op.add_column("cosigned_heads", sa.Column("named_at", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("offered_again_at", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("receipt_again", sa.LargeBinary(), nullable=True))
    op.create_table(
        "restorations",
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("shard", sa.String(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_restorations")),
    )
