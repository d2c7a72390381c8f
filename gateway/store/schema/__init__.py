"""The tables. Which columns are clear at rest is said in SPEC "At rest".

A module for each group of tables, on one metadata. Times are UTC seconds; ids and digests are
bytes; states are the words of the vocabulary.
"""

from typing import Final

from gateway.store.schema.audit import (
    audit_entries,
    audit_heads,
    audit_nodes,
    audit_shards,
    cosigned_heads,
)
from gateway.store.schema.base import metadata
from gateway.store.schema.blobs import attached, blobs, message_blobs, segments
from gateway.store.schema.cases import case_folding, hs_codes, hs_editions, retentions, threads
from gateway.store.schema.drafts import draft_blobs, drafts
from gateway.store.schema.events import event_cursors, events
from gateway.store.schema.logs import (
    cosigned_logs,
    log_alarms,
    log_heads,
    split_views,
    witnessed_heads,
)
from gateway.store.schema.messages import (
    disclosures,
    exhibited,
    marks,
    messages,
    outbox,
    restorations,
    sealings,
    tombstones,
)
from gateway.store.schema.node import configurations, idempotency, storage_keys, tokens
from gateway.store.schema.registry import (
    card_keys,
    cards,
    recovery_heads,
    registry_head,
    registry_statements,
    registry_views,
    vetoes,
)
from gateway.store.schema.relay import carried, custody, mailboxes, relayed, relayed_blobs

REVISION: Final = "0029"
"""The newest migration; ``serve`` compares it without loading alembic."""

__all__ = [
    "REVISION",
    "attached",
    "audit_entries",
    "audit_heads",
    "audit_nodes",
    "audit_shards",
    "blobs",
    "card_keys",
    "cards",
    "carried",
    "case_folding",
    "configurations",
    "cosigned_heads",
    "cosigned_logs",
    "custody",
    "disclosures",
    "draft_blobs",
    "drafts",
    "event_cursors",
    "events",
    "exhibited",
    "hs_codes",
    "hs_editions",
    "idempotency",
    "log_alarms",
    "log_heads",
    "mailboxes",
    "marks",
    "message_blobs",
    "messages",
    "metadata",
    "outbox",
    "recovery_heads",
    "registry_head",
    "registry_statements",
    "registry_views",
    "relayed",
    "relayed_blobs",
    "restorations",
    "retentions",
    "sealings",
    "segments",
    "split_views",
    "storage_keys",
    "threads",
    "tokens",
    "tombstones",
    "vetoes",
    "witnessed_heads",
]
