"""A member whose ``sign`` key lies in a token: the same exchange, and a token that goes away."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import UnavailableError
from gateway.services.keykeeping.rotation import RotatedKey
from keys.registry.ceremony import encode_draft
from keys.registry.draft import follow, root_signers
from keys.registry.statement import Chain, Kind
from keys.rootfile import read
from keys.suite import KeyUse, MemberId
from keys.tlog.note import add_signatures
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.tokens import FakeSlot, Slot, missing

XA = MemberId("XA")


@pytest.fixture
def slot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Slot:
    """Return a token of SoftHSM, or one made of Python where that is not installed."""
    monkeypatch.setattr("keys.pkcs11.RETRY_S", 1)
    if missing():
        return FakeSlot(request.getfixturevalue("fake_module"), "fake")
    made: Slot = request.getfixturevalue("softhsm").slot()
    return made


@pytest.fixture(params=["memory", "token"])
def place(request: pytest.FixtureRequest) -> Slot | None:
    """Return where XA's new ``sign`` keys are drawn: in a token, or in its keystore."""
    made: Slot | None = None if request.param == "memory" else request.getfixturevalue("slot")
    return made


async def rotated(fed: Federation) -> RotatedKey:
    """Replace XA's ``sign`` key, and wait until XB knows the new one."""
    shown = await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
    new = bytes.fromhex(shown.id)
    await fed.until(lambda: all(new in node.mirror.view.keys for node in fed.nodes.values()))
    return shown


async def exchanged(fed: Federation, key: RotatedKey) -> None:
    """Send both ways: XB verifies XA's signature, and XA's receipt, under ``key``."""
    view, now = fed.nodes[XA].mirror.view, fed.clocks[XA].now()
    assert fed.nodes[XA].keys.signer(view, now).key_id.hex() == key.id
    for sender, to in (("XA", "XB"), ("XB", "XA")):
        sent = await fed.send(sender, to)
        await fed.until(delivered(fed, sender, sent.id))
        opened = await fed.read(to, sent.id)
        assert opened.signature == "valid"
        receipt = (await fed.read(sender, sent.id)).recipients[0].receipt
        assert receipt is not None
        assert receipt.verified


def delivered(fed: Federation, sender: str, message: str) -> Callable[[], object]:
    """Return a condition: a message is delivered."""

    async def met() -> bool:
        return await fed.state(sender, message) == "delivered"

    return met


async def test_messages_and_rotations_go_on_wherever_the_key_lies(
    place: Slot | None, tmp_path: Path
) -> None:
    """Signed, receipted, rotated, restarted: nobody on the other side can tell the difference."""
    label = "" if place is None else place.token.label
    async with federation(tmp_path, "XA", "XB") as fed:
        if place is not None:
            fed.tokens["XA"] = place.token
        await fed.stop("XA")
        await fed.start("XA")
        for _ in range(2):
            key = await rotated(fed)
            assert key.token == label
            await exchanged(fed, key)
        await fed.stop("XA")
        await fed.start("XA")
        await exchanged(fed, key)
        card = await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SEAL, OFFICER)
        assert card.token == ""
        await exchanged(fed, key)


