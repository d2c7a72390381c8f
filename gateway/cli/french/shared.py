"""Help of what several commands have in common."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A copy of the registry, as registry export writes it.": (
        "Une copie du registre, telle que registry export l'écrit."
    ),
    "A file (mode 0600) with the passphrase of all root keys, or one for each.": (
        "Un fichier (mode 0600) avec la phrase secrète de toutes les clés racines, ou un pour "
        "chacune."
    ),
    "A file (mode 0600) with the passphrase.": "Un fichier (mode 0600) avec la phrase secrète.",
    "A file (mode 0600) with the token to show to the node.": (
        "Un fichier (mode 0600) avec le jeton à montrer au nœud."
    ),
    "A file to attach; may be repeated.": "Un fichier à joindre ; peut se répéter.",
    "A kind of message, or its first part: in what; may be repeated.": (
        "Un type de message, ou son début : pour quoi ; peut se répéter."
    ),
    "A member that a union acts for; may be repeated.": (
        "Un membre pour qui une union agit ; peut se répéter."
    ),
    "A message whose content it passes on; may be repeated.": (
        "Un message dont il communique le contenu ; peut se répéter."
    ),
    "A root key file that signs; may be repeated.": (
        "Un fichier de clé racine qui signe ; peut se répéter."
    ),
    "At most so many.": "Au plus ce nombre.",
    "Do not ask.": "Ne pas demander.",
    "For a union: the state for which it speaks.": (
        "Pour une union : l'État au nom duquel elle parle."
    ),
    "For what it is passed on, such as assessment.": (
        "À quelle fin il est communiqué, par exemple assessment."
    ),
    "How many must sign.": "Combien doivent signer.",
    "In this state alone.": "Dans cet état seulement.",
    "Print one JSON document.": "Afficher un document JSON.",
    "Show this message and exit.": "Afficher cette page.",
    "Spare memory at unlocking: for demonstrations alone.": (
        "Épargner la mémoire au déverrouillage : pour des démonstrations seulement."
    ),
    "The address to listen on; empty for all.": "L'adresse où écouter ; vide pour toutes.",
    "The database: sqlite:///file or postgresql://user@host/name.": (
        "La base de données : sqlite:///fichier ou postgresql://utilisateur@hôte/nom."
    ),
    "The file to write; a new one.": "Le fichier à écrire ; un nouveau.",
    "The file.": "Le fichier.",
    "The message's id.": "L'identifiant du message.",
    "The node's folder.": "Le répertoire du nœud.",
    "The port to listen on.": "Le port où écouter.",
    "The public file of root keys that were drawn elsewhere.": (
        "Le fichier public de clés racines tirées ailleurs."
    ),
    "The public file of the set that comes after them.": (
        "Le fichier public du jeu qui leur succède."
    ),
    "Wait so many seconds for the receipts; 0 for not.": (
        "Attendre les récépissés tant de secondes ; 0 pour ne pas attendre."
    ),
    "What it is.": "Ce qu'il est.",
    "Where to write the statement; a new file.": "Où écrire la déclaration ; un nouveau fichier.",
}
