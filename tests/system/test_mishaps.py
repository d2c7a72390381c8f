"""What goes wrong in a house: each gives one clear sentence, and nothing accepted is lost."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.demo.story import request
from tests.system.nodes import Nodes, Ran, done, liaison, nodes

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Yield a federation in which XA has sent one message and is stopped."""
    with nodes(tmp_path_factory.mktemp("home"), "XA", "XB") as made:
        made.until(lambda: made.call("XA", "GET", "/health/ready")["ready"])
        made.call("XA", "POST", "/v1/messages", request([]))
        made.until(lambda: len(made.inbox("XB")) == 1)
        made.stop("XA")
        yield made


@pytest.fixture
def folder(home: Nodes, tmp_path: Path) -> Path:
    """Return a copy of XA's folder, to be damaged."""
    copy = tmp_path / "XA"
    shutil.copytree(home.folder("XA"), copy, ignore=shutil.ignore_patterns("*.sock"))
    for name in ("gateway.toml",):
        text = (copy / name).read_text().replace(str(home.folder("XA")), str(copy))
        (copy / name).write_text(text)
    return copy


def serve(folder: Path) -> Ran:
    """Try to start a node that cannot start."""
    return liaison("serve", "--dir", str(folder))


def told(ran: Ran, code: int, *words: str) -> None:
    """Assert one sentence on standard error, with its code in brackets, and no traceback."""
    assert ran.code == code, ran
    lines = [line for line in ran.err.splitlines() if line and not line.startswith("{")]
    assert len(lines) == 1, ran.err
    for word in words:
        assert word in lines[0], lines[0]
    assert "Traceback" not in ran.err + ran.out


def test_second_daemon_on_one_folder_is_refused(home: Nodes) -> None:
    """The first goes on."""
    told(serve(home.folder("XB")), 1, "already", str(home.folder("XB")))
    assert home.call("XB", "GET", "/health/live")["live"] is True


