"""What of others' content was passed on, and sizes by which the same file is found."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table, empty, and the index."""
    op.create_index(op.f("ix_blobs_sealed_bytes"), "blobs", ["sealed_bytes"])
    op.create_table(
        "disclosures",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("envelope_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=32), nullable=False),
        sa.Column("carrier_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("consent_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("disclosed_at", sa.BigInteger(), nullable=False),
        sa.Column("notice_due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_disclosures")),
        sa.UniqueConstraint(
            "carrier_id", "sender", "message_id", "recipient",
            name=op.f("uq_disclosures_carrier_id_sender_message_id_recipient"),
        ),
    )  # fmt: skip
    op.create_index(
        op.f("ix_disclosures_sender_message_id"), "disclosures", ["sender", "message_id"]
    )
    due = sa.text("notice_due_at IS NOT NULL")
    op.create_index(
        "ix_disclosures_due",
        "disclosures",
        ["notice_due_at"],
        sqlite_where=due,
        postgresql_where=due,
    )
