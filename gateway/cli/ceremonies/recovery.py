"""The end of a recovery: written from the two cosigned heads that the registrar's node holds."""

from dataclasses import replace
from pathlib import Path

from gateway.cli.terminal.console import when
from gateway.cli.terminal.options import settings_of
from gateway.errors import ConflictError, RejectedError
from keys.registry.draft import follow
from keys.registry.member import Member, Recovery
from keys.registry.recovery import RECOVERY_S
from keys.registry.statement import Chain, Kind, Statement
from keys.registry.view import View
from keys.registry.witnessed import classical_begin, classical_time
from keys.suite import KeyUse, MemberId
from keys.tlog.note import encode_note, parse_note


def completed(view: View, member: MemberId, folder: Path, now: int) -> Statement:
    """Propose to complete a member's recovery.

    Raises RejectedError ``recovery_unknown`` or ``recovery_vetoed``; ConflictError
    ``recovery_unwitnessed`` or ``recovery_too_early``, with the day from which on it can be.
    """
    recovery = view.member(member).recovery
    if recovery is None:
        raise RejectedError("recovery_unknown", f"no recovery of {member} is under way")
    if recovery.vetoed:
        raise RejectedError(
            "recovery_vetoed", f"the recovery of {member} was vetoed by who holds its roots"
        )
    first, newest = _heads(folder, member, recovery)
    witnesses = [view.members[name] for name in recovery.witnesses.members]
    quorum = recovery.witnesses.quorum
    began = classical_begin(first, witnesses, quorum)
    seen = classical_time(newest, witnesses, quorum)
    if began is None or seen is None:
        raise ConflictError(
            "recovery_unwitnessed", "the newest head is not cosigned by enough witnesses yet"
        )
    if seen - began < RECOVERY_S:
        raise ConflictError(
            "recovery_too_early",
            f"the recovery of {member} can be completed from {when(began + RECOVERY_S)} on, by the "
            "clocks of the witnesses",
        )
    placed = follow(view, Kind.RECOVERED, member, Chain.ISSUER, at=now)
    heads = tuple(_classical(head, view, witnesses) for head in (first, newest))
    return replace(placed, checkpoints=heads)


def _heads(folder: Path, member: MemberId, recovery: Recovery) -> tuple[bytes, bytes]:
    from gateway.store import recoveries, registry  # noqa: PLC0415 - loaded when a folder is read
    from gateway.store.database import Database  # noqa: PLC0415 - the same

    database = Database.open(settings_of(folder).database_url)
    try:
        held, newest = database.read_now(lambda tx: (recoveries.first_heads(tx), registry.head(tx)))
    finally:
        database.close()
    first = held.get((member, recovery.proposal))
    if first is None or newest is None:
        raise ConflictError(
            "recovery_unwitnessed",
            f"this node holds no cosigned head since the recovery of {member} began: its daemon "
            "keeps the first one that enough witnesses cosigned",
        )
    return first, newest


def _classical(head: bytes, view: View, witnesses: list[Member]) -> bytes:
    """Return a head with the signatures that a statement has room for: none of ML-DSA-44."""
    kept = {(key.name, key.key_hash) for key in view.log_keys()}
    kept |= {
        (key.verifier.name, key.verifier.key_hash)
        for member in witnesses
        for key in member.keys_for(KeyUse.WITNESS)
    }
    note = parse_note(head)
    return encode_note(
        note.text, [line for line in note.signatures if (line.name, line.key_hash) in kept]
    )
