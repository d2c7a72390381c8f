"""For whom a union speaks, beside each message."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty so far. Its default stays: to drop it would copy all messages."""
    op.add_column(
        "messages",
        sa.Column("on_behalf_of", sa.String(length=32), nullable=False, server_default=""),
    )
