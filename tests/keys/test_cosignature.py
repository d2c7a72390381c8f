"""Cosignatures: whose they are, over what, and what time a quorum of them vouches for."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import RejectedError
from keys.registry.witnessed import witnessed_time
from keys.signing import SigningKey
from keys.suite import KeyUse
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from keys.tlog.cosignature import (
    MAX_TIME,
    CosigningKey,
    add_cosignatures,
    cosignatures,
    cosigned_at,
    read_cosignatures,
)
from keys.tlog.note import (
    ClassicalSigner,
    NoteSignature,
    VerifierKey,
    encode_note,
    parse_note,
    sign_note,
    verify_note,
)
from tests.outcome import outcome
from tests.world import NOW, party, world

VECTOR = json.loads(
    (Path(__file__).parent / "vectors" / "cosigned_checkpoint.json").read_text(encoding="utf-8")
)
AT = 1_790_000_000
HEAD = Checkpoint("mutual.example/registry", 5, b"r" * 32)
LOG = ClassicalSigner("mutual.example/REGISTRY/log", SigningKey(KeyUse.LOG, b"\x01" * 32))
SIGNED = sign_checkpoint(HEAD, LOG)


def witness(number: int = 1) -> CosigningKey:
    """Return a witness, the same for the same number."""
    return CosigningKey.from_seed(f"mutual.example/W{number}/witness", bytes([number]) * 32)


def cosigned(*said: tuple[CosigningKey, int], checkpoint: bytes = SIGNED) -> bytes:
    """Return a checkpoint with what witnesses said of it."""
    lines = [line for key, at in said for line in key.cosign(checkpoint, at)]
    return add_cosignatures(checkpoint, lines)


def code(call: object, *arguments: object) -> str:
    """Return the code of a refusal."""
    fault = outcome(call, *arguments)
    assert isinstance(fault, RejectedError)
    return fault.code


def answer_of(lines: tuple[NoteSignature, ...]) -> bytes:
    """Return lines as a witness answers them."""
    return "".join(line.line() + "\n" for line in lines).encode()


def test_checkpoint_cosigned_by_a_public_witness_verifies() -> None:
    """What a witness in operation said of a public log, with both its keys."""
    keys = (VerifierKey.parse(VECTOR["classical"]), VerifierKey.parse(VECTOR["post_quantum"]))
    checkpoint = VECTOR["checkpoint"].encode()
    assert cosigned_at(checkpoint, keys) == VECTOR["cosigned_at"]
    assert [line.name for line in cosignatures(checkpoint, keys)] == [keys[0].name] * 2
    other = checkpoint.replace(b"\n185550722\n", b"\n185550723\n")
    assert code(cosigned_at, other, keys) == "cosignature_invalid"


def test_cosignatures_are_the_bytes_of_the_specification() -> None:
    """Both messages written out again by hand, and verified by another library."""
    key = witness()
    classical, post_quantum = key.cosign(SIGNED, AT)
    first, second = key.verifiers
    text = b"cosignature/v1\ntime 1790000000\n" + HEAD.text()
    stamp = (1_790_000_000).to_bytes(8, "big")
    assert classical.signature[:8] == post_quantum.signature[:8] == stamp
    Ed25519PublicKey.from_public_bytes(first.public_key).verify(classical.signature[8:], text)
    message = (
        b"subtree/v1\n\x00\x19mutual.example/W1/witness"
        + stamp
        + b"\x17mutual.example/registry"
        + bytes(8)
        + (5).to_bytes(8, "big")
        + b"r" * 32
    )
    MLDSA44PublicKey.from_public_bytes(second.public_key).verify(
        post_quantum.signature[8:], message
    )
    assert (len(classical.signature), len(post_quantum.signature)) == (72, 2428)
    assert base64.b64decode(first.text.split("+", 2)[2])[:1] == b"\x04"
    assert base64.b64decode(second.text.split("+", 2)[2])[:1] == b"\x06"
    assert [VerifierKey.parse(item.text) for item in key.verifiers] == [first, second]


def test_witness_keys_are_derived_from_one_seed() -> None:
    """The same seed gives the same pair, another seed another; nothing of it is shown."""
    assert witness().verifiers == witness().verifiers
    assert set(witness(1).verifiers).isdisjoint(witness(2).verifiers)
    assert witness().classical.public_key != SigningKey(KeyUse.WITNESS, b"\x01" * 32).public_key
    assert repr(witness()) == "CosigningKey(name='mutual.example/W1/witness')"
    with pytest.raises(ValueError, match="32 bytes"):
        CosigningKey.from_seed("w", b"short")


def test_cosignatures_stand_beside_the_logs_own_line() -> None:
    """The log's signature verifies as before, and another witness's lines are ignored."""
    signed = cosigned((witness(1), AT), (witness(2), AT + 5))
    verify_checkpoint(signed, HEAD.origin, LOG.verifier)
    assert cosigned_at(signed, witness(1).verifiers) == AT
    assert cosigned_at(signed, witness(2).verifiers) == AT + 5
    assert cosigned_at(signed, witness(3).verifiers) is None
    assert cosigned_at(SIGNED, witness(1).verifiers) is None


def test_proof_of_possession_is_no_cosignature_nor_the_reverse() -> None:
    """What a witness's keys sign on a statement cannot be taken for a word on a checkpoint."""
    key = witness()
    statement = b"mutual.example/registry/v1\nkind keys\n"
    proved = parse_note(sign_note(statement, key.provers))
    provers = [signer.verifier for signer in key.provers]
    assert verify_note(proved, provers).signed_by == frozenset(provers)
    stamp = AT.to_bytes(8, "big")
    tried = sign_note(HEAD.text(), key.provers)
    forged = encode_note(
        HEAD.text(),
        [
            NoteSignature(verifier.name, verifier.key_hash, stamp + line.signature)
            for verifier, line in zip(key.verifiers, parse_note(tried).signatures, strict=True)
        ],
    )
    assert code(cosigned_at, forged, key.verifiers) == "cosignature_invalid"
    lines = key.cosign(SIGNED, AT)
    for prover, line in zip(provers, lines, strict=True):
        said = NoteSignature(prover.name, prover.key_hash, line.signature[8:])
        reverse = parse_note(encode_note(HEAD.text(), [said]))
        assert code(verify_note, reverse, provers) == "signature_invalid"


