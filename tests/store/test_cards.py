"""The newest card of each member, and which sealing keys the cards list."""

from dataclasses import replace

from gateway.store import registry
from gateway.store.database import Transaction
from gateway.store.registry import ListedKey
from tests.store.conftest import Fresh
from tests.store.stored import NOW

FIRST = ListedKey(key_id=b"1" * 32, member="XB", signer_kid=b"s" * 32, start=NOW, end=NOW + 10)
SECOND = replace(FIRST, key_id=b"2" * 32, start=NOW + 10, end=NOW + 20)


def test_card_takes_the_place_of_the_one_before_and_its_keys_stay_listed(fresh: Fresh) -> None:
    """Who lists a key last is asked; keys whose epoch is long over are forgotten."""
    with fresh() as db:

        def act(tx: Transaction) -> None:
            registry.lock_cards(tx)
            registry.put_card(tx, "XB", 9, b"first", [FIRST, SECOND])
            registry.put_card(tx, "XB", 2, b"second", [replace(SECOND, signer_kid=b"t" * 32)])
            assert registry.card(tx, "XB") == (2, b"second")
            found = registry.listed_keys(tx, [FIRST.key_id, SECOND.key_id, bytes(32)])
            assert {item.key_id: item.signer_kid for item in found} == {
                FIRST.key_id: b"s" * 32,
                SECOND.key_id: b"t" * 32,
            }
            registry.forget_listed(tx, NOW + 10)
            (left,) = registry.listed_keys(tx, [FIRST.key_id, SECOND.key_id])
            assert left.key_id == SECOND.key_id

        db.write_now(act)
