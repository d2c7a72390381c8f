"""Public vectors hold our cryptography to what others compute."""

import base64
import hashlib
import zlib

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from keys.errors import RejectedError
from keys.sealing import SealKey
from keys.signing import check_public_key, verify_note_signature
from keys.stream import HEADER_BYTES, Opener, Reader, open_sealed, seal
from keys.tlog import merkle
from tests.vectors import public


def test_chunked_encryption_agrees_with_wycheproof() -> None:
    """Every vector opens or is refused, whole, streamed and by random access, and seals back."""
    groups = public("wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json")["testGroups"]
    seen = 0
    for case in (case for group in groups for case in group["tests"]):
        key, context = bytes.fromhex(case["key"]), bytes.fromhex(case["ctx"])
        sealed = zlib.decompress(bytes.fromhex(case["ct"]))
        seen += 1
        if case["result"] == "valid":
            plain = open_sealed(key, context, sealed)
            assert len(plain) == case["msgLength"]
            assert hashlib.sha512(plain).hexdigest() == case["msgSha512"]
            assert seal(key, context, sealed[:24], plain) == sealed
            reader = Reader(key, context, sealed[:HEADER_BYTES], len(sealed))
            assert reader.open(0, sealed[HEADER_BYTES:]) == plain
            continue
        with pytest.raises((RejectedError, ValueError)):
            open_sealed(key, context, sealed)
        opener = Opener(key, context)
        opened = b""
        with pytest.raises(RejectedError):
            for at in range(0, len(sealed), 50_000):
                opened += opener.update(sealed[at : at + 50_000])
            opened += opener.finish()
        if "PartialPlaintext" in case["flags"]:
            assert len(opened) <= case["msgLength"]
        with pytest.raises(RejectedError):
            opener.finish()
        with pytest.raises(RejectedError):
            opener.update(b"")
        with pytest.raises(RejectedError):
            reader = Reader(key, context, sealed[:HEADER_BYTES], len(sealed))
            reader.open(0, sealed[HEADER_BYTES:])
    assert seen == 35


def test_ed25519_agrees_with_wycheproof() -> None:
    """Valid signatures verify and invalid ones are refused."""
    groups = public("wycheproof/ed25519_test.json")["testGroups"]
    counts = {"valid": 0, "invalid": 0}
    for group in groups:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            message = bytes.fromhex(case["msg"])
            if b"\x00" in message:
                continue
            if case["result"] == "valid":
                verify_note_signature(key, message, bytes.fromhex(case["sig"]))
            else:
                with pytest.raises(RejectedError) as refused:
                    verify_note_signature(key, message, bytes.fromhex(case["sig"]))
                assert refused.value.code == "signature_invalid"
            counts[case["result"]] += 1
    assert min(counts.values()) > 10


def test_no_small_order_key_enters_or_verifies() -> None:
    """Of CCTV's edge cases, none with a small-order key verifies or may enter the registry."""
    seen = 0
    for case in public("cctv/ed25519vectors.json"):
        flags = case["flags"] or []
        if "low_order_A" not in flags:
            continue
        seen += 1
        key = bytes.fromhex(case["key"])
        with pytest.raises(RejectedError) as caught:
            check_public_key(key)
        assert caught.value.code == "key_not_on_curve"
        with pytest.raises(RejectedError):
            verify_note_signature(key, case["msg"].encode(), bytes.fromhex(case["sig"]))
    assert seen > 100


def test_seal_keys_expand_as_x_wing_does() -> None:
    """A seed gives the public key of the X-Wing draft, in our order of its halves."""
    for case in public("xwing/test-vectors.json"):
        assert SealKey(bytes.fromhex(case["seed"])).public_key.hex() == case["pk"]


def test_hpke_opens_the_published_hybrid_vectors() -> None:
    """The library's MLKEM768-X25519 opens what the HPKE-PQ draft publishes."""
    kdfs = {1: hpke.KDF.HKDF_SHA256, 16: hpke.KDF.SHAKE128, 17: hpke.KDF.SHAKE256}
    aeads = {1: hpke.AEAD.AES_128_GCM, 2: hpke.AEAD.AES_256_GCM, 3: hpke.AEAD.CHACHA20_POLY1305}
    seen = 0
    for case in public("hpke/hpke-pq-test-vectors.json"):
        if case["kem_id"] != 0x647A:
            continue
        expanded = hashlib.shake_256(bytes.fromhex(case["skRm"])).digest(96)
        private = hpke.MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
            X25519PrivateKey.from_private_bytes(expanded[64:]),
        )
        suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, kdfs[case["kdf_id"]], aeads[case["aead_id"]])
        first = case["encryptions"][0]
        opened = hpke.rust_openssl.hpke._decrypt_with_aad(
            suite,
            bytes.fromhex(case["enc"]) + bytes.fromhex(first["ct"]),
            private,
            bytes.fromhex(case["info"]),
            bytes.fromhex(first["aad"]),
        )
        assert opened.hex() == first["pt"]
        seen += 1
    assert seen == 2


def test_merkle_proofs_agree_with_transparency_dev() -> None:
    """Every inclusion and consistency case is verified or refused as published."""
    seen = 0
    for name, case in public("merkle/transparency-dev-merkle.json").items():
        proof = [base64.b64decode(item) for item in case["proof"] or []]
        try:
            match name.split("/")[0]:
                case "inclusion":
                    merkle.verify_inclusion(
                        _raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof,
                        _raw(case["root"]),
                    )  # fmt: skip
                case "consistency":
                    merkle.verify_consistency(
                        case["size1"], case["size2"], proof, _raw(case["root1"]),
                        _raw(case["root2"]),
                    )  # fmt: skip
                case _:
                    continue
            refused = False
        except RejectedError:
            refused = True
        seen += 1
        assert refused == case["wantErr"], name
    assert seen == 196


def _raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")
