"""Editions of the Harmonized System, as they were imported."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from gateway.store.database import Transaction
from gateway.store.schema import hs_codes, hs_editions


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """An edition: its year, the file that it was read from (SHA-256), and how many codes it has."""

    edition: str
    file_digest: bytes
    codes: int
    imported_at: int


def store(tx: Transaction, edition: Edition, rows: Iterable[tuple[str, str]]) -> None:
    """Store an edition with its codes and what they cover; it takes the place of an earlier one."""
    for table in (hs_codes, hs_editions):
        tx.execute(delete(table).where(table.c.edition == edition.edition))
    tx.execute(
        insert(hs_editions),
        {
            "edition": edition.edition,
            "file_digest": edition.file_digest,
            "codes": edition.codes,
            "imported_at": edition.imported_at,
        },
    )
    tx.execute(
        insert(hs_codes),
        [
            {"edition": edition.edition, "code": code, "description": description}
            for code, description in rows
        ],
    )


def editions(tx: Transaction) -> list[Edition]:
    """Return the editions, the newest first."""
    statement = select(hs_editions).order_by(hs_editions.c.edition.desc())
    return [Edition(**row) for row in tx.execute(statement).mappings()]


def codes(tx: Transaction, edition: str) -> frozenset[str]:
    """Return all codes of an edition."""
    return frozenset(tx.scalars(select(hs_codes.c.code).where(hs_codes.c.edition == edition)))


def described(tx: Transaction, edition: str, under: str) -> list[tuple[str, str]]:
    """Return the codes of an edition that begin with ``under`` (digits), and what they cover."""
    statement = (
        select(hs_codes.c.code, hs_codes.c.description)
        .where(hs_codes.c.edition == edition, hs_codes.c.code.startswith(under, autoescape=True))
        .order_by(hs_codes.c.code)
    )
    return [(row.code, row.description) for row in tx.execute(statement)]
