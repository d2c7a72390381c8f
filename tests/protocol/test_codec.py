"""SPEC "Encoding": each rule of its table, and msgspec's bytes held equal to msgpack's."""

import struct
import tracemalloc

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RejectedError
from gateway.protocol.answer import MAX_BATCH_BYTES, parse_batch
from gateway.protocol.audit import AuditEntry, EntryKind, encode_entry, parse_entry
from gateway.protocol.codec import U8, Member, Wire, decode, decoder, encode
from gateway.protocol.envelope import Header, parse_envelope, parse_header
from gateway.protocol.message import decode_payload
from tests.mutation import mutated
from tests.outcome import outcome

HEADER = Header(1, 1, bytes(16), 1_790_000_000, ("XA", "XB"), 5, ())


class Pair(Wire, frozen=True):
    """Two small things."""

    number: U8
    member: Member


PAIRS = decoder(Pair)
GOOD = encode(Pair(7, "XA"))


def pack(value: object) -> bytes:
    """Return msgpack by the other library."""
    return msgpack.packb(value, use_bin_type=True)


def read(encoded: bytes) -> Pair:
    """Read a pair."""
    return decode(encoded, PAIRS, most_bytes=1000)


def test_good_pair_is_read() -> None:
    """The base that the refused ones below differ from."""
    assert read(GOOD) == Pair(7, "XA")
    assert pack([7, "XA"]) == GOOD


@pytest.mark.parametrize(
    ("what", "encoded"),
    [
        ("an integer longer than need be", b"\x92\xcc\x07\xa2XA"),
        ("an integer of eight bytes", b"\x92\xcf" + struct.pack(">Q", 7) + b"\xa2XA"),
        ("a signed integer", b"\x92\xd0\x07\xa2XA"),
        ("a string header longer than need be", b"\x92\x07\xd9\x02XA"),
        ("an array header longer than need be", b"\xdc\x00\x02\x07\xa2XA"),
        ("an array of 32 bits", b"\xdd\x00\x00\x00\x02\x07\xa2XA"),
        ("a byte after the end", GOOD + b"\x00"),
        ("the same again after the end", GOOD + GOOD),
        ("a map", pack({"number": 7, "member": "XA"})),
        ("a map with a key twice", b"\x82\xa6number\x07\xa6number\x08"),
        ("a float", pack([7.0, "XA"])),
        ("not a number", pack([float("nan"), "XA"])),
        ("nil", pack([None, "XA"])),
        ("a boolean", pack([True, "XA"])),
        ("a negative integer", pack([-1, "XA"])),
        ("an integer out of bounds", pack([256, "XA"])),
        ("an ext type", b"\x92\xd4\x05\x00\xa2XA"),
        ("a timestamp", b"\x92\xd6\xff\x00\x00\x00\x00\xa2XA"),
        ("bin for str", pack([7, b"XA"])),
        ("str for an integer", pack(["7", "XA"])),
        ("bytes that are no UTF-8", b"\x92\x07\xa2\xff\xfe"),
        ("an id in lower case", pack([7, "xa"])),
        ("an id with a line's end", pack([7, "XA\n"])),
        ("an id that only looks like one", pack([7, "XА"])),
        ("an id of one letter", pack([7, "X"])),
        ("an id of 33 letters", pack([7, "X" * 33])),
        ("an element too few", pack([7])),
        ("an element too many", pack([7, "XA", 0])),
        ("nothing", b""),
        ("the reserved byte", b"\xc1"),
        ("an array of four thousand million", b"\xdd\xff\xff\xff\xff\x07\xa2XA"),
        ("a string of four thousand million", b"\x92\x07\xdb\xff\xff\xff\xffXA"),
        ("cut short", GOOD[:-1]),
    ],
)  # fmt: skip
def test_what_is_not_the_one_form_is_refused(what: str, encoded: bytes) -> None:
    """Each breach is the same error."""
    with pytest.raises(RejectedError) as caught:
        read(encoded)
    assert caught.value.code == "encoding_invalid", what


def test_length_is_counted_before_anything_is_decoded() -> None:
    """The cap comes first, and holds to the byte."""
    assert decode(GOOD, PAIRS, most_bytes=len(GOOD)) == Pair(7, "XA")
    with pytest.raises(RejectedError) as caught:
        decode(GOOD, PAIRS, most_bytes=len(GOOD) - 1)
    assert caught.value.code == "encoding_invalid"


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xdd\x00\x40\x00\x00" + b"\x90" * (MAX_BATCH_BYTES - 5),
        b"\x91" * (MAX_BATCH_BYTES - 1) + b"\x90",
        b"\x81\x91" * (MAX_BATCH_BYTES // 2),
        b"\xdd\xff\xff\xff\xff",
        b"\xdc\x00\x40" + b"\xdd\xff\xff\xff\xff" * 64,
    ],
    ids=["4 MiB of []", "nested arrays", "nested maps", "a huge header", "huge headers"],
)
def test_hostile_bytes_cost_little(hostile: bytes) -> None:
    """Nothing is built for what a header only announces, and nesting ends at once."""
    tracemalloc.start()
    try:
        for parse in (parse_batch, parse_header, parse_envelope, parse_entry, decode_payload):
            with pytest.raises(RejectedError):
                parse(hostile)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


texts = st.text(st.characters(codec="utf-8"), max_size=40)


@given(
    st.builds(
        AuditEntry,
        version=st.integers(0, 255),
        kind=st.sampled_from(EntryKind),
        at=st.integers(0, 2**53 - 1),
        salt=st.binary(min_size=16, max_size=16),
        registry_size=st.integers(0, 2**53 - 1),
        peer=texts,
        digests=st.lists(st.binary(min_size=32, max_size=32), max_size=20).map(tuple),
        code=texts,
    )
)
def test_both_libraries_write_the_same_bytes(entry: AuditEntry) -> None:
    """What msgspec writes is what msgpack writes, at every length of every header."""
    encoded = encode_entry(entry)
    assert encoded == pack([str(v) if isinstance(v, EntryKind) else v for v in _plain(entry)])
    assert parse_entry(encoded) == entry


@given(
    st.recursive(
        st.integers(0, 2**64 - 1)
        | st.binary(max_size=300)
        | st.text(st.characters(codec="utf-8"), max_size=300),
        lambda inner: st.lists(inner, max_size=20),
        max_leaves=60,
    )
)
def test_both_libraries_agree_on_any_array(value: object) -> None:
    """The same, for arrays of anything that the wire knows."""
    assert encode(value) == pack(value)
    assert msgspec.msgpack.decode(pack(value)) == value


def _plain(entry: AuditEntry) -> list[object]:
    return [getattr(entry, name) for name in AuditEntry.__struct_fields__]


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_are_the_one_form(noise: bytes) -> None:
    """What is read at all encodes to what was read."""
    header = outcome(parse_header, noise)
    if isinstance(header, RejectedError):
        assert header.code == "encoding_invalid"
    else:
        assert encode(header) == noise


@given(st.data())
def test_any_change_to_a_header_is_refused_or_another_header(data: st.DataObject) -> None:
    """A flipped, dropped or added byte never reads as the same header."""
    encoded = mutated(data, encode(HEADER))
    read_back = outcome(parse_header, encoded)
    if isinstance(read_back, RejectedError):
        assert read_back.code == "encoding_invalid"
    else:
        assert encode(read_back) == encoded
        assert (read_back == HEADER) is (encoded == encode(HEADER))
