"""``liaison evidence verify|split-view``: on a bare machine, with files and an anchor alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.cli.app import run
from gateway.evidence.judgement import Verdict
from keys.registry.draft import fingerprint
from keys.suite import KeyUse
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.merkle import leaf_hash, range_hash, root_of
from keys.tlog.note import ClassicalSigner
from keys.tlog.proof import parse_proof
from keys.tlog.split_view import encode_split_view, split_view_of
from keys.tlog.tiles import encode_bundle
from tests.evidence.made import LATER, SENT_AT, Case, Log, case, encoded_payload, file_of, revoke
from tests.world import FEDERATION

NO_SOCKETS = """
import socket, sys
class Refused(socket.socket):
    def __init__(self, *arguments, **named):
        raise SystemExit("a socket was opened")
socket.socket = Refused
from gateway.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def made(tmp_path: Path) -> Case:
    """Return a case, its file, and its registry as others export it."""
    made = case()
    (tmp_path / "open.zip").write_bytes(file_of(made.parts))
    (tmp_path / "closed.zip").write_bytes(file_of(made.closed))
    (tmp_path / "registry").write_bytes(encode_bundle(made.made.notes))
    return made


def anchor_of(made: Case) -> str:
    """Return a federation's fingerprint."""
    return fingerprint(made.made.notes[0])


