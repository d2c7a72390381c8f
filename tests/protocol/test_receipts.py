"""Receipts: each stands alone, and none can be taken for another's word."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.protocol.receipt import (
    Copy,
    Expected,
    Receipt,
    ReceiptKind,
    check_custody,
    check_delivery,
    check_refusal,
    parse_receipt,
    renew_receipt,
    sign_receipts,
    verify_receipt,
    verify_receipt_by,
)
from keys.registry.member import RegistryHead
from keys.registry.view import View
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId
from tests.mutation import mutated
from tests.protocol.committed import signing_key, view_of
from tests.world import NOW

SIGNER = SigningKey(KeyUse.SIGN, b"\x01" * 32)
OTHER = SigningKey(KeyUse.SIGN, b"\x02" * 32)
DELIVERY = Receipt(
    ReceiptKind.DELIVERY, b"e" * 32, "XB", NOW, SIGNER.key_id, 8, b"r" * 32, b"t" * 32, b"s" * 32
)  # fmt: skip
EXPECTED = Expected(
    envelope_id=b"e" * 32, recipient=MemberId("XB"), tbs_digest=b"t" * 32, seal_kid=b"s" * 32
)


def view(**facts: object) -> View:
    """Return a view in which XB has SIGNER and XC has OTHER."""
    keys = [signing_key("XB", SIGNER.public_key, **facts), signing_key("XC", OTHER.public_key)]
    return view_of(8, b"r" * 32, [{"member": "XB"}, {"member": "XC"}], keys)


def changed(**changes: object) -> Receipt:
    """Return the delivery receipt with something else in it."""
    return msgspec.structs.replace(DELIVERY, **changes)


def code_of(receipt: Receipt, signer: SigningKey = SIGNER, seen: View | None = None) -> str:
    """Return why a signed receipt is refused."""
    (encoded,) = sign_receipts([receipt], signer)
    with pytest.raises(LiaisonError) as caught:
        verify_receipt(encoded, seen or view())
    assert isinstance(caught.value, UnavailableError) is (caught.value.code == "registry_behind")
    return caught.value.code


@pytest.mark.parametrize("count", [1, 2, 3, 5, 33, 64])
def test_each_of_a_batch_verifies_alone(count: int) -> None:
    """Sixty-four receipts cost one signature; each is small and needs none of the others."""
    receipts = [changed(at=NOW + index) for index in range(count)]
    for receipt, encoded in zip(receipts, sign_receipts(receipts, SIGNER), strict=True):
        assert len(encoded) <= 700
        verified = verify_receipt(encoded, view())
        assert verified.receipt == receipt == parse_receipt(encoded)
        assert (verified.signer.member, verified.encoded) == ("XB", encoded)
        check_delivery(verified, EXPECTED)


@pytest.mark.parametrize("count", [0, 65])
def test_batches_have_bounds(count: int) -> None:
    """A caller's mistake, not a peer's."""
    with pytest.raises(ValueError, match="1 to 64"):
        sign_receipts([DELIVERY] * count, SIGNER)


def test_refusals_are_named() -> None:
    """Each rule of "Receipts", in its order."""
    assert code_of(changed(seal_kid=b"")) == "encoding_invalid"
    assert code_of(changed(kind=ReceiptKind.CUSTODY)) == "encoding_invalid"
    unknown = changed(signer_kid=b"u" * 32)
    assert code_of(unknown) == "receipt_wrong_signer"
    assert code_of(msgspec.structs.replace(unknown, registry_size=9)) == "registry_behind"
    assert code_of(DELIVERY, seen=view(revoked_since=NOW + 9)) == "signer_revoked"
    assert code_of(DELIVERY, seen=view(end=NOW)) == "receipt_wrong_signer"
    assert code_of(DELIVERY, seen=view(start=NOW + 1)) == "receipt_wrong_signer"
    assert code_of(changed(signer_kid=OTHER.key_id), OTHER) == "receipt_wrong_signer"
    assert code_of(DELIVERY, OTHER) == "signature_invalid"


def test_receipt_by_a_named_key_verifies_whatever_became_of_the_key() -> None:
    """For evidence: who signed is known, and that the key was good is shown in another way."""
    (encoded,) = sign_receipts([DELIVERY], SIGNER)
    revoked = view(revoked_since=NOW + 9).keys[SIGNER.key_id]
    verified = verify_receipt_by(encoded, revoked)
    assert (verified.receipt, verified.signer) == (DELIVERY, revoked)
    assert verified.registry == RegistryHead(8, b"r" * 32)
    with pytest.raises(RejectedError) as caught:
        verify_receipt_by(encoded, view().keys[OTHER.key_id])
    assert caught.value.code == "signature_invalid"


def test_relay_attests_custody_with_its_own_key() -> None:
    """A custody receipt is a relay's word about a copy for somebody else."""
    custody = changed(kind=ReceiptKind.CUSTODY, seal_kid=b"", signer_kid=OTHER.key_id)
    (encoded,) = sign_receipts([custody], OTHER)
    verified = verify_receipt(encoded, view())
    assert verified.signer.member == "XC"
    with pytest.raises(RejectedError) as caught:
        check_delivery(verified, EXPECTED)
    assert caught.value.code == "receipt_unknown"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"envelope_id": b"f" * 32}, "receipt_unknown"),
        ({"content_digest": b"u" * 32}, "receipt_mismatch"),
        ({"seal_kid": b"v" * 32}, "receipt_wrong_seal_key"),
        ({"recipient": "XC", "signer_kid": OTHER.key_id}, "receipt_wrong_signer"),
    ],
)
def test_receipt_for_something_else_settles_nothing(changes: dict, code: str) -> None:
    """A true receipt for another envelope, content, key or recipient is refused by name."""
    signer = OTHER if "recipient" in changes else SIGNER
    (encoded,) = sign_receipts([changed(**changes)], signer)
    with pytest.raises(RejectedError) as caught:
        check_delivery(verify_receipt(encoded, view()), EXPECTED)
    assert caught.value.code == code


