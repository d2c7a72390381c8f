"""Drafts that wait for a second person, and the attachments that they name."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "drafts",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("case_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("drafter", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("drafted_at", sa.BigInteger(), nullable=False),
        sa.Column("release_until", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("draft_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("storage_key_id", sa.LargeBinary(length=32), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_drafts")),
        sa.UniqueConstraint("message_id", name=op.f("uq_drafts_message_id")),
        sa.UniqueConstraint("draft_digest", name=op.f("uq_drafts_draft_digest")),
    )
    op.create_index(op.f("ix_drafts_state_row_id"), "drafts", ["state", "row_id"])
    op.create_index(op.f("ix_drafts_case_id"), "drafts", ["case_id"])
    op.create_table(
        "draft_blobs",
        sa.Column("draft_row", _row(), nullable=False),
        sa.Column("blob_row", _row(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_row"], ["drafts.row_id"], name=op.f("fk_draft_blobs_draft_row")
        ),
        sa.ForeignKeyConstraint(
            ["blob_row"], ["blobs.row_id"], name=op.f("fk_draft_blobs_blob_row")
        ),
        sa.PrimaryKeyConstraint("draft_row", "blob_row", name=op.f("pk_draft_blobs")),
    )
    op.create_index(op.f("ix_draft_blobs_blob_row"), "draft_blobs", ["blob_row"])
