"""Tokens: by their digests, with what each of them lets a caller do."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update

from gateway.errors import ConflictError
from gateway.store.database import Transaction
from gateway.store.news import Topic, tell
from gateway.store.schema import tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token; its label is its own for ever, so that what the audit log says stays clear."""

    label: str
    digest: bytes
    """32 bytes."""
    roles: Sequence[str]
    unit: str | None
    created_by: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None


def add(tx: Transaction, token: StoredToken, *, most: int) -> None:
    """Store a new token, and tell the other daemons.

    Raises ConflictError ``label_taken``, or ``tokens_too_many`` where ``most`` are in force.
    """
    if tx.execute(select(tokens.c.label).where(tokens.c.label == token.label)).first():
        raise ConflictError("label_taken", f"there is or was a token {token.label}: name another")
    in_force = select(func.count()).select_from(tokens).where(tokens.c.revoked_at.is_(None))
    if tx.execute(in_force).scalar_one() >= most:
        raise ConflictError("tokens_too_many", f"{most} tokens are in force: revoke some")
    row = {name: getattr(token, name) for name in StoredToken.__dataclass_fields__}
    tx.execute(insert(tokens), row | {"roles": " ".join(token.roles)})
    tell(tx, Topic.TOKENS)


def whole(tx: Transaction) -> list[StoredToken]:
    """Return all tokens by label, those that are revoked too."""
    rows = tx.execute(select(tokens).order_by(tokens.c.label)).mappings()
    return [
        StoredToken(**{**row, "digest": bytes(row["digest"]), "roles": row["roles"].split()})
        for row in rows
    ]


def revoke(tx: Transaction, label: str, now: int) -> bool:
    """Revoke a token that is not revoked yet, and tell the other daemons; return whether it was."""
    wanted = tokens.c.label == label, tokens.c.revoked_at.is_(None)
    if not tx.execute(update(tokens).where(*wanted).values(revoked_at=now)).rowcount:
        return False
    tell(tx, Topic.TOKENS)
    return True


def used(tx: Transaction, label: str, now: int) -> None:
    """Note that a token was used."""
    tx.execute(update(tokens).where(tokens.c.label == label).values(last_used_at=now))
