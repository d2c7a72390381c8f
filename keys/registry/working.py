"""The maps of one view while statements change them, and the rules that hold for every kind.

Copied once for a whole run of statements; thrown away when one of them breaks a rule.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NoReturn

from keys.certificate import certificate_digest
from keys.errors import RejectedError
from keys.registry.member import ChainHead, Member, RegisteredKey
from keys.registry.statement import (
    REGISTRY,
    Chain,
    RootSet,
    SignedStatement,
    Statement,
    UseLine,
    WitnessSet,
)
from keys.signing import check_public_key
from keys.suite import KeyId, KeyUse, MemberId
from keys.tlog.merkle import Frontier, leaf_hash
from keys.tlog.note import VerifierKey


class Working:
    """What the registry says so far; the modules of each kind change it."""

    def __init__(
        self,
        federation: str,
        anchor: bytes,
        frontier: Frontier,
        *,
        members: Mapping[MemberId, Member],
        keys: Mapping[KeyId, RegisteredKey],
        pins: Mapping[bytes, RegisteredKey],
        owners: Mapping[bytes, str],
        witnesses: WitnessSet,
        heads: Mapping[int, bytes],
    ) -> None:
        self.federation = federation
        self.anchor = anchor
        self.frontier = frontier
        self.members = dict(members)
        self.keys = dict(keys)
        self.pins = dict(pins)
        self.owners = dict(owners)
        self.witnesses = witnesses
        self.heads = dict(heads)
        """Roots by size, since the oldest recovery that is under way began."""

    @property
    def registrars(self) -> RootSet:
        """The registrars' root set in force."""
        return self.members[REGISTRY].root

    def member(self, statement: Statement) -> Member:
        """Return the member that a statement is about. Raises RejectedError ``member_unknown``."""
        try:
            return self.members[statement.member]
        except KeyError:
            raise RejectedError("member_unknown", f"{statement.member} is no member") from None

    def check_place(self, statement: Statement, head: ChainHead) -> None:
        """Let a statement pass that follows ``head``: no gap, no fork, no repeat, not back-dated.

        Raises RejectedError ``statement_out_of_order`` or ``statement_back_dated``.
        """
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

    def follow(self, member: Member, statement: Statement, *chains: Chain) -> None:
        """Let a statement pass that follows in its chain, which is one of ``chains``.

        Raises RejectedError ``statement_misfit`` or as ``check_place``.
        """
        if statement.chain not in chains:
            misfit(f"a {statement.kind} statement does not stand in the chain {statement.chain}")
        self.check_place(statement, chain_head(member, statement.chain))

    def keep(self, member: Member, signed: SignedStatement) -> None:
        """Keep a member as a statement leaves it; the chain goes on, the log grows."""
        chains = {**member.chains, signed.statement.chain: head_of(signed)}
        self.members[member.member] = replace(member, chains=MappingProxyType(chains))
        self.grow(signed)

    def grow(self, signed: SignedStatement) -> None:
        """Append a statement's leaf."""
        self.frontier = self.frontier.extend([leaf_hash(signed.encoded)])
        if self.heads:
            self.heads[self.frontier.size] = self.frontier.root()

    def introduce(
        self, statement: Statement, uses: Iterable[UseLine], by: frozenset[KeyId] = frozenset()
    ) -> tuple[RegisteredKey, ...]:
        """Register the keys that a statement brings; return them.

        Raises RejectedError ``statement_back_dated``, ``key_not_on_curve`` or ``key_reused``.
        """
        for use in uses:
            self.reserve(statement, use)
        return tuple(self.registered(statement, use, by) for use in uses)

    def reserve(self, statement: Statement, use: UseLine) -> None:
        """Let a new key pass, and take it out of anybody else's reach for ever."""
        if use.start < statement.at:
            raise RejectedError(
                "statement_back_dated", "a key starts before the statement that brings it"
            )
        check_public_key(use.verifier.public_key)
        for proof in use.proofs:
            self.own(proof.public_key, f"{statement.member} {use.use}")

    def registered(
        self, statement: Statement, use: UseLine, by: frozenset[KeyId] = frozenset()
    ) -> RegisteredKey:
        """Register a key that is reserved already."""
        key = RegisteredKey(
            member=statement.member,
            use=use.use,
            key_id=use.key_id,
            verifier=use.verifier,
            start=use.start,
            end=use.end,
            certificate=use.certificate,
            post_quantum=use.post_quantum,
            introduced_at=statement.at,
            introduced_by=by,
        )
        self.hold(key)
        return key

    def hold(self, *keys: RegisteredKey) -> None:
        """Keep keys as they now are."""
        for key in keys:
            self.keys[key.key_id] = key
            if key.use is KeyUse.TLS:
                self.pins[certificate_digest(key.certificate)] = key

    def reveal(self, member: MemberId, root: RootSet) -> None:
        """Take the keys of a root set that is shown for the first time.

        Raises RejectedError ``key_not_on_curve`` or ``key_reused``.
        """
        for pair in root.pairs:
            check_public_key(pair.classical.public_key)
            for key in (pair.classical, pair.post_quantum):
                self.own(key.public_key, f"{member} root")

    def own(self, public_key: bytes, owner: str) -> None:
        """Take a key for one member and one use. Raises RejectedError ``key_reused``."""
        if public_key in self.owners:
            raise RejectedError(
                "key_reused", "a key belongs to one member and one use for ever; this one is taken"
            )
        self.owners[public_key] = owner


def chain_head(member: Member, chain: Chain) -> ChainHead:
    """Return the last statement of a chain; for one that is empty, the admission."""
    admission = member.admission
    return member.chains.get(chain, ChainHead(0, admission.digest, admission.at))


def head_of(signed: SignedStatement) -> ChainHead:
    """Return a statement as the one that the next of its chain follows."""
    return ChainHead(signed.statement.seq, signed.digest, signed.statement.at)


def proofs_of(uses: Iterable[UseLine]) -> list[VerifierKey]:
    """Return every key that must sign because the statement brings it."""
    return [proof for use in uses for proof in use.proofs]


def check_silent(statement: Statement, *allowed: str) -> None:
    """Let a statement pass that says nothing but what its kind is for.

    Raises RejectedError ``statement_oversteps``.
    """
    blank = Statement(
        federation=statement.federation,
        kind=statement.kind,
        member=statement.member,
        chain=statement.chain,
        seq=statement.seq,
        at=statement.at,
        prev=statement.prev,
    )
    said = [item for item in _ITEMS if getattr(statement, item) != getattr(blank, item)]
    if too_much := set(said).difference(allowed):
        raise RejectedError(
            "statement_oversteps",
            f"a {statement.kind} statement in the chain {statement.chain} says nothing of "
            f"{', '.join(sorted(too_much))}",
        )


_ITEMS = (
    "names", "role", "competences", "succeeds", "root", "next", "uses", "revocations",
    "endpoint", "via", "witnesses", "checkpoints",
)  # fmt: skip


def misfit(detail: str) -> NoReturn:
    """Refuse a statement that lacks what its kind needs."""
    raise RejectedError("statement_misfit", detail)
