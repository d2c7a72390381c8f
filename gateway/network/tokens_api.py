"""Tokens on the local API: made, listed, revoked."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.faults import convert
from gateway.network.requests import json_answer, parse_json
from gateway.services.caller import Caller
from gateway.services.tokens import TokenOrder, Tokens


class TokensApi:
    """Serves tokens to operators."""

    def __init__(self, tokens: Tokens, *, caller: Callable[[web.Request], Caller]) -> None:
        self._tokens = tokens
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.get("/v1/tokens", self._listing),
            web.post("/v1/tokens", self._create),
            web.post("/v1/tokens/{id}/revoke", self._revoke),
        )

    async def _listing(self, request: web.Request) -> web.Response:
        return json_answer({"tokens": await self._tokens.listing(self._caller(request))})

    async def _create(self, request: web.Request) -> web.Response:
        order = convert(parse_json(await request.read()), TokenOrder)
        made = await self._tokens.create(order, self._caller(request))
        answer = json_answer(made, status=201)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _revoke(self, request: web.Request) -> web.Response:
        label = request.match_info["id"]
        return json_answer(await self._tokens.revoke(label, self._caller(request)))
