"""Keep of a purged refusal whether it was of a part only."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: of what was purged before, nobody can tell any more."""
    op.add_column(
        "tombstones", sa.Column("part", sa.Boolean(), nullable=False, server_default=sa.false())
    )
