"""What media brought, so that the next one takes the receipts back; when a row was exported."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the copies that media brought, and note exports beside the rows of the outbox."""
    op.add_column("outbox", sa.Column("exported_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "carried",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("envelope_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("stanza_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("refusal", sa.LargeBinary(), nullable=True),
        sa.Column("keep_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_carried")),
        sa.UniqueConstraint(
            "member",
            "envelope_id",
            "stanza_digest",
            name=op.f("uq_carried_member_envelope_id_stanza_digest"),
        ),
    )
    op.create_index(op.f("ix_carried_keep_until"), "carried", ["keep_until"])
