"""Members and the registry on the local API, and the statements that change it."""

import base64
from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.errors import RejectedError
from gateway.faults import convert
from gateway.network.requests import RangeQuery, StatementBody, json_answer, json_of, query_of
from gateway.services.caller import Caller
from gateway.services.federation.members import Members
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keykeeping.ceremony import Ceremony, RouteChange


class RegistryApi:
    """Serves the registry as this node has verified it."""

    def __init__(
        self,
        members: Members,
        mirror: RegistryMirror,
        ceremony: Ceremony,
        *,
        caller: Callable[[web.Request], Caller],
    ) -> None:
        self._members = members
        self._mirror = mirror
        self._ceremony = ceremony
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.get("/v1/members", self._member_list),
            web.get("/v1/members/{id}", self._member),
            web.get("/v1/registry", self._registry),
            web.get("/v1/registry/statements", self._statements),
            web.post("/v1/registry/statements", self._publish),
            web.post("/v1/registry/statements/sign", self._agree),
            web.post("/v1/registry/statements/fresh-keys", self._bring_keys),
            web.post("/v1/route", self._route),
        )

    async def _member_list(self, request: web.Request) -> web.Response:
        del request
        return json_answer({"members": await self._members.listing()})

    async def _member(self, request: web.Request) -> web.Response:
        return json_answer(await self._members.detail(request.match_info["id"]))

    async def _registry(self, request: web.Request) -> web.Response:
        del request
        return json_answer(self._members.registry())

    async def _statements(self, request: web.Request) -> web.Response:
        wanted = query_of(request, RangeQuery)
        notes = await self._mirror.entries(wanted.start, wanted.end)
        return json_answer({"statements": [base64.b64encode(note).decode() for note in notes]})

    async def _publish(self, request: web.Request) -> web.Response:
        note, caller = await self._statement(request), self._caller(request)
        return json_answer({"index": await self._ceremony.hand_in(note, caller)}, status=201)

    async def _agree(self, request: web.Request) -> web.Response:
        note = await self._statement(request)
        return _statement_answer(await self._ceremony.agree(note, self._caller(request)))

    async def _bring_keys(self, request: web.Request) -> web.Response:
        note = await self._statement(request)
        brought = await self._ceremony.bring_keys(note, self._caller(request))
        return _statement_answer(brought)

    async def _route(self, request: web.Request) -> web.Response:
        change = convert(await json_of(request), RouteChange)
        return json_answer(await self._ceremony.route(change, self._caller(request)), status=201)

    async def _statement(self, request: web.Request) -> bytes:
        """Read the statement of a request. Raises RejectedError ``base64_malformed``."""
        body = convert(await json_of(request), StatementBody)
        try:
            return base64.b64decode(body.note, validate=True)
        except ValueError as fault:  # base64's own, and for letters that are no ASCII
            raise RejectedError("base64_malformed", "/note: this is no base64") from fault


def _statement_answer(note: bytes) -> web.Response:
    return json_answer(StatementBody(note=base64.b64encode(note).decode()))
