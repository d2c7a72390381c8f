"""What the command prints: tables for people, JSON for programs, one sentence for an error."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.refusals import REFUSALS
from gateway.errors import LiaisonError, UnavailableError

DONE, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3

_FRENCH = {
    "member": "membre", "name": "nom", "role": "rôle", "state": "état", "kind": "type",
    "from": "de", "to": "à", "received": "reçu", "sent": "envoyé", "size": "taille",
    "endpoint": "adresse", "keys": "clés", "start": "début", "end": "fin", "use": "usage",
    "recipient": "destinataire", "attempts": "essais", "why": "motif", "message": "message",
    "check": "contrôle", "detail": "détail", "field": "champ", "form": "forme",
    "label": "libellé", "roles": "rôles", "unit": "unité", "expires": "expire",
    "last used": "dernier usage", "made by": "créé par",
    "due": "échéance", "exported": "exporté", "drafted": "rédigé", "registry": "registre",
    "slot": "emplacement", "made": "fait", "token": "jeton",
    "opened by": "ouvert par", "a guess costs": "coût d'un essai", "key": "clé",
    "log": "journal", "shown": "montré", "at": "date", "cosigned": "cosigné",
    "asked": "interrogé", "when": "quand", "outcome": "résultat", "number": "numéro",
    "sizes": "tailles", "seen": "vu", "shown by": "montré par",
    "stands alone": "se prouve seul", "part": "étape", "a second": "par seconde",
    "at most": "au plus", "most of it": "l'essentiel",
    "needed": "obligatoire", "family": "famille", "senders": "expéditeurs", "code": "code",
    "acts for": "agit pour", "competences": "compétences", "succeeds": "succède à",
    "standing": "situation", "admitted": "admis", "key card": "carte de clés",
    "relays": "relais", "version": "version", "started": "démarré", "split views": "vues doubles",
    "messages": "messages", "outbox": "envois", "audit log": "journal d'audit",
    "witnessed": "attesté", "sign key": "clé de signature", "disk": "disque", "cases": "dossiers",
    "webhooks": "webhooks", "past retention": "hors délai", "limited": "limités",
    "id": "identifiant", "media_type": "type de média",
}  # fmt: skip


_NOTHING = Label("Nothing to show.", "Rien à afficher.")
_SOME_FIELDS = Label("some fields are not valid", "certains champs ne sont pas valables")


def language() -> str:
    """Return ``fr`` if the locale is French, else ``en``."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "fr" if value.lower().startswith("fr") else "en"
    return "en"


def show_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, or that there is nothing to put in one."""
    from rich.console import Console  # noqa: PLC0415 - loaded when something is shown
    from rich.table import Table  # noqa: PLC0415 - the same

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(_named(column))
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    if not table.row_count:
        say(_NOTHING.text(language()))
        return
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        say(line.rstrip())


def show_fields(fields: Mapping[str, object]) -> None:
    """Print names and values, one a line."""
    named = {_named(name): value for name, value in fields.items()}
    wide = max(len(name) for name in named)
    for name, value in named.items():
        sys.stdout.write(f"{name:<{wide}}  {value}\n")


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Tell a person on a terminal what goes on; programs are not bothered."""
    if sys.stderr.isatty():
        sys.stderr.write(text + "\n")


def told(fault: LiaisonError) -> str:
    """Return what an error says, and its code."""
    return f"{refusal(fault).text(language())} [{fault.code}]"


def refusal(fault: LiaisonError) -> Label:
    """Return the sentence of an error: in French by its code, where it has none of its own."""
    spoken: Label | None = getattr(fault, "spoken", None)
    return spoken or Label(fault.detail, REFUSALS.get(fault.code, fault.detail))


def complain(fault: LiaisonError) -> int:
    """Print an error as one sentence, its faults one a line; return the exit code."""
    faults: Sequence[Any] = getattr(fault, "faults", ())
    if faults:
        sys.stderr.write(f"liaison: {_SOME_FIELDS.text(language())}\n")
        for item in faults:
            sentence = item.sentence(language()) if hasattr(item, "sentence") else item.detail
            place = getattr(item, "place", item.pointer or "/")
            sys.stderr.write(f"  {place}  {sentence} [{item.code}]\n")
    else:
        sys.stderr.write(f"liaison: {told(fault)}\n")
    return UNREACHABLE if isinstance(fault, UnavailableError) else REFUSED


def _named(column: str) -> str:
    """Return what a column or a line is called."""
    return _FRENCH.get(column, column) if language() == "fr" else column


def when(at: int | None) -> str:
    """Return a time as people write it, UTC."""
    return "-" if not at else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}"
