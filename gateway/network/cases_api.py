"""Cases on the local API: what is due first, and one with all that was said."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.network.requests import json_answer, language_of, query_of
from gateway.services.caller import Caller
from gateway.services.casework.cases import CaseQuery, Cases


class CasesApi:
    """Serves cases as officers see them."""

    def __init__(self, cases: Cases, *, caller: Callable[[web.Request], Caller]) -> None:
        self._cases = cases
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (web.get("/v1/cases", self._page), web.get("/v1/cases/{id}", self._case))

    async def _page(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, CaseQuery), self._caller(request)
        return json_answer(await self._cases.page(query, caller, language_of(request)))

    async def _case(self, request: web.Request) -> web.Response:
        case, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._cases.read(case, caller, language_of(request)))
