"""Who read what, who was refused, and what was done to the node: each is in its audit log."""

import asyncio
from pathlib import Path

from gateway.cases.families.lists import IntendedUse
from gateway.cli.app import run
from gateway.errors import ForbiddenError
from gateway.protocol.audit import EntryKind
from gateway.services.caller import Caller
from gateway.settings import Role
from keys.suite import MemberId
from tests.outcome import outcome_of
from tests.scenarios.federation import OFFICER, Federation, federation, recorded
from tests.scenarios.test_backup import backed_up, restored
from tests.scenarios.test_exchange import delivered, pieces

XA, XB = MemberId("XA"), MemberId("XB")
NOBODY = Caller(name="uid:9", roles=frozenset({Role.AUDITOR}))
UNIT = Caller(name="uid:2", roles=frozenset({Role.OFFICER}), unit="valuation")


async def entries(fed: Federation, member: str, kind: EntryKind) -> list[tuple[str, int, str]]:
    """Return (peer, how many digests, code) of each entry of a kind."""
    return [
        (item.peer, len(item.digests), item.code)
        for item in await recorded(fed.nodes[MemberId(member)])
        if item.kind is kind
    ]


async def with_attachment(fed: Federation) -> tuple[str, str]:
    """Send a message with an attachment; return both their names at XB."""
    upload = fed.nodes[XA].rooms.attachments.upload
    up = await upload(pieces(b"invoice"), "a.bin", "application/pdf", OFFICER)
    sent = await fed.send("XA", "XB", attachments=[up.id])
    await fed.until(lambda: delivered(fed, "XA", sent.id))
    return sent.id, f"{sent.id}.0"


async def test_every_way_to_content_is_recorded_each_time(tmp_path: Path) -> None:
    """Two reads in one sitting are two; a list, which shows no content, is none."""
    async with federation(tmp_path, "XA", "XB") as fed:
        message, attachment = await with_attachment(fed)
        rooms = fed.nodes[XB].rooms
        await fed.inbox("XB")
        await rooms.inbox.acknowledge(message, OFFICER)
        assert await entries(fed, "XB", EntryKind.MESSAGE_READ) == []
        for _ in range(2):
            await rooms.inbox.read(message, OFFICER)
        await rooms.inbox.attachment(attachment, OFFICER)
        await rooms.inbox.fetch(attachment, OFFICER)
        use = IntendedUse.ASSESSMENT
        await rooms.evidence.export(message, OFFICER, is_open=True, purpose=use)
        await rooms.evidence.export(message, OFFICER, is_open=False)
        me = OFFICER.name
        assert await entries(fed, "XB", EntryKind.MESSAGE_READ) == [
            (me, 1, "officer"), (me, 1, "officer"), (me, 2, "officer"), (me, 2, "officer"),
            (me, 1, "officer"),
        ]  # fmt: skip
        exported = await entries(fed, "XB", EntryKind.EVIDENCE_EXPORTED)
        assert exported == [(me, 1, "open assessment"), (me, 1, "closed")]


async def test_refused_reads_are_recorded_with_the_reason(tmp_path: Path) -> None:
    """By whom, of what, why; not again and again, and nothing where there is nothing to read."""
    async with federation(tmp_path, "XA", "XB") as fed:
        message, attachment = await with_attachment(fed)
        rooms = fed.nodes[XB].rooms

        async def refused(caller: Caller) -> None:
            acts = [
                rooms.inbox.read(message, caller),
                rooms.inbox.attachment(attachment, caller),
                rooms.inbox.fetch(attachment, caller),
            ]
            if caller is UNIT:
                acts.append(rooms.evidence.export(message, caller, is_open=True))
            for act in acts:
                assert isinstance(await outcome_of(act), ForbiddenError)

        for caller in (NOBODY, UNIT):
            await refused(caller)
        expected = [(NOBODY.name, 1, "role_missing"), (UNIT.name, 1, "unit_mismatch")]
        assert await entries(fed, "XB", EntryKind.READ_REFUSED) == expected
        fed.clocks[XB].ahead_s += 60
        await refused(UNIT)
        assert await entries(fed, "XB", EntryKind.READ_REFUSED) == [*expected, expected[1]]
        unknown = f"{message[:-1]}{'0' if message[-1] != '0' else '1'}"
        fault = await outcome_of(rooms.inbox.read(unknown, NOBODY))
        assert isinstance(fault, ForbiddenError)
        assert len(await entries(fed, "XB", EntryKind.READ_REFUSED)) == 3
        assert await entries(fed, "XB", EntryKind.MESSAGE_READ) == []


