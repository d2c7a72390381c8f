"""A key has one role for ever: whoever holds one can do the work of no other with it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.errors import LiaisonError
from gateway.protocol.envelope import (
    Draft,
    encode_envelope,
    parse_envelope,
    seal_message,
    wrap_stanza,
)
from gateway.protocol.message import Payload
from gateway.protocol.opening import Receiver, open_envelope
from gateway.protocol.receipt import Receipt, ReceiptKind, sign_receipts, verify_receipt
from gateway.services.gatekeeper import Gatekeeper
from keys.certificate import certificate_digest, issue
from keys.keyring import KeyRecord, new_record
from keys.registry.card import draft_card, verify_card
from keys.registry.draft import follow, node_signer, provers, use_line
from keys.registry.statement import Chain, Kind, WitnessSet, key_name
from keys.registry.view import advance
from keys.registry.witnessed import witnessed_time
from keys.sealing import SealKey
from keys.signing import SigningKey
from keys.suite import KeyId, KeyUse, MemberId, label
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from keys.tlog.cosignature import CosigningKey, add_cosignatures
from keys.tlog.note import ClassicalSigner, NoteSigner, sign_note
from tests.world import FEDERATION, NOW, Seeded, party, world

USES = (KeyUse.SIGN, KeyUse.LOG, KeyUse.WITNESS, KeyUse.TLS)
OWNER, TO = party("XA", uses=USES), party("XB")
MADE = world(OWNER, TO)
VIEW = MADE.view
SEAL_KEY = SealKey(Seeded("seal")(32))


def secret_of(use: KeyUse) -> bytes:
    """Return the Ed25519 secret of XA's key of one use."""
    seed = OWNER.records[use].seed
    if use is not KeyUse.WITNESS:
        return seed
    return hashlib.shake_256(label("witness") + seed).digest(64)[:32]


def signer_as(role: KeyUse, secret: bytes) -> NoteSigner:
    """Return who signs notes under the name of a role."""
    name = key_name(FEDERATION, OWNER.member, role)
    return ClassicalSigner(name, SigningKey(role, secret))


def message(secret: bytes, named: KeyUse) -> None:
    """Have a message opened that the key signed."""
    payload = Payload("case.reply", "XA", "", "", NOW, bytes(16), bytes(16), 1, "", b"oui", ())
    draft = Draft(
        payload=payload, message_id=bytes(16), expires_at=NOW + 1000, to=(TO.member,), priority=5
    )
    sealed = seal_message(
        draft, signer=SigningKey(named, secret), registry=VIEW.head, entropy=Seeded("salt")
    )
    stanza = wrap_stanza(sealed.header, sealed.content_key, SEAL_KEY.key_id, SEAL_KEY.public_key)
    envelope = parse_envelope(encode_envelope(sealed.header, [stanza], sealed.body))
    seal_keys: Mapping[KeyId, SealKey] = {SEAL_KEY.key_id: SEAL_KEY}
    receiver = Receiver(
        me=TO.member, view=VIEW, root_at=lambda _: VIEW.head.root, seal_keys=seal_keys.get,
        now=NOW, clock_skew_s=300, max_lifetime_s=86_400,
    )  # fmt: skip
    open_envelope(envelope, OWNER.member, receiver)


def receipt(secret: bytes, named: KeyUse) -> None:
    """Have a receipt verified that the key signed."""
    signer = SigningKey(named, secret)
    given = Receipt(
        ReceiptKind.DELIVERY, bytes(32), "XA", NOW, signer.key_id, VIEW.head.size,
        VIEW.head.root, bytes(32), bytes(32),
    )  # fmt: skip
    (encoded,) = sign_receipts([given], signer)
    verify_receipt(encoded, VIEW)


def card(secret: bytes, named: KeyUse) -> None:
    """Have a key card verified that the key signed."""
    del named
    epoch = new_record(KeyUse.SEAL, start=NOW, end=NOW + 10, entropy=Seeded("epoch"))
    signer = signer_as(KeyUse.SIGN, secret)
    note = draft_card(FEDERATION, OWNER.member, serial=1, at=NOW, records=[epoch], signer=signer)
    verify_card(note, VIEW, NOW)


def statement(secret: bytes, named: KeyUse) -> None:
    """Have a statement published that the key signed for the node."""
    del named
    said = replace(
        follow(VIEW, Kind.KEYS, OWNER.member, Chain.NODE, at=NOW), endpoint="https://thief.example"
    )
    advance(VIEW, [sign_note(said.text(), [signer_as(KeyUse.SIGN, secret)])])


