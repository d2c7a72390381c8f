"""The audit log on the local API: its shards as c2sp.org/tlog-tiles lays them out, and its entries.

``/v1/audit/shards/<shard>`` is the prefix of a tiled log: ``checkpoint``, ``tile/<L>/<N>[.p/<W>]``
and ``tile/entries/<N>[.p/<W>]`` stand below it.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from aiohttp import web

from gateway.faults import convert
from gateway.network.requests import json_answer, parse_json, query_of
from gateway.services.auditing.erasing import Erasing, Erasure
from gateway.services.auditing.reading import AuditReading
from gateway.services.auditing.search import AuditQuery, AuditSearch
from gateway.services.caller import Caller
from gateway.services.witness.peer_logs import PeerLogs
from keys.tlog.tiles import parse_bundle_path, parse_tile_path

_ENTRIES = "entries/"


class CheckpointQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which checkpoint: the newest that a quorum cosigned, where there is one, or the newest."""

    witnessed: Literal["yes", "no"] = "no"


class AuditApi:
    """Serves the node's own audit log to its house."""

    def __init__(
        self,
        reading: AuditReading,
        search: AuditSearch,
        erasing: Erasing,
        peer_logs: PeerLogs,
        caller: Callable[[web.Request], Caller],
    ) -> None:
        self._reading = reading
        self._search = search
        self._erasing = erasing
        self._peer_logs = peer_logs
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        shard = "/v1/audit/shards/{id}"
        return (
            web.get("/v1/audit/checkpoint", self._newest),
            web.get("/v1/audit/entries", self._entries),
            web.post("/v1/audit/entries/erase", self._erase),
            web.get("/v1/audit/shards", self._shards),
            web.get("/v1/audit/peers", self._peers),
            web.get("/v1/audit/peers/{id}", self._peer),
            web.get(f"{shard}/checkpoint", self._checkpoint),
            web.get(f"{shard}/tile/{{path:.+}}", self._tile),
        )

    async def _newest(self, request: web.Request) -> web.Response:
        return _note(await self._reading.checkpoint(self._caller(request)))

    async def _checkpoint(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        witnessed = query_of(request, CheckpointQuery).witnessed == "yes"
        shard = request.match_info["id"]
        return _note(await self._reading.checkpoint(caller, shard, witnessed=witnessed))

    async def _shards(self, request: web.Request) -> web.Response:
        return json_answer({"shards": await self._reading.shards(self._caller(request))})

    async def _peers(self, request: web.Request) -> web.Response:
        return json_answer({"peers": await self._peer_logs.listing(self._caller(request))})

    async def _peer(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        return json_answer(await self._peer_logs.report(request.match_info["id"], caller))

    async def _entries(self, request: web.Request) -> web.Response:
        wanted, caller = query_of(request, AuditQuery), self._caller(request)
        return json_answer(await self._search.find(wanted, caller))

    async def _erase(self, request: web.Request) -> web.Response:
        asked, caller = convert(parse_json(await request.read()), Erasure), self._caller(request)
        return json_answer(await self._erasing.erase(asked, caller))

    async def _tile(self, request: web.Request) -> web.Response:
        shard, path = request.match_info["id"], request.match_info["path"]
        caller = self._caller(request)
        if path.startswith(_ENTRIES):
            bundle = parse_bundle_path(path.removeprefix(_ENTRIES))
            body = await self._reading.bundle(shard, bundle, caller)
        else:
            body = await self._reading.tile(shard, parse_tile_path(path), caller)
        return web.Response(body=body, content_type="application/octet-stream")


def _note(note: bytes) -> web.Response:
    return web.Response(body=note, content_type="text/plain", charset="utf-8")
