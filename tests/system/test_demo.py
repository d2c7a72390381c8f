"""The whole story, as a person with a fresh machine sees it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.system.nodes import command_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

STEPS = 15
ASKED = {
    2: ("refused at once", "waits for a second officer", "releases what", "made orally"),
    3: ("no segment was sent twice", "both files open"),
    4: ("refused (not_on_route)", "byte for byte", "still has it once"),
    5: ("each side reads the codes",),
    6: ("no name of a person",),
    7: ("to be supplemented", "under conditions"),
    8: ("62,160 dollars", "postponed"),
    9: ("closed at once", "only a releaser opens it", "complied"),
    10: ("USD 49,140", "evaluated A1"),
    11: ("lets nothing out", "H2 holds", "audit log"),
    12: ("members have it", "by the template", "not invited"),
    13: ("outside_competence", "speaks for XB"),
    14: ("nothing paused", "refused by all"),
    15: (
        "audit verify passes",
        "restricted",
        "the evidence stands",
        "none holds any of it",
        "located",
    ),
}
"""What some of the checks of a step say: the design's scenario, step by step."""


def demo(*options: str, **environ: str) -> str:
    """Run it and return what it printed."""
    ran = subprocess.run(
        command_of("demo", *options), capture_output=True, text=True, check=False,
        env={**os.environ, **environ},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def play(*options: str) -> Any:
    """Play it and return the facts; hold every step against the scenario."""
    facts = json.loads(demo("--json", *options))
    assert [step["n"] for step in facts["steps"]] == list(range(STEPS + 1))
    for step in facts["steps"]:
        told = [check["what"] for check in step["checks"]]
        assert told, step["title"]
        assert all(check["ok"] for check in step["checks"])
        for wanted in ASKED.get(step["n"], ()):
            assert any(wanted in what for what in told), (step["n"], wanted, told)
    assert facts["plaintext_found"] == 0
    assert facts["receipts_verified"] >= facts["messages"] > 25
    return facts


def test_demo_plays_all_fifteen_steps_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Each checked by what happened; the folders are kept where that is wished."""
    facts = play("--dir", str(tmp_path / "kept"))
    assert facts["members"] == 6
    assert facts["refusals_recorded"] >= 4
    # A message stands in its sender's log, a receipt in both; more with every try.
    assert facts["audit_entries"] >= facts["messages"] + 2 * facts["receipts_verified"]
    assert (tmp_path / "kept" / "XA" / "liaison.db").exists()
    assert not processes_of(tmp_path)


@pytest.mark.campaign
def test_demo_plays_in_a_federation_of_twenty() -> None:
    """With others who chatter, a relay, and members behind it."""
    facts = play("--members", "20")
    assert facts["members"] == 20
    assert facts["chatter"] > 50
    assert facts["messages"] > 100


@pytest.mark.campaign
def test_demo_tells_it_in_french() -> None:
    """The whole of it."""
    told = demo(LC_ALL="fr_FR.UTF-8")
    assert "Un appel téléphonique est noté" in told
    assert "Ce qui s'est passé, en chiffres" in told


def test_demo_that_is_interrupted_ends_its_processes(tmp_path: Path) -> None:
    """Whoever has seen enough types Ctrl-C."""
    place = tmp_path / "kept"
    running = subprocess.Popen(
        command_of("demo", "--dir", str(place)), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not processes_of(place) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(place)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) != 0
    assert not processes_of(place)


def processes_of(place: Path) -> list[str]:
    """Return the command lines that name a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(place).encode() in line and b"serve" in line:
                found.append(line.decode())
    return found
