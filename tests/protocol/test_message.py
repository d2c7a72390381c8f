"""Names of messages and cases."""

from gateway.protocol.message import draw_id, message_ref, parse_message_ref
from keys.suite import MemberId
from tests.world import NOW, Seeded


def test_drawn_ids_differ_and_stand_in_the_order_of_their_time() -> None:
    """Five bytes of the time come first; eleven random ones keep those of a second apart."""
    entropy = Seeded("ids")
    drawn = [draw_id(NOW + second, entropy) for second in (0, 0, 1, 300)]
    assert len({*drawn}) == 4
    assert {len(item) for item in drawn} == {16}
    assert [int.from_bytes(item[:5], "big") - NOW for item in drawn] == [0, 0, 1, 300]
    assert max(drawn[:2]) < drawn[2] < drawn[3]


def test_name_of_a_drawn_id_is_read_back() -> None:
    """A message's name is its sender and its id."""
    drawn = draw_id(NOW, Seeded("name"))
    assert parse_message_ref(message_ref("XA", drawn)) == (MemberId("XA"), drawn)
