"""``keys`` and ``rotate``: how a member changes its own keys, and answers a theft."""

from collections.abc import Mapping
from dataclasses import replace

from keys.errors import RejectedError
from keys.registry.authority import verify_authority
from keys.registry.member import Member, RegisteredKey, Revoked
from keys.registry.statement import (
    REGISTRY,
    Chain,
    NextSet,
    RootSet,
    SignedStatement,
    Statement,
    UseLine,
)
from keys.registry.working import Working, check_silent, misfit, proofs_of
from keys.suite import KeyId, KeyUse

ROTATIONS_A_DAY = 4
DAY_S = 86_400


def apply_keys(working: Working, signed: SignedStatement) -> None:
    """Change a member's keys: its root threshold signs, or one good ``sign`` key, and each new key.

    Brings keys, ends and revokes them, changes endpoint and relays; never root or next.
    """
    statement = signed.statement
    member = working.member(statement)
    working.follow(member, statement, Chain.NODE, Chain.ROOT)
    check_silent(statement, "uses", "revocations", "endpoint", "via")
    fresh = _fresh(member, statement)
    by: frozenset[KeyId] = frozenset()
    if statement.chain is Chain.ROOT:
        verify_authority(signed.note, (member.root,), proofs_of(fresh))
    else:
        if any(item.since < statement.at for item in statement.revocations):
            raise RejectedError(
                "statement_oversteps",
                "a sign key revokes from now on; only the root revokes backwards",
            )
        good = {
            key.verifier: key.key_id
            for key in member.keys_for(KeyUse.SIGN)
            if key.revoked_since is None and key.start <= statement.at < key.end
        }
        proofs = proofs_of(fresh)
        signed_by = verify_authority(signed.note, (), proofs, any_of=tuple(good))
        by = frozenset(good[key] for key in signed_by if key in good)
    rotations = _within_a_day(member, statement)
    member = _changed(working, member, statement, by)
    if statement.chain is Chain.ROOT:
        member = without_recovery(member)
    working.keep(replace(member, rotations=rotations), signed)


def apply_rotate(working: Working, signed: SignedStatement) -> None:
    """Replace a member's roots: the committed next ones sign, shown now, and each new key.

    They take the place of the roots in force and commit to the next; whatever ``keys`` may change
    may be changed with it. It is the planned rotation and the answer to theft alike.
    """
    statement = signed.statement
    member = working.member(statement)
    working.follow(member, statement, Chain.NEXT)
    check_silent(statement, "root", "next", "uses", "revocations", "endpoint", "via")
    root = revealed(member, statement)
    if statement.next is None:
        misfit("a rotation commits to the roots that come after")
    if set(statement.next.commitments) & set(member.next.commitments):
        raise RejectedError("key_reused", "the roots to come are those that are shown now")
    verify_authority(signed.note, (root,), proofs_of(_fresh(member, statement)))
    working.reveal(member.member, root)
    member = _changed(working, member, statement, frozenset())
    member = without_recovery(
        replace(member, root=root, next=statement.next, suspension_spent=False)
    )
    working.keep(member, signed)


def revealed(member: Member, statement: Statement) -> RootSet:
    """Return the root set that a statement shows, if it is the one committed to.

    Raises RejectedError ``next_not_committed``.
    """
    root = statement.root
    if root is None:
        misfit(f"a {statement.kind} statement shows the roots that were committed to")
    if NextSet(root.threshold, tuple(pair.commitment for pair in root.pairs)) != member.next:
        raise RejectedError(
            "next_not_committed",
            f"these are not the roots that {member.member} committed to as its next",
        )
    return root


def without_recovery(member: Member) -> Member:
    """Return a member whose recovery is vetoed, if there is one: it has not lost its roots."""
    if member.recovery is None:
        return member
    return replace(member, recovery=replace(member.recovery, vetoed=True))


def revoked(
    keys: Mapping[KeyId, RegisteredKey], key_id: KeyId, since: int, stated_at: int
) -> dict[KeyId, RegisteredKey]:
    """Return a member's keys with one revoked, and void with it every key that it brought since.

    ``stated_at`` is the date of the statement that says so.
    """
    key = keys[key_id]
    if key.revoked_since is not None and key.revoked_since <= since:
        return dict(keys)
    revocations = (*key.revocations, Revoked(stated_at, since))
    found = {**keys, key_id: replace(key, revoked_since=since, revocations=revocations)}
    for other in keys.values():
        if key_id in other.introduced_by and other.introduced_at >= since:
            found = revoked(found, other.key_id, other.start, stated_at)
    return found


def _changed(
    working: Working, member: Member, statement: Statement, by: frozenset[KeyId]
) -> Member:
    """Return a member with the changes of keys, endpoint and relays that a statement makes."""
    known = {key.key_id: key for key in member.keys}
    for use in statement.uses:
        if use.key_id in known:
            known[use.key_id] = _retired(known[use.key_id], use, statement.at)
    fresh = _fresh(member, statement)
    for revocation in statement.revocations:  # before the new keys: what it brings is not void
        if revocation.key_id not in known:
            misfit("a member revokes keys of its own alone")
        known = revoked(known, revocation.key_id, revocation.since, statement.at)
    for key in working.introduce(statement, fresh, by):
        known[key.key_id] = key
    working.hold(*known.values())
    endpoint = member.endpoint if statement.endpoint is None else statement.endpoint or None
    via = member.via if statement.via is None else statement.via
    if member.member == REGISTRY and endpoint is None:
        misfit("the registrars have an endpoint")
    return replace(member, keys=tuple(known.values()), endpoint=endpoint, via=via)


def _fresh(member: Member, statement: Statement) -> list[UseLine]:
    known = {key.key_id for key in member.keys}
    return [use for use in statement.uses if use.key_id not in known]


def _retired(key: RegisteredKey, use: UseLine, at: int) -> RegisteredKey:
    if use.use is not key.use or use.start != key.start or use.end > key.end:
        raise RejectedError(
            "statement_oversteps", "of a key that is registered only the end may change, to earlier"
        )
    if use.end < min(at, key.end):  # that would be a revocation, which says so
        raise RejectedError("statement_oversteps", "a key does not end before it is said to")
    return replace(key, end=use.end)


def _within_a_day(member: Member, statement: Statement) -> tuple[tuple[Chain, int], ...]:
    recent = tuple(item for item in member.rotations if item[1] > statement.at - DAY_S)
    if sum(chain is statement.chain for chain, _ in recent) >= ROTATIONS_A_DAY:
        raise RejectedError(
            "rotations_too_many",
            f"keys change at most {ROTATIONS_A_DAY} times a day in one chain; a statement may "
            "change many at once",
        )
    return (*recent, (statement.chain, statement.at))
