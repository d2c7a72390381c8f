"""What a thief does with a single stolen key, and what he does not get."""

import os
from pathlib import Path

import pytest

from gateway.cases.content import encode_content
from gateway.cases.kinds import kind_named
from gateway.cli.demo.story import request
from gateway.errors import ForbiddenError
from gateway.protocol.answer import Later, Posted, Refused
from gateway.protocol.envelope import (
    Draft,
    encode_envelope,
    parse_envelope,
    seal_message,
    wrap_stanza,
)
from gateway.protocol.mailbox import Collect, Confirmation
from gateway.protocol.message import Payload
from gateway.protocol.receipt import Receipt, ReceiptKind, sign_receipts
from keys.registry.statement import REGISTRY, Chain, Kind, Revocation
from keys.sealing import SealKey
from keys.signing import SigningKey
from keys.suite import KeyId, KeyUse, MemberId
from tests.scenarios.federation import Federation, federation
from tests.scenarios.test_exchange import codes, delivered
from tests.scenarios.witnessed import publish, roots_of, said

XA, XB, XC, RO = (MemberId(name) for name in ("XA", "XB", "XC", "RO"))


async def in_custody(fed: Federation, message: str) -> bool:
    """Tell whether a relay holds a message of XA."""
    return await fed.state("XA", message) == "in_custody"


@pytest.mark.parametrize("kind", [ReceiptKind.CUSTODY, ReceiptKind.REFUSAL])
async def test_stolen_tls_key_empties_no_mailbox(tmp_path: Path, kind: ReceiptKind) -> None:
    """The thief sees what waits and signs for it with a key of his own: nothing is let go."""
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO") as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        await fed.stop("XC")
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: in_custody(fed, sent.id))
        mailbox = fed.nodes[RO].gate.for_hop(XC)
        (copy,) = (await mailbox.collect(Collect(0, (), ()))).copies
        view, now = fed.nodes[RO].mirror.view, fed.clocks[XB].now()
        signer = fed.nodes[XB].keys.signer(view, now)
        envelope = parse_envelope(copy.envelope)
        receipt = Receipt(
            kind=kind,
            envelope_id=envelope.envelope_id,
            recipient=XC,
            at=now,
            signer_kid=signer.key_id,
            registry_size=view.head.size,
            registry_root=view.head.root,
            content_digest=envelope.stanzas[0].digest,
            seal_kid=b"",
            code="" if kind is ReceiptKind.CUSTODY else "invalid",
        )
        (forged,) = sign_receipts([receipt], signer)
        junk = Confirmation(b"nothing", b"")
        await mailbox.collect(Collect(0, (Confirmation(forged, b""), junk), ()))
        assert ("receipt.refused", "XC", "receipt_wrong_signer") in await codes(fed, RO)
        assert ("receipt.refused", "XC", "encoding_invalid") in await codes(fed, RO)
        fed.clocks[RO].ahead_s += 300
        await fed.start("XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert {item.id for item in (await fed.inbox("XC")).messages} == {warm.id, sent.id}


@pytest.mark.parametrize("age_s", [60, 86_400])
async def test_message_of_a_revoked_key_is_refused_whatever_its_date(
    tmp_path: Path, age_s: int
) -> None:
    """Dated after the revocation or long before it: the thief chooses that, so it says nothing."""
    async with federation(tmp_path, "XA", "XB") as fed:
        warm = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        stolen = fed.nodes[XA].keys.keyring.records(KeyUse.SIGN)[0]
        now = fed.clocks[XA].now()
        revoked = said(
            fed, Kind.KEYS, "XA", Chain.ROOT, revocations=(Revocation(KeyId(stolen.key_id), now),)
        )
        await publish(fed, revoked, *roots_of(fed, "XA"))
        size = fed.nodes[REGISTRY].mirror.size
        await fed.until(lambda: fed.nodes[XB].mirror.size == size)
        posted = forged(fed, SigningKey(KeyUse.SIGN, stolen.seed), now - age_s)
        answers = await fed.nodes[XB].gate.for_hop(XA).post_envelopes([posted])
        assert answers == [Refused("signer_revoked")]
        assert ("message.refused", "XA", "signer_revoked") in await codes(fed, XB)
        assert [item.id for item in (await fed.inbox("XB")).messages] == [warm.id]


async def test_relay_answers_for_nobody_that_it_does_not_serve(tmp_path: Path) -> None:
    """It gets no card to keep, takes no copy, and what it brings of others is not looked at."""
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        posted = next(item for _, to, item in fed.posted if to == XB)
        relay = fed.nodes[RO].gate
        (answer,) = await relay.for_hop(XA).post_envelopes([posted])
        assert isinstance(answer, Later)
        assert answer.code == "not_served"
        card = await fed.nodes[XB].gate.for_hop(None).card(XB)
        with pytest.raises(ForbiddenError) as caught:
            await relay.for_hop(XB).post_card(card)
        assert caught.value.code == "not_served"
        brought = Posted(("RO",), ("XB",), posted.envelope)
        assert await fed.nodes[XB].gate.for_hop(RO).post_envelopes([brought]) == [
            Refused("not_on_route")
        ]
        assert ("message.refused", "RO", "not_on_route") in await codes(fed, XB)


def forged(fed: Federation, signer: SigningKey, created_at: int) -> Posted:
    """Return a message to XB in XA's name, dated as its author likes."""
    kind = kind_named("request.verify_value")
    payload = Payload(
        kind=kind.name,
        sender=XA,
        unit="",
        on_behalf_of="",
        created_at=created_at,
        salt=bytes(16),
        case_id=bytes(range(16)),
        seq=1,
        in_reply_to="",
        content=encode_content(kind.validate(request([])["content"])),
        attachments=(),
    )
    draft = Draft(
        payload=payload,
        message_id=bytes(range(16)),
        expires_at=created_at + 7 * 86_400,
        to=(XB,),
        priority=5,
    )
    head = fed.nodes[XB].mirror.view.head
    sealed = seal_message(draft, signer=signer, registry=head, entropy=os.urandom)
    key = next(
        item for item in fed.nodes[XB].keys.keyring.records(KeyUse.SEAL) if item.end > created_at
    )
    public_key = SealKey(key.seed).public_key
    stanza = wrap_stanza(sealed.header, sealed.content_key, KeyId(key.key_id), public_key)
    return Posted((), ("XB",), encode_envelope(sealed.header, [stanza], sealed.body))
