"""Media through the socket, and by the command that operators type."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.app import run
from gateway.errors import UnavailableError
from gateway.protocol.medium import MAGIC
from tests.network.served import Served, served
from tests.network.test_local_api import problem
from tests.scenarios.federation import OFFICER
from tests.scenarios.test_exchange import pieces


def cut(made: Served, *members: str) -> None:
    """Take a node's way to the others away."""

    def nobody(member: str) -> Any:
        raise UnavailableError("peer_unreachable", f"{member} does not answer")

    for member in members:
        made.peers[member].member = nobody


def copied(file: str, part: slice, content: bytes | None = None) -> bytes:
    """Write a part of a file's content, or of another, over it; return the whole."""
    whole = Path(file).read_bytes() if content is None else content
    Path(file).write_bytes(whole[part])
    return whole


def listed(folder: Path) -> list[str]:
    """Return the names of what lies in a folder."""
    return [item.name for item in folder.iterdir()]


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the JSON that was printed, after what the nodes logged."""
    printed = capsys.readouterr().out
    return json.loads(printed[printed.index("{\n") :])


async def liaison(*arguments: str) -> int:
    """Run the command line beside the nodes."""
    return await asyncio.to_thread(run, list(arguments))


async def test_operators_carry_a_case_by_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Card, message with attachment, receipts: written, read, told in a few lines, exit codes."""
    async with served(tmp_path, "XA", "XB") as made:
        cut(made, "XA", "XB")
        xa, xb = (["--dir", str(tmp_path / name)] for name in ("XA", "XB"))
        stick = tmp_path / "stick"
        stick.mkdir()
        rooms = made.fed.nodes["XA"].rooms
        up = await rooms.attachments.upload(
            pieces(os.urandom(300_000)), "a.pdf", "application/pdf", OFFICER
        )
        sent = await made.fed.send("XA", "XB", attachments=[up.id])
        file = str(stick / "to-xb")
        assert await liaison("outbox", "export", "--to", "XB", file, *xa) == 1
        told = capsys.readouterr().out
        assert f"not on it  {sent.id}  card_unknown" in told
        assert "import a medium that XB exported" in told
        back = str(stick / "to-xa")
        assert await liaison("outbox", "export", "--to", "XA", back, *xb) == 0
        assert await liaison("inbox", "import", back, *xa) == 0
        assert await liaison("outbox", "export", "--to", "XB", file, *xa) == 1
        assert "[file_exists]" in capsys.readouterr().err
        assert await liaison("outbox", "export", "--to", "XB", file, "--force", *xa) == 0
        told = capsys.readouterr().out
        assert "1 messages, 1 attachments, 0 receipts" in told
        assert "stay queued until XB's receipts come back" in told
        assert await liaison("outbox", "list", "--json", *xa) == 0
        (row,) = document(capsys)["rows"]
        assert (row["message"], row["recipient"]) == (sent.id, "XB")
        assert row["exported_at"]
        whole = copied(file, slice(-1))
        assert await liaison("inbox", "import", file, *xb) == 1
        told = capsys.readouterr().out
        assert "1 new, 0 here already" in told
        assert "NOT WHOLE  it ends before its last record [medium_cut_short]" in told
        copied(file, slice(None), whole)
        assert await liaison("inbox", "import", file, "--json", *xb) == 0
        shown = document(capsys)
        assert (shown["member"], shown["repeated"], shown["fault"]) == ("XA", 1, "")
        assert await liaison("outbox", "export", "--to", "XA", back, "--force", "--json", *xb) == 0
        assert document(capsys)["receipts"] == 1
        assert await liaison("inbox", "import", back, *xa) == 0
        assert "1 of ours are done by receipts" in capsys.readouterr().out
        assert await made.fed.state("XA", sent.id) == "delivered"
        assert await liaison("inbox", "import", back, *xb) == 1
        assert "[medium_of_another_member]" in capsys.readouterr().err
        assert sorted(listed(stick)) == ["to-xa", "to-xb"]


async def test_export_that_breaks_off_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown member, a daemon that fails in the middle: an error, and nothing is written."""
    async with served(tmp_path, "XA", "XB") as made:
        cut(made, "XA", "XB")
        target = tmp_path / "medium"
        xa = [str(target), "--dir", str(tmp_path / "XA")]
        assert await liaison("outbox", "export", "--to", "XZ", *xa) == 1
        assert "[member_unknown]" in capsys.readouterr().err

        async def broken(*_: Any) -> Any:
            raise RuntimeError("the disk broke")

        made.fed.nodes["XA"].gate.delivery.still_open = broken
        assert await liaison("outbox", "export", "--to", "XB", *xa) != 0
        assert capsys.readouterr().err.startswith("liaison: ")
        assert "medium" not in str(listed(tmp_path))


async def test_socket_streams_media_and_names_what_is_wrong(tmp_path: Path) -> None:
    """The bytes of a medium; problem documents for a stranger, for noise, for a mistyped member."""
    async with served(tmp_path, "XA", "XB") as made, made.house("XA") as xa:
        async with xa.post("/v1/media/export?to=XB") as answer:
            assert answer.status == 200
            assert (await answer.read()).startswith(MAGIC)
        for path, body, status, code in (
            ("/v1/media/export", None, 422, "validation_failed"),
            ("/v1/media/export?to=xb", None, 422, "validation_failed"),
            ("/v1/media/export?to=XZ", None, 400, "member_unknown"),
            ("/v1/media/import", b"", 400, "medium_malformed"),
            ("/v1/media/import", os.urandom(900_000), 400, "medium_malformed"),
        ):
            async with xa.post(path, data=body) as answer:
                assert (answer.status, (await problem(answer))["code"]) == (status, code), path
