"""Signed notes: a text, an empty line, and one line a signature.

Strict: one encoding only. A signature from a known key that does not verify rejects the note; a
line from an unknown key is ignored; each key counts once.
Source: c2sp.org/signed-note.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from keys.errors import RejectedError
from keys.postquantum import PUBLIC_KEY_BYTES, PostQuantumSigningKey, verify_post_quantum
from keys.signing import Signer, verify_note_signature
from keys.suite import VERIFY_KEY_BYTES

MAX_NOTE_BYTES = 1024 * 1024
MAX_SIGNATURES = 64

ED25519 = b"\x01"
ML_DSA_44 = b"\xffliaison ml-dsa-44 note\x00"
"""C2SP assigns no byte to ML-DSA over a note's text (0x06 is for cosignatures alone), so the
identifier is spelled out after 0xff, as the specification recommends."""
COSIGN_ED25519 = b"\x04"
COSIGN_ML_DSA_44 = b"\x06"
"""A witness's keys: they cosign checkpoints (c2sp.org/tlog-cosignature), never notes."""
_ML_DSA_CONTEXT = b"liaison/1 note"
_PUBLIC_KEY_BYTES = {
    ED25519: VERIFY_KEY_BYTES,
    ML_DSA_44: PUBLIC_KEY_BYTES,
    COSIGN_ED25519: VERIFY_KEY_BYTES,
    COSIGN_ML_DSA_44: PUBLIC_KEY_BYTES,
}

_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,256}\Z")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_HASH_BYTES = 4


@dataclass(frozen=True)
class VerifierKey:
    """A public key that verifies notes, with the name it signs under: a *vkey*."""

    name: str
    algorithm: bytes
    public_key: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read ``<name>+<hash>+<base64>``. Raises RejectedError ``vkey_malformed``."""
        try:
            name, key_hash, material = text.split("+", 2)
            raw = decode_base64(material)
        except (ValueError, RejectedError) as fault:
            raise _malformed_vkey() from fault
        for algorithm, length in _PUBLIC_KEY_BYTES.items():
            if raw.startswith(algorithm) and len(raw) == len(algorithm) + length:
                key = cls(name, algorithm, raw[len(algorithm) :])
                if _NAME.match(name) and key.key_hash.hex() == key_hash:
                    return key
        raise _malformed_vkey()

    @cached_property
    def text(self) -> str:
        """The vkey as text."""
        material = encode_base64(self.algorithm + self.public_key)
        return f"{self.name}+{self.key_hash.hex()}+{material}"

    @cached_property
    def key_hash(self) -> bytes:
        """The four bytes by which a signature line names the key."""
        named = self.name.encode() + b"\n" + self.algorithm + self.public_key
        return hashlib.sha256(named).digest()[:_KEY_HASH_BYTES]

    def verify(self, text: bytes, signature: bytes) -> None:
        """Verify a signature over a note's text. Raises RejectedError ``signature_invalid``."""
        if self.algorithm == ED25519:
            verify_note_signature(self.public_key, text, signature)
        elif self.algorithm == ML_DSA_44:
            verify_post_quantum(self.public_key, _ML_DSA_CONTEXT, text, signature)
        else:
            raise RejectedError("signature_invalid", "a witness's key cosigns checkpoints alone")


class NoteSigner(Protocol):
    """Signs notes under one name."""

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""

    def sign(self, text: bytes) -> bytes:
        """Return the raw signature over a note's text."""


@dataclass(frozen=True, slots=True)
class ClassicalSigner:
    """Signs notes with an Ed25519 key."""

    name: str
    key: Signer

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, ED25519, self.key.public_key)

    def sign(self, text: bytes) -> bytes:
        """Return the signature (64 bytes)."""
        return self.key.sign_note(text)


