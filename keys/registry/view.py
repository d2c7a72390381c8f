"""The state that follows from the registry: a pure fold, bytes in, trusted state out.

A statement that breaks a rule raises that rule's error and leaves the view as it was. What each
kind needs and changes is said at its function, in ``admission``, ``rotation``, ``standing`` and
``recovery``.
Source: keys/README.md, "The registry".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from keys.errors import RejectedError
from keys.registry import admission, recovery, rotation, standing
from keys.registry.grammar import parse_statement
from keys.registry.member import ChainHead, Member, RegisteredKey, RegistryHead
from keys.registry.statement import (
    REGISTRY,
    Chain,
    Kind,
    SignedStatement,
    Statement,
    WitnessSet,
)
from keys.registry.witnessed import classical_time
from keys.registry.working import Working, chain_head, misfit
from keys.suite import KeyId, MemberId, digest
from keys.tlog.merkle import Frontier
from keys.tlog.note import VerifierKey


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the registry says at one size."""

    federation: str
    anchor: bytes
    """The digest of the genesis statement: all that a joining node trusts."""
    frontier: Frontier
    members: Mapping[MemberId, Member]
    keys: Mapping[KeyId, RegisteredKey]
    pins: Mapping[bytes, RegisteredKey]
    """``tls`` keys by the digest of their certificate."""
    owners: Mapping[bytes, str]
    """Every public key ever shown, with whose and for what it is."""
    witnesses: WitnessSet
    heads: Mapping[int, bytes]
    """Roots by size, since the oldest recovery that is under way began."""

    @property
    def head(self) -> RegistryHead:
        """The size and root of the log that this view follows from."""
        return RegistryHead(self.frontier.size, self.frontier.root())

    @property
    def origin(self) -> str:
        """The origin line of the registry's checkpoints."""
        return f"{self.federation}/registry"

    def member(self, member: MemberId) -> Member:
        """Return a member. Raises RejectedError ``member_unknown``."""
        try:
            return self.members[member]
        except KeyError:
            raise RejectedError(
                "member_unknown", f"the registry knows no member {member}"
            ) from None

    def log_keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys with which the registrars sign the registry's heads, under its origin."""
        keys = recovery.log_keys(self.members[REGISTRY].keys)
        return tuple(key.verifying_for(self.origin) for key in keys)

    def witnessing(self) -> tuple[Member, ...]:
        """Return the members that the registry names as its witnesses."""
        return tuple(self.members[name] for name in self.witnesses.members)

    def chain_head(self, member: MemberId, chain: Chain) -> ChainHead:
        """Return the last statement of a chain, or what its first one must name as ``prev``."""
        known = self.members.get(member)
        if known is None:
            return ChainHead(0, self.anchor, 0)
        return chain_head(known, chain)


def found(genesis: bytes, anchor: bytes) -> View:
    """Return the view after the genesis statement, which ``anchor`` (32 bytes) names.

    It must be signed by every first registrar's root, both keys, and by each key it brings.
    Raises RejectedError ``anchor_mismatch``, ``statement_out_of_order``, ``signature_missing``, …
    """
    if digest(genesis) != anchor:
        raise RejectedError(
            "anchor_mismatch",
            "the registry shown is not the one of this anchor: compare the fingerprint with the "
            "registrar by another way",
        )
    signed = parse_statement(genesis)
    working = Working(
        signed.statement.federation,
        anchor,
        Frontier(),
        members={},
        keys={},
        pins={},
        owners={},
        witnesses=WitnessSet(0, ()),
        heads={},
    )
    admission.apply_genesis(working, signed)
    return _view(working)


def advance(view: View, notes: Sequence[bytes]) -> View:
    """Return the view after ``notes``, the statements that follow in the log, in order.

    Raises RejectedError named for the rule that a statement breaks; ``view`` itself never changes.
    """
    working = _working(view)
    for note in notes:
        _apply(working, parse_statement(note))
    return _view(working)


def check_veto(view: View, note: bytes) -> Member:
    """Return the member whose veto against its recovery this is, if it stands in this view.

    Raises RejectedError as ``advance`` would, or ``statement_misfit`` for another kind.
    """
    signed = parse_statement(note)
    if signed.statement.kind is not Kind.VETO:
        misfit("this is no veto")
    return recovery.check_veto(_working(view), signed)


def recovery_ended_at(view: View, statement: Statement) -> int:
    """Return when the thirty days were over that a ``recovered`` shows, by its witnesses' time.

    ``view`` is what the registry says before it; 0 where it shows nothing of the kind.
    """
    member = view.member(statement.member)
    if member.recovery is None or not statement.checkpoints:
        return 0
    witnesses = member.recovery.witnesses
    members = [view.members[name] for name in witnesses.members]
    return classical_time(statement.checkpoints[-1], members, witnesses.quorum) or 0


def _apply(working: Working, signed: SignedStatement) -> None:
    statement = signed.statement
    if statement.federation != working.federation:
        raise RejectedError(
            "statement_of_another_federation",
            f"the statement is of {statement.federation}, not {working.federation}",
        )
    _APPLY[statement.kind](working, signed)


def _genesis_again(working: Working, signed: SignedStatement) -> None:
    del working, signed
    misfit("a registry has one genesis statement, its first")


_APPLY: Mapping[Kind, Callable[[Working, SignedStatement], None]] = {
    Kind.GENESIS: _genesis_again,
    Kind.ADMIT: admission.apply_admit,
    Kind.KEYS: rotation.apply_keys,
    Kind.ROTATE: rotation.apply_rotate,
    Kind.SUSPEND: standing.apply_suspend,
    Kind.RESUME: standing.apply_resume,
    Kind.ROLE: standing.apply_role,
    Kind.WITNESSES: standing.apply_witnesses,
    Kind.RECOVER: recovery.apply_recover,
    Kind.RECOVERED: recovery.apply_recovered,
    Kind.VETO: recovery.apply_veto,
}


def _working(view: View) -> Working:
    return Working(
        view.federation,
        view.anchor,
        view.frontier,
        members=view.members,
        keys=view.keys,
        pins=view.pins,
        owners=view.owners,
        witnesses=view.witnesses,
        heads=view.heads,
    )


def _view(working: Working) -> View:
    heads = working.heads
    if heads and not any(_recovering(member) for member in working.members.values()):
        heads = {}
    return View(
        federation=working.federation,
        anchor=working.anchor,
        frontier=working.frontier,
        members=MappingProxyType(working.members),
        keys=MappingProxyType(working.keys),
        pins=MappingProxyType(working.pins),
        owners=MappingProxyType(working.owners),
        witnesses=working.witnesses,
        heads=MappingProxyType(heads),
    )


def _recovering(member: Member) -> bool:
    return member.recovery is not None and not member.recovery.vetoed
