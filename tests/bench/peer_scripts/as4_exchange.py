"""AS4 messages, and whole exchanges, by the package as4, in one process, without network or disk.

Building signs, compresses and encrypts; receiving verifies, decrypts and decompresses. A whole
exchange has a signed receipt as well, verified against what was sent. RSA-2048, SHA-256,
AES-128-GCM, as its Peppol profile fixes them; the signer's certificate is pinned.
"""

from as4 import (  # type: ignore[import-not-found]
    AS4LocalPrivateKey,
    SecurityPolicy,
    pinned_certificates,
)
from as4.peppol import (  # type: ignore[import-not-found]
    PeppolReceivingExchange,
    build_peppol_message,
    create_peppol_external_party,
    create_peppol_internal_party,
    parse_peppol_message,
    parse_peppol_receipt,
)

from tests.bench.peer_scripts.material import new_identity, print_rates

_DOCUMENT_TYPE = "urn:bench:declaration::Declaration##urn:bench:plain::1.0"


def main() -> None:
    """Print messages and exchanges a second."""
    sender, receiver = new_identity("sender"), new_identity("receiver")
    from_party = create_peppol_internal_party(
        "sender", sender.certificate, AS4LocalPrivateKey(sender.key)
    )
    to_party = create_peppol_external_party("receiver", receiver.certificate)
    at_party = create_peppol_internal_party(
        "receiver", receiver.certificate, AS4LocalPrivateKey(receiver.key)
    )
    policy = SecurityPolicy(signer_resolver=pinned_certificates(sender.certificate))

    def deliver(content: bytes) -> tuple[list[object], PeppolReceivingExchange]:
        sent = build_peppol_message(
            content,
            local_party=from_party,
            remote_party=to_party,
            sender="9999:sender",
            recipient="9999:receiver",
            sender_country_id="BE",
            document_type_identifier_scheme="busdox-docid-qns",
            document_type_identifier_value=_DOCUMENT_TYPE,
            process_identifier="urn:bench:process",
        )
        body, boundary = sent.get_request_data()
        headers = sent.get_http_headers(boundary)
        received = parse_peppol_message(headers, body, at_party, security_policy=policy)
        if not received.successful:
            raise RuntimeError(f"the message was not accepted: {received.errors}")
        (opened,) = received.message.decrypted_data.values()
        if content.splitlines()[-2] not in opened:
            raise RuntimeError("the message came out changed")
        return sent.signed_references, received

    def message(content: bytes) -> None:
        deliver(content)

    def exchange(content: bytes) -> None:
        references, received = deliver(content)
        _headers, signal = received.build_signal()
        receipt = parse_peppol_receipt(signal, receiver.certificate)
        if receipt.error is not None:
            raise RuntimeError(f"the receipt tells of an error: {receipt.error}")
        receipt.verify_non_repudiation(references)

    print_rates(("message alone", message), ("exchange with receipt", exchange))


if __name__ == "__main__":
    main()
