"""Every byte of a file of evidence counts."""

import pytest

from gateway.evidence.judgement import Verdict
from gateway.evidence.judging import judge_file
from tests.evidence.made import case, file_of

MADE = case(witnesses=1, quorum=1)
OPEN, CLOSED = file_of(MADE.parts), file_of(MADE.closed)


def check_flipped(encoded: bytes, at: int, mask: int) -> None:
    """Flip bits of one byte: the file is invalid, with a sentence, and nothing breaks."""
    bent = bytearray(encoded)
    bent[at] ^= mask
    judgement = judge_file(bytes(bent), MADE.made.anchor)
    assert judgement.verdict is Verdict.INVALID, (at, mask)
    assert judgement.findings[0].code
    assert " " in judgement.findings[0].detail


def test_one_flipped_bit_of_any_byte_makes_evidence_invalid() -> None:
    """From the first byte to the last."""
    assert judge_file(OPEN, MADE.made.anchor).verdict is Verdict.VALID
    for at in range(len(OPEN)):
        check_flipped(OPEN, at, 1 << at % 8)


@pytest.mark.parametrize("encoded", [OPEN, CLOSED], ids=["open", "closed"])
def test_any_flipped_bit_makes_evidence_invalid(encoded: bytes) -> None:
    """All bits, of a sample."""
    assert judge_file(encoded, MADE.made.anchor).verdict is Verdict.VALID
    for at in range(0, len(encoded), 97):
        for bit in range(8):
            check_flipped(encoded, at, 1 << bit)


def test_cut_or_grown_evidence_is_invalid() -> None:
    """A byte less, a byte more, at either end or in between."""
    for bent in (OPEN[:-1], OPEN[1:], OPEN + b"\x00", b"\x00" + OPEN, OPEN[:9000] + OPEN[9001:]):
        assert judge_file(bent, MADE.made.anchor).verdict is Verdict.INVALID
