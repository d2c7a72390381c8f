import json
from pathlib import Path

import pytest

from gateway.cli import machine
from gateway.cli.app import run
from gateway.settings import NodeSettings, Settings, StoreSettings


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time everything for a moment only."""
    monkeypatch.setattr(machine, "ROUND_S", 0.002)


def test_bench_tells_every_part_and_leaves_nothing(
    short: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each part has a rate, each bound names a part, and the folder is as it was."""
    assert run(["bench", "--dir", str(tmp_path), "--rounds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = [part["name"] for part in told["parts"]]
    assert names == [
        *machine.IN_MEMORY, machine.FSYNC, machine.WRITE, machine.COMMIT, machine.COMMIT_BATCH,
    ]  # fmt: skip
    assert all(part["per_s"] > 0 for part in told["parts"])
    assert len(told["bounds"]) == 4
    assert all(bound["per_s"] > 0 and bound["limit"] in names for bound in told["bounds"])
    assert told["folder"] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bench_shows_people_a_table(
    short: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --json: parts, then what follows from them."""
    assert run(["bench", "--dir", str(tmp_path), "--rounds", "1"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("seal to a recipient") < shown.index("messages sent, in batches")


def test_bench_without_a_folder_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there is not made."""
    assert run(["bench", "--dir", str(tmp_path / "none")]) == 3
    assert "folder_missing" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_bench_leaves_a_database_server_alone(short: None, tmp_path: Path) -> None:
    """What a server commits is not measured, and not part of what limits."""
    settings = Settings(
        node=NodeSettings(data_dir=str(tmp_path)), store=StoreSettings(url="postgresql://db/none")
    )
    measured = machine.measure(settings, 1)
    assert machine.COMMIT not in {part.name for part in measured.parts}
    assert len(measured.bounds) == 4


def test_bounds_add_up_what_one_message_costs() -> None:
    """The parts of a message add up, with its share of the sender's two commits or of one."""
    seconds = {
        machine.SIGN: 0.001, machine.SHARE: 0.003, machine.BODY_SEAL: 0.001,
        machine.VERIFY: 0.001, machine.SHARED: 0.002, machine.BODY_OPEN: 0.001,
        machine.COMMIT_BATCH: 0.064 * 4, machine.BLOB_SEAL: 1.0, machine.BLOB_OPEN: 2.0,
        machine.WRITE: 24.0,
    }  # fmt: skip
    sent, received, outgoing, incoming = machine.bounds(seconds)
    assert (sent.per_s, sent.limit) == (pytest.approx(1 / 0.013), machine.COMMIT_BATCH)
    assert (received.per_s, received.limit) == (pytest.approx(1 / 0.008), machine.COMMIT_BATCH)
    assert outgoing.per_s == pytest.approx(machine.MIB / 4 / 1e6)
    assert (incoming.per_s, incoming.limit) == (
        pytest.approx(machine.MIB / 5 / 1e6), machine.WRITE,
    )  # fmt: skip
