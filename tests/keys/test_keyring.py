"""Keys in use: the ring, sealing, signing, storage and certificates."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keys.certificate import certificate_pem, issue, private_pem, public_key_of
from keys.errors import RejectedError, UnavailableError
from keys.keyring import FORMAT, KeyRecord, Keyring, new_record
from keys.postquantum import PostQuantumSigningKey, verify_post_quantum
from keys.registry.draft import proofs
from keys.sealing import SealKey, Session, wrap
from keys.signing import SigningKey, check_public_key, verify, verify_note_signature
from keys.storage import StorageKey
from keys.stream import Opener, Reader, Sealer, open_sealed, seal
from keys.suite import KeyUse, MemberId, key_id, parse_member_id
from tests.outcome import outcome
from tests.world import FEDERATION, Seeded

DAY = 86_400


def record(use: KeyUse, start: int = 0, end: int = DAY, seed: str = "") -> KeyRecord:
    """Return a fresh key."""
    entropy = Seeded(f"{use}{start}{seed}")
    return new_record(use, start=start, end=end, entropy=entropy, common_name="x")


def code(call: object, *arguments: object) -> str:
    """Return the code of a refusal."""
    return outcome(call, *arguments).code


def test_ring_comes_back_from_its_bytes() -> None:
    """Every use, and the certificate of tls alone."""
    records = [record(use) for use in KeyUse if use is not KeyUse.ROOT]
    ring = Keyring().add(*records)
    again = Keyring.parse(ring.encode())
    assert again.encode() == ring.encode()
    for item in records:
        assert again.records(item.use) == (item,)
        assert bool(item.certificate) is (item.use is KeyUse.TLS)
        assert item.key_id.hex()[:16] in repr(item)
        assert item.seed.hex() not in repr(item)
    assert repr(ring) == "Keyring(6 keys)"
    assert ring.signer(record(KeyUse.SIGN)).key_id == record(KeyUse.SIGN).key_id


@pytest.mark.parametrize(
    "body", [b"", b"\x92\x01\x91\x90", b"\xc1", b"\x92\x03\x90", b"\x93\x03\x90\x01"]
)
def test_damaged_ring_is_refused(body: bytes) -> None:
    """What no keystore wrote, and what a newer one did."""
    assert code(Keyring.parse, body) == "keyring_malformed"
    assert FORMAT == 2


def test_sealing_keys_go_when_nothing_can_arrive_under_them() -> None:
    """A message sealed at the last second of an epoch lives as long as policy allows."""
    old, new = record(KeyUse.SEAL), record(KeyUse.SEAL, DAY, 2 * DAY)
    ring = Keyring([new, old])
    assert ring.records(KeyUse.SEAL) == (old, new)
    assert ring.expire(3 * DAY - 1, lifetime_s=2 * DAY) is ring
    left = ring.expire(3 * DAY, lifetime_s=2 * DAY)
    assert left.records(KeyUse.SEAL) == (new,)
    assert left.seal_key(old.key_id) is None
    assert (left.seals(old.key_id), left.seals(new.key_id)) == (False, True)
    assert left.seal_key(new.key_id).key_id == new.key_id


def test_storage_key_is_that_of_the_month() -> None:
    """The newest that has begun wraps; any that is still held unwraps."""
    first, second = record(KeyUse.STORAGE), record(KeyUse.STORAGE, DAY)
    ring = Keyring([first, second])
    assert ring.storage(DAY - 1).key_id == first.key_id
    assert ring.storage(DAY).key_id == second.key_id
    assert ring.storage_key(first.key_id).key_id == first.key_id
    for call in (
        lambda: ring.storage(-1),
        lambda: ring.without(first.key_id).storage_key(first.key_id),
    ):
        with pytest.raises(UnavailableError) as caught:
            call()
        assert caught.value.code == "storage_key_missing"


def test_joining_node_proves_every_registered_key() -> None:
    """Sealing and storage keys are not the registry's."""
    ring = Keyring([record(use) for use in KeyUse if use is not KeyUse.ROOT])
    names = {
        signer.verifier.name.rsplit("/")[-1] for signer in proofs(FEDERATION, MemberId("XA"), ring)
    }
    assert names == {"sign", "log", "witness", "tls"}


