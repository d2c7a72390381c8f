"""Help of what several commands have in common."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A file (mode 0600) with the token to show to the node.": (
        "Un fichier (mode 0600) avec le jeton à montrer au nœud."
    ),
    "A file to attach; may be repeated.": "Un fichier à joindre ; peut se répéter.",
    "A message whose content it passes on; may be repeated.": (
        "Un message dont il communique le contenu ; peut se répéter."
    ),
    "At most so many.": "Au plus ce nombre.",
    "Do not ask.": "Ne pas demander.",
    "For a union: the state for which it speaks.": (
        "Pour une union : l'État au nom duquel elle parle."
    ),
    "For what it is passed on, such as assessment.": (
        "À quelle fin il est communiqué, par exemple assessment."
    ),
    "In this state alone.": "Dans cet état seulement.",
    "Print one JSON document.": "Afficher un document JSON.",
    "The file.": "Le fichier.",
    "The message's id.": "L'identifiant du message.",
    "The node's folder.": "Le répertoire du nœud.",
    "Wait so many seconds for the receipts; 0 for not.": (
        "Attendre les récépissés tant de secondes ; 0 pour ne pas attendre."
    ),
}
