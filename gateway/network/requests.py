"""What the house asks, read from HTTP: who calls, in which language, for what."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from aiohttp import web

from gateway.cases.families.lists import IntendedUse
from gateway.cases.kind import Kind
from gateway.errors import LiaisonError, RejectedError
from gateway.faults import convert
from gateway.services.caller import Caller
from gateway.services.handling.quarantine import OpeningReason
from gateway.services.keykeeping.reasons import Reason
from gateway.services.sending.submission import Submission, read_submission
from keys.suite import KeyUse

_T = TypeVar("_T")
_NUMBERS = ("limit", "wait_s", "for_s", "start", "end", "since", "until")
CALLER: Final = web.RequestKey("caller", Caller)
"""Where a request keeps who makes it."""
PIECE_BYTES = 512 * 1024
"""How much of a body is taken from the socket ahead of who reads it; twice that at most."""


class RotateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which keys to rotate, in one statement."""

    uses: Annotated[list[KeyUse], msgspec.Meta(min_length=1, max_length=len(KeyUse))]
    rewrap: bool = False
    """Whether what is stored is wrapped under the newest storage key, and the others destroyed."""


class RevokeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which key to revoke: a use, for the one in use, or the start of an id."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    reason: Reason = Reason.REPLACED
    since: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None = None
    """From when on, UTC seconds; from now on by default, and never from before."""


class StatementBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registry statement, in base64."""

    note: str


class RangeQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A range of a log: ``start`` to ``end``, exclusive."""

    start: int = 0
    end: int = 1000


class CodesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which codes of a list: those that begin so, of an edition of the nomenclature."""

    edition: Annotated[str, msgspec.Meta(pattern=r"\A([0-9]{4})?\Z")] = ""
    under: Annotated[str, msgspec.Meta(max_length=64)] = ""


class EditionQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which year a nomenclature is."""

    edition: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}\Z")]


class MoveQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which delivery of a message; all of them, if none is named."""

    recipient: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")] | None = None


class ReasonQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a releaser opens what its sender recalled."""

    reason: OpeningReason | None = None


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which member to write a medium."""

    to: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")]


class EvidenceQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether evidence shows the content, for what, and of which recipient; all by default."""

    content: Literal["open", "closed"] = "closed"
    purpose: IntendedUse = IntendedUse.JUDICIAL_PROCEEDINGS
    recipient: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")] | None = None


def caller_of(request: web.Request) -> Caller:
    """Return who makes a request, as it was named when it was let in."""
    caller: Caller = request[CALLER]
    return caller


def parse_json(body: bytes) -> object:
    """Read JSON. Raises RejectedError ``json_malformed``."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise RejectedError("json_malformed", f"the body is no JSON: {fault}") from fault


async def json_of(request: web.Request) -> object:
    """Read a body in JSON. Raises RejectedError ``media_type_wrong``, ``json_malformed``."""
    if request.content_type not in ("application/json", "application/octet-stream"):
        raise RejectedError("media_type_wrong", "send application/json")
    return parse_json(await request.read())


def submission_line(line: bytes, kinds: Mapping[str, Kind]) -> Submission | LiaisonError:
    """Read one line of a batch, or say what is wrong with it."""
    try:
        return read_submission(parse_json(line), kinds)
    except LiaisonError as fault:
        return fault


def query_of(request: web.Request, target: type[_T]) -> _T:
    """Read the query's parameters as ``target``. Raises FaultsError."""
    raw: dict[str, object] = {}
    for name, text in request.query.items():
        number = name in _NUMBERS and text.isdecimal() and len(text) < 18  # noqa: PLR2004 - int64
        raw[name] = int(text) if number else text
    return convert(raw, target)


def range_of(request: web.Request, size: int) -> tuple[int, int]:
    """Return which bytes of ``size`` are asked for: start, end (exclusive).

    Raises RejectedError ``range_not_satisfiable``.
    """
    try:
        asked = request.http_range
        start, end, _ = asked.indices(size)
    except ValueError:
        start, end = 0, -1
    if end <= start and (size or request.headers.get("Range")):
        raise RejectedError("range_not_satisfiable", f"the attachment has {size} bytes")
    return start, end


async def pieces_of(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the body as it comes."""
    async for piece in request.content.iter_any():
        yield piece


def language_of(request: web.Request) -> str:
    """Return ``fr`` if the caller prefers it to English."""
    preferred = [
        part.split(";")[0].strip().lower()[:2]
        for part in request.headers.get("Accept-Language", "en").split(",")
    ]
    return next((item for item in preferred if item in ("en", "fr")), "en")


def json_answer(body: Any, status: int = 200) -> web.Response:
    """Return an answer in JSON."""
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )


async def poured(
    request: web.Request, answer: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Stream an answer; one that breaks off is told by the connection: its head is out already."""
    await answer.prepare(request)
    try:
        async for piece in pieces:
            await answer.write(piece)
    except Exception:
        if request.transport is not None:
            request.transport.abort()
        raise
    await answer.write_eof()
    return answer
