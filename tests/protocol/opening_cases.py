"""The vectors of SPEC "Opening": one envelope that opens, and one for every way to be refused.

Made from ``independent`` alone. A case changes one thing of the good envelope or of the receiver.
"""

import hashlib
from dataclasses import dataclass, field, replace

from tests.protocol.independent import (
    SUITE,
    chunked_seal,
    key_id,
    label,
    pack,
    pad,
    padded,
    seal_public,
    sha256,
    share,
    sign,
    sign_public,
    wrap,
    wrap_shared,
)

NOW = 1_790_000_000
DAY = 86_400


def fixed(name: str, length: int) -> bytes:
    """Return bytes that follow from a name."""
    return hashlib.shake_256(b"liaison vectors " + name.encode()).digest(length)


SIGN = {
    name: fixed(f"{name} sign", 32)
    for name in ("XA", "XC", "XS", "retired", "revoked", "next", "late")
}
SEAL = fixed("XB seal", 32)
ROOT = fixed("registry root", 32)
ROOT_BEFORE = fixed("registry root before", 32)
BLOB = [fixed("blob id", 32), 56 + 20_480 + 32]
ATTACHMENT = ["a.pdf", "application/pdf", BLOB[0], fixed("blob key", 32), 20_000, bytes(32)]


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """What an envelope is made of; every part can be made wrong by itself."""

    version: int = 1
    suite: int = 1
    expires_at: int = NOW + 7 * DAY
    to: list[str] = field(default_factory=lambda: ["XB", "XC"])
    blobs: list[object] = field(default_factory=lambda: [BLOB])
    sender: str = "XA"
    on_behalf_of: str = ""
    created_at: int = NOW - 60
    attachments: list[object] = field(default_factory=lambda: [ATTACHMENT])
    after_payload: bytes = b""
    signer: str = "XA"
    sign_as: str = ""
    registry: tuple[int, bytes] = (8, ROOT)
    length_off: int = 0
    after_inner: bytes = b""
    commit_to: str = "body"
    seal_to: bytes = SEAL
    stanza_for: str = "stanza"
    shared: bool = False
    session_for: bytes = b""
    """Another key's name, where the session is wrapped in its name."""
    after_stanza: bytes = b""
    tail: bytes = b""

    def envelope(self) -> bytes:
        """Return the envelope."""
        header = pack(
            [self.version, self.suite, fixed("id", 16), self.expires_at, self.to, 5, self.blobs]
        )
        header_digest = sha256(label("header"), header)
        key = fixed("content key", 32)
        context = label(self.commit_to) + SUITE + header_digest
        body = chunked_seal(key, context, fixed("body salt", 24), self._inner(header))
        kid = key_id("seal", seal_public(self.seal_to))
        info = label(self.stanza_for) + SUITE + kid + header_digest
        coins = fixed("coins", 64)
        if self.shared:
            session_key = fixed("session key", 32)
            session = share(seal_public(self.seal_to), self.session_for or kid, session_key, coins)
            wrapped = session + wrap_shared(session_key, fixed("nonce", 12), info, key)
        else:
            wrapped = wrap(seal_public(self.seal_to), info, key, coins)
        return pack([header, [[kid, wrapped + self.after_stanza]], body]) + self.tail

    def _inner(self, header: bytes) -> bytes:
        payload = pack(
            ["case.reply", self.sender, "", self.on_behalf_of, self.created_at, fixed("salt", 16),
             fixed("case", 16), 3, "", pack({"text": "oui"}), self.attachments]
        ) + self.after_payload  # fmt: skip
        kid = key_id("sign", sign_public(SIGN.get(self.signer) or fixed(self.signer, 32)))
        size, root = self.registry
        view = size.to_bytes(8, "big") + root
        signed = kid + view + len(header).to_bytes(4, "big") + header
        signed += sha256(label("payload"), payload)
        seed = SIGN.get(self.sign_as or self.signer) or fixed(self.signer, 32)
        signature = sign(seed, "message", signed)
        length = (len(payload) + self.length_off).to_bytes(4, "big")
        plain = kid + view + signature + length + payload
        room = padded(len(plain)) - len(plain) - len(self.after_inner)
        return pad(plain) if not self.after_inner else plain + bytes(room) + self.after_inner


GOOD = Sealed()
SHARED = Sealed(shared=True)
_HEAD_BYTES = 3 + len(pack([1, 1, bytes(16), NOW, ["XB", "XC"], 5, [BLOB]]))


def opening() -> object:
    """Make the section "Opening"."""
    return {
        "me": "XB",
        "now": NOW,
        "registry_size": 8,
        "registry_root": ROOT.hex(),
        "registry_root_before": ROOT_BEFORE.hex(),
        "clock_skew_s": 300,
        "max_lifetime_s": 30 * DAY,
        "seal_seeds": [SEAL.hex()],
        "members": [
            {"member": "XA", "via": ["RILO-W"], "suspended": False},
            {"member": "XB", "via": ["RILO-E"], "suspended": False},
            {"member": "XC", "via": [], "suspended": False},
            {"member": "XS", "via": [], "suspended": True},
            {"member": "RILO-W", "via": [], "suspended": False},
            {"member": "RILO-E", "via": [], "suspended": False},
        ],
        "keys": [
            _key("XA", "XA"),
            _key("XC", "XC"),
            _key("XS", "XS"),
            _key("XA", "retired", end=NOW - DAY),
            _key("XA", "revoked", revoked_since=NOW + DAY),
            _key("XA", "next", start=NOW - 30),
            _key("XC", "late", start=NOW - 30),
        ],
        "cases": [*_good(), *_bad()],
    }


