"""Cases on the local API: what is due, what was said in each, and what is decided at its end."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from aiohttp import web

from gateway.cases.fields.codes import CHECKS
from gateway.faults import convert
from gateway.network.requests import json_answer, language_of, parse_json, query_of
from gateway.services.caller import Caller
from gateway.services.casework.cases import CaseQuery, Cases
from gateway.services.retention.deciding import CaseDecided, Deciding, Keeping, Ruling

_Order = TypeVar("_Order", Keeping, Ruling)


class CasesApi:
    """Serves cases to the house."""

    def __init__(
        self, cases: Cases, deciding: Deciding, *, caller: Callable[[web.Request], Caller]
    ) -> None:
        self._cases = cases
        self._deciding = deciding
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.get("/v1/cases", self._page),
            web.get("/v1/cases/{id}", self._case),
            web.post("/v1/cases/{id}/review", self._review),
            web.post("/v1/cases/{id}/restrict", self._restrict),
            web.post("/v1/cases/{id}/lift", self._lift),
            web.post("/v1/cases/{id}/purge", self._purge),
        )

    async def _page(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, CaseQuery), self._caller(request)
        return json_answer(await self._cases.page(query, caller, language_of(request)))

    async def _case(self, request: web.Request) -> web.Response:
        case, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._cases.read(case, caller, language_of(request)))

    async def _review(self, request: web.Request) -> web.Response:
        return await self._decide(request, Keeping, self._deciding.keep)

    async def _restrict(self, request: web.Request) -> web.Response:
        return await self._decide(request, Ruling, self._deciding.restrict)

    async def _lift(self, request: web.Request) -> web.Response:
        return await self._decide(request, Ruling, self._deciding.lift)

    async def _purge(self, request: web.Request) -> web.Response:
        return await self._decide(request, Ruling, self._deciding.purge)

    async def _decide(
        self,
        request: web.Request,
        order: type[_Order],
        decide: Callable[[str, _Order, Caller], Awaitable[CaseDecided]],
    ) -> web.Response:
        asked = convert(parse_json(await request.read()), order, checks=CHECKS)
        caller = self._caller(request)
        return json_answer(await decide(request.match_info["id"], asked, caller))
