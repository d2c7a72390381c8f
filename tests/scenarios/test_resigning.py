"""A sign key is revoked while messages are under way: nothing is lost, nothing comes twice."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.protocol.answer import Accepted, Answer, Later, Posted, Refused
from gateway.protocol.envelope import parse_envelope
from gateway.protocol.receipt import parse_receipt
from gateway.services.auditing.check import check_audit_log
from gateway.services.sending.delivery import load_of
from gateway.store import sealings
from gateway.store.outbox import showing
from keys.registry.statement import REGISTRY
from keys.suite import KeyUse, MemberId
from tests.scenarios.federation import OFFICER, Federation, federation, unaware
from tests.scenarios.test_cards import SOON, revoke, sign_keys
from tests.scenarios.test_detours import again
from tests.scenarios.test_exchange import codes, delivered, pieces
from tests.scenarios.test_media import bring, export

XA, XB, XC, RO = (MemberId(name) for name in ("XA", "XB", "XC", "RO"))


async def replaced(fed: Federation, member: MemberId) -> None:
    """Let a member rotate its sign key and revoke the old one, and everybody see it."""
    old = sign_keys(fed, member)[0]
    await fed.nodes[member].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
    await revoke(fed, member, old)


async def signed_again(fed: Federation, member: MemberId, count: int) -> None:
    """Wait until so many messages of a member are signed again."""

    async def recorded() -> bool:
        kinds = [kind for kind, _, _ in await codes(fed, member)]
        return kinds.count("message.signed_again") == count

    await fed.until(recorded)


async def verified(fed: Federation, *members: MemberId) -> None:
    """Check the audit logs, and that the messages are those that they name."""
    for member in members:
        node = fed.nodes[member]
        await node.workers.audit_log.sequence()
        report = await node.database.read(
            lambda tx, n=node, m=member: check_audit_log(tx, n.mirror.view, m)
        )
        assert report.findings == ()


async def test_undelivered_message_is_signed_again_under_its_id(tmp_path: Path) -> None:
    """Accepted while XB is away, its key revoked meanwhile: delivered under the next key."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": SOON}) as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        fed.cut.add((XA, XB))
        up = await fed.nodes[XA].rooms.attachments.upload(
            pieces(b"invoice" * 9000), "a.bin", "application/pdf", OFFICER
        )
        sent = await fed.send("XA", "XB", attachments=[up.id])
        before = await fed.read("XA", sent.id)
        await replaced(fed, XA)
        await signed_again(fed, XA, 1)
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert not [answer for answer in fed.answers if isinstance(answer, Refused)]
        got = await fed.read("XB", sent.id)
        assert (got.signature, got.signed_by) == ("valid", sign_keys(fed, XA)[1].key_id.hex())
        assert got.created_at == before.created_at
        assert got.envelope_id != before.envelope_id
        assert [item.state for item in got.attachments] == ["whole"]
        assert (await fed.read("XB", first.id)).id == first.id
        await verified(fed, XA, XB)


async def test_recipient_that_has_it_gives_its_first_receipt(tmp_path: Path) -> None:
    """XB took the earlier envelope and its answer was lost: the same message, the same receipt."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": SOON}) as fed:
        fed.bend_answers = lambda answer: Later("busy", 1)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: _has(fed, "XB", sent.id))
        taken = (await fed.read("XB", sent.id)).envelope_id
        await replaced(fed, XA)
        await signed_again(fed, XA, 1)
        given: list[Accepted] = []

        def seen(answer: Answer) -> Answer:
            given.extend([answer] if isinstance(answer, Accepted) else [])
            return answer

        fed.bend_answers = seen
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert parse_receipt(given[0].receipt).envelope_id.hex() == taken
        shown = await fed.read("XA", sent.id)
        assert shown.envelope_id != taken
        assert shown.recipients[0].receipt.verified
        assert len((await fed.inbox("XB")).messages) == 1
        assert "message_id_reused" not in {code for _, _, code in await codes(fed, XB)}
        await verified(fed, XA, XB)


async def _has(fed: Federation, member: str, message: str) -> bool:
    return message in [item.id for item in (await fed.inbox(member)).messages]


async def test_other_message_under_the_id_is_no_repeat(tmp_path: Path) -> None:
    """What the thief had accepted under the id stays; the genuine message ends, and says why."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": SOON}) as fed:
        await fed.nodes[XB].gate.cards.fetch(XA)
        fed.bend_answers = lambda answer: Later("busy", 1)
        fed.nodes[XB].gate.reception.accept = _deaf
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: fed.answers)
        del fed.nodes[XB].gate.reception.accept
        fed.cut.add((XA, XB))
        forged = await again(fed, fed.posted[0][2], facts="Another story.")
        gate = fed.nodes[XB].gate.for_hop(XA)
        (answer,) = await gate.post_envelopes([forged])
        assert isinstance(answer, Accepted)
        await replaced(fed, XA)
        await signed_again(fed, XA, 1)
        fed.bend_answers = None
        fed.cut.clear()

        async def ended() -> bool:
            (row,) = (await fed.read("XA", sent.id)).recipients
            return (row.state, row.code) == ("failed", "message_id_reused")

        await fed.until(ended)
        assert (await fed.read("XB", sent.id)).content["facts"] == "Another story."


