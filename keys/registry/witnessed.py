"""Witnessed time: when enough of the members that the registry names as witnesses saw a head.

With a quorum of k, it is the k-th latest of their cosignatures: at least k witnesses had seen the
head by then, and k of them have seen it since. Source: keys/README.md, "Witnesses".
"""

from collections.abc import Callable, Sequence

from keys.registry.member import Member, RegisteredKey
from keys.suite import KeyUse
from keys.tlog.cosignature import cosigned_at
from keys.tlog.note import VerifierKey

_Halves = Callable[[RegisteredKey], tuple[VerifierKey, ...]]


def witnessed_time(checkpoint: bytes, witnesses: Sequence[Member], quorum: int) -> int | None:
    """Return when a head was witnessed, UTC seconds; None without a quorum.

    A witness counts with both its signatures. Raises RejectedError ``cosignature_invalid``.
    """
    return _time(checkpoint, witnesses, quorum, _both)


def classical_time(checkpoint: bytes, witnesses: Sequence[Member], quorum: int) -> int | None:
    """Return the same by the Ed25519 signatures alone: a statement has no room for the others."""
    return _time(checkpoint, witnesses, quorum, lambda key: (key.verifier,))


def _time(
    checkpoint: bytes, witnesses: Sequence[Member], quorum: int, halves: _Halves
) -> int | None:
    if quorum < 1:
        return None
    found = [_seen_by(checkpoint, member, halves) for member in witnesses]
    times = sorted((time for time in found if time is not None), reverse=True)
    return times[quorum - 1] if len(times) >= quorum else None


def _seen_by(checkpoint: bytes, witness: Member, halves: _Halves) -> int | None:
    """Return when a witness saw a head, by a key of its that was good then and is not revoked."""
    times = []
    for key in witness.keys_for(KeyUse.WITNESS):
        if key.revoked_since is None:
            time = cosigned_at(checkpoint, halves(key))
            if time is not None and key.start <= time < key.end:
                times.append(time)
    return max(times, default=None)


def _both(key: RegisteredKey) -> tuple[VerifierKey, ...]:
    return (key.verifier,) if key.post_quantum is None else (key.verifier, key.post_quantum)
