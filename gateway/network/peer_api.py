"""The listener for other gateways: HTTPS, mutually pinned, msgpack.

What needs a member looks its certificate up in the view of now, at every request; what verifies
itself (cards, the registry) is open to anyone. Source: SPEC "The peer API".
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from gateway.errors import ForbiddenError, LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.network.peer_bodies import READ_AHEAD_BYTES, PeerFault, PongBody
from gateway.network.peer_connections import PeerConnections, certificate_of
from gateway.network.problems import status_of
from gateway.network.visits import Visits
from gateway.protocol.answer import MAX_BATCH_BYTES, encode_answers, parse_batch
from gateway.protocol.blob import MAX_SEGMENT_LIST_BYTES, SEGMENT_BYTES
from gateway.protocol.mailbox import (
    MAX_COLLECT_BYTES,
    encode_collected,
    parse_collect,
    parse_returns,
)
from gateway.protocol.message import MESSAGE_ID_BYTES
from gateway.protocol.witness import (
    MAX_REQUEST_BYTES,
    SIZE_MEDIA_TYPE,
    SizeDiffersError,
    encode_size,
    parse_add_checkpoint,
)
from gateway.services.gatekeeper import Gatekeeper, Hop
from gateway.services.keys import NodeKeys
from gateway.services.turnstile import Turnstile
from gateway.settings import PeerApiSettings
from keys.certificate import certificate_digest
from keys.registry.origins import AuditOrigin, Shard
from keys.registry.statement import MAX_STATEMENT_BYTES
from keys.suite import DIGEST_BYTES, MemberId, parse_member_id
from keys.tlog.tiles import BUNDLE_ENTRIES, encode_bundle, parse_bundle_path

STATEMENTS_A_MINUTE = 30
CHECKPOINTS_A_MINUTE = 120
HELD_BYTES = 256 * 1024 * 1024
HELD_BYTES_EACH = 96 * 1024 * 1024
"""What requests under way may hold in memory: all of them together, and one caller's."""
REQUEST_BYTES = 64 * 1024
"""What one holds beside a body."""
STREAMED_BYTES = 2 * 1024 * 1024
"""What a segment holds that streams in or out."""
_SIZE = re.compile(r"(0|[1-9][0-9]{0,17})\Z")
_log = logger()
_Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PeerApi:
    """Serves one node to its peers."""

    def __init__(self, gate: Gatekeeper, keys: NodeKeys, settings: PeerApiSettings) -> None:
        self._gate = gate
        self._settings = settings
        self.connections = PeerConnections(gate, keys)
        self._visits = Visits(gate.clock)
        self._held = Turnstile(most=HELD_BYTES, most_each=HELD_BYTES_EACH)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises UnavailableError ``port_in_use``."""
        app = web.Application(client_max_size=SEGMENT_BYTES + 1024, middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/peer/v1/ping", self._ping),
                web.get("/peer/v1/whoami", self._whoami),
                web.get("/peer/v1/card/{member}", self._card),
                web.get("/peer/v1/registry/checkpoint", self._checkpoint),
                web.get("/peer/v1/registry/tile/entries/{path:.+}", self._entries),
                web.post("/peer/v1/registry/statements", self._statement),
                web.post("/add-checkpoint", self._add_checkpoint),
                web.get("/{log:[0-9a-f]{64}}/checkpoint", self._witnessed),
                web.get("/peer/v1/audit/checkpoint", self._audit_checkpoint),
                web.get("/peer/v1/audit/consistency/{shard}/{old}/{new}", self._consistency),
                web.post("/peer/v1/envelopes", self._envelopes),
                web.get("/peer/v1/envelopes/{envelope}/blobs/{blob}", self._blob_segments),
                web.get("/peer/v1/audit/proofs/{message}/{envelope}", self._audit_proofs),
                web.get("/peer/v1/envelopes/{envelope}/blobs/{blob}/{number}", self._blob_segment),
                web.post("/peer/v1/collect", self._collect),
                web.post("/peer/v1/returns", self._returns),
                web.post("/peer/v1/cards", self._post_card),
                web.put("/peer/v1/blobs/{blob}", self._offer),
                web.put("/peer/v1/blobs/{blob}/{number}", self._segment),
            ]
        )
        runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=5,
            read_bufsize=READ_AHEAD_BYTES,
        )
        await runner.setup()
        host, port = self._settings.host or None, self._settings.port
        try:
            await web.TCPSite(runner, host, port, ssl_context=self.connections.start()).start()
        except OSError as fault:
            self.connections.stop()
            await runner.cleanup()
            raise UnavailableError(
                "port_in_use",
                f"cannot listen on {host or '*'}:{port}: {fault.strerror or fault}; another "
                "program has the port, or change peer_api.port",
            ) from fault
        self._runner = runner

    async def stop(self) -> None:
        """Finish what is under way and close."""
        self.connections.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def _hop(self, request: web.Request) -> Hop:
        certificate = certificate_of(request)
        if certificate is None:
            return self._gate.for_hop(None)
        return self._gate.for_hop(self._gate.identify(certificate_digest(certificate)))

    def _named(self, request: web.Request) -> Hop:
        """Return who asks what is open to all: a member where its certificate is in use now."""
        try:
            return self._hop(request)
        except ForbiddenError:
            return self._gate.for_hop(None)

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Route) -> web.StreamResponse:
        self.connections.note(request)
        try:
            with self._held.admit(_visitor(request), _held_bytes(request)):
                return await handler(request)
        except SizeDiffersError as fault:
            body = encode_size(fault.size)
            return web.Response(status=409, body=body, content_type=SIZE_MEDIA_TYPE)
        except LiaisonError as fault:
            detail = fault.detail if isinstance(fault, ForbiddenError) else ""
            answer = _packed(
                PeerFault(fault.code, fault.retry_after_s or 0, detail), status=status_of(fault)
            )
            if fault.retry_after_s is not None:
                answer.headers["Retry-After"] = str(fault.retry_after_s)
            return answer
        except web.HTTPRequestEntityTooLarge:
            return _packed(PeerFault("body_too_large", 0), status=413)
        except web.HTTPException as fault:
            return _packed(PeerFault("not_found", 0), status=fault.status)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - a bug of ours tells a peer nothing
            _log.exception("request.broke", route=request.path)
            return _packed(PeerFault("internal_error", 5), status=500)

    async def _ping(self, request: web.Request) -> web.Response:
        del request
        pong = await self._gate.for_hop(None).ping()
        return _packed(PongBody(pong.member, pong.at, pong.registry_size))

    async def _whoami(self, request: web.Request) -> web.Response:
        pin = _digest(request.query.get("cert", ""))
        return _packed([str(self._gate.standing(pin))])

    async def _card(self, request: web.Request) -> web.Response:
        member = parse_member_id(request.match_info["member"])
        return _text(await self._gate.for_hop(None).card(member))

    async def _checkpoint(self, request: web.Request) -> web.Response:
        del request
        return _text(await self._gate.for_hop(None).registry_checkpoint())

    async def _entries(self, request: web.Request) -> web.Response:
        index, width = parse_bundle_path(request.match_info["path"])
        start = index * BUNDLE_ENTRIES
        entries = await self._gate.for_hop(None).registry_entries(start, start + width)
        if len(entries) < width:
            raise RejectedError("not_found", "the registry held here is not that long")
        body = encode_bundle(entries)
        return web.Response(body=body, content_type="application/octet-stream")

    async def _add_checkpoint(self, request: web.Request) -> web.Response:
        hop = self._named(request)
        self._limit(request, CHECKPOINTS_A_MINUTE, hop.hop)
        asked = parse_add_checkpoint(await _body(request, MAX_REQUEST_BYTES))
        return _text(await hop.add_checkpoint(asked))

    async def _witnessed(self, request: web.Request) -> web.Response:
        origin_digest = _digest(request.match_info["log"])
        return _text(await self._gate.for_hop(None).witnessed_by_digest(origin_digest))

    async def _audit_checkpoint(self, request: web.Request) -> web.Response:
        return _text(await self._hop(request).audit_checkpoint())

    async def _consistency(self, request: web.Request) -> web.Response:
        hop, view = self._hop(request), self._gate.mirror.view
        shard = Shard.parse(request.match_info["shard"])
        origin = str(AuditOrigin(view.federation, self._gate.me, shard))
        old, new = (_size(request.match_info[name]) for name in ("old", "new"))
        return _packed(await hop.audit_consistency(origin, old, new))

    async def _statement(self, request: web.Request) -> web.Response:
        self._limit(request, STATEMENTS_A_MINUTE)
        note = await _body(request, MAX_STATEMENT_BYTES)
        await self._gate.for_hop(None).post_statement(note)
        return web.Response(status=204)

    async def _envelopes(self, request: web.Request) -> web.Response:
        hop = self._hop(request)
        batch = parse_batch(await _body(request, MAX_BATCH_BYTES))
        answers = await hop.post_envelopes(batch)
        return web.Response(body=encode_answers(answers), content_type="application/vnd.msgpack")

    async def _offer(self, request: web.Request) -> web.Response:
        hop = self._hop(request)
        blob_id = _digest(request.match_info["blob"])
        missing = await hop.offer_blob(blob_id, await _body(request, MAX_SEGMENT_LIST_BYTES))
        return _packed(list(missing))

    async def _segment(self, request: web.Request) -> web.Response:
        hop = self._hop(request)
        blob_id = _digest(request.match_info["blob"])
        number = _number(request.match_info["number"])
        await hop.put_segment(blob_id, number, _Arriving(request))
        return web.Response(status=204)

    async def _blob_segments(self, request: web.Request) -> web.Response:
        hop = self._hop(request)
        envelope_id = _digest(request.match_info["envelope"])
        found = await hop.blob_segments(envelope_id, _digest(request.match_info["blob"]))
        return web.Response(body=found, content_type="application/vnd.msgpack")

    async def _blob_segment(self, request: web.Request) -> web.StreamResponse:
        hop = self._hop(request)
        envelope_id = _digest(request.match_info["envelope"])
        blob_id = _digest(request.match_info["blob"])
        number = _number(request.match_info["number"])
        found = await hop.blob_segment(envelope_id, blob_id, number)
        answer = web.StreamResponse()
        answer.content_type = "application/octet-stream"
        answer.content_length = found.length
        await answer.prepare(request)
        async for piece in found:
            await answer.write(piece)
        await answer.write_eof()
        return answer

    async def _audit_proofs(self, request: web.Request) -> web.Response:
        hop = self._hop(request)
        message_id = _digest(request.match_info["message"], MESSAGE_ID_BYTES)
        found = await hop.audit_proofs(message_id, _digest(request.match_info["envelope"]))
        return _packed(tuple(found))

    async def _collect(self, request: web.Request) -> web.Response:
        hop = self._hop(request)
        asked = parse_collect(await _body(request, MAX_COLLECT_BYTES))
        found = encode_collected(await hop.collect(asked))
        return web.Response(body=found, content_type="application/vnd.msgpack")

    async def _returns(self, request: web.Request) -> web.Response:
        hop = self._hop(request)
        await hop.post_returns(parse_returns(await _body(request, MAX_COLLECT_BYTES)))
        return web.Response(status=204)

    async def _post_card(self, request: web.Request) -> web.Response:
        hop = self._hop(request)
        await hop.post_card(await _body(request, MAX_STATEMENT_BYTES))
        return web.Response(status=204)

    def _limit(self, request: web.Request, a_minute: int, member: MemberId | None = None) -> None:
        """Count a visit of a member, or of an address. Raises as ``Visits.note``."""
        self._visits.note(request.path, member or request.remote or "", a_minute)


def _visitor(request: web.Request) -> str:
    """Name who asks, before anything is read of it: by certificate, else by address."""
    certificate = certificate_of(request)
    if certificate is None:
        return request.remote or ""
    return certificate_digest(certificate).hex()


def _held_bytes(request: web.Request) -> int:
    """Return what a request will hold at most: its body, or what of a segment is on the way."""
    length = 0
    if request.can_read_body or "number" in request.match_info:
        length = min(request.content_length or SEGMENT_BYTES, SEGMENT_BYTES)
    if "number" in request.match_info:
        length = min(length, STREAMED_BYTES)
    return REQUEST_BYTES + length


class _Arriving:
    """A segment in the body of a request. Implements ``gateway.peer.Segment``."""

    def __init__(self, request: web.Request) -> None:
        """Take hold of the body. Raises RejectedError ``body_too_large``, ``length_missing``."""
        if request.content_length is None:
            raise RejectedError("length_missing", "a segment comes with its length")
        _check_length(request, SEGMENT_BYTES)
        self.length = request.content_length
        self._content = request.content

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the body as it comes."""
        return aiter(self._content.iter_any())


