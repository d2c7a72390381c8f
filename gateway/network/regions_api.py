"""What offices of a region do, on the local API: copies for them, and what they circulate."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.faults import convert
from gateway.network.requests import json_answer, language_of, parse_json, query_of
from gateway.services.caller import Caller
from gateway.services.casework.operations import OperationQuery, Operations
from gateway.services.regions.circulating import AlertOrder, Circulating
from gateway.services.regions.copying import CopyOrder, LiaisonCopies
from gateway.services.regions.trends import TrendQuery, Trends


class RegionsApi:
    """Serves copies, alerts, operations and trends to the house."""

    def __init__(
        self,
        copies: LiaisonCopies,
        circulating: Circulating,
        operations: Operations,
        trends: Trends,
        *,
        caller: Callable[[web.Request], Caller],
    ) -> None:
        self._copies = copies
        self._circulating = circulating
        self._operations = operations
        self._trends = trends
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.post("/v1/messages/{id}/liaison-copy", self._copy),
            web.get("/v1/regions", self._regions),
            web.post("/v1/regions/{id}/alerts", self._alert),
            web.get("/v1/operations", self._operation_page),
            web.get("/v1/operations/{id}", self._operation),
            web.get("/v1/trends", self._trend_report),
        )

    async def _copy(self, request: web.Request) -> web.Response:
        order, caller = convert(parse_json(await request.read()), CopyOrder), self._caller(request)
        return json_answer(
            await self._copies.copy(request.match_info["id"], order, caller), status=202
        )

    async def _regions(self, request: web.Request) -> web.Response:
        return json_answer({"regions": self._circulating.regions(self._caller(request))})

    async def _alert(self, request: web.Request) -> web.Response:
        order = convert(parse_json(await request.read()), AlertOrder)
        name, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._circulating.alert(name, order, caller), status=202)

    async def _operation_page(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, OperationQuery), self._caller(request)
        return json_answer(await self._operations.page(query, caller, language_of(request)))

    async def _operation(self, request: web.Request) -> web.Response:
        ref, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._operations.read(ref, caller, language_of(request)))

    async def _trend_report(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, TrendQuery), self._caller(request)
        if query.form == "csv":
            text = await self._trends.as_csv(query, caller)
            return web.Response(text=text, content_type="text/csv")
        return json_answer(await self._trends.report(query, caller, language_of(request)))
