"""Notes, checkpoints, entry bundles and the Merkle tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import RejectedError
from keys.registry.draft import node_signer, root_signers
from keys.signing import SigningKey
from keys.suite import KeyUse
from keys.tlog import merkle
from keys.tlog.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint, verify_checkpoint
from keys.tlog.note import (
    COSIGN_ED25519,
    MAX_NOTE_BYTES,
    ClassicalSigner,
    NoteSignature,
    NoteSigner,
    VerifierKey,
    add_signatures,
    encode_note,
    parse_note,
    sign_note,
    verify_note,
)
from keys.tlog.tiles import bundle_path, encode_bundle, parse_bundle, parse_bundle_path
from tests.outcome import outcome
from tests.world import party


def signer(name: str = "mutual.example/XA/log", seed: bytes = b"\x01" * 32) -> NoteSigner:
    """Return a note's signer."""
    return ClassicalSigner(name, SigningKey(KeyUse.LOG, seed))


def code(call: object, *arguments: object) -> str:
    """Return the code of a refusal."""
    fault = outcome(call, *arguments)
    assert isinstance(fault, RejectedError)
    return fault.code


INCONSISTENT = "consistency_invalid"
TEXT = b"origin\n1\nAAAA\n"


def test_note_counts_known_signers_once_and_ignores_strangers() -> None:
    """Known, unknown and post-quantum lines together."""
    xa = party("XA")
    classical, post_quantum = root_signers(xa.roots[0])
    note = sign_note(TEXT, [signer(), classical, post_quantum])
    verified = verify_note(parse_note(note), [post_quantum.verifier, classical.verifier])
    assert verified.signed_by == {classical.verifier, post_quantum.verifier}
    assert verified.text == TEXT
    assert add_signatures(note, [classical]) == note
    assert parse_note(note).text == TEXT
    stranger = signer("x", b"\x02" * 32)
    assert code(verify_note, parse_note(note), [stranger.verifier]) == "signature_missing"
    parsed = parse_note(note)
    doubled = encode_note(TEXT, [*parsed.signatures, parsed.signatures[0]])
    assert code(verify_note, parse_note(doubled), [signer().verifier]) == "signature_invalid"
    forged = encode_note(b"other\n", parsed.signatures)
    for key in (signer().verifier, classical.verifier, post_quantum.verifier):
        assert code(verify_note, parse_note(forged), [key]) == "signature_invalid"


def test_witness_key_signs_no_note() -> None:
    """Its algorithm cosigns checkpoints, which is another text."""
    key = VerifierKey("witness.example", COSIGN_ED25519, signer().verifier.public_key)
    assert VerifierKey.parse(key.text) == key
    line = parse_note(sign_note(TEXT, [signer()])).signatures[0]
    assert code(key.verify, TEXT, line.signature) == "signature_invalid"


def test_algorithm_that_nobody_knows_verifies_nothing() -> None:
    """Its vkey is none, whatever its hash; and its line on a head counts as a stranger's."""
    origin, known = "mutual.example/XA/audit/2026", signer().verifier
    for algorithm in (b"\x00", b"\x02", b"\x05", b"\xff"):
        unknown = VerifierKey(origin, algorithm, known.public_key)
        assert code(VerifierKey.parse, unknown.text) == "vkey_malformed"
        head = Checkpoint(origin, 5, b"r" * 32).text()
        line = NoteSignature(origin, unknown.key_hash, signer().sign(head))
        signed = encode_note(head, [line])
        named = VerifierKey(origin, known.algorithm, known.public_key)
        assert code(verify_checkpoint, signed, origin, named) == "signature_missing"


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 x AAAAAAAA",
        b"\n\n\xe2\x80\x94 x AAAAAAAA\n",
        b"text\n\n- x AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 x AAAA\n",
        b"text\n\n\xe2\x80\x94 x+y AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94  AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 x AAAAAAA\n",
        b"text\n\n\xe2\x80\x94 x AAAAAAAA \n",
        b"text\n\n\xe2\x80\x94 x AAAAAB==\n",
        b"text\n\n\xe2\x80\x94 x \xc3\x84AAAAAA\n",
        b"te\x00xt\n\n\xe2\x80\x94 x AAAAAAAA\n",
        b"te\txt\n\n\xe2\x80\x94 x AAAAAAAA\n",
        b"te\xffxt\n\n\xe2\x80\x94 x AAAAAAAA\n",
        b"text\n\n" + b"\xe2\x80\x94 x AAAAAAAA\n" * 65,
        b"text\n\n" + b"\xe2\x80\x94 x AAAAAAAA\n" + b"x" * MAX_NOTE_BYTES,
    ],
)
def test_malformed_note_is_refused(note: bytes) -> None:
    """One form, bounded."""
    assert code(parse_note, note) == "note_malformed"


