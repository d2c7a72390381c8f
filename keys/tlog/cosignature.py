"""Cosignatures: a witness's word that at a given time it knew of no other history of a log.

A witness signs with two keys under one name, Ed25519 and ML-DSA-44, and counts only with both: what
it said still holds when one of the two algorithms has fallen. The log's own signature is a line of
its own; cosignatures stand beside it, come later and are renewed.
Source: c2sp.org/tlog-cosignature; keys/README.md, "Witnesses".
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from keys.errors import RejectedError
from keys.postquantum import PostQuantumSigningKey, verify_post_quantum
from keys.signing import SigningKey, verify_note_signature
from keys.suite import SEED_BYTES, KeyUse, label
from keys.tlog.checkpoint import Checkpoint, checkpoint_of
from keys.tlog.note import (
    COSIGN_ED25519,
    COSIGN_ML_DSA_44,
    ClassicalSigner,
    NoteSignature,
    NoteSigner,
    PostQuantumSigner,
    VerifierKey,
    encode_note,
    parse_note,
)

WitnessKeys = tuple[VerifierKey, VerifierKey]
"""A witness's Ed25519 and ML-DSA-44 keys, as the registry lists them."""

MAX_TIME = 2**63 - 1
_TIME_BYTES = 8
_MAX_OPAQUE_BYTES = 255
_NO_CONTEXT = b""
"""C2SP signs with ML-DSA's empty context; a registry statement with one of its own."""


@dataclass(frozen=True)
class CosigningKey:
    """A witness's two private keys. Shows nothing of their seeds."""

    name: str
    """The name under which it cosigns: ``<federation>/<MEMBER>/witness``."""
    classical: SigningKey = field(repr=False)
    post_quantum: PostQuantumSigningKey = field(repr=False)

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "CosigningKey":
        """Derive both keys from one seed (32 bytes): SHAKE256 over a label and the seed."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        expanded = hashlib.shake_256(label("witness") + seed).digest(2 * SEED_BYTES)
        return cls(
            name,
            SigningKey(KeyUse.WITNESS, expanded[:SEED_BYTES]),
            PostQuantumSigningKey(expanded[SEED_BYTES:]),
        )

    @property
    def verifiers(self) -> WitnessKeys:
        """The public halves, as they cosign checkpoints."""
        return (
            VerifierKey(self.name, COSIGN_ED25519, self.classical.public_key),
            VerifierKey(self.name, COSIGN_ML_DSA_44, self.post_quantum.public_key),
        )

    @property
    def provers(self) -> tuple[NoteSigner, NoteSigner]:
        """Signers of a registry statement, which prove that both private keys are held.

        Neither word can be taken for the other. Ed25519: a cosigned message begins with the line
        ``cosignature/v1``, a statement with ``<federation>/registry/v1``. ML-DSA-44: a cosignature
        has no context, a statement's proof has that of notes.
        """
        return (
            ClassicalSigner(self.name, self.classical),
            PostQuantumSigner(self.name, self.post_quantum),
        )

    def cosign(self, checkpoint: bytes, at: int) -> tuple[NoteSignature, NoteSignature]:
        """Return both signature lines over a checkpoint, which the witness has stored before.

        Raises RejectedError ``checkpoint_malformed`` or ``note_malformed``.
        """
        if not 0 < at <= MAX_TIME:
            raise ValueError("a cosignature carries a time")
        note = parse_note(checkpoint)
        head = checkpoint_of(note)
        text = _classical_message(note.text, at)
        whole_tree = _post_quantum_message(self.name, head, at)
        signatures = (
            self.classical.sign_note(text),
            self.post_quantum.sign(_NO_CONTEXT, whole_tree),
        )
        first, second = (
            NoteSignature(key.name, key.key_hash, at.to_bytes(_TIME_BYTES, "big") + signature)
            for key, signature in zip(self.verifiers, signatures, strict=True)
        )
        return first, second


def cosigned_at(checkpoint: bytes, keys: Sequence[VerifierKey]) -> int | None:
    """Return when the witness cosigned (UTC seconds), or None where it did not.

    It did where a line of each of ``keys``, usually both of its keys, stands there, verifies and
    names the same time.

    Raises RejectedError ``cosignature_invalid`` when a line of one of its keys does not verify or
    stands twice, ``checkpoint_malformed`` or ``note_malformed``.
    """
    note = parse_note(checkpoint)
    head = checkpoint_of(note)
    times: list[int] = []
    for key in keys:
        lines = [line for line in note.signatures if _names(line, key)]
        if len(lines) > 1:
            raise _invalid(f"{key.name} cosigned twice")
        times += [_verified_at(key, line, head, note.text) for line in lines]
    return times[0] if len(times) == len(keys) and len(set(times)) == 1 else None


def cosignatures(checkpoint: bytes, keys: Sequence[VerifierKey]) -> tuple[NoteSignature, ...]:
    """Return a witness's lines on a checkpoint, verified; none where it did not cosign.

    Raises what ``cosigned_at`` raises.
    """
    if cosigned_at(checkpoint, keys) is None:
        return ()
    names = {(key.name, key.key_hash) for key in keys}
    lines = parse_note(checkpoint).signatures
    return tuple(line for line in lines if (line.name, line.key_hash) in names)


def read_cosignatures(
    checkpoint: bytes, answer: bytes, keys: WitnessKeys
) -> tuple[NoteSignature, ...]:
    """Return the two lines of a witness's answer to ``add-checkpoint``; others are left out.

    Raises RejectedError ``cosignature_missing`` without both lines, and what ``cosigned_at``
    raises.
    """
    answered = parse_note(checkpoint).text + b"\n" + answer
    lines = cosignatures(answered, keys)
    if not lines:
        raise RejectedError("cosignature_missing", f"{keys[0].name} did not cosign with both keys")
    return lines


def add_cosignatures(checkpoint: bytes, lines: Iterable[NoteSignature]) -> bytes:
    """Return the checkpoint with more cosignatures; a newer one replaces an older of the same key.

    The lines are verified already. Raises RejectedError ``note_malformed``.
    """
    note = parse_note(checkpoint)
    kept = {(line.name, line.key_hash): line for line in note.signatures}
    for line in lines:
        known = kept.setdefault((line.name, line.key_hash), line)
        if cosignature_time(known) < cosignature_time(line):
            kept[line.name, line.key_hash] = line
    return encode_note(note.text, kept.values())


def cosignature_time(line: NoteSignature) -> int:
    """Return the time (UTC seconds) that a cosignature's line names, verified or not."""
    return int.from_bytes(line.signature[:_TIME_BYTES], "big")


