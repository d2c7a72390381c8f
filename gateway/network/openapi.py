"""The OpenAPI document, made from the types that validate."""

import re
from functools import cache
from typing import Any, Final

import msgspec

from gateway.network.problems import Problem
from gateway.network.requests import (
    CodesQuery,
    EditionQuery,
    EvidenceQuery,
    ExportQuery,
    ReasonQuery,
    RevokeBody,
    RotateBody,
    StatementBody,
)
from gateway.services.auditing.erasing import ErasedEntry, Erasure
from gateway.services.auditing.search import AuditEntryView, AuditPage, AuditQuery
from gateway.services.blobs.attachments import UploadedAttachment
from gateway.services.casework.cases import CaseQuery
from gateway.services.casework.catalogue import KindDetail
from gateway.services.casework.code_lists import CodeList
from gateway.services.casework.nomenclature import ImportedEdition
from gateway.services.casework.operation_view import OperationDetail, OperationPage
from gateway.services.casework.operations import OperationQuery
from gateway.services.casework.view import CaseDetail, CasePage
from gateway.services.events.telling import EventQuery, EventView
from gateway.services.federation.members import MemberDetail, MemberSummary, RegistryView
from gateway.services.health import HealthReport, OutboxRow, PeerReport, Status
from gateway.services.keykeeping.ceremony import RouteChange, RouteView
from gateway.services.keykeeping.key_report import KeySummary
from gateway.services.keykeeping.rotation import RevokedKey
from gateway.services.media.tally import Imported
from gateway.services.receiving.inbox import MessageQuery
from gateway.services.receiving.message_view import AttachmentView, Detail, Page, Summary
from gateway.services.receiving.names import NamesFound, NamesQuery
from gateway.services.regions.circulating import AlertOrder, Circulated
from gateway.services.regions.copying import CopyOrder
from gateway.services.regions.trends import TrendQuery, TrendReport
from gateway.services.retention.deciding import CaseDecided, Keeping, Ruling
from gateway.services.sending.delivery import MovedRows
from gateway.services.sending.releasing import Decided, Declining
from gateway.services.sending.submission import Submission, Submitted
from gateway.services.statistics import StatisticsQuery, StatisticsReport
from gateway.services.tokens import NewToken, TokenOrder, TokenView
from gateway.services.witness.peer_logs import PeerLogReport

