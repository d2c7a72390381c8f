"""What members name of the registry in their messages and receipts, held against ours.

Only verified senders get here. A registry no larger than ours is compared at once; a larger one is
a claim, kept until ours is as long.
"""

from collections.abc import Callable, Sequence

from gateway.services.federation.registry import RegistryMirror
from gateway.store import registry_views
from gateway.store.database import Database
from keys.registry.member import RegistryHead
from keys.registry.view import View
from keys.suite import MemberId

Heard = Callable[[MemberId, RegistryHead], None]
"""Is told which registry a verified message or receipt of a member names."""
Doubt = Callable[[MemberId, RegistryHead], None]
"""Is told of a member that named another registry than ours of the same size."""


class RegistryViews:
    """Who has seen how much of the registry, and whether it was ours."""

    def __init__(self, database: Database, mirror: RegistryMirror, doubt: Doubt) -> None:
        self._database = database
        self._mirror = mirror
        self._doubt = doubt
        self._named: dict[MemberId, int] = {}
        self._unsaved: set[MemberId] = set()
        self._claims: dict[MemberId, RegistryHead] = {}
        mirror.watch(self._grown)

    async def load(self) -> None:
        """Take up what was named before this start."""
        for member, size in (await self._database.read(registry_views.named)).items():
            self._named.setdefault(MemberId(member), size)

    async def save(self) -> None:
        """Keep what was named since the last time, as far as it was compared."""
        reached = self._mirror.size
        named = {member: self._named.get(member, 0) for member in self._unsaved}
        sizes = {str(member): size for member, size in named.items() if 0 < size <= reached}
        if sizes:
            await self._database.write(lambda tx: registry_views.name(tx, sizes))
            self._unsaved -= {name for name in named if self._named.get(name) == sizes.get(name)}

    def named(self, member: MemberId) -> int | None:
        """Return the largest registry that a member named; None where it was not heard yet."""
        return self._named.get(member)

    def heard(self, member: MemberId, named: RegistryHead) -> None:
        """Take note of the registry that a verified message or receipt of ``member`` names."""
        size, before = named.size, self._named.get(member, 0)
        if size > self._mirror.size:
            claim = self._claims.get(member)
            if claim is None or size < claim.size:  # the one that can be compared first
                self._claims[member] = named
            if size > before:
                self._mirror.behind.set()
        elif self._mirror.root_at(size) != named.root:
            self._doubt(member, named)
            return
        if size > before:
            self._named[member] = size
            self._unsaved.add(member)

    def ahead(self) -> Sequence[MemberId]:
        """Return the members that claim a larger registry than ours."""
        return tuple(self._claims)

    def disbelieve(self, member: MemberId) -> None:
        """Forget a claim of which its member, when asked, has nothing to show."""
        claim = self._claims.pop(member, None)
        if claim is not None and self._named.get(member, 0) >= claim.size:
            del self._named[member]

    def _grown(self, _: View) -> None:
        for member, claim in list(self._claims.items()):
            if claim.size <= self._mirror.size:
                del self._claims[member]
                if self._mirror.root_at(claim.size) != claim.root:
                    self._named.pop(member, None)
                    self._doubt(member, claim)
