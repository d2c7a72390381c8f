"""A proof that stands alone, and the policy by which a tool of others judges its head."""

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import RejectedError
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.cosignature import CosigningKey, add_cosignatures, cosigned_at
from keys.tlog.merkle import inclusion_proof, leaf_hash, range_hash, root_of
from keys.tlog.note import ClassicalSigner, VerifierKey, encode_base64
from keys.tlog.policy import encode_policy
from keys.tlog.proof import (
    MAX_HASHES,
    MAX_PROOF_BYTES,
    InclusionProof,
    encode_proof,
    parse_proof,
    verify_proof,
)
from tests.outcome import outcome

ORIGIN = "mutual.example/XA/audit/2026"
LOG = ClassicalSigner(ORIGIN, SigningKey(KeyUse.LOG, b"\x01" * 32))
NEXT_LOG = ClassicalSigner(ORIGIN, SigningKey(KeyUse.LOG, b"\x02" * 32))
LEAVES = [leaf_hash(bytes([number])) for number in range(70)]
AT = 1_790_000_000


def head(size: int, origin: str = ORIGIN) -> bytes:
    """Return the signed head over the first leaves."""
    return sign_checkpoint(Checkpoint(origin, size, root_of(LEAVES[:size])), LOG)


def proof(index: int = 5, size: int = 70, extra: bytes = b"") -> InclusionProof:
    """Return the proof of a leaf."""
    hashes = inclusion_proof(index, size, range_hash(LEAVES[:size]))
    return InclusionProof(index, tuple(hashes), head(size), extra)


def code(call: object, *arguments: object) -> str:
    """Return the code of a refusal."""
    fault = outcome(call, *arguments)
    assert isinstance(fault, RejectedError)
    return fault.code


@given(st.integers(1, 70), st.binary(max_size=40), st.data())
def test_proof_of_every_leaf_comes_back_and_verifies(
    size: int, extra: bytes, data: st.DataObject
) -> None:
    """Written, read and verified, by whichever key of the log signed its head."""
    index = data.draw(st.integers(0, size - 1))
    made = proof(index, size, extra)
    assert parse_proof(encode_proof(made)) == made
    keys = [NEXT_LOG.verifier, LOG.verifier]
    verified = verify_proof(made, LEAVES[index], ORIGIN, keys)
    assert (verified.origin, verified.size) == (ORIGIN, size)


def test_proof_is_written_as_c2sp_writes_it() -> None:
    """Title, extra, index, the path from the leaf up, an empty line, the head as it stands."""
    hashes = [encode_base64(LEAVES[0]), encode_base64(root_of(LEAVES[2:3]))]
    written = encode_proof(proof(1, 3, b"what it is about"))
    assert written.decode().split("\n\n", 1) == [
        "\n".join(("c2sp.org/tlog-proof@v1", "extra d2hhdCBpdCBpcyBhYm91dA==", "index 1", *hashes)),
        head(3).decode(),
    ]


def test_proof_of_something_else_proves_nothing() -> None:
    """Another leaf, another place, another path, another log, another key: each has its error."""
    made, keys = proof(), [LOG.verifier]
    longer = InclusionProof(5, (*made.hashes, LEAVES[0]), made.checkpoint)
    moved = InclusionProof(4, made.hashes, made.checkpoint)
    beyond = InclusionProof(70, made.hashes, made.checkpoint)
    elsewhere = InclusionProof(5, made.hashes, head(70, "mutual.example/XB/audit/2026"))
    stranger = [NEXT_LOG.verifier]
    for shown, leaf, trusted, expected in (
        (made, LEAVES[6], keys, "inclusion_invalid"),
        (moved, LEAVES[5], keys, "inclusion_invalid"),
        (beyond, LEAVES[5], keys, "inclusion_invalid"),
        (longer, LEAVES[5], keys, "inclusion_invalid"),
        (elsewhere, LEAVES[5], keys, "checkpoint_of_another_log"),
        (made, LEAVES[5], stranger, "signature_missing"),
        (made, LEAVES[5], [], "signature_missing"),
    ):
        assert code(verify_proof, shown, leaf, ORIGIN, trusted) == expected


def test_any_changed_byte_of_a_proof_is_noticed() -> None:
    """What is not refused when it is read does not verify."""
    written = encode_proof(proof())
    for place in range(len(written)):
        for bit in (1, 0x20, 0x80):
            bent = written[:place] + bytes([written[place] ^ bit]) + written[place + 1 :]
            read = outcome(parse_proof, bent)
            if not isinstance(read, RejectedError):
                read = outcome(verify_proof, read, LEAVES[5], ORIGIN, [LOG.verifier])
            assert isinstance(read, RejectedError), (place, bit)


HASH = encode_base64(LEAVES[0])
SPARE_BIT = HASH[:-2] + chr(ord(HASH[-2]) + 1) + "="


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v2\nindex 5",
        "c2sp.org/tlog-proof@v1\nextra \nindex 5",
        "c2sp.org/tlog-proof@v1\nextra AAB=\nindex 5",
        "c2sp.org/tlog-proof@v1\nextra AAAA",
        "c2sp.org/tlog-proof@v1\nextra AAAA\nextra AAAA\nindex 5",
        "c2sp.org/tlog-proof@v1\nindex 5\nextra AAAA",
        "c2sp.org/tlog-proof@v1\nindex 05",
        "c2sp.org/tlog-proof@v1\nindex -5",
        "c2sp.org/tlog-proof@v1\nindex ٣",
        f"c2sp.org/tlog-proof@v1\nindex {10**19}",
        "c2sp.org/tlog-proof@v1\r\nindex 5",
        "c2sp.org/tlog-proof@v1\nindex 5\nAAAA",
        f"c2sp.org/tlog-proof@v1\nindex 5\n{HASH} ",
        f"c2sp.org/tlog-proof@v1\nindex 5\n{HASH[:-1]}",
        f"c2sp.org/tlog-proof@v1\nindex 5\n{SPARE_BIT}",
        "c2sp.org/tlog-proof@v1\nindex 5" + f"\n{HASH}" * (MAX_HASHES + 1),
    ],
)
def test_malformed_proof_is_refused(lines: str) -> None:
    """One form only: numbers, base64, order and bounds."""
    assert code(parse_proof, lines.encode() + b"\n\n" + head(70)) == "proof_malformed"


