"""How much of the registry each member named last: who is behind, over a restart too."""

from collections.abc import Mapping

from sqlalchemy import select

from gateway.store.database import Transaction
from gateway.store.engine import put
from gateway.store.schema import registry_views


def name(tx: Transaction, sizes: Mapping[str, int]) -> None:
    """Keep the sizes that members named, in place of smaller ones."""
    for member in sorted(sizes):
        row = {"member": member, "size": sizes[member]}
        put(tx, registry_views, row, "member", newer="size")


def named(tx: Transaction) -> dict[str, int]:
    """Return the size that each member named."""
    rows = tx.execute(select(registry_views.c.member, registry_views.c.size))
    return {row.member: row.size for row in rows}
