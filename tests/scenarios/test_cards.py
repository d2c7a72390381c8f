"""Key cards between nodes: forged with a stolen key, copied, out of date; and how mail goes on."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.protocol.answer import Accepted, Answer, Later
from gateway.protocol.receipt import Receipt, parse_receipt, sign_receipts
from keys.keyring import KeyRecord, Keyring, new_record
from keys.registry.card import KeyCard, draft_card
from keys.registry.draft import draft_rotation, node_signer
from keys.registry.statement import REGISTRY, Revocation
from keys.suite import KeyId, KeyUse, MemberId
from keys.tlog.note import sign_note
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_exchange import codes, delivered
from tests.world import Seeded

XA, XB, XC, XD, RO = (MemberId(name) for name in ("XA", "XB", "XC", "XD", "RO"))
DAY_S = 86_400
HIGHEST = 2**53
SOON = {"delivery": {"retry_max_s": 2}}


def card_of(
    fed: Federation,
    member: MemberId,
    records: list[KeyRecord],
    *,
    key: KeyRecord | None = None,
    serial: int = HIGHEST,
) -> bytes:
    """Return a card in a member's name, signed by a key of its: what a thief of that key makes."""
    node = fed.nodes[member]
    view, now = node.mirror.view, fed.clocks[member].now()
    signer = node_signer(view.federation, member, key or sign_keys(fed, member)[0])
    return draft_card(
        view.federation, member, serial=serial, at=now, records=records, signer=signer
    )


def sign_keys(fed: Federation, member: MemberId) -> tuple[KeyRecord, ...]:
    """Return a member's keys to sign with, the oldest first."""
    return fed.nodes[member].keys.keyring.records(KeyUse.SIGN)


def thiefs(fed: Federation, member: MemberId) -> list[KeyRecord]:
    """Return a sealing key that the member does not hold."""
    now = fed.clocks[member].now()
    key = new_record(KeyUse.SEAL, start=now - 300, end=now + DAY_S, entropy=Seeded("thief"))
    return [key]


async def revoke(
    fed: Federation,
    member: MemberId,
    key: KeyRecord,
    *,
    by: KeyRecord | None = None,
    seen_by: Collection[MemberId] = (),
) -> None:
    """Let a member revoke a key by its present one; wait until these see it, or everybody."""
    node = fed.nodes[member]
    view, now = node.mirror.view, fed.clocks[member].now()
    statement = draft_rotation(view, view.member(member), at=now, uses=[])
    since = statement.at + 1  # later than what the key brought last, which stays
    statement = replace(statement, revocations=(Revocation(KeyId(key.key_id), since),))
    signer = node_signer(view.federation, member, by or sign_keys(fed, member)[-1])
    await fed.nodes[REGISTRY].rooms.registrar.publish(sign_note(statement.text(), [signer]))
    for name in seen_by or fed.nodes:
        mirror = fed.nodes[name].mirror
        await fed.until(lambda m=mirror: m.view.keys[key.key_id].revoked_since is not None)


async def current(fed: Federation, holder: MemberId, member: MemberId) -> KeyCard | None:
    """Return the card by which a node would seal to a member."""
    return await fed.nodes[holder].gate.cards.current(member)


async def refused(fed: Federation, holder: MemberId, member: MemberId, note: bytes) -> str:
    """Return the code by which a node refuses a card, and see that it keeps what it held."""
    before = await current(fed, holder, member)
    with pytest.raises(LiaisonError) as caught:
        await fed.nodes[holder].gate.cards.keep(member, note)
    assert await current(fed, holder, member) == before
    return caught.value.code


@pytest.mark.parametrize("end", ["rotated", "revoked"])
async def test_forged_card_ends_with_its_key_and_no_message_is_lost(
    tmp_path: Path, end: str
) -> None:
    """XA seals to the thief's key and is told so; what XB signs with its next key goes before."""
    async with federation(tmp_path, "XA", "XB", changes={"XA": SOON}) as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        forged = await fed.nodes[XA].gate.cards.keep(XB, card_of(fed, XB, thiefs(fed, XB)))
        stolen = sign_keys(fed, XB)[0]
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: Later("stale_card", 2) in fed.answers)
        assert not await delivered(fed, "XA", sent.id)
        genuine = await fed.nodes[XB].gate.cards.note(XB)
        assert await refused(fed, XA, XB, genuine) == "card_older"
        if end == "revoked":  # the view shows another key to sign with, and no other card yet
            fed.cut.add((XA, XB))
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        if end == "revoked":
            await revoke(fed, XB, stolen)
            assert await current(fed, XA, XB) is None
            fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        taken = await current(fed, XA, XB)
        assert taken is not None
        assert taken.rank > forged.rank
        assert len((await fed.inbox("XB")).messages) == 2