def test_proof_without_a_head_or_of_any_size_is_refused() -> None:
    """Bounded before it is read; the head is one."""
    lines = b"c2sp.org/tlog-proof@v1\nindex 5\n"
    for wrong in (b"", lines, lines + b"\n", lines + b"\n" + b"x" * MAX_PROOF_BYTES):
        assert code(parse_proof, wrong) == "proof_malformed"
    assert code(parse_proof, lines + b"\nno head") == "note_malformed"
    assert code(parse_proof, lines + b"\n" + head(70)[1:] + b"\n") == "note_malformed"


def witness(member: str, seed: int) -> CosigningKey:
    """Return a witness's keys."""
    return CosigningKey.from_seed(f"mutual.example/{member}/witness", bytes([seed]) * 32)


WITNESSES = {MemberId(f"W{number}"): witness(f"W{number}", number) for number in (1, 2, 3)}
POLICY = encode_policy(
    [LOG.verifier], {name: [key.verifiers] for name, key in WITNESSES.items()}, 2
)


def satisfied(policy: bytes, checkpoint: bytes) -> bool:
    """Say whether a head's cosignatures satisfy a policy, read as its specification says."""
    held: dict[str, bool] = {}
    for line in policy.decode().splitlines():
        match line.split():
            case ["log", vkey]:
                assert VerifierKey.parse(vkey).name == ORIGIN
            case ["witness", name, vkey]:
                assert name not in held
                key = VerifierKey.parse(vkey)
                held[name] = cosigned_at(checkpoint, [key]) is not None
            case ["group", name, threshold, *members]:
                assert name not in held
                least = {"all": len(members), "any": 1}.get(threshold) or int(threshold)
                held[name] = sum(held[member] for member in members) >= least
            case ["quorum", name]:
                return name == "none" or held[name]
    raise AssertionError("a policy ends with its quorum")


def said() -> Iterator[tuple[int, bytes]]:
    """Yield a head as each choice of witnesses leaves it, and how many they are."""
    for count in range(4):
        for chosen in combinations(WITNESSES.values(), count):
            lines = [line for key in chosen for line in key.cosign(head(70), AT)]
            yield count, add_cosignatures(head(70), lines)


def test_policy_asks_for_the_quorum_and_no_more() -> None:
    """Whichever witnesses they are."""
    for count, checkpoint in said():
        assert satisfied(POLICY, checkpoint) == (count >= 2)


def test_policy_counts_no_witness_by_one_of_its_two_keys() -> None:
    """Two Ed25519 halves, or one half of each kind from two witnesses, are no quorum."""
    first, second, third = WITNESSES.values()
    whole = first.cosign(head(70), AT)
    for half in (0, 1):
        partial = (second.cosign(head(70), AT)[half], third.cosign(head(70), AT)[1 - half])
        assert not satisfied(POLICY, add_cosignatures(head(70), [*whole, *partial]))


def test_policy_takes_a_witness_by_any_of_its_pairs_but_once() -> None:
    """One that renewed its keys has two; halves of different pairs are not a pair."""
    old, new = WITNESSES[MemberId("W1")], witness("W1", 9)
    pairs = {MemberId("W1"): [old.verifiers, new.verifiers]}
    pairs |= {MemberId(name): [WITNESSES[MemberId(name)].verifiers] for name in ("W2", "W3")}
    policy = encode_policy([LOG.verifier], pairs, 2)
    (a, b), (c, d) = old.cosign(head(70), AT), new.cosign(head(70), AT)
    other = WITNESSES[MemberId("W2")].cosign(head(70), AT)
    for own, enough in (([a, b], True), ([c, d], True), ([a, d], False), ([c, b], False)):
        assert satisfied(policy, add_cosignatures(head(70), [*own, *other])) == enough
    assert not satisfied(policy, add_cosignatures(head(70), [a, b, c, d]))


def test_policy_of_no_witnesses_asks_for_none() -> None:
    """A federation that names none has the log's signature alone."""
    policy = encode_policy([LOG.verifier], {}, 0)
    assert policy == f"log {LOG.verifier.text}\nquorum none\n".encode()
    assert satisfied(policy, head(70))


def test_policy_that_says_nothing_sensible_is_not_written() -> None:
    """A quorum of too many or of none; a witness without keys; a key that stands twice."""
    keys = WITNESSES[MemberId("W1")].verifiers
    one, two = {MemberId("W1"): [keys]}, {MemberId("W1"): [keys], MemberId("W2"): [keys]}
    again = VerifierKey(f"{ORIGIN}.1", LOG.verifier.algorithm, LOG.verifier.public_key)
    for logs, witnesses, quorum in (
        ([LOG.verifier], one, 2),
        ([LOG.verifier], one, 0),
        ([LOG.verifier], {}, 1),
        ([LOG.verifier], {MemberId("W1"): []}, 1),
        ([LOG.verifier], two, 1),
        ([LOG.verifier, again], one, 1),
    ):
        with pytest.raises(ValueError, match=r"quorum|once"):
            encode_policy(logs, witnesses, quorum)  # type: ignore[arg-type]
