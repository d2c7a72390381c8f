"""``liaison evidence export`` beside real nodes, and what remains of it once they are gone."""

import asyncio
import io
import os
import shutil
import zipfile
from pathlib import Path

from keys.suite import MemberId
from tests.cli.test_evidence import bare
from tests.network.served import XA, XB, served
from tests.network.test_registry_commands import Shown, shown
from tests.scenarios.test_evidence import QUICK, witness_log
from tests.scenarios.test_exchange import codes, delivered
from tests.scenarios.witnessed import name_witnesses

__all__ = ["shown"]
XC = MemberId("XC")


async def test_evidence_outlives_the_federation(tmp_path: Path, shown: Shown) -> None:
    """Exported by the command; judged on a bare machine after every node and folder is deleted."""
    place, kept = tmp_path / "federation", tmp_path / "kept"
    place.mkdir()
    kept.mkdir()
    async with served(place, "XA", "XB", "XC", changes=QUICK) as made:
        fed, folder = made.fed, str(place / "XA")
        await name_witnesses(fed, 2, "XB", "XC")
        sent = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", sent.id))
        for member in (XA, XB):
            await witness_log(fed, member)
        file, closed = str(kept / "open.zip"), str(kept / "closed.zip")
        told = await shown.of("evidence", "export", sent.id, file, "--dir", folder)
        assert "VALID: " in told
        assert f"liaison evidence verify {file} --anchor {fed.anchor}" in told
        told = await shown.document(
            "evidence", "export", sent.id, closed, "--closed", "--to", "XB", "--dir", folder
        )
        assert (told["verdict"], len(told["entries"])) == ("valid", 3)
        assert ("evidence.exported", f"uid:{os.getuid()}", "closed") in await codes(fed, XA)
        again = await shown.of("evidence", "export", sent.id, file, "--dir", folder, code=2)
        assert "exists" in again
        missing = ("XA-" + "0" * 32, str(kept / "none"))
        told = await shown.of("evidence", "export", *missing, "--dir", folder, code=1)
        assert "message_unknown" in told
        assert not (kept / "none").exists()
        async with made.house("XA") as house:
            asked = f"/v1/messages/{sent.id}/evidence"
            async with house.get(asked, params={"content": "open"}) as answer:
                assert answer.content_type == "application/zip"
                body = await answer.read()
            assert "message/payload" in zipfile.ZipFile(io.BytesIO(body)).namelist()
            async with house.get(asked, params={"content": "other"}) as answer:
                assert answer.status == 422
    await asyncio.to_thread(check_alone, tmp_path, fed.anchor, Path(file), Path(closed))


def check_alone(tmp_path: Path, anchor: str, *files: Path) -> None:
    """Delete the federation; its files are judged, and altered ones found."""
    shutil.rmtree(tmp_path / "federation")
    for file in files:
        asked = ("evidence", "verify", str(file), "--anchor", anchor)
        done = bare(tmp_path, *asked)
        assert (done.returncode, done.stderr) == (0, "")
        assert "XB: message.received" in done.stdout
        altered = bytearray(file.read_bytes())
        altered[len(altered) // 2] ^= 1
        file.write_bytes(altered)
        done = bare(tmp_path, *asked)
        assert done.returncode == 1
        assert done.stdout.startswith("INVALID: ")