@pytest.mark.parametrize("text", ["", "x", "x+y+z", "x+00000000+AAAA", "{0}x", "{1}+{2}+AQ=="])
def test_malformed_verifier_key_is_refused(text: str) -> None:
    """A name, a hash that fits, and a key of a known kind."""
    key = signer().verifier
    wrong = text.format(key.text, key.name, key.key_hash.hex())
    assert code(VerifierKey.parse, wrong) == "vkey_malformed"
    assert VerifierKey.parse(key.text) == key
    name, key_hash, material = key.text.split("+", 2)
    for bad in (f"{name}+00000000+{material}", f"a b+{key_hash}+{material}"):
        assert code(VerifierKey.parse, bad) == "vkey_malformed"


def test_checkpoint_is_its_own_logs() -> None:
    """Origin, size and root; signed by the log's key."""
    checkpoint = Checkpoint("mutual.example/registry", 5, b"r" * 32)
    encoded = sign_checkpoint(checkpoint, signer())
    verified = verify_checkpoint(encoded, checkpoint.origin, signer().verifier)
    assert (verified.size, verified.root) == (5, b"r" * 32)
    assert parse_checkpoint(encoded) == checkpoint
    assert code(verify_checkpoint, encoded, "other", signer().verifier) == (
        "checkpoint_of_another_log"
    )
    stranger = signer("x", b"\x02" * 32).verifier
    assert code(verify_checkpoint, encoded, checkpoint.origin, stranger) == "signature_missing"


@pytest.mark.parametrize(
    "text",
    [
        b"o\n5\n", b"\n5\n" + b"A" * 43 + b"=\n", b"o\n05\n" + b"A" * 43 + b"=\n",
        b"o\n-1\n" + b"A" * 43 + b"=\n", b"o\n5\nAAAA\n", b"o\n5\n!\n",
        b"o\n5\n" + b"A" * 43 + b"=\nextension\n", b"o\n" + b"9" * 20 + b"\n" + b"A" * 43 + b"=\n",
    ],
)  # fmt: skip
def test_malformed_checkpoint_is_refused(text: bytes) -> None:
    """No leading zeros, no short hashes, no extension lines."""
    assert code(parse_checkpoint, sign_note(text, [signer()])) in (
        "checkpoint_malformed", "note_malformed",
    )  # fmt: skip


@given(st.integers(0, 10**12), st.integers(1, 256))
def test_bundle_paths_come_back(index: int, width: int) -> None:
    """Every bundle has one path."""
    assert parse_bundle_path(bundle_path(index, width)) == (index, width)


def test_bundle_paths_are_those_of_c2sp() -> None:
    """As the specification writes them."""
    assert bundle_path(1_234_067, 256) == "x001/x234/067"
    assert bundle_path(5, 7) == "005.p/7"
    for wrong in ("", "5", "x000/005", "005.p/0", "005.p/256", "005.p/300", "005/", "../005"):
        assert code(parse_bundle_path, wrong) == "tile_path_malformed"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=10))
def test_bundles_come_back(entries: list[bytes]) -> None:
    """Entries, each after its length; cut or miscounted ones are refused."""
    encoded = encode_bundle(entries)
    assert parse_bundle(encoded, len(entries)) == entries
    assert code(parse_bundle, encoded, len(entries) + 1) == "bundle_malformed"
    assert code(parse_bundle, encoded + b"\x00", len(entries)) == "bundle_malformed"
    assert code(parse_bundle, encoded[:-1], len(entries)) == "bundle_malformed"


leaves = st.lists(st.binary(max_size=8).map(merkle.leaf_hash), min_size=1, max_size=70)


