"""The audit log for people: what is found, and what is erased."""

from pathlib import Path

import pytest

from gateway.errors import ForbiddenError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.services.auditing import search as audit_search
from gateway.services.auditing.check import check_audit_log
from gateway.services.auditing.erasing import ERASABLE, Erasure, ErasureReason
from gateway.services.auditing.search import AuditEntryView, AuditQuery
from gateway.services.caller import Caller
from gateway.services.receiving.inbox import MessageQuery
from gateway.settings import Role
from keys.suite import MemberId
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.tiles import encode_bundle, parse_bundle
from tests.outcome import outcome_of
from tests.scenarios.federation import (
    OFFICER,
    Federation,
    entries_of,
    federation,
    recorded,
)
from tests.scenarios.test_exchange import delivered
from tests.scenarios.test_resigning import replaced, signed_again

XA, XB = MemberId("XA"), MemberId("XB")
ANNA = Caller(name="uid:7", roles=frozenset({Role.OFFICER}))


async def found(fed: Federation, member: MemberId, /, **asked: object) -> list[AuditEntryView]:
    """Return all entries that a query finds, by as many pages as it takes."""
    search, entries, cursor = fed.nodes[member].rooms.audit_search, [], None
    while True:
        page = await search.find(AuditQuery(**asked | {"cursor": cursor}), OFFICER)
        entries += page.entries
        if page.next is None:
            return entries
        cursor = page.next


def places(entries: list[AuditEntryView]) -> list[int]:
    """Return the numbers of entries."""
    return [entry.index for entry in entries]


async def test_entries_are_found_by_case_message_member_kind_time_and_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its order, page by page, whatever is looked through in one call."""
    async with federation(tmp_path, "XA", "XB") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        other = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", other.id))
        reply = await fed.read("XB", first.id)
        await recorded(fed.nodes[XA])
        await recorded(fed.nodes[XB])

        whole = await found(fed, XB, order="oldest")
        assert places(whole) == list(range(len(whole)))
        assert places(await found(fed, XB)) == places(whole)[::-1]
        assert places(await found(fed, XB, order="oldest", limit=3)) == places(whole)
        monkeypatch.setattr(audit_search, "ROWS_PER_CALL", 2)
        assert places(await found(fed, XB, limit=5)) == places(whole)[::-1]
        by_message = await found(fed, XB, message=first.id, order="oldest")
        monkeypatch.undo()

        kinds = [entry.kind for entry in by_message]
        assert kinds == ["message.received", "message.read"]
        assert {entry.message for entry in by_message} == {first.id}
        assert await found(fed, XB, case=reply.case, order="oldest") == by_message
        assert await found(fed, XB, case="0" * 32) == []
        read = await found(fed, XB, kind=EntryKind.MESSAGE_READ)
        assert [(entry.peer, entry.code, entry.message) for entry in read] == [
            (OFFICER.name, "officer", first.id)
        ]
        assert await found(fed, XB, member=OFFICER.name, kind=EntryKind.MESSAGE_READ) == read
        assert [e.kind for e in await found(fed, XA, member="XB", message=first.id)] == [
            "receipt.held"
        ]
        received = await found(fed, XB, kind=EntryKind.MESSAGE_RECEIVED)
        assert [entry.message for entry in received] == [other.id, first.id]

        year = whole[0].shard
        assert await found(fed, XB, shard=year, order="oldest") == whole
        at = read[0].at
        assert await found(fed, XB, since=at, kind=EntryKind.MESSAGE_READ) == read
        assert await found(fed, XB, since=at + 1, kind=EntryKind.MESSAGE_READ) == []
        assert await found(fed, XB, until=at, kind=EntryKind.MESSAGE_READ) == read
        assert await found(fed, XB, until=min(item.at for item in whole) - 1) == []
        search = fed.nodes[XB].rooms.audit_search
        for query, code in (
            (AuditQuery(shard="1999"), "shard_unknown"),
            (AuditQuery(cursor="1999-0"), "shard_unknown"),
            (AuditQuery(message="XA-" + "0" * 32), "message_unknown"),
        ):
            fault = await outcome_of(search.find(query, OFFICER))
            assert isinstance(fault, RejectedError)
            assert fault.code == code
        refused = await outcome_of(search.find(AuditQuery(), ANNA))
        assert isinstance(refused, ForbiddenError)


async def test_message_that_was_signed_again_is_found_by_all_its_envelopes(tmp_path: Path) -> None:
    """What was recorded of it before belongs to it still."""
    async with federation(tmp_path, "XA", "XB") as fed:
        fed.cut.add((XA, XB))
        sent = await fed.send("XA", "XB")
        await replaced(fed, XA)
        await signed_again(fed, XA, 1)
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await recorded(fed.nodes[XA])
        entries = await found(fed, XA, message=sent.id)
        assert [entry.kind for entry in entries if entry.kind != "message.read"] == [
            "receipt.held", "message.signed_again", "message.accepted",
        ]  # fmt: skip
        assert {entry.message for entry in entries} == {sent.id}


async def erase(fed: Federation, entry: AuditEntryView) -> object:
    """Erase an entry of XB's."""
    asked = Erasure(shard=entry.shard, index=entry.index, reason=ErasureReason.REQUESTED)
    return await outcome_of(fed.nodes[XB].rooms.erasing.erase(asked, OFFICER))