async def _deaf(hop: MemberId, batch: Sequence[Posted]) -> list[Answer]:
    del hop
    return [Later("busy", 1)] * len(batch)


@pytest.mark.parametrize("late", ["the answer", "the return"])
async def test_late_receipt_for_the_earlier_envelope_settles_the_row(
    tmp_path: Path, late: str
) -> None:
    """It was under way while the message was signed again."""
    relay = late == "the return"
    async with federation(tmp_path, "XA", *(["RO", "XC@RO"] if relay else ["XC"])) as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        if relay:
            fed.cut.add((RO, XA))
        else:
            fed.bend_answers = lambda answer: Later("busy", 60)
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: _has(fed, "XC", sent.id))
        posted = fed.posted[-1][2]
        fed.cut.update({(XA, XC), (XA, RO)})
        await replaced(fed, XA)
        await signed_again(fed, XA, 1)
        fed.bend_answers = None
        fed.cut.discard((RO, XA))
        if not relay:  # bring the answer that was lost, as the return of a relay would
            (answer,) = await fed.nodes[XC].gate.for_hop(XA).post_envelopes([posted])
            await _settle(fed, posted, answer)
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len((await fed.inbox("XC")).messages) == 2
        await verified(fed, XA, XC)


async def _settle(fed: Federation, posted: Posted, answer: Answer) -> None:
    """Hand XA an answer to what it posted before."""
    node, parsed = fed.nodes[XA], parse_envelope(posted.envelope)
    row = await node.database.read(
        lambda tx: showing.by_copy(tx, parsed.header.message_id, parsed.envelope_id, XC)
    )
    assert row is not None
    assert row.envelope_id != parsed.envelope_id
    earlier = await node.database.read(lambda tx: sealings.of_row(tx, row.row_id))
    assert [item.envelope_id for item in earlier] == [parsed.envelope_id]
    assert len(earlier[0].signed) == 136
    await node.delivery.settle(XC, [load_of(row)], [answer])


async def test_refusal_of_the_revoked_key_ends_no_row(tmp_path: Path) -> None:
    """XB and the relay know of the revocation before XA does; XA learns, signs again, delivers."""
    async with federation(tmp_path, "XA", "XB", "RO", "XC@RO", changes={"XA": SOON}) as fed:
        await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        for member in ("XB", "XC"):
            warm = await fed.send("XA", member)
            await fed.until(lambda m=warm.id: delivered(fed, "XA", m))
        fed.cut.update({(XA, XB), (XA, RO), (XA, REGISTRY)})
        sent = [await fed.send("XA", member) for member in ("XB", "XC")]
        first, second = sign_keys(fed, XA)
        await revoke(fed, XA, second, by=first, seen_by=(XB, RO, XC))
        with unaware(fed.nodes[XA]):
            fed.cut.clear()
            for item in sent:
                await fed.until(lambda m=item.id: _waits_for(fed, m, "signer_revoked"))
        for item in sent:
            await fed.until(lambda m=item.id: delivered(fed, "XA", m))
        assert ("message.refused", "XA", "signer_revoked") in await codes(fed, XB)
        assert ("message.refused", "RO", "signer_revoked") in await codes(fed, XC)
        assert "message.failed" not in {kind for kind, _, _ in await codes(fed, XA)}
        assert fed.nodes[XA].mirror.view.keys[second.key_id].revoked_since is not None


async def _waits_for(fed: Federation, message: str, code: str) -> bool:
    (row,) = (await fed.read("XA", message)).recipients
    return (row.state, row.code) == ("queued", code)