def test_one_key_of_two_is_no_cosignature() -> None:
    """Nor are both when they name different times: a mixture nobody said."""
    key = witness()
    old, new = key.cosign(SIGNED, AT), key.cosign(SIGNED, AT + 1)
    for lines in (old[:1], old[1:], (old[0], new[1])):
        assert cosigned_at(add_cosignatures(SIGNED, lines), key.verifiers) is None
        assert cosignatures(add_cosignatures(SIGNED, lines), key.verifiers) == ()
    assert cosigned_at(add_cosignatures(SIGNED, old), key.verifiers) == AT


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("stamp", [0, MAX_TIME + 1, AT + 1])
def test_altered_cosignature_is_refused(which: int, stamp: int) -> None:
    """No time, an absurd time, or another time than was signed; a bit of the signature."""
    key = witness()
    lines = list(key.cosign(SIGNED, AT))
    line = lines[which]
    for altered in (
        stamp.to_bytes(8, "big") + line.signature[8:],
        line.signature[:-1] + bytes((line.signature[-1] ^ 1,)),
        line.signature[:8],
    ):
        lines[which] = NoteSignature(line.name, line.key_hash, altered)
        note = parse_note(SIGNED)
        shown = encode_note(note.text, [*note.signatures, *lines])
        assert code(cosigned_at, shown, key.verifiers) == "cosignature_invalid"
        assert code(cosignatures, shown, key.verifiers) == "cosignature_invalid"


def test_cosignature_that_stands_twice_is_refused() -> None:
    """Each key says one thing of one checkpoint."""
    key = witness()
    note = parse_note(SIGNED)
    lines = (*key.cosign(SIGNED, AT), *key.cosign(SIGNED, AT + 1))
    shown = encode_note(note.text, [*note.signatures, *lines])
    assert code(cosigned_at, shown, key.verifiers) == "cosignature_invalid"


