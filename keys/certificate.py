"""TLS certificates: self-signed Ed25519, pinned by the registry, one for each ``tls`` key.

The dates in the certificate are wide on purpose: the start and end in the registry rule.
Source: RFC 5280; RFC 8410; SPEC "Transport".
"""

from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from keys.errors import RejectedError
from keys.suite import digest

_FROM = datetime(2000, 1, 1, tzinfo=UTC)
_UNTIL = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
SERIAL_BYTES = 16


def issue(seed: bytes, common_name: str, serial: bytes) -> bytes:
    """Return the DER of a self-signed certificate; the same arguments give the same bytes."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(int.from_bytes(serial, "big") >> 1 | 1)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, None)
    )
    return certificate.public_bytes(serialization.Encoding.DER)


@lru_cache(maxsize=1024)
def public_key_of(certificate: bytes) -> bytes:
    """Return the Ed25519 public key (32 bytes) of a DER certificate that it signed itself.

    Raises RejectedError ``certificate_malformed``.
    """
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        public_key = parsed.public_key()
        if not isinstance(public_key, Ed25519PublicKey):
            raise RejectedError("certificate_malformed", "the certificate's key is not Ed25519")
        public_key.verify(parsed.signature, parsed.tbs_certificate_bytes)
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as fault:
        raise RejectedError(
            "certificate_malformed", "this is no self-signed certificate"
        ) from fault
    return public_key.public_bytes_raw()


def certificate_digest(certificate: bytes) -> bytes:
    """Return the digest (32 bytes) by which the registry pins a certificate."""
    return digest(certificate)


def certificate_pem(certificate: bytes) -> bytes:
    """Return a DER certificate as PEM."""
    parsed = x509.load_der_x509_certificate(certificate)
    return parsed.public_bytes(serialization.Encoding.PEM)


def private_pem(seed: bytes, password: bytes) -> bytes:
    """Return the private key as PEM, encrypted under ``password``.

    ``ssl`` reads keys from files alone: this one is worthless without a password that lives in
    memory only.
    """
    return Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )
