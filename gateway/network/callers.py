"""Who calls: the socket's peer credentials, or the token that a request shows.

A token that is not taken ends the request: what the socket says of its caller is not asked then.
Over TCP the kernel names nobody, so that a token is required there. Source: RFC 6750.
"""

import os
import socket
import struct
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from gateway.errors import ForbiddenError
from gateway.services.caller import Caller
from gateway.services.tokens import Tokens
from gateway.settings import LocalApiSettings, Role, RoleGrant

LOOPBACK: Final = ("127.0.0.1", "::1")
_NAMES: Final = ("127.0.0.1", "[::1]", "localhost")
_HEADER_MOST: Final = 256


class Callers:
    """Names the callers of a node's local API."""

    def __init__(self, tokens: Tokens, settings: LocalApiSettings) -> None:
        self._tokens = tokens
        self._grants = settings.roles
        self._hosts = {*_NAMES, *(f"{name}:{settings.tcp_port}" for name in _NAMES)}

    async def name(self, request: web.Request) -> Caller:
        """Return who makes a request, with its roles.

        Raises ForbiddenError ``authorization_malformed``, ``token_required``,
        ``host_not_allowed``, and what is wrong with a token.
        """
        peer = _peer_of(request)
        if peer is None and not self._is_meant(request):
            raise ForbiddenError(
                "host_not_allowed", "this port answers to the names of this machine alone"
            )
        shown = request.headers.getall("Authorization", [])
        if shown:
            shown_by = "tcp" if peer is None else f"uid:{peer[0]}"
            return await self._tokens.caller(_token_of(shown), shown_by)
        if peer is None:
            raise ForbiddenError("token_required", "over TCP a request shows a token")
        return by_credentials(*peer, self._grants)

    def _is_meant(self, request: web.Request) -> bool:
        """Tell whether a request over TCP is for us, and not for a name turned to this machine.

        A page in a browser reaches every port here under a name that its owner lets point here.
        """
        hosts = request.headers.getall("Host", [])
        return len(hosts) == 1 and hosts[0].lower() in self._hosts


def by_credentials(uid: int, gid: int, grants: Sequence[RoleGrant]) -> Caller:
    """Return the caller that a user is, with the roles granted to it; by default it has none."""
    roles: set[Role] = set()
    unit: str | None = None
    if uid == os.geteuid():
        roles.update((Role.OFFICER, Role.OPERATOR, Role.AUDITOR))
    for grant in grants:
        if uid == grant.uid or (grant.gid is not None and gid == grant.gid):
            roles.update(grant.roles)
            unit = grant.unit
    return Caller(name=f"uid:{uid}", roles=frozenset(roles), unit=unit)


def _peer_of(request: web.Request) -> tuple[int, int] | None:
    """Return the user and group at the other end by the kernel's word; None where it has none."""
    transport = request.transport
    raw = None if transport is None else transport.get_extra_info("socket")
    if raw is None or raw.family != socket.AF_UNIX:
        return None
    credentials = raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, gid = struct.unpack("3i", credentials)
    return uid, gid


def _token_of(shown: Sequence[str]) -> str:
    """Return the token of a request's ``Authorization`` headers.

    Raises ForbiddenError ``authorization_malformed``.
    """
    scheme, _, token = shown[0].partition(" ")
    if len(shown) != 1 or len(shown[0]) > _HEADER_MOST or scheme.lower() != "bearer":
        raise ForbiddenError(
            "authorization_malformed", "send one header: Authorization: Bearer and the token"
        )
    return token.strip(" ")
