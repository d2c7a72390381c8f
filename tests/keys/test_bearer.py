"""Bearer tokens: their form, and the digest by which they are known."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.bearer import PREFIX, bearer_digest, draw_bearer
from keys.errors import RejectedError
from tests.world import Seeded


@given(secret=st.binary(min_size=32, max_size=32))
def test_a_token_is_known_by_a_labelled_digest(secret: bytes) -> None:
    """As anybody computes it; two secrets have two tokens."""
    token = draw_bearer(lambda _: secret)
    assert token.startswith(PREFIX)
    assert len(token) == len(PREFIX) + 43
    assert bearer_digest(token) == hashlib.sha256(b"liaison/1 bearer\x00" + token.encode()).digest()
    assert draw_bearer(lambda _: bytes([secret[0] ^ 1]) + secret[1:]) != token


@pytest.mark.parametrize(
    "changed",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "\n",
        lambda token: token.replace(PREFIX, "Liaison_"),
        lambda token: token[:-1] + "=",
        lambda token: token[:-1] + "é",
        lambda _: "",
        lambda _: "A" * 1_000_000,
    ],
)  # fmt: skip
def test_what_has_not_the_form_is_no_token(changed: object) -> None:
    """Told without looking anywhere."""
    token = draw_bearer(Seeded("token"))
    with pytest.raises(RejectedError) as told:
        bearer_digest(changed(token))  # type: ignore[operator]
    assert told.value.code == "token_malformed"
