"""The primitives as the project calls them, against the vectors of ``cryptography``."""

import json
from collections.abc import Iterator

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys.errors import RejectedError
from keys.postquantum import PostQuantumSigningKey, verify_post_quantum
from keys.signing import SigningKey, verify_note_signature
from keys.slot import Cost, _stretch
from keys.suite import KeyUse


def records(*path: str) -> Iterator[dict[str, str]]:
    """Yield the blocks of ``name = value`` lines, each of which begins with a count."""
    block: dict[str, str] = {}
    with cryptography_vectors.open_vector_file("/".join(path), "r") as file:
        for line in file:
            name, equals, value = line.strip().partition(" = ")
            if name == "count" and block:
                yield block
                block = {}
            if equals:
                block[name] = value
    yield block


def test_ed25519_signs_and_verifies_as_published() -> None:
    """Bernstein's own list: every message without a NUL, both ways."""
    seen = 0
    with cryptography_vectors.open_vector_file("asymmetric/Ed25519/sign.input", "r") as file:
        for line in file:
            seed, public, message, signed, _ = line.strip().split(":")
            text = bytes.fromhex(message)
            if b"\x00" in text:
                continue
            key = SigningKey(KeyUse.SIGN, bytes.fromhex(seed)[:32])
            assert key.public_key.hex() == public
            signature = bytes.fromhex(signed)[:64]
            assert key.sign_note(text) == signature
            verify_note_signature(key.public_key, text, signature)
            with pytest.raises(RejectedError):
                verify_note_signature(key.public_key, text + b"x", signature)
            seen += 1
    assert seen > 200


def test_ml_dsa_44_agrees_with_the_known_answers() -> None:
    """Seed to public key, and the published signature verifies under its context."""
    seen = 0
    for case in records("asymmetric", "MLDSA", "kat_MLDSA_44_det_pure.rsp"):
        key = PostQuantumSigningKey(bytes.fromhex(case["xi"]))
        assert key.public_key.hex() == case["pk"].lower()
        message, context = bytes.fromhex(case["msg"]), bytes.fromhex(case["ctx"])
        signature = bytes.fromhex(case["sm"])[:2420]
        verify_post_quantum(key.public_key, context, message, signature)
        with pytest.raises(RejectedError):
            verify_post_quantum(key.public_key, context + b"x", message, signature)
        fresh = MLDSA44PrivateKey.from_seed_bytes(bytes.fromhex(case["xi"]))
        verify_post_quantum(key.public_key, b"", message, fresh.sign(message))
        seen += 1
    assert seen > 10


def test_argon2id_agrees_with_openssl() -> None:
    """The published vectors have four lanes or short salts, which libsodium cannot compute."""
    for passes, memory_kib in ((1, 8), (3, 64), (2, 19 * 1024)):
        other = Argon2id(
            salt=b"s" * 16, length=32, iterations=passes, lanes=1, memory_cost=memory_kib
        )
        cost = Cost(memory_kib=memory_kib, passes=passes)
        assert _stretch(b"open sesame", b"s" * 16, cost) == other.derive(b"open sesame")


def test_ml_kem_768_agrees_with_the_known_answers() -> None:
    """The half of our KEM that lattices make: seed to public key, ciphertext to secret."""
    seen = 0
    for case in records("asymmetric", "MLKEM", "kat_MLKEM_768.rsp"):
        private = MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(case["d"] + case["z"]))
        assert private.public_key().public_bytes_raw().hex() == case["pk"].lower()
        assert private.decapsulate(bytes.fromhex(case["ct"])).hex() == case["ss"].lower()
        seen += 1
    assert seen > 10


def test_hpke_agrees_with_rfc_9180() -> None:
    """Our KDF and AEAD in base mode; the hybrid KEM is held to the draft's own vectors."""
    seen = 0
    with cryptography_vectors.open_vector_file("HPKE/test-vectors.json", "r") as file:
        cases = json.load(file)
    for case in cases:
        if (case["mode"], case["kem_id"], case["kdf_id"], case["aead_id"]) != (0, 0x0020, 1, 2):
            continue
        suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
        first = case["encryptions"][0]
        opened = hpke.rust_openssl.hpke._decrypt_with_aad(
            suite,
            bytes.fromhex(case["enc"] + first["ct"]),
            X25519PrivateKey.from_private_bytes(bytes.fromhex(case["skRm"])),
            bytes.fromhex(case["info"]),
            bytes.fromhex(first["aad"]),
        )
        assert opened.hex() == first["pt"]
        seen += 1
    assert seen == 1
