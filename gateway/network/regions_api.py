"""What offices of a region do, on the local API: copies for them, and what they circulate."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.faults import convert
from gateway.network.requests import json_answer, parse_json
from gateway.services.caller import Caller
from gateway.services.regions.circulating import AlertOrder, Circulating
from gateway.services.regions.copying import CopyOrder, LiaisonCopies


class RegionsApi:
    """Serves copies, alerts, operations and trends to the house."""

    def __init__(
        self,
        copies: LiaisonCopies,
        circulating: Circulating,
        caller: Callable[[web.Request], Caller],
    ) -> None:
        self._copies = copies
        self._circulating = circulating
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.post("/v1/messages/{id}/liaison-copy", self._copy),
            web.get("/v1/regions", self._regions),
            web.post("/v1/regions/{id}/alerts", self._alert),
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