async def test_token_that_is_pulled_out_costs_time_and_nothing_else(
    slot: Slot, tmp_path: Path
) -> None:
    """While it is away XA takes nothing in and is not ready; then all goes on by itself."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.tokens["XA"] = slot.token
        await fed.stop("XA")
        await fed.start("XA")
        key = await rotated(fed)
        await exchanged(fed, key)
        node = fed.nodes[XA]
        before = len((await fed.inbox("XA")).messages)
        seal_keys = len(node.keys.keyring.records(KeyUse.SEAL))
        slot.pull()
        fault = await outcome_of(fed.send("XA", "XB"))
        assert isinstance(fault, UnavailableError)
        assert fault.code == "token_missing"
        waiting = await fed.send("XB", "XA")
        await fed.until(tried(fed, waiting.id))
        report = await node.rooms.health.ready()
        (check,) = [check for check in report.checks if check.name == "keys"]
        assert (report.ready, check.ok) == (False, False)
        assert slot.token.label in check.detail
        fault = await outcome_of(node.rooms.rotation.rotate(KeyUse.SEAL, OFFICER))
        assert fault.code == "token_missing"
        fault = await outcome_of(node.rooms.rotation.rotate(KeyUse.SIGN, OFFICER))
        assert fault.code == "token_missing"
        assert len(node.keys.keyring.records(KeyUse.SEAL)) == seal_keys
        assert len((await fed.inbox("XA")).messages) == before
        slot.push()
        await fed.until(delivered(fed, "XB", waiting.id))
        assert len((await fed.inbox("XA")).messages) == before + 1
        await exchanged(fed, key)
        assert (await node.rooms.health.ready()).ready


def tried(fed: Federation, message: str) -> Callable[[], object]:
    """Return a condition: XB has tried to deliver a message, and holds it still."""

    async def met() -> bool:
        rows = await fed.nodes[MemberId("XB")].rooms.health.undelivered(OFFICER)
        (row,) = [row for row in rows if row.message == message]
        assert row.state in ("queued", "sending")
        return row.attempts > 0

    return met


async def test_member_moves_back_from_its_token(slot: Slot, tmp_path: Path) -> None:
    """While the token is still there the next key is drawn in the keystore; then it may go."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.tokens["XA"] = slot.token
        await fed.stop("XA")
        await fed.start("XA")
        assert (await rotated(fed)).token == slot.token.label
        fed.changes["XA"] = {"keys": {"pkcs11_draw": False}}
        await fed.stop("XA")
        await fed.start("XA")
        key = await rotated(fed)
        assert key.token == ""
        slot.pull()
        await exchanged(fed, key)
        listed = await fed.nodes[XA].rooms.key_report.listing(OFFICER)
        states = [(item.token, item.state) for item in listed if item.use == KeyUse.SIGN]
        assert states[-1] == ("", "current")
        assert (slot.token.label, "retiring") in states


async def test_member_whose_token_is_not_configured_says_which(slot: Slot, tmp_path: Path) -> None:
    """Served without the settings of its token, it neither signs nor loses anything."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.tokens["XA"] = slot.token
        await fed.stop("XA")
        await fed.start("XA")
        key = await rotated(fed)
        await fed.stop("XA")
        del fed.tokens["XA"]
        await fed.start("XA")
        fault = await outcome_of(fed.send("XA", "XB"))
        assert fault.code == "token_missing"
        assert f"lies in the token {slot.token.label}" in fault.detail
        waiting = await fed.send("XB", "XA")
        await fed.until(tried(fed, waiting.id))
        fed.tokens["XA"] = slot.token
        await fed.stop("XA")
        await fed.start("XA")
        await fed.until(delivered(fed, "XB", waiting.id))
        await exchanged(fed, key)


async def test_roots_bring_a_key_that_the_token_drew(slot: Slot, tmp_path: Path) -> None:
    """After a theft too the next key is drawn where it cannot be carried off."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.tokens["XA"] = slot.token
        await fed.stop("XA")
        node = await fed.start("XA")
        said = follow(node.mirror.view, Kind.KEYS, XA, Chain.ROOT, at=fed.clocks[XA].now())
        draft = await node.rooms.ceremony.bring_keys(encode_draft(said), OFFICER)
        file = tmp_path / "XA" / "offline" / "XA.root-1-1.key"
        root = read(file, b"pass", entropy=node.keys.entropy)
        await node.rooms.registrar.submit(add_signatures(draft, root_signers(root)))
        shown = await node.rooms.key_report.listing(OFFICER)
        (key,) = [item for item in shown if item.token]
        assert (key.use, key.token, key.state) == ("sign", slot.token.label, "current")
        await fed.until(lambda: bytes.fromhex(key.id) in fed.nodes[MemberId("XB")].mirror.view.keys)
        await exchanged(fed, key)
