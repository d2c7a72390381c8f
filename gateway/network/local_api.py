"""The local API: JSON over a Unix socket, for the systems of the house.

Who calls is known by the socket's peer credentials or a token. Every error is a problem document;
every fault of a request is told at once, in the caller's language. Source: ``/v1/openapi.json``.
"""

import asyncio
import os
import secrets
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EADDRNOTAVAIL, EAFNOSUPPORT
from pathlib import Path

from aiohttp import web

from gateway.cases.kind import Kind
from gateway.errors import ConflictError, LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.network.attachments_api import AttachmentsApi
from gateway.network.audit_api import AuditApi
from gateway.network.callers import LOOPBACK, Callers
from gateway.network.cases_api import CasesApi
from gateway.network.catalogue_api import CatalogueApi
from gateway.network.events_api import EventsApi
from gateway.network.health_api import HealthApi
from gateway.network.keys_api import KeysApi
from gateway.network.media_api import MediaApi
from gateway.network.messages_api import MessagesApi
from gateway.network.metrics import Metrics
from gateway.network.problems import problem_response
from gateway.network.regions_api import RegionsApi
from gateway.network.registry_api import RegistryApi
from gateway.network.requests import CALLER, PIECE_BYTES, caller_of, language_of
from gateway.network.statistics_api import StatisticsApi
from gateway.network.tokens_api import TokensApi
from gateway.services.auditing.erasing import Erasing
from gateway.services.auditing.reading import AuditReading
from gateway.services.auditing.search import AuditSearch
from gateway.services.blobs.attachments import Attachments
from gateway.services.casework.cases import Cases
from gateway.services.casework.code_lists import CodeLists
from gateway.services.casework.operations import Operations
from gateway.services.events.telling import Telling
from gateway.services.federation.members import Members
from gateway.services.federation.registrar import Registrar
from gateway.services.federation.registry import RegistryMirror
from gateway.services.health import Health
from gateway.services.keykeeping.ceremony import Ceremony
from gateway.services.keykeeping.key_report import KeyReport
from gateway.services.keykeeping.rewrapping import Rewrapping
from gateway.services.keykeeping.rotation import Rotation
from gateway.services.media.exporting import Exporting
from gateway.services.media.importing import Importing
from gateway.services.proving.evidence import EvidenceFiles
from gateway.services.receiving.inbox import Inbox
from gateway.services.receiving.names import Names
from gateway.services.regions.circulating import Circulating
from gateway.services.regions.copying import LiaisonCopies
from gateway.services.regions.trends import Trends
from gateway.services.retention.deciding import Deciding
from gateway.services.sending.delivery import Delivery
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.releasing import Releasing
from gateway.services.statistics import Statistics
from gateway.services.tokens import Tokens
from gateway.services.turnstile import Turnstile
from gateway.services.witness.log_alarms import LogAlarms
from gateway.services.witness.peer_logs import PeerLogs
from gateway.settings import LocalApiSettings

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
    releasing: Releasing
    delivery: Delivery
    inbox: Inbox
    names: Names
    cases: Cases
    deciding: Deciding
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
    tokens: Tokens
    telling: Telling
    statistics: Statistics
    now: Callable[[], int]


class LocalApi:
    """Serves one node to its house."""

    def __init__(self, rooms: Rooms, settings: LocalApiSettings, path: Path) -> None:
        self._rooms = rooms
        self._settings = settings
        self._path = path
        self._callers = Callers(rooms.tokens, settings)
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
        for routes in self._routes():
            app.add_routes(routes)
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
        if self._settings.tcp_port:
            await self._listen(runner)

    async def _listen(self, runner: web.AppRunner) -> None:
        """Listen on this machine's own addresses; on both, or a stranger could take the other.

        Raises UnavailableError ``port_in_use``.
        """
        for host in LOOPBACK:
            try:
                await web.TCPSite(runner, host, self._settings.tcp_port).start()
            except OSError as fault:
                if host == LOOPBACK[1] and fault.errno in (EADDRNOTAVAIL, EAFNOSUPPORT):
                    return  # no IPv6 here, for nobody
                raise UnavailableError(
                    "port_in_use",
                    f"{host} port {self._settings.tcp_port} cannot be listened on "
                    f"({fault.strerror}): change local_api.tcp_port",
                ) from fault

    async def stop(self) -> None:
        """Finish what is under way, close, and remove the socket."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._path.unlink(missing_ok=True)

    def _routes(self) -> Iterator[Sequence[web.RouteDef]]:
        rooms, caller = self._rooms, caller_of
        yield MessagesApi(
            rooms.exchange,
            rooms.releasing,
            rooms.delivery,
            rooms.inbox,
            rooms.evidence,
            names=rooms.names,
            kinds=rooms.kinds,
            caller=caller,
        ).routes()
        yield CasesApi(rooms.cases, rooms.deciding, caller=caller).routes()
        yield AttachmentsApi(rooms.attachments, rooms.inbox, caller=caller).routes()
        yield CatalogueApi(rooms.kinds, rooms.code_lists, caller=caller, now=rooms.now).routes()
        yield RegionsApi(
            rooms.copies, rooms.circulating, rooms.operations, rooms.trends, caller=caller
        ).routes()
        yield RegistryApi(rooms.members, rooms.mirror, rooms.ceremony, caller=caller).routes()
        yield KeysApi(rooms.key_report, rooms.rotation, rooms.rewrapping, caller=caller).routes()
        yield MediaApi(rooms.exporting, rooms.importing, caller=caller).routes()
        yield AuditApi(
            rooms.audit_reading, rooms.audit_search, rooms.erasing, rooms.peer_logs, caller
        ).routes()
        yield StatisticsApi(rooms.statistics, caller=caller).routes()
        yield EventsApi(rooms.telling, self._callers.name).routes()
        yield TokensApi(rooms.tokens, caller=caller).routes()
        yield HealthApi(rooms.health, rooms.metrics, caller=caller).routes()

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
            request[CALLER] = await self._callers.name(request)
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
        caller, streams = caller_of(request).name, request.path == "/v1/attachments"
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
