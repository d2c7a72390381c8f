"""What every peer is given: RSA-2048 keys, documents, and sizes. Needs ``cryptography``."""

import argparse
import base64
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.bench.report import Figure, encode_json, figure, size
from tests.bench.timing import Effort, time_in_turn

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\r\n<Declaration>\r\n'
_TAIL = b"\r\n</Declaration>\r\n"

_Named = tuple[str, Callable[[bytes], None]]
"""An exchange of one document, and what it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A private key and a certificate that it signed itself."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """The private key as PKCS #8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def certificate_pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def new_identity(name: str) -> Identity:
    """Return a new RSA-2048 key, certified under ``name`` for long enough."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=_EPOCH,
        not_valid_after=_EPOCH + timedelta(days=365 * 100),
    )
    return Identity(key=key, certificate=builder.sign(key, hashes.SHA256()))


def document(count: int) -> bytes:
    """Return an XML document of ``count`` bytes whose text hardly compresses."""
    text = base64.encodebytes(os.urandom(count)).replace(b"\n", b"\r\n")
    return _HEAD + text[: count - len(_HEAD) - len(_TAIL) - 1] + b"=" + _TAIL


def print_rates(*named: _Named) -> None:
    """Print, for each named exchange and each size asked for, how many a second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--round-s", type=float, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", required=True)
    asked = parser.parse_args()
    effort = Effort(rounds=asked.rounds, round_s=asked.round_s)
    print(  # noqa: T201 - the parent reads it
        encode_json([one for count in asked.sizes for one in _rates(named, count, effort)])
    )


def _rates(named: Sequence[_Named], count: int, effort: Effort) -> list[Figure]:
    given = document(count)
    timings = time_in_turn([partial(exchange, given) for _, exchange in named], effort)
    return [
        figure(f"{name}, {size(count)}", "/s", timing.rates())
        for (name, _), timing in zip(named, timings, strict=True)
    ]
