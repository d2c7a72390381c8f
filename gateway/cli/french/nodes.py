"""Help of what a node is made, run and looked at by."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "How many members the federation has.": "Combien de membres a la fédération.",
    "Keep the nodes' folders here.": "Garder ici les dossiers des nœuds.",
    "Play a whole case in a federation of real nodes on this machine, and check every step.": (
        "Jouer tout un dossier dans une fédération de vrais nœuds sur cette machine, et "
        "contrôler chaque étape."
    ),
}
