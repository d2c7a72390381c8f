"""Members that were restored from a backup, and how far mail is offered to them again."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from gateway.store.database import Transaction
from gateway.store.schema import restorations


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """What a member lost, by its own clock: what it stored after ``since`` and before ``until``."""

    member: str
    shard: str
    """The shard of its audit log that it began then."""
    since: int
    until: int
    heard_at: int
    due_at: int
    """When it is acted on."""
    position: int | None
    """The row of the outbox up to which it was; None when all were looked at."""


def find(tx: Transaction, member: str) -> Restoration | None:
    """Return the newest of a member."""
    statement = select(restorations).where(restorations.c.member == member)
    row = tx.execute(statement).mappings().first()
    return None if row is None else Restoration(**row)


def keep(tx: Transaction, heard: Restoration) -> None:
    """Keep the newest of a member instead of the one before."""
    tx.execute(delete(restorations).where(restorations.c.member == heard.member))
    values = {name: getattr(heard, name) for name in Restoration.__slots__}
    tx.execute(insert(restorations).values(**values))


def listing(tx: Transaction) -> list[Restoration]:
    """Return the newest of every member that had one."""
    statement = select(restorations).order_by(restorations.c.member)
    return [Restoration(**row) for row in tx.execute(statement).mappings()]


def step(tx: Transaction, heard: Restoration, position: int | None) -> None:
    """Note how far it is; a newer one that came meanwhile begins by itself."""
    same = restorations.c.member == heard.member, restorations.c.heard_at == heard.heard_at
    tx.execute(update(restorations).where(*same).values(position=position))
