"""Two daemons of one member on one database: what one learns, the other takes over."""

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.cases.kinds import ALL_KINDS
from gateway.errors import UnavailableError
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.snapshot import Snapshot
from gateway.services.keys import NodeKeys
from gateway.services.neighbours import Neighbours
from gateway.services.receiving.inbox import Inbox, MessageQuery
from gateway.services.refusals import Refusals
from gateway.store.news import Topic
from gateway.wiring.node import Node
from keys.keyring import new_record
from keys.registry.draft import parse_fingerprint
from keys.suite import KeyId, KeyUse, MemberId
from tests.scenarios.federation import OFFICER, Federation, Lines, federation

XA, XB = MemberId("XA"), MemberId("XB")


async def test_registry_that_the_other_daemon_followed_is_taken_over(tmp_path: Path) -> None:
    """One is behind by statements that are in their database already: it sees them, and goes on."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.running[XA].cancel()
        node = fed.nodes[XA]
        other = RegistryMirror(
            node.database, Lines(fed, XA), node.delivery._ledger, fed.clocks[XA],
            snapshot=Snapshot(tmp_path / "XA", node.keys, fed.clocks[XA]),
            anchor=parse_fingerprint(fed.anchor),
        )  # fmt: skip
        await other.load()
        before = other.size
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        assert await node.mirror.follow()
        assert await other.follow()
        assert other.size == node.mirror.size == before + 1
        assert other.checked_at == node.mirror.checked_at
        assert not await other.follow()
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        assert await other.follow()
        assert await node.mirror.follow()
        assert node.mirror.view.head == other.view.head


async def test_long_poll_learns_what_the_other_daemon_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not look again by itself for an hour; the notice ends it."""
    monkeypatch.setattr("gateway.services.receiving.inbox.LOOK_AGAIN_S", 3600.0)
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XB]
        waiting = Inbox(
            node.database,
            node.keys,
            node.mirror,
            node.delivery._ledger,
            fed.clocks[XB],
            kinds=ALL_KINDS,
            refusals=Refusals(node.database, node.delivery._ledger, fed.clocks[XB]),
            drafts=node.rooms.inbox._drafts,
            fetch=lambda: None,
        )
        heard = neighbours(node, waiting)._heard
        poll = asyncio.ensure_future(waiting.page(MessageQuery(wait_s=60), OFFICER))
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: stored(fed))
        assert not poll.done()
        await heard(Topic.MESSAGES, [])
        assert [item.id for item in (await poll).messages] == [sent.id]


async def test_each_topic_wakes_whom_it_is_for(tmp_path: Path) -> None:
    """The lanes look at the recipients named, the follower at the registry."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.running[XB].cancel()
        node = fed.nodes[XB]
        outbox_lanes, custody_lanes = node.workers.lanes
        node.mirror.behind.clear()
        heard = neighbours(node, node.rooms.inbox)._heard
        await heard(Topic.OUTBOX, ["XA"])
        assert list(outbox_lanes._due) == [XA]
        assert not custody_lanes._due
        await heard(Topic.CUSTODY, ["XA"])
        assert list(custody_lanes._due) == [XA]
        await heard(Topic.RETURNS, [])
        assert node.workers.returning._woken.is_set()
        assert not node.mirror.behind.is_set()
        await heard(Topic.REGISTRY, [])
        assert node.mirror.behind.is_set()
        changes = node.rooms.tokens._changes
        await heard(Topic.TOKENS, [])
        assert node.rooms.tokens._changes == changes + 1
        noted = node.workers.chronicle.noted
        await heard(Topic.EVENTS, [])
        assert noted.is_set()


def neighbours(node: Node, inbox: Inbox) -> Neighbours:
    """Return what a daemon hears with."""
    outbox_lanes, custody_lanes = node.workers.lanes
    return Neighbours(
        node.database, node.workers.clock, inbox=inbox, outbox_lanes=outbox_lanes,
        custody_lanes=custody_lanes, mailboxes=node.gate.mailboxes, mirror=node.mirror,
            tokens=node.rooms.tokens, chronicle=node.workers.chronicle,
    )  # fmt: skip


async def stored(fed: Federation) -> bool:
    """Tell whether XB has a message."""
    return bool((await fed.inbox("XB")).messages)


async def test_card_that_does_not_verify_here_is_asked_for_again(tmp_path: Path) -> None:
    """Held, and signed by a key that this view does not know: no message is refused for it."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XA]
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, first.id))
        altered = text("UPDATE cards SET note = :note WHERE member = 'XB'")
        note = await node.gate.cards.note(XB)
        bent = note[:-8] + (b"AAAA" if note[-8:-4] != b"AAAA" else b"BBBB") + note[-4:]
        await node.database.write(lambda tx: tx.execute(altered, {"note": bent}))
        await fed.stop("XA")
        await fed.start("XA")
        assert await fed.nodes[XA].gate.cards.current(XB) is None
        second = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, second.id))


async def delivered(fed: Federation, message: str) -> bool:
    """Tell whether a message of XA is delivered."""
    return await fed.state("XA", message) == "delivered"


async def test_keys_that_the_other_daemon_drew_are_found(tmp_path: Path) -> None:
    """Both draw keys into one keystore: none is lost, and each opens what the other's is for."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XA")
        one, other = (NodeKeys(fed.unlock("XA"), XA, os.urandom) for _ in range(2))
        drawn = [
            new_record(use, start=0, end=2**40, entropy=os.urandom)
            for use in (KeyUse.SEAL, KeyUse.STORAGE, KeyUse.SEAL)
        ]
        assert other.seal_key(KeyId(drawn[0].key_id)) is None
        await one.add(drawn[:2])
        await other.add(drawn[2:])
        assert one.seal_key(KeyId(drawn[2].key_id)) is not None
        assert other.seal_key(KeyId(drawn[0].key_id)) is not None
        assert other.storage_key(drawn[1].key_id).key_id == drawn[1].key_id
        held = {item.key_id for use in KeyUse for item in one.keyring.records(use)}
        assert {item.key_id for item in drawn} <= held
        assert {item.key_id for use in KeyUse for item in other.keyring.records(use)} == held


async def test_storage_key_of_the_other_daemon_is_read_when_it_is_needed(tmp_path: Path) -> None:
    """What one stored under a key of its own, the other reads; a key that nobody has is named."""
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.stop("XA")
        one, other = (NodeKeys(fed.unlock("XA"), XA, os.urandom) for _ in range(2))
        month = new_record(KeyUse.STORAGE, start=0, end=2**40, entropy=os.urandom)
        await one.add([month])
        wrapped = one.storage_key(month.key_id).wrap(bytes(32), bytes(32), os.urandom)
        assert other.storage_key(month.key_id).unwrap(bytes(32), wrapped) == bytes(32)
        with pytest.raises(UnavailableError) as caught:
            other.storage_key(bytes(32))
        assert caught.value.code == "storage_key_missing"
        (tmp_path / "XA" / "keystore").unlink()
        assert other.seal_key(KeyId(bytes(32))) is None
