"""The mirror of the registry, and the key cards held."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select

from gateway.errors import ConflictError
from gateway.store import news
from gateway.store.database import Transaction
from gateway.store.engine import CARDS, REGISTRY, lock, put
from gateway.store.news import Topic
from gateway.store.schema import card_keys, cards, registry_head, registry_statements
from keys.tlog.cosignature import add_cosignatures
from keys.tlog.note import parse_note


def with_cosignatures_held(tx: Transaction, shown: bytes) -> bytes:
    """Return a verified head with the cosignatures that are held of it, the newer of each key."""
    lock(tx, REGISTRY)
    held = head(tx)
    if held is None or parse_note(held).text != parse_note(shown).text:
        return shown
    return add_cosignatures(held, parse_note(shown).signatures)


def grow(tx: Transaction, first: int, notes: Sequence[bytes], head: bytes, at: int) -> None:
    """Append verified statements from number ``first`` on, none perhaps, and keep their head.

    Raises ConflictError ``registry_moved`` when the mirror has another size by now.
    """
    lock(tx, REGISTRY)
    if size(tx) != first:
        raise ConflictError("registry_moved", "the registry mirror grew meanwhile")
    rows = [{"number": number, "note": note} for number, note in enumerate(notes, first)]
    if rows:
        tx.execute(insert(registry_statements), rows)
        news.tell(tx, Topic.REGISTRY)
    put(tx, registry_head, {"only": 1, "checkpoint": head, "checked_at": at}, "only")


def size(tx: Transaction) -> int:
    """Return how many statements are mirrored."""
    newest = select(registry_statements.c.number).order_by(registry_statements.c.number.desc())
    number = tx.execute(newest.limit(1)).scalar()
    return 0 if number is None else number + 1


def statements(tx: Transaction, start: int, end: int) -> list[bytes]:
    """Return the statements ``start`` to ``end`` (exclusive)."""
    statement = (
        select(registry_statements.c.note)
        .where(registry_statements.c.number >= start, registry_statements.c.number < end)
        .order_by(registry_statements.c.number)
    )
    return list(tx.execute(statement).scalars())


def all_statements(tx: Transaction) -> list[bytes]:
    """Return the whole mirror."""
    statement = select(registry_statements.c.note).order_by(registry_statements.c.number)
    return list(tx.execute(statement).scalars())


def head(tx: Transaction) -> bytes | None:
    """Return the newest registry checkpoint, as its registrar signed it."""
    return tx.execute(select(registry_head.c.checkpoint)).scalar()


def checked_at(tx: Transaction) -> int:
    """Return when the registrar last confirmed the mirror; 0 for never."""
    return tx.execute(select(registry_head.c.checked_at)).scalar() or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A sealing key as a card lists it: whose, for which epoch, and who signed that."""

    key_id: bytes
    member: str
    signer_kid: bytes
    start: int
    end: int


def put_card(
    tx: Transaction, member: str, serial: int, note: bytes, keys: Sequence[ListedKey]
) -> None:
    """Keep a verified card in place of the one held, and which keys it lists."""
    put(tx, cards, {"member": member, "serial": serial, "note": note}, "member")
    tx.execute(delete(card_keys).where(card_keys.c.key_id.in_([key.key_id for key in keys])))
    tx.execute(insert(card_keys), [asdict(key) for key in keys])


def listed_keys(tx: Transaction, key_ids: Collection[bytes]) -> list[ListedKey]:
    """Return which of these sealing keys some card listed, as it did last."""
    found = tx.execute(select(card_keys).where(card_keys.c.key_id.in_(key_ids)))
    return [ListedKey(**row) for row in found.mappings()]


def forget_listed(tx: Transaction, ended_by: int) -> None:
    """Forget sealing keys whose epoch ended so long ago that nobody holds them any more."""
    tx.execute(delete(card_keys).where(card_keys.c.end <= ended_by))


def lock_cards(tx: Transaction) -> None:
    """Until the commit, let nobody else decide which card is the newest."""
    lock(tx, CARDS)


def card(tx: Transaction, member: str) -> tuple[int, bytes] | None:
    """Return the card held of a member, with its serial."""
    row = tx.execute(select(cards.c.serial, cards.c.note).where(cards.c.member == member)).first()
    return None if row is None else (row.serial, row.note)
