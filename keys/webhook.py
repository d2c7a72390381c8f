"""Webhook signatures: what a system of the house can tell our calls from others' by.

Source: the Standard Webhooks specification, "Signature scheme": ``v1`` is HMAC-SHA256 over the id,
the time and the body with dots between them. A secret is ``whsec_`` and 24 to 64 bytes in base64;
with several, each signs, so that one can follow another without a gap.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final, NewType

from keys.errors import RejectedError

WebhookSecret = NewType("WebhookSecret", bytes)

PREFIX: Final = "whsec_"
LEAST_BYTES: Final = 24
MOST_BYTES: Final = 64


def parse_webhook_secrets(text: bytes) -> Sequence[WebhookSecret]:
    """Read secrets, one a line, the newest first.

    Raises RejectedError ``webhook_secret_malformed``, which shows nothing of them.
    """
    lines = text.split()
    if not lines:
        raise _malformed()
    return [_parse(line) for line in lines]


def sign_webhook(secrets: Sequence[WebhookSecret], message_id: str, at: int, body: bytes) -> str:
    """Return the value of the header ``webhook-signature``; ``at`` is in UTC seconds."""
    signed = f"{message_id}.{at}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        for secret in secrets
    )


def _parse(line: bytes) -> WebhookSecret:
    encoded = line.removeprefix(PREFIX.encode())
    try:
        secret = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise _malformed() from None
    if encoded == line or not LEAST_BYTES <= len(secret) <= MOST_BYTES:
        raise _malformed()
    return WebhookSecret(secret)


def _malformed() -> RejectedError:
    return RejectedError(
        "webhook_secret_malformed",
        f"a webhook secret is {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in base64, one a "
        f"line: echo {PREFIX}$(openssl rand -base64 32)",
    )
