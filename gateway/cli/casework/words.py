"""What ``liaison case`` says, in English and French."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.fields.labels import Label

COLUMNS: Final[Mapping[str, Label]] = {
    "case": Label("case", "dossier"),
    "asked": Label("asked", "demande"),
    "state": Label("state", "état"),
    "due": Label("due", "échéance"),
    "remarks": Label("remarks", "remarques"),
    "message": Label("message", "message"),
    "kind": Label("kind", "type"),
    "written": Label("written", "écrit"),
}
WORDS: Final[Mapping[str, Label]] = {
    "out_of_order": Label(
        "{count} out of order: kept, without effect",
        "{count} hors séquence : conservé, sans effet",
    ),
    "unmoved": Label("out of order", "hors séquence"),
    "recalled": Label("taken back by its sender", "rappelé par son expéditeur"),
    "beside": Label("Beside the threads", "En dehors des demandes"),
    "correctable": Label("corrections may be asked for until", "rectifications possibles jusqu'au"),
    "reminder": Label("reminder to {member}: {task}", "rappel à {member} : {task}"),
    "due_by": Label("{by}: {task}", "{by} : {task}"),
    "nothing": Label("nothing", "rien"),
    "closed": Label("not opened: {why}", "non ouvert : {why}"),
    "now": Label("Possible now:", "Possible maintenant :"),
    "for": Label("for {member}: {moves}", "pour {member} : {moves}"),
    "waiting": Label("Waiting for a second person:", "En attente d'une seconde personne :"),
    "opens": Label(
        "the case begins with it, once it is released",
        "le dossier s'ouvrira avec sa validation",
    ),
    "drafted": Label(
        "drafted by {name}; until {until} ({rule})",
        "rédigé par {name} ; jusqu'au {until} ({rule})",
    ),
    "draft": Label("draft: {kind} → {to}", "projet : {kind} → {to}"),
    "nobody": Label("nothing more", "plus rien"),
    "review_at": Label("Retention: to be reviewed on {at}", "Conservation : réexamen le {at}"),
    "stands": Label(
        "Retention: {standing} since {at}, by {by}: {why}",
        "Conservation : {standing} depuis le {at}, par {by} : {why}",
    ),
    "kept": Label("kept until {at}", "conservé jusqu'au {at}"),
    "held": Label("kept without end, on a legal hold", "conservé sans terme, gel légal"),
    "decided": Label("by {by}: {why}", "par {by} : {why}"),
    "by_itself": Label("a rule of the settings", "une règle de la configuration"),
    "now_stands": Label(
        "case {case}: {standing} ({count} messages)",
        "dossier {case} : {standing} ({count} messages)",
    ),
    "tombstone": Label("purged on {at}; it was {digest}", "purgé le {at} ; c'était {digest}"),
    "receipt_left": Label(
        "delivery receipt of {member} of {at}", "récépissé de remise de {member} du {at}"
    ),
}
SURE: Final = Label(
    "Destroy what was said in this case for good? Its tombstone stays.",
    "Détruire pour toujours ce qui a été dit dans ce dossier ? Sa trace reste.",
)
NOT_NOW: Final = Label(
    "{kind}: not possible now. {stands}. {possible}",
    "{kind} : impossible maintenant. {stands}. {possible}",
)
NOT_OURS: Final = Label(
    "{kind}: that is for {other} to say, not for {me}. {stands}. {possible}",
    "{kind} : c'est à {other} de le dire, non à {me}. {stands}. {possible}",
)
NO_THREAD: Final = Label(
    "case {case}: nothing was asked between {me} and {others}",
    "dossier {case} : rien n'a été demandé entre {me} et {others}",
)
WHICH_THREAD: Final = Label(
    "case {case}: say to whom, with --to: {others}",
    "dossier {case} : indiquer à qui, avec --to : {others}",
)
NOT_OPENING: Final = Label(
    "{name} belongs to a case: liaison case {command} CASE",
    "{name} fait partie d'un dossier : liaison case {command} DOSSIER",
)
NO_OPENING: Final = Label(
    "{name} begins no case: liaison message send --kind {name} --case CASE",
    "{name} n'ouvre pas de dossier : liaison message send --kind {name} --case DOSSIER",
)
"""What the command refuses before anything is asked."""


def word(name: str, language: str, /, **values: object) -> str:
    """Return a word with its values."""
    return WORDS[name].text(language).format(**values)
