"""The demo's own parts: what it tells, the commands that it runs, and its poor line."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.cases.fields.labels import Label
from gateway.cli.demo.cast import BEHIND, LEAST, MOST, OFFICE, RELAY, XC, cast_of, region_of
from gateway.cli.demo.commands import BROKEN, Command, CommandLine
from gateway.cli.demo.federation import free_ports
from gateway.cli.demo.poor_line import PoorLine
from gateway.cli.demo.script import STEPS
from gateway.cli.demo.telling import Story, figure
from gateway.cli.terminal.told import SpokenError

# From Python 3.12 on a fork warns of threads: those here are the test runner's.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
SAID = Label("{count} pairs of {what}", "{count} paires de {what}")
SHOES = Label("shoes", "chaussures")


@pytest.fixture
def french(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody look on who reads French."""
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")


def test_figures_are_written_as_the_reader_writes_them() -> None:
    """Thousands apart, and the sign of decimals."""
    assert figure(62160, "en") == "62,160"
    assert figure("14.8", "en", 2) == "14.80"
    assert figure(62160, "fr") == "62\u202f160"
    assert figure("14.8", "fr", 2) == "14,80"


def test_what_holds_is_told_in_the_readers_language_and_kept_in_english(
    french: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the figures of each."""
    story = Story(quiet=False)
    story.begin(3, SHOES)
    story.check("XA", SAID, ok=True, value=4200, count=4200, what=SHOES)
    story.end()
    assert "4\u202f200 paires de chaussures" in capsys.readouterr().out
    (step,) = story.document()
    assert (step["n"], step["title"]) == (3, "shoes")
    assert step["checks"] == [{"what": "4,200 pairs of shoes", "ok": True, "value": 4200}]


def test_no_line_is_wider_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes on does so as far in as it began; a command can be copied whole."""
    monkeypatch.setenv("COLUMNS", "72")
    story = Story(quiet=False)
    story.begin(1, SHOES)
    story.tell("RILO-W", Label("words " * 40, "mots " * 40))
    story.quote("  - goods: " + "shoes " * 30)
    story.typed("message send " + "--to XB " * 20)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 72
    quoted = [line.partition("│")[2] for line in lines if "│" in line]
    assert all(line.startswith("   ") for line in quoted)
    typed = lines[next(at for at, line in enumerate(lines) if "$ liaison" in line) :]
    assert all(line.endswith(" \\") for line in typed[:-1])
    command = " ".join(line.strip().removesuffix("\\").strip() for line in typed)
    assert command == "$ liaison message send " + " ".join(["--to XB"] * 20)
    story.typed("case close 07a1 --ground '" + "never : mind " * 6 + "' --json")
    assert "'" + "never : mind " * 6 + "'" in capsys.readouterr().out  # quoted, it stays whole


def test_what_does_not_hold_ends_the_play_and_is_kept() -> None:
    """With its step and what was found, in both languages; who is quiet prints nothing."""
    story = Story(quiet=True)
    story.begin(9, SHOES)
    with pytest.raises(SpokenError) as refused:
        story.check("XA", SAID, ok=False, value=[1], count=2, what=SHOES)
    assert refused.value.code == "demo_failed"
    assert "step 9: this does not hold: 2 pairs of shoes ([1])" in refused.value.spoken.en
    assert "2 paires de chaussures" in refused.value.spoken.fr
    story.end()
    assert [item["ok"] for item in story.document()[0]["checks"]] == [False]


def test_a_check_needs_something_that_can_be_printed() -> None:
    """Every fact is JSON."""
    story = Story(quiet=True)
    story.begin(1, SHOES)
    story.check("", SHOES, ok={"a": 1})
    assert json.loads(json.dumps(story.document()))[0]["checks"][0]["value"] is True


def test_the_play_has_fifteen_steps_and_a_founding() -> None:
    """Each with its title in both languages."""
    assert len(STEPS) == 16
    assert len({title.en for title, _ in STEPS}) == len({title.fr for title, _ in STEPS}) == 16


def test_larger_casts_have_others_a_relay_and_members_behind_it() -> None:
    """Everybody but the office and who misbehaves is in the region."""
    assert len(cast_of(LEAST)) == LEAST
    cast = cast_of(MOST)
    codes = [item.code for item in cast]
    assert len(set(codes)) == MOST
    assert {RELAY, *BEHIND} <= set(codes)
    (region,) = region_of(cast)["cases"]["regions"]
    assert not {OFFICE, XC} & set(region["members"])


def line_of(run: object) -> CommandLine:
    """Return a command line that does as it is told."""
    return CommandLine(run=run, prepare=lambda: None)  # type: ignore[arg-type]


def test_a_command_has_its_own_words_input_and_place(tmp_path: Path) -> None:
    """Nothing of it is left in this process."""

    def run(arguments: list[str]) -> int:
        sys.stdout.write(f"{arguments} {os.environ['LC_ALL']} {sys.stdin.read()} {Path.cwd()}")
        sys.stderr.write("beside")
        os.environ["LC_ALL"] = "lost"
        return 4

    before = dict(os.environ)
    command = Command(line_of(run), ["a"], {"LC_ALL": "fr"}, text=b"in", place=tmp_path)
    ran = command.wait()
    assert (ran.code, ran.err) == (4, "beside")
    assert ran.out == f"['a'] fr in {tmp_path}"
    assert dict(os.environ) == before


def test_a_command_that_breaks_says_so() -> None:
    """By an exit code of its own, and with where."""

    def run(_: list[str]) -> int:
        raise ZeroDivisionError

    ran = Command(line_of(run), [], {}).wait()
    assert ran.code == BROKEN
    assert "ZeroDivisionError" in ran.err


@pytest.fixture
def far_end() -> Iterator[socket.socket]:
    """Listen where a line leads to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        yield listener


def test_a_line_carries_until_it_is_cut_and_again_when_it_is_open(far_end: socket.socket) -> None:
    """It counts what it carries, and cuts itself where it was told to."""
    (port,) = free_ports(1)
    line = PoorLine(port, far_end.getsockname()[1])
    with ExitStack() as held:
        held.callback(line.close)
        near, far = connected(port, far_end, held)
        near.sendall(b"x" * 1000)
        assert len(received(far, 1000)) == 1000
        assert line.carried_bytes == 1000
        far.sendall(b"back")
        assert received(near, 4) == b"back"
        line.cut()
        assert broken(near)
        line.open(allowed=100)
        near, far = connected(port, far_end, held)
        near.sendall(b"y" * 90)
        assert len(received(far, 90)) == 90
        near.sendall(b"y" * 90)
        assert broken(near)
        assert not line.is_open
        assert line.carried_bytes == 1090


def connected(
    port: int, far_end: socket.socket, held: ExitStack
) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection through a line that may be about to open."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            near = held.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            far = held.enter_context(far_end.accept()[0])
        except (ConnectionRefusedError, TimeoutError):
            time.sleep(0.005)
            continue
        far.settimeout(5)
        return near, far
    raise AssertionError("nothing listens")


def received(end: socket.socket, length: int) -> bytes:
    """Return so many bytes, or what came before the end."""
    held = b""
    while len(held) < length and (piece := end.recv(length - len(held))):
        held += piece
    return held


def broken(end: socket.socket) -> bool:
    """Tell whether a connection was broken off."""
    try:
        return end.recv(1) == b""
    except ConnectionResetError:
        return True
