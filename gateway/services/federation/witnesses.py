"""What the witnesses that the registry names say of its head, and what follows from it."""

from collections.abc import Sequence

from gateway.errors import UnavailableError
from keys.registry.grammar import parse_statement
from keys.registry.member import Member
from keys.registry.statement import Kind
from keys.registry.view import View
from keys.registry.witnessed import witnessed_time
from keys.suite import KeyUse
from keys.tlog.cosignature import WitnessKeys, cosignature_time, cosignatures
from keys.tlog.note import encode_note, parse_note


def witnessed_at(view: View, head: bytes) -> int | None:
    """Return the time that a quorum of the witnesses vouches for, None without a quorum.

    Raises RejectedError ``cosignature_invalid``.
    """
    return witnessed_time(head, view.witnessing(), view.witnesses.quorum)


def settled(view: View, head: bytes) -> bytes:
    """Return a head with the signatures that count alone: the log's, and each witness's newest.

    Anybody may have added lines on the way. Raises RejectedError ``cosignature_invalid``.
    """
    note = parse_note(head)
    logs = {(key.name, key.key_hash) for key in view.log_keys()}
    kept = [line for line in note.signatures if (line.name, line.key_hash) in logs]
    for witness in view.witnessing():
        pairs = [lines for keys in witness_keys(witness) if (lines := cosignatures(head, keys))]
        if pairs:
            newest = max(pairs, key=lambda lines: cosignature_time(lines[0]))
            kept += newest
    return encode_note(note.text, kept)


def witness_keys(member: Member) -> list[WitnessKeys]:
    """Return the keys by which a member's cosignatures are known, the oldest first."""
    return [
        (key.verifier, key.post_quantum)
        for key in member.keys_for(KeyUse.WITNESS)
        if key.post_quantum is not None and key.revoked_since is None
    ]


def check_witnessed(view: View, notes: Sequence[bytes], head: bytes) -> None:
    """Let a head pass that completes no recovery, or that a quorum of the witnesses has cosigned.

    ``notes`` are the statements that the head brings, ``view`` what it says after them. A witness
    that holds a veto cosigns no such head; one that was itself recovered by it does not count.

    Raises UnavailableError ``registry_unwitnessed``: the cosignatures may still come.
    """
    statements = [parse_statement(note).statement for note in notes]
    recovered = {item.member for item in statements if item.kind is Kind.RECOVERED}
    if not recovered or not view.witnesses.quorum:
        return
    others = [member for member in view.witnessing() if member.member not in recovered]
    if witnessed_time(head, others, view.witnesses.quorum) is None:
        raise UnavailableError(
            "registry_unwitnessed",
            f"the registry shows {', '.join(sorted(recovered))} recovered, and its witnesses have "
            "not cosigned that yet",
            retry_after_s=10,
        )