_TYPES = (
    Submission, Submitted, Page, Summary, Detail, CasePage, CaseDetail, UploadedAttachment,
    MemberSummary, MemberDetail, RegistryView, KeySummary, OutboxRow, AuditEntryView, AuditPage,
    Erasure, ErasedEntry, PeerReport, Status, HealthReport, Problem,
    MovedRows, Imported, AttachmentView, StatementBody, RouteChange, RouteView, RotateBody,
    RevokeBody, RevokedKey, PeerLogReport, KindDetail, CodeList, ImportedEdition, CopyOrder,
    AlertOrder, Circulated, NamesFound,
    OperationPage, OperationDetail, TrendReport, TokenOrder, TokenView, NewToken,
    EventView, Declining, Decided, Keeping, Ruling, CaseDecided, StatisticsReport,
)  # fmt: skip
_QUERIES = {
    ("get", "/v1/messages"): MessageQuery,
    ("get", "/v1/audit/entries"): AuditQuery,
    ("get", "/v1/cases"): CaseQuery,
    ("get", "/v1/operations"): OperationQuery,
    ("get", "/v1/trends"): TrendQuery,
    ("get", "/v1/names"): NamesQuery,
    ("get", "/v1/events"): EventQuery,
    ("get", "/v1/statistics"): StatisticsQuery,
    ("get", "/v1/messages/{id}"): ReasonQuery,
    ("get", "/v1/attachments/{id}"): ReasonQuery,
    ("post", "/v1/attachments/{id}/fetch"): ReasonQuery,
    ("get", "/v1/messages/{id}/evidence"): EvidenceQuery,
    ("post", "/v1/media/export"): ExportQuery,
    ("get", "/v1/codes/{list}"): CodesQuery,
    ("post", "/v1/codes/hs"): EditionQuery,
}
_OPERATIONS: tuple[tuple[str, str, str, type | None, type | None, int], ...] = (
    ("post", "/v1/messages", "Submit a message", Submission, Submitted, 202),
    ("get", "/v1/messages", "List messages; wait_s makes it a long poll", None, Page, 200),
    ("get", "/v1/messages/{id}", "Open a message; recorded", None, Detail, 200),
    ("get", "/v1/names", "Names by the first or last digits", None, NamesFound, 200),
    ("get", "/v1/messages/{id}/evidence", "Evidence that stands alone; recorded", None, None, 200),
    ("post", "/v1/messages/{id}/acknowledge", "Take a message", None, Summary, 200),
    ("post", "/v1/messages/{id}/release", "Let a draft go, as a second person", None, Decided, 200),
    ("post", "/v1/messages/{id}/decline", "Turn a draft down", Declining, Decided, 200),
    ("post", "/v1/messages/{id}/withdraw", "Take back what still waits", None, MovedRows, 200),
    ("post", "/v1/messages/{id}/requeue", "Queue again what had ended", None, MovedRows, 200),
    (
        "post",
        "/v1/messages/{id}/liaison-copy",
        "Send liaison offices a copy without names",
        CopyOrder,
        Submitted,
        202,
    ),
    ("get", "/v1/regions", "The regions of liaison offices", None, None, 200),
    ("post", "/v1/regions/{id}/alerts", "Alert a region", AlertOrder, Circulated, 202),
    ("get", "/v1/trends", "Counts by month; form=csv for CSV", None, TrendReport, 200),
    ("get", "/v1/operations", "Closed groups, and how far they are", None, OperationPage, 200),
    ("get", "/v1/operations/{id}", "An operation, all said in it", None, OperationDetail, 200),
    ("get", "/v1/cases", "What was asked of whom, what is due first", None, CasePage, 200),
    ("get", "/v1/cases/{id}", "A case: its threads and messages", None, CaseDetail, 200),
    ("post", "/v1/cases/{id}/review", "Keep it, or hold it; recorded", Keeping, CaseDecided, 200),
    ("post", "/v1/cases/{id}/restrict", "Close it to the house", Ruling, CaseDecided, 200),
    ("post", "/v1/cases/{id}/lift", "Open it to its unit again", Ruling, CaseDecided, 200),
    ("post", "/v1/cases/{id}/purge", "Destroy what was said in it", Ruling, CaseDecided, 200),
    ("get", "/v1/members/{id}", "A member, its keys and its card", None, MemberDetail, 200),
    ("get", "/v1/registry", "The registry as verified here", None, RegistryView, 200),
    ("post", "/v1/peers/{id}/ping", "Reach a peer and compare clocks", None, PeerReport, 200),
    ("get", "/v1/status", "The node in numbers", None, Status, 200),
    ("get", "/health/ready", "Whether the node can do its work", None, HealthReport, 200),
    ("post", "/v1/messages:batch", "Submit many, as NDJSON", None, None, 200),
    ("post", "/v1/attachments", "Upload, streamed; X-Filename names it", None, None, 201),
    ("get", "/v1/attachments/{id}", "Download; Range is honoured", None, None, 200),
    ("post", "/v1/attachments/{id}/fetch", "Let one come now", None, AttachmentView, 202),
    ("get", "/v1/kinds", "Kinds with schemas and labels", None, None, 200),
    ("get", "/v1/kinds/{name}", "A kind with an example", None, KindDetail, 200),
    ("get", "/v1/codes", "The names of the code lists", None, None, 200),
    ("get", "/v1/codes/{list}", "A code list with labels", None, CodeList, 200),
    ("post", "/v1/codes/hs", "Import a nomenclature (CSV)", None, ImportedEdition, 201),
    ("get", "/v1/members", "All members", None, None, 200),
    ("get", "/v1/registry/statements", "Statements, in base64", None, None, 200),
    ("post", "/v1/registry/statements", "Hand in a signed statement", None, None, 201),
    (
        "post",
        "/v1/registry/statements/sign",
        "Agree as a witness",
        StatementBody,
        StatementBody,
        200,
    ),
    (
        "post",
        "/v1/registry/statements/fresh-keys",
        "Bring new keys into a statement of the roots",
        StatementBody,
        StatementBody,
        200,
    ),
    ("post", "/v1/route", "Say where this node is reached", RouteChange, RouteView, 201),
    ("get", "/v1/keys", "This node's keys", None, None, 200),
    ("post", "/v1/keys/rotate", "Replace keys, in one statement", RotateBody, None, 202),
    ("post", "/v1/keys/revoke", "Revoke a key, from now on", RevokeBody, RevokedKey, 202),
    ("get", "/v1/events", "Server-sent events; the data is an EventView", None, None, 200),
    (
        "get",
        "/v1/statistics",
        "Messages by month, member, kind; form=csv",
        None,
        StatisticsReport,
        200,
    ),
    ("get", "/v1/tokens", "Tokens, without their secrets", None, None, 200),
    ("post", "/v1/tokens", "Make a token; its secret is shown once", TokenOrder, NewToken, 201),
    ("post", "/v1/tokens/{id}/revoke", "Revoke a token, for good", None, TokenView, 200),
    ("get", "/v1/outbox", "Deliveries that are not done", None, None, 200),
    ("post", "/v1/media/export", "Write a medium for a member, streamed", None, None, 200),
    ("post", "/v1/media/import", "Read a medium, streamed", None, Imported, 200),
    ("get", "/v1/audit/checkpoint", "The newest signed head", None, None, 200),
    ("get", "/v1/audit/entries", "Find entries of the audit log", None, AuditPage, 200),
    ("post", "/v1/audit/entries/erase", "Erase an entry's text", Erasure, ErasedEntry, 200),
    ("get", "/v1/audit/peers", "What is held of others' logs, and alarms", None, None, 200),
    ("get", "/v1/audit/peers/{id}", "Check a member's log", None, PeerLogReport, 200),
    ("get", "/v1/audit/shards", "Its shards, and how far each is witnessed", None, None, 200),
    ("get", "/v1/audit/shards/{id}/checkpoint", "A shard's newest signed head", None, None, 200),
    ("get", "/v1/audit/shards/{id}/tile/{path}", "Its hashes and entries", None, None, 200),
    ("get", "/health/live", "Whether the node answers", None, None, 200),
    ("get", "/metrics", "Numbers for Prometheus", None, None, 200),
)

