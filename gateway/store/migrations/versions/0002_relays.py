"""Rows ordered by rank, receipts beside what they attest, and what a relay keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _row() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _partial(name: str, table: str, column: str, where: str) -> None:
    chosen = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=chosen, postgresql_where=chosen)


def upgrade() -> None:
    """Rank rows, let one time say when a row is looked at again, and add custody."""
    op.add_column("outbox", sa.Column("rank", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "outbox", sa.Column("custodian", sa.String(length=32), nullable=False, server_default="")
    )
    op.execute("UPDATE outbox SET rank = 9 - priority")
    op.execute("UPDATE outbox SET due_at = lease_until WHERE state = 'sending'")
    op.drop_index(op.f("ix_outbox_recipient_state_due_at"), table_name="outbox")
    op.drop_index(op.f("ix_outbox_state_due_at"), table_name="outbox")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_column("lease_until")
        outbox.drop_column("priority")
        outbox.alter_column("rank", server_default=None)
        outbox.alter_column("custodian", server_default=None)
    op.create_index(
        op.f("ix_outbox_recipient_state_rank_due_at"),
        "outbox",
        ["recipient", "state", "rank", "due_at"],
    )
    op.create_index(op.f("ix_outbox_settled_at_expires_at"), "outbox", ["settled_at", "expires_at"])
    _partial("ix_outbox_leased", "outbox", "due_at", "state IN ('sending', 'in_custody')")
    _partial("ix_outbox_dead", "outbox", "row_id", "state IN ('failed', 'expired', 'withdrawn')")
    op.add_column("messages", sa.Column("receipt", sa.LargeBinary(), nullable=True))
    op.execute(
        "UPDATE messages SET receipt = (SELECT receipts.receipt FROM receipts WHERE "
        "receipts.envelope_id = messages.envelope_id AND receipts.kind = 'delivery') "
        "WHERE direction = 'in'"
    )
    op.drop_table("receipts")
    op.drop_index(op.f("ix_messages_envelope_id"), table_name="messages")
    with op.batch_alter_table("messages") as messages:
        messages.drop_constraint(op.f("uq_messages_sender_message_id"), type_="unique")
        messages.create_unique_constraint(
            op.f("uq_messages_message_id_sender"), ["message_id", "sender"]
        )
    op.create_index(op.f("ix_idempotency_stored_at"), "idempotency", ["stored_at"])
    op.create_table(
        "relayed",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("envelope_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_relayed")),
        sa.UniqueConstraint("envelope_id", name=op.f("uq_relayed_envelope_id")),
    )
    op.create_table(
        "mailboxes",
        sa.Column("recipient", sa.String(length=32), nullable=False),
        sa.Column("copies", sa.BigInteger(), nullable=False),
        sa.Column("sealed_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("recipient", name=op.f("pk_mailboxes")),
    )
    op.create_table(
        "custody",
        sa.Column("row_id", _row(), nullable=False),
        sa.Column("relayed_row", _row(), nullable=True),
        sa.Column("envelope_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("recipient", sa.String(length=32), nullable=False),
        sa.Column("previous_hop", sa.String(length=32), nullable=False),
        sa.Column("hops", sa.String(length=70), nullable=False),
        sa.Column("stanza_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seal_kid", sa.LargeBinary(length=32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("custodian", sa.String(length=32), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=True),
        sa.Column("return_due_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["relayed_row"], ["relayed.row_id"], name=op.f("fk_custody_relayed_row")
        ),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_custody")),
        sa.UniqueConstraint(
            "envelope_id",
            "recipient",
            "stanza_digest",
            "previous_hop",
            name=op.f("uq_custody_envelope_id_recipient_stanza_digest_previous_hop"),
        ),
    )
    for name, columns in {
        "ix_custody_recipient_state_rank_due_at": ["recipient", "state", "rank", "due_at"],
        "ix_custody_previous_hop_return_due_at": ["previous_hop", "return_due_at"],
        "ix_custody_expires_at": ["expires_at"],
        "ix_custody_relayed_row": ["relayed_row"],
    }.items():
        op.create_index(op.f(name), "custody", columns)
    _partial("ix_custody_leased", "custody", "due_at", "state = 'leased'")
    _partial("ix_custody_held", "custody", "expires_at", "relayed_row IS NOT NULL")
    op.create_table(
        "relayed_blobs",
        sa.Column("relayed_row", _row(), nullable=False),
        sa.Column("blob_row", _row(), nullable=False),
        sa.ForeignKeyConstraint(
            ["relayed_row"], ["relayed.row_id"], name=op.f("fk_relayed_blobs_relayed_row")
        ),
        sa.ForeignKeyConstraint(
            ["blob_row"], ["blobs.row_id"], name=op.f("fk_relayed_blobs_blob_row")
        ),
        sa.PrimaryKeyConstraint("relayed_row", "blob_row", name=op.f("pk_relayed_blobs")),
    )
    op.create_index(op.f("ix_relayed_blobs_blob_row"), "relayed_blobs", ["blob_row"])
