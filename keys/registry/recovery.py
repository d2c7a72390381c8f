"""``recover``, ``recovered`` and ``veto``: how a member that lost every key comes back.

Slow, loud, and stopped by whoever still holds the roots: thirty days lie between the two
statements, by the clocks of the witnesses that were named when the recovery began.
"""

from collections.abc import Sequence
from dataclasses import replace

from keys.errors import RejectedError
from keys.registry.authority import verify_authority
from keys.registry.member import Member, Recovery, RegisteredKey
from keys.registry.rotation import revealed, revoked, without_recovery
from keys.registry.statement import REGISTRY, Chain, SignedStatement
from keys.registry.witnessed import classical_begin, classical_time
from keys.registry.working import Working, check_silent, misfit, proofs_of
from keys.suite import KeyUse
from keys.tlog.checkpoint import VerifiedCheckpoint, verify_checkpoint

RECOVERY_S = 30 * 86_400


def apply_recover(working: Working, signed: SignedStatement) -> None:
    """Begin a recovery: the registrars' threshold signs, the proposed roots', each proposed key.

    Nothing changes yet. Another one takes its place, and the thirty days begin anew.
    """
    statement = signed.statement
    member = working.member(statement)
    if statement.member == REGISTRY:
        raise RejectedError(
            "registry_not_recoverable", "the registrars change by rotation alone, never by recovery"
        )
    working.follow(member, statement, Chain.ISSUER)
    check_silent(statement, "root", "next", "uses", "endpoint", "via")
    if statement.root is None or statement.next is None:
        misfit("a recovery proposes a root set and commits to the next")
    if not working.witnesses.quorum:
        raise RejectedError(
            "witnesses_missing",
            "a recovery is timed by witnesses, and the registry names none: admit the member anew, "
            "as its own successor",
        )
    working.reveal(statement.member, statement.root)
    for use in statement.uses:
        working.reserve(statement, use)
    authorities = (working.registrars, statement.root)
    verify_authority(signed.note, authorities, proofs_of(statement.uses))
    recovery = Recovery(
        proposal=signed.digest,
        size=working.frontier.size + 1,
        root=statement.root,
        next=statement.next,
        uses=statement.uses,
        endpoint=statement.endpoint,
        via=statement.via,
        witnesses=working.witnesses,
    )
    working.keep(replace(member, recovery=recovery), signed)
    working.heads[working.frontier.size] = working.frontier.root()


def apply_recovered(working: Working, signed: SignedStatement) -> None:
    """Complete it: registrars and proposed roots sign, over two cosigned heads 30 days apart.

    The member is what the recovery proposed; every key that it had before is revoked.
    """
    statement = signed.statement
    member = working.member(statement)
    working.follow(member, statement, Chain.ISSUER)
    check_silent(statement, "checkpoints")
    recovery = _under_way(member)
    verify_authority(signed.note, (working.registrars, recovery.root))
    _check_time(working, recovery, statement.checkpoints)
    keys = {key.key_id: key for key in member.keys}
    for key in member.keys:
        keys = revoked(keys, key.key_id, statement.at, statement.at)
    for use in recovery.uses:
        keys[use.key_id] = working.registered(statement, use)
    working.hold(*keys.values())
    endpoint = member.endpoint if recovery.endpoint is None else recovery.endpoint or None
    member = replace(
        member,
        root=recovery.root,
        next=recovery.next,
        keys=tuple(keys.values()),
        endpoint=endpoint,
        via=member.via if recovery.via is None else recovery.via,
        suspended_by=member.suspended_by - {Chain.ROOT},
        suspension_spent=False,
        recovery=None,
    )
    working.keep(member, signed)


def apply_veto(working: Working, signed: SignedStatement) -> None:
    """End a recovery: the roots in force sign, or the committed next ones as they are shown."""
    statement = signed.statement
    member = working.member(statement)
    _check_veto(working, member, signed)
    working.keep(without_recovery(member), signed)


def check_veto(working: Working, signed: SignedStatement) -> Member:
    """Return the member whose veto this is, if it would stand now.

    Raises RejectedError ``statement_misfit``, ``recovery_unknown``, ``recovery_vetoed``,
    ``next_not_committed`` or what its place or signatures lack.
    """
    member = working.member(signed.statement)
    _check_veto(working, member, signed)
    return member


def _check_veto(working: Working, member: Member, signed: SignedStatement) -> None:
    statement = signed.statement
    working.follow(member, statement, Chain.ROOT, Chain.NEXT)
    _under_way(member)
    if statement.chain is Chain.ROOT:
        check_silent(statement)
        root = member.root
    else:
        check_silent(statement, "root")
        root = revealed(member, statement)
    verify_authority(signed.note, (root,))


def _under_way(member: Member) -> Recovery:
    recovery = member.recovery
    if recovery is None:
        raise RejectedError("recovery_unknown", f"no recovery of {member.member} is under way")
    if recovery.vetoed:
        raise RejectedError(
            "recovery_vetoed",
            f"the recovery of {member.member} was vetoed by who holds its roots",
        )
    return recovery


def _check_time(working: Working, recovery: Recovery, encoded: Sequence[bytes]) -> None:
    """Let a recovery pass that its witnesses saw for thirty days.

    From when a quorum had seen it begin until when a quorum still saw it: fewer who lie make that
    no longer.

    Raises RejectedError ``recovery_checkpoint_wrong``, ``recovery_unwitnessed`` or
    ``recovery_too_early``.
    """
    if len(encoded) != 2:  # noqa: PLR2004 - the beginning and the end
        misfit("a recovery is completed with two cosigned heads")
    members = [working.members[name] for name in recovery.witnesses.members]
    times = []
    for note, when in zip(encoded, (classical_begin, classical_time), strict=True):
        head = _verified(working, note)
        if head.size < recovery.size or working.heads.get(head.size) != head.root:
            raise RejectedError(
                "recovery_checkpoint_wrong",
                "a head shown is not one of this registry since the recovery began",
            )
        time = when(note, members, recovery.witnesses.quorum)
        if time is None:
            raise RejectedError(
                "recovery_unwitnessed",
                f"a head shown lacks the {recovery.witnesses.quorum} cosignatures of the "
                "witnesses named when the recovery began",
            )
        times.append(time)
    if times[1] - times[0] < RECOVERY_S:
        raise RejectedError(
            "recovery_too_early",
            f"{max(0, times[1] - times[0]) // 86_400} of the 30 witnessed days are over",
        )


def _verified(working: Working, note: bytes) -> VerifiedCheckpoint:
    fault: RejectedError | None = None
    origin = f"{working.federation}/registry"
    for key in log_keys(working.members[REGISTRY].keys):
        try:
            return verify_checkpoint(note, origin, key.verifying_for(origin))
        except RejectedError as reason:
            fault = reason
    raise RejectedError(
        "recovery_checkpoint_wrong", "a head shown is not signed by the registrars"
    ) from fault


def log_keys(keys: Sequence[RegisteredKey]) -> list[RegisteredKey]:
    """Return the keys that sign a log's heads and were never revoked."""
    return [key for key in keys if key.use is KeyUse.LOG and key.revoked_since is None]
