"""What offices of a region do, on the local API: copies for them, and what they circulate."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.faults import convert
from gateway.network.requests import json_answer, parse_json
from gateway.services.caller import Caller
from gateway.services.regions.copying import CopyOrder, LiaisonCopies


class RegionsApi:
    """Serves copies, alerts, operations and trends to the house."""

    def __init__(self, copies: LiaisonCopies, caller: Callable[[web.Request], Caller]) -> None:
        self._copies = copies
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (web.post("/v1/messages/{id}/liaison-copy", self._copy),)

    async def _copy(self, request: web.Request) -> web.Response:
        order, caller = convert(parse_json(await request.read()), CopyOrder), self._caller(request)
        return json_answer(
            await self._copies.copy(request.match_info["id"], order, caller), status=202
        )