async def test_voided_card_is_served_by_nobody(tmp_path: Path) -> None:
    """Neither by the member's relay, which kept the thief's, nor by who kept it to seal."""
    async with federation(tmp_path, "XA", "RO", "XC@RO", changes={"XA": SOON}) as fed:
        for holder in (XA, RO):
            await fed.nodes[holder].gate.cards.keep(XC, card_of(fed, XC, thiefs(fed, XC)))
        stolen = sign_keys(fed, XC)[0]
        sent = await fed.send("XA", "XC")
        await fed.until(lambda: _code_is(fed, sent.id, "stale_card"))
        note = await fed.nodes[XC].gate.cards.note(XC)
        with pytest.raises(RejectedError) as told:
            await fed.nodes[RO].gate.for_hop(XC).post_card(note)
        assert told.value.code == "card_older"  # so that XC learns of it
        fed.cut.add((XC, RO))
        await fed.nodes[XC].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        await revoke(fed, XC, stolen)
        with pytest.raises(UnavailableError) as none:
            await fed.nodes[RO].gate.cards.note(XC)
        assert none.value.code == "card_unknown"
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert len((await fed.inbox("XC")).messages) == 1


async def _code_is(fed: Federation, message: str, code: str) -> bool:
    return (await fed.read("XA", message)).recipients[0].code == code


async def test_card_that_is_not_the_newest_of_its_member_is_refused_by_name(
    tmp_path: Path,
) -> None:
    """Older, of another member, another of the same number: each changes nothing."""
    async with federation(tmp_path, "XA", "XB", "XC") as fed:
        cards = fed.nodes[XC].gate.cards
        records = list(fed.nodes[XB].keys.keyring.records(KeyUse.SEAL))
        held = await cards.keep(XB, card_of(fed, XB, records, serial=HIGHEST - 1))
        note = await cards.note(XB)
        assert await cards.keep(XB, note) == held
        for wrong, code in (
            (card_of(fed, XB, records, serial=held.serial - 1), "card_older"),
            (card_of(fed, XB, records[:5], serial=held.serial), "card_older"),
            (card_of(fed, XA, thiefs(fed, XA)), "card_of_another_member"),
        ):
            assert await refused(fed, XC, XB, wrong) == code


async def test_sealing_key_that_was_listed_otherwise_is_refused(tmp_path: Path) -> None:
    """XA slips XB's key in, or one of its own into another epoch; a void listing bars nobody."""
    async with federation(tmp_path, "XA", "XB", "XC", "XD") as fed:
        await fed.nodes[XC].gate.cards.fetch(XB)
        theirs = fed.nodes[XB].keys.keyring.records(KeyUse.SEAL)[:1]
        assert await refused(fed, XC, XB, card_of(fed, XA, list(theirs))) == (
            "card_of_another_member"
        )
        slipped = card_of(fed, XA, list(theirs))
        assert await refused(fed, XC, XA, slipped) == "key_reused"
        (mine, *_) = fed.nodes[XA].keys.keyring.records(KeyUse.SEAL)
        await fed.nodes[XC].gate.cards.fetch(XA)
        longer = KeyRecord(
            use=mine.use, key_id=mine.key_id, seed=mine.seed, start=mine.start, end=mine.end + 1
        )
        assert await refused(fed, XC, XA, card_of(fed, XA, [longer])) == "key_reused"
        # XD sees the thief's card first: XB's own is refused there until XA revokes its key.
        await fed.nodes[XD].gate.cards.keep(XA, slipped)
        genuine = await fed.nodes[XB].gate.cards.note(XB)
        assert await refused(fed, XD, XB, genuine) == "key_reused"
        stolen = sign_keys(fed, XA)[0]
        await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        await revoke(fed, XA, stolen)
        assert (await fed.nodes[XD].gate.cards.keep(XB, genuine)).member == XB


async def test_new_sign_key_signs_the_same_sealing_keys_again(tmp_path: Path) -> None:
    """So that the next card goes before any that a thief of the old key makes; nothing is drawn."""
    async with federation(tmp_path, "XA") as fed:
        node = fed.nodes[XA]
        before = await current(fed, XA, XA)
        held = node.keys.keyring.records(KeyUse.SEAL)
        await node.rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        after = await current(fed, XA, XA)
        assert after.epochs == before.epochs
        assert after.signer.key_id == sign_keys(fed, XA)[-1].key_id
        assert node.keys.keyring.records(KeyUse.SEAL) == held
        assert len([kind for kind, _, _ in await codes(fed, XA) if kind == "key_card.issued"]) == 2


