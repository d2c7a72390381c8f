"""The state that follows from the registry: a pure fold, bytes in, trusted state out.

A statement that breaks a rule raises that rule's error and leaves the view as it was. What each
kind needs and changes is said at its function.
Source: keys/README.md, "The registry".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import assert_never

from keys.certificate import certificate_digest
from keys.errors import RejectedError
from keys.registry.authority import verify_authority
from keys.registry.grammar import parse_statement
from keys.registry.member import ChainHead, Member, RegisteredKey, RegistryHead
from keys.registry.statement import (
    NO_STATEMENT,
    REGISTRY,
    Chain,
    Kind,
    MemberRole,
    RootSet,
    SignedStatement,
    Statement,
    UseLine,
    WitnessSet,
)
from keys.signing import check_public_key
from keys.suite import KeyId, KeyUse, MemberId, digest
from keys.tlog.merkle import Frontier, leaf_hash
from keys.tlog.note import VerifierKey

ROTATIONS_A_DAY = 4
DAY_S = 86_400


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
        """Return the keys with which the registrars sign the registry's checkpoints."""
        keys = self.members[REGISTRY].keys_for(KeyUse.LOG)
        return tuple(key.verifier for key in keys if key.revoked_since is None)

    def chain_head(self, member: MemberId, chain: Chain) -> ChainHead:
        """Return the last statement of a chain, or what its first one must name as ``prev``."""
        known = self.members.get(member)
        if known is None:
            return ChainHead(0, self.anchor, 0)
        return known.chains.get(chain, ChainHead(0, known.chains[Chain.ISSUER].digest, 0))


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
    fold = _Fold(_nothing(signed, anchor))
    fold.found(signed)
    return fold.view()


def advance(view: View, notes: Sequence[bytes]) -> View:
    """Return the view after ``notes``, the statements that follow in the log, in order.

    Raises RejectedError named for the rule that a statement breaks; ``view`` itself never changes.
    """
    fold = _Fold(view)
    for note in notes:
        fold.apply(parse_statement(note))
    return fold.view()


def _nothing(signed: SignedStatement, anchor: bytes) -> View:
    return View(
        federation=signed.statement.federation,
        anchor=anchor,
        frontier=Frontier(),
        members={},
        keys={},
        pins={},
        owners={},
        witnesses=WitnessSet(0, ()),
    )


