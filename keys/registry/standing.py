"""``suspend``, ``resume``, ``role`` and ``witnesses``: what is said of a member's standing."""

from dataclasses import replace

from keys.errors import RejectedError
from keys.registry.admission import check_competences
from keys.registry.authority import Consent, verify_authority
from keys.registry.statement import (
    REGISTRY,
    Chain,
    MemberRole,
    SignedStatement,
    Statement,
)
from keys.registry.working import Working, check_silent, misfit
from keys.suite import KeyUse, MemberId
from keys.tlog.note import VerifierKey


def apply_suspend(working: Working, signed: SignedStatement) -> None:
    """Suspend a member: the registrars' threshold signs, or one root of it, once for each set.

    Nothing is taken from the member or given to it; it keeps ``keys``, ``rotate`` and its veto.
    """
    statement = signed.statement
    member = working.member(statement)
    if statement.member == REGISTRY:
        raise RejectedError(
            "registry_not_suspendable", "the registrars are replaced by rotation, not suspended"
        )
    working.follow(member, statement, Chain.ISSUER, Chain.ROOT)
    check_silent(statement)
    by_root = statement.chain is Chain.ROOT
    if statement.chain in member.suspended_by:
        misfit(f"{statement.member} is suspended by the same authority already")
    if by_root and member.suspension_spent:
        raise RejectedError(
            "suspension_spent", "one root suspends once for each root set; the threshold rotates it"
        )
    authority = replace(member.root, threshold=1) if by_root else working.registrars
    verify_authority(signed.note, (authority,))
    member = replace(
        member,
        suspended_by=member.suspended_by | {statement.chain},
        suspension_spent=member.suspension_spent or by_root,
    )
    working.keep(member, signed)


def apply_resume(working: Working, signed: SignedStatement) -> None:
    """Lift a suspension: the registrars theirs, the member's root threshold its own."""
    statement = signed.statement
    member = working.member(statement)
    working.follow(member, statement, Chain.ISSUER, Chain.ROOT)
    check_silent(statement)
    if statement.chain not in member.suspended_by:
        misfit(f"{statement.member} is not suspended by this authority")
    authority = member.root if statement.chain is Chain.ROOT else working.registrars
    verify_authority(signed.note, (authority,))
    working.keep(replace(member, suspended_by=member.suspended_by - {statement.chain}), signed)


def apply_role(working: Working, signed: SignedStatement) -> None:
    """Say what a member is, and what a union is entitled to: the registrars' threshold signs."""
    statement = signed.statement
    member = working.member(statement)
    working.follow(member, statement, Chain.ISSUER)
    check_silent(statement, "role", "competences")
    if statement.role is None or MemberRole.REGISTRAR in (statement.role, member.role):
        misfit("a member gets a role, and a registrar no other")
    check_competences(statement)
    verify_authority(signed.note, (working.registrars,))
    working.keep(replace(member, role=statement.role, competences=statement.competences), signed)


def apply_witnesses(working: Working, signed: SignedStatement) -> None:
    """Name the witnesses: the registrars' threshold signs, and the present witnesses agree.

    So many of them that no quorum lacks one. Without that a stolen quorum of registrars could name
    witnesses of its own, whose clocks say what it likes, and complete a recovery in a day.
    """
    statement = signed.statement
    working.follow(working.member(statement), statement, Chain.ISSUER)
    check_silent(statement, "witnesses")
    if statement.member != REGISTRY or statement.witnesses is None:
        misfit("witnesses are named in the issuer chain of REGISTRY")
    for name in statement.witnesses.members:
        named = working.members.get(name)
        if named is None or not named.keys_for(KeyUse.WITNESS):
            raise RejectedError("witness_unknown", f"{name} is no member with a witness key")
    consent = Consent(
        needed=working.witnesses.blocking,
        members=tuple(_voices(working, name, statement) for name in working.witnesses.members),
    )
    verify_authority(signed.note, (working.registrars,), consent=consent)
    working.witnesses = statement.witnesses
    working.keep(working.members[REGISTRY], signed)


def _voices(working: Working, name: MemberId, statement: Statement) -> frozenset[VerifierKey]:
    return frozenset(
        key.verifier
        for key in working.members[name].keys_for(KeyUse.SIGN)
        if key.revoked_since is None and key.start <= statement.at < key.end
    )
