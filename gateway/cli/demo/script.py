"""The steps of the play, in order."""

from collections.abc import Callable
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.cli.demo import (
    acts_asking,
    acts_conduct,
    acts_founding,
    acts_handling,
    acts_line,
    acts_region,
    acts_trust,
)
from gateway.cli.demo.stage import Stage

Act = Callable[[Stage], None]
STEPS: Final[tuple[tuple[Label, Act], ...]] = (
    (Label("A federation is founded", "Une fédération est fondée"), acts_founding.founding),
    (Label("A telephone call is written down", "Un appel téléphonique est noté"),
     acts_asking.telephone),
    (Label("The request is written, and a second officer lets it go",
           "La demande est écrite, et un second agent la laisse partir"), acts_asking.written),
    (Label("Berenia's line is down, comes back, and breaks once more",
           "La ligne de la Bérénie est coupée, revient, et se rompt encore"),
     acts_line.poor_line),
    (Label("Cadria replays what it copied", "La Cadrie rejoue ce qu'elle a copié"),
     acts_line.replayed),
    (Label("Berenia acknowledges in French, Aldria reads it in English",
           "La Bérénie accuse réception en français, l'Aldrie le lit en anglais"),
     acts_conduct.acknowledged),
    (Label("The liaison office gets a copy without names",
           "Le bureau de liaison reçoit une copie sans noms"), acts_conduct.sanitised),
    (Label("A question, a supplement, a condition", "Une question, un complément, une condition"),
     acts_conduct.conditions),
    (Label("A first answer: 14.80 a pair", "Une première réponse : 14,80 la paire"),
     acts_conduct.partly_answered),
    (Label("A file is taken back", "Un fichier est rappelé"), acts_handling.recalled),
    (Label("The final answer: 49,140 dollars undeclared",
           "La réponse définitive : 49 140 dollars non déclarés"), acts_conduct.answered),
    (Label("To the tax authority with consent, to Cadria not at all",
           "À l'administration fiscale avec consentement, à la Cadrie en aucun cas"),
     acts_handling.consented),
    (Label("An alert, and operation SOLE", "Une alerte, et l'opération SOLE"),
     acts_region.operation),
    (Label("The union acts for Berenia, in what it is competent for",
           "L'union agit pour la Bérénie, dans ses compétences"), acts_region.union),
    (Label("A key is rotated, a member suspended", "Une clé est changée, un membre suspendu"),
     acts_trust.keys),
    (Label("Closed, verified, and shown to a court", "Clos, vérifié, et montré à un tribunal"),
     acts_trust.closed),
)  # fmt: skip
"""The first is the founding; the others are steps 1 to 15."""
