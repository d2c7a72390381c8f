"""What rows were sealed as before, and which sealing keys the cards list."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "sealings",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("outbox_row", _row(), nullable=False),
        sa.Column("recipient", sa.String(length=32), nullable=False),
        sa.Column("envelope_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tbs_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seal_kid", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signed", sa.LargeBinary(length=136), nullable=False),
        sa.ForeignKeyConstraint(
            ["outbox_row"], ["outbox.row_id"], name=op.f("fk_sealings_outbox_row")
        ),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_sealings")),
        sa.UniqueConstraint(
            "outbox_row",
            "envelope_id",
            "seal_kid",
            name=op.f("uq_sealings_outbox_row_envelope_id_seal_kid"),
        ),
    )
    op.create_index(
        op.f("ix_sealings_envelope_id_recipient"), "sealings", ["envelope_id", "recipient"]
    )
    op.create_table(
        "card_keys",
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("member", sa.String(length=32), nullable=False),
        sa.Column("signer_kid", sa.LargeBinary(length=32), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_card_keys")),
    )
    op.create_index(op.f("ix_card_keys_end"), "card_keys", ["end"])
