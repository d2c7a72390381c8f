"""Webhook signatures, against the specification's own words and its library's example."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import RejectedError
from keys.webhook import parse_webhook_secrets, sign_webhook

SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""Published with the libraries of the specification, with the signature below."""


def hmac_sha256(key: bytes, text: bytes) -> bytes:
    """Compute HMAC as RFC 2104 writes it, from the hash alone."""
    key = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()


def test_the_published_example_comes_out() -> None:
    """Of all libraries of the specification, byte for byte."""
    body = b'{"test": 2432232314}'
    secrets = parse_webhook_secrets(SECRET)
    signature = sign_webhook(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(
    secret=st.binary(min_size=24, max_size=64), name=st.from_regex(r"\A[a-z0-9_]{1,40}\Z"),
    at=st.integers(min_value=0, max_value=2**40), body=st.binary(max_size=300),
)  # fmt: skip
def test_signatures_are_those_of_the_scheme(secret: bytes, name: str, at: int, body: bytes) -> None:
    """Computed here from the hash alone; of several secrets, one for each."""
    line = b"whsec_" + base64.b64encode(secret)
    expected = base64.b64encode(hmac_sha256(secret, f"{name}.{at}.".encode() + body)).decode()
    assert sign_webhook(parse_webhook_secrets(line + b"\n"), name, at, body) == f"v1,{expected}"
    both = sign_webhook(parse_webhook_secrets(SECRET + b"\n" + line), name, at, body).split(" ")
    assert both[1:] == [f"v1,{expected}"]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\n", SECRET[6:], b"whsec_", b"whsec_AAAA", b"whsec_" + b"A" * 31,
        b"whsec_" + base64.b64encode(bytes(23)), b"whsec_" + base64.b64encode(bytes(65)),
        SECRET + b"\nnone", b"\xff\xfe", b"whsec_\xc3\xa9" + b"A" * 32,
    ],
)  # fmt: skip
def test_what_is_no_secret_is_refused_without_showing_it(text: bytes) -> None:
    """Nothing of it is in the sentence."""
    with pytest.raises(RejectedError) as told:
        parse_webhook_secrets(text)
    assert told.value.code == "webhook_secret_malformed"
    assert SECRET.decode()[6:] not in told.value.detail
