"""What officers read of a thread: states, tasks and flags, in both languages."""

from collections.abc import Mapping

from gateway.cases.fields.labels import Label
from gateway.cases.threads.clocks import Task
from gateway.cases.threads.thread import State

STATES: Mapping[State, Label] = {
    State.SUBMITTED: Label("submitted", "soumise"),
    State.IN_PROGRESS: Label("in progress", "en cours"),
    State.INCOMPLETE: Label("to be supplemented", "à compléter"),
    State.CONDITIONS: Label("under conditions", "sous conditions"),
    State.POSTPONED: Label("postponed", "différée"),
    State.PARTIAL: Label("partly answered", "réponse partielle"),
    State.ANSWERED: Label("answered", "réponse donnée"),
    State.REFUSED: Label("refused", "refusée"),
    State.WITHDRAWN: Label("withdrawn", "retirée"),
    State.CLOSED: Label("closed", "close"),
}
TASKS: Mapping[Task, Label] = {
    Task.ACKNOWLEDGE: Label("acknowledge", "accuser réception"),
    Task.ANSWER: Label("answer", "répondre"),
    Task.SUPPLEMENT: Label("supplement", "compléter"),
    Task.DECIDE: Label("decide on the conditions", "se prononcer sur les conditions"),
    Task.REVIEW: Label("review", "réexaminer"),
}
FLAGS: Mapping[str, Label] = {
    "urgent": Label("urgent", "urgente"),
    "oral_to_be_confirmed": Label("made orally, to be confirmed", "orale, à confirmer"),
    "recalled": Label("information recalled", "information rappelée"),
    "overdue": Label("overdue", "en retard"),
    "lapsed": Label("time for the answer ran out", "délai de réponse écoulé"),
    "delivered": Label("delivered", "remise"),
    "transferred": Label("with the competent authority", "transmise à l'autorité compétente"),
    "review_due": Label("to be reviewed", "à réexaminer"),
    "held": Label("legal hold", "gel légal"),
}
"""``overdue``, ``lapsed``, ``delivered``, ``review_due`` and ``held`` are a node's own remarks; the
rest both sides have.

``transferred`` is shown with the case alone, and not in lists."""
STANDS: Mapping[State, Label] = {
    State.SUBMITTED: Label(
        "{asked} has not acknowledged the request yet",
        "{asked} n'a pas encore accusé réception de la demande",
    ),
    State.IN_PROGRESS: Label("{asked} is at work on it", "{asked} y travaille"),
    State.INCOMPLETE: Label(
        "{asker} has not supplemented the request yet", "{asker} n'a pas encore complété la demande"
    ),
    State.CONDITIONS: Label(
        "{asker} has not decided on the conditions yet",
        "{asker} ne s'est pas encore prononcé sur les conditions",
    ),
    State.POSTPONED: Label("{asked} postponed its answer", "{asked} a différé sa réponse"),
    State.PARTIAL: Label(
        "{asked} answered a part; the rest is to come",
        "{asked} a répondu en partie ; la suite viendra",
    ),
    State.ANSWERED: Label("{asked} has answered", "{asked} a répondu"),
    State.REFUSED: Label("{asked} refused", "{asked} a refusé"),
    State.WITHDRAWN: Label("{asker} withdrew the request", "{asker} a retiré la demande"),
    State.CLOSED: Label("{asker} closed it", "{asker} l'a close"),
}
"""How things stand, as a sentence."""
