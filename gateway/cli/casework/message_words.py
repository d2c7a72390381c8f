"""What officers read of messages and their transport, in English and French."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.fields.labels import Label

STATES: Final[Mapping[str, Label]] = {
    "received": Label("received", "reçu"),
    "acknowledged": Label("acknowledged", "pris en charge"),
    "awaiting_release": Label("awaiting release", "en attente de validation"),
    "declined": Label("declined", "non validé"),
    "released": Label("released", "validé"),
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
    "restricted": Label("restricted", "restreint"),
    "purged": Label("purged", "purgé"),
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
    "never_signed": Label("none: it was not sent", "aucune : il n'a pas été envoyé"),
    "unsigned": Label("not before it is released", "pas avant sa validation"),
    "drafted": Label("drafted", "rédigé"),
    "drafted_by": Label("by {name} on {at}", "par {name} le {at}"),
    "rule": Label("rule", "règle"),
    "until": Label("until", "jusqu'au"),
    "decision": Label("decision", "décision"),
    "decided_by": Label("{state} by {name} on {at}", "{state} par {name} le {at}"),
    "decided": Label("{state} on {at}", "{state} le {at}"),
    "reason": Label("reason", "motif"),
    "waits": Label(
        "Waits for a second person until {until} ({rule}).",
        "Attend une seconde personne jusqu'au {until} ({rule}).",
    ),
    "release_with": Label(
        "Another releases it: liaison message release {message}",
        "Une autre le valide : liaison message release {message}",
    ),
    "nothing_waits": Label(
        "Nothing waits for a second person.", "Rien n'attend une seconde personne."
    ),
    "read_first": Label(
        "Read one: liaison message show MESSAGE; then liaison message release MESSAGE, or decline",
        "Lire : liaison message show MESSAGE ; puis liaison message release MESSAGE, ou decline",
    ),
}
"""Headings and remarks."""


def word(name: str, language: str, /, **values: object) -> str:
    """Return a word with its values."""
    return WORDS[name].text(language).format(**values)


def state(name: str, language: str) -> str:
    """Return what a state is called; one that is not known here stands for itself."""
    known = STATES.get(name)
    return name if known is None else known.text(language)