def test_port_in_use_is_named(home: Nodes, folder: Path) -> None:
    """Which port, and which setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = folder / "gateway.toml"
        text = settings.read_text().replace(f"port = {home.ports['XA']}", f"port = {port}")
        settings.write_text(text)
        told(serve(folder), 3, str(port), "peer_api.port")


def test_kill_at_any_moment_of_a_start_leaves_a_node_that_starts(home: Nodes, folder: Path) -> None:
    """Keys are drawn into the keystore at each of these starts, and none is lost in the middle."""
    made = Nodes(folder.parent, ports=home.ports)
    made.start("XA", LIAISON_POLICY__EPOCH_S="60", LIAISON_POLICY__EPOCHS="2")
    before = made.call("XA", "GET", "/v1/keys")["keys"]
    made.kill("XA")
    for number in range(1, 7):
        longer = {"LIAISON_POLICY__EPOCH_S": str(60 * 4**number), "LIAISON_POLICY__EPOCHS": "2"}
        command = [sys.executable, "-m", "gateway", "serve", "--dir", str(folder)]
        with subprocess.Popen(
            command, env={**os.environ, **longer}, stderr=subprocess.DEVNULL
        ) as starting:
            time.sleep(number / 5)
            starting.kill()
    made.environs.clear()
    made.start("XA")
    try:
        held = {key["id"] for key in made.call("XA", "GET", "/v1/keys")["keys"]}
        assert {key["id"] for key in before} <= held
        (sent,) = made.call("XA", "GET", "/v1/messages?direction=out")["messages"]
        assert made.shown("XA", sent["id"])["signature"] == "valid"
        assert made.stop("XA") == 0
    finally:
        for process in made.running.values():
            process.kill()
    report = done("audit", "verify", "--dir", str(folder), "--json").json
    assert report["findings"] == []


def test_wrong_passphrase_and_damaged_keystore_are_told_apart(home: Nodes, folder: Path) -> None:
    """And neither is a traceback."""
    keystore, passphrase = folder / "keystore", folder.parent / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("wrong\n")
    settings = folder / "gateway.toml"
    text = settings.read_text()
    settings.write_text(text.replace(str(home.place / "passphrase"), str(passphrase)))
    told(serve(folder), 1, "passphrase_wrong")
    content = keystore.read_bytes()
    keystore.write_bytes(content[:-100])
    told(serve(folder), 1, "keyfile_malformed", "backup")
    keystore.unlink()
    told(serve(folder), 3, "keyfile_missing")
    keystore.write_bytes(content)
    keystore.chmod(0o644)
    told(serve(folder), 1, "keyfile_permissions", "chmod 600")


def test_edited_mirror_is_refused(folder: Path) -> None:
    """A registry that was changed in the database is not believed."""
    with sqlite3.connect(folder / "liaison.db") as database:
        edited = "replace(CAST(note AS TEXT), 'Customs of XB', 'Customs of XX')"
        database.execute(f"UPDATE registry_statements SET note = {edited}")  # noqa: S608 - fixed
    told(serve(folder), 1, "registry_mirror_altered", "backup")
    with sqlite3.connect(folder / "liaison.db") as database:
        database.execute("UPDATE registry_statements SET note = CAST(note AS BLOB)")
    told(serve(folder), 1, "registry_mirror_altered", "backup")


def test_faulty_settings_are_named_all_at_once(folder: Path) -> None:
    """Unknown and impossible settings, each with its name."""
    settings = folder / "gateway.toml"
    text = settings.read_text().replace("batch_size = 64", "batch_size = 0\nbatchsize = 1")
    settings.write_text(text)
    ran = serve(folder)
    assert ran.code == 1
    assert "delivery.batchsize" in ran.err
    assert "delivery.batch_size" in ran.err


def test_locked_database_is_named(folder: Path) -> None:
    """Somebody else holds it."""
    other = sqlite3.connect(folder / "liaison.db", isolation_level=None)
    try:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        told(serve(folder), 3, "database")
    finally:
        other.close()


def test_folder_that_is_no_node_is_named(tmp_path: Path) -> None:
    """What to run first."""
    told(serve(tmp_path), 3, "liaison init")
    ran = liaison("status", "--dir", str(tmp_path))
    assert ran.code in (1, 3)
    assert "Traceback" not in ran.err


def test_command_without_a_daemon_says_so(home: Nodes) -> None:
    """Exit code 3: try again when it runs."""
    ran = liaison("status", "--dir", str(home.folder("XA")))
    assert ran.code == 3
    assert "liaison serve" in ran.err


def test_folder_in_use_is_never_overwritten(home: Nodes) -> None:
    """A second init changes nothing."""
    keystore = (home.folder("XB") / "keystore").read_bytes()
    ran = liaison(
        "init", "--member", "XB", "--name", "x", "--endpoint", "https://127.0.0.1:1",
        "--anchor", "liaison1-" + "a" * 52, "--registry", "https://127.0.0.1:1",
        "--dir", str(home.folder("XB")), "--passphrase-file", str(home.place / "passphrase"),
    )  # fmt: skip
    assert ran.code == 1
    assert "not empty" in ran.err
    assert (home.folder("XB") / "keystore").read_bytes() == keystore


def test_refused_message_names_every_fault(home: Nodes, tmp_path: Path) -> None:
    """The sentence, then a line for each fault; exit code 1."""
    content = tmp_path / "content.json"
    content.write_text('{"facts": 5, "surprise": 1}')
    ran = liaison(
        "message", "send", "--to", "XA", "--kind", "request.verify_value",
        "--content", str(content), "--dir", str(home.folder("XB")),
    )  # fmt: skip
    assert ran.code == 1
    assert "surprise" in ran.err
    assert "legal_basis" in ran.err
    content.write_text("{")
    ran = liaison(
        "message", "send", "--to", "XA", "--kind", "request.verify_value",
        "--content", str(content), "--dir", str(home.folder("XB")),
    )  # fmt: skip
    assert ran.code in (1, 2)
    assert "JSON" in ran.err
    assert "Traceback" not in ran.err


def test_daemon_loads_no_command_line() -> None:
    """What serves needs no typer."""
    code = (
        "import sys; sys.argv = ['liaison', 'serve', '--dir', '/nonexistent']\n"
        "from gateway.__main__ import main\n"
        "try:\n main()\nexcept SystemExit:\n pass\n"
        "assert not {'typer', 'click', 'gateway.cli'} & set(sys.modules), 'loaded'\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "Usage: liaison"),
        (("message",), "Usage: liaison message"),
        (("message", "sendd"), "did you mean 'send'?"),
        (("message", "send"), "--to"),
        (("message", "list", "--limit", "x"), "--limit"),
        (("member", "admit", "nothing"), "does not exist"),
    ],
)
def test_mistyped_command_is_explained(arguments: tuple[str, ...], word: str) -> None:
    """Exit code 2, a sentence, and no traceback."""
    ran = liaison(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert word in ran.err
    assert "Traceback" not in ran.err


def test_everything_prints_for_people_and_programs(home: Nodes) -> None:
    """Each command that shows something, as a table and as JSON."""
    for arguments in (
        ("status",), ("doctor",), ("member", "list"), ("member", "show", "XA"), ("inbox", "list"),
        ("message", "list"), ("key", "list"), ("audit", "show"), ("audit", "verify"),
        ("outbox", "list"),
    ):  # fmt: skip
        command = (*arguments, "--dir", str(home.folder("XB")))
        ran = liaison(*command)
        assert ran.code in (0, 1), ran
        assert ran.out.strip(), arguments
        assert "Traceback" not in ran.err
        assert liaison(*command, "--json").json is not None
    done("audit", "verify", "--dir", str(home.folder("XB")))
