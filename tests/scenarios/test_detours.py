"""What goes wrong between two good nodes, and how a message gets there all the same."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from sqlalchemy import text

from gateway.protocol.answer import Accepted, Answer, Later, PendingBlobs, Posted, Refused
from gateway.protocol.envelope import (
    Draft,
    Header,
    encode_envelope,
    parse_envelope,
    seal_message,
    stanza_info,
    wrap_stanza,
)
from gateway.protocol.message import Payload, decode_payload
from gateway.protocol.opening import open_body
from keys.signing import SigningKey
from keys.suite import KeyUse
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import XA, XB, XC, codes, delivered, pieces


async def test_message_sealed_to_a_key_that_is_gone_is_wrapped_anew(tmp_path: Path) -> None:
    """XA holds an old card of XB: told so, it takes the newest, wraps again, and is heard."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        xb = fed.nodes[XB]
        old = [record.key_id for record in xb.keys.keyring.records(KeyUse.SEAL)]
        await xb.rooms.rotation.rotate(KeyUse.SEAL, OFFICER)
        xb.keys.keyring = xb.keys.keyring.without(*old)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert Later("stale_card", 0).code in {
            item.code for item in fed.answers if isinstance(item, Later)
        }
        names = [parse_envelope(posted.envelope).envelope_id for _, _, posted in fed.posted[1:]]
        assert len(names) >= 2
        assert len(set(names)) == 1
        shown = await fed.read("XA", sent.id)
        assert shown.recipients[0].receipt.verified


async def test_receipt_for_something_else_settles_nothing(tmp_path: Path) -> None:
    """XB's answer is replaced by a true receipt for another message: recorded, and asked again."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        (given,) = [item for item in fed.answers if isinstance(item, Accepted)]

        def replaced(answer: Answer) -> Answer:
            return given if isinstance(answer, Accepted) else answer

        fed.bend_answers = replaced
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: len(fed.posted) > 1)

        async def recorded() -> bool:
            return ("receipt.refused", "XB", "receipt_unknown") in await codes(fed, XA)

        await fed.until(recorded)
        assert not await delivered(fed, "XA", sent.id)
        fed.bend_answers = None
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len((await fed.inbox("XB")).messages) == 2


async def test_garbage_for_a_receipt_settles_nothing(tmp_path: Path) -> None:
    """A peer that answers nonsense is asked again; nothing breaks."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.bend_answers = lambda _: Accepted(b"garbage")
        sent = await fed.send("XA", "XB")

        async def recorded() -> bool:
            return ("receipt.refused", "XB", "encoding_invalid") in await codes(fed, XA)

        await fed.until(recorded)
        fed.bend_answers = None
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_attachment_that_never_arrived_is_brought_again(tmp_path: Path) -> None:
    """XA believes a segment to be there that is not: XB says what is pending, and gets it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        up = await fed.nodes[XA].rooms.attachments.upload(
            pieces(os.urandom(300_000)), "a.bin", "application/pdf", OFFICER
        )
        fed.lose_segments = 1
        sent = await fed.send("XA", "XB", attachments=[up.id])
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert [type(item) for item in fed.answers] == [
            PendingBlobs, PendingBlobs, PendingBlobs, Accepted,
        ]  # fmt: skip


async def test_name_used_twice_is_refused(tmp_path: Path) -> None:
    """XA's node signs another message under a name that XB has: the first stays."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        other = await again(fed, fed.posted[0][2], facts="Another story.")
        answers = await fed.nodes[XB].gate.for_hop(XA).post_envelopes([other, other])
        assert answers == [Refused("message_id_reused")] * 2
        assert ("message.refused", "XA", "message_id_reused") in await codes(fed, XB)
        opened = await fed.read("XB", sent.id)
        assert opened.content["facts"] != "Another story."


