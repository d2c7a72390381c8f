"""What is said in French of the refusals that reach officers, by their code.

In English the daemon's own sentence is shown, which names what it is about. In French a sentence
of the code is: the daemon's details are written once, for who runs it.
"""

from collections.abc import Mapping
from typing import Final

from gateway.cases.labels import Label

REFUSALS: Final[Mapping[str, Label]] = {}
