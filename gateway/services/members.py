"""Members and the registry as the house sees them."""

from collections.abc import Callable, Sequence

import msgspec

from gateway.clock import Clock
from gateway.errors import RejectedError
from gateway.services.cards import Cards
from gateway.services.following import SourceReport
from gateway.services.gossip import Alarm
from gateway.services.registry import RegistryMirror
from gateway.services.registry_views import RegistryViews
from gateway.settings import RegistrySettings
from keys.registry.member import Member
from keys.suite import MemberId


class MemberSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A member in a list."""

    member: str
    names: dict[str, str]
    role: str
    endpoint: str | None
    via: list[str]
    suspended: bool
    keys: int
    registry_size: int | None
    """The largest registry that it named in a message or receipt; null where none came yet."""


class RegisteredKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key that the registry lists."""

    use: str
    id: str
    start: int
    end: int
    revoked_since: int | None


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """The key card held of a member."""

    serial: int
    until: int


class MemberDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A member with its keys."""

    member: str
    names: dict[str, str]
    role: str
    endpoint: str | None
    via: list[str]
    suspended: bool
    suspended_by: list[str]
    """``issuer`` for the registrars, ``root`` for one of its own roots."""
    recovery: str | None
    """``under_way`` or ``vetoed``, once somebody began to give it new keys."""
    admitted_at: int
    keys: list[RegisteredKeyView]
    card: CardView | None


class RegistryView(msgspec.Struct, frozen=True, kw_only=True):
    """How far this node's registry goes."""

    federation: str
    anchor: str
    size: int
    root: str
    checked_at: int
    fresh: bool
    sources: list[SourceReport]
    """What came of each source that was asked, since the start, the newest first."""
    alarms: list[Alarm]


class Members:
    """Looks members up."""

    def __init__(
        self,
        mirror: RegistryMirror,
        cards: Cards,
        views: RegistryViews,
        clock: Clock,
        settings: RegistrySettings,
        *,
        sources: Callable[[], Sequence[SourceReport]],
        alarms: Callable[[], Sequence[Alarm]],
    ) -> None:
        self._mirror = mirror
        self._cards = cards
        self._views = views
        self._clock = clock
        self._settings = settings
        self._sources = sources
        self._alarms = alarms

    def listing(self) -> list[MemberSummary]:
        """Return all members, by name."""
        members = self._mirror.view.members
        return [self._summary(members[name]) for name in sorted(members)]

    async def detail(self, name: str) -> MemberDetail:
        """Return one member. Raises RejectedError ``member_not_found``."""
        member = self._mirror.view.members.get(MemberId(name))
        if member is None:
            raise RejectedError("member_not_found", f"the registry knows no member {name}")
        card = await self._cards.current(member.member)
        return MemberDetail(
            member=member.member,
            names=dict(member.names),
            role=member.role.value,
            endpoint=member.endpoint,
            via=list(member.via),
            suspended=member.suspended,
            suspended_by=sorted(chain.value for chain in member.suspended_by),
            recovery=_recovery(member),
            admitted_at=member.admitted_at,
            keys=[
                RegisteredKeyView(
                    use=key.use.value,
                    id=key.key_id.hex(),
                    start=key.start,
                    end=key.end,
                    revoked_since=key.revoked_since,
                )
                for key in member.keys
            ],
            card=None if card is None else CardView(serial=card.serial, until=card.until),
        )

    def registry(self) -> RegistryView:
        """Return the registry's size and root as verified here."""
        view = self._mirror.view
        age_s = self._clock.now() - self._mirror.checked_at
        return RegistryView(
            federation=view.federation,
            anchor=self._settings.anchor,
            size=view.head.size,
            root=view.head.root.hex(),
            checked_at=self._mirror.checked_at,
            fresh=age_s <= self._settings.warn_after_s,
            sources=list(self._sources()),
            alarms=list(self._alarms()),
        )

    def _summary(self, member: Member) -> MemberSummary:
        return MemberSummary(
            member=member.member,
            names=dict(member.names),
            role=member.role.value,
            endpoint=member.endpoint,
            via=list(member.via),
            suspended=member.suspended,
            keys=len(member.keys),
            registry_size=self._views.named(member.member),
        )


def _recovery(member: Member) -> str | None:
    if member.recovery is None:
        return None
    return "vetoed" if member.recovery.vetoed else "under_way"
