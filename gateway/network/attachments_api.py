"""Attachments on the local API: streamed in, streamed out, fetched when somebody asks."""

from collections.abc import Callable, Sequence
from urllib.parse import quote, unquote

from aiohttp import web

from gateway.network.requests import ReasonQuery, json_answer, pieces_of, poured, query_of, range_of
from gateway.services.blobs.attachments import Attachments
from gateway.services.caller import Caller
from gateway.services.receiving.inbox import Inbox


class AttachmentsApi:
    """Serves the files of messages."""

    def __init__(
        self, attachments: Attachments, inbox: Inbox, *, caller: Callable[[web.Request], Caller]
    ) -> None:
        self._attachments = attachments
        self._inbox = inbox
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.post("/v1/attachments", self._upload),
            web.get("/v1/attachments/{id}", self._download),
            web.post("/v1/attachments/{id}/fetch", self._fetch),
        )

    async def _upload(self, request: web.Request) -> web.Response:
        name = unquote(request.headers.get("X-Filename", ""))
        caller = self._caller(request)
        uploaded = await self._attachments.upload(
            pieces_of(request),
            name,
            request.content_type,
            caller,
            announced_bytes=request.content_length or 0,
        )
        return json_answer(uploaded, status=201)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        caller = self._caller(request)
        reason = query_of(request, ReasonQuery).reason
        attachment = await self._inbox.attachment(request.match_info["id"], caller, reason)
        opened = await self._attachments.open(attachment)
        etag = f'"{opened.sha256}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        start, end = range_of(request, opened.size)
        answer = web.StreamResponse(status=206 if request.headers.get("Range") else 200)
        answer.content_type = opened.media_type
        answer.content_length = end - start
        answer.headers["ETag"] = etag
        answer.headers["Accept-Ranges"] = "bytes"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Content-Disposition"] = (
            f"attachment; filename*=UTF-8''{quote(opened.name, safe='')}"
        )
        if answer.status == 206:  # noqa: PLR2004 - partial content
            answer.headers["Content-Range"] = f"bytes {start}-{end - 1}/{opened.size}"
        return await poured(request, answer, opened.read(start, end))

    async def _fetch(self, request: web.Request) -> web.Response:
        ref, caller = request.match_info["id"], self._caller(request)
        reason = query_of(request, ReasonQuery).reason
        return json_answer(await self._inbox.fetch(ref, caller, reason), status=202)
