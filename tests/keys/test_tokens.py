"""A ``sign`` key in a token: the same as one in memory, and what a failing token comes to."""

import os
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, TokenFlag

from keys.certificate import issue
from keys.errors import LiaisonError, RejectedError, UnavailableError
from keys.keyring import KeyRecord, Keyring, new_record, new_token_record
from keys.pkcs11 import Pkcs11Token
from keys.registry.draft import use_line
from keys.signing import verify, verify_note_signature
from keys.suite import KeyUse, MemberId, key_id
from keys.tlog.note import ClassicalSigner, parse_note, sign_note, verify_note
from tests.outcome import outcome
from tests.tokens import PIN, FakeModule, FakeSlot, Slot, SoftHsm
from tests.world import FEDERATION

NAME = f"{FEDERATION}/XA/sign"


@pytest.fixture(params=["memory", "python", "softhsm"])
def place(request: pytest.FixtureRequest) -> Pkcs11Token | None:
    """Return where ``sign`` keys are drawn: the keystore, or a token of each kind."""
    if request.param == "memory":
        return None
    if request.param == "python":
        return FakeSlot(request.getfixturevalue("fake_module"), "fake").token
    token: Pkcs11Token = request.getfixturevalue("softhsm").slot().token
    return token


@pytest.fixture
def fake(fake_module: FakeModule) -> FakeSlot:
    """Return a slot with a token made of Python."""
    return FakeSlot(fake_module, "fake")


def drawn(token: Pkcs11Token | None) -> KeyRecord:
    """Draw a ``sign`` key, in the token if there is one."""
    if token is None:
        return new_record(KeyUse.SIGN, start=0, end=9, entropy=os.urandom)
    return new_token_record(
        token, KeyUse.SIGN, start=0, end=9, entropy=os.urandom, common_name=NAME
    )


def refusal(act: Callable[[], object]) -> UnavailableError:
    """Return why a token does not sign; whatever it is, it may come right."""
    fault = outcome(act)
    assert isinstance(fault, UnavailableError)
    assert "fake" in fault.detail
    assert fault.retry_after_s is not None
    return fault


def test_key_signs_messages_and_notes_wherever_it_lies(place: Pkcs11Token | None) -> None:
    """Plain Ed25519 over the labelled bytes, that libsodium verifies; a note holds no NUL."""
    record = drawn(place)
    key = Keyring([record]).signer(record, place)
    assert (key.use, key.key_id) == (KeyUse.SIGN, record.key_id)
    assert key.public_key == record.public_key
    assert record.key_id == key_id(KeyUse.SIGN, record.public_key)
    for length in (0, 1, 100_000):
        message = os.urandom(length)
        verify(key.public_key, "message", message, key.sign("message", message))
    assert outcome(lambda: verify(key.public_key, "other", b"", key.sign("message", b""))).code == (
        "signature_invalid"
    )
    verify_note_signature(key.public_key, b"text\n", key.sign_note(b"text\n"))
    with pytest.raises(ValueError, match="NUL"):
        key.sign_note(b"a\x00b\n")
    line = use_line(FEDERATION, MemberId("XA"), record)
    note = sign_note(b"text\n", [ClassicalSigner(NAME, key)])
    assert verify_note(parse_note(note), [line.verifier]).text == b"text\n"


def test_keys_follow_each_other_wherever_they_lie(place: Pkcs11Token | None) -> None:
    """A retired key still signs when asked; both come back from the keystore."""
    first, second = drawn(place), drawn(place)
    ring = Keyring.parse(Keyring([first, second]).encode())
    assert ring.records(KeyUse.SIGN) == (first, second)
    for record in (first, second):
        key = ring.signer(record, place)
        verify(record.public_key, "message", b"x", key.sign("message", b"x"))
        assert repr(key).endswith(f"({record.use}, {record.key_id.hex()[:16]})")
    assert first.key_id != second.key_id


def test_many_threads_may_sign_at_once(place: Pkcs11Token | None) -> None:
    """A batch is sealed in one thread while another signs receipts."""
    record = drawn(place)
    key = Keyring([record]).signer(record, place)
    faults: list[Exception] = []

    def sign(number: int) -> None:
        try:
            for count in range(20):
                message = f"{number}.{count}".encode()
                verify(key.public_key, "message", message, key.sign("message", message))
        except LiaisonError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=sign, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_keystore_of_before_still_opens() -> None:
    """Format 1, whose records name no token."""
    record = new_record(KeyUse.SIGN, start=0, end=9, entropy=lambda count: b"\x01" * count)
    body = b"\x92\x01\x91\x96\xa4sign\xc4\x20" + record.key_id + b"\xc4\x20" + b"\x01" * 32
    body += b"\x00\x09\xc4\x00"
    ring = Keyring.parse(body)
    assert ring.records(KeyUse.SIGN) == (record,)
    assert Keyring.parse(ring.encode()).records(KeyUse.SIGN) == (record,)


