"""What officers read of messages and their transport, in English and French."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.labels import Label

STATES: Final[Mapping[str, Label]] = {
    "received": Label("received", "reçu"),
    "acknowledged": Label("acknowledged", "pris en charge"),
    "queued": Label("queued", "en attente"),
    "sending": Label("sending", "en cours d'envoi"),
    "in_custody": Label("in_custody", "chez un relais"),
    "delivered": Label("delivered", "remis"),
    "failed": Label("failed", "échoué"),
    "expired": Label("expired", "expiré"),
    "withdrawn": Label("withdrawn", "retiré"),
    "pending": Label("pending", "en transfert"),
    "on_demand": Label("on_demand", "non transféré"),
    "whole": Label("whole", "complet"),
    "lost": Label("LOST", "PERDU"),
    "recalled": Label("recalled", "rappelé"),
    "rectified": Label("rectified", "rectifié"),
    "reported": Label("reported on", "objet d'un compte rendu"),
    "complied": Label("complied with", "exécuté"),
    "objected": Label("OBJECTED TO", "CONTESTÉ"),
}
"""How far a message, a copy or an attachment is."""
WORDS: Final[Mapping[str, Label]] = {
    "accepted": Label("accepted", "accepté"),
    "message": Label("message", "message"),
    "kind": Label("kind", "type"),
    "from": Label("from", "de"),
    "to": Label("to", "à"),
    "case": Label("case", "dossier"),
    "in_reply_to": Label("in reply to", "en réponse à"),
    "written": Label("written", "écrit"),
    "stored": Label("stored", "enregistré"),
    "state": Label("state", "état"),
    "handling": Label("handling", "traitement"),
    "due": Label("due", "échéance"),
    "marked": Label("{mark} by {by}, {at}", "{mark} par {by}, le {at}"),
    "signature": Label("signature", "signature"),
    "key": Label("{state}, key {key}", "{state}, clé {key}"),
    "valid": Label("valid", "valable"),
    "attachment": Label("attachment", "pièce jointe"),
    "bytes": Label("{count} bytes", "{count} octets"),
    "held": Label("{held} of {count} bytes", "{held} octets sur {count}"),
    "not_here": Label("NOT HERE: {state}, {held} bytes", "PAS ICI : {state}, {held} octets"),
    "incomplete": Label("incomplete", "incomplet"),
    "speaks_for": Label("{member} for {state}", "{member} pour {state}"),
    "no_receipt": Label("no receipt", "sans récépissé"),
    "delivery": Label("delivery receipt of {at}", "récépissé de remise du {at}"),
    "custody": Label("custody receipt of {at}", "récépissé de garde du {at}"),
    "refusal": Label("refusal of {at}", "refus du {at}"),
    "verified": Label("verified", "vérifié"),
    "unverified": Label("NOT VERIFIED", "NON VÉRIFIÉ"),
    "nothing_new": Label("Nothing new.", "Rien de nouveau."),
    "open_with": Label(
        "Read one: liaison message show MESSAGE", "Lire : liaison message show MESSAGE"
    ),
    "urgent": Label("urgent", "urgent"),
}
"""Headings and remarks."""


def word(name: str, language: str, /, **values: object) -> str:
    """Return a word with its values."""
    return WORDS[name].text(language).format(**values)


def state(name: str, language: str) -> str:
    """Return what a state is called; one that is not known here stands for itself."""
    known = STATES.get(name)
    return name if known is None else known.text(language)
