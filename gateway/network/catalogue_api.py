"""Kinds and code lists on the local API, with labels in the caller's language."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from aiohttp import web

from gateway.cases.kind import Kind
from gateway.errors import RejectedError
from gateway.network.requests import CodesQuery, EditionQuery, json_answer, language_of, query_of
from gateway.services.caller import Caller
from gateway.services.casework.catalogue import kind_shown, kinds_shown
from gateway.services.casework.code_lists import CodeLists


class CatalogueApi:
    """Serves what may be said to the house that says it."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        lists: CodeLists,
        *,
        caller: Callable[[web.Request], Caller],
        now: Callable[[], int],
    ) -> None:
        self._kinds = kinds
        self._lists = lists
        self._caller = caller
        self._now = now

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.get("/v1/kinds", self._all),
            web.get("/v1/kinds/{name}", self._one),
            web.get("/v1/codes", self._names),
            web.get("/v1/codes/{list}", self._codes),
            web.post("/v1/codes/hs", self._import),
        )

    async def _all(self, request: web.Request) -> web.Response:
        return json_answer({"kinds": kinds_shown(self._kinds, language_of(request))})

    async def _one(self, request: web.Request) -> web.Response:
        today = datetime.fromtimestamp(self._now(), UTC).date()
        name, language = request.match_info["name"], language_of(request)
        return json_answer(kind_shown(self._kinds, name, language, today))

    async def _names(self, request: web.Request) -> web.Response:
        del request
        editions = await self._lists.nomenclature.editions()
        return json_answer({"lists": self._lists.names(), "hs_editions": editions})

    async def _codes(self, request: web.Request) -> web.Response:
        query, name = query_of(request, CodesQuery), request.match_info["list"]
        shown = await self._lists.codes(
            name, language_of(request), edition=query.edition, under=query.under
        )
        return json_answer(shown)

    async def _import(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, EditionQuery), self._caller(request)
        file = await request.read()
        if not file:
            raise RejectedError("nomenclature_malformed", "the file is empty")
        taken = await self._lists.nomenclature.take(file, query.edition, caller)
        return json_answer(taken, status=201)
