"""Whole AS2 exchanges by pyas2lib, in one process, without network or disk.

Build signs and encrypts, parse decrypts and verifies, a signed receipt goes back and is verified
against what was sent. RSA-2048, SHA-256, AES-256-CBC. The content is declared as octets, which
pyas2lib handles faster than text.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from tests.bench.peer_scripts.material import Identity, new_identity, print_rates


@contextmanager
def _short_version() -> Iterator[None]:
    """Show oscrypto an OpenSSL version that it can read.

    Version 1.3.0 finds no version in one whose last number has two digits, as in 3.0.19, and then
    refuses to load. Only what it compares is changed.
    """
    search: Callable[..., re.Match[str] | None] = re.search

    def shortened(pattern: object, text: object, flags: int = 0) -> re.Match[str] | None:
        if isinstance(text, str) and text.startswith("OpenSSL "):
            text = re.sub(r"(\d\.\d\.\d)\d+", r"\1", text)
        return search(pattern, text, flags)

    with mock.patch.object(re, "search", shortened):
        yield


with _short_version():
    from pyas2lib.as2 import (  # type: ignore[import-not-found]
        Mdn,
        Message,
        Organization,
        Partner,
    )


def main() -> None:
    """Print exchanges a second."""
    identities = {name: new_identity(name) for name in ("sender", "receiver")}
    organizations = {name: _organization(name, found) for name, found in identities.items()}
    partners = {name: _partner(name, found) for name, found in identities.items()}

    def exchange(content: bytes) -> None:
        sent = Message(organizations["sender"], partners["receiver"])
        sent.build(content, content_type="application/octet-stream")
        received = Message()
        status, fault, receipt = received.parse(
            _travelling(sent),
            find_org_cb=organizations.get,
            find_partner_cb=partners.get,
            find_message_cb=lambda *_: False,
        )
        if status != "processed" or received.content != content:
            raise RuntimeError(f"the message was not accepted: {status} {fault[0]}")
        if not (received.signed and received.encrypted):
            raise RuntimeError("the message was not protected")
        answered = Mdn()
        status, detail = answered.parse(_travelling(receipt), find_message_cb=lambda *_: sent)
        if status != "processed" or answered.digest_alg != "sha256":
            raise RuntimeError(f"the receipt was not accepted: {status} {detail}")

    print_rates(("exchange with receipt", exchange))


def _organization(name: str, identity: Identity) -> Organization:
    pem = identity.key_pem + identity.certificate_pem
    return Organization(as2_name=name, sign_key=pem, decrypt_key=pem, domain=f"{name}.example")


def _partner(name: str, identity: Identity) -> Partner:
    return Partner(
        as2_name=name,
        verify_cert=identity.certificate_pem,
        encrypt_cert=identity.certificate_pem,
        sign=True,
        encrypt=True,
        digest_alg="sha256",
        enc_alg="aes_256_cbc",
        mdn_mode="SYNC",
        mdn_digest_alg="sha256",
    )


def _travelling(message: Message | Mdn) -> bytes:
    """Return a message or receipt as it would arrive: headers, then content."""
    return bytes(message.headers_str + b"\r\n" + message.content)


if __name__ == "__main__":
    main()
