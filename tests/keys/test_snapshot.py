"""A view as bytes: the same view when it is read, and nothing else that reads as one."""

import msgspec
import pytest

from keys.errors import RejectedError
from keys.registry.snapshot import encode_view, parse_view
from keys.registry.view import advance
from tests.keys.test_registry_life import recovering
from tests.world import admitted, party


def test_view_is_the_same_when_it_is_read_back() -> None:
    """With a recovery under way, witnesses, relays and keys of every use; and it grows on."""
    made, _, _, _ = recovering()
    view = parse_view(encode_view(made.view))
    assert view == made.view
    assert view.head == made.view.head
    note = admitted(made.registrar, party("XC"), made.anchor)
    assert advance(view, [note]) == advance(made.view, [note])
    with pytest.raises(TypeError):
        view.members[party("XC").member] = view.members[party("XB").member]  # type: ignore[index]


def test_damaged_or_foreign_bytes_are_no_view() -> None:
    """Cut short, of another version, or anything else."""
    encoded = encode_view(recovering()[0].view)
    newer = msgspec.msgpack.encode([3, *msgspec.msgpack.decode(encoded, strict=False)[1:]])
    for wrong in (b"", encoded[:-1], b"\x90", newer):
        with pytest.raises(RejectedError) as caught:
            parse_view(wrong)
        assert caught.value.code == "snapshot_malformed"


def test_what_is_no_part_of_a_view_is_not_written() -> None:
    """A field that nobody thought of is a bug, not bytes."""
    made, _, _, _ = recovering()
    object.__setattr__(made.view, "federation", object())
    with pytest.raises(TypeError):
        encode_view(made.view)
