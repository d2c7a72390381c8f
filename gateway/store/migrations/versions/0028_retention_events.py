"""Find what fell due for review, and what was decided, by its time."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes."""
    op.create_index(op.f("ix_threads_review_at"), "threads", ["review_at"])
    for column in ("stands_since", "kept_at", "keep_until"):
        op.create_index(op.f(f"ix_retentions_{column}"), "retentions", [column])
