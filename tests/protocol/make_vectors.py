"""Make the committed vectors: ``python -m tests.protocol.make_vectors [FOLDER]``.

Everything follows from fixed seeds and from ``independent``; nothing of the project is imported, so
that the files judge the code. Each file belongs to a section of SPEC.md.
"""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.protocol import opening_cases
from tests.protocol.independent import (
    SEGMENT,
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
    tree_path,
    tree_root,
    wrap,
    wrap_shared,
)
from tests.protocol.opening_cases import fixed

FOLDER = Path(__file__).parent / "vectors"

XA_SIGN = fixed("XA sign", 32)
XB_SIGN = fixed("XB sign", 32)
SEAL_SEEDS = {"XB": fixed("XB seal", 32), "XC": fixed("XC seal", 32)}
NOW = opening_cases.NOW


def keys() -> object:
    """Make the section "Suite": key names."""
    seed = SEAL_SEEDS["XB"]
    return {
        "signing": [
            {
                "use": use,
                "seed": XA_SIGN.hex(),
                "public_key": sign_public(XA_SIGN).hex(),
                "kid": key_id(use, sign_public(XA_SIGN)).hex(),
            }
            for use in ("sign", "log", "witness", "tls")
        ],
        "sealing": [
            {
                "seed": seed.hex(),
                "public_key": seal_public(seed).hex(),
                "kid": key_id("seal", seal_public(seed)).hex(),
            }
        ],
    }


def padding() -> object:
    """Make the section "Padding": lengths and what they are padded to."""
    edges = {0, 1, 139, 140, 1023, 1024, 1025, 1088, 1089, 65_537, 1_048_577, 5_000_000}
    for exponent in range(10, 41):
        edges |= {2**exponent - 1, 2**exponent, 2**exponent + 1}
    return [[length, padded(length)] for length in sorted(edges)]


def messages() -> object:
    """Make "The message", "The envelope" and "Stanzas": sealed from their parts."""
    attachment = [
        "facture n° 2291.pdf",
        "application/pdf",
        fixed("blob id", 32),
        fixed("blob key", 32),
        20_000,
        fixed("plain digest", 32),
    ]
    return [
        _message(
            "one recipient, the least of everything",
            to=["XB"],
            payload=["ping", "XA", "", "", NOW, fixed("s", 16), bytes(16), 0, "", b"", []],
        ),
        _message(
            "two recipients, an attachment, text beyond ASCII",
            to=["XB", "XC"],
            payload=[
                "request.verify_value",
                "XA",
                "valuation",
                "",
                NOW,
                fixed("salt", 16),
                fixed("case", 16),
                4_294_967_295,
                "XB-" + fixed("earlier", 16).hex(),
                pack({"object": "Vérification de la valeur", "urgent": "no"}),
                [attachment],
            ],
        ),
        _message(
            "a union on behalf of one of its states",
            to=["XB"],
            payload=[
                "case.reply",
                "XA",
                "",
                "XC",
                NOW,
                fixed("s", 16),
                bytes(16),
                1,
                "",
                pack({"findings": "oui"}),
                [],
            ],
        ),
    ]


