"""This node's own keys on the local API."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.errors import RejectedError
from gateway.faults import convert
from gateway.network.requests import RevokeBody, RotateBody, json_answer, json_of
from gateway.services.caller import Caller
from gateway.services.keykeeping.key_report import KeyReport
from gateway.services.keykeeping.rewrapping import Rewrapping
from gateway.services.keykeeping.rotation import Rotation
from keys.suite import KeyUse


class KeysApi:
    """Shows, replaces and revokes keys."""

    def __init__(
        self,
        key_report: KeyReport,
        rotation: Rotation,
        rewrapping: Rewrapping,
        *,
        caller: Callable[[web.Request], Caller],
    ) -> None:
        self._key_report = key_report
        self._rotation = rotation
        self._rewrapping = rewrapping
        self._caller = caller

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served, and by what."""
        return (
            web.get("/v1/keys", self._keys),
            web.post("/v1/keys/rotate", self._rotate),
            web.post("/v1/keys/revoke", self._revoke),
        )

    async def _keys(self, request: web.Request) -> web.Response:
        return json_answer({"keys": await self._key_report.listing(self._caller(request))})

    async def _rotate(self, request: web.Request) -> web.Response:
        body, caller = convert(await json_of(request), RotateBody), self._caller(request)
        if body.rewrap and KeyUse.STORAGE not in body.uses:
            raise RejectedError(
                "rewrap_without_storage", "only the storage key wraps what is stored"
            )
        rotated = await self._rotation.rotate_together(body.uses, caller)
        left = await self._rewrapping.begin(caller) if body.rewrap else 0
        return json_answer({"keys": rotated, "rewrapping": left}, status=202)

    async def _revoke(self, request: web.Request) -> web.Response:
        body, caller = convert(await json_of(request), RevokeBody), self._caller(request)
        revoke = self._rotation.revoke
        return json_answer(
            await revoke(body.key, body.reason, caller, since=body.since), status=202
        )
