"""Code that is not ours verifies what we write, and refuses it after one changed byte."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import pytest

from keys.registry.draft import root_signers
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.cosignature import CosigningKey, add_cosignatures
from keys.tlog.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash
from keys.tlog.nodes import Node, TiledHashes, completed_nodes
from keys.tlog.note import ClassicalSigner, VerifierKey, encode_base64, parse_note, sign_note
from keys.tlog.policy import encode_policy
from keys.tlog.proof import InclusionProof, encode_proof
from keys.tlog.tiles import bundle_path, encode_bundle, encode_tile, tile_path, tiles_of
from tests.thirdparty.go import Checker, Refused
from tests.world import party, world

ORIGIN = "mutual.example/XA/audit/2026"
LOG = ClassicalSigner(ORIGIN, SigningKey(KeyUse.LOG, b"\x01" * 32))
VKEY = LOG.verifier.text
Opener = Callable[[VerifierKey], Callable[[bytes], object]]

AT = 1_790_000_000
TALL = 65_536 + 600
SHORT = 600


class Log:
    """A log in memory, and as static files."""

    def __init__(self, size: int) -> None:
        """Append entries of several lengths."""
        self.entries = [b"entry %d " % number * (1 + number % 3) for number in range(size)]
        self.leaves = [leaf_hash(entry) for entry in self.entries]
        self.frontier, self.nodes = completed_nodes(Frontier(), self.leaves)

    def head(self, size: int | None = None) -> bytes:
        """Return a signed head."""
        size = len(self.leaves) if size is None else size
        root = Frontier().extend(self.leaves[:size]).root()
        return sign_checkpoint(Checkpoint(ORIGIN, size, root), LOG)

    def read(self, level: int, index: int, width: int) -> Sequence[bytes]:
        """Return the hashes of a tile."""
        hashes = self.leaves if level == 0 else self._level(level)
        return hashes[index * 256 : index * 256 + width]

    def publish(self, folder: Path) -> Path:
        """Write head, tiles and entries as c2sp.org/tlog-tiles lays them out."""
        files = {"checkpoint": self.head()}
        for level, index, width in tiles_of(len(self.leaves)):
            path = tile_path(level, index, width)
            files[f"tile/{path}"] = encode_tile(self.read(level, index, width))
            if level == 0:
                entries = self.entries[index * 256 : index * 256 + width]
                files[f"tile/entries/{bundle_path(index, width)}"] = encode_bundle(entries)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def proof(self, index: int) -> bytes:
        """Return the proof of an entry under the newest head."""
        size = len(self.leaves)
        path = inclusion_proof(index, size, TiledHashes(size, self.read))
        return encode_proof(InclusionProof(index, tuple(path), self.head()))

    def _level(self, level: int) -> list[bytes]:
        kept: Iterable[Node] = (node for node in self.nodes if node.level == level)
        return [node.hash for node in kept]


@pytest.fixture(scope="session")
def short() -> Log:
    """Return a log with two tiles and a bit."""
    return Log(SHORT)


@pytest.fixture
def shown(tmp_path: Path) -> Callable[[bytes], Path]:
    """Return a function that writes a file, the same again and again."""

    def write(content: bytes) -> Path:
        (tmp_path / "shown").write_bytes(content)
        return tmp_path / "shown"

    return write


@pytest.fixture
def opened_by(checker: Checker, shown: Callable[[bytes], Path]) -> Opener:
    """Return what opens notes by one key."""
    return lambda key: lambda content: checker("note", shown(content), key.text)


def bent(content: bytes, stride: int = 1, start: int = 0) -> Iterator[bytes]:
    """Yield a file with one byte changed, for each byte.

    The bit is the one that also tells the last letters of base64 apart: golang.org/x/mod ignores
    that base64 may have spare bits, where Liaison refuses them.
    """
    for place in range(start, len(content), stride):
        yield content[:place] + bytes([content[place] ^ 0x20]) + content[place + 1 :]


def refusals(check: Callable[[bytes], object], contents: Iterable[bytes]) -> int:
    """Return how many of the contents are refused, which is all of them."""
    count = 0
    for content in contents:
        with pytest.raises(Refused):
            check(content)
        count += 1
    return count


def witness(number: int) -> CosigningKey:
    """Return a witness, the same for the same number."""
    return CosigningKey.from_seed(f"mutual.example/W{number}/witness", bytes([number]) * 32)


def test_note_is_opened_and_a_changed_byte_of_it_is_not(opened_by: Opener) -> None:
    """Text, name and signature of the one key that is known."""
    signed = sign_note("origin\nund über allem\n".encode(), [LOG])
    assert opened_by(LOG.verifier)(signed) == [f"signed {ORIGIN}", "unknown 0"]
    assert refusals(opened_by(LOG.verifier), bent(signed)) == len(signed)
    stranger = ClassicalSigner(ORIGIN, SigningKey(KeyUse.LOG, b"\x02" * 32)).verifier
    assert refusals(opened_by(stranger), [signed])


def test_statement_is_opened_by_each_key_that_signed_it(
    checker: Checker, shown: Callable[[bytes], Path], opened_by: Opener
) -> None:
    """The registry's first: Ed25519 and ML-DSA-44, those of the founders and those they bring."""
    genesis = world().notes[0]
    lines = parse_note(genesis).signatures
    roots = [item.verifier for item in root_signers(party("REGISTRY").roots[0])]
    opened = checker("note", shown(genesis), *(key.text for key in roots))
    assert opened == [
        *(f"signed {key.name}" for key in roots),
        f"unknown {len(lines) - len(roots)}",
    ]
    text, *_ = genesis.partition(b"\n\n")
    bound = [genesis.replace(text, other) for other in bent(text, stride=1 + len(text) // 50)]
    for key, line in zip(roots, lines, strict=False):
        assert (line.name, line.key_hash) == (key.name, key.key_hash)
        own = line.line().encode()
        changed = [genesis.replace(own, other) for other in bent(own, stride=1 + len(own) // 50)]
        assert refusals(opened_by(key), [*bound, *changed]) > 50


def test_head_is_read_beside_signatures_that_nobody_knows(
    checker: Checker, shown: Callable[[bytes], Path], short: Log
) -> None:
    """Cosignatures, and whatever else there will be, do not disturb who knows the log's key."""
    lines = [line for number in (1, 2) for line in witness(number).cosign(short.head(), AT)]
    cosigned = add_cosignatures(short.head(), lines)
    head = [f"size {SHORT}", f"root {encode_base64(short.frontier.root())}"]
    assert checker("head", shown(short.head()), ORIGIN, VKEY) == head
    assert checker("head", shown(cosigned), ORIGIN, VKEY) == head
    assert refusals(
        lambda content: checker("head", shown(content), ORIGIN, VKEY), bent(short.head())
    )
    with pytest.raises(Refused, match="a head of"):
        checker("head", shown(cosigned), "mutual.example/XB/audit/2026", VKEY)


def test_cosignatures_are_verified_by_both_of_a_witnesss_keys(
    opened_by: Opener, short: Log
) -> None:
    """Ed25519 over the text and the time, ML-DSA-44 over the whole tree."""
    cosigner = witness(1)
    for key, line in zip(cosigner.verifiers, cosigner.cosign(short.head(), AT), strict=True):
        cosigned = add_cosignatures(short.head(), [line])
        assert opened_by(key)(cosigned) == [f"signed {key.name}", "unknown 1"]
        text, own = cosigned.split(b"\n\n")[0], line.line().encode()
        changed = [
            *(cosigned.replace(text, other) for other in bent(text)),
            *(cosigned.replace(own, other) for other in bent(own, stride=1 + len(own) // 100)),
        ]
        assert refusals(opened_by(key), changed) > 100


@pytest.mark.parametrize(
    "size", [1, 255, 256, 257, SHORT, pytest.param(TALL, marks=pytest.mark.campaign)]
)
def test_folder_is_verified_whole(checker: Checker, tmp_path: Path, size: int) -> None:
    """Each tile under the head, and each entry under its leaf; proofs from it are those we make."""
    log = Log(size)
    folder = log.publish(tmp_path)
    tiles = len(list(tiles_of(size)))
    assert checker("folder", folder, ORIGIN, VKEY) == [
        f"size {size}", f"tiles {tiles}", "withheld 0",
    ]  # fmt: skip
    for index, old in ((0, 1), (size // 3, -(-size // 2)), (size - 1, size)):
        ours = TiledHashes(size, log.read)
        assert checker("paths", folder, ORIGIN, VKEY, index, old) == [
            *(f"inclusion {encode_base64(item)}" for item in inclusion_proof(index, size, ours)),
            *(f"consistency {encode_base64(item)}" for item in consistency_proof(old, size, ours)),
        ]


def test_folder_with_a_changed_byte_in_any_file_is_refused(
    checker: Checker, tmp_path: Path, short: Log
) -> None:
    """Head, leaf hashes, nodes, entries; whole and partial ones."""
    folder = short.publish(tmp_path)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 8
    for file in files:
        content = file.read_bytes()
        for changed in (*bent(content, stride=1 + len(content) // 8), content[:-1]):
            file.write_bytes(changed)
            with pytest.raises(Refused):
                checker("folder", folder, ORIGIN, VKEY)
        file.write_bytes(content)
    assert checker("folder", folder, ORIGIN, VKEY)[0] == f"size {SHORT}"


def test_folder_stays_verifiable_when_entries_are_withheld(
    checker: Checker, tmp_path: Path, short: Log
) -> None:
    """One whose opening was deleted is empty; its leaf stands where it stood."""
    folder = short.publish(tmp_path)
    entries = [b"" if number == 7 else entry for number, entry in enumerate(short.entries[:256])]
    (folder / "tile/entries/000").write_bytes(encode_bundle(entries))
    assert checker("folder", folder, ORIGIN, VKEY)[-1] == "withheld 1"


def test_proof_is_verified_and_a_changed_byte_of_it_is_not(
    checker: Checker, shown: Callable[[bytes], Path], tmp_path: Path, short: Log
) -> None:
    """As c2sp.org/tlog-proof writes it: index, path, head, signature."""
    entry = tmp_path / "entry"

    def check(content: bytes) -> object:
        return checker("proof", shown(content), entry, ORIGIN, VKEY)

    for index in (0, 300, SHORT - 1):
        entry.write_bytes(short.entries[index])
        assert check(short.proof(index)) == []
        assert refusals(check, [short.proof(index - 1 if index else 1)])
    assert refusals(check, bent(short.proof(SHORT - 1))) > 300


def test_growth_is_verified_and_a_changed_byte_of_it_is_not(
    checker: Checker, shown: Callable[[bytes], Path], tmp_path: Path, short: Log
) -> None:
    """From any earlier head to the newest."""
    old, new = tmp_path / "old", tmp_path / "new"
    new.write_bytes(short.head())

    def check(content: bytes) -> object:
        return checker("growth", old, new, shown(content), ORIGIN, VKEY)

    for size in (1, 255, 256, 300):
        old.write_bytes(short.head(size))
        hashes = consistency_proof(size, SHORT, TiledHashes(SHORT, short.read))
        lines = [f"{encode_base64(item)}\n".encode() for item in hashes]
        assert check(b"".join(lines)) == []
        assert refusals(check, [b"".join([*lines, lines[0]]), b"".join(lines[1:])])
        assert refusals(check, bent(b"".join(lines), stride=11))
    old.write_bytes(short.head())
    assert check(b"") == []
    assert refusals(check, lines)


def test_policy_is_met_by_whom_the_quorum_counts(
    checker: Checker, shown: Callable[[bytes], Path], tmp_path: Path, short: Log
) -> None:
    """Two of three witnesses, each with both its keys; and a log that signs as its origin."""
    cosigners = {MemberId(f"W{number}"): witness(number) for number in (1, 2, 3)}
    pairs = {name: [key.verifiers] for name, key in cosigners.items()}
    policy = tmp_path / "policy"
    policy.write_bytes(encode_policy([LOG.verifier], pairs, 2))
    lines = [line for key in cosigners.values() for line in key.cosign(short.head(), AT)]
    met = set()
    for chosen in (mask for count in range(7) for mask in combinations(range(6), count)):
        cosigned = add_cosignatures(short.head(), [lines[place] for place in chosen])
        try:
            checker("policy", policy, shown(cosigned))
        except Refused as fault:
            assert "fewer witnesses" in str(fault)  # noqa: PT017 - which refusal it is
        else:
            met.add(chosen)
    whole = {mask for mask in met if sum({2 * at, 2 * at + 1} <= {*mask} for at in range(3)) >= 2}
    assert met == whole
    assert len(met) == 3 * 3 + 1
    other = VerifierKey(
        "mutual.example/XB/audit/2026", LOG.verifier.algorithm, LOG.verifier.public_key
    )
    policy.write_bytes(encode_policy([other], pairs, 2))
    with pytest.raises(Refused, match="no log"):
        checker("policy", policy, shown(add_cosignatures(short.head(), lines)))
