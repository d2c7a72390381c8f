"""Statistics on the local API."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.network.requests import json_answer, query_of
from gateway.services.caller import Caller
from gateway.services.statistics import Statistics, StatisticsQuery


class StatisticsApi:
    """Serves numbers of what was exchanged to the house."""

    def __init__(self, statistics: Statistics, *, caller: Callable[[web.Request], Caller]) -> None:
        self._statistics = statistics
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (web.get("/v1/statistics", self._report),)

    async def _report(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, StatisticsQuery), self._caller(request)
        if query.form == "csv":
            text = await self._statistics.as_csv(query, caller)
            return web.Response(text=text, content_type="text/csv")
        return json_answer(await self._statistics.report(query, caller))
