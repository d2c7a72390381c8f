"""What the peer API and its client say to each other besides the bytes of ``gateway.protocol``.

Source: SPEC "The peer API".
"""

from typing import Annotated

import msgspec

from gateway.errors import ForbiddenError, LiaisonError, RejectedError, UnavailableError
from gateway.protocol.witness import MAX_PROOF_LINES

READ_AHEAD_BYTES = 256 * 1024
"""How much of a body is taken from the line ahead of who reads it; twice that at most."""

Hashes = Annotated[
    list[Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]],
    msgspec.Meta(max_length=MAX_PROOF_LINES),
]
"""A proof that a log grew."""


class PeerFault(msgspec.Struct, frozen=True, array_like=True):
    """An error to a peer: its code, and in how many seconds to ask again (0 for not)."""

    code: str
    retry_after_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)]
    detail: str = ""


class PongBody(msgspec.Struct, frozen=True, array_like=True):
    """The answer to a ping."""

    member: str
    at: int
    registry_size: int


def fault_of(status: int, body: bytes) -> LiaisonError:
    """Return what a peer's answer with an HTTP status of 300 or more comes to."""
    try:
        told = msgspec.msgpack.decode(body, type=PeerFault)
    except msgspec.MsgspecError:
        told = PeerFault(f"http_{status}", 0)
    detail = told.detail or f"the peer answered {told.code} (HTTP {status})"
    if status == 403:  # noqa: PLR2004 - forbidden
        return ForbiddenError(told.code, detail)
    if status in (409, 429) or status >= 500:  # noqa: PLR2004 - the server's own trouble
        return UnavailableError(told.code, detail, retry_after_s=told.retry_after_s or None)
    return RejectedError(told.code, detail)