COPY = Copy(envelope_id=b"e" * 32, recipient=MemberId("XB"), stanza_digest=b"t" * 32)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"envelope_id": b"f" * 32}, "receipt_unknown"),
        ({"recipient": "XZ"}, "receipt_wrong_signer"),
        ({"content_digest": b"u" * 32}, "receipt_mismatch"),
        ({"signer_kid": SIGNER.key_id}, "receipt_wrong_signer"),
    ],
)
def test_copy_is_let_go_for_its_own_custody_receipt_alone(changes: dict, code: str) -> None:
    """Of this envelope, recipient and stanza, by the relay XC that was handed it."""
    custody = {"kind": ReceiptKind.CUSTODY, "seal_kid": b"", "signer_kid": OTHER.key_id}
    receipt = changed(**custody | changes)
    signer = SIGNER if receipt.signer_kid == SIGNER.key_id else OTHER
    verified = verify_receipt(sign_receipts([receipt], signer)[0], view())
    if not code:
        check_custody(verified, COPY, MemberId("XC"))
        return
    with pytest.raises(RejectedError) as caught:
        check_custody(verified, COPY, MemberId("XC"))
    assert caught.value.code == code


def test_refusal_is_the_recipients_own_and_says_why() -> None:
    """Signed by the recipient, with a code that nothing else has; no custody, and none for it."""
    refusal = changed(kind=ReceiptKind.REFUSAL, seal_kid=b"", code="content_invalid")
    verified = verify_receipt(sign_receipts([refusal], SIGNER)[0], view())
    check_refusal(verified, COPY)
    with pytest.raises(RejectedError) as caught:
        check_custody(verified, COPY, MemberId("XB"))
    assert caught.value.code == "receipt_unknown"
    for wrong in (
        changed(kind=ReceiptKind.REFUSAL, seal_kid=b""),
        changed(code="content_invalid"),
    ):
        assert code_of(wrong) == "encoding_invalid"
    foreign = changed(
        kind=ReceiptKind.REFUSAL, seal_kid=b"", code="invalid", signer_kid=OTHER.key_id
    )
    assert code_of(foreign, OTHER) == "receipt_wrong_signer"


BATCH = sign_receipts([changed(at=NOW + index) for index in range(7)], SIGNER)


@given(st.data())
def test_no_altered_receipt_verifies(data: st.DataObject) -> None:
    """Flip, drop or add a byte anywhere."""
    original = data.draw(st.sampled_from(BATCH))
    encoded = mutated(data, original)
    if encoded != original:
        with pytest.raises(LiaisonError):
            verify_receipt(encoded, view())


def test_receipt_of_a_revoked_key_is_renewed_and_another_is_not() -> None:
    """It attests the same, now, in the present view, by the key that is good."""
    (first,) = sign_receipts([DELIVERY], SIGNER)
    assert renew_receipt(first, view(), SIGNER, NOW + 5) is None
    seen = view(revoked_since=NOW + 9)
    renewed = renew_receipt(first, seen, OTHER, NOW + 5)
    assert renewed is not None
    receipt = parse_receipt(renewed)
    assert (receipt.at, receipt.signer_kid) == (NOW + 5, OTHER.key_id)
    assert receipt == msgspec.structs.replace(
        DELIVERY, at=NOW + 5, signer_kid=OTHER.key_id,
        registry_size=seen.head.size, registry_root=seen.head.root,
    )  # fmt: skip
    unknown = msgspec.structs.replace(DELIVERY, signer_kid=bytes(32))
    (strange,) = sign_receipts([unknown], SIGNER)
    assert renew_receipt(strange, seen, OTHER, NOW) is None
