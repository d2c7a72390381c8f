"""Help of regions, operations and figures."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A JSON file with the alert; - for stdin.": (
        "Un fichier JSON avec l'alerte ; - pour l'entrée standard."
    ),
    "Circulate an alert to a region, as its liaison office: one message to all members of it.": (
        "Diffuser une alerte à une région, comme son bureau : un message à tous."
    ),
    "Each kind on a line.": "Chaque type sur une ligne.",
    "List operations, the oldest first.": "Lister les opérations, les plus anciennes d'abord.",
    "List the regions that the settings name.": "Lister les régions de la configuration.",
    "Look at so many at most.": "En regarder au plus ce nombre.",
    "Operations: closed groups until a day.": "Opérations : groupes fermés jusqu'à un jour dit.",
    "Print CSV.": "Afficher en CSV.",
    "Regions of liaison offices.": "Régions des bureaux de liaison.",
    "Show an operation, and every message in its place.": (
        "Montrer une opération, chaque message à sa place."
    ),
    "Show trends of what this node holds, by months; nothing of any person.": (
        "Montrer les tendances de ce que ce nœud détient, par mois ; rien sur une personne."
    ),
    "Show what was exchanged with whom by months, how large, and how fast answers came.": (
        "Montrer ce qui a été échangé avec qui, par mois, le volume et les délais de réponse."
    ),
    "The first month, as 2026-01.": "Le premier mois, comme 2026-01.",
    "The last month.": "Le dernier mois.",
    "The message that opened it.": "Le message qui l'a ouverte.",
    "The region.": "La région.",
    "What is over, too.": "Aussi ce qui est terminé.",
}
