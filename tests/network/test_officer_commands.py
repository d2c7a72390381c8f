"""``liaison case open``, ``reply`` and the others, as officers type them, in both languages."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.cases.examples import example_of
from gateway.cases.kinds import CATALOGUE
from gateway.cli.casework import saying
from gateway.cli.forms.faults import today
from gateway.cli.terminal import asking
from keys.suite import MemberId
from tests.network.served import Served, served
from tests.network.test_registry_commands import Shown, shown
from tests.scenarios.cases import told

__all__ = ["shown"]
XA_ = MemberId("XA")
VERIFY = "request.verify_value"
REFUSE = ("--reason", "not_held", "--explanation", "Nothing of this name.", "--wait", "20")


async def opened(made: Served, place: Path, shown: Shown) -> str:
    """Let XA ask XB by a file; return the case."""
    file = place / "request.json"
    file.write_bytes(msgspec.json.encode(example_of(CATALOGUE[VERIFY], today())))
    del made
    sent = await shown.document(
        "case", "open", VERIFY, "--to", "XB", "--file", str(file), "--wait", "20",
        "--dir", str(place / "XA"),
    )  # fmt: skip
    return str(sent["case"])


class Typist:
    """Somebody at a terminal, who answers what is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.questions: list[str] = []
        self._answers = list(answers)
        monkeypatch.setattr(saying, "at_terminal", lambda: True)
        monkeypatch.setattr(asking, "read", self._read)

    def _read(self, question: str) -> str:
        self.questions.append(question)
        return self._answers.pop(0)

    @property
    def done(self) -> bool:
        """Whether every answer was asked for."""
        return not self._answers


async def test_a_case_from_its_opening_to_its_end(tmp_path: Path, shown: Shown) -> None:
    """Opened by a file, acknowledged by options, answered with an attachment, closed; all shown."""
    async with served(tmp_path, "XA", "XB") as made:
        xa, xb = ("--dir", str(tmp_path / "XA")), ("--dir", str(tmp_path / "XB"))
        case = await opened(made, tmp_path, shown)
        told_new = await shown.of("inbox", *xb)
        for text in ("XA", case, "Request to verify a value", "TLP:AMBER+STRICT", "H1", "XB: ack"):
            assert text in told_new
        await shown.of(
            "case", "acknowledge", case, "--own-reference", "BE-118", "--wait", "20", *xb
        )
        paper = tmp_path / "export.pdf"
        paper.write_bytes(b"export declaration")
        await shown.of(
            "case", "reply", case, "--own-reference", "BE-118", "--findings", "14.80 a pair.",
            "--attach", str(paper), "--tlp", "RED", "--handling", "H2", "--wait", "20", *xb,
        )  # fmt: skip
        seen = await shown.of("case", "show", case, *xa)
        for text in (
            "answered", "Findings: 14.80 a pair.", "TLP:RED, H2 No dissemination", "export.pdf",
            "18 bytes", "Persons concerned:", "for XA: feedback (Feedback), close (Closing)",
        ):  # fmt: skip
            assert text in seen
        assert "14.80" not in await shown.of("case", "show", case, "--outline", *xa)
        await shown.of("case", "close", case, "--outcome", "settled", "--wait", "20", *xa)
        seen = await shown.of("case", "show", case, *xb)
        assert "Outcome: Settled (settled)" in seen
        assert "for XA: reopen" in seen


