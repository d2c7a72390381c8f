"""What the registry says of a member and its keys, as the fold leaves it."""

from collections.abc import Mapping
from dataclasses import dataclass

from keys.registry.statement import (
    NO_COMPETENCES,
    Chain,
    Competences,
    MemberRole,
    NextSet,
    RootSet,
    UseLine,
    WitnessSet,
)
from keys.suite import KeyId, KeyUse, MemberId
from keys.tlog.note import VerifierKey


@dataclass(frozen=True, slots=True)
class RegistryHead:
    """A registry's size and root hash (32 bytes): what each payload names as its sender's view."""

    size: int
    root: bytes

    def encode(self) -> bytes:
        """Return 40 bytes: size (8, big-endian) and root."""
        return self.size.to_bytes(8, "big") + self.root

    @classmethod
    def parse(cls, encoded: bytes) -> "RegistryHead":
        """Read the 40 bytes that ``encode`` wrote."""
        return cls(int.from_bytes(encoded[:8], "big"), encoded[8:40])


@dataclass(frozen=True, slots=True)
class Revoked:
    """That a statement of ``stated_at`` revoked a key with effect from ``since``, UTC seconds."""

    stated_at: int
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredKey:
    """A key that belongs to a member for one use; ``start`` to ``end`` (excluded), UTC seconds."""

    member: MemberId
    use: KeyUse
    key_id: KeyId
    verifier: VerifierKey
    start: int
    end: int
    certificate: bytes = b""
    post_quantum: VerifierKey | None = None
    """The second half of a witness's key."""
    introduced_at: int = 0
    """The date of the statement that brought it."""
    introduced_by: frozenset[KeyId] = frozenset()
    """The ``sign`` keys that had the say in it; none where roots had."""
    revoked_since: int | None = None
    revocations: tuple[Revoked, ...] = ()
    """The statements that revoked it, each with effect from earlier than the one before."""

    @property
    def public_key(self) -> bytes:
        """The Ed25519 public key (32 bytes)."""
        return self.verifier.public_key

    def verifying_for(self, origin: str) -> VerifierKey:
        """Return a ``log`` key under the name of a log that it signs for.

        A log signs under its origin, as c2sp.org/tlog-checkpoint asks and stock tools expect.
        """
        return VerifierKey(origin, self.verifier.algorithm, self.public_key)

    def good_at(self, at: int) -> bool:
        """Tell whether the key may be used at ``at``: in its range, and not revoked by then."""
        revoked = self.revoked_since is not None and self.revoked_since <= at
        return self.start <= at < self.end and not revoked

    def was_revoked_by(self, at: int) -> bool:
        """Tell whether somebody who knew every statement at ``at`` knew it to be revoked then."""
        return any(item.stated_at <= at and item.since <= at for item in self.revocations)


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last statement of one of a member's chains."""

    seq: int
    digest: bytes
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A recovery under way: what the member will be, once 30 witnessed days are over."""

    proposal: bytes
    """The digest of the ``recover`` statement."""
    size: int
    """The registry's size with that statement: a head over it is this long at least."""
    root: RootSet
    next: NextSet
    uses: tuple[UseLine, ...]
    endpoint: str | None
    via: tuple[MemberId, ...] | None
    witnesses: WitnessSet
    """The witnesses whose time counts: those named when it began."""
    vetoed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member's standing."""

    member: MemberId
    names: Mapping[str, str]
    """By language: ``en``, and ``fr`` where given."""
    role: MemberRole
    root: RootSet
    next: NextSet
    keys: tuple[RegisteredKey, ...]
    endpoint: str | None
    via: tuple[MemberId, ...]
    chains: Mapping[Chain, ChainHead]
    admission: ChainHead
    """The statement that made it a member: every chain begins there."""
    competences: Competences = NO_COMPETENCES
    """Of a union."""
    succeeds: MemberId | None = None
    """The member in whose place this one was admitted."""
    suspended_by: frozenset[Chain] = frozenset()
    """``issuer`` for the registrars, ``root`` for one of its own roots."""
    suspension_spent: bool = False
    """Whether a root of the set in force has used its one suspension."""
    recovery: Recovery | None = None
    rotations: tuple[tuple[Chain, int], ...] = ()
    """When its last ``keys`` statements were, by chain: four a day at most."""

    @property
    def admitted_at(self) -> int:
        """When it was admitted, UTC seconds."""
        return self.admission.at

    @property
    def suspended(self) -> bool:
        """Whether nothing is taken from it or given to it."""
        return bool(self.suspended_by)

    def name(self, language: str) -> str:
        """Return the member's name in ``language``, or in English."""
        return self.names.get(language, self.names["en"])

    def keys_for(self, use: KeyUse) -> tuple[RegisteredKey, ...]:
        """Return the member's keys of one use, the oldest first."""
        return tuple(
            sorted((key for key in self.keys if key.use is use), key=lambda key: key.start)
        )

    def current(self, use: KeyUse, now: int) -> RegisteredKey | None:
        """Return the newest key of one use that is good now."""
        for key in reversed(self.keys_for(use)):
            if key.good_at(now):
                return key
        return None