def _check_length(request: web.Request, most_bytes: int) -> None:
    if (request.content_length or 0) > most_bytes:
        raise RejectedError("body_too_large", f"at most {most_bytes} bytes are taken here")


async def _body(request: web.Request, most_bytes: int) -> bytes:
    _check_length(request, most_bytes)
    body = await request.read()
    if len(body) > most_bytes:
        raise RejectedError("body_too_large", f"at most {most_bytes} bytes are taken here")
    return body


def _digest(text: str, length: int = DIGEST_BYTES) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != length or raw.hex() != text:
        raise RejectedError("name_malformed", f"a name is {2 * length} lower-case hex digits")
    return raw


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:  # noqa: PLR2004 - far above MAX_SEGMENTS
        raise RejectedError("segment_unknown", "a segment is named by its number")
    return int(text)


def _size(text: str) -> int:
    if _SIZE.match(text) is None:
        raise RejectedError("size_unknown", "a size is a whole number")
    return int(text)


def _packed(body: Any, status: int = 200) -> web.Response:
    packed = msgspec.msgpack.encode(body)
    return web.Response(status=status, body=packed, content_type="application/vnd.msgpack")


def _text(note: bytes) -> web.Response:
    return web.Response(body=note, content_type="text/plain", charset="utf-8")
