"""The format a second time, on other libraries, so that the vectors judge the code from outside.

msgpack from ``msgpack``, ML-KEM from ``kyber_py``, Ed25519 and X25519 from ``cryptography``; X-Wing
(draft-connolly-cfrg-xwing-kem), HPKE (RFC 9180), the chunked AEAD (c2sp.org/chunked-encryption),
Padmé and the tree of RFC 6962 are written out here. Slow and plain on purpose; imports nothing of
the project.
"""

import hashlib
import hmac
from math import floor, log2

import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from kyber_py.ml_kem import ML_KEM_768

SUITE = bytes([0, 1])
CHUNK = 16_384
SEGMENT = 8 * 1024 * 1024


def pack(value: object) -> bytes:
    """Return the msgpack of arrays, bytes, text and integers."""
    return msgpack.packb(value, use_bin_type=True)


def label(name: str) -> bytes:
    """Return L(name)."""
    return b"liaison/1 " + name.encode() + b"\x00"


def sha256(*parts: bytes) -> bytes:
    """Return H of the parts together."""
    return hashlib.sha256(b"".join(parts)).digest()


def key_id(use: str, public_key: bytes) -> bytes:
    """Return the name of a key."""
    return sha256(label("kid"), SUITE, use.encode(), b"\x00", public_key)


def sign_public(seed: bytes) -> bytes:
    """Return the Ed25519 public key of a seed."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(seed: bytes, name: str, message: bytes) -> bytes:
    """Return the signature over L(name) ‖ message."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(label(name) + message)


# X-Wing


