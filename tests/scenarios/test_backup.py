"""A node is copied while it works, and goes on from the copy: what that keeps, and what not."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from gateway.cli.app import run
from gateway.settings import load
from keys.keyfile import unlock
from keys.keyring import Keyring
from keys.registry.statement import REGISTRY
from keys.suite import KeyUse, MemberId
from tests.scenarios.federation import OFFICER, Federation, federation
from tests.scenarios.test_cards import SOON
from tests.scenarios.test_exchange import delivered, pieces
from tests.world import Seeded

XA, XB = MemberId("XA"), MemberId("XB")
BOTH = {"XA": SOON, "XB": SOON}


async def backed_up(fed: Federation, member: str, *options: str) -> Path:
    """Back a node up while it runs; return the backup."""
    secret = fed.place / "passphrase"
    secret.write_text("pass\n")
    secret.chmod(0o600)
    target = fed.place / "backup"
    arguments = ["backup", str(target), "--dir", str(fed.place / member)]
    arguments += ["--passphrase-file", str(secret), *options]
    assert await asyncio.to_thread(run, arguments) == 0
    return target


async def restored(fed: Federation, member: str, backup: Path) -> None:
    """Lose a node's folder, and start it from the backup."""
    await fed.stop(member)
    shutil.rmtree(fed.place / member)
    arguments = ["restore", str(backup), "--dir", str(fed.place / member)]
    assert await asyncio.to_thread(run, arguments) == 0
    await fed.start(member)


async def test_restored_node_goes_on_and_nothing_is_refused_or_doubled(tmp_path: Path) -> None:
    """What was under way is posted again and meets its receipt; peers take the new card at once."""
    async with federation(tmp_path, "XA", "XB", changes=BOTH) as fed:
        upload = fed.nodes[XA].rooms.attachments.upload
        up = await upload(pieces(b"invoice" * 9000), "a.bin", "application/pdf", OFFICER)
        first = await fed.send("XA", "XB", attachments=[up.id])
        await fed.until(lambda: delivered(fed, "XA", first.id))
        fed.cut.add((XB, XA))
        reply = await fed.send("XB", "XA")
        backup = await backed_up(fed, "XB")
        fed.cut.clear()
        await fed.until(lambda: delivered(fed, "XB", reply.id))
        # The card changed since: its keys are gone with the folder, and peers hold it.
        await fed.nodes[XB].rooms.rotation.rotate(KeyUse.SEAL, OFFICER)
        await fed.nodes[XA].gate.cards.fetch(XB)
        newest = (await fed.nodes[XB].gate.cards.current(XB)).serial
        fed.clocks[XB].ahead_s = 60  # nobody restores within the second
        await restored(fed, "XB", backup)
        await fed.until(lambda: delivered(fed, "XB", reply.id))
        assert [item.id for item in (await fed.inbox("XA")).messages] == [reply.id]
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        assert (await fed.nodes[XA].gate.cards.current(XB)).serial > newest
        assert [item.id for item in (await fed.inbox("XB")).messages] == [first.id, sent.id]
        attachment = (await fed.read("XB", first.id)).attachments[0].id
        rooms = fed.nodes[XB].rooms
        opened = await rooms.attachments.open(await rooms.inbox.attachment(attachment, OFFICER))
        content = b"".join([bytes(piece) async for piece in opened.read(0, opened.size)])
        assert content == b"invoice" * 9000


async def test_backup_holds_no_expired_seed_and_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the copy nor in the keystore that it is of, although nobody swept."""
    async with federation(tmp_path, "XA") as fed:
        first = fed.nodes[XA].keys.keyring.records(KeyUse.SEAL)[0]
        await fed.stop("XA")
        late = first.end + fed.settings("XA").policy.max_lifetime_s
        capsys.readouterr()
        monkeypatch.setattr("gateway.clock.SystemClock.now", lambda _: late)
        backup = await backed_up(fed, "XA", "--no-attachments", "--json")
        told = json.loads(capsys.readouterr().out)
        assert told == {"format": 1, "member": "XA", "made_at": late, "attachments": None}
        for file in (backup / "keystore", tmp_path / "XA" / "keystore"):
            kept = Keyring.parse(unlock(file, b"pass", entropy=Seeded("any")).body)
            assert first not in kept.records(KeyUse.SEAL)
            assert kept.records(KeyUse.SIGN)
        names = {item.name for item in backup.iterdir()}
        assert names == {"backup.json", "gateway.toml", "keystore", "liaison.db"}
        assert all(item.stat().st_mode & 0o777 == 0o600 for item in backup.iterdir())
        other = tmp_path / "elsewhere"
        assert run(["restore", str(backup), "--dir", str(other)]) == 0
        settings = load(other / "gateway.toml")
        assert (settings.node.member, settings.data_dir) == ("XA", other)
        assert (other / "blobs").is_dir()


async def test_what_cannot_be_backed_up_or_restored_is_said_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server's database, a place that is taken, half a backup, a damaged one."""
    fed = Federation(tmp_path)
    fed.found("XA")
    backup = await backed_up(fed, "XA")
    capsys.readouterr()
    target = tmp_path / "target"

    def refused(*arguments: str) -> str:
        code = run([*arguments])
        assert code in (1, 3)
        assert not target.exists()
        assert not list(tmp_path.glob(".*.new"))
        return capsys.readouterr().err.rpartition("[")[2].strip(" ]\n")

    home = str(tmp_path / "XA")
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]
    assert refused("backup", str(backup), "--dir", home, *secret) == "folder_taken"
    (tmp_path / "passphrase").write_text("wrong")
    assert refused("backup", str(target), "--dir", home, *secret) == "passphrase_wrong"
    settings = (backup / "gateway.toml").read_text()
    (tmp_path / "XA" / "gateway.toml").write_text(
        settings.replace('url = "sqlite:///liaison.db"', 'url = "postgresql://db.example/liaison"')
    )
    assert refused("backup", str(target), "--dir", home, *secret) == "backup_of_a_server"
    restore = ("restore", str(backup), "--dir", str(target))
    assert refused("restore", str(backup), "--dir", home) == "folder_taken"
    heading = (backup / "backup.json").read_text()
    for wrong in (heading.replace('"XA"', '"XB"'), heading.replace(":1,", ":2,"), "{"):
        (backup / "backup.json").write_text(wrong)
        assert refused(*restore) == "backup_malformed"
    (backup / "backup.json").write_text(heading)
    database = bytearray((backup / "liaison.db").read_bytes())
    database[4096:8192] = bytes(4096)
    (backup / "liaison.db").write_bytes(database)
    assert refused(*restore) == "backup_malformed"
    (backup / "liaison.db").write_bytes(b"no database at all")
    assert refused(*restore) == "backup_malformed"
    assert REGISTRY not in {item.name for item in backup.iterdir()}