async def test_each_key_is_recorded_once_in_a_process(tmp_path: Path) -> None:
    """When it is first used, however often that is; anew in the next process."""
    async with federation(tmp_path, "XA", "XB", anew=True) as fed:
        for _ in range(3):
            sent = await fed.send("XA", "XB")
            await fed.until(lambda s=sent: delivered(fed, "XA", s.id))
        node = fed.nodes[XB]
        await node.workers.starting.note_keys()
        await node.workers.starting.note_keys()
        used = [code for _, _, code in await entries(fed, "XB", EntryKind.KEY_USED)]
        assert sorted(used) == sorted(set(used))
        assert {"sign", "log", "seal"} <= set(used)
        assert "storage" not in used
        await fed.stop("XB")
        node = await fed.start("XB")
        await node.workers.starting.note_keys()
        await fed.until(lambda: node.gate.cards.current(XB))
        await recorded(node)

        async def twice() -> bool:
            await node.workers.starting.note_keys()
            again = [code for _, _, code in await entries(fed, "XB", EntryKind.KEY_USED)]
            return again.count("log") == 2

        await fed.until(twice)


async def test_settings_are_recorded_when_they_changed(tmp_path: Path) -> None:
    """At a start, by their digest, and with the version; not when they are as before."""
    async with federation(tmp_path, "XA", anew=True) as fed:
        await fed.nodes[XA].workers.starting.note_configuration()
        (first,) = await entries(fed, "XA", EntryKind.CONFIGURATION_CHANGED)
        assert first[:2] == ("", 1)
        assert first[2]
        await fed.stop("XA")
        await (await fed.start("XA")).workers.starting.note_configuration()
        assert await entries(fed, "XA", EntryKind.CONFIGURATION_CHANGED) == [first]
        await fed.stop("XA")
        fed.changes["XA"] = {"registry": {"poll_s": 2}}
        node = await fed.start("XA")
        await node.workers.starting.note_configuration()
        changed = [
            item for item in await recorded(node) if item.kind is EntryKind.CONFIGURATION_CHANGED
        ]
        assert len(changed) == 2
        assert changed[0].digests != changed[1].digests


async def test_acts_of_operators_are_recorded(tmp_path: Path) -> None:
    """Those through the socket and those by hand, beside the running daemon."""
    async with federation(tmp_path, "XA", "XB") as fed:
        rooms = fed.nodes[XB].rooms
        await rooms.rewrapping.begin(OFFICER)
        note = (fed.place / "XB" / "join.XB").read_bytes()
        await outcome_of(rooms.ceremony.hand_in(note, OFFICER))
        assert isinstance(await outcome_of(rooms.ceremony.hand_in(note, NOBODY)), ForbiddenError)
        backup = await backed_up(fed, "XB")
        arguments = ["keystore", "add", "--dir", str(fed.place / "XB"), "--weak-keystore"]
        secret = str(fed.place / "passphrase")
        arguments += ["--passphrase-file", secret, "--new-passphrase-file", secret]
        assert await asyncio.to_thread(run, arguments) == 0
        codes = [code for _, _, code in await entries(fed, "XB", EntryKind.ADMINISTRATOR_ACTED)]
        assert codes == ["rewrap", "statement.handed_in", "backup", "keystore add"]
        await restored(fed, "XB", backup)
        codes = [code for _, _, code in await entries(fed, "XB", EntryKind.ADMINISTRATOR_ACTED)]
        assert codes == ["rewrap", "statement.handed_in", "backup", "restore"]