async def test_what_the_state_does_not_allow_is_said_before_anything_is_asked(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how things stand and who may say what; nothing is sent."""
    async with served(tmp_path, "XA", "XB") as made:
        xa, xb = ("--dir", str(tmp_path / "XA")), ("--dir", str(tmp_path / "XB"))
        case = await opened(made, tmp_path, shown)
        typist = Typist(monkeypatch)
        refused = await shown.of("case", "close", case, *xa, code=1)
        assert "Closing: not possible now. XB has not acknowledged the request yet." in refused
        assert "for XB: acknowledge (Acknowledgement of a request), clarify" in refused
        assert "for XA: remind (Reminder), withdraw" in refused
        assert "[not_in_this_state]" in refused
        refused = await shown.of("case", "reply", case, *xa, code=1)
        assert "Reply: that is for XB to say, not for XA." in refused
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        refused = await shown.of("case", "resume", case, *xb, code=1)
        assert "Reprise : impossible maintenant. XB n'a pas encore accusé réception" in refused
        assert "pour XA : remind (Rappel)" in refused
        refused = await shown.of("case", "reply", case, "--to", "XC", *xb, code=1)
        assert "rien n'a été demandé entre XB et XC" in refused
        assert not typist.questions
        document = await shown.document("case", "show", case, *xa)
        assert len(document["threads"][0]["messages"]) == 1


async def test_an_officer_is_asked_field_by_field(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped field is told at once, with its label, and asked again; then all is shown."""
    async with served(tmp_path, "XA", "XB") as made:
        case = await opened(made, tmp_path, shown)
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        await told(made.fed, "XB", "XA", "case.acknowledge", case=case)
        typist = Typist(
            monkeypatch,
            "99", "prosecution",  # not of the list; then a code
            "2020-01-01", "2099-01-01",  # past; then to come
            "1", "Le parquet en décide.", "", "", "o",
        )  # fmt: skip
        xb = ("--dir", str(tmp_path / "XB"))
        seen = await shown.of("case", "postpone", case, "--wait", "20", *xb)
        assert typist.done
        for text in (
            "! Motif: Une de ces valeurs est attendue", "Ce jour est passé", "Des poursuites",
            "Report, à XA :", "remis",
        ):  # fmt: skip
            assert text in seen
        assert typist.questions[-1] == "Envoyer ? [o/n]"
        seen = await shown.of("case", "show", case, *xb)
        assert "Motif : Des poursuites (prosecution)" in seen
        Typist(monkeypatch, "", "n")
        assert "Rien n'a été envoyé." in await shown.of("case", "resume", case, *xb, code=1)


async def test_a_template_is_filled_in_and_read_back(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of members stand in it already; all faults are told by label and line."""
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    async with served(tmp_path, "XA", "XB") as made:
        xa, file = ("--dir", str(tmp_path / "XA")), tmp_path / "demande.toml"
        opening = ("case", "open", VERIFY, "--to", "XB", *xa)
        seen = await shown.of(*opening, "--template", str(file))
        assert f"liaison case open {VERIFY} --to XB --file {file}" in seen
        known = tomllib.loads(file.read_text())
        assert (known["language"], known["handling"]["tlp"]) == ("fr", "AMBER+STRICT")
        names = dict(made.fed.nodes[XA_].mirror.view.members[XA_].names)
        assert known["asking"] == names.get("fr", names["en"])
        assert "[file_exists]" in await shown.of(*opening, "--template", str(file), code=1)
        seen = await shown.of(*opening, "--file", str(file), code=1)
        line = file.read_text().splitlines().index('legal_basis = ""') + 1
        assert f"ligne {line}, Base juridique  Ce champ est obligatoire. [missing]" in seen
        file.write_text(filled(file.read_text()))
        assert "accepté" in await shown.of(*opening, "--file", str(file), "--wait", "20")
        file.write_text("asking = ")
        assert "ligne 1  Ce fichier n'est pas du TOML" in await shown.of(
            *opening, "--file", str(file), code=1
        )


def filled(template: str) -> str:
    """Fill a template of VERIFY with what the example has."""
    example: dict[str, Any] = dict(example_of(CATALOGUE[VERIFY], today()))
    lines = []
    for line in template.splitlines():
        name = line.partition(" = ")[0]
        value = example.get(name)
        if line.endswith('= ""') and isinstance(value, str):
            lines.append(f"{name} = {msgspec.json.encode(value).decode()}")
        elif line.endswith('= """') and isinstance(value, str):
            lines.append(f"{line}\n{value}")
        elif line == 'office = ""':
            lines.append('office = "Valuation"')
        elif line == 'name = ""':
            lines.append('name = "Calzatura Trading"')
        else:
            lines.append(line)
    return "\n".join(lines)


async def test_faults_that_the_daemon_finds_have_labels_too(tmp_path: Path, shown: Shown) -> None:
    """Who does not know a member is told the field by its label."""
    async with served(tmp_path, "XA", "XB") as made:
        case = await opened(made, tmp_path, shown)
        xb = ("--dir", str(tmp_path / "XB"))
        seen = await shown.of("case", "refuse", case, *REFUSE, "--on-behalf-of", "XC", *xb, code=1)
        assert "On behalf of  Only a union speaks" in seen
        assert "[not_a_union]" in seen
        passing = ("--forwarding", f"XA-{'0' * 32}", "--purpose", "assessment")
        seen = await shown.of("case", "refuse", case, *REFUSE, *passing, *xb, code=1)
        assert "[message_unknown]" in seen
        document = await shown.document("case", "show", case, *xb)
        assert document["threads"][0]["state"] == "submitted"


async def test_the_kind_that_begins_no_case_is_told_where_it_belongs(
    tmp_path: Path, shown: Shown
) -> None:
    """A reply is no opening; nothing is sent."""
    async with served(tmp_path, "XA", "XB"):
        xa = ("--dir", str(tmp_path / "XA"))
        seen = await shown.of("case", "open", "case.partial_reply", "--to", "XB", *xa, code=1)
        assert "liaison case partial-reply CASE" in seen
        seen = await shown.of("case", "open", "consent.grant", "--to", "XB", *xa, code=1)
        assert "[kind_opens_no_case]" in seen
