"""Removable media on the local API: written and read as streams."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.network.requests import ExportQuery, json_answer, pieces_of, poured, query_of
from gateway.services.caller import Caller
from gateway.services.media.exporting import Exporting
from gateway.services.media.importing import Importing


class MediaApi:
    """Writes a medium, and takes one in."""

    def __init__(
        self, exporting: Exporting, importing: Importing, *, caller: Callable[[web.Request], Caller]
    ) -> None:
        self._exporting = exporting
        self._importing = importing
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.post("/v1/media/export", self._export),
            web.post("/v1/media/import", self._import),
        )

    async def _export(self, request: web.Request) -> web.StreamResponse:
        query, caller = query_of(request, ExportQuery), self._caller(request)
        medium = self._exporting.export(query.to, caller)
        answer = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        return await poured(request, answer, medium)

    async def _import(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        return json_answer(await self._importing.take(pieces_of(request), caller))
