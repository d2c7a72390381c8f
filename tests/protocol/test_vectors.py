"""The committed vectors: made again byte for byte, and the code held to them both ways."""

import hashlib
import os

import msgpack
import msgspec
import pytest

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.protocol.answer import (
    Accepted,
    Later,
    PendingBlobs,
    Posted,
    Refused,
    encode_answers,
    encode_batch,
    parse_answers,
    parse_batch,
)
from gateway.protocol.audit import AuditEntry, encode_entry, parse_entry
from gateway.protocol.blob import (
    BLOB_CONTEXT,
    SEGMENT_BYTES,
    BlobSealer,
    encode_segment_list,
    parse_segment_list,
    sealed_blob_bytes,
    segment_digest,
)
from gateway.protocol.codec import encode
from gateway.protocol.envelope import (
    Draft,
    ParsedEnvelope,
    Stanza,
    begin_session,
    encode_envelope,
    header_digest,
    parse_envelope,
    seal_message,
    session_info,
    share_stanza,
    stanza_info,
    unwrap_stanza,
    wrap_stanza,
)
from gateway.protocol.mailbox import (
    encode_collect,
    encode_collected,
    encode_returns,
    parse_collect,
    parse_collected,
    parse_returns,
)
from gateway.protocol.medium import MediumReader, MediumWriter
from gateway.protocol.message import (
    Attachment,
    Payload,
    decode_payload,
    encode_payload,
    payload_digest,
    split_inner,
    tbs_digest,
)
from gateway.protocol.opening import open_body, open_envelope
from gateway.protocol.padding import padded_bytes
from gateway.protocol.receipt import (
    Receipt,
    seal_receipt,
    sign_receipts,
    unseal_receipt,
    verify_receipt,
)
from keys.registry.member import RegistryHead
from keys.sealing import SealKey
from keys.signing import SigningKey, verify
from keys.stream import open_sealed
from keys.suite import KeyUse, MemberId, key_id, label
from keys.tlog.merkle import leaf_hash
from tests.protocol.committed import FOLDER, committed, receiver, signing_key, view_of
from tests.protocol.make_vectors import make
from tests.protocol.test_blobs import segments_of


def unhex(text: str) -> bytes:
    """Return bytes."""
    return bytes.fromhex(text)


def test_the_script_makes_the_committed_files() -> None:
    """Anyone can make the vectors again, from seeds and from other libraries."""
    made = make()
    assert set(made) == {path.name for path in FOLDER.glob("*.json")}
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


def test_keys_are_named_as_written() -> None:
    """Key names follow from use and public key."""
    section = committed("keys")
    for case in section["signing"]:
        use = KeyUse(case["use"])
        key = SigningKey(use, unhex(case["seed"]))
        assert key.public_key.hex() == case["public_key"]
        assert key.key_id.hex() == key_id(use, key.public_key).hex() == case["kid"]
    for case in section["sealing"]:
        seal_key = SealKey(unhex(case["seed"]))
        assert seal_key.public_key.hex() == case["public_key"]
        assert seal_key.key_id.hex() == case["kid"]


def test_padding_is_as_written() -> None:
    """Padmé at every edge."""
    for length, padded in committed("padding"):
        assert padded_bytes(length) == padded


@pytest.mark.parametrize("case", committed("messages"), ids=lambda case: case["name"])
def test_messages_are_sealed_as_written(case: dict) -> None:
    """From the parts to the envelope, and from the envelope to the parts."""
    fields = case["payload_fields"]
    attachments = tuple(Attachment(*item) for item in fields[10])
    payload = Payload(*fields[:10], attachments)
    assert encode_payload(payload).hex() == case["payload"]
    assert decode_payload(unhex(case["payload"])) == payload
    signer = SigningKey(KeyUse.SIGN, unhex(case["sign_seed"]))
    registry = RegistryHead(case["registry_size"], unhex(case["registry_root"]))
    draft = Draft(
        payload=payload, message_id=unhex(case["message_id"]), expires_at=case["expires_at"],
        to=tuple(MemberId(member) for member in reversed(case["to"])), priority=case["priority"],
    )  # fmt: skip
    drawn = iter([unhex(case["content_key"]), unhex(case["salt"])])
    sealed = seal_message(draft, signer=signer, registry=registry, entropy=lambda _: next(drawn))
    assert sealed.header.hex() == case["header"]
    assert header_digest(sealed.header).hex() == case["header_digest"]
    assert sealed.body.hex() == case["body"]
    assert sealed.envelope_id.hex() == case["envelope_id"]
    assert sealed.tbs_digest.hex() == case["tbs_digest"]
    parsed = parse_envelope(unhex(case["envelope"]))
    assert parsed.envelope_id == sealed.envelope_id
    assert (
        encode_envelope(parsed.header_bytes, parsed.stanzas, parsed.body).hex()
        == (case["envelope"])
    )
    inner = open_body(parsed.header_bytes, parsed.body, sealed.content_key)
    assert inner.encode().hex() == case["inner"]
    assert split_inner(unhex(case["inner"])) == inner
    assert inner.signature.hex() == case["signature"]
    assert payload_digest(inner.payload).hex() == case["payload_digest"]
    to_sign = inner.to_be_signed(parsed.header_bytes)
    assert (label("message") + to_sign).hex() == case["tbs"]
    assert tbs_digest(to_sign).hex() == case["tbs_digest"]
    assert hashlib.sha256(unhex(case["tbs"])).hexdigest() == case["tbs_digest"]
    verify(signer.public_key, "message", to_sign, inner.signature)
    for stanza, shown in zip(parsed.stanzas, case["stanzas"], strict=True):
        seal_key = SealKey(unhex(shown["seed"]))
        assert stanza.key_id.hex() == seal_key.key_id.hex() == shown["kid"]
        info = stanza_info(seal_key.key_id, parsed.header_bytes)
        assert info.hex() == shown["info"]
        assert stanza.digest.hex() == shown["digest"]
        assert seal_key.unwrap(info, stanza.wrapped) == sealed.content_key
        again = wrap_stanza(
            parsed.header_bytes, sealed.content_key, seal_key.key_id, seal_key.public_key
        )
        assert again.wrapped != stanza.wrapped
        assert seal_key.unwrap(info, again.wrapped) == sealed.content_key
        assert not stanza.is_shared
        _check_shared(parsed, shown, seal_key, sealed.content_key)