class _Fold:
    """The maps of one view, copied once and changed statement by statement."""

    def __init__(self, view: View) -> None:
        self._before = view
        self._members = dict(view.members)
        self._keys = dict(view.keys)
        self._pins = dict(view.pins)
        self._owners = dict(view.owners)
        self._leaves: list[bytes] = []
        self._witnesses = view.witnesses

    def view(self) -> View:
        return replace(
            self._before,
            frontier=self._before.frontier.extend(self._leaves),
            members=MappingProxyType(self._members),
            keys=MappingProxyType(self._keys),
            pins=MappingProxyType(self._pins),
            owners=MappingProxyType(self._owners),
            witnesses=self._witnesses,
        )

    def found(self, signed: SignedStatement) -> None:
        """genesis: every first registrar's root; brings the federation and REGISTRY's keys."""
        statement = signed.statement
        if statement.kind is not Kind.GENESIS or statement.witnesses is None:
            raise _misfit("a registry begins with a genesis statement that names its witnesses")
        if statement.member != REGISTRY or statement.role is not MemberRole.REGISTRAR:
            raise _misfit("a genesis statement is about REGISTRY, a registrar")
        self._check_place(statement, ChainHead(0, NO_STATEMENT, 0))
        everyone = replace(_root(statement), threshold=len(_root(statement).pairs))
        self._admit(signed, authorities=(everyone,))
        self._witnesses = statement.witnesses

    def apply(self, signed: SignedStatement) -> None:
        statement = signed.statement
        if statement.federation != self._before.federation:
            raise RejectedError(
                "statement_of_another_federation",
                f"the statement is of {statement.federation}, not {self._before.federation}",
            )
        match statement.kind:
            case Kind.ADMIT:
                self._apply_admit(signed)
            case Kind.KEYS:
                self._apply_keys(signed)
            case Kind.GENESIS:
                raise _misfit("a registry has one genesis statement, its first")
            case _:
                assert_never(statement.kind)

    def _apply_admit(self, signed: SignedStatement) -> None:
        """admit: the registrars' threshold and the member's own; the member exists."""
        statement = signed.statement
        if statement.member in self._members:
            raise RejectedError("member_exists", f"{statement.member} is a member already")
        if statement.witnesses is not None or statement.role is MemberRole.REGISTRAR:
            raise _misfit("only the genesis statement names registrars and witnesses")
        self._check_place(statement, ChainHead(0, self._before.anchor, 0))
        authorities = (self._members[REGISTRY].root, _root(statement))
        self._admit(signed, authorities=authorities)

    def _admit(self, signed: SignedStatement, *, authorities: tuple[RootSet, ...]) -> None:
        statement = signed.statement
        if statement.next is None or "en" not in dict(statement.names):
            raise _misfit("a member has an English name, a root set and the next by commitment")
        if statement.role is None or statement.chain is not Chain.ISSUER or statement.revocations:
            raise _misfit("a member is admitted in its issuer chain, with a role")
        root = _root(statement)
        for pair in root.pairs:
            for key in (pair.classical, pair.post_quantum):
                self._own(key.public_key, f"{statement.member} root")
            check_public_key(pair.classical.public_key)
        keys = tuple(self._introduce(statement, use) for use in statement.uses)
        verify_authority(signed.note, authorities, [use.verifier for use in statement.uses])
        self._members[statement.member] = Member(
            member=statement.member,
            names=MappingProxyType(dict(statement.names)),
            role=statement.role,
            root=root,
            next=statement.next,
            keys=keys,
            endpoint=statement.endpoint,
            via=statement.via,
            chains=MappingProxyType({Chain.ISSUER: _head(signed)}),
            admitted_at=statement.at,
        )
        self._leaves.append(leaf_hash(signed.encoded))

    def _apply_keys(self, signed: SignedStatement) -> None:
        """keys: the member's root threshold, or one good ``sign`` key; brings and retires keys."""
        statement = signed.statement
        member = self._members.get(statement.member)
        if member is None:
            raise RejectedError("member_unknown", f"{statement.member} is no member")
        self._check_place(statement, self._chain_head(member, statement.chain))
        _check_keys_items(statement)
        known = {key.key_id: key for key in member.keys}
        fresh = [use for use in statement.uses if use.key_id not in known]
        proofs = [use.verifier for use in fresh]
        if statement.chain is Chain.ROOT:
            verify_authority(signed.note, (member.root,), proofs)
            rotations = member.rotations
        else:
            rotations = _within_a_day(member, statement)
            good = [
                key.verifier for key in member.keys_for(KeyUse.SIGN) if _may_sign(key, statement)
            ]
            verify_authority(signed.note, (), proofs, any_of=good)
        for use in statement.uses:
            if use.key_id in known:
                known[use.key_id] = _retired(known[use.key_id], use)
            else:
                known[use.key_id] = self._introduce(statement, use)
        for revocation in statement.revocations:
            if revocation.key_id not in known:
                raise _misfit("a member revokes keys of its own alone")
            key = known[revocation.key_id]
            since = min(revocation.since, key.revoked_since or revocation.since)
            known[revocation.key_id] = replace(key, revoked_since=since)
        for key in known.values():
            self._hold(key)
        self._members[statement.member] = replace(
            member,
            keys=tuple(known.values()),
            endpoint=statement.endpoint or member.endpoint,
            via=statement.via or member.via,
            chains=MappingProxyType({**member.chains, statement.chain: _head(signed)}),
            rotations=rotations,
        )
        self._leaves.append(leaf_hash(signed.encoded))

    def _check_place(self, statement: Statement, head: ChainHead) -> None:
        if statement.seq != head.seq + 1 or statement.prev != head.digest:
            raise RejectedError(
                "statement_out_of_order",
                f"statement {statement.seq} of {statement.member}'s chain {statement.chain} does "
                f"not follow number {head.seq}: a gap, a fork or a repeat",
            )
        if statement.at < head.at:
            raise RejectedError(
                "statement_back_dated", "the statement is dated before the one it follows"
            )

    def _chain_head(self, member: Member, chain: Chain) -> ChainHead:
        admission = member.chains[Chain.ISSUER]
        return member.chains.get(chain, ChainHead(0, admission.digest, admission.at))

    def _introduce(self, statement: Statement, use: UseLine) -> RegisteredKey:
        if use.start < statement.at:
            raise RejectedError(
                "statement_back_dated", "a key starts before the statement that brings it"
            )
        check_public_key(use.verifier.public_key)
        self._own(use.verifier.public_key, f"{statement.member} {use.use}")
        key = RegisteredKey(
            member=statement.member,
            use=use.use,
            key_id=use.key_id,
            verifier=use.verifier,
            start=use.start,
            end=use.end,
            certificate=use.certificate,
        )
        self._hold(key)
        return key

    def _hold(self, key: RegisteredKey) -> None:
        self._keys[key.key_id] = key
        if key.use is KeyUse.TLS:
            self._pins[certificate_digest(key.certificate)] = key

    def _own(self, public_key: bytes, owner: str) -> None:
        if public_key in self._owners:
            raise RejectedError(
                "key_reused", "a key belongs to one member and one use for ever; this one is taken"
            )
        self._owners[public_key] = owner


def _root(statement: Statement) -> RootSet:
    if statement.root is None:
        raise _misfit("a member has a root set")
    return statement.root


def _check_keys_items(statement: Statement) -> None:
    if statement.chain is Chain.ISSUER:
        raise _misfit("a member's keys stand in its node or root chain")
    if (
        statement.names
        or statement.role is not None
        or statement.root is not None
        or statement.next is not None
        or statement.witnesses is not None
    ):
        raise RejectedError(
            "statement_oversteps",
            "a keys statement changes keys in use, endpoint and relays alone, never root or next",
        )
    early = [item for item in statement.revocations if item.since < statement.at]
    if statement.chain is Chain.NODE and early:
        raise RejectedError(
            "statement_oversteps", "a sign key revokes from now on; only the root revokes backwards"
        )


def _may_sign(key: RegisteredKey, statement: Statement) -> bool:
    return key.revoked_since is None and key.start <= statement.at < key.end


def _retired(key: RegisteredKey, use: UseLine) -> RegisteredKey:
    if use.use is not key.use or use.start != key.start or use.end > key.end:
        raise RejectedError(
            "statement_oversteps", "of a key that is registered only the end may change, to earlier"
        )
    return replace(key, end=use.end)


def _within_a_day(member: Member, statement: Statement) -> tuple[int, ...]:
    recent = tuple(at for at in member.rotations if at > statement.at - DAY_S)
    if len(recent) >= ROTATIONS_A_DAY:
        raise RejectedError(
            "rotations_too_many", f"a sign key changes keys at most {ROTATIONS_A_DAY} times a day"
        )
    return (*recent, statement.at)


def _head(signed: SignedStatement) -> ChainHead:
    return ChainHead(signed.statement.seq, signed.digest, signed.statement.at)


def _misfit(detail: str) -> RejectedError:
    return RejectedError("statement_misfit", detail)
