"""Envelopes made and opened: any message comes through, no altered byte does."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import LiaisonError, RejectedError
from gateway.protocol.answer import MAX_BATCH_BYTES, Posted, encode_batch, parse_batch
from gateway.protocol.envelope import (
    MAX_ENVELOPE_BYTES,
    Draft,
    encode_envelope,
    parse_envelope,
    seal_message,
    wrap_stanza,
)
from gateway.protocol.mailbox import Collected, encode_collected, parse_collected
from gateway.protocol.message import (
    MAX_CONTENT_BYTES,
    Attachment,
    Payload,
    encode_payload,
    message_ref,
    parse_message_ref,
    split_inner,
)
from gateway.protocol.opening import OpenedMessage, open_body, open_envelope, verify_stored
from keys.sealing import SealKey
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId
from tests.mutation import mutated
from tests.outcome import outcome
from tests.protocol.committed import committed, receiver, view_of
from tests.protocol.opening_cases import NOW, SEAL, SIGN
from tests.world import Seeded

XA, XB = MemberId("XA"), MemberId("XB")
SIGNER = SigningKey(KeyUse.SIGN, SIGN["XA"])
SEAL_KEY = SealKey(SEAL)
ME = receiver(NOW)
PAYLOAD = Payload("case.reply", "XA", "", "", NOW, bytes(16), bytes(16), 1, "", b"oui", ())


def draft(payload: Payload = PAYLOAD) -> Draft:
    """Return a draft to XB."""
    return Draft(payload=payload, message_id=bytes(16), expires_at=NOW + 1000, to=(XB,), priority=5)


def sealed(payload: Payload = PAYLOAD) -> bytes:
    """Return an envelope to XB."""
    message = seal_message(
        draft(payload), signer=SIGNER, registry=ME.view.head, entropy=Seeded("seal")
    )
    stanza = wrap_stanza(message.header, message.content_key, SEAL_KEY.key_id, SEAL_KEY.public_key)
    return encode_envelope(message.header, [stanza], message.body)


def opened(envelope: bytes) -> OpenedMessage:
    """Open an envelope as XB."""
    return open_envelope(parse_envelope(envelope), XA, ME)


text = st.text(st.characters(codec="utf-8"), max_size=64)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=255)
refs = st.just("") | st.binary(min_size=16, max_size=16).map(lambda id_: f"XB-{id_.hex()}")
attachments = st.builds(
    Attachment,
    name=names,
    media_type=st.sampled_from(("application/pdf", "text/plain; charset=utf-8")),
    blob_id=st.binary(min_size=32, max_size=32),
    key=st.binary(min_size=32, max_size=32),
    plain_bytes=st.integers(0, 2**40),
    plain_digest=st.binary(min_size=32, max_size=32),
)
payloads = st.builds(
    Payload,
    kind=st.from_regex(r"\A[a-z][a-z_]{0,20}(\.[a-z][a-z_]{0,20})?\Z"),
    sender=st.just("XA"),
    unit=text,
    on_behalf_of=st.sampled_from(("", "XC", "UNION-1")),
    created_at=st.integers(NOW - 1000, NOW + 300),
    salt=st.binary(min_size=16, max_size=16),
    case_id=st.binary(min_size=16, max_size=16),
    seq=st.integers(0, 2**32 - 1),
    in_reply_to=refs,
    content=st.binary(max_size=3000),
    attachments=st.lists(attachments, max_size=4).map(tuple),
)


@settings(max_examples=50, deadline=None)
@given(payloads)
def test_any_message_comes_through(payload: Payload) -> None:
    """What was drafted is what opens, and its signature verifies for ever."""
    message = opened(sealed(payload))
    assert message.payload == payload
    assert (message.sender, message.seal_kid) == ("XA", SEAL_KEY.key_id)
    stored = open_body(message.envelope.header_bytes, message.envelope.body, message.content_key)
    assert stored == message.inner
    assert verify_stored(message.envelope.header_bytes, stored, ME.view).member == "XA"


ENVELOPE = sealed()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_altered_byte_comes_through(data: st.DataObject) -> None:
    """Flip, drop, add, cut: one error that says so, or the same message."""
    altered = mutated(data, ENVELOPE)
    if data.draw(st.booleans()):
        altered = altered[: data.draw(st.integers(0, len(altered)))]
    message = outcome(opened, altered)
    assert isinstance(message, LiaisonError) or message.payload == PAYLOAD


def test_every_bit_of_body_and_header_counts() -> None:
    """Not a sample: each byte of header and body, one bit each."""
    parsed = parse_envelope(ENVELOPE)
    for part in (parsed.header_bytes, parsed.body):
        start = ENVELOPE.index(part)
        for at in range(start, start + len(part)):
            altered = bytearray(ENVELOPE)
            altered[at] ^= 0x10
            with pytest.raises(LiaisonError):
                opened(bytes(altered))


def test_another_stanza_changes_no_name() -> None:
    """A thin copy with another wrapping is the same envelope and the same message."""
    again = sealed()
    assert again != ENVELOPE
    assert opened(again).envelope.envelope_id == opened(ENVELOPE).envelope.envelope_id
    assert opened(again).tbs_digest == opened(ENVELOPE).tbs_digest


def test_too_large_an_envelope_is_refused_alone() -> None:
    """Two megabytes and a byte: refused by name; the batch around it is read."""
    huge = bytes(MAX_ENVELOPE_BYTES + 1)
    with pytest.raises(RejectedError) as caught:
        parse_envelope(huge)
    assert caught.value.code == "envelope_too_large"
    batch = [Posted((), ("XB",), huge), Posted((), ("XB",), ENVELOPE)]
    assert parse_batch(encode_batch(batch)) == tuple(batch)
    with pytest.raises(RejectedError):
        parse_batch(encode_batch([Posted((), ("XB",), bytes(MAX_BATCH_BYTES))]))
    with pytest.raises(RejectedError):
        parse_batch(encode_batch([Posted((), ("XB",), b"")] * 65))
    with pytest.raises(RejectedError):
        parse_batch(encode_batch([]))
    many = Posted(("RILO-W",), tuple(f"X{n:02}" for n in range(33)), b"")
    assert len(parse_batch(encode_batch([many]))) == 1
    with pytest.raises(RejectedError):
        parse_batch(encode_batch([many, many]))
    with pytest.raises(RejectedError):
        parse_collected(encode_collected(Collected((many, many), ())))


def test_largest_message_of_all_fits() -> None:
    """Every field at its bound: it is sealed, fits an envelope, and opens."""
    attachment = Attachment(
        name="\U0001f600" * 255, media_type="a/" + "b" * 125, blob_id=bytes(32), key=bytes(32),
        plain_bytes=2**40, plain_digest=bytes(32),
    )  # fmt: skip
    payload = msgspec.structs.replace(
        PAYLOAD, unit="é" * 64, content=bytes(MAX_CONTENT_BYTES), attachments=(attachment,) * 64
    )
    envelope = sealed(payload)
    assert len(envelope) <= MAX_ENVELOPE_BYTES
    assert opened(envelope).payload == payload


@pytest.mark.parametrize(
    "changes",
    [
        {"content": bytes(MAX_CONTENT_BYTES + 1)},
        {"kind": "Case.Reply"},
        {"sender": "xa"},
        {"unit": "u" * 65},
        {"on_behalf_of": "xc"},
        {"on_behalf_of": "X"},
        {"on_behalf_of": "XC\n"},
        {"salt": bytes(15)},
        {"seq": 2**32},
        {"in_reply_to": "XB-1"},
        {"created_at": -1},
    ],
)
def test_no_message_is_sealed_that_no_receiver_would_take(changes: dict) -> None:
    """A sender finds out before it promises anything."""
    payload = msgspec.structs.replace(PAYLOAD, **changes)
    with pytest.raises(RejectedError) as caught:
        seal_message(draft(payload), signer=SIGNER, registry=ME.view.head, entropy=Seeded("x"))
    assert caught.value.code == "payload_invalid"


@pytest.mark.parametrize("changes", [{"to": ()}, {"to": (XB, XB)}, {"priority": 10}])
def test_no_header_is_made_that_no_receiver_would_take(changes: dict) -> None:
    """The same for the header."""
    with pytest.raises(RejectedError) as caught:
        seal_message(
            replace(draft(), **changes), signer=SIGNER, registry=ME.view.head, entropy=Seeded("x")
        )
    assert caught.value.code == "encoding_invalid"


@pytest.mark.parametrize("length", [0, 39, 139, 140, 1023, 1025])
def test_body_of_any_length_is_refused_unless_padded(length: int) -> None:
    """Short plaintexts are not read past their end."""
    with pytest.raises(RejectedError) as caught:
        split_inner(bytes(length))
    assert caught.value.code == "padding_invalid"
    assert split_inner(bytes(1024)).payload == b""


def test_stored_message_of_an_unknown_key_does_not_verify() -> None:
    """Verifying what is stored needs the signer's key in the registry."""
    message = opened(ENVELOPE)
    nobody = view_of(8, bytes(32), committed("opening")["members"], [])
    with pytest.raises(RejectedError) as caught:
        verify_stored(message.envelope.header_bytes, message.inner, nobody)
    assert caught.value.code == "signer_unknown"


