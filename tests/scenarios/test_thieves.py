"""What a thief does with a single stolen key, and what he does not get."""

from pathlib import Path

import pytest

from gateway.protocol.envelope import parse_envelope
from gateway.protocol.mailbox import Collect, Confirmation
from gateway.protocol.receipt import Receipt, ReceiptKind, sign_receipts
from keys.suite import MemberId
from tests.scenarios.federation import Federation, federation
from tests.scenarios.test_exchange import codes, delivered

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
