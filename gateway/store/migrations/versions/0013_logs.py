"""Other members' logs: what was cosigned of each, the heads that were seen, and what is wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "cosigned_logs",
        sa.Column("origin_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin_digest", name=op.f("pk_cosigned_logs")),
    )
    op.create_table(
        "log_heads",
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("shown_by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name=op.f("pk_log_heads")),
    )
    op.create_table(
        "log_alarms",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("verdict", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("known", sa.LargeBinary(), nullable=True),
        sa.Column("shown", sa.LargeBinary(), nullable=False),
        sa.Column("alarm_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("found_by", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_log_alarms")),
        sa.UniqueConstraint("alarm_digest", name=op.f("uq_log_alarms_alarm_digest")),
    )
    for table in ("cosigned_logs", "log_heads", "log_alarms"):
        op.create_index(op.f(f"ix_{table}_member"), table, ["member"])
