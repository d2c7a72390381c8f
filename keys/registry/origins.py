"""The logs of a federation: which origins there are, and with which keys each signs its heads.

A federation has one registry, and each member one audit log, in a shard for every year and another
wherever it had to begin anew: ``<federation>/<MEMBER>/audit/<year>[.<n>]``. Each signs with its
member's ``log`` key, under its origin as the key's name.
"""

import re
from dataclasses import dataclass

from keys.errors import RejectedError
from keys.registry.member import RegisteredKey
from keys.registry.statement import REGISTRY
from keys.registry.view import View
from keys.suite import KeyUse, MemberId, parse_member_id
from keys.tlog.note import VerifierKey

_SHARD = re.compile(r"([1-9][0-9]{3})(?:\.([1-9][0-9]{0,4}))?\Z")


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """One shard of an audit log: its year, and how often that year's log began anew."""

    year: int
    restart: int = 0

    def __str__(self) -> str:
        """Return the last part of its origin: ``2026``, or ``2026.1``."""
        return f"{self.year}.{self.restart}" if self.restart else str(self.year)

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read what ``str`` gives. Raises RejectedError ``shard_malformed``."""
        found = _SHARD.match(text)
        if found is None:
            raise RejectedError(
                "shard_malformed", "a shard is a year, or a year, a point and a number"
            )
        return cls(int(found[1]), int(found[2] or 0))


@dataclass(frozen=True, slots=True)
class AuditOrigin:
    """The origin of one shard of a member's audit log."""

    federation: str
    member: MemberId
    shard: Shard

    def __str__(self) -> str:
        """Return the origin as it stands in checkpoints."""
        return f"{self.federation}/{self.member}/audit/{self.shard}"

    @classmethod
    def parse(cls, text: str) -> "AuditOrigin":
        """Read an origin. Raises RejectedError ``origin_malformed``."""
        match text.rsplit("/", 3):
            case [federation, member, "audit", shard] if federation:
                try:
                    return cls(federation, parse_member_id(member), Shard.parse(shard))
                except RejectedError as fault:
                    raise _malformed() from fault
        raise _malformed()


def log_keys_of(view: View, origin: str) -> tuple[VerifierKey, ...]:
    """Return the keys that may have signed heads of a log, the oldest first; none of a stranger.

    Revoked ones are not among them. Whether a key was good at a head's time is another question.
    """
    registered = registered_log_keys(view, origin).items()
    return tuple(verifier for verifier, key in registered if key.revoked_since is None)


def registered_log_keys(view: View, origin: str) -> dict[VerifierKey, RegisteredKey]:
    """Return all keys that ever signed for a log, revoked ones too, by what verifies it."""
    return {key.verifying_for(origin): key for key in _registered(view, origin)}


def _registered(view: View, origin: str) -> tuple[RegisteredKey, ...]:
    if origin == view.origin:
        return view.members[REGISTRY].keys_for(KeyUse.LOG)
    try:
        named = AuditOrigin.parse(origin)
    except RejectedError:
        return ()
    member = view.members.get(named.member)
    if named.federation != view.federation or member is None:
        return ()
    return member.keys_for(KeyUse.LOG)


def _malformed() -> RejectedError:
    return RejectedError(
        "origin_malformed", "an audit log is named <federation>/<member>/audit/<year>[.<number>]"
    )
