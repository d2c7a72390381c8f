"""``liaison kinds``: what may be said, for people who write it, in either language."""

from pathlib import Path

import msgspec
import pytest

from gateway.cases.kinds import ALL_KINDS, CATALOGUE
from gateway.cli.app import run
from tests.cases.test_own import PERMIT


@pytest.fixture(params=["en_GB.UTF-8", "fr_FR.UTF-8"])
def spoken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Set the locale; return the language."""
    monkeypatch.setenv("LC_ALL", request.param)
    return str(request.param)[:2]


def kinds(tmp_path: Path, *arguments: str) -> int:
    """Run the command in a folder without a node."""
    return run(["kinds", "--dir", str(tmp_path), *arguments])


def test_kinds_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str], spoken: str) -> None:
    """Each message with its name in the language of the locale; no daemon is asked."""
    assert kinds(tmp_path) == 0
    shown = capsys.readouterr().out
    for kind in CATALOGUE.values():
        assert kind.name in shown
        assert kind.label.text(spoken) in shown
    assert "key_card" not in shown
    assert kinds(tmp_path, "--json") == 0
    listed = msgspec.json.decode(capsys.readouterr().out)["kinds"]
    assert [item["name"] for item in listed] == list(ALL_KINDS)


def test_kind_is_shown_with_its_fields(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoken: str
) -> None:
    """Place, label, form and whether it is needed; parts within parts, and lists."""
    assert kinds(tmp_path, "request.verify_value") == 0
    shown = {
        line.split()[0]: " ".join(line.split()[1:])
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("/")
    }
    invoice = {"en": "Invoice text ≤ 200 yes", "fr": "Facture texte ≤ 200 oui"}
    assert shown["/invoice"] == invoice[spoken]
    assert "date" in shown["/persons/0/born_on"]
    assert shown["/links"] == {"en": "Links no", "fr": "Liens non"}[spoken]
    assert "FOB" in shown["/incoterm"]
    assert {"en": "(list)", "fr": "(liste)"}[spoken] in shown["/links/containers"]


@pytest.mark.parametrize("name", ALL_KINDS)
def test_example_is_a_file_to_fill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """What is printed can be sent as it stands, today."""
    assert kinds(tmp_path, name, "--example") == 0
    ALL_KINDS[name].validate(msgspec.json.decode(capsys.readouterr().out))
    assert kinds(tmp_path, name) == 0
    assert kinds(tmp_path, name, "--json") == 0


def test_unknown_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what may be meant."""
    assert kinds(tmp_path, "case.repply") == 1
    assert "case.reply" in capsys.readouterr().err


def test_kinds_of_the_folder_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoken: str
) -> None:
    """Those of a member's own too; one with faults is told with every one of them."""
    (tmp_path / "kinds.d").mkdir()
    file = tmp_path / "kinds.d" / "permit.toml"
    file.write_text(PERMIT, encoding="utf-8")
    assert kinds(tmp_path, "own.permit_check") == 0
    assert {"en": "Species", "fr": "Espèces"}[spoken] in capsys.readouterr().out
    assert kinds(tmp_path, "own.permit_check", "--example") == 0
    assert msgspec.json.decode(capsys.readouterr().out)["species"] == ["ivory"]
    file.write_text(PERMIT.replace('"line"', '"word"').replace("priority = 6", "priority = 11"))
    assert kinds(tmp_path) == 1
    told = capsys.readouterr().err
    assert "permit.toml/priority" in told
