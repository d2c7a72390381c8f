"""What is said of media and of the outbox, in English and French."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.console import language
from gateway.cli.terminal.told import filled

ENDS: Final[Mapping[str, Label]] = {
    "medium_malformed": Label(
        "from some place on it is damaged and cannot be read",
        "à partir d'un endroit, il est endommagé et illisible",
    ),
    "medium_cut_short": Label(
        "it ends before its last record", "il s'arrête avant son dernier enregistrement"
    ),
    "medium_altered": Label(
        "records are missing from it, or were added",
        "des enregistrements y manquent, ou ont été ajoutés",
    ),
}
"""Why a file is not whole, by the code."""
STATES: Final[Mapping[str, Label]] = {
    "refused": Label("refused", "refusé"),
    "later": Label("later", "plus tard"),
    "pending": Label("pending", "incomplet"),
    "left_out": Label("left_out", "omis"),
}
"""Why a message on it is not in the inbox."""
EXISTS: Final = Label(
    "{file} exists: name another, or say --force",
    "{file} existe : en nommer un autre, ou dire --force",
)
WORDS: Final[Mapping[str, Label]] = {
    "written": Label(
        "{file}: {messages} messages, {attachments} attachments, {receipts} receipts, {size} bytes",
        "{file} : {messages} messages, {attachments} pièces jointes, {receipts} récépissés, "
        "{size} octets",
    ),
    "left_out": Label("  not on it  {message}  {code}", "  absent     {message}  {code}"),
    "card_unknown": Label(
        "  {to}'s key card is not held here: import a medium that {to} exported, and repeat",
        "  la carte de clés de {to} n'est pas ici : importer un fichier que {to} a exporté, et "
        "recommencer",
    ),
    "queued": Label(
        "they stay queued until {to}'s receipts come back",
        "ils restent en attente jusqu'au retour des récépissés de {to}",
    ),
    "from": Label("{file}: written by {member}, {at}", "{file} : écrit par {member}, le {at}"),
    "messages": Label(
        "  messages   {accepted} new, {repeated} here already; {settled} of ours are done by "
        "receipts",
        "  messages   {accepted} nouveaux, {repeated} déjà ici ; {settled} des nôtres achevés par "
        "des récépissés",
    ),
    "statements": Label(
        "  registry   {statements} new statements",
        "  registre   {statements} nouvelles déclarations",
    ),
    "no_envelope": Label("no envelope", "sans enveloppe"),
    "not_taken": Label("  not taken  {count} x {code}", "  non reçu   {count} x {code}"),
    "not_whole": Label("  NOT WHOLE  {why} [{code}]", "  INCOMPLET  {why} [{code}]"),
    "kept": Label(
        "  what was read is kept: copy the file again and import it again, nothing is doubled",
        "  ce qui a été lu est gardé : recopier le fichier et le réimporter, rien n'est doublé",
    ),
    "receipts": Label(
        "to give {member} the receipts: liaison outbox export --to {member} FILE",
        "pour remettre à {member} les récépissés : liaison outbox export --to {member} FICHIER",
    ),
    "moved": Label("{message}: {state} for {recipients}", "{message} : {state} pour {recipients}"),
    "decided": Label("{who}, {state} by {by}", "{who}, {state} par {by}"),
}


def word(name: str, /, **values: object) -> str:
    """Return what is said in the language of the locale, with its values."""
    return filled(WORDS[name], **values).text(language())
