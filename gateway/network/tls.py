"""TLS 1.3 with both certificates pinned by the registry.

A context trusts the pinned certificates alone; it is made anew when they change and handed to new
connections through ``sni_callback``. Old connections are judged by every request.
Source: SPEC "Transport".
"""

import os
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from keys.certificate import certificate_pem, private_pem
from keys.keyring import KeyRecord
from keys.suite import Entropy


def server_context(record: KeyRecord, pins: Sequence[bytes], entropy: Entropy) -> ssl.SSLContext:
    """Return the listener's context: it asks for a certificate and does not require one.

    A certificate that is shown must be one of ``pins`` (DER), or the handshake fails.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    _trust(context, pins)
    _load(context, record, entropy)
    return context


def client_context(
    record: KeyRecord | None, pins: Sequence[bytes] | None, entropy: Entropy
) -> ssl.SSLContext:
    """Return a context to one peer: its certificates alone are trusted.

    Without ``pins`` nothing is: only what verifies itself may be asked for. Without ``record`` no
    certificate is shown.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    if pins is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, pins)
    if record is not None:
        _load(context, record, entropy)
    return context


def _trust(context: ssl.SSLContext, pins: Sequence[bytes]) -> None:
    # A pinned certificate is its own anchor; nothing above it is asked for.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if pins:
        context.load_verify_locations(cadata=b"".join(pins))


def _load(context: ssl.SSLContext, record: KeyRecord, entropy: Entropy) -> None:
    """Load certificate and key; ``ssl`` wants a file, so it gets a sealed, short-lived one.

    A crash at this line leaves a file under a password that lived in memory only.
    """
    password = entropy(32).hex()
    pem = certificate_pem(record.certificate) + private_pem(record.seed, password.encode())
    descriptor, name = tempfile.mkstemp(prefix="liaison-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        context.load_cert_chain(name, password=password)
    finally:
        Path(name).unlink(missing_ok=True)
