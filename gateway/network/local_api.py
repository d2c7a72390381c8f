"""The local API: JSON over a Unix socket, for the systems of the house.

Who calls is known by the socket's peer credentials. Every error is a problem document; every fault
of a request is told at once, in the caller's language. Source: ``/v1/openapi.json``.
"""

import asyncio
import base64
import os
import secrets
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec
from aiohttp import web

from gateway.cases.kind import Kind
from gateway.errors import ConflictError, LiaisonError, RejectedError
from gateway.faults import convert
from gateway.logs import logger
from gateway.network import openapi
from gateway.network.audit_api import AuditApi
from gateway.network.catalogue_api import CatalogueApi
from gateway.network.metrics import Metrics
from gateway.network.problems import problem_of, problem_response
from gateway.network.regions_api import RegionsApi
from gateway.network.requests import (
    PIECE_BYTES,
    EvidenceQuery,
    ExportQuery,
    MoveQuery,
    RangeQuery,
    ReasonQuery,
    RevokeBody,
    RotateBody,
    StatementBody,
    caller_of,
    json_answer,
    language_of,
    parse_json,
    pieces_of,
    query_of,
    range_of,
    submission_line,
)
from gateway.services.auditing.erasing import Erasing
from gateway.services.auditing.reading import AuditReading
from gateway.services.auditing.search import AuditSearch
from gateway.services.blobs.attachments import Attachments
from gateway.services.caller import Caller
from gateway.services.casework.cases import CaseQuery, Cases
from gateway.services.casework.code_lists import CodeLists
from gateway.services.casework.operations import Operations
from gateway.services.federation.members import Members
from gateway.services.federation.registry import Registrar, RegistryMirror
from gateway.services.health import Health
from gateway.services.keykeeping.ceremony import Ceremony, RouteChange
from gateway.services.keykeeping.key_report import KeyReport
from gateway.services.keykeeping.rewrapping import Rewrapping
from gateway.services.keykeeping.rotation import Rotation
from gateway.services.media.exporting import Exporting
from gateway.services.media.importing import Importing
from gateway.services.proving.evidence import EvidenceFiles
from gateway.services.receiving.inbox import Inbox, MessageQuery
from gateway.services.regions.circulating import Circulating
from gateway.services.regions.copying import LiaisonCopies
from gateway.services.regions.trends import Trends
from gateway.services.sending.delivery import Delivery
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.submission import Submission, read_submission
from gateway.services.turnstile import Turnstile
from gateway.services.witness.log_alarms import LogAlarms
from gateway.services.witness.peer_logs import PeerLogs
from gateway.settings import LocalApiSettings
from keys.suite import KeyUse

