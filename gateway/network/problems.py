"""One table from errors to HTTP, and the problem documents of the local API.

Source: RFC 9457.
"""

import msgspec
from aiohttp import web

from gateway.errors import ConflictError, ForbiddenError, LiaisonError, UnavailableError
from gateway.faults import FaultsError

UNAUTHORIZED = 401

_BY_CODE = {
    "authorization_malformed": 401,
    "token_required": 401,
    "token_malformed": 401,
    "token_unknown": 401,
    "token_revoked": 401,
    "token_expired": 401,
    "token_not_found": 404,
    "message_unknown": 404,
    "case_not_found": 404,
    "region_not_found": 404,
    "operation_not_found": 404,
    "attachment_unknown": 404,
    "member_not_found": 404,
    "kind_not_found": 404,
    "list_not_found": 404,
    "key_unknown": 404,
    "entry_unknown": 404,
    "not_found": 404,
    "log_unknown": 404,
    "not_witnessed": 404,
    "audit_empty": 404,
    "shard_unknown": 404,
    "size_unknown": 404,
    "method_not_allowed": 405,
    "attachment_too_large": 413,
    "content_too_large": 413,
    "body_too_large": 413,
    "media_type_wrong": 415,
    "attachment_lost": 410,
    "events_gone": 410,
    "message_purged": 410,
    "range_not_satisfiable": 416,
    "validation_failed": 422,
    "consistency_invalid": 422,
    "rate_limited": 429,
    "rotations_too_many": 429,
    "quota_exceeded": 429,
    "too_many_at_once": 429,
    "disk_full": 507,
    "internal_error": 500,
}

_TITLES = {
    400: ("The request is not valid", "La requête n'est pas valable"),
    401: ("Who calls is not known", "Appelant non identifié"),
    403: ("Not allowed", "Opération non autorisée"),
    404: ("Not found", "Introuvable"),
    405: ("The method is not allowed here", "Méthode non admise ici"),
    409: ("The state has changed", "L'état a changé"),
    410: ("It is gone", "Ce n'est plus là"),
    413: ("Too large", "Trop volumineux"),
    415: ("Wrong media type", "Type de média non admis"),
    416: ("No such range", "Plage inexistante"),
    422: ("Some fields are not valid", "Certains champs ne sont pas valables"),
    429: ("Too many requests", "Trop de requêtes"),
    500: ("Internal error", "Erreur interne"),
    503: ("Not available now", "Indisponible pour le moment"),
    507: ("The disk is full", "Le disque est plein"),
}


class FaultView(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a request."""

    pointer: str
    code: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    faults: list[FaultView] = []
    retry_after_s: int | None = None
    go_on_after: str | None = None
    """After which event there is something to ask for."""


def status_of(error: LiaisonError) -> int:
    """Return the HTTP status of an error: by its code where one is special, else by category."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    match error:
        case ForbiddenError():
            return 403
        case ConflictError():
            return 409
        case UnavailableError():
            return 503
        case _:
            return 400


def problem_of(error: LiaisonError, language: str) -> Problem:
    """Return the document that tells a caller what is wrong, in ``en`` or ``fr``."""
    status = status_of(error)
    faults = []
    if isinstance(error, FaultsError):
        faults = [
            FaultView(pointer=item.pointer, code=item.code, detail=item.sentence(language))
            for item in error.faults
        ]
    return Problem(
        type=f"urn:liaison:problem:{error.code}",
        title=_TITLES[status][language == "fr"],
        status=status,
        code=error.code,
        detail=error.detail,
        faults=faults,
        retry_after_s=error.retry_after_s,
        go_on_after=getattr(error, "go_on_after", None),
    )


def problem_response(error: LiaisonError, language: str) -> web.Response:
    """Return an error as an HTTP answer."""
    problem = problem_of(error, language)
    headers = {"Content-Language": language}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == UNAUTHORIZED:
        refused = ', error="invalid_token"' if error.code != "token_required" else ""
        headers["WWW-Authenticate"] = f'Bearer realm="liaison"{refused}'
    return web.Response(
        status=problem.status,
        body=msgspec.json.encode(problem),
        content_type="application/problem+json",
        headers=headers,
    )
