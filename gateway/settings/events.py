"""Events: what systems of the house are told of, and where."""

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.settings.section import Section, explained


class EventType(StrEnum):
    """What there is to be told of; ``noun.verbed``, a closed list."""

    MESSAGE_RECEIVED = "message.received"
    MESSAGE_AWAITING_RELEASE = "message.awaiting_release"
    MESSAGE_RELEASED = "message.released"
    MESSAGE_DECLINED = "message.declined"
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
    CASE_REVIEW_DUE = "case.review_due"
    CASE_KEPT = "case.kept"
    CASE_HELD = "case.held"
    CASE_RESTRICTED = "case.restricted"
    CASE_LIFTED = "case.lifted"
    CASE_PURGED = "case.purged"
    KEY_EXPIRING = "key.expiring"
    AUDIT_ALARM = "audit.alarm"
    MEMBER_ADMITTED = "member.admitted"
    MEMBER_SUSPENDED = "member.suspended"
    MEMBER_RESUMED = "member.resumed"


class WebhookSettings(Section, frozen=True, kw_only=True):
    """A system of the house that events are posted to."""

    url: Annotated[
        str,
        msgspec.Meta(
            pattern=r"\A(https://[^\s/?#@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?)"
            r"(/[^\s#]*)?\Z",
            max_length=1024,
        ),
    ]
    secret_file: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    types: list[EventType] = []


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
    webhooks: Annotated[
        list[WebhookSettings],
        explained(
            "Systems that events are posted to, signed as the Standard Webhooks specification "
            "says: url (https, or http on this machine), secret_file (mode 0600: whsec_ and 24 to "
            "64 bytes in base64, one a line), types (none for all)."
        ),
    ] = []
