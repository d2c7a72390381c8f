"""Key cards: what is listed by whom, which is newer, and each card that is not good by its code."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from keys.errors import LiaisonError
from keys.keyring import KeyRecord, new_record
from keys.registry.card import KeyCard, draft_card, verify_card
from keys.registry.draft import draft_rotation, node_signer, use_line
from keys.registry.statement import Chain, Revocation
from keys.registry.view import View
from keys.suite import KeyId, KeyUse
from keys.tlog.note import sign_note
from tests.world import FEDERATION, NOW, YEAR_S, Party, Seeded, World, party, world

DAY_S = 86_400
HIGHEST = 2**53


def seals(name: str, *, start: int = NOW, count: int = 3) -> list[KeyRecord]:
    """Return the sealing keys of so many days, the same for the same name."""
    return [
        new_record(
            KeyUse.SEAL,
            start=start + day * DAY_S,
            end=start + (day + 1) * DAY_S,
            entropy=Seeded(f"{name} {start} {day}"),
        )
        for day in range(count)
    ]


def card(
    xa: Party, *, serial: int = 1, at: int = NOW, key: KeyRecord | None = None, name: str = "XA"
) -> bytes:
    """Return a card of XA, signed by one of its keys."""
    signer = node_signer(FEDERATION, xa.member, key or xa.records[KeyUse.SIGN])
    return draft_card(
        FEDERATION, xa.member, serial=serial, at=at, records=seals(name), signer=signer
    )


def code_of(note: bytes, view: View, now: int = NOW) -> str:
    """Return the code by which a card is refused."""
    with pytest.raises(LiaisonError) as caught:
        verify_card(note, view, now)
    return caught.value.code


def second_key(made: World, xa: Party, *, at: int = NOW) -> KeyRecord:
    """Let XA bring another key to sign with."""
    key = new_record(
        KeyUse.SIGN, start=at, end=at + YEAR_S, entropy=Seeded(f"second {len(made.notes)}")
    )
    member = made.view.member(xa.member)
    line = use_line(FEDERATION, xa.member, key)
    statement = draft_rotation(made.view, member, at=at, uses=[line])
    old = node_signer(FEDERATION, xa.member, xa.records[KeyUse.SIGN])
    made.append(sign_note(statement.text(), [old, node_signer(FEDERATION, xa.member, key)]))
    return key


def revoked(view: View, key: KeyRecord, since: int) -> View:
    """Return the view in which a key is revoked."""
    bent = replace(view.keys[KeyId(key.key_id)], revoked_since=since)
    keys = {**view.keys, bent.key_id: bent}
    member = view.members[bent.member]
    own = tuple(bent if item.key_id == bent.key_id else item for item in member.keys)
    members = {**view.members, bent.member: replace(member, keys=own)}
    return replace(view, keys=MappingProxyType(keys), members=MappingProxyType(members))


def test_later_key_goes_before_a_higher_serial() -> None:
    """Whoever holds the old key cannot count beyond what the next one signs."""
    xa = party("XA")
    made = world(xa)
    key = second_key(made, xa)

    def seen(note: bytes) -> KeyCard:
        return verify_card(note, made.view, NOW)

    thief = seen(card(xa, serial=HIGHEST, name="thief"))
    assert seen(card(xa, serial=HIGHEST - 1)).rank < thief.rank
    assert thief.rank < seen(card(xa, serial=1, key=key)).rank
    assert seen(card(xa, serial=1, key=key)).rank < seen(card(xa, serial=2, key=key)).rank


def test_of_keys_that_start_together_the_one_brought_later_goes_before() -> None:
    """Two rotations within a second have an order all the same: the registry's."""
    xa = party("XA")
    made = world(xa)
    first, last = second_key(made, xa), second_key(made, xa)
    one = verify_card(card(xa, serial=9, key=first), made.view, NOW)
    other = verify_card(card(xa, serial=1, key=last), made.view, NOW)
    assert one.signer.start == other.signer.start
    assert one.rank < other.rank


