"""``genesis`` and ``admit``: how a federation and its members come to be."""

from dataclasses import replace
from types import MappingProxyType

from keys.errors import RejectedError
from keys.registry.authority import verify_authority
from keys.registry.member import ChainHead, Member
from keys.registry.statement import (
    NO_COMPETENCES,
    NO_STATEMENT,
    REGISTRY,
    Chain,
    Kind,
    MemberRole,
    RootSet,
    SignedStatement,
    Statement,
    WitnessSet,
)
from keys.registry.working import (
    Working,
    check_silent,
    head_of,
    misfit,
    proofs_of,
)
from keys.suite import MemberId

_SAYS = ("names", "role", "root", "next", "uses", "endpoint", "via")


def apply_genesis(working: Working, signed: SignedStatement) -> None:
    """Found the federation: every first registrar's root signs, and each of REGISTRY's keys.

    Its witness set is empty: witnesses are members, and there are none yet.
    """
    statement = signed.statement
    if statement.kind is not Kind.GENESIS or statement.witnesses != WitnessSet(0, ()):
        misfit("a registry begins with a genesis statement, without witnesses yet")
    if statement.member != REGISTRY or statement.role is not MemberRole.REGISTRAR:
        misfit("a genesis statement is about REGISTRY, a registrar")
    check_silent(statement, *_SAYS, "witnesses")
    working.check_place(statement, ChainHead(0, NO_STATEMENT, 0))
    root = _root(statement)
    _admit(working, signed, (replace(root, threshold=len(root.pairs)),))


def apply_admit(working: Working, signed: SignedStatement) -> None:
    """Admit a member: the registrars' threshold signs, the member's own, and each of its keys."""
    statement = signed.statement
    if statement.member in working.members:
        raise RejectedError("member_exists", f"{statement.member} is a member already")
    if statement.role is MemberRole.REGISTRAR:
        misfit("only the genesis statement names registrars")
    check_silent(statement, *_SAYS, "competences", "succeeds")
    check_competences(statement)
    if statement.succeeds is not None and not _stands_back(working, statement.succeeds):
        raise RejectedError(
            "predecessor_active",
            f"{statement.succeeds} is no suspended member: nobody takes the place of one that "
            "is at work",
        )
    working.check_place(statement, ChainHead(0, working.anchor, 0))
    _admit(working, signed, (working.registrars, _root(statement)))


def check_competences(statement: Statement) -> None:
    """Let a role pass that says whom a union acts for, and no other.

    Raises RejectedError ``statement_misfit``.
    """
    union = statement.role is MemberRole.UNION
    if union != bool(statement.competences.states):
        misfit("a union, and no other member, names the states that it acts for")
    if not union and statement.competences != NO_COMPETENCES:
        misfit("competences are a union's")


def _admit(working: Working, signed: SignedStatement, authorities: tuple[RootSet, ...]) -> None:
    statement = signed.statement
    if statement.next is None or "en" not in dict(statement.names):
        misfit("a member has an English name, a root set and the next by commitment")
    if statement.role is None or statement.chain is not Chain.ISSUER:
        misfit("a member is admitted in its issuer chain, with a role")
    root = _root(statement)
    working.reveal(statement.member, root)
    keys = working.introduce(statement, statement.uses)
    verify_authority(signed.note, authorities, proofs_of(statement.uses))
    head = head_of(signed)
    working.members[statement.member] = Member(
        member=statement.member,
        names=MappingProxyType(dict(statement.names)),
        role=statement.role,
        competences=statement.competences,
        succeeds=statement.succeeds,
        root=root,
        next=statement.next,
        keys=keys,
        endpoint=statement.endpoint or None,
        via=statement.via or (),
        chains=MappingProxyType({Chain.ISSUER: head}),
        admission=head,
    )
    working.grow(signed)


def _stands_back(working: Working, predecessor: MemberId) -> bool:
    member = working.members.get(predecessor)
    return member is not None and member.suspended


def _root(statement: Statement) -> RootSet:
    if statement.root is None:
        misfit("a member has a root set")
    return statement.root