def test_token_keeps_its_keys(softhsm: SoftHsm) -> None:
    """Neither the keystore nor the module gives the private key out."""
    slot = softhsm.slot()
    record = drawn(slot.token)
    assert record.held is not None
    assert (record.seed, record.held.token) == (b"", slot.token.label)
    slot.token.check()
    session = slot.token._session
    assert session is not None
    private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=record.held.object_id)
    told = private.get_attributes(
        [Attribute.SENSITIVE, Attribute.EXTRACTABLE, Attribute.LABEL, Attribute.TOKEN]
    )
    assert list(told.values()) == [True, False, NAME, True]
    with pytest.raises(pkcs11.AttributeSensitive):
        private[Attribute.VALUE]


def test_token_pulled_out_and_put_back_signs_again(slot: Slot) -> None:
    """While it is away each signature is refused, and told to come again."""
    record = drawn(slot.token)
    key = Keyring([record]).signer(record, slot.token)
    key.sign("message", b"before")
    for _ in range(2):
        slot.pull()
        for _ in range(2):
            fault = outcome(lambda: key.sign("message", b"away"))
            assert (type(fault), fault.code) == (UnavailableError, "token_missing")
            assert fault.retry_after_s is not None
        slot.push()
        verify(key.public_key, "message", b"back", key.sign("message", b"back"))


def test_token_leaves_no_error_to_python_s_tls(softhsm: SoftHsm) -> None:
    """SoftHSM is built on OpenSSL too, which keeps its errors for whoever asks next."""
    slot = softhsm.slot()
    slot.pull()
    assert outcome(slot.token.check).code == "token_missing"
    certificate = issue(bytes(32), "x", bytes(16))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(cadata=certificate)
    assert context.cert_store_stats()["x509"] == 1


def test_wrong_pin_is_tried_once(slot: Slot) -> None:
    """A token locks itself after a few: the daemon must not be what locks it."""
    module = slot.token._module
    slot.token.close()
    token = Pkcs11Token(module, slot.token.label, b"not the pin")
    for _ in range(3):
        fault = outcome(token.check)
        assert (type(fault), fault.code) == (UnavailableError, "pin_wrong")
        assert "not the pin" not in fault.detail
    if isinstance(slot, FakeSlot):
        assert slot.inside.logins == 1
    slot.token.check()


@pytest.mark.parametrize("flag", [TokenFlag.USER_PIN_FINAL_TRY, TokenFlag.USER_PIN_LOCKED])
def test_last_try_of_a_pin_is_left_to_people(fake: FakeSlot, flag: TokenFlag) -> None:
    """Nor after many starts."""
    fake.inside.flags |= flag
    assert refusal(fake.token.check).code == "pin_at_risk"
    assert fake.inside.logins == 0


def test_pin_that_is_no_text_is_not_shown() -> None:
    """It is refused before a token sees it."""
    with pytest.raises(RejectedError) as caught:
        Pkcs11Token(Path("/m.so"), "fake", b"\xffsecret")
    assert caught.value.code == "pin_malformed"
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)


def test_second_session_of_the_process_shares_its_login(fake: FakeSlot) -> None:
    """Two parts of one process use one token."""
    fake.token.check()
    other = Pkcs11Token(Path("/fake/module.so"), "fake", PIN)
    other.check()
    assert fake.inside.logins == 1
    assert repr(other) == "Pkcs11Token(fake)"


def test_key_that_is_gone_or_another_signs_nothing(fake: FakeSlot) -> None:
    """Its object was deleted, or somebody put another in its place."""
    record = drawn(fake.token)
    key = Keyring([record]).signer(record, fake.token)
    assert record.held is not None
    (object_id,) = fake.inside.keys
    genuine = fake.inside.keys.pop(object_id)
    assert refusal(lambda: key.sign("message", b"")).code == "token_key_missing"
    for other in (os.urandom(32), b""):
        fake.inside.keys[object_id] = other
        assert refusal(lambda: key.sign("message", b"")).code == "token_key_wrong"
    fake.inside.keys[object_id] = genuine
    assert len(key.sign("message", b"")) == 64


def test_token_that_draws_no_ed25519_key_is_refused(fake: FakeSlot) -> None:
    """Its key would be refused by the registry, after all was prepared."""
    fake.inside.point = bytes(32)
    assert refusal(lambda: drawn(fake.token)).code == "token_key_wrong"


def test_token_that_does_not_work_says_what_it_said(fake: FakeSlot) -> None:
    """The session is given back, and the next act opens another."""
    fake.token.check()
    fake.inside.fault = pkcs11.DeviceError("burnt")
    fault = refusal(lambda: drawn(fake.token))
    assert fault.code == "token_unavailable"
    assert "DeviceError burnt" in fault.detail
    fake.inside.fault = None
    assert drawn(fake.token).held is not None


def test_module_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    """It is not there, or no shared library."""
    (tmp_path / "text.so").write_text("no library")
    for name in ("none.so", "text.so"):
        token = Pkcs11Token(tmp_path / name, "fake", PIN)
        fault = refusal(token.check)
        assert fault.code == "token_unavailable"
        assert name in fault.detail


def test_key_in_a_token_that_is_not_configured_is_named(fake: FakeSlot) -> None:
    """None, or another one: the sentence says which to configure."""
    record = drawn(fake.token)
    ring = Keyring([record])
    for token in (None, Pkcs11Token(Path("/m.so"), "other", PIN)):
        fault = outcome(lambda other=token: ring.signer(record, other))
        assert (type(fault), fault.code) == (UnavailableError, "token_missing")
        assert "lies in the token fake" in fault.detail