@dataclass(frozen=True, slots=True)
class PostQuantumSigner:
    """Signs notes with an ML-DSA-44 key."""

    name: str
    key: PostQuantumSigningKey

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, ML_DSA_44, self.key.public_key)

    def sign(self, text: bytes) -> bytes:
        """Return the signature (2,420 bytes)."""
        return self.key.sign(_ML_DSA_CONTEXT, text)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line, not yet verified."""

    name: str
    key_hash: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line as it stands in the note, without its newline."""
        return f"— {self.name} {encode_base64(self.key_hash + self.signature)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note whose signatures are not verified yet."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifiedNote:
    """A text together with the known keys that signed it, each once."""

    text: bytes
    signed_by: frozenset[VerifierKey]


def parse_note(encoded: bytes) -> Note:
    """Read a note. Raises RejectedError ``note_malformed``."""
    if len(encoded) > MAX_NOTE_BYTES:
        raise _malformed("a note has at most 1 MiB")
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise _malformed("a note is UTF-8") from fault
    if _CONTROL.search(text):
        raise _malformed("a note holds no control characters")
    body, separator, tail = text.rpartition("\n\n")
    if not separator or not body or not tail.endswith("\n"):
        raise _malformed("a note is a text, an empty line and signature lines")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"a note has at most {MAX_SIGNATURES} signatures")
    return Note((body + "\n").encode(), tuple(_parse_line(line) for line in lines))


def encode_note(text: bytes, signatures: Iterable[NoteSignature]) -> bytes:
    """Write a note. The text ends with a newline."""
    lines = "".join(signature.line() + "\n" for signature in signatures)
    return text + b"\n" + lines.encode()


def sign_note(text: bytes, signers: Sequence[NoteSigner]) -> bytes:
    """Return ``text`` signed by every signer, in their order."""
    return encode_note(text, [_signed(text, signer) for signer in signers])


def add_signatures(encoded: bytes, signers: Sequence[NoteSigner]) -> bytes:
    """Return a note with more signatures; one that stands there already is not repeated."""
    note = parse_note(encoded)
    present = {(line.name, line.key_hash) for line in note.signatures}
    added = [
        _signed(note.text, signer)
        for signer in signers
        if (signer.verifier.name, signer.verifier.key_hash) not in present
    ]
    return encode_note(note.text, [*note.signatures, *added])


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> VerifiedNote:
    """Verify every signature of a key in ``keys``; lines of other keys are ignored.

    Raises RejectedError ``signature_invalid`` when a known key's signature does not verify or
    stands twice, ``signature_missing`` when no known key signed.
    """
    known = {(key.name, key.key_hash): key for key in keys}
    signed_by: set[VerifierKey] = set()
    for line in note.signatures:
        key = known.get((line.name, line.key_hash))
        if key is None:
            continue
        if key in signed_by:
            raise RejectedError("signature_invalid", f"{key.name} signed twice")
        key.verify(note.text, line.signature)
        signed_by.add(key)
    if not signed_by:
        raise RejectedError("signature_missing", "no key that may sign this signed it")
    return VerifiedNote(note.text, frozenset(signed_by))


def encode_base64(raw: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(raw).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Read canonical base64. Raises RejectedError ``base64_malformed``."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise RejectedError("base64_malformed", "this is no base64") from fault
    if encode_base64(raw) != text:
        raise RejectedError("base64_malformed", "this is not the one base64 of its bytes")
    return raw


def _signed(text: bytes, signer: NoteSigner) -> NoteSignature:
    verifier = signer.verifier
    return NoteSignature(verifier.name, verifier.key_hash, signer.sign(text))


def _parse_line(line: str) -> NoteSignature:
    match line.split(" "):
        case ["—", name, encoded] if _NAME.match(name):
            try:
                raw = decode_base64(encoded)
            except RejectedError as fault:
                raise _malformed("a signature is canonical base64") from fault
            if len(raw) > _KEY_HASH_BYTES:
                return NoteSignature(name, raw[:_KEY_HASH_BYTES], raw[_KEY_HASH_BYTES:])
    raise _malformed("a signature line is a dash, a name and base64")


def _malformed(detail: str) -> RejectedError:
    return RejectedError("note_malformed", detail)


def _malformed_vkey() -> RejectedError:
    return RejectedError("vkey_malformed", "this is no verifier key that Liaison knows")
