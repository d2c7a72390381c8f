"""The first cosigned head over each recovery that is under way."""

from sqlalchemy import select

from gateway.store.database import Transaction
from gateway.store.engine import put
from gateway.store.schema import recovery_heads


def keep_first(tx: Transaction, member: str, proposal: bytes, checkpoint: bytes) -> None:
    """Keep the first head over a proposal (its digest, 32 bytes); a later one changes nothing.

    A newer proposal for the same member takes the place of the one before.
    """
    held = select(recovery_heads.c.proposal).where(recovery_heads.c.member == member)
    if tx.execute(held).scalar() != proposal:
        row = {"member": member, "proposal": proposal, "checkpoint": checkpoint}
        put(tx, recovery_heads, row, "member")


def first_heads(tx: Transaction) -> dict[tuple[str, bytes], bytes]:
    """Return the heads kept, by member and proposal."""
    rows = tx.execute(select(recovery_heads))
    return {(row.member, row.proposal): row.checkpoint for row in rows}