def _expand_seed(seed: bytes) -> tuple[bytes, bytes, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem_public, mlkem_private = ML_KEM_768.key_derive(expanded[:64])
    return mlkem_public, mlkem_private, X25519PrivateKey.from_private_bytes(expanded[64:])


def seal_public(seed: bytes) -> bytes:
    """Return the X-Wing public key (1,216 bytes) of a seed."""
    mlkem_public, _, x25519 = _expand_seed(seed)
    return mlkem_public + _raw(x25519.public_key())


def encapsulate(public_key: bytes, coins: bytes) -> tuple[bytes, bytes]:
    """Return shared secret and encapsulation, from 64 bytes of coins."""
    secret_m, sent_m = ML_KEM_768._encaps_internal(public_key[:1184], coins[:32])
    ephemeral = X25519PrivateKey.from_private_bytes(coins[32:])
    theirs = public_key[1184:]
    secret_x = ephemeral.exchange(X25519PublicKey.from_public_bytes(theirs))
    sent_x = _raw(ephemeral.public_key())
    return _combine(secret_m, secret_x, sent_x, theirs), sent_m + sent_x


def decapsulate(seed: bytes, sent: bytes) -> bytes:
    """Return the shared secret of an encapsulation (1,120 bytes)."""
    _, mlkem_private, x25519 = _expand_seed(seed)
    secret_m = ML_KEM_768.decaps(mlkem_private, sent[:1088])
    secret_x = x25519.exchange(X25519PublicKey.from_public_bytes(sent[1088:]))
    return _combine(secret_m, secret_x, sent[1088:], _raw(x25519.public_key()))


def _combine(secret_m: bytes, secret_x: bytes, sent_x: bytes, public_x: bytes) -> bytes:
    return hashlib.sha3_256(
        secret_m + secret_x + sent_x + public_x + bytes.fromhex("5c2e2f2f5e5c")
    ).digest()


def _raw(public: X25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


# HPKE, base mode, HKDF-SHA256


def key_schedule(shared_secret: bytes, info: bytes, aead: int = 2) -> tuple[bytes, bytes]:
    """Return AEAD key and base nonce. RFC 9180, section 5.1."""
    suite = b"HPKE" + (0x647A).to_bytes(2, "big") + (1).to_bytes(2, "big") + aead.to_bytes(2, "big")
    psk_id_hash = _labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(suite, b"", b"info_hash", info)
    context = b"\x00" + psk_id_hash + info_hash
    secret = _labeled_extract(suite, shared_secret, b"secret", b"")
    key = _labeled_expand(suite, secret, b"key", context, 32)
    return key, _labeled_expand(suite, secret, b"base_nonce", context, 12)


def wrap(public_key: bytes, info: bytes, content_key: bytes, coins: bytes) -> bytes:
    """Return a content key wrapped: encapsulation ‖ ciphertext."""
    shared_secret, sent = encapsulate(public_key, coins)
    key, nonce = key_schedule(shared_secret, info)
    return sent + AESGCM(key).encrypt(nonce, content_key, b"")


def unwrap(seed: bytes, info: bytes, wrapped: bytes) -> bytes:
    """Return the content key."""
    key, nonce = key_schedule(decapsulate(seed, wrapped[:1120]), info)
    return AESGCM(key).decrypt(nonce, wrapped[1120:], b"")


def share(public_key: bytes, kid: bytes, session_key: bytes, coins: bytes) -> bytes:
    """Return a session key wrapped: the first part of every shared stanza."""
    return wrap(public_key, label("session") + SUITE + kid, session_key, coins)


def wrap_shared(session_key: bytes, nonce: bytes, context: bytes, content_key: bytes) -> bytes:
    """Return what follows the session in a shared stanza."""
    return nonce + AESGCM(session_key).encrypt(nonce, content_key, context)


def _labeled_extract(suite: bytes, salt: bytes, name: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + name + material, "sha256")


def _labeled_expand(suite: bytes, secret: bytes, name: bytes, info: bytes, length: int) -> bytes:
    info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + name + info
    return hmac.digest(secret, info + b"\x01", "sha256")[:length]


# The chunked AEAD


def _stream(key: bytes, context: bytes, salt: bytes) -> tuple[AESGCM, int, bytes]:
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    block_1 = hmac.digest(key, info + b"\x01", "sha512")
    okm = block_1 + hmac.digest(key, block_1 + info + b"\x02", "sha512")
    return AESGCM(okm[:32]), int.from_bytes(okm[32:44], "big"), okm[44:76]


def chunked_seal(key: bytes, context: bytes, salt: bytes, plaintext: bytes) -> bytes:
    """Return salt ‖ commitment ‖ chunks; the last chunk is always shorter than 16 KiB."""
    aead, base, commitment = _stream(key, context, salt)
    sealed = [salt, commitment]
    for number in range(len(plaintext) // CHUNK + 1):
        piece = plaintext[number * CHUNK : (number + 1) * CHUNK]
        sealed.append(aead.encrypt((base ^ number).to_bytes(12, "big"), piece, b""))
    return b"".join(sealed)


def chunked_open(key: bytes, context: bytes, sealed: bytes) -> bytes:
    """Return the plaintext."""
    aead, base, commitment = _stream(key, context, sealed[:24])
    if sealed[24:56] != commitment:
        raise ValueError("commitment")
    body = sealed[56:]
    opened = []
    for number in range(len(body) // (CHUNK + 16) + 1):
        piece = body[number * (CHUNK + 16) : (number + 1) * (CHUNK + 16)]
        opened.append(aead.decrypt((base ^ number).to_bytes(12, "big"), piece, b""))
    return b"".join(opened)


# Padmé and the tree


def padded(length: int) -> int:
    """Return the padded length."""
    if length <= 1024:
        return 1024
    exponent = floor(log2(length))
    step = 2 ** (exponent - floor(log2(exponent)) - 1)
    return -(-length // step) * step


def pad(plaintext: bytes) -> bytes:
    """Return a plaintext with its padding."""
    return plaintext + bytes(padded(len(plaintext)) - len(plaintext))


def tree_root(entries: list[bytes]) -> bytes:
    """Return MTH(D[n]). RFC 6962, section 2.1."""
    if len(entries) == 1:
        return sha256(b"\x00", entries[0])
    half = _half(len(entries))
    return sha256(b"\x01", tree_root(entries[:half]), tree_root(entries[half:]))


def tree_path(index: int, entries: list[bytes]) -> list[bytes]:
    """Return PATH(m, D[n]). RFC 6962, section 2.1.1."""
    if len(entries) == 1:
        return []
    half = _half(len(entries))
    if index < half:
        return [*tree_path(index, entries[:half]), tree_root(entries[half:])]
    return [*tree_path(index - half, entries[half:]), tree_root(entries[:half])]


def _half(count: int) -> int:
    half = 1
    while half * 2 < count:
        half *= 2
    return half
