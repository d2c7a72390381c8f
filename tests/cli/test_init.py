"""``liaison init``: what a member may ask to be."""

from pathlib import Path

import pytest

from gateway.cli.app import run
from gateway.cli.terminal.console import REFUSED, UNREACHABLE
from keys.registry.draft import fingerprint

UNION = ("--role", "union", "--state", "XA", "--state", "XC")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("--state", "XA"), "role_wrong"),
        (("--competence", "request"), "role_wrong"),
        (("--role", "observer", "--state", "XA"), "role_wrong"),
        (("--role", "union"), "role_wrong"),
        (("--role", "union", "--competence", "request"), "role_wrong"),
        (("--role", "registrar"), "role_wrong"),
        ((*UNION, "--competence", "requests"), "competence_unknown"),
        (("--role", "union", "--state", "xa"), "member_id_malformed"),
        ((*UNION, "--competence", "request", "--competence", "case.reply"), ""),
        (UNION, ""),
        (("--role", "liaison-office"), ""),
        (("--role", "observer"), ""),
    ],
)
def test_only_a_union_names_states_and_competences(
    asked: tuple[str, ...], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before the registrar is asked for anything; no folder is made."""
    folder = tmp_path / "xu"
    arguments = [
        "init", "--member", "XU", "--name", "Union", "--endpoint", "https://xu.example:8470",
        "--registry", "https://127.0.0.1:1", "--anchor", fingerprint(b"x"), "--dir", str(folder),
    ]  # fmt: skip
    expected = REFUSED if code else UNREACHABLE
    assert run([*arguments, *asked]) == expected
    assert f"[{code or 'gateway_unreachable'}]" in capsys.readouterr().err
    assert not folder.exists()