async def test_erased_entry_leaves_its_leaf_and_everything_stands(tmp_path: Path) -> None:
    """Who erased it is recorded; the log, its tiles and its later heads verify as before."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XB]
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await node.rooms.inbox.read(sent.id, ANNA)
        await recorded(node)
        before = await entries_of(node)
        (read,) = [entry for entry in before if entry.kind == "message.read"]
        asked = Erasure(shard=read.shard, index=read.index, reason=ErasureReason.REQUESTED)
        fault = await outcome_of(node.rooms.erasing.erase(asked, ANNA))
        assert isinstance(fault, ForbiddenError)
        assert await entries_of(node) == before

        assert not isinstance(await erase(fed, read), Exception)
        twice = await erase(fed, read)
        assert getattr(twice, "code", "") == "entry_erased"
        entries = await recorded(node)
        assert entries[-1].kind is EntryKind.ENTRY_ERASED
        assert entries[-1].digests == (bytes.fromhex(read.leaf),)
        assert (entries[-1].peer, entries[-1].code) == (OFFICER.name, "requested")
        after = await entries_of(node)
        assert (after[read.index].kind, after[read.index].leaf) == ("", read.leaf)
        assert ANNA.name not in {entry.peer for entry in after}

        bundle = await node.rooms.audit_reading.bundle(read.shard, (0, len(before)), OFFICER)
        assert parse_bundle(bundle, len(before))[read.index] == b""
        assert bundle == encode_bundle(parse_bundle(bundle, len(before)))
        report = await node.database.read(lambda tx: check_audit_log(tx, node.mirror.view, XB))
        assert (report.findings, report.erased) == ((), 1)
        origin = parse_checkpoint(await node.rooms.audit_reading.checkpoint(OFFICER)).origin
        assert await node.rooms.audit_reading.consistency(origin, len(before), len(after))
        await fed.stop("XB")
        stored = b"".join(file.read_bytes() for file in (tmp_path / "XB").glob("liaison.db*"))
        assert ANNA.name.encode() not in stored


async def test_only_what_names_a_person_is_erased(tmp_path: Path) -> None:
    """What messages, keys, shards and erasures rest on stays, whoever asks."""
    async with federation(tmp_path, "XA", "XB") as fed:
        node = fed.nodes[XB]
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        await node.rooms.inbox.acknowledge(sent.id, OFFICER)
        await recorded(node)
        before = await entries_of(node)
        for entry in before:
            if entry.kind not in ERASABLE:
                assert getattr(await erase(fed, entry), "code", "") == "entry_kept"
        assert await entries_of(node) == before
        (taken,) = [entry for entry in before if entry.kind == "message.acknowledged"]
        beyond = Erasure(shard=taken.shard, index=9999, reason=ErasureReason.ORDERED)
        for asked in (beyond, Erasure(shard="1999", index=0, reason=ErasureReason.ORDERED)):
            fault = await outcome_of(node.rooms.erasing.erase(asked, OFFICER))
            assert isinstance(fault, RejectedError)
            assert fault.code == "entry_unknown"
        assert not isinstance(await erase(fed, taken), Exception)
        page = await node.rooms.inbox.page(MessageQuery(direction="in"), OFFICER)
        assert page.messages[0].state == "acknowledged"


def test_erasable_kinds_are_those_that_name_a_caller() -> None:
    """A kind that is new stays, until somebody thinks about it."""
    assert {kind.value for kind in ERASABLE} == {
        "message.read", "read.refused", "message.acknowledged", "evidence.exported",
        "administrator.acted",
    }  # fmt: skip