def test_stanza_opens_under_its_key_and_context_only() -> None:
    """Another key, another context, another length: one error."""
    key, other = SealKey(b"\x01" * 32), SealKey(b"\x02" * 32)
    wrapped = wrap(key.public_key, b"context", b"c" * 32)
    assert len(wrapped) == 1168
    assert key.unwrap(b"context", wrapped) == b"c" * 32
    assert key.key_id == key_id(KeyUse.SEAL, key.public_key)
    assert repr(key) == f"SealKey({key.key_id.hex()[:16]})"
    for unwrap in (
        lambda: other.unwrap(b"context", wrapped),
        lambda: key.unwrap(b"contex", wrapped),
        lambda: key.unwrap(b"context", wrapped[:-1]),
        lambda: key.unwrap(b"context", bytes(1168)),
        lambda: key.unwrap(b"context", wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
    ):
        assert code(unwrap) == "stanza_invalid"
    assert code(wrap, b"short", b"", bytes(32)) == "seal_key_malformed"
    assert code(wrap, b"\xff" * 1216, b"", bytes(32)) == "seal_key_malformed"
    assert code(wrap, key.public_key[:1184] + bytes(32), b"", bytes(32)) == "seal_key_malformed"
    for mistake in (lambda: SealKey(b""), lambda: wrap(key.public_key, b"", b"short")):
        with pytest.raises(ValueError, match="32 bytes"):
            mistake()


def test_session_wraps_many_keys_each_to_its_context() -> None:
    """One encapsulation serves many content keys; a wrong key, context or byte unwraps nothing."""
    key, other = SealKey(b"\x01" * 32), SealKey(b"\x02" * 32)
    session = Session(key.public_key, b"session", Seeded("session"))
    first, second = (session.wrap(b"context", content * 32) for content in (b"c", b"d"))
    assert len(first) == len(second) == 1228
    assert first[:1168] == second[:1168]
    for holder in (key, SealKey(b"\x01" * 32)):
        assert holder.unwrap_shared(b"session", b"context", second) == b"d" * 32
        assert holder.unwrap_shared(b"session", b"context", first) == b"c" * 32
    for unwrap in (
        lambda: other.unwrap_shared(b"session", b"context", first),
        lambda: key.unwrap_shared(b"sessio", b"context", first),
        lambda: key.unwrap_shared(b"session", b"contex", first),
        lambda: key.unwrap_shared(b"session", b"context", first[:-1]),
        lambda: key.unwrap_shared(b"session", b"context", first[:-1] + bytes([first[-1] ^ 1])),
        lambda: key.unwrap_shared(b"session", b"context", first[:1168] + second[1168:-1] + b"x"),
        lambda: key.unwrap_shared(b"session", b"context", bytes(1228)),
        lambda: key.unwrap(b"session", first),
    ):
        assert code(unwrap) == "stanza_invalid"
    assert code(Session, b"short", b"", Seeded("s")) == "seal_key_malformed"
    with pytest.raises(ValueError, match="content key"):
        session.wrap(b"context", b"short")


def test_signature_holds_under_its_label_and_key_only() -> None:
    """A message is no note, one label is not another, and a key has one use."""
    key = SigningKey(KeyUse.SIGN, b"\x01" * 32)
    signature = key.sign("message", b"text")
    verify(key.public_key, "message", b"text", signature)
    check_public_key(key.public_key)
    assert key.key_id != SigningKey(KeyUse.LOG, b"\x01" * 32).key_id
    assert "01" * 32 not in repr(key)
    other = SigningKey(KeyUse.SIGN, b"\x02" * 32).public_key
    for call in (
        lambda: verify(key.public_key, "receipts", b"text", signature),
        lambda: verify(other, "message", b"text", signature),
        lambda: verify(key.public_key, "message", b"texts", signature),
        lambda: verify(key.public_key, "message", b"text", signature[:-1]),
        lambda: verify(key.public_key[:-1], "message", b"text", signature),
        lambda: verify_note_signature(key.public_key, b"liaison/1 message\x00text", signature),
    ):
        assert code(call) == "signature_invalid"
    note = key.sign_note(b"text\n")
    verify_note_signature(key.public_key, b"text\n", note)
    with pytest.raises(ValueError, match="NUL"):
        key.sign_note(b"liaison/1 message\x00text")
    with pytest.raises(ValueError, match="32 bytes"):
        SigningKey(KeyUse.SIGN, b"")
    for wrong in (b"", bytes(32), b"\x01" + bytes(31), b"\xff" * 32):
        assert code(check_public_key, wrong) == "key_not_on_curve"


def test_post_quantum_signature_holds_under_its_context() -> None:
    """ML-DSA-44, with its own context string."""
    key = PostQuantumSigningKey(b"\x01" * 32)
    signature = key.sign(b"context", b"text")
    assert (len(key.public_key), len(signature)) == (1312, 2420)
    verify_post_quantum(key.public_key, b"context", b"text", signature)
    for call in (
        lambda: verify_post_quantum(key.public_key, b"contexts", b"text", signature),
        lambda: verify_post_quantum(key.public_key, b"context", b"texts", signature),
        lambda: verify_post_quantum(b"short", b"context", b"text", signature),
        lambda: verify_post_quantum(key.public_key, b"context", b"text", b"short"),
    ):
        assert code(call) == "signature_invalid"


def test_stored_keys_and_records_open_where_they_belong() -> None:
    """A wrapped key is no record, and belongs to one envelope."""
    key = StorageKey(b"\x01" * 32)
    wrapped = key.wrap(b"envelope", b"c" * 32, Seeded("w"))
    sealed = key.seal_record(b"upload", b"a.pdf", Seeded("r"))
    assert key.unwrap(b"envelope", wrapped) == b"c" * 32
    assert key.open_record(b"upload", sealed) == b"a.pdf"
    assert "01" * 8 not in repr(key)
    for call in (
        lambda: key.unwrap(b"another", wrapped),
        lambda: key.open_record(b"envelope", wrapped),
        lambda: StorageKey(b"\x02" * 32).unwrap(b"envelope", wrapped),
    ):
        assert code(call) == "stream_invalid"
    with pytest.raises(ValueError, match="32 bytes"):
        StorageKey(b"")


def test_certificate_is_one_key_signed_by_itself() -> None:
    """The same arguments give the same bytes; anything else is refused."""
    der = issue(b"\x01" * 32, "mutual.example/XA/tls", b"s" * 16)
    assert der == issue(b"\x01" * 32, "mutual.example/XA/tls", b"s" * 16)
    assert public_key_of(der) == SigningKey(KeyUse.TLS, b"\x01" * 32).public_key
    altered = bytearray(der)
    altered[-1] ^= 1
    other_key = _elliptic_certificate()
    for wrong in (b"", der[:-1], der + b"\x00", bytes(altered), other_key):
        assert code(public_key_of, wrong) == "certificate_malformed"
    assert certificate_pem(der).startswith(b"-----BEGIN CERTIFICATE-----\n")
    pem = private_pem(b"\x01" * 32, b"password")
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")


def _elliptic_certificate() -> bytes:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder(
        name, name, private.public_key(), 1,
        datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_member_ids_have_one_form() -> None:
    """Capitals, digits and hyphens."""
    assert parse_member_id("RILO-W") == "RILO-W"
    for wrong in ("", "X", "xa", "1A", "XA\n", "X" * 33, "XÄ"):
        assert code(parse_member_id, wrong) == "member_id_malformed"


def test_stream_is_sealed_and_opened_by_any_pieces() -> None:
    """Pieces of every size give the same bytes; a read in the middle opens what it needs."""
    key, salt = b"k" * 32, b"s" * 24
    plain = bytes(range(256)) * 256
    whole = seal(key, b"c", salt, plain)
    for size in (1000, 16_384, 20_000, 65_536):
        sealer = Sealer(key, b"c", salt)
        pieces = [sealer.update(plain[at : at + size]) for at in range(0, len(plain), size)]
        assert b"".join(pieces) + sealer.finish() == whole
        opener = Opener(key, b"c")
        opened = [opener.update(whole[at : at + size]) for at in range(0, len(whole), size)]
        assert b"".join(opened) + opener.finish() == plain
    reader = Reader(key, b"c", whole[:56], len(whole))
    start, end = reader.chunk_range(2)
    assert reader.open(2, whole[start:end]) == plain[32_768:49_152]
    for call in (
        lambda: reader.open(1, whole[start:end]),
        lambda: reader.open(2, whole[start : end - 1]),
        lambda: reader.open(9, whole[start:end]),
        lambda: Reader(key, b"c", whole[:55], len(whole)),
        lambda: Reader(key, b"d", whole[:56], len(whole)),
        lambda: open_sealed(key[:-1], b"c", whole),
        lambda: open_sealed(key, b"c", whole[:-1]),
    ):
        assert code(call) in ("stream_invalid", "stream_truncated")
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"", b"", salt)
    endless = Sealer(key, b"c", salt)
    endless._number = 1 << 38
    with pytest.raises(ValueError, match="chunks"):
        endless.finish()


def test_opener_stays_closed_after_an_error() -> None:
    """Nothing comes out of a stream after its first fault, and a short one is cut short."""
    key, whole = b"k" * 32, seal(b"k" * 32, b"c", b"s" * 24, bytes(20_000))
    opener = Opener(key, b"c")
    assert opener.update(whole[:40]) == b""
    altered = bytearray(whole)
    altered[60] ^= 1
    assert code(opener.update, bytes(altered[40:])) == "stream_invalid"
    assert code(opener.update, whole) == code(opener.finish) == "stream_invalid"
    short = Opener(key, b"c")
    short.update(whole[:56])
    assert code(short.finish) == code(short.finish) == "stream_truncated"
    for length in (0, 55, 56, 71):
        assert code(Reader, key, b"c", whole[:56], length) == "stream_truncated"


def test_refusals_are_rejections() -> None:
    """Cryptographic refusals are final."""
    assert isinstance(outcome(open_sealed, bytes(32), b"", bytes(72)), RejectedError)
