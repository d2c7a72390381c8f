"""What operators and their tools ask of a node: how it is, what waits, what it counts."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.network import openapi
from gateway.network.metrics import Metrics
from gateway.network.requests import json_answer
from gateway.services.caller import Caller
from gateway.services.health import Health


class HealthApi:
    """Serves the state of the node."""

    def __init__(
        self, health: Health, metrics: Metrics, *, caller: Callable[[web.Request], Caller]
    ) -> None:
        self._health = health
        self._metrics = metrics
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.get("/v1/outbox", self._outbox),
            web.post("/v1/peers/{id}/ping", self._ping),
            web.get("/v1/status", self._status),
            web.get("/health/live", self._live),
            web.get("/health/ready", self._ready),
            web.get("/metrics", self._counts),
            web.get("/v1/openapi.json", self._openapi),
        )

    async def _outbox(self, request: web.Request) -> web.Response:
        return json_answer({"rows": await self._health.undelivered(self._caller(request))})

    async def _ping(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        return json_answer(await self._health.ping(request.match_info["id"], caller))

    async def _status(self, request: web.Request) -> web.Response:
        del request
        return json_answer(await self._health.status())

    async def _live(self, request: web.Request) -> web.Response:
        del request
        return json_answer({"live": True})

    async def _ready(self, request: web.Request) -> web.Response:
        del request
        report = await self._health.ready()
        return json_answer(report, status=200 if report.ready else 503)

    async def _counts(self, request: web.Request) -> web.Response:
        metrics = self._metrics
        body = metrics.counted(request.query.getall("name[]", []))
        if body is None:
            body = metrics.render(await self._health.status())
        return web.Response(body=body, headers={"Content-Type": Metrics.CONTENT_TYPE})

    async def _openapi(self, request: web.Request) -> web.Response:
        del request
        return json_answer(openapi.document())
