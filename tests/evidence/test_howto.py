"""The instructions: frozen, and their commands do what they say."""

import hashlib
import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from gateway.evidence.file import Evidence
from gateway.evidence.history import fold
from gateway.evidence.howto import howto_of
from gateway.evidence.judging import judge_file
from tests.evidence.made import case, file_of

MADE = case(witnesses=2, quorum=1)
FROZEN = {
    True: "2464150d68dc861e1b2b7daf1c2b47fb2df0a7446bca75f0262cf5b72291c01e",
    False: "8d879e0ebb04c2ebfe4e226451bdd5f377e0c3ec12785e0ba6c0b798c106721e",
}


def text_of(evidence: Evidence) -> str:
    """Return the instructions of a piece of evidence."""
    return howto_of(evidence, fold(evidence.statements, MADE.made.anchor)).decode()


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_instructions_are_those_of_version_1(is_open: bool) -> None:
    """Who changes a word makes every file of today invalid: it takes a version 2."""
    text = text_of(MADE.parts if is_open else MADE.closed)
    assert hashlib.sha256(text.encode()).hexdigest() == FROZEN[is_open]


def test_instructions_name_keys_witnesses_and_quorum_of_each_log() -> None:
    """A policy for the registry and for each shard; nothing that is not ASCII, nor too long."""
    text = text_of(MADE.parts)
    assert text.isascii()
    assert max(len(line) for line in text.splitlines() if "+" not in line) <= 100
    for origin in ("registry", "XA/audit/2026", "XB/audit/2026.1"):
        assert f"\n# mutual.example/{origin}\nlog mutual.example/" in text
    assert text.count("group witnesses 1 W1 W2\nquorum witnesses\n") == 3
    none = case(witnesses=0)
    history = fold(none.parts.statements, none.made.anchor)
    assert b"quorum none\n" in howto_of(none.parts, history)


def test_without_a_known_key_there_is_no_command_for_it() -> None:
    """A signer that the registry does not list is found by the verdict."""
    evidence = MADE.parts
    stranger = type(evidence)(
        **{name: getattr(evidence, name) for name in evidence.__slots__ if name != "signed"},
        signed=bytes(136),
    )
    assert "openssl pkeyutl" not in text_of(stranger)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_commands_verify_the_signature(tmp_path: Path, shell: str, is_open: bool) -> None:
    """The key and the commands, as they stand in the file, in a plain shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    evidence = MADE.parts if is_open else MADE.closed
    with zipfile.ZipFile(io.BytesIO(file_of(evidence))) as archive:
        archive.extractall(tmp_path)
    text = (tmp_path / "HOWTO.txt").read_text()
    found = re.search(r"-----BEGIN.*?-----END PUBLIC KEY-----\n", text, re.DOTALL)
    assert found is not None
    (tmp_path / "key.pem").write_text(found[0])
    lines = text.partition("was unpacked:\n")[2].partition("The last line")[0]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(shutil.which(shell)), "-c", lines],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = run()
    assert "Signature Verified Successfully" in done.stdout
    facts = judge_file(file_of(evidence), MADE.made.anchor).facts.message
    assert facts is not None
    assert facts.tbs_digest in done.stdout
    header = tmp_path / "message" / "header"
    header.write_bytes(header.read_bytes()[:-1] + b"\x00")
    assert "Signature Verified Successfully" not in run().stdout
