"""What an event is called, and what its code says, in English and French."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.cases.threads.retention import RETENTION_REASONS
from gateway.cases.threads.wording import STATES, TASKS
from gateway.settings import EventType

EVENTS: Final[Mapping[EventType, Label]] = {
    EventType.MESSAGE_RECEIVED: Label("received", "reçu"),
    EventType.MESSAGE_AWAITING_RELEASE: Label("waits for a release", "attend une validation"),
    EventType.MESSAGE_RELEASED: Label("released by a second person", "validé par un second agent"),
    EventType.MESSAGE_DECLINED: Label(
        "turned down by a second person", "écarté par un second agent"
    ),
    EventType.MESSAGE_DELIVERED: Label("delivered", "remis"),
    EventType.MESSAGE_FAILED: Label("delivery failed", "échec de la remise"),
    EventType.MESSAGE_EXPIRED: Label("expired undelivered", "expiré sans être remis"),
    EventType.MESSAGE_WITHDRAWN: Label("withdrawn before delivery", "retiré avant remise"),
    EventType.MESSAGE_RECALLED: Label("recalled by its sender", "rappelé par l'expéditeur"),
    EventType.MESSAGE_RECTIFIED: Label("rectified by its sender", "rectifié par l'expéditeur"),
    EventType.CASE_CHANGED: Label("case is now", "dossier désormais"),
    EventType.CASE_REMINDED: Label("reminder", "rappel d'échéance"),
    EventType.CASE_DUE_SOON: Label("due soon", "échéance proche"),
    EventType.CASE_OVERDUE: Label("overdue", "en retard"),
    EventType.CASE_LAPSED: Label("time for the answer ran out", "délai de réponse écoulé"),
    EventType.CASE_REVIEW_DUE: Label("case to be reviewed", "dossier à réexaminer"),
    EventType.CASE_KEPT: Label("case kept", "dossier conservé"),
    EventType.CASE_HELD: Label("case on a legal hold", "dossier sous gel légal"),
    EventType.CASE_RESTRICTED: Label("case restricted", "dossier restreint"),
    EventType.CASE_LIFTED: Label("case open to its unit again", "dossier rouvert à son unité"),
    EventType.CASE_PURGED: Label("case purged", "dossier purgé"),
    EventType.KEY_EXPIRING: Label("a key ends soon", "une clé arrive à échéance"),
    EventType.AUDIT_ALARM: Label("alarm about a log", "alerte sur un journal"),
    EventType.MEMBER_ADMITTED: Label("member admitted", "membre admis"),
    EventType.MEMBER_SUSPENDED: Label("member suspended", "membre suspendu"),
    EventType.MEMBER_RESUMED: Label("member resumed", "membre rétabli"),
}
_TASKS: Final[Mapping[str, Label]] = {code.value: label for code, label in TASKS.items()}
_REASONS: Final[Mapping[str, Label]] = {
    code.value: label for code, label in RETENTION_REASONS.items()
}
CODES: Final[Mapping[EventType, Mapping[str, Label]]] = {
    EventType.CASE_CHANGED: {state.value: label for state, label in STATES.items()},
    EventType.CASE_DUE_SOON: _TASKS,
    EventType.CASE_OVERDUE: _TASKS,
    EventType.CASE_LAPSED: _TASKS,
    EventType.CASE_KEPT: _REASONS,
    EventType.CASE_HELD: _REASONS,
    EventType.CASE_RESTRICTED: _REASONS,
    EventType.CASE_LIFTED: _REASONS,
    EventType.CASE_PURGED: _REASONS,
}
"""What codes say in words; those of other types are for programs."""
