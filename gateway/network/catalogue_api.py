"""Kinds and code lists on the local API, with labels in the caller's language."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from aiohttp import web

from gateway.network.requests import json_answer, language_of
from gateway.services.casework.catalogue import Catalogue


class CatalogueApi:
    """Serves what may be said to the house that says it."""

    def __init__(self, catalogue: Catalogue, now: Callable[[], int]) -> None:
        self._catalogue = catalogue
        self._now = now

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.get("/v1/kinds", self._kinds),
            web.get("/v1/kinds/{name}", self._kind),
            web.get("/v1/codes", self._lists),
            web.get("/v1/codes/{list}", self._codes),
        )

    async def _kinds(self, request: web.Request) -> web.Response:
        return json_answer({"kinds": self._catalogue.kinds(language_of(request))})

    async def _kind(self, request: web.Request) -> web.Response:
        today = datetime.fromtimestamp(self._now(), UTC).date()
        name = request.match_info["name"]
        return json_answer(self._catalogue.kind(name, language_of(request), today))

    async def _lists(self, request: web.Request) -> web.Response:
        del request
        return json_answer({"lists": self._catalogue.lists()})

    async def _codes(self, request: web.Request) -> web.Response:
        name = request.match_info["list"]
        return json_answer(self._catalogue.codes(name, language_of(request)))