@pytest.mark.parametrize("since", [NOW, NOW + YEAR_S])
def test_revoking_the_key_voids_its_cards(since: int) -> None:
    """At once, whatever date the revocation bears; those of the next key stay good."""
    xa = party("XA")
    made = world(xa)
    key = second_key(made, xa)
    view = revoked(made.view, xa.records[KeyUse.SIGN], since)
    assert code_of(card(xa, serial=HIGHEST), view) == "signer_revoked"
    assert verify_card(card(xa, key=key), view, NOW).serial == 1


def test_card_is_signed_by_a_key_in_its_time() -> None:
    """Not before it starts nor after its end, and not from the future."""
    xa = party("XA")
    made = world(xa)
    key = second_key(made, xa, at=NOW + 100)
    assert code_of(card(xa, at=NOW + 99, key=key), made.view) == "key_not_valid_then"
    assert code_of(card(xa, at=NOW + 2 * YEAR_S), made.view) == "key_not_valid_then"
    assert code_of(card(xa, at=NOW + 301), made.view) == "created_in_future"
    assert verify_card(card(xa, at=NOW + 300), made.view, NOW).at == NOW + 300


def test_card_of_a_suspended_member_is_not_used() -> None:
    """For now: nothing is sealed to it."""
    xa = party("XA")
    made = world(xa)
    shunned = replace(made.view.members[xa.member], suspended_by=frozenset({Chain.ISSUER}))
    members = {**made.view.members, xa.member: shunned}
    view = replace(made.view, members=MappingProxyType(members))
    assert code_of(card(xa), view) == "member_suspended"


def test_card_is_of_a_member_and_signed_by_its_key() -> None:
    """A stranger's card, and one under another member's name."""
    xa, xb = party("XA"), party("XB")
    made = world(xa)
    assert code_of(card(xb), made.view) == "member_unknown"
    made = world(xa, xb)
    stolen = node_signer(FEDERATION, xb.member, xa.records[KeyUse.SIGN])
    foreign = draft_card(
        FEDERATION, xb.member, serial=1, at=NOW, records=seals("XB"), signer=stolen
    )
    assert code_of(foreign, made.view) == "signature_missing"


def test_card_that_is_out_of_date_is_stale() -> None:
    """Its last epoch is over: its member has another."""
    xa = party("XA")
    made = world(xa)
    assert code_of(card(xa), made.view, NOW + 3 * DAY_S) == "stale_card"


def test_sealing_key_stands_in_a_card_once() -> None:
    """Destroying it at the end of its epoch would else destroy another's."""
    xa = party("XA")
    made = world(xa)
    first, last = seals("XA", count=2)
    twice = [first, replace_span(first, last.start, last.end)]
    signer = node_signer(FEDERATION, xa.member, xa.records[KeyUse.SIGN])
    note = draft_card(FEDERATION, xa.member, serial=1, at=NOW, records=twice, signer=signer)
    assert code_of(note, made.view) == "key_reused"


def replace_span(record: KeyRecord, start: int, end: int) -> KeyRecord:
    """Return a key for another epoch."""
    return KeyRecord(use=record.use, key_id=record.key_id, seed=record.seed, start=start, end=end)


def test_revocation_line_names_a_key() -> None:
    """What a member says of its key in a statement is what voids the cards."""
    xa = party("XA")
    made = world(xa)
    key = second_key(made, xa)
    gone = KeyId(xa.records[KeyUse.SIGN].key_id)
    member = made.view.member(xa.member)
    statement = draft_rotation(made.view, member, at=NOW + 1, uses=[])
    statement = replace(statement, revocations=(Revocation(gone, NOW + 1),))
    made.append(sign_note(statement.text(), [node_signer(FEDERATION, xa.member, key)]))
    assert code_of(card(xa, serial=HIGHEST), made.view) == "signer_revoked"
    assert verify_card(card(xa, key=key), made.view, NOW).signer.key_id == key.key_id