def test_names_of_messages_have_one_form() -> None:
    """A sender, a hyphen, 32 hex digits."""
    name = message_ref("RILO-W", b"\x0a" * 16)
    assert name == "RILO-W-" + "0a" * 16
    assert parse_message_ref(name) == ("RILO-W", b"\x0a" * 16)
    for wrong in ("", "XA", "XA-" + "0A" * 16, "xa-" + "00" * 16, "XA-" + "00" * 16 + "\n"):
        with pytest.raises(RejectedError) as caught:
            parse_message_ref(wrong)
        assert caught.value.code == "message_ref_malformed"


def test_nothing_secret_shows_when_printed() -> None:
    """No object of a message prints its key, its text or its names."""
    attachment = Attachment("secret.pdf", "application/pdf", bytes(32), b"K" * 32, 5, bytes(32))
    payload = msgspec.structs.replace(PAYLOAD, content=b"SECRET", attachments=(attachment,))
    message = opened(sealed(payload))
    drafted = seal_message(draft(), signer=SIGNER, registry=ME.view.head, entropy=Seeded("x"))
    for shown in (payload, attachment, message, message.inner, message.envelope, drafted):
        assert len(repr(shown)) < 80
        assert "secret" not in repr(shown).lower()
        assert "KKKK" not in repr(shown)


def test_payload_bytes_are_bounded() -> None:
    """Decoding counts the bytes first."""
    assert len(encode_payload(PAYLOAD)) < 200