async def test_same_message_sealed_anew_gets_its_first_receipt(tmp_path: Path) -> None:
    """The very same signed text in another envelope is the same message, and nothing is doubled."""
    async with federation(tmp_path, "XA", "XB") as fed:
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        (given,) = [item for item in fed.answers if isinstance(item, Accepted)]
        other = await again(fed, fed.posted[0][2])
        assert other != fed.posted[0][2]
        gate = fed.nodes[XB].gate.for_hop(XA)
        assert await gate.post_envelopes([other]) == [given]
        assert len((await fed.inbox("XB")).messages) == 1


async def test_batch_of_doubles_is_stored_once(tmp_path: Path) -> None:
    """The same new envelope twice in one post: one message, one receipt for both."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: len(fed.posted) > 1)
        posted = fed.posted[-1][2]
        answers = await fed.nodes[XB].gate.for_hop(XA).post_envelopes([posted, posted])
        assert isinstance(answers[0], Accepted)
        assert answers[0] == answers[1]
        assert [item.id for item in (await fed.inbox("XB")).messages] == [first.id, sent.id]
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))


async def test_wrong_way_is_refused_without_a_signature(tmp_path: Path) -> None:
    """XC says that it relays what it captured: XB signs nothing that could end XA's message."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: len(fed.posted) > 1)
        relayed = Posted(("XC",), ("XB",), fed.posted[-1][2].envelope)
        answers = await fed.nodes[XB].gate.for_hop(XC).post_envelopes([relayed])
        assert answers == [Refused("not_on_route", b"")]
        assert [item.id for item in (await fed.inbox("XB")).messages] == [first.id]
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))


def declaring(times: int) -> type[Draft]:
    """Return drafts whose header names each attachment so many times."""

    class Bent(Draft):
        def header(self) -> Header:
            header = Draft.header(self)
            return msgspec.structs.replace(header, blobs=header.blobs * times)

    return Bent


async def again(
    fed: Federation,
    posted: Posted,
    *,
    named: bytes | None = None,
    drafted: type[Draft] = Draft,
    bend: Callable[[Payload], Payload] = lambda payload: payload,
    **changes: str,
) -> Posted:
    """Seal a posted message once more with XA's own keys, perhaps with other content or name."""
    parsed = parse_envelope(posted.envelope)
    xa, xb = fed.nodes[XA], fed.nodes[XB]
    seal_key = xb.keys.seal_key(parsed.stanzas[0].key_id)

    content_key = seal_key.unwrap(
        stanza_info(parsed.stanzas[0].key_id, parsed.header_bytes), parsed.stanzas[0].wrapped
    )
    inner = open_body(parsed.header_bytes, parsed.body, content_key)
    payload = decode_payload(inner.payload)
    if changes:
        content = msgspec.msgpack.encode(msgspec.msgpack.decode(payload.content) | changes)
        payload = msgspec.structs.replace(payload, content=content)
    payload = bend(payload)
    signer = SigningKey(KeyUse.SIGN, xa.keys.keyring.records(KeyUse.SIGN)[0].seed)
    header = parsed.header
    draft = drafted(
        payload=payload, message_id=named or header.message_id, expires_at=header.expires_at,
        to=header.to, priority=header.priority,
    )  # fmt: skip
    sealed = seal_message(draft, signer=signer, registry=inner.registry, entropy=os.urandom)
    stanza = wrap_stanza(
        sealed.header, sealed.content_key, parsed.stanzas[0].key_id, seal_key.public_key
    )
    return Posted((), ("XB",), encode_envelope(sealed.header, [stanza], sealed.body))


async def test_end_that_came_too_late_is_not_recorded(tmp_path: Path) -> None:
    """A row that expired while XB refused it stays expired, and the log says only that."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        node = fed.nodes[XA]

        def expired_meanwhile(_: Answer) -> Answer:
            late = text("UPDATE outbox SET state = 'expired' WHERE row_id = 2")
            node.database.write_now(lambda tx: tx.execute(late))
            return Refused("invalid")

        fed.bend_answers = expired_meanwhile
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: len(fed.answers) > 1)
        await asyncio.sleep(0.2)
        await node.workers.audit_log.sequence()
        assert await fed.state("XA", sent.id) == "expired"
        assert not [entry for entry in await codes(fed, XA) if entry[0] == "message.failed"]
