"""Copies that came by a medium: their sender is owed the outcome by the next medium that goes back.

A copy is noted before it is opened. What a crash leaves between the two owes nothing, and between
storing and answering nothing is lost: the receipt lies beside the message.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update

from gateway.store.database import Transaction
from gateway.store.engine import InsertNew
from gateway.store.schema import carried


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCarried:
    """A copy that a medium brought from ``member``."""

    member: str
    envelope_id: bytes
    message_id: bytes
    stanza_digest: bytes
    keep_until: int
    """When its outcome is no longer owed, UTC seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried(NewCarried):
    """The same with its row, and the refusal that was signed for it."""

    row_id: int
    refusal: bytes | None


_NOTE = InsertNew(carried, ["member", "envelope_id", "stanza_digest"])
_REFUSE = (
    update(carried)
    .where(
        carried.c.member == bindparam("of"),
        carried.c.envelope_id == bindparam("envelope"),
        carried.c.stanza_digest == bindparam("stanza"),
        carried.c.refusal.is_(None),
    )
    .values(refusal=bindparam("signed"))
)


def note(tx: Transaction, copies: Sequence[NewCarried]) -> None:
    """Note what a medium brought, once."""
    names = NewCarried.__dataclass_fields__
    rows = [{name: getattr(copy, name) for name in names} for copy in copies]
    if rows:
        tx.execute(_NOTE.on(tx), rows)


def refuse(tx: Transaction, copies: Sequence[tuple[NewCarried, bytes]]) -> None:
    """Keep the signed refusals of copies; the first of each stays, byte for byte."""
    changes = [
        {
            "of": copy.member,
            "envelope": copy.envelope_id,
            "stanza": copy.stanza_digest,
            "signed": refusal,
        }
        for copy, refusal in copies
    ]
    if changes:
        tx.execute(_REFUSE, changes)


def owed(tx: Transaction, member: str, *, after: int, limit: int) -> list[Carried]:
    """Return what media brought from a member, those after row ``after`` first."""
    columns = [carried.c[name] for name in Carried.__dataclass_fields__]
    statement = (
        select(*columns)
        .where(carried.c.member == member, carried.c.row_id > after)
        .order_by(carried.c.row_id)
        .limit(limit)
    )
    return [Carried(**row) for row in tx.execute(statement).mappings()]


def forget(tx: Transaction, now: int) -> None:
    """Forget what is owed no longer."""
    tx.execute(delete(carried).where(carried.c.keep_until <= now))
