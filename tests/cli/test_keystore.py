"""``liaison keystore``: slots come and go by the commands that operators type."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import keystore
from gateway.cli.app import run
from gateway.settings import KeysSettings, NodeSettings, RegistrySettings, Settings, render
from keys.keyfile import create, read_slots, unlock
from keys.private import write_private
from keys.slot import Cost
from tests.outcome import outcome

CHEAP = Cost(memory_kib=8, passes=1)
Told = Callable[..., Any]


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the machine the price of real passphrases."""
    monkeypatch.setattr(keystore, "STANDARD", CHEAP)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a node's folder whose settings name the passphrase file."""
    folder = tmp_path / "node"
    folder.mkdir(mode=0o700)
    create(folder / "keystore", b"keys", b"first", cost=CHEAP, entropy=os.urandom)
    settings = Settings(
        node=NodeSettings(member="XA", data_dir=str(folder)),
        keys=KeysSettings(passphrase_file=str(word(tmp_path, "first"))),
        registry=RegistrySettings(url="https://r.example:1", anchor="liaison1-" + "a" * 52),
    )
    write_private(folder / "gateway.toml", render(settings).encode())
    return folder


def word(place: Path, passphrase: str) -> Path:
    """Return a file with a passphrase, named like it."""
    write_private(place / passphrase, passphrase.encode() + b"\n")
    return place / passphrase


@pytest.fixture
def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Return the command: what it prints, or the code in its refusal."""

    def command(*arguments: object, where: tuple[object, ...] = ("--dir", folder)) -> Any:
        code = run(["keystore", *map(str, arguments), *map(str, where), "--json"])
        shown = capsys.readouterr()
        assert "first" not in shown.out.replace(str(folder), "")
        return json.loads(shown.out) if code == 0 else shown.err.rsplit("[", 1)[1].rstrip("]\n")

    return command


def opens(path: Path, secret: bytes) -> bool:
    """Tell whether a secret opens a keystore."""
    found = outcome(lambda: unlock(path, secret, entropy=os.urandom))
    return getattr(found, "body", b"") == b"keys"


def test_deputy_is_let_in_and_shut_out(folder: Path, tmp_path: Path, told: Told) -> None:
    """The node's own passphrase opens it where none is named; the deputy's removes that."""
    path = folder / "keystore"
    second = word(tmp_path, "second")
    added = told("add", "--label", "deputy", "--new-passphrase-file", second)
    assert (added["slot"], added["label"], added["kind"]) == (2, "deputy", "passphrase")
    assert opens(path, b"second")
    listed = told("list")["slots"]
    assert [slot["label"] for slot in listed] == ["", "deputy"]
    assert listed[0]["memory_kib"] == CHEAP.memory_kib
    assert told("remove", 1) == "slot_in_use"
    assert told("remove", 3) == "slot_gone"
    assert told("remove", 1, "--passphrase-file", second)["removed"]["slot"] == 1
    assert (opens(path, b"first"), opens(path, b"second")) == (False, True)
    assert told("add", "--new-passphrase-file", second) == "passphrase_wrong"


def test_drawn_secret_is_for_a_file_that_is_new(folder: Path, tmp_path: Path, told: Told) -> None:
    """It is written with mode 0600, and opens the keystore as a passphrase file does."""
    drawn = tmp_path / "credential"
    added = told("add", "--label", "systemd", "--draw", drawn)
    assert (added["kind"], added["memory_kib"]) == ("secret", None)
    assert stat.S_IMODE(drawn.stat().st_mode) == 0o600
    assert opens(folder / "keystore", drawn.read_bytes().strip())
    assert told("change", "--passphrase-file", drawn, "--new-passphrase-file", drawn)["slot"] == 2
    content = drawn.read_bytes()
    assert told("add", "--draw", drawn) == "secret_file_taken"
    assert drawn.read_bytes() == content


def test_passphrase_is_changed_and_the_file_rekeyed(
    folder: Path, tmp_path: Path, told: Told
) -> None:
    """What is not given at a rekey goes."""
    path = folder / "keystore"
    second, third = word(tmp_path, "second"), word(tmp_path, "third")
    told("add", "--new-passphrase-file", second)
    assert told("change", "--new-passphrase-file", third)["slot"] == 1
    assert [opens(path, item) for item in (b"first", b"second", b"third")] == [False, True, True]
    assert told("rekey") == "passphrase_wrong"
    report = told("rekey", "--passphrase-file", third)
    assert ([slot["slot"] for slot in report["slots"]], report["dropped"]) == ([1], 1)
    assert [opens(path, item) for item in (b"second", b"third")] == [False, True]


def test_root_key_file_is_named_by_itself(tmp_path: Path, told: Told) -> None:
    """No node is needed for it, nor its passphrase taken from one."""
    path = tmp_path / "root.key"
    create(path, b"keys", b"offline", cost=CHEAP, entropy=os.urandom)
    where = ("--file", path)
    assert len(told("list", where=where)["slots"]) == 1
    offline, new = word(tmp_path, "offline"), word(tmp_path, "new")
    arguments = ("--passphrase-file", offline, "--new-passphrase-file", new)
    assert told("change", *arguments, where=where)["slot"] == 1
    assert (opens(path, b"offline"), opens(path, b"new")) == (False, True)
    assert told("rekey", where=where) == "passphrase_missing"


def test_people_are_told_in_words(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which slot, whose, and what is left to do; never a secret."""
    where = ["--dir", str(folder)]
    second = str(word(tmp_path, "second"))
    assert (
        run(["keystore", "add", "--label", "deputy", "--new-passphrase-file", second, *where]) == 0
    )
    assert run(["keystore", "add", "--draw", str(tmp_path / "drawn"), *where]) == 0
    assert run(["keystore", "list", *where]) == 0
    assert run(["keystore", "remove", "3", *where]) == 0
    assert run(["keystore", "rekey", *where]) == 0
    shown = capsys.readouterr().out
    for words in (
        "slot 2 (deputy) opens it too", "deputy", "nobody guesses it", "0 MiB, 1 passes",
        "slot 3 is gone", "1 slots stay, 1 went", "start the daemon anew",
    ):  # fmt: skip
        assert words in shown
    assert (tmp_path / "drawn").read_text().strip() not in shown
    assert len(read_slots(folder / "keystore")) == 1


ASKED = {
    "C": ("New passphrase", "The same once more", "These are two; please begin anew."),
    "fr_FR.UTF-8": (
        "Nouvelle phrase secrète",
        "La même encore une fois",
        "Elles diffèrent ; recommencer.",
    ),
}


@pytest.mark.parametrize("locale", ASKED)
def test_passphrase_is_asked_for_where_nobody_looks(
    locale: str, folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh one until it is the same twice; without a terminal and a file there is none."""
    monkeypatch.setenv("LC_ALL", locale)
    first, again, different = ASKED[locale]
    asked: list[str] = []
    typed = iter(["typed", "typo", "typed", "typed"])

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        assert hide_input
        assert err
        asked.append(text)
        return next(typed)

    assert told("add") == "passphrase_missing"
    monkeypatch.setattr(
        "gateway.cli.terminal.options.sys.stdin.isatty", lambda: True, raising=False
    )
    monkeypatch.setattr("gateway.cli.terminal.asking.typer.prompt", prompt)
    monkeypatch.setattr("gateway.cli.terminal.asking.tell", asked.append)
    assert told("add")["slot"] == 2
    assert asked == [first, again, different, first, again]
    assert opens(folder / "keystore", b"typed")
