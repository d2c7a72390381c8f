"""Every setting, with its default and the sentence that explains it.

A module for each concern has the sections as types; ``loading`` reads a node's file,
``rendering`` writes one. ``config/gateway.toml`` is ``render(defaults)``.
"""

from gateway.settings.cases import (
    CalendarSettings,
    CasesSettings,
    InstrumentSettings,
    LiaisonOfficeSettings,
    RegionSettings,
    RetentionSettings,
    Weekday,
)
from gateway.settings.events import EventsSettings, EventType, WebhookSettings
from gateway.settings.lines import (
    AuditSettings,
    DeliverySettings,
    LocalApiSettings,
    PeerApiSettings,
    RegistrySettings,
    RelaySettings,
    Role,
    RoleGrant,
)
from gateway.settings.loading import load
from gateway.settings.policy import CeilingSettings, PolicySettings, ReleaseSettings
from gateway.settings.rendering import render
from gateway.settings.storage import (
    BlobsSettings,
    Fetch,
    KeysSettings,
    LogsSettings,
    NodeSettings,
    StoreSettings,
)
from gateway.settings.whole import Settings

__all__ = [
    "AuditSettings",
    "BlobsSettings",
    "CalendarSettings",
    "CasesSettings",
    "CeilingSettings",
    "DeliverySettings",
    "EventType",
    "EventsSettings",
    "Fetch",
    "InstrumentSettings",
    "KeysSettings",
    "LiaisonOfficeSettings",
    "LocalApiSettings",
    "LogsSettings",
    "NodeSettings",
    "PeerApiSettings",
    "PolicySettings",
    "RegionSettings",
    "RegistrySettings",
    "RelaySettings",
    "ReleaseSettings",
    "RetentionSettings",
    "Role",
    "RoleGrant",
    "Settings",
    "StoreSettings",
    "WebhookSettings",
    "Weekday",
    "load",
    "render",
]
