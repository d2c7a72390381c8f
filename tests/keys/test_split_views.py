"""A log's roots at all its sizes, and the proof that a log showed two histories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import RejectedError
from keys.signing import SigningKey
from keys.suite import KeyUse
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.history import TreeHistory
from keys.tlog.merkle import leaf_hash, range_hash, root_of
from keys.tlog.note import ClassicalSigner
from keys.tlog.split_view import (
    MAX_SPLIT_VIEW_BYTES,
    SplitView,
    encode_split_view,
    parse_split_view,
    split_view_of,
    verify_split_view,
)
from tests.outcome import outcome

ORIGIN = "mutual.example/registry"
SIGNER = ClassicalSigner("mutual.example/REGISTRY/log", SigningKey(KeyUse.LOG, b"\x01" * 32))
OTHER = ClassicalSigner("mutual.example/XA/log", SigningKey(KeyUse.LOG, b"\x02" * 32))


def leaves(count: int, fork_at: int | None = None) -> list[bytes]:
    """Return leaf hashes; from ``fork_at`` on they are another history's."""
    forked = count if fork_at is None else fork_at
    return [leaf_hash(b"%d %d" % (number, number >= forked)) for number in range(count)]


def head(shown: list[bytes], signer: ClassicalSigner = SIGNER, origin: str = ORIGIN) -> bytes:
    """Return the signed head over leaf hashes."""
    return sign_checkpoint(Checkpoint(origin, len(shown), root_of(shown)), signer)


def split(small: int, large: int, fork_at: int) -> SplitView:
    """Return the proof that a log of ``large`` leaves was shown otherwise at ``small``."""
    smaller, larger = leaves(small, fork_at), leaves(large)
    return split_view_of(head(smaller), head(larger), root_of(larger[:small]), range_hash(larger))


def code(shown: SplitView, *signers: ClassicalSigner) -> str:
    """Return why a proof proves nothing."""
    fault = outcome(verify_split_view, shown, ORIGIN, [item.verifier for item in signers])
    assert isinstance(fault, RejectedError)
    return fault.code


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_history_tells_the_root_of_every_size(hashes: list[bytes]) -> None:
    """Grown at once or leaf by leaf, it is the root over the leaves so far."""
    whole, grown = TreeHistory().extend(hashes), TreeHistory()
    for item in hashes:
        grown = grown.extend([item])
    assert whole == grown
    for size in range(len(hashes) + 1):
        assert whole.root_at(size) == root_of(hashes[:size])


@pytest.mark.parametrize("size", [-1, 4])
def test_history_knows_no_size_that_the_log_had_not(size: int) -> None:
    """It is asked of reached sizes alone."""
    with pytest.raises(ValueError, match="has not had"):
        TreeHistory().extend(leaves(3)).root_at(size)


@given(st.integers(1, 40), st.integers(0, 40), st.data())
def test_split_view_is_proven_and_survives_its_text(
    small: int, more: int, data: st.DataObject
) -> None:
    """Of any two sizes, wherever the histories part; written, read and verified."""
    fork_at = data.draw(st.integers(0, small - 1))
    shown = split(small, small + more, fork_at)
    read = parse_split_view(encode_split_view(shown))
    assert read == shown
    smaller, larger = verify_split_view(read, ORIGIN, [OTHER.verifier, SIGNER.verifier])
    assert (smaller.size, larger.size) == (small, small + more)


def test_heads_of_one_log_prove_nothing() -> None:
    """A log that merely grew, or the same head twice."""
    grown = leaves(7)
    honest = split_view_of(head(grown[:5]), head(grown), root_of(grown[:5]), range_hash(grown))
    assert code(honest, SIGNER) == "split_view_unproven"
    same = split_view_of(head(grown), head(grown), root_of(grown), range_hash(grown))
    assert code(same, SIGNER) == "split_view_unproven"


def test_proof_of_another_root_proves_nothing() -> None:
    """The root must be the larger tree's own; so must the order of the two heads."""
    shown = split(5, 7, 2)
    bent = SplitView(shown.smaller, shown.larger, bytes(32), shown.proof)
    assert code(bent, SIGNER) == "split_view_unproven"
    turned = SplitView(shown.larger, shown.smaller, shown.root, shown.proof)
    assert code(turned, SIGNER) == "split_view_unproven"


def test_heads_that_the_log_did_not_sign_prove_nothing() -> None:
    """Another's signature, another log's head, or no key to check by."""
    assert code(split(5, 7, 2), OTHER) == "signature_missing"
    assert code(split(5, 7, 2)) == "signature_missing"
    foreign = SplitView(head(leaves(5), origin="x/registry"), head(leaves(5, 1)), bytes(32), ())
    assert code(foreign, SIGNER) == "checkpoint_of_another_log"


@pytest.mark.parametrize(
    "bend",
    [
        lambda text: text[:-2],
        lambda text: text + b"\n",
        lambda text: text.replace(b"split-view 1", b"split-view 2"),
        lambda text: text.replace(b"-----\n", b"", 1),
        lambda text: text + b"AAAA\n",
        lambda text: b"\xff" + text,
        lambda text: text + b"A" * MAX_SPLIT_VIEW_BYTES,
    ],
)
def test_altered_file_is_refused(bend: object) -> None:
    """One form only."""
    fault = outcome(parse_split_view, bend(encode_split_view(split(5, 7, 2))))
    assert isinstance(fault, RejectedError)
    assert fault.code == "split_view_malformed"