def _key(
    member: str,
    name: str,
    start: int = NOW - 365 * DAY,
    end: int = NOW + 365 * DAY,
    revoked_since: int | None = None,
) -> object:
    public = sign_public(SIGN[name])
    return {
        "member": member,
        "use": "sign",
        "public_key": public.hex(),
        "start": start,
        "end": end,
        "revoked_since": revoked_since,
    }


def _good() -> list[object]:
    return [
        _case("from the sender", GOOD),
        _case("by the sender's relay", GOOD, hop="RILO-W"),
        _case("by my own relay", GOOD, hop="RILO-E"),
        _case("signed with a retired key in its own time", _retired(NOW - 2 * DAY)),
        _case("dated as far ahead as clocks may differ", replace(GOOD, created_at=NOW + 300)),
        _case("living as long as policy allows", replace(GOOD, expires_at=NOW - 60 + 30 * DAY)),
        _case("in its last second", GOOD, now=NOW + 7 * DAY - 1),
        _case("the sender knows more of the registry", replace(GOOD, registry=(9, bytes(32)))),
        _case("the sender knows less of the registry", replace(GOOD, registry=(7, ROOT_BEFORE))),
        _case("a stanza that shares a session", SHARED),
        _case("on behalf of another, which is judged later", replace(GOOD, on_behalf_of="XC")),
        _case("signed again after a revocation", replace(GOOD, signer="next")),
    ]


def _bad() -> list[object]:
    unknown = replace(GOOD, signer="nobody")
    return [
        _case("a byte after the end", replace(GOOD, tail=b"\x00"), "encoding_invalid"),
        _case("unsorted recipients", replace(GOOD, to=["XC", "XB"]), "encoding_invalid"),
        _case("a recipient twice", replace(GOOD, to=["XB", "XB"]), "encoding_invalid"),
        _case("version 2", replace(GOOD, version=2), "version_unknown"),
        _case("suite 2", replace(GOOD, suite=2), "suite_unknown"),
        _case("expired", GOOD, "envelope_expired", now=NOW + 7 * DAY),
        _case("for others", replace(GOOD, to=["XC"]), "not_addressed"),
        _case("from a hop that is no member", GOOD, "not_on_route", hop="XX"),
        _case("from a suspended hop", GOOD, "member_suspended", hop="XS"),
        _case("sealed to a key not held", replace(GOOD, seal_to=bytes(32)), "stale_card"),
        _case("a stanza of another context", replace(GOOD, stanza_for="body"), "stanza_invalid"),
        _case("a stanza of neither length", replace(GOOD, after_stanza=b"\x00"), "stanza_invalid"),
        _case("a stanza too long", replace(SHARED, after_stanza=b"\x00"), "encoding_invalid"),
        _case(
            "a shared stanza of another context",
            replace(SHARED, stanza_for="body"),
            "stanza_invalid",
        ),
        _case("a session of another key", replace(SHARED, session_for=bytes(32)), "stanza_invalid"),
        _case("a body of another context", replace(GOOD, commit_to="blob"), "body_invalid"),
        _case("padding not zero", replace(GOOD, after_inner=b"\x01"), "padding_invalid"),
        _case("a length past the end", replace(GOOD, length_off=4096), "padding_invalid"),
        _case("signer unknown", unknown, "signer_unknown"),
        _case("signer yet unknown", replace(unknown, registry=(9, ROOT)), "registry_behind"),
        _case("signer revoked from tomorrow", replace(GOOD, signer="revoked"), "signer_revoked"),
        _case("signer suspended", replace(GOOD, signer="XS", sender="XS"), "member_suspended"),
        _case("signed by another key", replace(GOOD, sign_as="XC"), "signature_invalid"),
        _case("a split view", replace(GOOD, registry=(8, bytes(32))), "registry_split_view"),
        _case("an earlier split view", replace(GOOD, registry=(7, ROOT)), "registry_split_view"),
        _case("a byte after the payload", replace(GOOD, after_payload=b"\x00"), "payload_invalid"),
        _case("on behalf of no id", replace(GOOD, on_behalf_of="xc"), "payload_invalid"),
        _case("in another's name", replace(GOOD, sender="XC"), "sender_mismatch"),
        _case("from the future", replace(GOOD, created_at=NOW + 301), "created_in_future"),
        _case(
            "living too long", replace(GOOD, expires_at=NOW - 59 + 30 * DAY), "lifetime_too_long"
        ),
        _case(
            "dead before it was born",
            replace(GOOD, created_at=NOW + 2, expires_at=NOW + 2),
            "lifetime_too_long",
        ),
        _case("a retired key after its time", _retired(NOW - DAY), "key_not_valid_then"),
        _case(
            "a key before its time, and none revoked",
            replace(GOOD, signer="late", sender="XC"),
            "key_not_valid_then",
            hop="XC",
        ),
        _case("a blob too many", replace(GOOD, blobs=[BLOB, BLOB]), "blobs_mismatch"),
        _case("a blob of another size", replace(GOOD, blobs=[[BLOB[0], 1]]), "blobs_mismatch"),
        _case("an attachment undeclared", replace(GOOD, blobs=[]), "blobs_mismatch"),
        _case("replayed by a third member", GOOD, "not_on_route", hop="XC"),
    ]


def _retired(created_at: int) -> Sealed:
    return replace(GOOD, signer="retired", created_at=created_at)


def _case(name: str, sealed: Sealed, code: str = "", hop: str = "XA", now: int = NOW) -> object:
    return {
        "name": name,
        "envelope": sealed.envelope().hex(),
        "hop": hop,
        "now": now,
        "code": code,
    }