async def test_card_in_use_whose_key_is_lost_is_replaced(tmp_path: Path) -> None:
    """A keystore that went back opens what comes from now on; peers take the new card at once."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XB]
        before = await current(fed, XB, XB)
        node.keys.keyring = node.keys.keyring.without(before.epochs[3].key_id)
        node.keys._unlocked.change(lambda _: node.keys.keyring.encode())
        await node.rooms.rotation.keep_card_fresh()
        after = await current(fed, XB, XB)
        assert after.serial > before.serial
        assert not set(after.epochs) & set(before.epochs)
        assert (await fed.nodes[XA].gate.cards.fetch(XB)).serial == after.serial


async def test_receipt_that_names_another_sealing_key_settles_nothing(tmp_path: Path) -> None:
    """XB's receipt says that it was opened with a key that XA did not seal to: an alarm."""
    async with federation(tmp_path, "XA", "XB") as fed:

        def elsewhere(answer: Answer) -> Answer:
            if not isinstance(answer, Accepted):
                return answer
            bent = msgspec.structs.replace(parse_receipt(answer.receipt), seal_kid=bytes(32))
            return Accepted(_signed(fed, bent))

        fed.bend_answers = elsewhere
        sent = await fed.send("XA", "XB")

        async def recorded() -> bool:
            return ("receipt.refused", "XB", "receipt_wrong_seal_key") in await codes(fed, XA)

        await fed.until(recorded)
        assert not await delivered(fed, "XA", sent.id)
        fed.bend_answers = None
        await fed.until(lambda: delivered(fed, "XA", sent.id))


def _signed(fed: Federation, receipt: Receipt) -> bytes:
    node = fed.nodes[XB]
    (signed,) = sign_receipts([receipt], node.keys.signer(node.mirror.view, fed.clocks[XB].now()))
    return signed


@pytest.mark.parametrize("route", ["XB", "XB@RO"])
@pytest.mark.parametrize("days", [7, 36])
async def test_member_that_was_away_is_reached_when_it_is_back(
    tmp_path: Path, route: str, days: int
) -> None:
    """A week later the card still serves; after its last epoch XA waits for the next one."""
    relays = [] if route == "XB" else ["RO"]
    async with federation(tmp_path, "XA", *relays, route) as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        await fed.stop("XB")
        early = await fed.send("XA", "XB", expires_in_s=30 * DAY_S)
        for member in (REGISTRY, XA, XB, RO):
            fed.clocks[member].ahead_s = days * DAY_S
        mirror = fed.nodes[XA].mirror
        await fed.until(lambda: mirror.checked_at > fed.clocks[XA].now() - 60)
        late = await fed.send("XA", "XB")
        if days > 35:
            assert await current(fed, XA, XB) is None
        await fed.start("XB")
        await fed.until(lambda: delivered(fed, "XA", late.id))
        seen = [item.id for item in (await fed.inbox("XB")).messages]
        if days < 30:
            await fed.until(lambda: delivered(fed, "XA", early.id))
            assert sorted(seen) == sorted([first.id, early.id, late.id])
        else:
            assert seen == [first.id, late.id]


async def test_seed_of_an_epoch_is_destroyed_in_the_file_too(tmp_path: Path) -> None:
    """Its end and the longest lifetime are over: neither node nor keystore opens what it opened."""
    async with federation(tmp_path, "XA") as fed:
        first = fed.nodes[XA].keys.keyring.records(KeyUse.SEAL)[0]
        lifetime_s = fed.settings("XA").policy.max_lifetime_s
        for member in (REGISTRY, XA):
            fed.clocks[member].ahead_s = first.end + lifetime_s - fed.clocks[member].now() - 60
        await fed.nodes[XA].workers.sweep()
        assert Keyring.parse(fed.unlock(XA).body).seal_key(KeyId(first.key_id)) is not None
        for member in (REGISTRY, XA):
            fed.clocks[member].ahead_s += 120
        await fed.nodes[XA].workers.sweep()
        assert fed.nodes[XA].keys.seal_key(KeyId(first.key_id)) is None
        kept = Keyring.parse(fed.unlock(XA).body)
        assert kept.seal_key(KeyId(first.key_id)) is None
        assert first.seed not in fed.unlock(XA).body
        assert kept.records(KeyUse.SEAL)