BATCH_MAX = 1_000
REQUESTS_MOST = 512
REQUESTS_EACH = 256
"""Under way at a time, long polls too: of the whole house, and of one caller."""
BODIES_BYTES = 64 * 1024 * 1024
BODIES_BYTES_EACH = 48 * 1024 * 1024
"""What bodies may hold in memory until they are answered; many times that once they are read."""
UPLOADS_MOST = 64
UPLOADS_EACH = 32
"""An attachment holds about 2 MiB while it streams in, whatever its size."""
ALWAYS_ANSWERED = ("/health/", "/metrics", "/v1/status")
"""What an operator asks when there is too much of everything."""
_log = logger()
_Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The services behind the socket."""

    exchange: Exchange
    delivery: Delivery
    inbox: Inbox
    cases: Cases
    operations: Operations
    copies: LiaisonCopies
    circulating: Circulating
    trends: Trends
    attachments: Attachments
    exporting: Exporting
    importing: Importing
    members: Members
    mirror: RegistryMirror
    registrar: Registrar
    key_report: KeyReport
    rotation: Rotation
    ceremony: Ceremony
    rewrapping: Rewrapping
    audit_reading: AuditReading
    audit_search: AuditSearch
    erasing: Erasing
    evidence: EvidenceFiles
    log_alarms: LogAlarms
    peer_logs: PeerLogs
    kinds: Mapping[str, Kind]
    code_lists: CodeLists
    health: Health
    metrics: Metrics
    now: Callable[[], int]


class LocalApi:
    """Serves one node to its house."""

    def __init__(self, rooms: Rooms, settings: LocalApiSettings, path: Path) -> None:
        self._rooms = rooms
        self._settings = settings
        self._path = path
        self._requests = Turnstile(most=REQUESTS_MOST, most_each=REQUESTS_EACH)
        self._bodies = Turnstile(most=BODIES_BYTES, most_each=BODIES_BYTES_EACH)
        self._uploads = Turnstile(most=UPLOADS_MOST, most_each=UPLOADS_EACH)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises ConflictError ``already_running`` if somebody answers there."""
        self._remove_stale()
        app = web.Application(
            client_max_size=self._settings.max_body_bytes, middlewares=[self._guard]
        )
        app.add_routes(
            [
                web.post("/v1/messages", self._submit),
                web.post("/v1/messages:batch", self._submit_batch),
                web.get("/v1/messages", self._messages),
                web.get("/v1/messages/{id}", self._message),
                web.get("/v1/messages/{id}/evidence", self._evidence),
                web.post("/v1/messages/{id}/acknowledge", self._acknowledge),
                web.post("/v1/messages/{id}/withdraw", self._withdraw),
                web.post("/v1/messages/{id}/requeue", self._requeue),
                web.get("/v1/cases", self._cases),
                web.get("/v1/cases/{id}", self._case),
                web.post("/v1/attachments", self._upload),
                web.get("/v1/attachments/{id}", self._download),
                web.post("/v1/attachments/{id}/fetch", self._fetch),
                *CatalogueApi(
                    self._rooms.kinds,
                    self._rooms.code_lists,
                    caller=self._caller,
                    now=self._rooms.now,
                ).routes(),
                *self._regions_api().routes(),
                web.get("/v1/members", self._members),
                web.get("/v1/members/{id}", self._member),
                web.get("/v1/registry", self._registry),
                web.get("/v1/registry/statements", self._statements),
                web.post("/v1/registry/statements", self._publish),
                web.post("/v1/registry/statements/sign", self._agree),
                web.post("/v1/registry/statements/fresh-keys", self._bring_keys),
                web.post("/v1/route", self._route),
                web.get("/v1/keys", self._keys),
                web.post("/v1/keys/rotate", self._rotate),
                web.post("/v1/keys/revoke", self._revoke),
                web.get("/v1/outbox", self._outbox),
                web.post("/v1/media/export", self._export),
                web.post("/v1/media/import", self._import),
                *self._audit_api().routes(),
                web.post("/v1/peers/{id}/ping", self._ping),
                web.get("/v1/status", self._status),
                web.get("/health/live", self._live),
                web.get("/health/ready", self._ready),
                web.get("/metrics", self._metrics),
                web.get("/v1/openapi.json", self._openapi),
            ]
        )
        runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=5,
            read_bufsize=PIECE_BYTES,
        )
        await runner.setup()
        before = os.umask(0o177)
        try:
            await web.UnixSite(runner, str(self._path)).start()
        finally:
            os.umask(before)
        self._path.chmod(int(self._settings.mode, 8))
        self._runner = runner

    async def stop(self) -> None:
        """Finish what is under way, close, and remove the socket."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._path.unlink(missing_ok=True)

    def _remove_stale(self) -> None:
        if not self._path.exists():
            return
        if not stat.S_ISSOCK(self._path.stat().st_mode):
            raise ConflictError(
                "socket_taken", f"{self._path} is no socket: move it, or change local_api.socket"
            )
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._path))
            except OSError:
                self._path.unlink()
                return
        raise ConflictError("already_running", f"a daemon already answers at {self._path}")

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Route) -> web.StreamResponse:
        try:
            with self._admitted(request):
                answer = await handler(request)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as failure:  # noqa: BLE001 - each becomes a problem document
            answer = problem_response(self._told(request, failure), language_of(request))
        resource = request.match_info.route.resource
        route = "unknown" if resource is None else resource.canonical
        self._rooms.metrics.count_request(request.method, route, answer.status)
        return answer

    @contextmanager
    def _admitted(self, request: web.Request) -> Iterator[None]:
        """Let a request in, before its body is read, if there is room for it."""
        if request.path.startswith(ALWAYS_ANSWERED):
            yield
            return
        caller, streams = self._caller(request).name, request.path == "/v1/attachments"
        length = 0
        if request.can_read_body and not streams:
            most = self._settings.max_body_bytes
            length = most if request.content_length is None else min(request.content_length, most)
        with self._requests.admit(caller), self._bodies.admit(caller, length):
            if not streams:
                yield
                return
            with self._uploads.admit(caller):
                yield

    def _told(self, request: web.Request, failure: Exception) -> LiaisonError:
        """Say what a failure is to the caller; a bug of ours is logged, and it gets its number."""
        match failure:
            case LiaisonError():
                return failure
            case web.HTTPRequestEntityTooLarge():
                return self._too_large()
            case web.HTTPMethodNotAllowed():
                return RejectedError("method_not_allowed", f"{request.method} is not possible here")
            case web.HTTPException():
                return RejectedError("not_found", f"there is nothing at {request.path}")
            case _:
                incident = secrets.token_hex(4)
                _log.error("request.broke", route=request.path, incident=incident, exc_info=failure)
                return RejectedError("internal_error", f"incident {incident}: see the node's log")

    def _too_large(self) -> RejectedError:
        return RejectedError(
            "body_too_large",
            f"a request has at most {self._settings.max_body_bytes} bytes "
            "(local_api.max_body_bytes); send files as attachments",
        )

    def _audit_api(self) -> AuditApi:
        rooms = self._rooms
        return AuditApi(
            rooms.audit_reading, rooms.audit_search, rooms.erasing, rooms.peer_logs, self._caller
        )

    def _regions_api(self) -> RegionsApi:
        rooms = self._rooms
        return RegionsApi(
            rooms.copies, rooms.circulating, rooms.operations, rooms.trends, caller=self._caller
        )

    def _caller(self, request: web.Request) -> Caller:
        return caller_of(request, self._settings.roles)

    async def _submit(self, request: web.Request) -> web.Response:
        submission = read_submission(await self._json(request), self._rooms.kinds)
        key = request.headers.get("Idempotency-Key")
        if key is not None and not 1 <= len(key) <= 255:  # noqa: PLR2004 - the column's length
            raise RejectedError("idempotency_key_malformed", "the key has 1 to 255 characters")
        caller = self._caller(request)
        (answer,) = await self._rooms.exchange.submit([submission], caller, idempotency_key=key)
        if isinstance(answer, LiaisonError):
            raise answer
        return json_answer(answer, status=202)

    async def _submit_batch(self, request: web.Request) -> web.Response:
        lines = [line for line in (await self._body(request)).split(b"\n") if line.strip()]
        if not 1 <= len(lines) <= BATCH_MAX:
            raise RejectedError("batch_size_wrong", f"a batch has 1 to {BATCH_MAX} lines")
        read = [submission_line(line, self._rooms.kinds) for line in lines]
        good = [item for item in read if isinstance(item, Submission)]
        accepted = await self._rooms.exchange.submit(good, self._caller(request)) if good else []
        answers = iter(accepted)
        language = language_of(request)
        shown = []
        for item in read:
            answer = next(answers) if isinstance(item, Submission) else item
            if isinstance(answer, LiaisonError):
                shown.append(msgspec.json.encode(problem_of(answer, language)))
            else:
                shown.append(msgspec.json.encode(answer))
        return web.Response(body=b"\n".join(shown) + b"\n", content_type="application/x-ndjson")

    async def _messages(self, request: web.Request) -> web.Response:
        query = query_of(request, MessageQuery)
        caller = self._caller(request)
        return json_answer(await self._rooms.inbox.page(query, caller, language_of(request)))

    async def _message(self, request: web.Request) -> web.Response:
        ref, caller = request.match_info["id"], self._caller(request)
        reason = query_of(request, ReasonQuery).reason
        read = self._rooms.inbox.read
        return json_answer(await read(ref, caller, language_of(request), reason))

    async def _evidence(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, EvidenceQuery), self._caller(request)
        file = await self._rooms.evidence.export(
            request.match_info["id"],
            caller,
            is_open=query.content == "open",
            recipient=query.recipient,
        )
        return web.Response(body=file, content_type="application/zip")

    async def _cases(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, CaseQuery), self._caller(request)
        return json_answer(await self._rooms.cases.page(query, caller, language_of(request)))

    async def _case(self, request: web.Request) -> web.Response:
        case, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._rooms.cases.read(case, caller, language_of(request)))

    async def _acknowledge(self, request: web.Request) -> web.Response:
        ref, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._rooms.inbox.acknowledge(ref, caller, language_of(request)))

    async def _withdraw(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, MoveQuery), self._caller(request)
        ref = request.match_info["id"]
        return json_answer(await self._rooms.delivery.withdraw(ref, caller, query.recipient))

    async def _requeue(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, MoveQuery), self._caller(request)
        ref = request.match_info["id"]
        return json_answer(await self._rooms.delivery.requeue(ref, caller, query.recipient))

    async def _upload(self, request: web.Request) -> web.Response:
        name = unquote(request.headers.get("X-Filename", ""))
        caller = self._caller(request)
        uploaded = await self._rooms.attachments.upload(
            pieces_of(request),
            name,
            request.content_type,
            caller,
            announced_bytes=request.content_length or 0,
        )
        return json_answer(uploaded, status=201)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        caller = self._caller(request)
        reason = query_of(request, ReasonQuery).reason
        attachment = await self._rooms.inbox.attachment(request.match_info["id"], caller, reason)
        opened = await self._rooms.attachments.open(attachment)
        etag = f'"{opened.sha256}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        start, end = range_of(request, opened.size)
        answer = web.StreamResponse(status=206 if request.headers.get("Range") else 200)
        answer.content_type = opened.media_type
        answer.content_length = end - start
        answer.headers["ETag"] = etag
        answer.headers["Accept-Ranges"] = "bytes"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Content-Disposition"] = (
            f"attachment; filename*=UTF-8''{quote(opened.name, safe='')}"
        )
        if answer.status == 206:  # noqa: PLR2004 - partial content
            answer.headers["Content-Range"] = f"bytes {start}-{end - 1}/{opened.size}"
        return await _poured(request, answer, opened.read(start, end))

    async def _fetch(self, request: web.Request) -> web.Response:
        ref, caller = request.match_info["id"], self._caller(request)
        reason = query_of(request, ReasonQuery).reason
        return json_answer(await self._rooms.inbox.fetch(ref, caller, reason), status=202)

    async def _members(self, request: web.Request) -> web.Response:
        del request
        return json_answer({"members": await self._rooms.members.listing()})

    async def _member(self, request: web.Request) -> web.Response:
        return json_answer(await self._rooms.members.detail(request.match_info["id"]))

    async def _registry(self, request: web.Request) -> web.Response:
        del request
        return json_answer(self._rooms.members.registry())

    async def _statements(self, request: web.Request) -> web.Response:
        wanted = query_of(request, RangeQuery)
        notes = await self._rooms.mirror.entries(wanted.start, wanted.end)
        return json_answer({"statements": [base64.b64encode(note).decode() for note in notes]})

    async def _publish(self, request: web.Request) -> web.Response:
        note, caller = await self._statement(request), self._caller(request)
        return json_answer({"index": await self._rooms.ceremony.hand_in(note, caller)}, status=201)

    async def _agree(self, request: web.Request) -> web.Response:
        note = await self._statement(request)
        return _statement_answer(await self._rooms.ceremony.agree(note, self._caller(request)))

    async def _bring_keys(self, request: web.Request) -> web.Response:
        note = await self._statement(request)
        brought = await self._rooms.ceremony.bring_keys(note, self._caller(request))
        return _statement_answer(brought)

    async def _route(self, request: web.Request) -> web.Response:
        change = convert(await self._json(request), RouteChange)
        return json_answer(
            await self._rooms.ceremony.route(change, self._caller(request)), status=201
        )

    async def _statement(self, request: web.Request) -> bytes:
        """Read the statement of a request. Raises RejectedError ``base64_malformed``."""
        body = convert(await self._json(request), StatementBody)
        try:
            return base64.b64decode(body.note, validate=True)
        except ValueError as fault:  # base64's own, and for letters that are no ASCII
            raise RejectedError("base64_malformed", "/note: this is no base64") from fault

    async def _keys(self, request: web.Request) -> web.Response:
        return json_answer({"keys": await self._rooms.key_report.listing(self._caller(request))})

    async def _rotate(self, request: web.Request) -> web.Response:
        body, caller = convert(await self._json(request), RotateBody), self._caller(request)
        if body.rewrap and KeyUse.STORAGE not in body.uses:
            raise RejectedError(
                "rewrap_without_storage", "only the storage key wraps what is stored"
            )
        rotated = await self._rooms.rotation.rotate_together(body.uses, caller)
        left = await self._rooms.rewrapping.begin(caller) if body.rewrap else 0
        return json_answer({"keys": rotated, "rewrapping": left}, status=202)

    async def _revoke(self, request: web.Request) -> web.Response:
        body, caller = convert(await self._json(request), RevokeBody), self._caller(request)
        revoke = self._rooms.rotation.revoke
        return json_answer(
            await revoke(body.key, body.reason, caller, since=body.since), status=202
        )

    async def _outbox(self, request: web.Request) -> web.Response:
        return json_answer({"rows": await self._rooms.health.undelivered(self._caller(request))})

    async def _export(self, request: web.Request) -> web.StreamResponse:
        query, caller = query_of(request, ExportQuery), self._caller(request)
        medium = self._rooms.exporting.export(query.to, caller)
        answer = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        return await _poured(request, answer, medium)

    async def _import(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        return json_answer(await self._rooms.importing.take(pieces_of(request), caller))

    async def _ping(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        return json_answer(await self._rooms.health.ping(request.match_info["id"], caller))

    async def _status(self, request: web.Request) -> web.Response:
        del request
        return json_answer(await self._rooms.health.status())

    async def _live(self, request: web.Request) -> web.Response:
        del request
        return json_answer({"live": True})

    async def _ready(self, request: web.Request) -> web.Response:
        del request
        report = await self._rooms.health.ready()
        return json_answer(report, status=200 if report.ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        metrics = self._rooms.metrics
        body = metrics.counted(request.query.getall("name[]", []))
        if body is None:
            body = metrics.render(await self._rooms.health.status())
        return web.Response(body=body, headers={"Content-Type": Metrics.CONTENT_TYPE})

    async def _openapi(self, request: web.Request) -> web.Response:
        del request
        return json_answer(openapi.document())

    async def _body(self, request: web.Request) -> bytes:
        try:
            return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise self._too_large() from None

    async def _json(self, request: web.Request) -> object:
        if request.content_type not in ("application/json", "application/octet-stream"):
            raise RejectedError("media_type_wrong", "send application/json")
        return parse_json(await self._body(request))


def _statement_answer(note: bytes) -> web.Response:
    return json_answer(StatementBody(note=base64.b64encode(note).decode()))


async def _poured(
    request: web.Request, answer: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Stream an answer; one that breaks off is told by the connection: its head is out already."""
    await answer.prepare(request)
    try:
        async for piece in pieces:
            await answer.write(piece)
    except Exception:
        if request.transport is not None:
            request.transport.abort()
        raise
    await answer.write_eof()
    return answer
