"""Blobs and answers: their bounds, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import RejectedError
from gateway.protocol.answer import Later, PendingBlobs, Refused, encode_answers, parse_answers
from gateway.protocol.blob import (
    MAX_SEGMENT_LIST_BYTES,
    MAX_SEGMENTS,
    SEGMENT_BYTES,
    BlobSealer,
    SealedPiece,
    SegmentCheck,
    SegmentList,
    encode_segment_list,
    parse_segment_list,
    sealed_blob_bytes,
    segment_digest,
)


def segments_of(pieces: list[SealedPiece]) -> list[bytes]:
    """Put the pieces of a blob together, segment by segment."""
    made = [b""]
    for piece in pieces:
        assert piece.index == len(made) - 1
        made[-1] += piece.sealed
        if piece.ends:
            made.append(b"")
    assert made.pop() == b""
    return made


SEGMENTS = [b"a" * SEGMENT_BYTES, b"b" * 1000]
LIST = SegmentList(
    SEGMENT_BYTES + 1000, tuple(segment_digest(i, item) for i, item in enumerate(SEGMENTS))
)


def code(call: object, *arguments: object) -> str:
    """Return the code of a refusal."""
    with pytest.raises(RejectedError) as caught:
        call(*arguments)
    return caught.value.code


def verify(index: int, *pieces: bytes) -> None:
    """Verify a segment that comes in pieces."""
    check = SegmentCheck(LIST, index)
    for piece in pieces:
        check.update(piece)
    check.finish()


def test_segments_are_verified_one_by_one() -> None:
    """Its own place and its own bytes, in whatever pieces, or a named refusal."""
    for index, segment in enumerate(SEGMENTS):
        verify(index, segment)
        verify(index, segment[:7], b"", segment[7:])
        assert LIST.segment_bytes(index) == len(segment)
    assert code(verify, 2, SEGMENTS[1]) == "segment_unknown"
    assert code(verify, -1, SEGMENTS[1]) == "segment_unknown"
    assert code(verify, 0, SEGMENTS[1]) == "segment_mismatch"
    assert code(verify, 1, SEGMENTS[1][1:]) == "segment_mismatch"
    assert code(verify, 1, b"c" * 1000) == "segment_mismatch"


def test_segment_that_is_too_long_is_refused_before_it_is_read() -> None:
    """The byte too many is the last that is looked at."""
    check = SegmentCheck(LIST, 1)
    check.update(SEGMENTS[1])
    assert code(check.update, b"x") == "segment_mismatch"


def test_list_of_another_blob_is_refused() -> None:
    """A list is its blob's, or nothing."""
    encoded = encode_segment_list(LIST)
    assert parse_segment_list(encoded, LIST.blob_id) == LIST
    assert code(parse_segment_list, encoded, bytes(32)) == "blob_mismatch"
    short = SegmentList(LIST.sealed_bytes, LIST.digests[:1])
    assert code(parse_segment_list, encode_segment_list(short), short.blob_id) == "blob_mismatch"
    assert code(parse_segment_list, encoded + b"\x00", LIST.blob_id) == "encoding_invalid"
    empty = SegmentList(0, ())
    assert code(parse_segment_list, encode_segment_list(empty), empty.blob_id) == (
        "encoding_invalid"
    )


def test_longest_list_fits_its_bound() -> None:
    """As many segments as there may be."""
    longest = SegmentList(MAX_SEGMENTS * SEGMENT_BYTES, (bytes(32),) * MAX_SEGMENTS)
    encoded = encode_segment_list(longest)
    assert len(encoded) <= MAX_SEGMENT_LIST_BYTES
    assert parse_segment_list(encoded, longest.blob_id) == longest


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3_000_000), max_size=5))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """However the plaintext comes, the blob is the same, padded and cut where SPEC says."""
    total = sum(cuts)
    sealer, whole = (BlobSealer(bytes(32), bytes(24)) for _ in range(2))
    pieces = [piece for cut in cuts for piece in sealer.update(bytes(cut))]
    pieces += sealer.finish()
    made = segments_of(pieces)
    assert segments_of([*whole.update(bytes(total)), *whole.finish()]) == made
    assert sealer.segment_list() == whole.segment_list()
    assert sum(map(len, made)) == sealed_blob_bytes(total)
    for index, segment in enumerate(made):
        assert segment_digest(index, segment) == whole.segment_list().digests[index]


@given(st.integers(0, 2**40))
def test_last_segment_is_never_empty(length: int) -> None:
    """A sealed blob is 8 bytes past a multiple of 16, so segments never come out even."""
    assert sealed_blob_bytes(length) % 16 == 8


@pytest.mark.parametrize(
    "answer",
    [
        Later("busy", 86_401), Later("busy", -1), Later("Busy", 1), Refused(""),
        Refused("x" * 49), PendingBlobs(()), PendingBlobs((b"short",)),
    ],
)  # fmt: skip
def test_answers_out_of_bounds_are_refused(answer: object) -> None:
    """A peer's answer is as untrusted as its envelopes."""
    assert code(parse_answers, encode_answers([answer]), 1) == "encoding_invalid"


def test_answers_match_the_batch() -> None:
    """One for each, no more and no fewer."""
    encoded = encode_answers([Refused("expired")] * 2)
    assert len(parse_answers(encoded, 2)) == 2
    assert code(parse_answers, encoded, 1) == "encoding_invalid"
    assert code(parse_answers, encoded, 3) == "encoding_invalid"