_NO_JSON: Final = {
    ("get", "/v1/messages/{id}/evidence"): "application/zip",
    ("post", "/v1/messages:batch"): "application/x-ndjson",
    ("get", "/v1/attachments/{id}"): "*/*",
    ("get", "/v1/events"): "text/event-stream",
    ("post", "/v1/media/export"): "application/octet-stream",
    ("get", "/v1/audit/checkpoint"): "text/plain",
    ("get", "/v1/audit/shards/{id}/checkpoint"): "text/plain",
    ("get", "/v1/audit/shards/{id}/tile/{path}"): "application/octet-stream",
    ("get", "/metrics"): "text/plain",
}
"""What answers with something else; an attachment comes as what its sender said that it is."""
_ALSO_CSV: Final = ("/v1/trends", "/v1/statistics")
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of liaison token create. On the Unix socket a request without one is "
    "its local user's; over TCP each shows one.",
}
_PLACE = re.compile(r"\{(\w+)\}")


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    refs, components = msgspec.json.schema_components(
        (*_TYPES, *_QUERIES.values()), ref_template="#/components/schemas/{name}"
    )
    by_type: dict[type, Any] = {}
    by_type.update(zip((*_TYPES, *_QUERIES.values()), refs, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, takes, gives, status in _OPERATIONS:
        shape = {} if gives is None else {"schema": by_type[gives]}
        content = {_NO_JSON.get((method, path), "application/json"): shape}
        if path in _ALSO_CSV:
            content["text/csv"] = {}
        operation = _operation(by_type, summary, takes, content, status)
        if named := _PLACE.findall(path):
            operation["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in named
            ]
        paths.setdefault(path, {})[method] = operation
    for (method, path), query in _QUERIES.items():
        shape = components[query.__name__]
        needed = shape.get("required", ())
        named = paths[path][method].get("parameters", [])
        paths[path][method]["parameters"] = named + [
            {"name": name, "in": "query", "schema": schema, "required": name in needed}
            for name, schema in shape["properties"].items()
        ]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Liaison local API", "version": "1"},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": _TOKEN}},
        "security": [{}, {"token": []}],
    }


def _operation(
    by_type: dict[type, Any],
    summary: str,
    takes: type | None,
    content: dict[str, Any],
    status: int,
) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": by_type[Problem]}}
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            str(status): {"description": "Done", "content": content},
            "default": {"description": "A problem", "content": problem},
        },
    }
    if takes is not None:
        body = {"application/json": {"schema": by_type[takes]}}
        operation["requestBody"] = {"required": True, "content": body}
    return operation