def test_cosignature_of_another_head_is_refused() -> None:
    """Another size, root or origin is another message to both keys."""
    key = witness()
    lines = key.cosign(SIGNED, AT)
    for other in (
        Checkpoint(HEAD.origin, 6, HEAD.root),
        Checkpoint(HEAD.origin, 5, b"s" * 32),
        Checkpoint("mutual.example/other", 5, HEAD.root),
    ):
        moved = add_cosignatures(sign_checkpoint(other, LOG), lines)
        assert code(cosigned_at, moved, key.verifiers) == "cosignature_invalid"


def test_newer_cosignature_replaces_an_older_one_and_never_the_reverse() -> None:
    """Both lines together, in their place, with the log's own line first."""
    key = witness()
    earlier, later = key.cosign(SIGNED, AT), key.cosign(SIGNED, AT + 9)
    old, new = add_cosignatures(SIGNED, earlier), add_cosignatures(SIGNED, later)
    assert add_cosignatures(old, later) == new
    assert add_cosignatures(new, earlier) == new
    assert add_cosignatures(new, ()) == new
    assert parse_note(new).signatures[0].name == LOG.name


def test_answer_of_a_witness_is_read_and_strangers_are_left_out() -> None:
    """Two lines of the known keys; without both there is no cosignature."""
    key, other = witness(1), witness(2)
    lines = key.cosign(SIGNED, AT)
    answer = answer_of((*other.cosign(SIGNED, AT), *lines))
    assert read_cosignatures(SIGNED, answer, key.verifiers) == lines
    for wrong, reason in (
        (answer_of(lines[:1]), "cosignature_missing"),
        (answer_of(witness(3).cosign(SIGNED, AT)), "cosignature_missing"),
        (b"", "note_malformed"),
        (b"503 Service Unavailable", "note_malformed"),
        (b"\n" + answer_of(lines), "checkpoint_malformed"),
        (b"extension\n\n" + answer_of(lines), "checkpoint_malformed"),
    ):
        assert code(read_cosignatures, SIGNED, wrong, key.verifiers) == reason


def test_only_checkpoints_are_cosigned_at_a_time() -> None:
    """A note that is none, names longer than the format holds, and no time."""
    key = witness()
    assert code(key.cosign, sign_note(b"no checkpoint\n", [LOG]), AT) == "checkpoint_malformed"
    long = sign_checkpoint(Checkpoint("o" * 256, 5, HEAD.root), LOG)
    assert code(key.cosign, long, AT) == "checkpoint_malformed"
    just = sign_checkpoint(Checkpoint("o" * 255, 5, HEAD.root), LOG)
    assert cosigned_at(cosigned((key, AT), checkpoint=just), key.verifiers) == AT
    for at in (0, -1, MAX_TIME + 1):
        with pytest.raises(ValueError, match="time"):
            key.cosign(SIGNED, at)
    far = cosigned((key, MAX_TIME))
    assert cosigned_at(far, key.verifiers) == MAX_TIME


WITNESSING = (KeyUse.SIGN, KeyUse.LOG, KeyUse.WITNESS, KeyUse.TLS)
WITNESSES = [party(f"W{number}", uses=WITNESSING) for number in range(1, 6)]
WORLD = world(*WITNESSES)
MEMBERS = [WORLD.view.members[item.member] for item in WITNESSES]
COSIGNERS = [item.cosigner() for item in WITNESSES]


@given(st.lists(st.none() | st.integers(1, 20), min_size=5, max_size=5), st.integers(1, 6))
def test_quorum_vouches_for_the_kth_newest_time(said: list[int | None], quorum: int) -> None:
    """Whoever is slow, silent or early: with k of n it is the (n−k+1)-th smallest of all n."""
    spoken = [(key, NOW + at) for key, at in zip(COSIGNERS, said, strict=True) if at is not None]
    at = witnessed_time(WORLD.head(*spoken), MEMBERS, quorum)
    vouching = [time for _, time in spoken if at is not None and time >= at]
    if len(spoken) < quorum:
        assert at is None
    else:
        assert len(vouching) >= quorum
        assert at in vouching
        assert sum(time > at for time in vouching) < quorum
    if len(spoken) == len(MEMBERS) and at is not None:
        assert at == sorted(time for _, time in spoken)[len(MEMBERS) - quorum]
