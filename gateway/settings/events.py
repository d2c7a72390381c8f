"""Events: what systems of the house are told of, and where."""

from enum import StrEnum
from typing import Annotated

from gateway.settings.section import Section, explained


class EventType(StrEnum):
    """What there is to be told of; ``noun.verbed``, a closed list."""

    MESSAGE_RECEIVED = "message.received"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_EXPIRED = "message.expired"
    MESSAGE_WITHDRAWN = "message.withdrawn"
    MESSAGE_RECALLED = "message.recalled"
    MESSAGE_RECTIFIED = "message.rectified"
    CASE_CHANGED = "case.changed"
    CASE_REMINDED = "case.reminded"
    CASE_DUE_SOON = "case.due_soon"
    CASE_OVERDUE = "case.overdue"
    CASE_LAPSED = "case.lapsed"
    KEY_EXPIRING = "key.expiring"
    AUDIT_ALARM = "audit.alarm"
    MEMBER_ADMITTED = "member.admitted"
    MEMBER_SUSPENDED = "member.suspended"
    MEMBER_RESUMED = "member.resumed"


class EventsSettings(Section, frozen=True, kw_only=True):
    """Events, for systems of the house: what is kept of them."""

    kept_days: Annotated[
        int,
        explained(
            "For how many days events can be asked for again, a million of messages at most.",
            ge=1,
            le=366,
        ),
    ] = 30