def _names(line: NoteSignature, key: VerifierKey) -> bool:
    return (line.name, line.key_hash) == (key.name, key.key_hash)


def _verified_at(key: VerifierKey, line: NoteSignature, head: Checkpoint, text: bytes) -> int:
    at, signature = cosignature_time(line), line.signature[_TIME_BYTES:]
    if not 0 < at <= MAX_TIME:
        raise _invalid(f"{key.name} cosigned at no time")
    try:
        if key.algorithm == COSIGN_ED25519:
            verify_note_signature(key.public_key, _classical_message(text, at), signature)
        else:
            message = _post_quantum_message(key.name, head, at)
            verify_post_quantum(key.public_key, _NO_CONTEXT, message, signature)
    except RejectedError as fault:
        raise _invalid(f"the cosignature of {key.name} does not verify") from fault
    return at


def _classical_message(text: bytes, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n".encode() + text


def _post_quantum_message(name: str, head: Checkpoint, at: int) -> bytes:
    """Return the ``cosigned_message`` of the whole tree: TLS presentation language."""
    return b"".join(
        (
            b"subtree/v1\n\x00",
            _opaque(name),
            at.to_bytes(8, "big"),
            _opaque(head.origin),
            (0).to_bytes(8, "big"),
            head.size.to_bytes(8, "big"),
            head.root,
        )
    )


def _opaque(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > _MAX_OPAQUE_BYTES:
        raise RejectedError(
            "checkpoint_malformed", "what is cosigned has names of 255 bytes at most"
        )
    return bytes((len(encoded),)) + encoded


def _invalid(detail: str) -> RejectedError:
    return RejectedError("cosignature_invalid", detail)