@given(leaves, st.data())
def test_every_leaf_is_proved_and_no_other(hashes: list[bytes], data: st.DataObject) -> None:
    """Inclusion of each leaf; not at another place, nor of another leaf, nor by another path."""
    size = len(hashes)
    index = data.draw(st.integers(0, size - 1))
    root, hash_of = merkle.root_of(hashes), merkle.range_hash(hashes)
    proof = merkle.inclusion_proof(index, size, hash_of)
    merkle.verify_inclusion(hashes[index], index, size, proof, root)
    other = merkle.leaf_hash(b"none of them")
    for arguments in (
        (other, index, size, proof, root),
        (hashes[index], size, size, proof, root),
        (hashes[index][:-1], index, size, proof, root),
        (hashes[index], index, size, [*proof, other], root),
        (hashes[index], index, size, proof, other),
    ):
        assert code(merkle.verify_inclusion, *arguments) == "inclusion_invalid"


@given(leaves, st.data())
def test_every_growth_is_proved_and_no_other(hashes: list[bytes], data: st.DataObject) -> None:
    """A frontier grown in steps is the tree of all; consistency holds and fails as it should."""
    new = len(hashes)
    old = data.draw(st.integers(1, new))
    frontier = merkle.Frontier().extend(hashes[:old])
    assert merkle.Frontier.parse(frontier.encode()) == frontier
    grown = frontier.extend(hashes[old:])
    assert grown.root() == merkle.root_of(hashes)
    proof = merkle.consistency_proof(old, new, merkle.range_hash(hashes))
    merkle.verify_consistency(old, new, proof, frontier.root(), grown.root())
    other = merkle.leaf_hash(b"another")
    for arguments in (
        (old, new, proof, other, grown.root()),
        (old, new, proof, frontier.root(), other),
        (old, new, [*proof, other], frontier.root(), grown.root()),
        (0, new, [], merkle.EMPTY_ROOT, grown.root()),
        (new + 1, new, proof, frontier.root(), grown.root()),
    ):
        assert code(merkle.verify_consistency, *arguments) == "consistency_invalid"


def test_proof_of_growth_says_what_the_tree_was_before() -> None:
    """Where it leads to the larger root; of a power of two it leaves the old root out."""
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(20)]
    roots = [merkle.root_of(leaves[:size]) for size in range(21)]
    for new in range(21):
        for old in range(new + 1):
            proof = merkle.consistency_proof(old, new, merkle.range_hash(leaves))
            if old in (0, 1, 2, 4, 8, 16, new):
                assert code(merkle.root_before, old, new, proof, roots[new]) == INCONSISTENT
                continue
            assert merkle.root_before(old, new, proof, roots[new]) == roots[old]
            for wrong in (roots[new - 1], bytes(32)):
                assert code(merkle.root_before, old, new, proof, wrong) == INCONSISTENT
            for bent in ([*proof, bytes(32)], proof[:-1], [bytes(32), *proof[1:]]):
                assert code(merkle.root_before, old, new, bent, roots[new]) == INCONSISTENT


def test_small_trees_are_proved_all_over() -> None:
    """Every leaf of, and every growth between, all trees of up to 17 leaves."""
    hashes = [merkle.leaf_hash(bytes([number])) for number in range(17)]
    roots = [merkle.root_of(hashes[:size]) for size in range(18)]
    hash_of = merkle.range_hash(hashes)
    for new in range(1, 18):
        for index in range(new):
            proof = merkle.inclusion_proof(index, new, hash_of)
            merkle.verify_inclusion(hashes[index], index, new, proof, roots[new])
        for old in range(1, new + 1):
            proof = merkle.consistency_proof(old, new, hash_of)
            merkle.verify_consistency(old, new, proof, roots[old], roots[new])


def test_trees_have_edges() -> None:
    """The empty tree, and questions that make no sense."""
    assert merkle.Frontier().root() == merkle.EMPTY_ROOT
    assert merkle.consistency_proof(0, 5, merkle.range_hash([])) == []
    assert code(merkle.Frontier.parse, b"\x00" * 7 + b"\x01") == "frontier_malformed"
    assert code(merkle.Frontier.parse, b"") == "frontier_malformed"
    for mistake in (
        lambda: merkle.inclusion_proof(1, 1, merkle.range_hash([])),
        lambda: merkle.consistency_proof(2, 1, merkle.range_hash([])),
    ):
        with pytest.raises(ValueError, match="tree"):
            mistake()


def test_node_and_root_sign_under_names_of_their_own() -> None:
    """Whoever reads a note's lines sees who signed as what."""
    xa = party("XA")
    record = next(iter(xa.records.values()))
    name = node_signer("mutual.example", xa.member, record).verifier.name
    assert name == "mutual.example/XA/sign"
    assert {item.verifier.name for item in root_signers(xa.roots[0])} == {"mutual.example/XA/root"}
