"""SPEC "Media": what is whole is read, and what is not costs itself alone and is told."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocol.blob import SEGMENT_BYTES
from gateway.protocol.codec import encode
from gateway.protocol.mailbox import Delivered, Halted, Rejected, Return
from gateway.protocol.medium import (
    MAGIC,
    MAX_RECORD_BYTES,
    BlobOffer,
    BlobSegment,
    CardNote,
    CarriedCopy,
    CarriedReturn,
    End,
    Heading,
    LeftOut,
    MediumError,
    MediumReader,
    MediumWriter,
    Record,
    RegistryCheckpoint,
    RegistryStatement,
    Unreadable,
)
from keys.suite import digest, label
from tests.mutation import mutated

HEADING = Heading("XA", "XB", 1_790_000_000)
RECORDS = (
    RegistryStatement(0, b"statement"),
    RegistryCheckpoint(b"checkpoint"),
    CardNote(b"card"),
    BlobOffer(bytes(32), b"list"),
    BlobSegment(bytes(32), 0, b"segment"),
    CarriedCopy(b"envelope"),
    CarriedReturn(Return(bytes(32), bytes(16), "XA", bytes(32), Delivered(b"sealed"))),
    CarriedReturn(Return(bytes(32), bytes(16), "XA", bytes(32), Rejected(b"signed"))),
    LeftOut(bytes(16), "card_unknown"),
)


def medium(*records: Record) -> bytes:
    """Return a whole medium."""
    writer = MediumWriter()
    return b"".join([writer.begin(HEADING), *map(writer.write, records), writer.end()])


GOOD = medium(*RECORDS)


def read(encoded: bytes, cuts: int = 1 << 20) -> tuple[list[Record], str]:
    """Return what a reader finds, fed so many bytes at a time, and the code of its fault."""
    reader = MediumReader()
    found = [
        record
        for at in range(0, len(encoded), cuts)
        for record in reader.update(encoded[at : at + cuts])
    ]
    try:
        reader.finish()
    except MediumError as fault:
        return found, fault.code
    return found, ""


def framed(encoded: bytes, check: bytes | None = None) -> bytes:
    """Return a record's bytes in their frame."""
    check = digest(label("record"), encoded) if check is None else check
    return len(encoded).to_bytes(4, "big") + encoded + check


@given(st.integers(1, len(GOOD)))
def test_pieces_do_not_matter(cuts: int) -> None:
    """However the bytes come, the records are the same, and the digest names them."""
    found, fault = read(GOOD, cuts)
    assert fault == ""
    assert found[:-1] == [HEADING, *RECORDS]
    assert isinstance(found[-1], End)
    reader = MediumReader()
    reader.update(GOOD)
    assert reader.digest == found[-1].digest


@given(st.integers(0, len(GOOD) - 1))
def test_cut_medium_gives_what_is_whole(length: int) -> None:
    """Wherever it is cut, what stands before the cut is read, and the cut is said."""
    found, fault = read(GOOD[:length])
    assert found == [HEADING, *RECORDS][: len(found)]
    assert fault == ("medium_cut_short" if found else "medium_malformed")


@settings(max_examples=300)
@given(st.data())
def test_damage_is_never_taken_for_what_was_written(data: st.DataObject) -> None:
    """A flipped, dropped or added byte anywhere: every record read was written, and it is told."""
    found, fault = read(mutated(data, GOOD))
    written = [HEADING, *RECORDS, End(digest(b""))]
    for record in found:
        assert isinstance(record, Unreadable | End) or record in written
    assert fault or any(isinstance(record, Unreadable) for record in found)


def test_damaged_record_costs_itself_alone() -> None:
    """Its neighbours are read, and the end still names all that was written."""
    whole = framed(encode(RECORDS[5]))
    at = GOOD.index(whole) + 10
    found, fault = read(GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :])
    assert fault == ""
    assert found[6] == Unreadable("record_damaged")
    assert [*found[:6], RECORDS[5], *found[7:-1]] == [HEADING, *RECORDS]


