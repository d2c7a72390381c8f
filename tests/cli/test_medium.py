from pathlib import Path
from typing import Any

import pytest

from gateway.cli import medium
from gateway.cli.medium import Exported, NotWritten
from gateway.cli.medium_words import ENDS, STATES

IMPORTED = {
    "member": "XB", "made_at": 1_790_000_000, "accepted": 1, "repeated": 2, "settled": 3,
    "statements": 4, "not_taken": [{"message": "", "state": "refused", "code": "malformed"}],
    "faults": {"card_malformed": 5}, "fault": "medium_cut_short",
}  # fmt: skip
TOLD = {
    "C": """file: written by XB, 2026-09-21 14:13:20Z
  messages   1 new, 2 here already; 3 of ours are done by receipts
  registry   4 new statements
  refused    no envelope  malformed
  not taken  5 x card_malformed
  NOT WHOLE  it ends before its last record [medium_cut_short]
  what was read is kept: copy the file again and import it again, nothing is doubled
to give XB the receipts: liaison outbox export --to XB FILE
""",
    "fr_FR.UTF-8": """file : écrit par XB, le 2026-09-21 14:13:20Z
  messages   1 nouveaux, 2 déjà ici ; 3 des nôtres achevés par des récépissés
  registre   4 nouvelles déclarations
  refusé     sans enveloppe  malformed
  non reçu   5 x card_malformed
  INCOMPLET  il s'arrête avant son dernier enregistrement [medium_cut_short]
  ce qui a été lu est gardé : recopier le fichier et le réimporter, rien n'est doublé
pour remettre à XB les récépissés : liaison outbox export --to XB FICHIER
""",
}


@pytest.mark.parametrize("locale", TOLD)
def test_what_a_medium_brought_is_told_in_the_language_of_the_locale(
    locale: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that there may be of it, in lines of one shape."""
    monkeypatch.setenv("LC_ALL", locale)
    medium.show_imported(IMPORTED, Path("file"))
    assert capsys.readouterr().out == TOLD[locale]


def test_what_a_medium_holds_is_told_in_french(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is not on it, with what to do."""
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    needed = (
        "la carte de clés de XB n'est pas ici : importer un fichier que XB a exporté, et "
        "recommencer"
    )
    counts: dict[str, Any] = {"size": 9, "messages": 1, "attachments": 0, "receipts": 2}
    out = [NotWritten(message="XA-1", state="left_out", code="card_unknown")]
    medium.show_exported(Exported(file="file", left_out=out, **counts), "XB")
    assert capsys.readouterr().out.splitlines() == [
        "file : 1 messages, 0 pièces jointes, 2 récépissés, 9 octets",
        "  absent     XA-1  card_unknown",
        f"  {needed}",
        "ils restent en attente jusqu'au retour des récépissés de XB",
    ]


def test_every_end_and_state_has_its_words() -> None:
    """Each way in which a file may not be whole, or a message not taken."""
    assert set(ENDS) == {"medium_malformed", "medium_cut_short", "medium_altered"}
    assert set(STATES) == {"refused", "later", "pending", "left_out"}