def _check_shared(
    parsed: ParsedEnvelope, shown: dict, seal_key: SealKey, content_key: bytes
) -> None:
    """Unwrap what was wrapped within a session as written, then wrap and unwrap it ourselves."""
    shared = Stanza(seal_key.key_id, unhex(shown["shared"]))
    assert shared.is_shared
    assert shared.digest.hex() == shown["shared_digest"]
    assert session_info(seal_key.key_id).hex() == shown["session_info"]
    session_key = seal_key.unwrap(unhex(shown["session_info"]), shared.wrapped[:1168])
    assert session_key.hex() == shown["session_key"]
    assert unwrap_stanza(shared, parsed.header_bytes, seal_key) == content_key
    session = begin_session(seal_key.key_id, seal_key.public_key, os.urandom)
    ours = [share_stanza(parsed.header_bytes, content_key, seal_key.key_id, session)
            for _ in range(2)]  # fmt: skip
    assert ours[0].wrapped[:1168] == ours[1].wrapped[:1168]
    assert ours[0].wrapped[1168:] != ours[1].wrapped[1168:]
    for stanza in ours:
        assert unwrap_stanza(stanza, parsed.header_bytes, seal_key) == content_key


@pytest.mark.parametrize("case", committed("opening")["cases"], ids=lambda case: case["name"])
def test_envelopes_open_or_are_refused_as_written(case: dict) -> None:
    """Every rule of "Opening" has an envelope that breaks it, and is refused by its code."""
    hop, me = MemberId(case["hop"]), receiver(case["now"])
    if not case["code"]:
        opened = open_envelope(parse_envelope(unhex(case["envelope"])), hop, me)
        assert opened.sender == "XA"
        assert opened.payload.kind == "case.reply"
        return
    with pytest.raises(LiaisonError) as caught:
        open_envelope(parse_envelope(unhex(case["envelope"])), hop, me)
    assert caught.value.code == case["code"]
    later = case["code"] in ("stale_card", "registry_behind", "member_suspended")
    assert isinstance(caught.value, UnavailableError) is later


def test_opening_has_a_case_for_every_code_of_the_spec() -> None:
    """The table in SPEC and the vectors name the same refusals."""
    spec = (FOLDER.parents[2] / "gateway" / "protocol" / "SPEC.md").read_text(encoding="utf-8")
    table = spec.split("## Opening")[1].split("Steps 1 to 7")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")][1:]
    codes = {row[3].strip(" `") for row in rows if row[1].strip() in "1234567"} - {"", "---"}
    cases = {case["code"] for case in committed("opening")["cases"]} - {""}
    assert codes - cases == {"envelope_too_large"}  # two megabytes: made in test_envelope
    assert cases - codes == set()


@pytest.mark.parametrize("batch", committed("receipts"), ids=lambda item: len(item["receipts"]))
def test_receipts_are_signed_as_written(batch: dict) -> None:
    """A batch signs to these bytes, and each receipt verifies alone."""
    signer = SigningKey(KeyUse.SIGN, unhex(batch["sign_seed"]))
    receipts = [Receipt(*item["fields"]) for item in batch["receipts"]]
    signed = [item["signed"] for item in batch["receipts"]]
    assert [item.hex() for item in sign_receipts(receipts, signer)] == signed
    view = view_of(8, bytes(32), [{"member": "XB"}], [signing_key("XB", signer.public_key)])
    for encoded, receipt in zip(signed, receipts, strict=True):
        assert verify_receipt(unhex(encoded), view).receipt == receipt