def bare(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where there is no network, no home and no configuration."""
    empty = tmp_path / "empty"
    empty.mkdir(exist_ok=True)
    command = [sys.executable, "-P", "-c", NO_SOCKETS, *arguments]
    alone = [*_without_network(), *command]
    environment = {"PYTHONPATH": os.pathsep.join((str(Path.cwd()), *sys.path)), "LANG": "C.UTF-8"}
    return subprocess.run(
        alone, cwd=empty, env=environment, capture_output=True, text=True, check=False
    )


def _without_network() -> Sequence[str]:
    """Return what runs a command in a network of its own, with nothing in it; none if it cannot."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    tried = subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False)
    return () if tried.returncode else (unshare, "-rn")


def test_evidence_is_judged_on_a_bare_machine(tmp_path: Path, made: Case) -> None:
    """No socket, no home, no configuration, an empty folder: the file and the anchor."""
    done = bare(
        tmp_path, "evidence", "verify", str(tmp_path / "open.zip"), "--anchor", anchor_of(made)
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VALID: ")
    for told in (
        "XA (Customs of XA)",
        "case.reply",
        "2026-09-21",
        "by 3 witnesses where 2 are enough",
        "a.pdf, 20000 bytes, SHA-256 6464",
        "as of 7 statements",
    ):
        assert told in done.stdout
    assert not list((tmp_path / "empty").iterdir())


def test_each_verdict_has_an_exit_code(
    tmp_path: Path, made: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 valid, 4 later disputed, 5 signed only, 1 invalid; 2 for what cannot be asked."""
    anchor, good = anchor_of(made), tmp_path / "open.zip"
    alone = case(witnesses=0)
    (tmp_path / "signed").write_bytes(file_of(alone.parts))
    (tmp_path / "cut").write_bytes(good.read_bytes()[:-1])
    revoke(made.made, made.party("XA"), KeyUse.SIGN, at=LATER + 60, since=SENT_AT - 60)
    (tmp_path / "newer").write_bytes(encode_bundle(made.made.notes))
    for file, named, code, verdict in (
        (good, ["--anchor", anchor], 0, Verdict.VALID),
        (good, ["--anchor", anchor, "--registry", tmp_path / "newer"], 4, Verdict.DISPUTED),
        (tmp_path / "signed", ["--anchor", anchor_of(alone)], 5, Verdict.SIGNED_ONLY),
        (tmp_path / "signed", ["--anchor", anchor], 1, Verdict.INVALID),
        (tmp_path / "cut", ["--anchor", anchor], 1, Verdict.INVALID),
    ):
        asked = ["evidence", "verify", str(file), *map(str, named), "--json"]
        assert run(asked) == code
        assert json.loads(capsys.readouterr().out)["verdict"] == verdict.value
    for named in (["--anchor", "liaison1-other"], ["--anchor", anchor, "--registry", good]):
        assert run(["evidence", "verify", str(good), *map(str, named)]) == 2
        assert "liaison: " in capsys.readouterr().err
    assert run(["evidence", "verify", str(tmp_path / "none"), "--anchor", anchor]) == 2


def test_closed_evidence_is_opened_by_the_payload(
    tmp_path: Path, made: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has it shows that it is the one."""
    (tmp_path / "payload").write_bytes(encoded_payload(made))
    asked = ["evidence", "verify", str(tmp_path / "closed.zip"), "--anchor", anchor_of(made)]
    assert run(asked) == 0
    assert "not in the file; its digest is" in capsys.readouterr().out
    assert run([*asked, "--payload", str(tmp_path / "payload"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["message"]["content"]["kind"] == "case.reply"
    (tmp_path / "payload").write_bytes(b"another")
    assert run([*asked, "--payload", str(tmp_path / "payload")]) == 1
    told = capsys.readouterr().out
    assert told.startswith("INVALID: it proves nothing\n  the message: the payload given is not")
    assert "[payload_mismatch]" in told


def test_verdict_is_told_in_french(
    tmp_path: Path, made: Case, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict and the facts; what was found stays in English, under its code."""
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert run(["evidence", "verify", str(tmp_path / "open.zip"), "--anchor", anchor_of(made)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("VALABLE : ")
    assert "par 3 témoins où 2 suffisent" in told


def split_log(made: Case, *, later: bool) -> tuple[Log, bytes, bytes, bytes]:
    """Return XA's log in two histories: a head of each, and the proof in one file."""
    one, two = (
        Log(made.party("XA"), entries=[b"a", b"b"]),
        Log(made.party("XA"), entries=[b"a", b"x"]),
    )
    if later:
        two.entries += [b"y", b"z"]
    leaves = [leaf_hash(item) for item in two.entries]
    proof = split_view_of(one.head(), two.head(), root_of(leaves[:2]), range_hash(leaves))
    return one, one.head(), two.head(), encode_split_view(proof)


@pytest.mark.parametrize("later", [False, True])
def test_split_view_of_an_audit_log_is_proven_by_one_file(
    tmp_path: Path, made: Case, capsys: pytest.CaptureFixture[str], *, later: bool
) -> None:
    """With the keys of the registry, of whichever log."""
    log, _, _, proof = split_log(made, later=later)
    (tmp_path / "proof").write_bytes(proof)
    named = ["--anchor", anchor_of(made), "--registry", str(tmp_path / "registry")]
    assert run(["evidence", "split-view", str(tmp_path / "proof"), *named]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"PROVEN: a key of {log.origin} signed two histories")
    assert ("which had been" in told) is later
    assert run(["evidence", "split-view", str(tmp_path / "proof"), *named, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["origin"] == log.origin
    assert run(["evidence", "split-view", str(tmp_path / "registry"), *named]) == 1
    assert "split_view_malformed" in capsys.readouterr().err


def test_split_view_is_proven_by_two_files_that_contradict_each_other(
    tmp_path: Path, made: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two pieces of evidence, a proof, or a bare head; evidence brings the registry along."""
    other = made.otherwise(sent_at=SENT_AT + 1)
    sent = other.parts.sent
    assert sent is not None
    (tmp_path / "other.zip").write_bytes(file_of(other.parts))
    (tmp_path / "proof").write_bytes(sent.proof)
    (tmp_path / "head").write_bytes(other.registry_head())
    (tmp_path / "log-head").write_bytes(parse_proof(sent.proof).checkpoint)
    for files, code in (
        (("open.zip", "other.zip"), 0),
        (("open.zip", "proof"), 0),
        (("log-head", "closed.zip"), 0),
        (("open.zip", "open.zip"), 1),
        (("open.zip", "head"), 1),
        (("open.zip", "registry"), 1),
    ):
        named = [str(tmp_path / name) for name in files]
        assert run(["evidence", "split-view", *named, "--anchor", anchor_of(made)]) == code
        told = capsys.readouterr()
        if code:
            assert "split_view_unproven" in told.err
        else:
            assert f"{FEDERATION}/XA/audit/2026 signed two histories" in told.out


def test_heads_that_no_registered_key_signed_prove_nothing(
    tmp_path: Path, made: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anybody can write two heads; and without a registry nobody's keys are known."""
    key = made.party("XB").sign_key()
    origin = f"{FEDERATION}/XA/audit/2026"
    for name, root in (("one", b"1" * 32), ("two", b"2" * 32)):
        head = sign_checkpoint(Checkpoint(origin, 3, root), ClassicalSigner(origin, key))
        (tmp_path / name).write_bytes(head)
    files = ["evidence", "split-view", str(tmp_path / "one"), str(tmp_path / "two")]
    named = ["--anchor", anchor_of(made), "--registry", str(tmp_path / "registry")]
    assert run([*files, *named]) == 1
    assert "signature_missing" in capsys.readouterr().err
    assert run([*files, *named[:2]]) == 2
    assert "not one statement" in capsys.readouterr().err
