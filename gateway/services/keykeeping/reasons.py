"""Why a key is revoked: in words that command, daemon and audit log share."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a key is revoked: for the own audit log; others see only that it is."""

    REPLACED = "replaced"
    LOST = "lost"
    SUSPECTED = "suspected"
    STOLEN = "stolen"