def checkpoint(secret: bytes, named: KeyUse) -> None:
    """Have a head of the audit log verified that the key signed."""
    del named
    (key,) = VIEW.member(OWNER.member).keys_for(KeyUse.LOG)
    origin = f"{FEDERATION}/XA/audit/2026"
    note = sign_checkpoint(Checkpoint(origin, 1, bytes(32)), signer_as(KeyUse.LOG, secret))
    verify_checkpoint(note, origin, key.verifier)


def connection(secret: bytes, named: KeyUse) -> None:
    """Have a connection admitted whose certificate the key signed."""
    del named
    shown = issue(secret, key_name(FEDERATION, OWNER.member, KeyUse.TLS), bytes(16))
    shown = shown if secret != secret_of(KeyUse.TLS) else OWNER.records[KeyUse.TLS].certificate
    gate = SimpleNamespace(
        mirror=SimpleNamespace(known=VIEW), clock=SimpleNamespace(now=lambda: NOW)
    )
    Gatekeeper.identify(gate, certificate_digest(shown))  # type: ignore[arg-type]


WORK: tuple[tuple[Callable[[bytes, KeyUse], None], KeyUse, str], ...] = (
    (message, KeyUse.SIGN, "signer_unknown"),
    (receipt, KeyUse.SIGN, "receipt_wrong_signer"),
    (card, KeyUse.SIGN, "signature_missing"),
    (statement, KeyUse.SIGN, "signature_missing"),
    (checkpoint, KeyUse.LOG, "signature_missing"),
    (connection, KeyUse.TLS, "pin_unknown"),
)


@pytest.mark.parametrize(
    ("work", "role", "code", "use"),
    [(*item, use) for item in WORK for use in USES if use is not item[1]],
    ids=lambda item: getattr(item, "__name__", str(item)),
)
def test_key_of_another_role_is_refused(
    work: Callable[[bytes, KeyUse], None], role: KeyUse, code: str, use: KeyUse
) -> None:
    """Under its own name and under that of the role: what the right key may, no other can."""
    work(secret_of(role), role)
    for named in (use, role):
        with pytest.raises(LiaisonError) as caught:
            work(secret_of(use), named)
        assert caught.value.code == code


@pytest.mark.parametrize("use", [use for use in USES if use is not KeyUse.WITNESS])
def test_key_of_another_role_witnesses_nothing(use: KeyUse) -> None:
    """Its cosignature is no word of the witness; nor is that of a witness's key which has ended."""
    name = key_name(FEDERATION, OWNER.member, KeyUse.WITNESS)
    key, end = OWNER.cosigner(), OWNER.records[KeyUse.WITNESS].end
    witness = (VIEW.member(OWNER.member),)
    assert VIEW.witnesses == WitnessSet(0, ())
    assert witnessed_time(MADE.head((key, NOW + 5)), witness, 1) == NOW + 5
    assert witnessed_time(MADE.head((key, end)), witness, 1) is None
    false = CosigningKey.from_seed(name, OWNER.records[use].seed)
    lines = [*false.cosign(MADE.head(), NOW + 5)]
    assert witnessed_time(add_cosignatures(MADE.head(), lines), witness, 1) is None


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("role", [KeyUse.SIGN, KeyUse.LOG, KeyUse.TLS])
def test_key_that_was_shown_is_not_registered_for_another_role(use: KeyUse, role: KeyUse) -> None:
    """Nor again for its own, nor for another member."""
    secret = secret_of(use)
    certificate = issue(secret, "XB", bytes(16)) if role is KeyUse.TLS else b""
    for thief in (OWNER, TO):
        record = KeyRecord(
            use=role, key_id=SigningKey(role, secret).key_id, seed=secret, start=NOW + 1,
            end=NOW + 1000, certificate=certificate,
        )  # fmt: skip
        if thief is OWNER and use is role:
            continue  # that would be a change of its end
        said = follow(VIEW, Kind.KEYS, MemberId(thief.member), Chain.NODE, at=NOW)
        said = replace(said, uses=(use_line(FEDERATION, thief.member, record),))
        signer = node_signer(FEDERATION, thief.member, thief.records[KeyUse.SIGN])
        proofs = provers(FEDERATION, thief.member, record)
        with pytest.raises(LiaisonError) as caught:
            advance(VIEW, [sign_note(said.text(), [signer, *proofs])])
        assert caught.value.code == "key_reused"
