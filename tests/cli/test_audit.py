"""What ``liaison audit`` says, in both languages."""

import pytest

from gateway.cli.auditing import words as audit_words
from gateway.cli.auditing.phrases import AS_ROLE, FOUND, KINDS, MEANS, SAID, WHERE
from gateway.protocol.audit import EntryKind
from gateway.services.auditing.findings import AuditReport, Compared, Finding, FindingCode
from gateway.settings import Role


def test_every_kind_of_entry_and_finding_has_both_labels() -> None:
    """A kind that is new is not shown as its code; nothing is named twice alike."""
    assert set(KINDS) == set(EntryKind)
    assert set(FOUND) == set(FindingCode)
    assert set(AS_ROLE) == {role.value for role in Role}
    for phrases in (KINDS, FOUND, MEANS, WHERE, SAID):
        for code, label in phrases.items():
            assert label.en, code
            assert label.fr, code
    for language in ("en", "fr"):
        labels = [label.text(language) for label in KINDS.values()]
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("finding", "english", "french"),
    [
        (
            Finding(
                code=FindingCode.ENTRIES_ALTERED, shard="2026", first=1024, last=1279,
                at=1_795_000_000,
            ),
            ("audit entries 1,024 to 1,279 of 2026: they do not add up to what was signed: edited, "
            "inserted, exchanged or taken out (signed at 2026-11-18 11:06:40Z)"),
            ("entrées d'audit 1 024 à 1 279 de 2026 : leur somme n'est pas ce qui a été signé : "
            "modifiées, ajoutées, permutées ou ôtées (signée le 2026-11-18 11:06:40Z)"),
        ),
        (
            Finding(
                code=FindingCode.ENTRY_ALTERED, shard="2026", first=7, kind="message.read",
                at=1_795_000_000,
            ),
            ("audit entry 7 of 2026: its bytes are not what was recorded "
            "(message.read, now said to be made at 2026-11-18 11:06:40Z)"),
            ("entrée d'audit 7 de 2026 : ses octets ne sont pas ceux qui ont été inscrits "
            "(message.read, qui se dit à présent du 2026-11-18 11:06:40Z)"),
        ),
        (
            Finding(
                code=FindingCode.HISTORY_RESIGNED, shard="2026", first=0, last=9, subject="XC\x1b"
            ),
            ("audit entries 0 to 9 of 2026: this node's own log key signed another history than it "
            "had shown before (held by XC\\x1b)"),
            ("entrées d'audit 0 à 9 de 2026 : la clé de journal de ce nœud a signé une autre "
            "histoire que celle déjà montrée (détenue par XC\\x1b)"),
        ),
        (
            Finding(code=FindingCode.MESSAGE_ALTERED, subject="XA-1", at=5),
            "message XA-1: its stored bytes were altered",
            "message XA-1 : ses octets conservés ont été modifiés",
        ),
        (
            Finding(code=FindingCode.HEAD_INVALID, shard="2026", first=7, detail="x_y"),
            "the checkpoint at 7 entries of 2026: the signature does not hold (x_y)",
            "la tête à 7 entrées de 2026 : la signature ne tient pas (x_y)",
        ),
    ],
)  # fmt: skip
def test_finding_is_told_in_a_line(finding: Finding, english: str, french: str) -> None:
    """Where, what, and what of it can still be read; nothing that could fool a terminal."""
    assert audit_words.told(finding, "en") == english
    assert audit_words.told(finding, "fr") == french


def test_every_finding_can_be_told() -> None:
    """With the least that one may have."""
    for code in FindingCode:
        for language in ("en", "fr"):
            assert audit_words.told(Finding(code=code), language)
            assert isinstance(audit_words.meaning(Finding(code=code), language), str)


def test_verdict_is_the_last_word() -> None:
    """What was counted, and whether it verifies."""
    good = AuditReport(entries=12_345, erased=1, checkpoints=20, messages=5, waiting=2)
    assert audit_words.counted(good, "en") == (
        "12,345 entries (1 erased, 2 waiting), 20 checkpoints, 5 messages: verified"
    )
    bad = AuditReport(findings=(Finding(code=FindingCode.ENTRY_MISSING),))
    assert audit_words.counted(bad, "fr").endswith(" : NON VÉRIFIÉ")
    compared = Compared(by="XC", shard="2026", size=1024, verdict="differs")
    assert "IT IS ANOTHER HISTORY" in audit_words.comparison(compared, "en")