@pytest.mark.parametrize("case", committed("blobs"), ids=lambda case: case["plain_bytes"])
def test_blobs_are_sealed_as_written(case: dict) -> None:
    """Whatever pieces the plaintext comes in, the segments are these."""
    length = case["plain_bytes"]
    plaintext = (bytes(range(251)) * (length // 251 + 1))[:length]
    sealer = BlobSealer(unhex(case["key"]), unhex(case["salt"]))
    pieces = []
    for at in range(0, length, 999_999):
        pieces += sealer.update(plaintext[at : at + 999_999])
    segments = segments_of([*pieces, *sealer.finish()])
    made = sealer.segment_list()
    assert sealer.plain_bytes == length
    assert sealer.plain_digest.hex() == case["plain_digest"]
    assert encode_segment_list(made).hex() == case["segment_list"]
    assert made.blob_id.hex() == case["blob_id"]
    assert parse_segment_list(unhex(case["segment_list"]), made.blob_id) == made
    sealed = b"".join(segments)
    assert hashlib.sha256(sealed).hexdigest() == case["sealed_digest"]
    assert len(sealed) == case["sealed_bytes"] == sealed_blob_bytes(length)
    for index, segment in enumerate(segments):
        assert segment_digest(index, segment) == made.digests[index]
        assert len(segment) == made.segment_bytes(index) <= SEGMENT_BYTES
    opened = open_sealed(unhex(case["key"]), BLOB_CONTEXT, sealed)
    assert opened[:length] == plaintext
    assert not any(opened[length:])


def test_posts_and_answers_are_as_written() -> None:
    """A batch and each of the four answers."""
    section = committed("posting")
    batch = tuple(
        Posted(tuple(hops), tuple(to), envelope) for hops, to, envelope in section["batch_fields"]
    )
    assert encode_batch(batch).hex() == section["batch"]
    assert parse_batch(unhex(section["batch"])) == batch
    makers = {
        "accepted": lambda receipt, sealed, wanted: Accepted(receipt, sealed, tuple(wanted)),
        "pending_blobs": lambda wanted: PendingBlobs(tuple(wanted)),
        "later": Later,
        "refused": Refused,
    }
    answers = tuple(makers[tag](*rest) for tag, *rest in section["answer_fields"])
    assert encode_answers(answers).hex() == section["answers"]
    assert parse_answers(unhex(section["answers"]), 6) == answers


@pytest.mark.parametrize("case", committed("sealed_receipts"), ids=lambda case: case["recipient"])
def test_receipts_are_sealed_for_the_way_back_as_written(case: dict) -> None:
    """Under the content key, for one recipient's copy alone."""
    key, receipt = unhex(case["content_key"]), unhex(case["receipt"])
    copy_of = unhex(case["header_digest"]), MemberId(case["recipient"])
    assert seal_receipt(receipt, key, copy_of, unhex(case["salt"])).hex() == case["sealed"]
    assert unseal_receipt(unhex(case["sealed"]), key, copy_of) == receipt
    for other in ((key, (copy_of[0], MemberId("XZ"))), (bytes(32), copy_of)):
        with pytest.raises(RejectedError) as caught:
            unseal_receipt(unhex(case["sealed"]), *other)
        assert caught.value.code == "receipt_sealed_wrong"


def test_mailbox_calls_are_as_written() -> None:
    """Returns, what is asked of a mailbox, and what it gives."""
    section = committed("mailbox")
    for name, write, read in (
        ("returns", encode_returns, parse_returns),
        ("collect", encode_collect, parse_collect),
        ("collected", encode_collected, parse_collected),
    ):
        value = read(unhex(section[name]))
        assert write(value).hex() == section[name]
        assert pack_fields(value) == section[f"{name}_fields"]
    assert [type(item.outcome).__name__ for item in parse_returns(unhex(section["returns"]))] == [
        "Delivered", "Rejected", "Halted",
    ]  # fmt: skip


def test_medium_is_as_written() -> None:
    """A record of each kind, read and written again, and the digest that names them."""
    section = committed("medium")
    reader = MediumReader()
    heading, *others, end = reader.update(unhex(section["medium"]))
    reader.finish()
    shown = [pack_fields(record) for record in (heading, *others, end)]
    assert shown == section["fields"]
    assert reader.digest.hex() == section["digest"]
    writer = MediumWriter()
    again = [writer.begin(heading), *map(writer.write, others), writer.end()]
    assert b"".join(again).hex() == section["medium"]


def pack_fields(value: object) -> object:
    """Return a wire value as plain lists, as the committed fields are read."""
    return msgpack.unpackb(msgspec.msgpack.encode(value))


def test_audit_entries_are_as_written() -> None:
    """Entries and their leaves."""
    for case in committed("audit"):
        *head, digests, code = case["fields"]
        entry = AuditEntry(*head, tuple(digests), code)
        assert encode_entry(entry).hex() == case["entry"]
        parsed = parse_entry(unhex(case["entry"]))
        assert encode(parsed).hex() == case["entry"]
        assert leaf_hash(unhex(case["entry"])).hex() == case["leaf_hash"]
