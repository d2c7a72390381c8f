"""Messages on the local API: drafted, listed, read, acknowledged, taken back, proved."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from aiohttp import web

from gateway.cases.kind import Kind
from gateway.errors import LiaisonError, RejectedError
from gateway.faults import convert
from gateway.network.problems import problem_of
from gateway.network.requests import (
    EvidenceQuery,
    MoveQuery,
    ReasonQuery,
    json_answer,
    json_of,
    language_of,
    query_of,
    submission_line,
)
from gateway.services.caller import Caller
from gateway.services.proving.evidence import EvidenceFiles
from gateway.services.receiving.inbox import Inbox, MessageQuery
from gateway.services.receiving.names import Names, NamesQuery
from gateway.services.sending.delivery import Delivery
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.releasing import Declining, Releasing
from gateway.services.sending.submission import Submission, read_submission

BATCH_MAX = 1_000


class MessagesApi:
    """Serves what was sent and what came."""

    def __init__(
        self,
        exchange: Exchange,
        releasing: Releasing,
        delivery: Delivery,
        inbox: Inbox,
        evidence: EvidenceFiles,
        *,
        names: Names,
        kinds: Mapping[str, Kind],
        caller: Callable[[web.Request], Caller],
    ) -> None:
        self._exchange = exchange
        self._releasing = releasing
        self._delivery = delivery
        self._inbox = inbox
        self._evidence = evidence
        self._names = names
        self._kinds = kinds
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.post("/v1/messages", self._submit),
            web.post("/v1/messages:batch", self._submit_batch),
            web.get("/v1/messages", self._messages),
            web.get("/v1/messages/{id}", self._message),
            web.get("/v1/messages/{id}/evidence", self._export_evidence),
            web.post("/v1/messages/{id}/acknowledge", self._acknowledge),
            web.post("/v1/messages/{id}/release", self._release),
            web.post("/v1/messages/{id}/decline", self._decline),
            web.post("/v1/messages/{id}/withdraw", self._withdraw),
            web.post("/v1/messages/{id}/requeue", self._requeue),
            web.get("/v1/names", self._named),
        )

    async def _submit(self, request: web.Request) -> web.Response:
        submission = read_submission(await json_of(request), self._kinds)
        key = request.headers.get("Idempotency-Key")
        if key is not None and not 1 <= len(key) <= 255:  # noqa: PLR2004 - the column's length
            raise RejectedError("idempotency_key_malformed", "the key has 1 to 255 characters")
        caller = self._caller(request)
        (answer,) = await self._exchange.submit([submission], caller, idempotency_key=key)
        if isinstance(answer, LiaisonError):
            raise answer
        return json_answer(answer, status=202)

    async def _submit_batch(self, request: web.Request) -> web.Response:
        lines = [line for line in (await request.read()).split(b"\n") if line.strip()]
        if not 1 <= len(lines) <= BATCH_MAX:
            raise RejectedError("batch_size_wrong", f"a batch has 1 to {BATCH_MAX} lines")
        read = [submission_line(line, self._kinds) for line in lines]
        good = [item for item in read if isinstance(item, Submission)]
        accepted = await self._exchange.submit(good, self._caller(request)) if good else []
        answers = iter(accepted)
        language = language_of(request)
        shown = []
        for item in read:
            answer = next(answers) if isinstance(item, Submission) else item
            if isinstance(answer, LiaisonError):
                shown.append(msgspec.json.encode(problem_of(answer, language)))
            else:
                shown.append(msgspec.json.encode(answer))
        return web.Response(body=b"\n".join(shown) + b"\n", content_type="application/x-ndjson")

    async def _messages(self, request: web.Request) -> web.Response:
        query = query_of(request, MessageQuery)
        caller = self._caller(request)
        return json_answer(await self._inbox.page(query, caller, language_of(request)))

    async def _named(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, NamesQuery), self._caller(request)
        return json_answer(await self._names.find(query, caller))

    async def _message(self, request: web.Request) -> web.Response:
        ref, caller = request.match_info["id"], self._caller(request)
        reason = query_of(request, ReasonQuery).reason
        read = self._inbox.read
        return json_answer(await read(ref, caller, language_of(request), reason))

    async def _export_evidence(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, EvidenceQuery), self._caller(request)
        file = await self._evidence.export(
            request.match_info["id"],
            caller,
            is_open=query.content == "open",
            recipient=query.recipient,
            purpose=query.purpose,
        )
        return web.Response(body=file, content_type="application/zip")

    async def _acknowledge(self, request: web.Request) -> web.Response:
        ref, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._inbox.acknowledge(ref, caller, language_of(request)))

    async def _release(self, request: web.Request) -> web.Response:
        ref, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._releasing.release(ref, caller))

    async def _decline(self, request: web.Request) -> web.Response:
        order = convert(await json_of(request), Declining)
        ref, caller = request.match_info["id"], self._caller(request)
        return json_answer(await self._releasing.decline(ref, order, caller))

    async def _withdraw(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, MoveQuery), self._caller(request)
        ref = request.match_info["id"]
        draft = await self._releasing.withdraw(ref, caller, query.recipient)
        if draft is not None:
            return json_answer(draft)
        return json_answer(await self._delivery.withdraw(ref, caller, query.recipient))

    async def _requeue(self, request: web.Request) -> web.Response:
        query, caller = query_of(request, MoveQuery), self._caller(request)
        ref = request.match_info["id"]
        return json_answer(await self._delivery.requeue(ref, caller, query.recipient))
