"""Members and the registry as the house sees them."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.clock import Clock
from gateway.errors import RejectedError
from gateway.services.federation.cards import Cards
from gateway.services.federation.following import SourceReport
from gateway.services.federation.gossip import Alarm
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.views import RegistryViews
from gateway.settings import RegistrySettings
from keys.registry.grammar import parse_statement
from keys.registry.member import Member
from keys.registry.statement import Chain
from keys.suite import MemberId

_AUTHORITIES = {Chain.ISSUER: "registrars", Chain.ROOT: "root"}


class RecoveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A recovery that was begun for a member that lost its keys, and is not completed."""

    since: int
    """The date of the statement that began it."""
    vetoed: bool


class MemberFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a member wherever it is shown."""

    member: str
    names: dict[str, str]
    role: str
    states: list[str]
    """For whom a union acts."""
    competences: list[str]
    """In which kinds it does: by name, or by first part."""
    succeeds: str | None
    """The member in whose place it was admitted."""
    endpoint: str | None
    via: list[str]
    suspended: bool
    suspended_by: list[str]
    """``registrars``, or ``root`` for one of its own roots."""
    recovery: RecoveryView | None


class MemberSummary(MemberFacts, frozen=True, kw_only=True):
    """A member in a list."""

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


class MemberDetail(MemberFacts, frozen=True, kw_only=True):
    """A member with its keys."""

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

    async def listing(self) -> list[MemberSummary]:
        """Return all members, by name."""
        members = self._mirror.view.members
        return [await self._summary(members[name]) for name in sorted(members)]

    async def detail(self, name: str) -> MemberDetail:
        """Return one member. Raises RejectedError ``member_not_found``."""
        member = self._mirror.view.members.get(MemberId(name))
        if member is None:
            raise RejectedError("member_not_found", f"the registry knows no member {name}")
        card = await self._cards.current(member.member)
        return MemberDetail(
            **await self._facts(member),
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

    async def _facts(self, member: Member) -> dict[str, Any]:
        return {
            "member": member.member,
            "names": dict(member.names),
            "role": member.role.value,
            "states": list(member.competences.states),
            "competences": list(member.competences.kinds),
            "succeeds": member.succeeds,
            "endpoint": member.endpoint,
            "via": list(member.via),
            "suspended": member.suspended,
            "suspended_by": sorted(_AUTHORITIES[chain] for chain in member.suspended_by),
            "recovery": await self._recovery(member),
        }

    async def _recovery(self, member: Member) -> RecoveryView | None:
        if member.recovery is None:
            return None
        began = member.recovery.size - 1
        (note,) = await self._mirror.entries(began, began + 1)
        since = parse_statement(note).statement.at
        return RecoveryView(since=since, vetoed=member.recovery.vetoed)

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

    async def _summary(self, member: Member) -> MemberSummary:
        return MemberSummary(
            **await self._facts(member),
            keys=len(member.keys),
            registry_size=self._views.named(member.member),
        )