def _message(name: str, *, to: list[str], payload: list[object]) -> object:
    blobs = [[item[2], 56 + padded(item[4]) + 16 * (padded(item[4]) // 16_384 + 1)]
             for item in payload[10]]  # fmt: skip
    header = pack([1, 1, fixed(name, 16), NOW + 604_800, to, 5, blobs])
    header_digest = sha256(label("header"), header)
    view = (8).to_bytes(8, "big") + fixed("registry root", 32)
    packed = pack(payload)
    signer_kid = key_id("sign", sign_public(XA_SIGN))
    payload_digest = sha256(label("payload"), packed)
    signed = signer_kid + view + len(header).to_bytes(4, "big") + header + payload_digest
    signature = sign(XA_SIGN, "message", signed)
    length = len(packed).to_bytes(4, "big")
    inner = pad(signer_kid + view + signature + length + packed)
    content_key, salt = fixed(name + " content key", 32), fixed(name + " body salt", 24)
    body = chunked_seal(content_key, label("body") + SUITE + header_digest, salt, inner)
    stanzas = [_stanza(member, header_digest, content_key) for member in to]
    wrapped = [[bytes.fromhex(item["kid"]), bytes.fromhex(item["wrapped"])] for item in stanzas]
    return {
        "name": name,
        "sign_seed": XA_SIGN.hex(),
        "signer_kid": signer_kid.hex(),
        "registry_size": 8,
        "registry_root": fixed("registry root", 32).hex(),
        "message_id": fixed(name, 16).hex(),
        "expires_at": NOW + 604_800,
        "to": to,
        "priority": 5,
        "payload_fields": _hex(payload),
        "payload": packed.hex(),
        "payload_digest": payload_digest.hex(),
        "header": header.hex(),
        "header_digest": header_digest.hex(),
        "tbs": (label("message") + signed).hex(),
        "tbs_digest": sha256(label("message"), signed).hex(),
        "signature": signature.hex(),
        "inner": inner.hex(),
        "content_key": content_key.hex(),
        "salt": salt.hex(),
        "body": body.hex(),
        "stanzas": stanzas,
        "envelope_id": sha256(label("envelope"), header, sha256(body)).hex(),
        "envelope": pack([header, wrapped, body]).hex(),
    }


def _stanza(member: str, header_digest: bytes, content_key: bytes) -> dict[str, str]:
    seed = SEAL_SEEDS[member]
    kid = key_id("seal", seal_public(seed))
    info = label("stanza") + SUITE + kid + header_digest
    wrapped = wrap(seal_public(seed), info, content_key, fixed(f"{member} coins", 64))
    session_key = fixed(f"{member} session key", 32)
    session = share(seal_public(seed), kid, session_key, fixed(f"{member} session coins", 64))
    shared = session + wrap_shared(session_key, fixed(f"{member} nonce", 12), info, content_key)
    return {
        "member": member,
        "seed": seed.hex(),
        "kid": kid.hex(),
        "info": info.hex(),
        "wrapped": wrapped.hex(),
        "digest": sha256(label("stanza"), kid, wrapped).hex(),
        "session_info": (label("session") + SUITE + kid).hex(),
        "session_key": session_key.hex(),
        "shared": shared.hex(),
        "shared_digest": sha256(label("stanza"), kid, shared).hex(),
    }


def receipts() -> object:
    """Make the section "Receipts": batches of several sizes, every receipt standing alone."""
    kid = key_id("sign", sign_public(XB_SIGN))
    batches = []
    for count in (1, 2, 3, 7):
        fields = [_receipt(index, kid) for index in range(count)]
        entries = [pack(item) for item in fields]
        root = tree_root(entries)
        signature = sign(XB_SIGN, "receipts", count.to_bytes(4, "big") + root)
        batches.append(
            {
                "sign_seed": XB_SIGN.hex(),
                "root": root.hex(),
                "signature": signature.hex(),
                "receipts": [
                    {
                        "fields": _hex(item),
                        "signed": pack(
                            [entry, count, index, tree_path(index, entries), signature]
                        ).hex(),
                    }
                    for index, (item, entry) in enumerate(zip(fields, entries, strict=True))
                ],
            }
        )
    return batches


def _receipt(index: int, kid: bytes) -> list[object]:
    kind = {1: "custody", 2: "refusal"}.get(index, "delivery")
    seal_kid = key_id("seal", seal_public(SEAL_SEEDS["XB"])) if kind == "delivery" else b""
    return [
        kind,
        fixed(f"envelope {index}", 32),
        "XB",
        NOW + index,
        kid,
        8,
        fixed("registry root", 32),
        fixed(f"digest {index}", 32),
        seal_kid,
        "content_invalid" if kind == "refusal" else "",
    ]


def sealed_receipts() -> object:
    """Make the section "Sealed receipts"."""
    cases = []
    for recipient, length in (("XB", 300), ("RILO-W", 2048)):
        key, salt = fixed(f"{recipient} content key", 32), fixed(f"{recipient} salt", 24)
        header_digest = fixed(f"{recipient} header", 32)
        receipt = fixed(f"{recipient} receipt", length)
        context = label("receipt") + SUITE + header_digest + recipient.encode()
        cases.append(
            {
                "recipient": recipient,
                "content_key": key.hex(),
                "salt": salt.hex(),
                "header_digest": header_digest.hex(),
                "receipt": receipt.hex(),
                "sealed": chunked_seal(key, context, salt, receipt).hex(),
            }
        )
    return cases


def mailbox() -> object:
    """Make the section "Mailboxes and returns"."""
    returns = [
        [
            fixed("e1", 32),
            fixed("m1", 16),
            "XB",
            fixed("s1", 32),
            ["delivered", fixed("sealed", 400)],
        ],
        [
            fixed("e2", 32),
            fixed("m2", 16),
            "XC",
            fixed("s2", 32),
            ["rejected", fixed("refusal", 300)],
        ],
        [fixed("e3", 32), fixed("m3", 16), "XB", fixed("s3", 32), ["halted", "mailbox_full"]],
    ]
    collect = [
        25,
        [
            [fixed("custody", 300), fixed("sealed", 400), [fixed("blob 1", 32)]],
            [fixed("r", 9), b"", []],
        ],
        returns[:1],
    ]
    collected = [[[["RILO-W"], ["XB"], fixed("envelope", 80)]], returns]
    return {
        "returns_fields": _hex(returns),
        "returns": pack(returns).hex(),
        "collect_fields": _hex(collect),
        "collect": pack(collect).hex(),
        "collected_fields": _hex(collected),
        "collected": pack(collected).hex(),
    }


def medium() -> object:
    """Make the section "Media": one record of each kind, framed."""
    outcome = ["delivered", fixed("sealed", 400)]
    records: list[list[object]] = [
        ["heading", "XA", "XB", NOW],
        ["statement", 0, fixed("statement", 200)],
        ["checkpoint", fixed("checkpoint", 100)],
        ["card", fixed("card", 300)],
        ["attachment", fixed("blob", 32), fixed("list", 80)],
        ["segment", fixed("blob", 32), 0, fixed("segment", 1000)],
        ["copy", fixed("envelope", 1500)],
        ["return", [fixed("e1", 32), fixed("m1", 16), "XA", fixed("s1", 32), outcome]],
        ["left_out", fixed("m2", 16), "card_unknown"],
    ]
    checks = [sha256(label("record"), pack(record)) for record in records]
    name = sha256(label("medium"), *checks)
    end = ["end", name]
    checks.append(sha256(label("record"), pack(end)))
    framed = b"".join(
        len(pack(record)).to_bytes(4, "big") + pack(record) + check
        for record, check in zip([*records, end], checks, strict=True)
    )
    return {
        "fields": _hex([*records, end]),
        "digest": name.hex(),
        "medium": (b"liaison medium 1\n" + framed).hex(),
    }


def blobs() -> object:
    """Make the section "Blobs"; the plaintext is the bytes 0, 1 … 250 over and over."""
    return [_blob(length) for length in (0, 5, 16_384, 8_200_000, 8_388_096, 9_000_000)]


def _blob(length: int) -> object:
    plaintext = (bytes(range(251)) * (length // 251 + 1))[:length]
    key, salt = fixed(f"blob {length} key", 32), fixed(f"blob {length} salt", 24)
    sealed = chunked_seal(key, label("blob") + SUITE, salt, pad(plaintext))
    digests = [
        sha256(label("segment"), index.to_bytes(4, "big"), sealed[start : start + SEGMENT])
        for index, start in enumerate(range(0, len(sealed), SEGMENT))
    ]
    return {
        "plain_bytes": length,
        "plain_digest": sha256(plaintext).hex(),
        "key": key.hex(),
        "salt": salt.hex(),
        "sealed_bytes": len(sealed),
        "sealed_digest": sha256(sealed).hex(),
        "segment_list": pack([len(sealed), digests]).hex(),
        "blob_id": sha256(label("blob"), len(sealed).to_bytes(8, "big"), *digests).hex(),
    }


def posting() -> object:
    """Make the section "Posting and answers"."""
    batch = [
        [[], ["XB"], b"\x01" * 40],
        [["RILO-W", "RILO-E"], ["XB", "XC"], b"\x02" * 300],
    ]
    answers = [
        ["accepted", fixed("receipt", 300), b"", []],
        ["accepted", fixed("custody", 300), fixed("sealed", 400), [fixed("blob 1", 32)]],
        ["pending_blobs", [fixed("blob 1", 32), fixed("blob 2", 32)]],
        ["later", "registry_behind", 2],
        ["refused", "not_on_route", b""],
        ["refused", "content_invalid", fixed("refusal", 300)],
    ]
    return {
        "batch_fields": _hex(batch),
        "batch": pack(batch).hex(),
        "answer_fields": _hex(answers),
        "answers": pack(answers).hex(),
    }


def audit() -> object:
    """Make the section "The audit log"."""
    entries = [
        [1, "message.received", NOW, fixed("a", 16), 8, "XA",
         [fixed("envelope", 32), fixed("tbs", 32)], ""],
        [1, "message.refused", NOW, fixed("b", 16), 8, "XC", [sha256(b"")], "not_on_route"],
        [1, "administrator.acted", 0, fixed("c", 16), 0, "", [], ""],
    ]  # fmt: skip
    return [
        {
            "fields": _hex(entry),
            "entry": pack(entry).hex(),
            "leaf_hash": sha256(b"\x00", pack(entry)).hex(),
        }
        for entry in entries
    ]


def _hex(value: object) -> object:
    """Return a value with its bytes as {"hex": …}, so that JSON can carry it."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [_hex(item) for item in value]
    return value


SECTIONS: dict[str, Callable[[], object]] = {
    "keys": keys,
    "padding": padding,
    "messages": messages,
    "opening": opening_cases.opening,
    "receipts": receipts,
    "sealed_receipts": sealed_receipts,
    "mailbox": mailbox,
    "medium": medium,
    "blobs": blobs,
    "posting": posting,
    "audit": audit,
}


def make() -> dict[str, str]:
    """Return every file by its name."""
    return {
        f"{name}.json": json.dumps(section(), indent=1, ensure_ascii=False) + "\n"
        for name, section in SECTIONS.items()
    }


def main(arguments: Iterable[str]) -> None:
    """Write the files."""
    folder = Path(next(iter(arguments), FOLDER))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in make().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