@pytest.mark.parametrize(
    "record",
    [
        framed(b"\xc1"),
        framed(encode(("copy", b"envelope", 0))),
        framed(encode(("surprise", b""))),
        framed(encode(("copy", "text"))),
        framed(encode(CarriedCopy(b"e")) + b"\x00"),
        framed(encode(CarriedCopy(bytes(2 * 1024 * 1024 + 1)))),
        framed(encode(BlobSegment(bytes(31), 0, b""))),
        framed(encode(LeftOut(bytes(16), "Not a code"))),
        framed(encode(HEADING)),
        framed(
            encode(CarriedReturn(Return(bytes(32), bytes(16), "XA", bytes(32), Halted("busy"))))
        ),
    ],
    ids=[
        "no msgpack", "an element too many", "no such record", "text for bytes",
        "a byte too many", "an envelope too large", "a name too short", "no code",
        "a second heading", "a relay's word",
    ],
)  # fmt: skip
def test_record_of_another_form_costs_itself_alone(record: bytes) -> None:
    """Its check holds, its form does not: counted, and what follows is read."""
    writer = MediumWriter()
    begin = writer.begin(HEADING)
    found, fault = read(begin + record + writer.write(RECORDS[2]))
    assert found == [HEADING, Unreadable("encoding_invalid"), RECORDS[2]]
    assert fault == "medium_cut_short"


@pytest.mark.parametrize(
    ("encoded", "code"),
    [
        (b"", "medium_malformed"),
        (b"liaison", "medium_malformed"),
        (b"PK\x03\x04" + bytes(100), "medium_malformed"),
        (MAGIC.replace(b"1", b"2") + GOOD[len(MAGIC) :], "version_unknown"),
        (MAGIC, "medium_malformed"),
        (MAGIC + framed(encode(CarriedCopy(b"e"))), "medium_malformed"),
        (MAGIC + framed(encode(HEADING), bytes(32)), "medium_malformed"),
    ],
    ids=[
        "nothing", "too short for a name", "another format", "another version", "nothing inside",
        "no heading", "a damaged heading",
    ],
)  # fmt: skip
def test_what_is_no_medium_gives_nothing(encoded: bytes, code: str) -> None:
    """It is refused by name before anything of it is taken."""
    assert read(encoded) == ([], code)


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b"\x00", "medium_malformed"),
        (GOOD, "medium_malformed"),
    ],
    ids=["a byte", "another medium"],
)
def test_bytes_after_the_end_are_told(tail: bytes, code: str) -> None:
    """All of the medium is read, and that more follows is said; also in a later piece."""
    for cuts in (len(GOOD), len(GOOD) + len(tail)):
        found, fault = read(GOOD + tail, cuts)
        assert [*found[:-1]] == [HEADING, *RECORDS]
        assert fault == code


@pytest.mark.parametrize("length", [0, MAX_RECORD_BYTES + 1, 2**32 - 1])
def test_length_that_lies_ends_the_reading(length: int) -> None:
    """Nothing is waited for or held beyond a record's bound, and nothing after it is read."""
    reader = MediumReader()
    begin = MediumWriter().begin(HEADING)
    assert reader.update(begin + length.to_bytes(4, "big")) == [HEADING]
    assert reader.fault is not None
    tracemalloc.start()
    try:
        for _ in range(8):
            assert reader.update(bytes(8 * 1024 * 1024)) == []
        assert tracemalloc.get_traced_memory()[0] < 1024 * 1024
    finally:
        tracemalloc.stop()
    with pytest.raises(MediumError) as caught:
        reader.finish()
    assert caught.value.code == "medium_malformed"


def test_record_that_was_dropped_or_added_is_told_at_the_end() -> None:
    """Each is good by itself and is taken, but the medium is not what was written."""
    frame = framed(encode(RECORDS[2]))
    at = GOOD.index(frame)
    dropped = GOOD[:at] + GOOD[at + len(frame) :]
    added = GOOD[:at] + framed(encode(CarriedCopy(b"other"))) + GOOD[at:]
    for altered, count in ((dropped, len(RECORDS)), (added, len(RECORDS) + 2)):
        found, fault = read(altered)
        assert fault == "medium_altered"
        assert len(found) == count


def test_longest_record_passes() -> None:
    """A whole segment, and it shows no byte of itself in a log."""
    segment = BlobSegment(b"\xab" * 32, 65_535, b"\x07" * SEGMENT_BYTES)
    found, fault = read(medium(segment), 1024 * 1024)
    assert (found[1], fault) == (segment, "")
    assert repr(segment) == "BlobSegment(abababababababab, 65535)"
