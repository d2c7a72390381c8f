"""SPEC "Witnesses": the bodies of add-checkpoint, and which heads may pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RejectedError
from gateway.protocol.witness import (
    AddCheckpoint,
    SizeDiffersError,
    check_growth,
    encode_add_checkpoint,
    encode_size,
    parse_add_checkpoint,
    parse_size,
)
from keys.tlog import merkle
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint
from tests.outcome import outcome

EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
""".encode()  # noqa: E501 - as c2sp.org/tlog-witness writes it
HASHES = [merkle.leaf_hash(bytes([number])) for number in range(20)]
ROOTS = [merkle.root_of(HASHES[:size]) for size in range(21)]
NOTHING = b"\x00" * 32


def head(size: int, root: bytes | None = None) -> Checkpoint:
    """Return a head of the log of these tests."""
    return Checkpoint("mutual.example/registry", size, ROOTS[size] if root is None else root)


def test_request_of_the_specification_is_read_and_written_back() -> None:
    """Old size, four hashes, and the checkpoint as it stands."""
    asked = parse_add_checkpoint(EXAMPLE)
    assert asked.old_size == 20_852_014
    assert [len(item) for item in asked.proof] == [32] * 4
    assert parse_checkpoint(asked.checkpoint).size == 20_852_163
    assert encode_add_checkpoint(asked) == EXAMPLE


@given(
    st.integers(0, 10**18),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=50),
)
def test_requests_come_back(old_size: int, proof: list[bytes], checkpoint: bytes) -> None:
    """Whatever the checkpoint is: it is judged where it is verified."""
    asked = AddCheckpoint(old_size=old_size, proof=tuple(proof), checkpoint=checkpoint)
    assert parse_add_checkpoint(encode_add_checkpoint(asked)) == asked


@pytest.mark.parametrize(
    "body",
    [
        b"", b"old 0", b"old 0\n", b"\n\n", b"old 00\n\nx", b"old -1\n\nx", b"old 1 \n\nx",
        b"Old 1\n\nx", b"new 1\n\nx", b"old 1\nAAAA\n\nx", b"old 1\n!\n\nx", b"old 1\r\n\r\nx",
        b"old 1\n" + b"A" * 44 + b"\n\nx", b"old \xff\n\nx", b"old 99999999999999999999\n\nx",
        b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\nx",
    ],
)  # fmt: skip
def test_malformed_request_is_refused(body: bytes) -> None:
    """One form, and at most 63 hashes."""
    fault = outcome(parse_add_checkpoint, body)
    assert isinstance(fault, RejectedError)
    assert fault.code == "add_checkpoint_malformed"


def test_known_size_is_told_in_one_form() -> None:
    """A number and a newline."""
    assert encode_size(0) == b"0\n"
    assert parse_size(encode_size(20_852_014)) == 20_852_014
    for wrong in (b"", b"1", b"01\n", b"-1\n", b"1\n\n", b"x\n", b"9" * 20 + b"\n"):
        assert outcome(parse_size, wrong).code == "size_malformed"


def test_every_growth_passes_with_its_proof_and_with_no_other() -> None:
    """All pairs of sizes up to twenty, the empty tree among them."""
    hash_of = merkle.range_hash(HASHES)
    for new in range(21):
        for old in range(new + 1):
            known = head(old) if old else None
            proof = merkle.consistency_proof(old, new, hash_of)
            check_growth(old, proof, head(new), known)
            check_growth(old, proof, head(new), head(old))
            for wrong in ([*proof, NOTHING], [NOTHING] * len(proof) if proof else [NOTHING]):
                fault = outcome(check_growth, old, wrong, head(new), known)
                assert fault.code == "consistency_invalid", (old, new)
            if old or not new:
                fault = outcome(check_growth, old, proof, head(new, NOTHING), known)
                assert fault.code == "consistency_invalid", (old, new)


def test_growth_from_another_head_than_the_known_one_learns_its_size() -> None:
    """Smaller, larger, or of a log that was never seen; what is impossible comes first."""
    for old, shown, known, told in ((0, 9, head(7), 7), (5, 9, head(7), 7), (5, 9, None, 0)):
        fault = outcome(check_growth, old, [], head(shown), known)
        assert isinstance(fault, SizeDiffersError)
        assert (fault.code, fault.size) == ("witnessed_size_differs", told)
    fault = outcome(check_growth, 9, [], head(7), head(9))
    assert fault.code == "old_size_too_large"
