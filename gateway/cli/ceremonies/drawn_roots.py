"""The root sets of a new member: drawn here, or given as public files that were drawn elsewhere."""

from dataclasses import dataclass
from pathlib import Path

from gateway.cli.ceremonies.rootkeys import OFFLINE, RootPlan, draw_set, read_public
from gateway.errors import RejectedError
from keys.registry.draft import root_signers
from keys.registry.rootset import PublicRoots
from keys.registry.statement import NextSet, RootSet
from keys.rootfile import RootKey
from keys.slot import Cost
from keys.suite import Entropy, MemberId
from keys.tlog.note import NoteSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """A member's root keys: the set in force, and the set to come by commitment."""

    keys: tuple[RootKey, ...]
    root: RootSet
    coming: NextSet

    @property
    def signers(self) -> list[NoteSigner]:
        """Return all signers of the set in force."""
        return [signer for key in self.keys for signer in root_signers(key)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRoots:
    """Root sets that were drawn elsewhere: their keys are not here, and sign later."""

    now: PublicRoots
    then: PublicRoots

    def roots(self, federation: str, member: MemberId) -> Roots:
        """Return them as a member's. Raises RejectedError ``root_set_of_another_member``."""
        for shown in (self.now, self.then):
            if (shown.federation, shown.member) != (federation, member):
                raise RejectedError(
                    "root_set_of_another_member",
                    f"the root set is of {shown.member} in {shown.federation}, not of {member} in "
                    f"{federation}",
                )
        return Roots(keys=(), root=self.now.root, coming=self.then.coming)


def given_roots(now: Path | None, then: Path | None) -> GivenRoots | None:
    """Return the root sets of two public files; None where none is named.

    Raises RejectedError ``root_set_missing`` or ``root_set_malformed``.
    """
    if now is None and then is None:
        return None
    if now is None or then is None:
        raise RejectedError("root_set_missing", "--root-set and --next-set are named together")
    return GivenRoots(now=read_public(now), then=read_public(then))


def draw_roots(
    building: Path,
    federation: str,
    member: MemberId,
    plan: RootPlan,
    *,
    passphrase: bytes,
    cost: Cost,
    entropy: Entropy,
) -> Roots:
    """Make a member's root keys and those to come, each in a file of its own in ``building``."""
    offline = building / OFFLINE
    offline.mkdir(mode=0o700)
    (current, shown), (_, coming) = (
        draw_set(
            offline,
            federation,
            member,
            generation,
            plan,
            passphrases=[passphrase] * plan.count,
            cost=cost,
            entropy=entropy,
        )
        for generation in (1, 2)
    )
    return Roots(keys=tuple(current), root=shown.root, coming=coming.coming)