async def test_medium_that_was_exported_before_is_good_for_nothing_but_does_no_harm(
    tmp_path: Path,
) -> None:
    """The earlier copy is refused, the next medium brings the message; both outcomes go back."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": SOON}) as fed:
        await fed.nodes[XA].gate.cards.fetch(XB)
        fed.cut.update({(XA, XB), (XB, XA)})
        sent = await fed.send("XA", "XB")
        old = await export(fed, "XA", "XB")
        await replaced(fed, XA)
        await signed_again(fed, XA, 1)
        told = await bring(fed, "XB", old)
        assert [item.code for item in told.not_taken] == ["signer_revoked"]
        back = await export(fed, "XB", "XA")
        assert (await bring(fed, "XA", back)).settled == 0
        assert await fed.state("XA", sent.id) == "queued"
        new = await export(fed, "XA", "XB")
        assert (await bring(fed, "XB", new)).accepted == 1
        assert (await bring(fed, "XB", new)).repeated == 1
        assert (await bring(fed, "XA", await export(fed, "XB", "XA"))).settled >= 1
        assert await delivered(fed, "XA", sent.id)


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
async def test_crash_while_signing_again_is_made_up_for_at_the_start(
    tmp_path: Path, moment: str
) -> None:
    """The old signature or the new one is there, whole; the next start does what is left."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": SOON}) as fed:
        armed: list[int] = []

        def fault(point: str) -> None:
            if armed and point == moment:
                armed.clear()
                raise RuntimeError("the machine died")

        await fed.stop("XA")
        await fed.start("XA", fault=fault)
        node = fed.nodes[XA]
        await fed.until(lambda: node.gate.cards.current(XA))
        fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB")
        node.workers.resigning._database = Dying(node.database, armed)
        await replaced(fed, XA)
        await fed.until(lambda: fed.running[XA].done() or not node.workers.resigning._database.left)
        await fed.stop("XA")
        fed.cut.clear()
        await fed.start("XA")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len((await fed.inbox("XB")).messages) == 1
        await verified(fed, XA, XB)


class Dying:
    """A database whose machine dies at the commit of the first unit."""

    def __init__(self, database: object, armed: list[int]) -> None:
        self._database = database
        self._armed = armed
        self.left = 1

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    async def write_unit(self, act: object) -> object:
        """Commit, and die on the way."""
        self._armed.append(1)
        try:
            return await self._database.write_unit(act)
        finally:
            self.left = 0


async def test_receipt_whose_signer_was_revoked_is_given_anew(tmp_path: Path) -> None:
    """XB's receipt got lost and its key is revoked since: the repeat is signed by the next key."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": SOON}) as fed:
        fed.bend_answers = lambda answer: Later("busy", 1)
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: _has(fed, "XB", sent.id))
        await replaced(fed, XB)
        given: list[bytes] = []

        def seen(answer: Answer) -> Answer:
            given.extend([answer.receipt] if isinstance(answer, Accepted) else [])
            return answer

        fed.bend_answers = seen
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert parse_receipt(given[-1]).signer_kid == sign_keys(fed, XB)[1].key_id
        posted = fed.posted[-1][2]
        for _ in range(2):
            (answer,) = await fed.nodes[XB].gate.for_hop(XA).post_envelopes([posted])
            assert answer == Accepted(given[-1])
        assert (await fed.read("XA", sent.id)).recipients[0].receipt.verified


async def test_relay_whose_key_was_revoked_signs_for_the_copy_anew(tmp_path: Path) -> None:
    """XA would not believe its first word; the copy goes on all the same."""
    async with federation(tmp_path, "XA", "RO", "XC@RO", changes={"XA": SOON}) as fed:
        warm = await fed.send("XA", "XC")
        await fed.until(lambda: delivered(fed, "XA", warm.id))
        await fed.stop("XC")
        sent = await fed.send("XA", "XC")

        async def in_custody() -> bool:
            return await fed.state("XA", sent.id) == "in_custody"

        await fed.until(in_custody)
        posted = fed.posted[-1][2]
        await replaced(fed, RO)
        gate = fed.nodes[RO].gate.for_hop(XA)
        (answer,) = await gate.post_envelopes([posted])
        assert isinstance(answer, Accepted)
        assert parse_receipt(answer.receipt).signer_kid == sign_keys(fed, RO)[1].key_id
        assert await gate.post_envelopes([posted]) == [answer]
        await fed.start("XC")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
