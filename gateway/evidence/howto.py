"""The instructions in a file of evidence: how to check it with tools that we did not write.

The text follows from the rest of the file, and a reader compares it. It belongs to version 1 of the
file: whoever changes a word of it needs a version 2, or files of today would fail.
Source: SPEC "Evidence".
"""

import base64
from collections.abc import Iterator

from gateway.evidence.file import Evidence
from gateway.evidence.history import History
from gateway.protocol.audit import ProvenEntry
from keys.registry.member import Member
from keys.registry.origins import registered_log_keys
from keys.suite import KeyId, KeyUse
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.cosignature import WitnessKeys
from keys.tlog.note import VerifierKey
from keys.tlog.policy import encode_policy
from keys.tlog.proof import parse_proof

_ED25519_KEY = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of a key in its SubjectPublicKeyInfo. Source: RFC 8410."""

_INTRODUCTION = """\
LIAISON EVIDENCE, VERSION 1

What is in this file, and what it proves, is said by

    liaison evidence verify FILE --anchor FINGERPRINT

without network, node or key. The fingerprint of the federation's registry is not in this file: take
it from whom you trust. What follows is for other tools. They show parts of it; that no key had been
revoked follows from the registry as a whole.

1. THE FILES

message/header           what every relay could read: msgpack
message/signed           the name of the key (32 bytes), the registry that its owner knew
                         (40 bytes), and the signature (64 bytes)
message/payload          what the message says: msgpack; or instead, where the content is closed,
message/payload-digest   SHA-256 of "liaison/1 payload", a zero byte, and the payload
sender/entry             the sender's entry in its audit log that it sent the message
recipients/*/receipt     a recipient's delivery receipt
recipients/*/held        the sender's entry that it holds this receipt
recipients/*/received    the recipient's entry that it received the message
*.tlog-proof             that the file of the name before it is a leaf of a log: c2sp.org/tlog-proof
registry/statements      the registry: each statement, a signed note (c2sp.org/signed-note), after
                         its length in two bytes, the high one first; each is a leaf
registry/checkpoint      the registry's head: c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature

Leaves are hashed as RFC 6962 says: SHA-256 of a zero byte and the leaf.
"""

_SIGNATURE = """
2. THE MESSAGE'S SIGNATURE

The key of {member}, as the registry lists it, is key.pem:

-----BEGIN PUBLIC KEY-----
{key}
-----END PUBLIC KEY-----

In a shell, in the folder into which this file was unpacked:

{digest}
    (printf 'liaison/1 message\\000'; head -c 72 message/signed; printf '%b' '{length}';
     cat message/header digest) > tbs
    tail -c 64 message/signed > signature
    openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in tbs -sigfile signature
    openssl dgst -sha256 tbs

The last line prints what the receipts and the entries call the message.
"""

_OPEN = """\
    (printf 'liaison/1 payload\\000'; cat message/payload) |
     openssl dgst -sha256 -binary > digest"""
_CLOSED = """\
    cp message/payload-digest digest"""

_LOGS = """
3. THE LOGS

Each log and the witnesses by a policy as c2sp.org/tlog-policy has it, with the keys that the
registry in this file lists. A witness counts with both of its keys.
"""


def howto_of(evidence: Evidence, history: History) -> bytes:
    """Return the instructions that belong to a file of evidence whose registry is folded.

    Raises RejectedError where a proof in the file does not read.
    """
    parts = (_INTRODUCTION, *_signature(evidence, history), _LOGS, *_policies(evidence, history))
    return "".join(parts).encode()


def _signature(evidence: Evidence, history: History) -> Iterator[str]:
    key = history.view.keys.get(KeyId(evidence.signed[:32]))
    if key is not None:
        length = len(evidence.header).to_bytes(4, "big")
        yield _SIGNATURE.format(
            member=key.member,
            key=base64.b64encode(_ED25519_KEY + key.public_key).decode(),
            digest=_CLOSED if evidence.payload is None else _OPEN,
            length="".join(f"\\0{byte:03o}" for byte in length),
        )


def _policies(evidence: Evidence, history: History) -> Iterator[str]:
    """Yield a policy for the registry and one for each shard that has a proof in the file."""
    view = history.view
    proofs = [parse_proof(item.proof) for item in _proven(evidence)]
    logs = (parse_checkpoint(proof.checkpoint).origin for proof in proofs)
    for origin in dict.fromkeys([view.origin, *logs]):
        yield _policy(origin, list(registered_log_keys(view, origin)), history)


def _proven(evidence: Evidence) -> Iterator[ProvenEntry]:
    pairs = [(item.held, item.received) for item in evidence.delivered]
    for item in (evidence.sent, *(item for pair in pairs for item in pair)):
        if item is not None:
            yield item


def _policy(origin: str, logs: list[VerifierKey], history: History) -> str:
    view = history.view
    witnesses = {member.member: _pairs(member) for member in view.witnessing()}
    policy = encode_policy(logs, witnesses, view.witnesses.quorum)
    return f"\n# {origin}\n{policy.decode()}"


def _pairs(member: Member) -> list[WitnessKeys]:
    return [
        (key.verifier, key.post_quantum)
        for key in member.keys_for(KeyUse.WITNESS)
        if key.post_quantum is not None
    ]
