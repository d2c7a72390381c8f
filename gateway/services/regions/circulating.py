"""Circulating: what a liaison office tells its region at once, in one message to all of it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from gateway.cases.families.lists import IntendedUse
from gateway.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError
from gateway.services.caller import Caller, require
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.submission import Forwards, Submission, Submitted
from gateway.settings import CasesSettings, RegionSettings, Role
from keys.registry.statement import MemberRole
from keys.suite import MemberId

ALERT: Final = "intelligence.alert"


class AlertOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert for a region; its recipients follow from the region."""

    content: dict[str, Any]
    handling: dict[str, Any] | None = None
    expires_in_s: Annotated[int, msgspec.Meta(ge=1)] | None = None
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    forwards: Forwards = []
    purpose: IntendedUse | None = None


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the region that gets nothing, and why."""

    member: str
    code: str
    """``member_suspended`` or ``member_unknown``."""


class Circulated(Submitted, frozen=True, kw_only=True):
    """An accepted message, and who is not among its recipients."""

    left_out: list[LeftOut]


class RegionView(msgspec.Struct, frozen=True, kw_only=True):
    """A region as this node's settings have it."""

    name: str
    office: str
    members: list[str]
    left_out: list[LeftOut]
    """To whom nothing would go now."""


class Circulating:
    """Tells a region."""

    def __init__(
        self, keys: NodeKeys, mirror: RegistryMirror, exchange: Exchange, settings: CasesSettings
    ) -> None:
        self._keys = keys
        self._mirror = mirror
        self._exchange = exchange
        self._regions = {region.name: region for region in settings.regions}

    def regions(self, caller: Caller) -> Sequence[RegionView]:
        """Return the regions. Raises ForbiddenError ``role_missing``."""
        require(caller, Role.OFFICER, Role.AUDITOR)
        return [
            RegionView(
                name=region.name,
                office=region.office,
                members=list(region.members),
                left_out=self._parted(region)[1],
            )
            for region in self._regions.values()
        ]

    async def alert(self, name: str, order: AlertOrder, caller: Caller) -> Circulated:
        """Send an alert to every member of a region that can get it.

        Raises RejectedError ``region_not_found``; ForbiddenError ``role_missing`` or
        ``not_our_region``; ConflictError ``nobody_in_region``; and as ``Exchange.submit``.
        """
        require(caller, Role.OFFICER)
        region = self._regions.get(name)
        if region is None:
            raise RejectedError("region_not_found", f"cases.regions names no region {name!r}")
        me = self._mirror.view.members.get(self._keys.member)
        office = me is not None and me.role is MemberRole.LIAISON_OFFICE
        if region.office != self._keys.member or not office:
            raise ForbiddenError(
                "not_our_region", f"its liaison office, {region.office}, circulates to {name}"
            )
        to, left_out = self._parted(region)
        if not to:
            raise ConflictError("nobody_in_region", f"no member of {name} can get anything now")
        submission = Submission(
            to=to,
            kind=ALERT,
            content=order.content,
            handling=order.handling,
            expires_in_s=order.expires_in_s,
            unit=order.unit,
            forwards=order.forwards,
            purpose=order.purpose,
        )
        (answer,) = await self._exchange.submit([submission], caller)
        if isinstance(answer, LiaisonError):
            raise answer
        return Circulated(**msgspec.structs.asdict(answer), left_out=left_out)

    def _parted(self, region: RegionSettings) -> tuple[list[str], list[LeftOut]]:
        """Return who gets what is circulated, and who does not; the office itself is neither."""
        members = self._mirror.view.members
        to, left_out = list[str](), list[LeftOut]()
        for name in region.members:
            member = members.get(MemberId(name))
            if name == region.office:
                continue
            if member is None:
                left_out.append(LeftOut(member=name, code="member_unknown"))
            elif member.suspended:
                left_out.append(LeftOut(member=name, code="member_suspended"))
            else:
                to.append(name)
        return to, left_out
